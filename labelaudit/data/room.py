"""Memory for images that are being decoded: large ones take turns, whatever the number of threads.

Left out: memory of anything else; features and pixels that are kept are counted in the forecast of a scan.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from labelaudit.container import memory_limit
from labelaudit.data.formats import ImageError
from labelaudit.text import size

_TOGETHER = 2**31
"""Bytes that all images being decoded at once may take; a larger one is decoded alone."""
_SMALL = 2**20
"""Bytes that nobody has to wait for."""


class Room:
    """Memory that threads share while they decode."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = 0

    @contextlib.contextmanager
    def taken(self, need: int) -> Iterator[None]:
        """Wait until ``need`` bytes are free, or until nobody decodes; raises `ImageError` where it can never fit."""
        if need < _SMALL:
            yield
            return
        limit = memory_limit()
        if limit is not None and need > limit:
            raise ImageError("oversized", f"decoding it takes up to {size(need)}, this container has {size(limit)}")
        most = _TOGETHER if limit is None else min(_TOGETHER, limit // 4)
        with self._free:
            self._free.wait_for(lambda: not self._taken or self._taken + need <= most)
            self._taken += need
        try:
            yield
        finally:
            with self._free:
                self._taken -= need
                self._free.notify_all()


ROOM = Room()
"""The one room of this process."""
