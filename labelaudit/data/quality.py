"""Images in which there is too little to see: nearly blank, or blurred beyond what is usual in the dataset.

A label of such an image may be right, but nobody can tell; that is a reason of its own. Blank is absolute, blurred is
relative to the dataset, so that soft scans and 8-pixel digits are not called blurred. Left out: exposure, compression
and other matters of taste.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from labelaudit.data.images import ImageError, squeeze
from labelaudit.types import Images, Ints

BLANK = 6.0
"""Standard deviation of the grey values (0-255) below which an image is nearly blank."""
BLURRED = 0.1
"""Share of the dataset's median sharpness below which an image is blurred."""
_SIDE = 128
_USUAL = 300  # images that the usual sharpness is measured on
_STEP = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of luma, ITU-R BT.601


def find_low_quality(images: Images, rows: Ints, *, workers: int = 2) -> Mapping[int, str]:
    """Those of ``rows`` that are ``nearly blank`` or ``blurred``, with which of the two.

    Images that cannot be decoded are left out: they have a finding already.
    """
    usual = np.unique(np.linspace(0, len(images) - 1, min(len(images), _USUAL)).astype(np.int64))

    def look(row: int) -> tuple[float, float] | None:
        try:
            return measure(squeeze(images.encoded(row), [_SIDE])[_SIDE])
        except (ImageError, OSError):
            return None

    with ThreadPoolExecutor(workers) as pool:
        known = [seen for seen in pool.map(look, usual.tolist()) if seen is not None]
        sharp = float(np.median([sharpness for _, sharpness in known])) if known else 0.0
        found: dict[int, str] = {}
        for row, seen in zip(rows.tolist(), pool.map(look, rows.tolist()), strict=True):
            if seen is not None and seen[0] < BLANK:
                found[row] = "nearly blank"
            elif seen is not None and seen[1] < BLURRED * sharp:
                found[row] = "blurred"
    return found


def measure(pixels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Contrast and sharpness of (H, W, 3) pixels: standard deviations of the grey values and of their Laplacian."""
    grey = pixels.astype(np.float32) @ _STEP
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(grey.std()), float(laplacian.std())
