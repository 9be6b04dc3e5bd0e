"""Pairs of neighbouring images, and what tells whether they are one: cosines of features, thumbnails.

Left out: when a pair counts (`labelaudit.features.duplicates`, `labelaudit.features.turned`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices, work_on
from labelaudit.data.images import Pixels
from labelaudit.features.thumbnails import Thumbnails
from labelaudit.names import distinct
from labelaudit.types import Bools, Floats, Ints, Samples

LIKENESS = 0.95
"""Least correlation of the two thumbnails, mirrored if that fits better."""
STANDS_OUT = 4
"""The correlation must also be this many times closer to 1 than the usual one with the neighbours of either image."""
AT_ONCE = 128
"""Pairs compared at once: more no longer fit in a core's cache, and take six times as long."""
_SHORT = 256

Correlate = Callable[[npt.NDArray[np.float32], Ints, Ints], tuple[Floats, ...]]
"""Thumbnails and places (p,), (p,) among them -> (p,) likeness of each pair, and what else is wanted of it."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of samples that show nearly the same image, most alike first. Equal bytes are not among them."""

    first: Ints
    """(p,) row of the sample that comes first."""
    second: Ints
    """(p,) row of the other."""
    similarity: Floats
    """(p,) cosine of the features, up to 1."""
    likeness: Floats
    """(p,) correlation of the thumbnails, up to 1; 1 where there were no pixels to compare."""

    def take(self, keep: Bools) -> Pairs:
        """The pairs of the mask ``keep`` (p,), order kept."""
        return Pairs(
            first=self.first[keep],
            second=self.second[keep],
            similarity=self.similarity[keep],
            likeness=self.likeness[keep],
        )

    def join(self, other: Pairs) -> Pairs:
        """These pairs, then the ``other`` ones that are not among them."""
        known = set(zip(self.first.tolist(), self.second.tolist(), strict=True))
        pairs = zip(other.first.tolist(), other.second.tolist(), strict=True)
        more = other.take(np.array([pair not in known for pair in pairs], dtype=np.bool_))
        return Pairs(
            first=np.concatenate([self.first, more.first]),
            second=np.concatenate([self.second, more.second]),
            similarity=np.concatenate([self.similarity, more.similarity]),
            likeness=np.concatenate([self.likeness, more.likeness]),
        )


def unique_pairs(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Rows (p,), (p,) of the pairs, each once and the smaller row first, in ascending order.

    >>> [rows.tolist() for rows in unique_pairs(np.array([2, 0, 1]), np.array([1, 1, 2]))]
    [[0, 1], [1, 2]]
    """
    span = int(max(one.max(), other.max())) + 1 if len(one) else 1
    found = distinct(np.minimum(one, other) * span + np.maximum(one, other))
    return np.divmod(found, span)


def neighboring_pairs(samples: Samples, around: Ints, *, unlike: bool = False) -> tuple[Ints, Ints]:
    """Rows (p,), (p,) of samples that differ in their bytes, one of which is near the other, each pair once.

    ``around`` (n, k) are the rows near each sample; ``unlike`` keeps pairs of two labels or two splits only.
    """
    first, second = unique_pairs(np.repeat(np.arange(len(around)), around.shape[1]), around.ravel())
    content = samples.numbered.code
    keep: Bools = content[first] != content[second]
    if unlike:
        splits = np.unique(np.array(samples.splits or [""] * len(samples)), return_inverse=True)[1]
        keep &= (samples.labels[first] != samples.labels[second]) | (splits[first] != splits[second])
    return first[keep], second[keep]


def project(values: Floats) -> Floats:
    """Rows of unit length projected onto 256 random directions: cosines keep to about ±.02, at a tenth the cost."""
    if values.shape[1] <= 2 * _SHORT:
        return values
    directions = np.random.default_rng(0).standard_normal((values.shape[1], _SHORT), dtype=np.float32)
    short = np.empty((len(values), _SHORT), np.float32)
    for rows in slices(len(values), 4096):
        short[rows] = values[rows] @ directions
    return short


def cosines(
    values: Floats, first: Ints, second: Ints, mean: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float64]:
    """(p,) of the rows ``first`` and ``second`` (p,) of ``values`` (n, d), less their ``mean`` (d,); 0 with a zero."""
    asked = np.zeros(len(values), dtype=np.bool_)
    asked[first] = asked[second] = True
    rows = np.flatnonzero(asked)

    def measure(part: slice) -> Floats:
        some = values.take(rows[part], axis=0)
        return np.asarray(np.linalg.norm(some if mean is None else some - mean, axis=1))

    length = np.zeros(len(values), dtype=values.dtype if mean is None else np.result_type(values, mean))
    length[rows] = _join(measure, len(rows))
    lengths = length[first] * length[second]
    return np.asarray(products(values, first, second, mean) / np.where(lengths > 0, lengths, 1), dtype=np.float64)


def products(values: Floats, first: Ints, second: Ints, mean: npt.NDArray[np.float32] | None = None) -> Floats:
    """(p,) inner products of the rows ``first`` and ``second`` (p,) of ``values`` (n, d), less their ``mean`` (d,)."""

    def multiply(part: slice) -> Floats:
        a, b = values.take(first[part], axis=0), values.take(second[part], axis=0)
        a, b = (a, b) if mean is None else (a - mean, b - mean)
        return np.asarray(np.einsum("pd,pd->p", a, b))

    return _join(multiply, len(first))


def _join(work: Callable[[slice], Floats], n: int) -> Floats:
    """(n,) what ``work`` makes of `AT_ONCE` rows at a time, on two threads."""
    made = work_on(work, slices(n, AT_ONCE))
    return np.concatenate(made) if made else np.zeros(0, dtype=np.float32)


def compare_thumbnails(
    thumbnails: Thumbnails, first: Ints, second: Ints, around: Ints, correlate: Correlate
) -> tuple[tuple[Floats, ...], Floats]:
    """All that ``correlate`` finds of the pairs ``first`` and ``second`` (p,), and (p,) the likeness that is usual
    among the neighbours ``around`` (n, k) of either image, the greater of both."""
    asked = distinct(np.concatenate([first, second]))
    rows = distinct(np.concatenate([asked, around[asked].ravel()]))
    vectors = _as_vectors(thumbnails.read(rows))

    def find(a: Ints, b: Ints) -> tuple[Floats, ...]:
        return correlate(vectors, np.searchsorted(rows, a), np.searchsorted(rows, b))

    usual = np.median([find(asked, around[asked, k])[0] for k in range(around.shape[1])], axis=0)  # (asked,)
    usual = np.maximum(usual[np.searchsorted(asked, first)], usual[np.searchsorted(asked, second)])
    return find(first, second), usual


def _as_vectors(squares: Pixels) -> npt.NDArray[np.float32]:
    """The ``squares`` (r, side, side, 3) with zero mean and unit length; zero for flat ones."""
    vectors = squares.astype(np.float32)
    vectors -= vectors.mean(axis=(1, 2, 3), keepdims=True)
    lengths = np.sqrt(np.einsum("rijc,rijc->r", vectors, vectors))
    flat = lengths <= squares.shape[1]
    vectors /= np.where(flat, np.inf, lengths)[:, None, None, None].astype(np.float32)
    return vectors
