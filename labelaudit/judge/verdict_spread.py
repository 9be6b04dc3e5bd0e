"""Surprise by verdicts, spread to the samples that look like the judged ones and carry the same label.

A Gaussian process over the log-odds of a wrong label, around what was believed before::

    f(x) = m(x) + g(x)      P(wrong) = σ(f)      cov(g(x), g(y)) = τ² exp((cos(x, y) - 1) / ℓ) for one label, else 0

m is the belief without the verdicts, so g is nothing but their surprise: nineteen suspects cleared among pictures of
one camera clear the twentieth. τ and ℓ are weighed by the marginal likelihood of the verdicts (Laplace's approximation;
Rasmussen and Williams 2006, algorithms 3.1 and 3.2), with τ = 0 among the choices, so that where likeness says nothing
the answer stays what it was. Only the mean of g moves anything: far from all verdicts it is zero. Left out: what
verdicts on one label say about another.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from labelaudit.blocks import slices, spread_rows
from labelaudit.types import Floats, Ints

_STRENGTHS = (0.5, 1.0, 2.0)  # τ, in log-odds
_LENGTHS = (0.05, 0.1, 0.2, 0.4)  # ℓ, in cosine
_MOST = 1500  # verdicts of one label that are listened to; the cost is their number cubed
_STEPS = 50  # of Newton's method
_CHUNK = 16_384


@dataclass(frozen=True)
class _Label:
    """The verdicts on samples of one given label."""

    rows: Ints
    """(m,) the samples that were judged."""
    cosines: Floats
    """(m, m) between their vectors."""
    before: Floats
    """(m,) log-odds of a wrong label before the verdicts."""
    wrong: Floats
    """(m,) 1 where the label was found wrong, else 0."""


def spread(vectors: Floats, labels: Ints, before: Floats, answers: Ints) -> npt.NDArray[np.float64]:
    """(n,) the shift of each sample's log-odds of a wrong label by the verdicts on samples like it.

    Args:
        vectors: (n, w) of unit length, zero where nothing is known of an image.
        labels: (n,) given labels.
        before: (n,) log-odds of a wrong label, blind to the verdicts.
        answers: (n,) 1 where a person found the label wrong, 0 where right, -1 where nobody looked.
    """
    shift = np.zeros(len(labels))
    judged = np.flatnonzero(answers >= 0)
    groups = []
    for label in np.unique(labels[judged]).tolist():
        rows = judged[labels[judged] == label]
        rows = rows[spread_rows(len(rows), _MOST)]
        some = np.asarray(vectors[rows], dtype=np.float64)
        groups.append(_Label(rows, some @ some.T, before[rows], answers[rows].astype(np.float64)))
    if not groups:
        return shift
    choices = [(0.0, _LENGTHS[0]), *itertools.product(_STRENGTHS, _LENGTHS)]
    found = [[_settle(group, *choice) for group in groups] for choice in choices]
    evidence = np.array([sum(value for value, _ in each) for each in found])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    for number, group in enumerate(groups):
        others = np.flatnonzero(labels == labels[group.rows[0]])
        judged_vectors = np.asarray(vectors[group.rows], dtype=np.float64).T
        for rows in slices(len(others), _CHUNK):
            part = others[rows]
            cosines = np.asarray(vectors[part], dtype=np.float64) @ judged_vectors
            for weight, (strength, length), each in zip(weights, choices, found, strict=True):
                if strength and weight > 1e-3:  # what is less cannot be seen
                    shift[part] += weight * (_covariance(cosines, strength, length) @ each[number][1])
    return shift


def _covariance(cosines: Floats, strength: float, length: float) -> npt.NDArray[np.float64]:
    return np.asarray(strength**2 * np.exp((np.minimum(cosines, 1.0) - 1) / length))


def _settle(group: _Label, strength: float, length: float) -> tuple[float, npt.NDArray[np.float64]]:
    """Log marginal likelihood of a label's verdicts, and the gradient (m,) that the mean of g is made from."""
    if not strength:
        p = expit(group.before)
        return _likelihood(group.before, group.wrong), group.wrong - p
    kernel = _covariance(group.cosines, strength, length)
    a = np.zeros(len(group.rows))  # K⁻¹ g
    best = -np.inf
    for _ in range(_STEPS):
        g = kernel @ a
        p = expit(group.before + g)
        root = np.sqrt(p * (1 - p))
        factor = cho_factor(np.eye(len(g)) + root[:, None] * kernel * root)
        b = root**2 * g + group.wrong - p
        a = b - root * cho_solve(factor, root * (kernel @ b))
        value = -0.5 * float(a @ kernel @ a) + _likelihood(group.before + kernel @ a, group.wrong)
        if value - best < 1e-6:  # nats
            break
        best = value
    f = group.before + kernel @ a
    return value - float(np.log(np.diagonal(factor[0])).sum()), group.wrong - expit(f)


def _likelihood(f: Floats, wrong: Floats) -> float:
    """Log-likelihood of verdicts at the log-odds ``f``."""
    return -float(np.logaddexp(0, np.where(wrong > 0, -f, f)).sum())
