"""The chance that the labels of one annotator, or of another value, are as suspect as they are although no worse.

Were labels equally good whoever gave them, the suspicions within each class would be dealt at random among the values.
The first three moments of the sum that a value is dealt are known in closed form (sampling without replacement). Its
upper tail is that of a gamma distribution with these moments, known as Pearson's type III. The sum of suspicions is an
expected number of wrong labels. It tells more than a count of suspects does: how suspect they are, and labels that are
nearly suspects.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc, gammaincc, ndtr

from labelaudit.types import Bools, Floats, Ints

_SYMMETRIC = 1e-3  # skewness of a normal distribution, for all that it matters
_NOTHING = 1e-12


class Dealt:
    """Labels, sums of suspicions, and suspects that each value has of each class."""

    def __init__(self, classes: Ints, code: Ints, suspicion: Floats, flagged: Bools, values: int) -> None:
        """``classes``, ``code`` of the value, ``suspicion`` from 0 to 1 and ``flagged`` are all (n,)."""
        kinds = int(classes.max()) + 1
        weights = (np.ones(len(code)), suspicion, suspicion**2, suspicion**3, flagged.astype(np.float64))
        place = classes * values + code
        sums = [np.bincount(place, one, minlength=kinds * values).reshape(kinds, values) for one in weights]
        self.rows, self.powers, self.hits = sums[0], sums[1:4], sums[4]

    def chance(self, among: Bools) -> Floats:
        """(values,) probability of at least the suspicion of each value by chance, dealt to those of the mask ``among``
        (values,) only; 1 for the others."""
        rows = self.rows * among
        n = rows.sum(axis=1, keepdims=True)
        one, two, three = ((power * among).sum(axis=1, keepdims=True) / np.maximum(n, 1) for power in self.powers)
        spread, skew = two - one**2, three - 3 * one * two + 2 * one**3  # central moments of each class
        excess = ((self.powers[0] - self.rows * one) * among).sum(axis=0)
        both = rows * (n - rows)
        variance = (both / np.maximum(n - 1, 1) * spread).sum(axis=0)
        third = (both * (n - 2 * rows) / np.maximum((n - 1) * (n - 2), 1) * skew).sum(axis=0)
        deviation = np.sqrt(np.maximum(variance, _NOTHING))
        return np.where(among & (variance > _NOTHING), _upper_tail(excess / deviation, third / deviation**3), 1.0)

    def explain(self, among: Bools) -> Floats:
        """(values,) suspects of each value if those of each class were dealt evenly to the values ``among``."""
        rows = self.rows * among
        usual = (self.hits * among).sum(axis=1) / np.maximum(rows.sum(axis=1), 1)
        return np.asarray(usual @ rows)


def _upper_tail(standing: Floats, skewness: Floats) -> Floats:
    """(v,) probability of more than ``standing`` standard deviations where the ``skewness`` (v,) is this.

    >>> _upper_tail(np.array([2.0, 2.0, 2.0]), np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [0.0, 0.023, 0.042]
    """
    even = np.abs(skewness) < _SYMMETRIC
    shape = 4 / np.where(even, 1.0, skewness) ** 2
    quantile = np.maximum(shape + np.sign(skewness) * standing * np.sqrt(shape), 0.0)
    tail = np.where(skewness > 0, gammaincc(shape, quantile), gammainc(shape, quantile))
    return np.asarray(np.where(even, ndtr(-standing), tail))
