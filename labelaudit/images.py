"""The source of a dataset's pixels: images by row, as they are stored; some of them, or those of several sources.

Left out: decoding (`labelaudit.data.images`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Images(Protocol):
    """The source of a dataset's pixels. Safe to call from several threads.

    ``encoded(i)`` is the file as stored (JPEG, PNG, …), or for array sources a lossless encoding of row i;
    ``digest`` of an image is the BLAKE2b-128 of these bytes in hexadecimal. Those that are files have ``path(i)`` too,
    which `path_of` asks for.
    """

    def __len__(self) -> int: ...

    def encoded(self, index: int) -> bytes: ...


def path_of(images: Images, index: int) -> str | None:
    """The file of an image, for those who link to it; ``None`` where it has none of its own."""
    finder = getattr(images, "path", None)
    return None if finder is None else finder(index)


class Subset:
    """`Images` that are some ``rows`` (m,) of others."""

    def __init__(self, images: Images, rows: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        self._images, self._rows = images, rows
        self.exposure: Any = getattr(images, "exposure", None)

    def __len__(self) -> int:
        return len(self._rows)

    def encoded(self, index: int) -> bytes:
        return self._images.encoded(int(self._rows[index]))

    def path(self, index: int) -> str | None:
        return path_of(self._images, int(self._rows[index]))


class Joined:
    """`Images` of several sources, one after the other."""

    def __init__(self, parts: Iterable[Images]) -> None:
        self._parts = tuple(parts)
        self._starts = [0, *accumulate(map(len, self._parts))]
        exposures = (*dict.fromkeys(getattr(part, "exposure", None) for part in self._parts),)
        self.exposure: Any = exposures if len(exposures) > 1 else next(iter(exposures), None)
        """That of the parts, or where they differ all of theirs: what is kept of the images is kept by it."""

    def __len__(self) -> int:
        return self._starts[-1]

    def encoded(self, index: int) -> bytes:
        part, row = self._place(index)
        return part.encoded(row)

    def path(self, index: int) -> str | None:
        return path_of(*self._place(index))

    def _place(self, index: int) -> tuple[Images, int]:
        part = bisect_right(self._starts, index) - 1
        return self._parts[part], index - self._starts[part]
