"""A reading of the noise rate that does not trust any model: what more data would not mend.

The error of a weak model on labels it has not seen falls as it learns from more of them; wrong labels stay. The set is
cut into 8, 4 and 2 parts and left whole; in each part ridge regression judges every sample by the others of the part,
so that each share f of the data yields n opinions. err(f) = a + b · f ** -x is fitted with a, b ≥ 0; the asymptote a is
the share of labels that no amount of data explains. The exponent cannot be told from four points: `low` and `high` are
the readings at slow and fast learning. Too high where features cannot tell the classes apart however many images there
are. Left out: curves of nonlinear models and of single classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from labelaudit.judge import ridge
from labelaudit.judge.linear import spread_rows
from labelaudit.types import Floats, Ints

PARTS = (8, 4, 2, 1)
"""Numbers of parts that the set is cut into, one point of the curve each."""
EXPONENTS = (0.3, 0.5, 1.0)
"""Exponents of slow, usual and fast learning."""

_ROWS = 8000
_FEWEST = 20  # groups in an eighth
_PENALTIES = (0.1, 0.5, 2.0, 10.0, 50.0)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Errors against the share of the data learned from, and what they tend to."""

    errors: tuple[float, ...]
    """Share of given labels that the model disagrees with, one per entry of `PARTS`."""
    low: float
    """Asymptote at slow learning, in [0, 1]."""
    middle: float
    high: float
    """Asymptote at fast learning."""


def measure(x: npt.NDArray[np.float32], labels: Ints, classes: int, *, groups: Ints | None = None) -> Curve | None:
    """The curve of ``x`` (n, d); ``None`` where an eighth of the set is too small to learn from.

    Parts are drawn by place, so give samples in an order that means nothing. ``groups`` (n,) stay together.
    """
    rows = spread_rows(len(x), _ROWS)
    if groups is not None and len(rows) < len(x):
        rows = np.flatnonzero(np.isin(groups, groups[rows]))
    x, labels = x[rows], labels[rows]
    codes = np.arange(len(rows)) if groups is None else np.unique(groups[rows], return_inverse=True)[1]
    if len(np.unique(codes)) < _FEWEST * PARTS[0]:
        return None
    errors = [_error(x, labels, classes, codes, parts) for parts in PARTS]
    low, middle, high = (_asymptote(np.array(errors), exponent) for exponent in EXPONENTS)
    return Curve(errors=tuple(errors), low=low, middle=middle, high=high)


def _error(x: npt.NDArray[np.float32], labels: Ints, classes: int, codes: Ints, parts: int) -> float:
    """Share of labels that ridge disagrees with, each judged by its part without its group."""
    part_of = _deal(labels, codes, parts)
    wrong = 0
    for part in range(parts):
        rows = np.flatnonzero(part_of == part)
        alone = len(np.unique(codes[rows])) == len(rows)
        held = ridge.fit(x[rows], labels[rows], classes, groups=None if alone else codes[rows], penalties=_PENALTIES)
        wrong += int((held.probs.argmax(axis=1) != labels[rows]).sum())
    return wrong / len(labels)


def _deal(labels: Ints, codes: Ints, parts: int) -> Ints:
    """(n,) part of each sample: groups dealt out class by class, in their order."""
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(labels[first], kind="stable")
    part = np.empty(len(first), dtype=np.int64)
    part[order] = np.arange(len(first)) % parts
    return part[codes]


def _asymptote(errors: Floats, exponent: float) -> float:
    """a of the least-squares fit of err = a + b · f ** -exponent, a and b at least 0."""
    design = np.stack([np.ones(len(PARTS)), np.array(PARTS, dtype=np.float64) ** exponent], axis=1)
    return float(min(nnls(design, errors)[0][0], 1.0))
