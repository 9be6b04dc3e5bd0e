"""Linear models of classes: softmax of a matrix product, and the sharpness at which their scores are probabilities.

Left out: how such a model is fitted; `labelaudit.judge.ridge` and `labelaudit.judge.prototypes` do that in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from labelaudit.blocks import row_maxima, slices, spread_rows, work_on_blocks
from labelaudit.judge.scores import softmax
from labelaudit.leading import Table
from labelaudit.types import Bools, Floats, Ints

SHRINKAGE = 0.2
"""Share of the isotropic part in a covariance."""

_LOG_SHARPNESS = (-4.0, 8.0)  # natural logarithms of the least and the greatest factor that is tried
_ROWS, _FEWEST, _CELLS = 20_000, 1_000, 1_000_000  # samples that a sharpness is fitted on, and rows x classes of them
_CHUNK = 512
_BLOCK = 1 << 18  # cells whose sums are worked out at a time, more than a start of threads costs


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fitted linear model: class probabilities are the softmax of ``x @ directions + offset``."""

    directions: npt.NDArray[np.float32]
    """(d, C)"""
    offset: npt.NDArray[np.float32]
    """(C,)"""

    def apply(self, x: Floats) -> npt.NDArray[np.float32]:
        """Class probabilities (n, C) of ``x`` (n, d)."""
        return np.asarray(softmax(x @ self.directions + self.offset), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A model fitted to n samples, and its opinion of each of them as if it had not been."""

    probs: Table
    """(n, C) class probabilities of each sample by the model of all samples outside its group."""
    model: Linear
    """Fitted to all samples, for images that come later."""


def group_shares(groups: Ints | None) -> Floats | None:
    """(n,) one over the size of each sample's group, so that a group counts as one; None where nobody has companions.

    >>> group_shares(np.array([0, 7, 7])).tolist(), group_shares(np.array([0, 7]))
    ([1.0, 0.5, 0.5], None)
    """
    if groups is None:
        return None
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return None if len(sizes) == len(groups) else np.asarray(1 / sizes[place])


def group_rows(groups: Ints | None) -> Iterator[Ints]:
    """The rows (m,) of each of the ``groups`` (n,) with more than one member.

    >>> [rows.tolist() for rows in group_rows(np.array([7, 0, 7, 3]))]
    [[0, 2]]
    """
    if groups is None:
        return
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0, True])
    for place in np.flatnonzero(np.diff(bounds) > 1).tolist():
        yield order[bounds[place] : bounds[place + 1]]


def find_sharpness(scores: Floats, labels: Ints, shares: Floats | None = None) -> tuple[float, float]:
    """The factor t at which softmax(t · ``scores``) gives the ``labels`` (n,) the most likelihood, and the loss there.

    The loss is the mean negative log-likelihood in nats, as if one label of all were drawn at random: where the scores
    explain every label, the factor would have no end and all samples the same rank. At most `some_rows` are looked at.
    The loss is convex in t, so the answer does not depend on a starting point. A sample counts for its entry of
    ``shares`` (n,), as of `group_shares`, for one where there are none.
    """
    rows = some_rows(*scores.shape)
    some = scores[rows]
    some = some - row_maxima(some)[:, None]
    counts = None if shares is None else shares[rows]
    doubt = 1 / (len(rows) if counts is None else counts.sum())
    own = (1 - doubt) * some[np.arange(len(rows)), labels[rows]] + doubt * some.mean(axis=1, dtype=np.float64)
    ones = np.ones(some.shape[1], some.dtype)

    def loss(log_factor: float) -> float:
        factor = float(np.exp(log_factor))

        def add_up(part: slice) -> Floats:
            raised = np.multiply(factor, some[part])
            return np.asarray(np.exp(raised, out=raised) @ ones)

        sums = np.concatenate(work_on_blocks(add_up, some, _BLOCK))
        return float(np.average(np.log(sums, dtype=np.float64) - factor * own, weights=counts))

    found = minimize_scalar(loss, bounds=_LOG_SHARPNESS, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)


def with_companions(rows: Ints, groups: Ints | None) -> Ints:
    """The ``rows`` (m,) of n samples, ascending, and all others of their ``groups`` (n,), if there are any."""
    if groups is None or len(rows) == len(groups):
        return rows
    return np.flatnonzero(np.isin(groups, groups[rows]))


def some_rows(n: int, classes: int) -> Ints:
    """Evenly spread rows that are enough to fit a few numbers to, so many of n as `count_some` says."""
    return spread_rows(n, count_some(n, classes))


def count_some(n: int, classes: int) -> int:
    """Rows that are enough to fit a few numbers to: 20,000 of n, fewer of more than 50 classes.

    >>> count_some(30_000, 10), count_some(30_000, 100), count_some(900, 100)
    (20000, 10000, 900)
    """
    return min(n, int(np.clip(_CELLS // classes, _FEWEST, _ROWS)))


def pick_rows(counted: Bools, order: Ints | None) -> Ints:
    """The rows that are ``counted`` (n,), in ``order`` (n,), or as they are where there is none."""
    if order is None or counted.all():
        return np.flatnonzero(counted) if order is None else order
    return order[counted[order]]


def order_by_label(rows: Ints, labels: Ints) -> Ints:
    """The ``rows`` (m,) by their ``labels`` (n,); those of one label stay as they are.

    >>> order_by_label(np.array([3, 0, 2]), np.array([1, 9, 0, 0])).tolist()
    [3, 2, 0]
    """
    given = labels[rows]
    small = np.min_scalar_type(int(given.max(initial=0)))  # which NumPy sorts in an eighth of the time
    return rows[np.argsort(given.astype(small), kind="stable")]


def shrink(covariance: Floats, least: float = 0.0) -> Floats:
    """(d, d) ``covariance`` with a share `SHRINKAGE` of an isotropic one, whose variance is the mean one, or the
    ``least`` if that is more."""
    spread = max(float(np.trace(covariance)) / len(covariance), least, 1e-12)
    shrunk = (1 - SHRINKAGE) * covariance
    shrunk[np.diag_indices_from(shrunk)] += SHRINKAGE * spread
    return np.asarray(shrunk)


def class_sums(x: Floats, labels: Ints, classes: int, shares: Floats | None = None) -> npt.NDArray[np.float64]:
    """(C, d) sums of the rows of ``x`` (n, d) that carry each label, each row times its entry of ``shares`` (n,)."""
    sums = np.zeros((classes, x.shape[1]))
    for rows in slices(len(x), _CHUNK):
        some, given = x[rows], labels[rows]
        order = np.argsort(given, kind="stable")
        present, first = np.unique(given[order], return_index=True)
        part = np.asarray(some[order], dtype=np.float64)
        if shares is not None:
            part *= shares[rows][order, None]
        sums[present] += np.add.reduceat(part, first, axis=0)
    return sums
