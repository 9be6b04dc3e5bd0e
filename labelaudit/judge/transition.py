"""The errors of people as a transition matrix on fixed class probabilities, and whether the labels speak for it.

T[k, j] = P(given j | true k) is fitted by EM with a Dirichlet prior: PSEUDO_COUNT samples a class that err evenly, at
the rate of the dataset. A full matrix fits every set of labels better than even errors do, and ranks most of them
worse; what counts is the likelihood of labels it was not fitted to. It is used only where its cross-validated gain
exceeds two standard errors: among eleven sets with human errors that were faces and CIFAR-10N, where it brings .14 and
.02 in average precision, and none of those where it costs (docs/evidence.md). Left out: one rate per row or per column,
which never brought more than .01 where the full matrix did not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.judge.linear import spread_rows
from labelaudit.types import Floats, Ints

PSEUDO_COUNT = 100.0
"""Samples per class that the prior counts for."""
EARNED = 2.0
"""Standard errors that the gain must exceed."""
LEAST_GAIN = 5e-4
"""Nats per sample that it must exceed too."""

_ROUNDS = 40
_LEAST, _MOST = 1e-4, 0.9  # error rate of even errors
_ROWS = 20_000
_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The gain by a full matrix in the likelihood of labels that it was not fitted to, against even errors."""

    nats: float
    """Mean per sample."""
    error: float
    """Its standard error."""

    @property
    def earned(self) -> bool:
        """Whether the gain exceeds two standard errors, and is one to speak of."""
        return self.nats > max(EARNED * self.error, LEAST_GAIN)


def even(error: float, classes: int) -> npt.NDArray[np.float64]:
    """(C, C) matrix of labels that are wrong at the rate ``error``, all wrong ones alike.

    >>> even(0.2, 3).round(1).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    """
    matrix = np.full((classes, classes), error / max(classes - 1, 1))
    np.fill_diagonal(matrix, 1 - error)
    return matrix


def fit(probs: Floats, labels: Ints, *, full: bool = True) -> npt.NDArray[np.float64]:
    """(C, C) T of the given ``labels`` (n,) by (n, C) ``probs``; the one-parameter matrix unless ``full``."""
    classes = probs.shape[1]
    onehot = np.eye(classes)[labels]
    error = 0.05
    transition = even(error, classes)
    for _ in range(_ROUNDS):
        counts = posterior(probs, transition, labels).T @ onehot  # (true, given)
        off = counts.sum() - np.trace(counts)
        error = float(np.clip(off / max(counts.sum(), 1e-9), _LEAST, _MOST))
        prior = PSEUDO_COUNT * even(error, classes)
        transition = even(error, classes)
        if full:
            transition = (counts + prior) / (counts.sum(axis=1, keepdims=True) + PSEUDO_COUNT)
    return transition


def measure_gain(probs: Floats, labels: Ints, fold_of: Ints) -> Gain:
    """Fit on some folds, compare on the others; at most 20,000 samples."""
    rows = spread_rows(len(labels), _ROWS)
    probs, labels, fold_of = probs[rows], labels[rows], fold_of[rows] % _FOLDS
    gains = np.zeros(len(rows))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        if held.all():
            return Gain(nats=0.0, error=0.0)
        for full, sign in ((True, 1), (False, -1)):
            matrix = fit(probs[~held], labels[~held], full=full)
            gains[held] += sign * np.log((probs[held] * matrix.T[labels[held]]).sum(axis=1))
    return Gain(nats=float(gains.mean()), error=float(gains.std() / np.sqrt(len(gains))))


def anchor(probs: Floats, transition: Floats, labels: Ints, rate: float) -> npt.NDArray[np.float64]:
    """``transition`` with its errors made likelier or rarer by one factor: the mean suspicion becomes ``rate``.

    All odds of a wrong label move by the same factor, so their order stays.
    """
    off = transition - np.diag(np.diagonal(transition))
    low, high = -20.0, 20.0  # natural logarithm of the factor
    for _ in range(50):
        middle = (low + high) / 2
        found = posterior(probs, np.diag(np.diagonal(transition)) + np.exp(middle) * off, labels)
        if 1 - found[np.arange(len(labels)), labels].mean() < rate:
            low = middle
        else:
            high = middle
    scaled = np.diag(np.diagonal(transition)) + np.exp(low) * off
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def posterior(probs: Floats, transition: Floats, labels: Ints) -> npt.NDArray[np.float64]:
    """(n, C) probability of each true class given the label."""
    joint = probs * transition.T[labels]
    return np.asarray(joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300))
