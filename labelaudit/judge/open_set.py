"""Images that belong to no class of the dataset (open-set noise), found without truth.

A stranger carries some label, but no model can say which one: its neighbours' labels disagree, and so do the models.
That alone is also true of a hard image. What tells them apart is that strangers look like something of their own: a
classifier that never saw an image's own label can pick them out. So one more class, "none", is learned by EM beside the
noise channel::

    P(given = j | x) = u(x) π_j + (1 - u(x)) Σ_k q(k | x) T_x[k, j]

u is a logistic regression on three held-out readings (a discriminant and a neighbour vote for "none", and the entropy
of q), π the shares of the given labels. The extra class is kept only if the likelihood of the given labels gains from
it by more than a closed dataset could (docs/evidence.md). Left out: single odd images, which nothing can be learned
from, and a stranger that looks just like one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.judge import probes
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel, likelihoods
from labelaudit.leading import blocks_of
from labelaudit.types import Floats, Ints

LEAST_GAIN = 1e-3
"""Nats per sample that the class "none" must bring. Measured: .012 with 10 % strangers, at most .0003 without any."""
GAIN_EACH = 0.03
"""Nats that each stranger must bring. Measured: .1 with 10 % strangers; .01 to .02 where a seventh of the images, cats
and dogs that models are in doubt about, were taken for strangers, of which there were 1 %."""
_ROUNDS, _PARAMETERS = 6, 4
_STARTS_AT, _STEEPNESS = 0.8, 20.0  # of the entropy of q, 1 = all classes alike
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """For each sample the probability, from its image alone, that it belongs to no class of the dataset (open-set
    noise)."""

    prior: Floats
    """(n,) u: probability from the image alone that it belongs to no class."""
    gain: float
    """Nats per sample that the class "none" adds to the likelihood of the given labels."""

    def is_earned(self, groups: int) -> bool:
        """Whether the gain exceeds what its parameters earn by chance among ``groups`` independent opinions: Schwarz's
        criterion. Members of a group are of no class together, and count once.

        >>> OpenSet(prior=np.zeros(0), gain=0.0128).is_earned(196), OpenSet(prior=np.zeros(0), gain=0.06).is_earned(196)
        (False, True)
        """
        return bool(self.gain * groups >= _PARAMETERS / 2 * np.log(groups))

    def posterior(self, channel: NoiseModel, labels: Ints, known: Ints) -> Floats:
        """(n,) probability of belonging to no class once the given label is counted in; 0 or 1 where people said."""
        shares = np.bincount(labels, minlength=channel.probs.shape[1]) / len(labels)
        inside = (1 - self.prior) * likelihoods(channel, labels)
        outside = self.prior * shares[labels]
        found = outside / (outside + inside)
        return np.asarray(np.where(known == UNKNOWN, found, known == NO_CLASS), dtype=np.float64)


def find_open_set(
    channel: NoiseModel,
    labels: Ints,
    *,
    x: npt.NDArray[np.float32],
    near: tuple[Floats, Ints],
    fold_of: Ints,
    digests: Sequence[str],
) -> OpenSet | None:
    """Learn the class "none", or find that there is none.

    Args:
        channel: fitted to the given ``labels`` (n,).
        x: (n, d) features.
        near: similarities and rows (n, k) of the nearest other samples.
        fold_of: (n,) fold of each sample; a fold is judged by the model of the others.
        digests: (n,) content digests; copies of an image have no say about it.
    """
    classes = channel.probs.shape[1]
    shares = np.bincount(labels, minlength=classes) / len(labels)
    inside = likelihoods(channel, labels)
    entropy = _entropy(channel)
    base = float(-np.log(inside).mean())
    prior = 1 / (1 + np.exp(_STEEPNESS * (_STARTS_AT - entropy)))
    weights = probes.vote_weights(*near, digests)
    gain = 0.0
    for _ in range(_ROUNDS):
        none = _responsibility(prior, shares[labels], inside)

        def believe(rows: slice | Ints, none: Floats = none) -> Floats:
            own = none[rows, None]
            return np.concatenate([channel.posterior[rows] * (1 - own), own], axis=1, dtype=np.float32)

        votes = 0.5 / (classes + 1) + (weights * none[near[1]]).sum(axis=1)
        readings = np.stack(
            [
                _logit(probes.soft_discriminant(x, believe, classes + 1, fold_of)) / 5,
                _logit(votes / (0.5 + weights.sum(axis=1))),
                entropy,
            ],
            axis=1,
        )
        prior = _regress(readings, none)
        gain = base - float(-np.log(prior * shares[labels] + (1 - prior) * inside).mean())
        if gain <= 0:
            return None
    taken = float(_responsibility(prior, shares[labels], inside).mean())
    return OpenSet(prior=prior, gain=gain) if gain >= max(LEAST_GAIN, GAIN_EACH * taken) else None


def _entropy(channel: NoiseModel) -> Floats:
    """(n,) of the class probabilities, 1 = all classes alike."""
    found = np.empty(len(channel.probs))
    for rows in blocks_of(channel.probs):
        probs = channel.probs[rows]
        found[rows] = -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=1, dtype=np.float64)
    return np.asarray(found / np.log(channel.probs.shape[1]))


def _responsibility(prior: Floats, outside: Floats, inside: Floats) -> Floats:
    none = prior * outside
    return np.asarray(none / np.maximum(none + (1 - prior) * inside, 1e-300))


def _logit(probability: npt.NDArray[Any]) -> Floats:
    p = np.clip(probability.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))


def _regress(readings: Floats, target: Floats) -> Floats:
    """(n,) fitted probabilities of a logistic regression on soft targets (n,)."""
    from sklearn.linear_model import LogisticRegression

    n = len(target)
    model = LogisticRegression().fit(
        np.concatenate([readings, readings]),
        np.repeat([1, 0], n),
        sample_weight=np.concatenate([target, 1 - target]) + 1e-9,
    )
    return np.asarray(np.clip(model.predict_proba(readings)[:, 1], _LEAST, 1 - _LEAST))
