"""Lets only a browser on this machine that was given the token speak to the page.

Binding to loopback does not keep other people's web pages out, which run in the same browser. So: every request needs
the token, first in the address and from then on in a cookie that scripts cannot read and other sites cannot send; a
Host that is not this machine is refused, which ends DNS rebinding; a write needs the page's own Origin. Host and Origin
may name any port, because an SSH tunnel may end at another one. What is sent back runs no foreign script, is framed by
nobody and tells nobody where it came from. Left out: TLS, which a loopback address does not need.
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labelaudit.errors import OptionError

_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_CLOSED = "Open the address that labelaudit review printed: it holds the key to this page.\n"


class Base(NamedTuple):
    """The address under which the page is reached through a proxy; empty if it is reached directly."""

    origin: str = ""
    """Such as ``https://hub.example.org``."""
    path: str = ""
    """Such as ``/user/ann/proxy/9000``, without a slash at its end."""

    @classmethod
    def of(cls, text: str) -> Base:
        """``text`` as a person gives it, a path or a whole address.

        >>> Base.of("https://hub.example.org/user/ann/"), Base.of("proxy/9000")
        (Base(origin='https://hub.example.org', path='/user/ann'), Base(origin='', path='/proxy/9000'))
        """
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise OptionError(
                f"`base_path` '{text}' is no address ({error}): give a path, or a whole address"
            ) from None
        if parts.scheme not in ("", "http", "https") or parts.query or parts.fragment or "@" in parts.netloc:
            raise OptionError(f"`base_path` '{text}' must be a path, or an http address without query")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise OptionError(f"`base_path` '{text}' must be as in an address: ASCII, what is not with %, no spaces")
        origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        path = "/".join(part for part in parts.path.split("/") if part)
        return cls(origin, f"/{path}" if path else "")


class Guard:
    """ASGI middleware that lets nobody through without the ``token``."""

    def __init__(self, app: ASGIApp, token: str, base: Base = Base()) -> None:  # noqa: B008  immutable
        self.app, self.token, self.base = app, token, base
        self.cookie = f"labelaudit-{token[:8]}"
        """Its own name for each server: cookies do not know ports, and several reviews may run at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no websockets, and nothing to start or end
        # some proxies take the path off, some leave it there
        if self.base.path and f"{scope['path']}/".startswith(f"{self.base.path}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self.base.path) or "/"}
        headers = Headers(scope=scope)
        invited = self._invited(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                answer.setdefault("cache-control", "no-store")
                if invited:
                    answer["set-cookie"] = (
                        f"{self.cookie}={self.token}; Path={self.base.path or '/'}; HttpOnly; SameSite=Strict"
                    )
            await send(message)

        refusal = self._refusal(scope, headers, invited)
        app = self.app if refusal is None else refusal
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers, invited: bool) -> PlainTextResponse | None:
        """The answer to a request that must not get through."""
        host = headers.get("host", "")
        if not _HOST.fullmatch(host) and host != self.base.origin.partition("://")[2]:
            return PlainTextResponse("This page answers to 127.0.0.1 and localhost only.\n", 421)
        if not (invited or self._known(headers)):
            return PlainTextResponse(_CLOSED, 403)
        own = (f"http://{host}", *filter(None, [self.base.origin]))  # where the page itself may come from
        if scope["method"] not in ("GET", "HEAD") and headers.get("origin") not in own:
            return PlainTextResponse("Only the page itself may write.\n", 403)
        return None

    def _invited(self, scope: Scope) -> bool:
        """Whether the address of the page carries the token."""
        if scope["path"] not in ("/", "/report") or scope["method"] not in ("GET", "HEAD"):
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _known(self, headers: Headers) -> bool:
        """Whether a cookie carries the token. Those of other pages on this machine stand beside it and may hold
        anything, such as JSON, where `http.cookies` reads none of them."""
        held = [part.strip().partition("=") for part in headers.get("cookie", "").split(";")]
        own = [value for name, _, value in held if name == self.cookie]
        return any(hmac.compare_digest(value.encode(), self.token.encode()) for value in own)
