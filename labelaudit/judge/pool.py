"""One opinion out of several held-out models: a weighted geometric mean that predicts the given labels best.

    q(k | x) ∝ Π_m p_m(k | x) ** (a_m τ_m)        a, τ ≥ 0

τ calibrates each model alone; the weights a maximise the likelihood of the given labels less PULL · Σ (a - mean a)²
per sample. The pull keeps weights from running into their bounds on small sets; a tenth or three times as much of it
moves average precision by less than .01. The problem is convex: one answer, from any start. Left out: which errors
people make (`labelaudit.judge.noise_model`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from labelaudit.blocks import spread_rows, work_on_blocks
from labelaudit.judge.linear import find_sharpness, group_shares, pick_rows, some_rows
from labelaudit.judge.log_probs import LogProbs
from labelaudit.leading import Leading, Table, make_table
from labelaudit.types import Bools, Floats, Ints

PULL = 0.03
"""Nats per sample and squared distance of a weight from the mean weight."""

EARNED = 2.0
"""Standard errors that a gain must exceed."""
LEAST_GAIN = 5e-4
"""Nats per sample that it must exceed too."""

_FLOOR = 1e-12  # of the probabilities that are pooled: what is rounded up ranks alike
_LEAST = 1e-7  # probability of a label that a gain is measured with
_BLOCK = 1 << 16  # cells pooled at a time
_TRIAL_ROWS = 4000  # samples that a gain is measured on


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The gain by further models in the likelihood of labels that the weights of the pool were not fitted to."""

    nats: float
    """Mean per sample."""
    error: float
    """Its standard error."""

    @property
    def earned(self) -> bool:
        """Whether the gain exceeds two standard errors, and is one to speak of."""
        return self.nats > max(EARNED * self.error, LEAST_GAIN)


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The pool and how it is weighted."""

    weights: Mapping[str, float]
    """Exponent a · τ of each model's probabilities, as `noise_model.apply_noise_model` takes them."""
    probs: Table
    """(n, C) float32: q, blind to the sample's own label."""


def pool(
    models: Mapping[str, Table],
    labels: Ints,
    *,
    counted: Bools | None = None,
    shares: Floats | None = None,
    pull: float = PULL,
    order: Ints | None = None,
    out: Table | None = None,
) -> Pooled:
    """Weigh ``models``, name -> (n, C) probabilities of models that did not train on the sample they judge.

    ``labels`` (n,) are given, or true where that is known; only the samples ``counted`` (n,) say something about the
    weights, and of these at most 20,000, fewer of more than 50 classes. A sample counts for its entry of ``shares``
    (n,), as of `group_shares`. ``pull`` is in nats per sample and squared distance of a weight from the mean weight.
    ``order`` (n,) is as of `fit_noise_model`. The pool is written into the table ``out`` (n, C), if there is one.
    """
    if counted is None or not counted.any():
        counted = np.ones(len(labels), dtype=bool)
    rows = pick_rows(counted, order)
    classes = next(iter(models.values())).shape[1]
    rows = rows[some_rows(len(rows), classes)]
    some = None if shares is None else shares[rows]
    logs = {name: np.log(np.maximum(probs[rows], _FLOOR)) for name, probs in models.items()}
    calibrated = {name: find_sharpness(one, labels[rows], some)[0] for name, one in logs.items()}
    weights: Floats = np.ones(1)  # of a lone model, calibrated as it is
    if len(models) > 1:
        scaled = np.stack([calibrated[name] * one.astype(np.float64) for name, one in logs.items()])  # (M, m, C)
        weights = _weigh(scaled, labels[rows], pull, some)
    exponents = {name: float(w * calibrated[name]) for name, w in zip(models, weights, strict=True)}
    if len(models) == 1 and isinstance(alone := next(iter(models.values())), Leading):
        return Pooled(weights=exponents, probs=alone.raised(sum(exponents.values()), _FLOOR))
    probs, powers = make_table(labels, classes) if out is None else out, np.array(list(exponents.values()))

    def mix(part: slice) -> None:
        probs[part] = LogProbs.of(models, part, _FLOOR).pool(powers)

    work_on_blocks(mix, probs, _BLOCK)
    return Pooled(weights=exponents, probs=probs)


def measure_gain(
    models: Mapping[str, Table], more: Mapping[str, Table], labels: Ints, fold_of: Ints, *, groups: Ints | None = None
) -> Gain:
    """The gain by ``more`` models beside ``models``, weights fitted on some folds and compared on the others.

    ``labels`` (n,) are as of `pool`, ``fold_of`` (n,) is the fold of each sample; at most 4,000 samples are looked at.
    Members of one of the ``groups`` (n,) are one observation of the gain.
    """
    rows = spread_rows(len(labels), _TRIAL_ROWS)
    labels, fold_of = labels[rows], fold_of[rows]
    shares = group_shares(None if groups is None else groups[rows])
    few = {name: probs[rows] for name, probs in models.items()}
    all_of_them = {**few, **{name: probs[rows] for name, probs in more.items()}}
    gains = np.zeros(len(rows))
    for fold in np.unique(fold_of):
        held = np.flatnonzero(fold_of == fold)
        others = fold_of != fold
        if not others.any():
            return Gain(nats=0.0, error=0.0)
        for tried, sign in ((all_of_them, 1), (few, -1)):
            probs = pool(tried, labels, counted=others, shares=shares).probs[held, labels[held]]
            gains[held] += sign * np.log(np.maximum(probs, _LEAST))
    return gain_of(gains, None if groups is None else groups[rows])


def gain_of(gains: Floats, groups: Ints | None) -> Gain:
    """The mean of ``gains`` (n,) in nats, a mean of each of the ``groups`` (n,) being one observation."""
    if groups is not None and (shares := group_shares(groups)) is not None:
        gains = np.bincount(np.unique(groups, return_inverse=True)[1], gains * shares).astype(np.float64)
    return Gain(nats=float(gains.mean()), error=float(gains.std() / np.sqrt(len(gains))))


def _weigh(logs: Floats, labels: Ints, pull: float, shares: Floats | None) -> Floats:
    """(M,) weights a of the calibrated log-probabilities ``logs`` (M, m, C)."""
    count, m, _ = logs.shape
    size = float(m if shares is None else shares.sum())
    own = (1 - 1 / size) * logs[:, np.arange(m), labels] + logs.mean(axis=2) / size  # as in `find_sharpness`
    means = np.average(own, axis=1, weights=shares)

    def objective(weights: Floats) -> tuple[float, Floats]:
        mixed = np.tensordot(weights, logs, 1)
        highest = mixed.max(axis=1)
        mixed -= highest[:, None]
        raised = np.exp(mixed)
        total = raised.sum(axis=1, keepdims=True)
        raised /= total
        if shares is not None:
            raised *= shares[:, None]
        loss = float(np.average(np.log(total[:, 0]) + highest, weights=shares) - weights @ means)
        gradient = logs.reshape(count, -1) @ raised.ravel() / size - means
        apart = weights - weights.mean()
        return loss + pull * float(apart @ apart), gradient + 2 * pull * apart

    start = np.full(count, 1 / count)
    return np.asarray(minimize(objective, start, jac=True, bounds=[(0, None)] * count, method="L-BFGS-B").x)
