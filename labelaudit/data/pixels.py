"""Images as squares of pixels that networks train on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from labelaudit.data.images import MOST_PIXELS, ImageError, decode, probe, resize
from labelaudit.types import Images, Progress, silent

Pixels = npt.NDArray[np.uint8]


SMALL = 64
"""Longest stored side, in pixels, up to which `auto` considers a network from pixels."""


_PROBED = 64


def typical_side(images: Images) -> int:
    """Median of the longer stored side over up to 64 evenly spread images, in pixels; 0 when none can be read."""
    sides = []
    for row in np.unique(np.linspace(0, len(images) - 1, _PROBED).astype(np.int64)).tolist():
        try:
            sides.append(max(probe(images.encoded(row), max_pixels=MOST_PIXELS)))
        except Exception:
            continue
    return int(np.median(sides)) if sides else 0


def load_pixels(
    images: Images, side: int, *, workers: int = 2, progress: Progress = silent
) -> tuple[Pixels, tuple[tuple[int, str, str], ...]]:
    """All images as (n, side, side, c) uint8 squares, c = 1 when every one is grey, and (row, kind, detail) failures.

    Images that cannot be decoded are black.
    """
    squares = np.zeros((len(images), side, side, 3), dtype=np.uint8)
    failures: list[tuple[int, str, str]] = []
    with ThreadPoolExecutor(workers) as pool:
        for row, square in enumerate(_decoded(images, side, pool)):
            if isinstance(square, ImageError):
                failures.append((row, square.kind, str(square)))
            else:
                squares[row] = square
            if row % 500 == 499 or row == len(images) - 1:
                progress("read pixels", row + 1, len(images))
    grey = all(
        np.array_equal(part[..., 0], part[..., 1]) and np.array_equal(part[..., 0], part[..., 2])
        for part in np.array_split(squares, max(1, len(squares) // 4096))
    )
    return (np.ascontiguousarray(squares[..., :1]) if grey else squares), tuple(failures)


def _decoded(images: Images, side: int, pool: ThreadPoolExecutor) -> Iterator[Pixels | ImageError]:
    def read(row: int) -> Pixels | ImageError:
        try:
            return resize(decode(images.encoded(row), size=side, max_pixels=MOST_PIXELS), side)
        except ImageError as error:
            return error
        except Exception as error:  # whatever a source raises about one image stops no other
            return ImageError("unreadable", getattr(error, "strerror", None) or str(error) or type(error).__name__)

    for start in range(0, len(images), 2048):
        yield from pool.map(read, range(start, min(start + 2048, len(images))))
