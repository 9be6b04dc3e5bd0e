"""Images as squares of pixels that networks train on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.data.images import ImageError, Pixels, encoded_of, probe, squeeze
from labelaudit.data.source import MOST_PIXELS
from labelaudit.errors import DataError
from labelaudit.images import Images, Subset
from labelaudit.types import Bools, Ints, Progress, no_progress

SMALL = 64
"""Longest stored side, in pixels, up to which `auto` considers a network from pixels."""
_PROBED = 64


def typical_side(images: Images) -> int:
    """Median of the longer stored side over up to 64 evenly spread images, in pixels; 0 when none can be read."""
    sides = []
    for row in spread_rows(len(images), _PROBED).tolist():
        with suppress(ImageError):
            sides.append(max(probe(encoded_of(images, row), max_pixels=MOST_PIXELS)))
    return int(np.median(sides)) if sides else 0


def load_pixels(
    images: Images, side: int, *, workers: int = 2, progress: Progress = no_progress
) -> tuple[Pixels, tuple[tuple[int, str, str], ...]]:
    """All images as (n, side, side, c) uint8 squares, c = 1 when every one is grey, and (row, kind, detail) failures.

    Images that cannot be decoded are black.
    """
    squares = np.zeros((len(images), side, side, 3), dtype=np.uint8)
    failures, grey = _decode_all(images, side, workers, "read pixels", progress, squares.__setitem__)
    return (np.ascontiguousarray(squares[..., :1]) if grey else squares), failures


class Squares:
    """The squares of `load_pixels`, decoded when they are asked for: of datasets that do not fit in memory.

    It has of an array (n, side, side, c) of uint8 what training asks of one.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, images: Images, side: int, *, channels: int = 3, workers: int = 2, key: str = "") -> None:
        self.images, self.key, self._workers = images, key, workers
        self.shape = (len(images), side, side, channels)
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Ints | slice) -> Pixels:
        """Some squares (m, side, side, c); raises `DataError` for an image that has become unreadable since."""
        index = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        _, side, _, channels = self.shape
        self._pool = self._pool or ThreadPoolExecutor(self._workers)
        squares = np.empty((len(index), side, side, channels), dtype=np.uint8)
        for place, square in enumerate(_decoded(Subset(self.images, index), side, self._pool)):
            if isinstance(square, ImageError):
                raise DataError(f"image {index[place]} cannot be read any more ({square}): has the dataset changed?")
            squares[place] = square[..., :channels]
        return squares

    def check(self, progress: Progress = no_progress) -> tuple[tuple[int, str, str], ...]:
        """Decode everything once: (row, kind, detail) failures, as of `load_pixels`; grey becomes one channel."""
        failures, grey = _decode_all(self.images, self.shape[1], self._workers, "check pixels", progress)
        self.shape = (*self.shape[:3], 1 if grey else 3)
        return failures

    def take(self, rows: Bools, *, channels: int | None = None) -> Squares:
        """Some of them, perhaps in colour where these are grey."""
        images = Subset(self.images, np.flatnonzero(rows))
        return Squares(images, self.shape[1], channels=channels or self.shape[3], workers=self._workers, key=self.key)


def _decode_all(
    images: Images,
    side: int,
    workers: int,
    stage: str,
    progress: Progress,
    keep: Callable[[int, Pixels], None] = lambda *_: None,
) -> tuple[tuple[tuple[int, str, str], ...], bool]:
    """Give the square of every image to ``keep``: (row, kind, detail) failures, and whether all squares are grey."""
    failures, grey = list[tuple[int, str, str]](), True
    with ThreadPoolExecutor(workers) as pool:
        for row, square in enumerate(_decoded(images, side, pool)):
            if isinstance(square, ImageError):
                failures.append((row, square.kind, str(square)))
            else:
                keep(row, square)
                grey = grey and _is_grey(square)
            if row % 500 == 499 or row == len(images) - 1:
                progress(stage, row + 1, len(images))
    return tuple(failures), grey


def _is_grey(square: Pixels) -> bool:
    """Whether red, green and blue are the same; bytes are compared in a quarter of the time that NumPy takes."""
    values = square.tobytes()
    return values[::3] == values[1::3] == values[2::3]


def _decoded(images: Images, side: int, pool: ThreadPoolExecutor) -> Iterator[Pixels | ImageError]:
    def read(row: int) -> Pixels | ImageError:
        try:
            return squeeze(encoded_of(images, row), [side])[side]
        except ImageError as error:
            return error

    for start in range(0, len(images), 2048):
        yield from pool.map(read, range(start, min(start + 2048, len(images))))
