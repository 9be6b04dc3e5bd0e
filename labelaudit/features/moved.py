"""Copies of small images that are moved by a few pixels: augmentation crops them, with a margin added before.

On 32 pixels such a step changes thumbnails and features as much as another subject does. So neighbours are compared
pixel by pixel, in the one position in which they fit best: the peak of their cross-correlation. The part that both show
must be all but equal. Left out: larger images, of which thumbnails hardly change, and copies moved and mirrored.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

from labelaudit.blocks import slices
from labelaudit.data.images import squeeze
from labelaudit.data.pixels import SMALL, typical_side
from labelaudit.features.pairs import AT_ONCE, STANDS_OUT, read_squares
from labelaudit.names import distinct
from labelaudit.types import Floats, Ints, Samples

SIMILARITY = 0.6
"""Least cosine of the features of a pair whose pixels are compared: 134 of 150 copies that were moved by up to three
pixels, with a black margin, and compressed have it, 28 have .8."""
LIKENESS = 0.99
"""Least correlation of the pixels that both images show."""
FARTHEST = 3
"""Pixels that an image may be moved by."""
_SMALLEST = 16

_Pixels = npt.NDArray[np.float32]


def compare_moved(
    samples: Samples, first: Ints, second: Ints, similarity: Floats, *, workers: int = 2
) -> npt.NDArray[np.float64]:
    """(p,) likeness of the pairs ``first`` and ``second`` (p,) that are one image moved by up to `FARTHEST` pixels; 0
    for all others, for those whose features are not alike by their ``similarity`` (p,), and where images are larger
    than `SMALL`."""
    asked = np.flatnonzero(similarity >= SIMILARITY)
    likeness = np.zeros(len(first))
    side = 0 if samples.images is None or not len(asked) else typical_side(samples.images)
    if _SMALLEST <= side <= SMALL:
        likeness[asked] = _compare(samples, first[asked], second[asked], side, workers)
    return likeness


def _compare(samples: Samples, first: Ints, second: Ints, side: int, workers: int) -> Floats:
    """(p,) `compare_moved` of pairs whose features are alike."""

    def show(data: bytes) -> _Pixels:
        square = squeeze(data, [side])[side].astype(np.float32)
        return np.asarray(square - square.mean(), dtype=np.float32)

    likeness = np.zeros(len(first))
    rows = distinct(np.concatenate([first, second]))
    pixels = read_squares(samples, rows, side, show, workers=workers)
    a, b = np.searchsorted(rows, first), np.searchsorted(rows, second)
    size = next_fast_len(side + FARTHEST, real=True)  # around it only moves that are farther would meet
    spectra = rfft2(pixels.mean(axis=3), s=(size, size))
    for part in slices(len(a), AT_ONCE):
        down, right = _place(spectra[a[part]], spectra[b[part]], side, size)
        for move in sorted({*zip(down.tolist(), right.tolist(), strict=True)} - {(0, 0)}):
            some = np.flatnonzero((down == move[0]) & (right == move[1])) + part.start
            moved = _correlate(pixels[a[some]], pixels[b[some]], *move)
            alike = moved >= LIKENESS
            some, moved = some[alike], moved[alike]
            still = _correlate(pixels[a[some]], pixels[b[some]], 0, 0)
            likeness[some] = np.where(STANDS_OUT * (1 - moved) <= 1 - still, moved, 0)
    return likeness


def _place(one: npt.NDArray[np.complex64], other: npt.NDArray[np.complex64], side: int, size: int) -> tuple[Ints, Ints]:
    """Pixels (p,) down and (p,) to the right by which each first image is moved against the second, where they fit
    best; both are given as spectra of images of this ``side`` with a margin of zeros up to ``size``."""
    fits = irfft2(one * other.conj(), s=(size, size))
    steps = np.arange(-FARTHEST, FARTHEST + 1)
    near = fits[:, steps[:, None], steps]
    overlap = (side - np.abs(steps))[:, None] * (side - np.abs(steps))
    best = (near / overlap).reshape(len(near), -1).argmax(axis=1)
    return steps[best // len(steps)], steps[best % len(steps)]


def _correlate(one: _Pixels, other: _Pixels, down: int, right: int) -> Floats:
    """(p,) correlation of what both images show, the first of each pair moved ``down`` and to the ``right``."""
    side = one.shape[1]
    a = one[:, max(0, down) : side + min(0, down), max(0, right) : side + min(0, right)]
    b = other[:, max(0, -down) : side + min(0, -down), max(0, -right) : side + min(0, -right)]
    a, b = (x - x.mean(axis=(1, 2, 3), keepdims=True) for x in (a, b))
    lengths = np.sqrt(np.einsum("pijc,pijc->p", a, a) * np.einsum("pijc,pijc->p", b, b))
    return np.asarray(np.einsum("pijc,pijc->p", a, b) / np.maximum(lengths, 1e-6))
