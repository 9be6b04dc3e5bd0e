"""Even errors as a transition matrix, and the scale of suspicions: moved to a stated rate without changing any rank.

T[k, j] = P(given j | true k). Where all errors are alike, the odds that a label is wrong are those of the class
probabilities times one factor, so that only the rate has to be known. Left out: matrices fitted to labels; the noise
model has one (`labelaudit.judge.noise_model`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.types import Floats, Ints

_FACTORS = (-30.0, 30.0)  # natural logarithms of the least and the greatest factor on the odds of a wrong label
_HALVINGS = 60


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


def anchor(posterior: Floats, labels: Ints, rate: float) -> tuple[npt.NDArray[np.float64], float]:
    """(n, C) ``posterior`` with the odds of a wrong label times one factor, so that their mean probability is ``rate``,
    and that factor.

    >>> found, factor = anchor(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0, 0]), 0.3)
    >>> round(float(found[:, 1].mean()), 3), 0.9 < factor < 1.1
    (0.3, True)
    """
    rows = np.arange(len(labels))
    right = np.clip(np.asarray(posterior[rows, labels], dtype=np.float64), 1e-15, 1 - 1e-15)
    low, high = _FACTORS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        odds = np.exp(middle) * (1 - right) / right
        if float((odds / (1 + odds)).mean()) < rate:
            low = middle
        else:
            high = middle
    factor = float(np.exp(low))
    moved = factor * np.asarray(posterior, dtype=np.float64)
    moved[rows, labels] = right
    return moved / moved.sum(axis=1, keepdims=True), factor
