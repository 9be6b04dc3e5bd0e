"""The noise channel: given label = true label sent through a confusion matrix; what does that make of each sample?

Several models say, for each sample and without having seen its label, how probable each class is. They are combined by
a logarithmic pool and linked to the labels people gave by a transition matrix::

    q(k | x)      ∝ Π_m p_m(k | x) ** a_m                      what the image shows
    P(given = j | x) = Σ_k q(k | x) T[k, j]                    what people wrote
    r(k | x, j)   ∝ q(k | x) T[k, j]                           the posterior of the true class

Weights a and matrix T are the maximum-likelihood estimate from the given labels alone, alternating EM for T (Dempster
et al. 1977; Natarajan et al. 2013 for the model) and L-BFGS for a. No truth is needed: a model is worth what it adds to
the likelihood of labels that it has not seen, and that one number also says when to stop refitting.

What it assumes: given the true class, a wrong label does not depend on the image. People err more on ambiguous images;
then the noise rate read off the channel is low (docs/evidence.md has the measurements). Left out: a noise model that
depends on the image, which the labels alone cannot tell from a weak classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array

from labelaudit.errors import DataError
from labelaudit.types import Floats, Ints

PSEUDO_COUNT = 10.0
"""Samples per class that the prior of T counts for: rare classes borrow the dataset's overall error rate."""

_FLOOR = 1e-7
_CELLS = 20_000_000  # rows x classes x models that the pool weights are fitted on
_ROUNDS, _EM_STEPS = 8, 6


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A fitted noise channel and what it says about each sample."""

    weights: Mapping[str, float]
    """Pool weight a_m of each model, at least 0; together they also set the sharpness of q."""
    transition: Floats
    """(C, C) float64, rows sum to 1: T[k, j] = P(given j | true k)."""
    probs: Floats
    """(n, C) float32: q, the pooled probabilities, blind to the sample's own label."""
    posterior: Floats
    """(n, C) float32: r, the probability of each true class once the given label is counted in."""
    loss: float
    """Mean negative log-likelihood of the given labels in nats; lower is better, comparable on the same labels."""


UNKNOWN, NO_CLASS = -1, -2
"""In ``known``: nobody has looked at this sample · somebody has, and no class of the dataset is right."""


def fit(models: Mapping[str, Floats], labels: Ints, *, known: Ints | None = None) -> Channel:
    """Fit pool weights and transition matrix to the given labels.

    Args:
        models: name -> (n, C) probabilities of models that did not train on the sample they judge.
        labels: (n,) given labels in [0, C).
        known: (n,) true class where a person has verified it, `UNKNOWN` or `NO_CLASS` elsewhere. Verified samples count
            with what is known of them: their posterior is certain, and T learns from real errors.

    Raises:
        DataError: no models, or shapes that do not fit.

    >>> blind = np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 9)
    >>> channel = fit({"a": blind}, np.array([0] * 8 + [1] + [1] * 9))
    >>> int(channel.posterior[np.arange(18), [0] * 8 + [1] + [1] * 9].argmin())
    8
    """
    if not models:
        raise DataError("the noise channel needs the probabilities of at least one model")
    shape = next(iter(models.values())).shape
    if any(probs.shape != shape for probs in models.values()) or shape[0] != len(labels):
        raise DataError(f"models of shapes {[p.shape for p in models.values()]} for {len(labels)} labels")
    logs = np.stack([np.log(np.maximum(probs, _FLOOR), dtype=np.float32) for probs in models.values()])  # (M, n, C)
    rows = _subset(len(labels), logs[:, 0].size)
    some, some_labels = logs[:, rows].astype(np.float64), labels[rows]
    if known is None:
        known = np.full(len(labels), UNKNOWN)
    onehot = _onehot(labels, shape[1])
    weights: Floats = np.full(len(logs), 0.5 / len(logs))
    transition: Floats = np.full((shape[1],) * 2, 0.1 / shape[1]) + 0.9 * np.eye(shape[1])
    loss = np.inf
    for _ in range(_ROUNDS):
        probs = _pool(logs, weights)
        for _ in range(_EM_STEPS):
            posterior, likelihood = _posterior(probs, transition, labels, known)
            transition = _estimate(posterior, onehot)
        weights = _reweigh(some, some_labels, known[rows], transition, weights)
        previous, loss = loss, float(-np.log(likelihood).mean())
        if abs(previous - loss) < 1e-6:
            break
    probs = _pool(logs, weights)
    posterior, likelihood = _posterior(probs, transition, labels, known)
    return Channel(
        weights=dict(zip(models, weights.tolist(), strict=True)),
        transition=transition,
        probs=probs.astype(np.float32),
        posterior=posterior.astype(np.float32),
        loss=float(-np.log(likelihood).mean()),
    )


def apply(
    weights: Mapping[str, float], transition: Floats, models: Mapping[str, Floats], labels: Ints | None
) -> Channel:
    """A fitted channel's ``weights`` and ``transition`` on other samples, judged by the same ``models`` (m, C) each.

    Without ``labels`` (m,) the posterior is q, and the loss NaN.
    """
    logs = np.stack([np.log(np.maximum(models[name], _FLOOR), dtype=np.float32) for name in weights])
    probs = _pool(logs, np.array(list(weights.values())))
    posterior, loss = probs, np.nan
    if labels is not None and len(labels):
        posterior, likelihood = _posterior(probs, transition, labels)
        loss = float(-np.log(likelihood).mean())
    return Channel(
        weights=weights,
        transition=transition,
        probs=probs.astype(np.float32),
        posterior=posterior.astype(np.float32),
        loss=loss,
    )


def blind_posterior(channel: Channel, labels: Ints) -> Floats:
    """(n, C) r of a fitted channel's own samples as if nothing had been known of them."""
    return _posterior(channel.probs, channel.transition, labels)[0]


def _pool(logs: Floats, weights: Floats) -> Floats:
    """(n, C) q from (M, n, C) log-probabilities."""
    pooled = np.tensordot(weights.astype(logs.dtype), logs, 1)
    pooled -= pooled.max(axis=1, keepdims=True)
    np.exp(pooled, out=pooled)
    pooled /= pooled.sum(axis=1, keepdims=True)
    return pooled


def _posterior(probs: Floats, transition: Floats, labels: Ints, known: Ints | None = None) -> tuple[Floats, Floats]:
    """(n, C) r and (n, 1) likelihood of the given label, and of the true one where it is known."""
    joint = probs * transition.T[labels].astype(probs.dtype)
    if known is not None and (verified := np.flatnonzero(known >= 0)).size:
        only = np.maximum(joint[verified, known[verified]], np.finfo(np.float32).tiny)
        joint[verified] = 0
        joint[verified, known[verified]] = only
    likelihood = np.maximum(joint.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return joint / likelihood, likelihood


def _estimate(posterior: Floats, onehot: csr_array) -> Floats:
    """(C, C) T from expected counts, rows shrunk towards the dataset's overall error rate."""
    counts = np.asarray((onehot.T @ posterior).T, dtype=np.float64)  # (C true, C given)
    classes = len(counts)
    error = max(1 - np.trace(counts) / counts.sum(), 1e-9)
    prior = np.full_like(counts, error / max(classes - 1, 1))
    np.fill_diagonal(prior, 1 - error)
    counts += PSEUDO_COUNT * prior + np.eye(classes)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _reweigh(logs: Floats, labels: Ints, known: Ints, transition: Floats, start: Floats) -> Floats:
    """(M,) weights that maximise the likelihood at a fixed T; the gradient is Σ (r - q) · log p_m."""
    n = len(labels)

    def objective(weights: Floats) -> tuple[float, Floats]:
        probs = _pool(logs, weights)
        posterior, likelihood = _posterior(probs, transition, labels, known)
        gradient = -np.einsum("nc,mnc->m", posterior - probs, logs) / n
        return float(-np.log(likelihood).mean()), gradient

    found = minimize(objective, start, jac=True, bounds=[(0.0, 5.0)] * len(start), method="L-BFGS-B", tol=1e-7)
    return np.asarray(found.x)


def _onehot(labels: Ints, classes: int) -> csr_array:
    n = len(labels)
    return csr_array((np.ones(n, dtype=np.float32), labels, np.arange(n + 1)), shape=(n, classes))


def _subset(n: int, width: int) -> npt.NDArray[np.int64]:
    """Evenly spread rows, all of them unless the arrays would be too large."""
    keep = int(np.clip(_CELLS // max(width, 1), min(n, 2000), n))
    return np.unique(np.linspace(0, n - 1, keep).astype(np.int64))
