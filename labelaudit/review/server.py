"""The page's server: one address on this machine, until Ctrl-C.

The socket listens before the address is told to anybody, so that a browser may open it at once. Left out: addresses
that other machines can reach; use an SSH tunnel.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from labelaudit.errors import RunError
from labelaudit.review.guard import Base

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

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


def address_of(place: socket.socket, token: str, base: Base = Base()) -> str:  # noqa: B008  immutable
    """The address that a browser opens: it holds the key to the page."""
    origin = base.origin or f"http://{HOST}:{place.getsockname()[1]}"
    return f"{origin}{base.path}/?token={token}"


def make_server(app: Starlette) -> uvicorn.Server:
    """The server of a page made by `labelaudit.review.app.build_app`, to be run on a listening socket.

    Ctrl-C ends its ``run`` as a `KeyboardInterrupt`, after what was asked last is answered.
    """
    import uvicorn

    from labelaudit.review.connection import MOST, Connection

    config = uvicorn.Config(
        app,
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
