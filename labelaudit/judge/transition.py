"""Even errors as a transition matrix, and the scale of suspicions: moved to a stated rate without changing any rank.

T[k, j] = P(given j | true k). Where all errors are alike, the odds that a label is wrong are those of the class
probabilities times one factor, so that only the rate has to be known. Left out: matrices fitted to labels; the noise
model has one (`labelaudit.judge.noise_model`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from labelaudit.judge.scores import log_odds
from labelaudit.types import Floats

_FACTORS = (-30.0, 30.0)  # natural logarithms of the least and the greatest factor on the odds of a wrong label
_LEAST = 1e-15  # odds of a wrong label, or of a right one


def even(error: float, classes: int) -> npt.NDArray[np.float64]:
    """(C, C) matrix of labels that are wrong at the rate ``error``, all wrong ones alike.

    >>> even(0.2, 3).round(1).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    """
    matrix = np.full((classes, classes), error / max(classes - 1, 1))
    np.fill_diagonal(matrix, 1 - error)
    return matrix


def even_by_odds(factor: float, classes: int) -> npt.NDArray[np.float64]:
    """(C, C) matrix of even errors that multiplies the odds of a wrong label by ``factor``.

    >>> even_by_odds(0.125, 3).round(1).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    """
    others = factor * max(classes - 1, 1)
    return even(others / (1 + others), classes)


def find_factor(odds: Floats, rate: float, shares: Floats | None = None) -> float:
    """The factor on the ``odds`` (n,) of a wrong label at which their mean probability is ``rate``, where each counts
    for its entry of ``shares`` (n,).

    >>> 0.9 < find_factor(np.array([1 / 9, 1.0]), 0.3) < 1.1
    True
    """
    against = 1 / np.clip(np.asarray(odds, dtype=np.float64), _LEAST, 1 / _LEAST)
    wrong = np.empty_like(against)

    @cache
    def above(log_factor: float) -> float:
        """Log-odds of the mean, above those of the rate: nearly a straight line, on which a root is soon found."""
        np.multiply(against, np.exp(-log_factor), out=wrong)
        np.divide(1, np.add(wrong, 1, out=wrong), out=wrong)
        found, wanted = log_odds(np.array([np.average(wrong, weights=shares), rate])).tolist()
        return float(found - wanted)

    low, high = _FACTORS
    if above(low) >= 0 or above(high) <= 0:
        return float(np.exp(low if above(low) >= 0 else high))
    return float(np.exp(brentq(above, low, high, xtol=1e-10)))
