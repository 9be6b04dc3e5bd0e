"""Class prototypes, left-one-out: how alike an image is to the mean image of each class, itself not counted.

The score of class c is the cosine of the image's vector to the sum of the vectors given that label, those of its own
group left out; probabilities are its softmax at the sharpness that the given labels like best. Nothing is chosen and
little can be learned, mistakes neither: weak where a class has several faces, the best of all models where labels are
systematically wrong and images few. Left out: several prototypes a class.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices, work_on
from labelaudit.judge.linear import (
    HeldOut,
    Linear,
    class_sums,
    find_sharpness,
    group_rows,
    group_shares,
    some_rows,
    with_companions,
)
from labelaudit.judge.scores import softmax
from labelaudit.leading import is_large, make_table
from labelaudit.types import Floats, Ints

_CHUNK = 1024
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
    shares = group_shares(groups)
    sums = class_sums(x, labels, classes, shares)
    length = np.square(sums).sum(axis=1)
    short: Floats = sums.astype(np.float32) if is_large(len(x), classes) else sums

    def judge_alone(rows: slice | Ints) -> Floats:
        return _leave_one_out(np.asarray(x[rows], dtype=short.dtype), labels[rows], short, length)

    def judge_group(members: Ints) -> Floats:
        some = np.asarray(x[members], dtype=np.float64)
        rest = sums - class_sums(some, labels[members], classes) / len(members)
        return _cosines(some @ rest.T, np.square(rest).sum(axis=1))

    few = with_companions(some_rows(len(x), classes), groups)
    cosines = judge_alone(few)
    for members in group_rows(None if groups is None else groups[few]):
        cosines[members] = judge_group(few[members])
    sharpness, _ = find_sharpness(cosines, labels[few], None if shares is None else shares[few])
    probs = make_table(labels, classes)

    def judge(rows: slice) -> None:
        probs[rows] = softmax(sharpness * judge_alone(rows))

    work_on(judge, slices(len(x), _CHUNK))
    for members in group_rows(groups):
        probs[members] = softmax(sharpness * judge_group(members))
    return HeldOut(
        probs=probs,
        model=Linear(
            directions=np.asarray(sharpness * _cosines(sums.T, length), dtype=np.float32),
            offset=np.zeros(classes, dtype=np.float32),
        ),
    )


def _leave_one_out(x: Floats, labels: Ints, sums: Floats, length: Floats) -> Floats:
    """(m, C) cosines of ``x`` (m, d) to class sums that each vector is taken out of."""
    rows = np.arange(len(x))
    own = np.square(x).sum(axis=1)
    inner = x @ sums.T
    lengths = np.repeat(np.asarray(length, dtype=x.dtype)[None], len(x), axis=0)
    lengths[rows, labels] += own - 2 * inner[rows, labels]
    inner[rows, labels] -= own
    return _cosines(inner, lengths)


def _cosines(inner: Floats, lengths: Floats) -> Floats:
    """Inner products (m, C) over the roots of squared lengths, (C,) or (m, C); 0 where a sum is empty."""
    root = np.sqrt(np.maximum(lengths, 0)) + np.zeros_like(inner)
    return np.asarray(np.divide(inner, root, out=np.zeros_like(inner), where=root > _LEAST))
