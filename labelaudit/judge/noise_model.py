"""Noise model: pools several models' class probabilities and links them to the given labels by a transition matrix.

Several models say, for each sample and without having seen its label, how probable each class is. They are combined by
a logarithmic pool and linked to the labels people gave by a transition matrix, whose errors grow with difficulty::

    q(k | x)      ∝ Π_m p_m(k | x) ** a_m                      what the image shows
    T_x[k, j]     ∝ T[k, j] · exp(b · h(x)) for j ≠ k          how people err; h = logit of 1 − max q, mean 0
    P(given = j | x) = Σ_k q(k | x) T_x[k, j]                  what people wrote
    r(k | x, j)   ∝ q(k | x) T_x[k, j]                         the posterior of the true class

Weights a, matrix T and slope b ≥ 0 are the maximum a posteriori estimate from the given labels alone, found jointly by
L-BFGS (Natarajan et al. 2013 for the model with b = 0). No truth is needed: a model is worth what it adds to the
likelihood of labels that it has not seen. The search starts from two T: started from few errors alone it mistakes 80 %
noise for ignorance, and from many alone a few wrong labels are overlooked. Labels alone cannot tell even noise from
models that are even in doubt: taking a constant off every q and adding it to T's errors changes the likelihood hardly
at all. Where both starts explain them alike, few are wrong.

What it assumes: how people err depends on the true class and on how hard the image is for the models, and what they
confuse on hard images they also confuse on easy ones. Human labels are read too clean where that fails
(docs/evidence.md has the measurements).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import by_class, work_on_blocks
from labelaudit.judge.channel import Channel, difficulty, factors_of
from labelaudit.judge.log_probs import FLOOR, LogProbs
from labelaudit.leading import Leading, Table, make_table, take_rows
from labelaudit.types import Floats, Ints

UNKNOWN, NO_CLASS = -1, -2
"""In ``known``: nobody has looked at this sample · somebody has, and no class of the dataset is right."""
_BLOCK = 1 << 16  # cells judged at a time, so that they stay in the cache of a core


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """A fitted noise model and what it says about each sample."""

    weights: Mapping[str, float]
    """Pool weight a_m of each model, at least 0; together they also set the sharpness of q."""
    transition: Floats
    """(C, C) float64, rows sum to 1: T[k, j] = P(given j | true k) at mean difficulty."""
    probs: Table
    """(n, C) float32: q, the pooled probabilities, blind to the sample's own label."""
    posterior: Table
    """(n, C): r, the probability of each true class once the given label is counted in."""
    slope: float = 0.0
    """b ≥ 0: how much the odds of an error grow with `difficulty`; 0 = people err alike on all images, or nearly so."""
    mean_difficulty: float = 0.0
    """Mean `difficulty`, which the slope counts from."""
    loss: float
    """Mean negative log-likelihood of the given labels in nats; lower is better, comparable on the same labels."""

    def take(self, rows: Ints) -> NoiseModel:
        """The same noise model, and what it says about some ``rows`` (m,)."""
        return replace(self, probs=take_rows(self.probs, rows), posterior=take_rows(self.posterior, rows))


def apply_noise_model(
    weights: Mapping[str, float],
    transition: Floats,
    models: Mapping[str, Table],
    labels: Ints | None,
    *,
    known: Ints | None = None,
    slope: float = 0.0,
    mean_difficulty: float = 0.0,
    precision: npt.DTypeLike | None = None,
    pooled: Table | None = None,
    factors: Floats | None = None,
) -> NoiseModel:
    """A fitted noise model on samples, judged by the same ``models`` (m, C) each; in blocks, for want of memory.

    Without ``labels`` (m,) the posterior is q, and the loss NaN. ``known`` (m,) is as in `fit_noise_model`,
    ``precision`` the type of the numbers it is worked out in, that of ``transition`` unless given. ``pooled`` is q
    (m, C), and ``factors`` (m,) those of it as of `Channel`, where they are known already.
    """
    models = {name: models[name] for name in weights}
    alone = next(iter(models.values()))
    probs: Table
    posterior: Table
    if labels is not None and len(models) == 1 and isinstance(alone, Leading):
        (power,) = weights.values()
        probs = leading = alone.raised(power, FLOOR)
        posterior, likelihood = _judge_leading(
            leading, transition, labels, known, slope=slope, mean_difficulty=mean_difficulty
        )
    else:
        n, classes = alone.shape
        powers, rounded = np.array(list(weights.values())), transition.astype(precision or transition.dtype, order="F")
        if pooled is not None:
            probs = pooled
        else:
            probs = np.empty((n, classes), dtype=np.float32) if labels is None else make_table(labels, classes)
        posterior = probs if labels is None else make_table(labels, classes)
        likelihood = np.full(n, np.nan)

        def judge(rows: slice) -> None:
            if pooled is None:
                blind = LogProbs.of(models, rows).pool(powers)
                probs[rows] = blind
            else:
                blind = by_class(pooled[rows])
            if labels is not None:
                some = None if known is None else known[rows]
                hard = factors_of(blind, slope, mean_difficulty, rounded.dtype) if factors is None else factors[rows]
                posterior[rows], likelihood[rows] = Channel(rounded, hard).judge(blind, labels[rows], some)

        work_on_blocks(judge, alone, _BLOCK)
    return NoiseModel(
        weights=weights,
        transition=transition,
        slope=slope,
        mean_difficulty=mean_difficulty,
        probs=probs,
        posterior=posterior,
        loss=float(-np.log(likelihood).mean()) if len(likelihood) else np.nan,
    )


def _judge_leading(
    probs: Leading, transition: Floats, labels: Ints, known: Ints | None, *, slope: float, mean_difficulty: float
) -> tuple[Leading, Floats]:
    """Posterior, and (n,) likelihood of the ``labels``, by the leading classes of q; the others err as all do on
    average."""
    factors = np.exp(slope * (difficulty(probs.values) - mean_difficulty))[:, None]
    right, own = np.diagonal(transition), probs.classes == labels[:, None]
    joint = transition[probs.classes, labels[:, None]]
    left = (transition.sum(axis=0)[labels] - joint.sum(axis=1)) * probs.even
    left *= (factors / (factors + (1 - factors) * right.mean()))[:, 0]
    of_kept = right[probs.classes]
    joint *= np.where(own, 1, factors) / (factors + (1 - factors) * of_kept) * probs.values
    likelihood = np.maximum(joint.sum(axis=1) + left, np.finfo(np.float32).tiny)
    posterior = probs.revalued(joint / likelihood[:, None], left / likelihood)
    if known is not None and (verified := np.flatnonzero(known >= 0)).size:
        channel = Channel(transition, factors[verified, 0])
        posterior[verified], likelihood[verified] = channel.judge(probs[verified], labels[verified], known[verified])
    return posterior, likelihood


def blind_posterior(noise: NoiseModel, labels: Ints) -> Table:
    """(n, C) r of a fitted noise model's own samples as if nothing had been known of them."""
    posterior = make_table(labels, noise.probs.shape[1])

    def judge(rows: slice) -> None:
        posterior[rows] = _judge_blindly(noise, labels, rows)[0]

    work_on_blocks(judge, posterior, _BLOCK)
    return posterior


def likelihoods(noise: NoiseModel, labels: Ints) -> Floats:
    """(n,) probability that a fitted noise model gives to the ``labels`` (n,) of its own samples."""
    return np.concatenate(work_on_blocks(lambda rows: _judge_blindly(noise, labels, rows)[1], noise.probs, _BLOCK))


def _judge_blindly(noise: NoiseModel, labels: Ints, rows: slice) -> tuple[Floats, Floats]:
    """(m, C) r and (m,) likelihood of some rows, as if nothing had been known of them."""
    probs = noise.probs[rows]
    factors = factors_of(probs, noise.slope, noise.mean_difficulty)
    return Channel(noise.transition, factors).judge(probs, labels[rows])
