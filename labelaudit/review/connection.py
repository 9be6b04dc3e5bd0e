"""A connection to the page that is closed where no whole request comes: whoever opens hundreds cannot lock others out.

uvicorn limits how long an idle connection may live, not how long half a request may take. Left out: limits per client;
all of them are on this machine.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0
"""Seconds from the first byte, or from connecting, to the end of the request's headers; the same for its body."""
MOST = 500
"""Connections at once; a further one is told to come again."""


class Connection(H11Protocol):
    """One client; `PATIENCE` is counted anew for each request."""

    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._watch is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._watch = self.loop.call_later(PATIENCE, self._give_up)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _give_up(self) -> None:
        self._watch = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()
