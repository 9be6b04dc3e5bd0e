"""Small squares of the images that may be copies: thumbnails, each read once and kept beside the features.

Left out: what is compared in them (`labelaudit.features.pairs`, `labelaudit.features.moved`).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from labelaudit.blocks import slices
from labelaudit.data.images import ImageError, Pixels, encoded_of, thumbnail
from labelaudit.errors import RunError
from labelaudit.features.store import PIXELS_VERSION, FeatureStore, content_keys
from labelaudit.images import Images
from labelaudit.machine import Machine
from labelaudit.types import Bools, Ints, Samples

SIDE = 16
"""Pixels of a side."""
_AT_ONCE = 32
"""Images that a thread reads before it hands them over."""
_KEPT_AT_ONCE = 4096
_NUMBERS = SIDE * SIDE * 3 // 4
"""Numbers of four bytes, as the store holds them, that a thumbnail fills."""


class Thumbnails:
    """The thumbnails of a dataset's images, read when they are first asked for.

    They stay in memory, 768 bytes each, and in the cache of ``machine`` under the content of the image, as features do.
    Where nothing can be kept there they are read again next time.
    """

    def __init__(self, samples: Samples, machine: Machine | None = None) -> None:
        assert samples.images is not None
        machine = machine or Machine()
        self.images, self.workers, self.progress = samples.images, machine.workers, machine.progress
        self._squares = np.zeros((len(samples), SIDE, SIDE, 3), dtype=np.uint8)  # takes memory where it is written to
        self._known = np.zeros(len(samples), dtype=np.bool_)
        self._keys = content_keys(samples.images, samples.digests)
        self._store = None
        if machine.cache is not None:
            try:
                self._store = FeatureStore(machine.cache, f"thumbnail@{SIDE}", {"pixels": PIXELS_VERSION}, _NUMBERS)
            except RunError:
                self._store = None

    def read(self, rows: Ints) -> Pixels:
        """(r, 16, 16, 3) thumbnails of ``rows`` (r,), distinct ones; black where an image cannot be read."""
        new = rows[~self._known[rows]]
        self._squares[new] = self._find(new)
        self._known[new] = True
        return np.asarray(self._squares[rows])

    def _find(self, rows: Ints) -> Pixels:
        """(r, 16, 16, 3) of ``rows`` from the store, and those it lacks from the images."""
        squares = np.zeros((len(rows), SIDE, SIDE, 3), dtype=np.uint8)
        missing = np.ones(len(rows), dtype=np.bool_)
        if self._store is not None:
            stored = self._store.find(self._keys[rows])
            known = np.flatnonzero(stored >= 0)
            values, intact = self._store.read(stored[known])
            squares[known] = values.view(np.uint8).reshape(-1, SIDE, SIDE, 3)
            missing[known[intact]] = False
        todo = np.flatnonzero(missing)
        for part in slices(len(todo), _KEPT_AT_ONCE):
            some = todo[part]
            squares[some], read = read_squares(
                self.images, rows[some], SIDE, lambda data: thumbnail(data, SIDE), workers=self.workers
            )
            self._keep(rows[some[read]], squares[some[read]])
            self.progress("duplicates", part.start + len(some), len(todo))
        return squares

    def _keep(self, rows: Ints, squares: Pixels) -> None:
        if self._store is not None and len(rows):
            try:
                self._store.append(self._keys[rows], squares.reshape(len(rows), -1).view("<f4"))
            except RunError:
                self._store = None


def read_squares(
    images: Images, rows: Ints, side: int, show: Callable[[bytes], Pixels], *, workers: int
) -> tuple[Pixels, Bools]:
    """(r, side, side, 3) what ``show`` makes of the bytes of each image of ``rows`` (r,), and (r,) whether it could be
    read; those that could not are black."""
    squares = np.zeros((len(rows), side, side, 3), dtype=np.uint8)
    read = np.zeros(len(rows), dtype=np.bool_)

    def work(part: slice) -> None:
        for at, row in enumerate(rows[part].tolist(), part.start):
            try:
                squares[at] = show(encoded_of(images, row))
            except ImageError:
                continue
            read[at] = True

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="duplicates") as pool:
        for _ in pool.map(work, slices(len(rows), _AT_ONCE)):
            pass
    return squares, read
