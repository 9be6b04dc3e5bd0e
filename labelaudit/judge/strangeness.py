"""Strangeness: how much less an image looks like the class it is nearest to than like the dataset as a whole.

The squared Mahalanobis distance to the nearest class, by the covariance within classes, less the one to the mean of all
images, by the covariance of all (Ren et al. 2021, "A Simple Fix to Mahalanobis Distance for Improving Near-OOD
Detection"). The second term takes off what makes an image unusual everywhere, such as its contrast. Labels enter
through the classes only, and each fold is measured by the others. Left out: a threshold; being strange is no error by
itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_array

from labelaudit.blocks import slices, work_on
from labelaudit.judge.linear import shrink
from labelaudit.types import Floats, Ints

_RANGE = -3.0, 8.0  # of the result: what is farther off says no more
_FEWEST = 10  # images nearest to a class from which its own median is taken
_CELLS = 1 << 22  # of distances held at once
_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


def measure_strangeness(x: npt.NDArray[np.float32], labels: Ints, classes: int, fold_of: Ints) -> Floats:
    """(n,) strangeness of vectors ``x`` (n, d), in standard deviations from the median of the same nearest class.

    0 is usual, 8 the most. ``labels`` (n,) are in [0, C); a fold of ``fold_of`` (n,) is measured by the other folds.
    """
    apart, nearest = np.zeros(len(x)), np.zeros(len(x), dtype=np.int64)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        rest = ~held if not held.all() else held
        apart[held], nearest[held] = _measure(x[held], x[rest], labels[rest], classes)
    found = _standardise(apart)
    for one in range(classes):
        alike = nearest == one
        if alike.sum() >= _FEWEST:
            found[alike] = _standardise(apart[alike])
    return np.asarray(np.clip(found, *_RANGE))


def _measure(x: Floats, rest: Floats, labels: Ints, classes: int) -> tuple[Floats, Ints]:
    """(m,) squared distance of ``x`` (m, d) to the nearest class less that to all, and (m,) which class that is."""
    middle = rest.mean(axis=0, dtype=np.float64)
    centred = rest - middle
    counts = np.bincount(labels, minlength=classes)
    sums = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(classes, len(labels))) @ centred
    means = sums / np.maximum(counts, 1)[:, None]
    whole = centred.T @ centred / len(rest)
    within = whole - means.T @ sums / len(rest)
    centres = _whiten(means, within)
    lengths = np.where(counts > 0, np.square(centres).sum(axis=1), np.inf)
    apart, nearest = np.empty(len(x)), np.empty(len(x), dtype=np.int64)
    step = max(1, _CELLS // max(classes, x.shape[1]))

    def measure(rows: slice) -> None:
        z = _whiten(x[rows] - middle, within)
        squared = lengths - 2 * z @ centres.T
        nearest[rows] = squared.argmin(axis=1)
        far = np.square(_whiten(x[rows] - middle, whole)).sum(axis=1)
        apart[rows] = np.square(z).sum(axis=1) + squared.min(axis=1) - far

    work_on(measure, slices(len(x), step))
    return apart, nearest


def _whiten(x: Floats, covariance: Floats) -> Floats:
    """``x`` (m, d) in coordinates in which the shrunk ``covariance`` (d, d) is the unit matrix."""
    return np.asarray(solve_triangular(cholesky(shrink(covariance), lower=True), x.T, lower=True).T)


def _standardise(values: Floats) -> Floats:
    """Values less their median, over their median absolute deviation."""
    centred = values - np.median(values)
    return np.asarray(centred / max(_NORMAL * float(np.median(np.abs(centred))), 1e-12))
