"""The consensus of all models of a scan about each sample: pool, noise model, and the one answer from both.

1. The pool q: a weighted geometric mean of the held-out models (`labelaudit.judge.pool`).
2. The noise model: weights, transition and slope fitted together (`labelaudit.judge.noise_fit`); images of no class are
   told apart by it (`labelaudit.judge.open_set`).
3. The answer is the pool's, with even errors. Only where held-out labels speak for a transition matrix
   (`labelaudit.judge.transition`) it is the mean, in logarithms, of three: the pool with even errors, the pool with
   that matrix, and the noise model, which may hear more models (docs/log.md has what each of them ranks).
4. The odds of all wrong labels are moved by one factor to the rate that is read (`labelaudit.judge.reading`), which
   changes no rank: the mean suspicion is the estimated rate.

No truth is used anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labelaudit.judge import transition
from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel, blind_posterior
from labelaudit.judge.open_set import OpenSet
from labelaudit.judge.pool import pool
from labelaudit.judge.reading import Reading, read_rate, share_standing_out
from labelaudit.types import Floats, Ints

_LEAST = 1.0  # samples that are taken to be wrong at least: the scale of suspicions needs some


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The answer, and the two views that it was made from."""

    channel: NoiseModel
    """The answer: pool weights and the transition that leads to it, and (n, C) posterior; blind to verdicts."""
    pooled: Floats
    """(n,) probability of a wrong label by the pool alone, at its own scale."""
    modelled: Floats
    """(n,) probability of a wrong label by the noise model, images of no class among them."""
    none: Floats
    """(n,) probability of belonging to no class, blind to verdicts; 0 where no such images were found."""
    noise: NoiseModel
    """The noise model."""
    gain: transition.Gain
    """The gain by the transition matrix."""
    reading: Reading
    """The reading of the rate."""


def agree(
    models: Mapping[str, Floats],
    noise: NoiseModel,
    labels: Ints,
    *,
    known: Ints,
    fold_of: Ints,
    strangers: OpenSet | None = None,
    curve: Curve | None = None,
    companions: float = 1.0,
) -> Consensus:
    """Bring ``models``, name -> (n, C) held-out probabilities, to one answer about the given ``labels`` (n,).

    ``noise`` is the noise model fitted to these models and perhaps others, ``known`` (n,) as in `fit_noise_model`,
    ``fold_of`` (n,) the folds that a transition is tested by, ``curve`` and ``companions`` as in `read_rate`.
    """
    rows = np.arange(len(labels))
    unseen = np.full(len(labels), UNKNOWN)
    none = np.zeros(len(labels)) if strangers is None else strangers.posterior(noise, labels, unseen)
    targets = np.where(known >= 0, known, labels)
    pooled = pool(models, targets, counted=(known != NO_CLASS) & (none < 0.5))
    noisy = np.asarray(blind_posterior(noise, labels), dtype=np.float64)
    modelled = np.clip(1 - (1 - none) * noisy[rows, labels], 0, 1)
    reading = read_rate(modelled, curve, companions=companions)
    reading = replace(reading, sure=min(reading.sure, share_standing_out(pooled.probs, labels)))
    gain = transition.measure_gain(pooled.probs, labels, fold_of)
    matrix = transition.fit(pooled.probs, labels, full=gain.earned)
    inside = max(reading.rate - float(none.mean()), _LEAST / len(labels))
    matrix = transition.anchor(pooled.probs, matrix, labels, inside)
    posterior = transition.posterior(pooled.probs, matrix, labels)
    if gain.earned:
        plain = transition.anchor(pooled.probs, transition.even(0.1, posterior.shape[1]), labels, inside)
        three = (posterior, noisy, transition.posterior(pooled.probs, plain, labels))
        mean = np.exp(sum(np.log(np.maximum(one, 1e-12)) for one in three) / len(three))
        posterior = mean / mean.sum(axis=1, keepdims=True)
    return Consensus(
        channel=NoiseModel(
            weights=pooled.weights,
            transition=matrix,
            probs=pooled.probs.astype(np.float32),
            posterior=posterior.astype(np.float32),
            loss=noise.loss,
        ),
        pooled=1 - pooled.probs[rows, labels],
        modelled=modelled,
        none=none,
        noise=noise,
        gain=gain,
        reading=reading,
    )


def set_suspicion(posterior: Floats, labels: Ints, suspicion: Floats) -> Floats:
    """(n, C) ``posterior`` with 1 - ``suspicion`` (n,) as the given label's probability, the others in proportion."""
    rows = np.arange(len(labels))
    scaled = np.asarray(posterior, dtype=np.float64).copy()
    scaled[rows, labels] = 0
    rest = scaled.sum(axis=1, keepdims=True)
    even = suspicion[:, None] / max(posterior.shape[1] - 1, 1)
    scaled = np.where(rest > 0, scaled * (suspicion[:, None] / np.where(rest > 0, rest, 1)), even)
    scaled[rows, labels] = 1 - suspicion
    return scaled
