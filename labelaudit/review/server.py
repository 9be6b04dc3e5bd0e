"""The page's server: one address on this machine, until Ctrl-C.

The socket listens before the address is told to anybody, so that a browser may open it at once. Left out: addresses
that other machines can reach; use an SSH tunnel.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from labelaudit.errors import RunError
from labelaudit.review.app import Report, Rerank, build_app
from labelaudit.review.guard import Base
from labelaudit.review.session import Session

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
_HEADERS = 32_768
"""Bytes of a request's headers at most: a browser sends the cookies of every review on this machine."""
_PATIENCE = 2
"""Seconds that requests in flight get to end."""


def listen(port: int = 0) -> socket.socket:
    """A listening socket on this machine; ``port`` 0 takes a free one.

    Raises:
        RunError: the port is taken or not allowed.
    """
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((HOST, port))
        place.listen(128)
    except OSError as error:
        place.close()
        raise RunError(f"port {port} cannot be used ({error.strerror or error}): choose another with `port`") from error
    return place


def serve(
    session: Session,
    place: socket.socket,
    token: str,
    *,
    ready: Callable[[str], None],
    report: Report | None = None,
    rerank: Rerank | None = None,
    base: Base = Base(),  # noqa: B008  immutable
) -> None:
    """Show ``session`` on the socket ``place`` until interrupted; ``ready`` is told the address before that.

    ``report`` and ``rerank`` are as in `make_server`; behind a proxy, ``base`` is where the page is reached from
    outside. Ctrl-C ends it as a `KeyboardInterrupt`, after what was asked last is answered.
    """
    server = make_server(session, token, report=report, rerank=rerank, base=base)
    ready(address_of(place, token, base))
    server.run(sockets=[place])


def address_of(place: socket.socket, token: str, base: Base = Base()) -> str:  # noqa: B008  immutable
    """The address that a browser opens: it holds the key to the page."""
    origin = base.origin or f"http://{HOST}:{place.getsockname()[1]}"
    return f"{origin}{base.path}/?token={token}"


def make_server(
    session: Session,
    token: str,
    *,
    report: Report | None = None,
    rerank: Rerank | None = None,
    base: Base = Base(),  # noqa: B008  immutable
) -> uvicorn.Server:
    """The server, to be run on a listening socket.

    ``report`` makes the page that shows all suspects at once, ``rerank`` ranks them anew by the verdicts.
    """
    import uvicorn

    from labelaudit.review.connection import MOST, Connection

    config = uvicorn.Config(
        build_app(session, token, report=report, rerank=rerank, base=base),
        log_level="critical",
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http=Connection,
        ws="none",
        limit_concurrency=MOST,
        h11_max_incomplete_event_size=_HEADERS,
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    return uvicorn.Server(config)
