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

from labelaudit.types import Floats

_FACTORS = (-30.0, 30.0)  # natural logarithms of the least and the greatest factor on the odds of a wrong label
_LEAST = 1e-15  # probability of a right or a wrong label


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


def find_factor(right: Floats, rate: float, shares: Floats | None = None) -> float:
    """The factor on the odds of a wrong label at which their mean probability is ``rate``, where labels are ``right``
    (n,) with these probabilities and each counts for its entry of ``shares`` (n,).

    >>> 0.9 < find_factor(np.array([0.9, 0.5]), 0.3) < 1.1
    True
    """
    right = np.clip(np.asarray(right, dtype=np.float64), _LEAST, 1 - _LEAST)
    odds = right / (1 - right)
    wrong = np.empty_like(odds)

    @cache
    def above(log_factor: float) -> float:
        np.multiply(odds, np.exp(-log_factor), out=wrong)
        np.divide(1, np.add(wrong, 1, out=wrong), out=wrong)
        return float(np.average(wrong, weights=shares)) - rate

    low, high = _FACTORS
    if above(low) >= 0 or above(high) <= 0:
        return float(np.exp(low if above(low) >= 0 else high))
    return float(np.exp(brentq(above, low, high, xtol=1e-12)))


def multiply_odds(wrong: Floats, factor: float) -> npt.NDArray[np.float64]:
    """(n,) probabilities of a ``wrong`` label with their odds times ``factor``.

    >>> multiply_odds(np.array([0.5]), 3.0).tolist()
    [0.75]
    """
    wrong = np.clip(np.asarray(wrong, dtype=np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(factor * wrong / (1 - wrong + factor * wrong))
