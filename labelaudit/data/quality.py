"""Images in which there is too little to see: blank, nearly blank, or blurred beyond what is usual in the dataset.

A label of such an image may be right, but nobody can tell; that is a reason of its own. Blank is absolute, blurred is
relative to the dataset, so that soft scans and 8-pixel digits are not called blurred. Left out: exposure, compression
and other matters of taste.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import spread_rows
from labelaudit.data.images import ImageError, encoded_of, squeeze
from labelaudit.data.rgb import LUMA
from labelaudit.images import Images
from labelaudit.types import Bools, Finding, Ints, Samples

BLANK = 6.0
"""Standard deviation of the grey values (0-255) below which an image is nearly blank."""
BLURRED = 0.1
"""Share of the dataset's median sharpness below which an image is blurred."""
USUAL = 300
"""Images that the usual sharpness is measured on."""
_SIDE = 128


def find_low_quality(images: Images, rows: Ints, *, workers: int = 2) -> Mapping[int, str]:
    """Those of ``rows`` that are ``nearly blank`` or ``blurred``, with which of the two.

    Images that cannot be decoded are left out: they have a finding already.
    """
    usual = spread_rows(len(images), USUAL if len(rows) else 0)

    def look(row: int) -> tuple[float, float] | None:
        try:
            return measure(squeeze(encoded_of(images, row), [_SIDE])[_SIDE])
        except ImageError:
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


def find_blank(
    samples: Samples, findings: Sequence[Finding], *, audited: tuple[Samples, Sequence[Finding]] | None = None
) -> Bools:
    """(n,) the images with nothing to see, by their ``findings`` of kind ``uniform``: no label of them can be judged.

    None of them where half of a class or more is so: its colour may be what tells it from the others. Which classes
    are so is read off ``audited`` samples and their findings, where the ``samples`` are new beside them.
    """
    blank = _are_uniform(samples, findings)
    whole, inside = (samples, blank) if audited is None else (audited[0], _are_uniform(*audited))
    counts = np.bincount(whole.labels[inside], minlength=len(whole.classes))
    coloured = (2 * counts >= np.maximum(whole.counts(), 1)).any()
    return np.zeros_like(blank) if coloured else blank


def _are_uniform(samples: Samples, findings: Sequence[Finding]) -> Bools:
    paths = {finding.path for finding in findings if finding.kind == "uniform"}
    if not paths:
        return np.zeros(len(samples), dtype=bool)
    return np.fromiter((name in paths for name in samples.ids), dtype=bool, count=len(samples))


def pass_over_blank(findings: Sequence[Finding], samples: Samples, blank: Bools) -> tuple[Finding, ...]:
    """The ``findings`` about two images without those of ``blank`` (n,) ones, which are alike whatever they show."""
    if not blank.any():
        return tuple(findings)
    paths = {samples.ids[row] for row in np.flatnonzero(blank).tolist()}
    return tuple(one for one in findings if one.path not in paths and one.partner not in paths)


def measure(pixels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Contrast and sharpness of (H, W, 3) pixels: standard deviations of the grey values and of their Laplacian."""
    grey = pixels.astype(np.float32) @ LUMA
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(grey.std()), float(laplacian.std())
