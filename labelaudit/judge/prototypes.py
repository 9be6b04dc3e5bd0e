"""Class prototypes, left-one-out: how alike an image is to the mean image of each class, itself not counted.

The score of class c is the cosine of the image's vector to the sum of the vectors given that label, those of its own
group left out; probabilities are its softmax at the sharpness that the given labels like best. Nothing is chosen and
little can be learned, mistakes neither: weak where a class has several faces, the best of all models where labels are
systematically wrong and images few. Left out: several prototypes a class.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.judge.linear import HeldOut, Linear, find_sharpness
from labelaudit.judge.ridge import group_rows
from labelaudit.judge.scores import softmax
from labelaudit.types import Floats, Ints

_CHUNK = 8192
_LEAST = 1e-5  # length of a sum below which it is rounding


def fit(x: npt.NDArray[np.float32], labels: Ints, classes: int, *, groups: Ints | None = None) -> HeldOut:
    """Fit to all samples, and judge each by the prototypes of all samples outside its group.

    A class of which nothing is left has the cosine 0.

    Args:
        x: (n, d) vectors of unit length; zero where nothing is known of an image.
        labels: (n,) in [0, C).
        classes: C.
        groups: (n,) samples with equal numbers are left out together; each is a group of its own by default.
    """
    sums = _class_sums(x, labels, classes)
    length = np.square(sums).sum(axis=1)
    cosines = np.empty((len(x), classes), dtype=np.float64)
    for start in range(0, len(x), _CHUNK):
        rows = slice(start, start + _CHUNK)
        cosines[rows] = _leave_one_out(np.asarray(x[rows], dtype=np.float64), labels[rows], sums, length)
    for members in group_rows(groups):
        some = np.asarray(x[members], dtype=np.float64)
        rest = sums - _class_sums(some, labels[members], classes)
        cosines[members] = _cosines(some @ rest.T, np.square(rest).sum(axis=1))
    sharpness, _ = find_sharpness(cosines, labels)
    return HeldOut(
        probs=np.asarray(softmax(sharpness * cosines), dtype=np.float32),
        model=Linear(
            directions=np.asarray(sharpness * _cosines(sums.T, length), dtype=np.float32),
            offset=np.zeros(classes, dtype=np.float32),
        ),
    )


def _class_sums(x: Floats, labels: Ints, classes: int) -> npt.NDArray[np.float64]:
    """(C, d) sums of the vectors of each label."""
    sums = np.zeros((classes, x.shape[1]))
    for start in range(0, len(x), _CHUNK):
        some, given = x[start : start + _CHUNK], labels[start : start + _CHUNK]
        order = np.argsort(given, kind="stable")
        present, first = np.unique(given[order], return_index=True)
        sums[present] += np.add.reduceat(np.asarray(some[order], dtype=np.float64), first, axis=0)
    return sums


def _leave_one_out(x: Floats, labels: Ints, sums: Floats, length: Floats) -> Floats:
    """(m, C) cosines of ``x`` (m, d) to class sums that each vector is taken out of."""
    rows = np.arange(len(x))
    own = np.square(x).sum(axis=1)
    inner = x @ sums.T
    lengths = np.repeat(length[None], len(x), axis=0)
    lengths[rows, labels] += own - 2 * inner[rows, labels]
    inner[rows, labels] -= own
    return _cosines(inner, lengths)


def _cosines(inner: Floats, lengths: Floats) -> Floats:
    """Inner products (m, C) over the roots of squared lengths, (C,) or (m, C); 0 where a sum is empty."""
    root = np.sqrt(np.maximum(lengths, 0)) + np.zeros_like(inner)
    return np.asarray(np.divide(inner, root, out=np.zeros_like(inner), where=root > _LEAST))
