"""Copies of small images that are moved by a few pixels: augmentation crops them, with a margin added before.

On 32 pixels such a step changes thumbnails and features as much as another subject does. So neighbours are compared in
the one position in which they fit best: first by the slow waves of their thumbnails, which few pairs pass, then pixel
by pixel, where the part that both show must be all but equal. Left out: larger images, of which thumbnails hardly
change, and copies moved and mirrored.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

from labelaudit.blocks import slices
from labelaudit.data.images import Pixels, squeeze
from labelaudit.data.pixels import SMALL, typical_side
from labelaudit.features.pairs import AT_ONCE, STANDS_OUT
from labelaudit.features.thumbnails import SIDE, Thumbnails, read_squares
from labelaudit.names import distinct
from labelaudit.types import Bools, Floats, Ints

SIMILARITY = 0.6
"""Least cosine of the features of a pair whose pixels are compared: 134 of 150 copies that were moved by up to three
pixels, with a black margin, and compressed have it, 28 have .8."""
LIKENESS = 0.99
"""Least correlation of the pixels that both images show."""
FARTHEST = 3
"""Pixels that an image may be moved by."""
OUTLINE = 0.65
"""Least correlation of the slow waves of two thumbnails where they fit best."""
_SMALLEST = 16
_WAVES = 4
"""Periods along a side up to which a wave is slow: of 16 pixels half a pixel's step is seen in them."""

_Array = npt.NDArray[np.float32]
_Spectra = npt.NDArray[np.complex64]


def compare_moved(thumbnails: Thumbnails, first: Ints, second: Ints, similarity: Floats) -> npt.NDArray[np.float64]:
    """(p,) likeness of the pairs ``first`` and ``second`` (p,) that are one image moved by up to `FARTHEST` pixels; 0
    for all others, for those whose features are not alike by their ``similarity`` (p,), and where images are larger
    than `SMALL`."""
    likeness = np.zeros(len(first))
    asked = np.flatnonzero(similarity >= SIMILARITY)
    side = typical_side(thumbnails.images) if len(asked) else 0
    if compares(side):
        asked = asked[_have_one_outline(thumbnails, first[asked], second[asked], side)]
        likeness[asked] = _compare(thumbnails, first[asked], second[asked], side)
    return likeness


def compares(side: int) -> bool:
    """Whether moved copies of images of ``side`` pixels are looked for, which takes the thumbnails of nearly all."""
    return _SMALLEST <= side <= SMALL


def _have_one_outline(thumbnails: Thumbnails, first: Ints, second: Ints, side: int) -> Bools:
    """(p,) whether the slow waves of both images of a pair fit, one moved by up to `FARTHEST` of ``side`` pixels."""
    rows = distinct(np.concatenate([first, second]))
    waves = np.r_[: _WAVES + 1, -_WAVES:0]
    spectra = np.concatenate([_outline(thumbnails.read(rows[part]), waves) for part in slices(len(rows), 4096)])
    steps = 2 * np.pi / side * np.arange(-FARTHEST, FARTHEST + 1)
    turns = np.exp(1j * (steps[:, None, None, None] * waves[:, None] + steps[:, None, None] * waves[: _WAVES + 1]))
    moves = np.ascontiguousarray(turns.reshape(len(steps) ** 2, -1).astype(np.complex64).view(np.float32).T)
    a, b = np.searchsorted(rows, first), np.searchsorted(rows, second)
    fits = np.zeros(len(a), dtype=np.bool_)
    for part in slices(len(a), AT_ONCE):
        shared = spectra[a[part]].conj() * spectra[b[part]]
        fits[part] = (shared.view(np.float32) @ moves).max(axis=1) >= OUTLINE
    return fits


def _outline(squares: Pixels, waves: Ints) -> _Spectra:
    """(r, w) the slow ``waves`` of grey thumbnails (r, side, side, 3) that fade towards their edges, of unit length;
    faster ones count for more, since unlike images too share the slowest."""
    fade = np.sin(np.pi * (np.arange(SIDE) + 1) / (SIDE + 1))
    window = np.outer(fade, fade).astype(np.float32)
    grey = _grey(squares)
    grey -= np.einsum("rij,ij->r", grey, window)[:, None, None] / window.sum()
    weights = np.sqrt(np.hypot(waves[:, None], waves[: _WAVES + 1]) * np.r_[1, [2] * _WAVES]).astype(np.float32)
    spectra = (rfft2(grey * window)[:, waves, : _WAVES + 1] * weights).reshape(len(squares), -1)
    return np.asarray(spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-6), dtype=np.complex64)


def _compare(thumbnails: Thumbnails, first: Ints, second: Ints, side: int) -> Floats:
    """(p,) `compare_moved` of pairs whose features and outlines are alike."""
    likeness = np.zeros(len(first))
    rows = distinct(np.concatenate([first, second]))
    pixels = read_squares(
        thumbnails.images, rows, side, lambda data: squeeze(data, [side])[side], workers=thumbnails.workers
    )[0]
    a, b = np.searchsorted(rows, first), np.searchsorted(rows, second)
    size = next_fast_len(side + FARTHEST, real=True)  # around it only moves that are farther would meet
    down, right = np.zeros(len(a), dtype=np.int64), np.zeros(len(a), dtype=np.int64)
    for part in slices(len(a), AT_ONCE):
        one, other = (rfft2(_center(_grey(pixels[ends[part]])), s=(size, size)) for ends in (a, b))
        down[part], right[part] = _place(one, other, side, size)
    for move in sorted({*zip(down.tolist(), right.tolist(), strict=True)} - {(0, 0)}):
        places = np.flatnonzero((down == move[0]) & (right == move[1]))
        for part in slices(len(places), AT_ONCE):
            some = places[part]
            shown = _center(pixels[a[some]]), _center(pixels[b[some]])
            moved, still = _correlate(*shown, *move), _correlate(*shown, 0, 0)
            alike = (moved >= LIKENESS) & (STANDS_OUT * (1 - moved) <= 1 - still)
            likeness[some] = np.where(alike, moved, 0)
    return likeness


def _grey(squares: Pixels) -> _Array:
    """(r, side, side) sum of red, green and blue: added by themselves in a tenth of the time of a sum over an axis."""
    red, green, blue = np.moveaxis(squares, 3, 0)
    return np.asarray(red.astype(np.float32) + green + blue, dtype=np.float32)


def _center(squares: Pixels | _Array) -> _Array:
    """The ``squares`` (r, ...), each less its mean."""
    values = squares.reshape(len(squares), -1).astype(np.float32)
    return np.asarray(values - values.mean(axis=1, keepdims=True), dtype=np.float32).reshape(squares.shape)


def _place(one: _Spectra, other: _Spectra, side: int, size: int) -> tuple[Ints, Ints]:
    """Pixels (p,) down and (p,) to the right by which each first image is moved against the second, where they fit
    best; both are given as spectra of images of this ``side`` with a margin of zeros up to ``size``."""
    fits = irfft2(one * other.conj(), s=(size, size))
    steps = np.arange(-FARTHEST, FARTHEST + 1)
    near = fits[:, steps[:, None], steps]
    overlap = (side - np.abs(steps))[:, None] * (side - np.abs(steps))
    best = (near / overlap).reshape(len(near), -1).argmax(axis=1)
    return steps[best // len(steps)], steps[best % len(steps)]


def _correlate(one: _Array, other: _Array, down: int, right: int) -> Floats:
    """(p,) correlation of what both images show, the first of each pair moved ``down`` and to the ``right``."""
    side = one.shape[1]
    a = one[:, max(0, down) : side + min(0, down), max(0, right) : side + min(0, right)]
    b = other[:, max(0, -down) : side + min(0, -down), max(0, -right) : side + min(0, -right)]
    a, b = (x - x.mean(axis=(1, 2, 3), keepdims=True) for x in (a, b))
    lengths = np.sqrt(np.einsum("pijc,pijc->p", a, a) * np.einsum("pijc,pijc->p", b, b))
    return np.asarray(np.einsum("pijc,pijc->p", a, b) / np.maximum(lengths, 1e-6))
