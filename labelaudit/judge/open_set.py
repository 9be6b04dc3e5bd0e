"""Images that belong to no class of the dataset (open-set noise), found without truth.

A stranger carries some label, but no model can say which one: its neighbours' labels disagree, and so do the models.
That alone is also true of a hard image. What tells them apart is that strangers look like something of their own: a
classifier that never saw an image's own label can pick them out. So one more class, "none", is learned beside the
noise model, in turns with its opinion of each image, at first of those whose labels are unlikely::

    P(given = j | x) = u(x) π_j + (1 - u(x)) Σ_k q(k | x) T[k, j]

u is a logistic regression on three held-out readings (a discriminant and a neighbour vote for "none", strangeness), π
the shares of the given labels. A group of copies is one opinion throughout, however many members it has. The extra
class counts as far as the likelihood of the given labels gains from it more than a closed dataset could, and than the
gain's own error (docs/evidence.md). Left out: single odd images, which nothing can be learned from, and a stranger that
looks just like one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from labelaudit.judge import probes
from labelaudit.judge.noise_model import NoiseModel, likelihoods
from labelaudit.judge.scores import log_odds
from labelaudit.judge.strangeness import measure_strangeness
from labelaudit.names import number_names
from labelaudit.types import Floats, Ints

EACH = 0.1
"""Nats that each stranger must bring: on fifteen sets true ones brought .4 to 1.4, the tenth of 2,000 small cats
and dogs that models are rightly in doubt about .08."""
BY_CHANCE = 3.0
"""Nats that the class "none" may bring by chance beside its error: 1.3 at most on eight sets without strangers whose
labels are mostly right."""
_ROUNDS = 4
_FIRST = 0.1  # prior of each image at first
_LEAST, _LEAST_WEIGHT = 1e-6, 0.1


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """For each sample the probability, from its image alone, that it belongs to no class of the dataset (open-set
    noise)."""

    prior: Floats
    """(n,) u: probability from the image alone that it belongs to no class."""
    gain: float
    """Nats per group that the class "none" adds to the likelihood of the given labels."""
    weight: float
    """Probability that there are such images at all, by `weigh`."""
    shares: Floats
    """(C,) shares of the given labels, as strangers carry them; a group counts for one."""

    def posterior(self, noise: NoiseModel, labels: Ints) -> Floats:
        """(n,) probability of belonging to no class once the given label is counted in; blind to verdicts."""
        return self.weight * _responsibility(self.prior, self.shares[labels], _inside(noise, labels))


def beats_even_errors(found: OpenSet, noise: NoiseModel, labels: Ints) -> bool:
    """Whether the class "none" says more of the ``labels`` (n,) than one share of even errors among all images would.

    A noise model of many classes is fitted to few images of each and reads even errors low; a class "none" that takes a
    share of every image makes up for that, and then takes each wrong label for a stranger's.
    """
    outside, inside = found.shares[labels], _inside(noise, labels)

    def explain(prior: Any) -> float:
        return float(np.log(prior * outside + (1 - prior) * inside).mean())

    even = max(explain(share) for share in np.geomspace(1e-3, 0.9, 60))
    return bool((explain(found.prior) - even) * len(labels) > BY_CHANCE + EACH * found.prior.sum())


def weigh(gain: float, error: float, taken: float) -> float:
    """Probability that there are images of no class, if the class "none" brings ``gain`` nats in all.

    Taken off are its standard ``error``, what chance brings, and `EACH` for each of the images ``taken``: a likelihood
    ratio, so that no image more turns a set over.

    >>> round(weigh(24.4, 9.0, 26), 3), round(weigh(8.8, 4.0, 6), 3), round(weigh(16.7, 1.1, 200), 3)
    (1.0, 0.769, 0.001)
    """
    return float(expit(gain - error - BY_CHANCE - EACH * taken))


def find_open_set(
    noise: NoiseModel,
    labels: Ints,
    *,
    x: npt.NDArray[np.float32],
    near: tuple[Floats, Ints],
    fold_of: Ints,
    digests: Sequence[str],
) -> OpenSet | None:
    """Learn the class "none", or find that there is none.

    Args:
        noise: fitted to the given ``labels`` (n,).
        x: (n, d) features, of which each image has as much: unit lengths (`probes.join_units`).
        near: similarities and rows (n, k) of the nearest other samples.
        fold_of: (n,) fold of each sample; a fold is judged by the model of the others.
        digests: (n,) content digests, or groups; members have no say about each other, and count as one opinion.
    """
    classes = noise.probs.shape[1]
    group = number_names(digests).code
    sizes = np.bincount(group)
    counts = 1 / sizes[group]  # (n,) what each sample counts for: a group counts for one
    shares = np.bincount(labels, counts, minlength=classes) / len(sizes)
    inside = _inside(noise, labels)
    strange = measure_strangeness(x, labels, classes, fold_of)
    prior = np.full(len(labels), _FIRST)
    weights = probes.vote_weights(*near, digests).astype(np.float64)
    for _ in range(_ROUNDS):
        none = _responsibility(prior, shares[labels], inside)

        def believe(rows: Ints, none: Floats = none) -> Floats:
            own = none[rows, None]
            both = np.concatenate([noise.posterior[rows] * (1 - own), own], axis=1, dtype=np.float32)
            return np.asarray(both * counts[rows, None], dtype=np.float32)

        votes = 0.5 / (classes + 1) + (weights * none[near[1]]).sum(axis=1)
        readings = np.stack(
            [
                log_odds(probes.soft_discriminant(x, believe, classes + 1, fold_of), _LEAST) / 5,
                log_odds(votes / (0.5 + weights.sum(axis=1)), _LEAST),
                strange,
            ],
            axis=1,
        )
        prior = _regress(readings, shares[labels], inside, none, counts)
    taken = float(_responsibility(prior, shares[labels], inside) @ counts)
    ratio = np.log(prior * shares[labels] + (1 - prior) * inside) - np.log(inside)
    gains = np.bincount(group, ratio * counts)
    gain, error = float(gains.sum()), float(gains.std() * np.sqrt(len(gains)))
    weight = weigh(gain, error, taken)
    if weight < _LEAST_WEIGHT:
        return None
    return OpenSet(prior=prior, gain=gain / len(gains), weight=weight, shares=shares)


def _inside(noise: NoiseModel, labels: Ints) -> Floats:
    """(n,) probability of the given labels of images that belong to a class.

    Without the noise model's slope, which would explain strangers as hard images.
    """
    return np.asarray(likelihoods(replace(noise, slope=0.0), labels), dtype=np.float64)


def _responsibility(prior: Floats, outside: Floats, inside: Floats) -> Floats:
    none = prior * outside
    return np.asarray(none / np.maximum(none + (1 - prior) * inside, 1e-300))


def _regress(readings: Floats, outside: Floats, inside: Floats, none: Floats, counts: Floats) -> Floats:
    """(n,) u of the logistic regression on ``readings`` (n, r) under which the given labels are likeliest.

    ``outside`` and ``inside`` (n,) are the probabilities of the label of a stranger and of another image; the search
    starts from the share that the present belief ``none`` (n,) gives to every image; a sample counts for ``counts``
    (n,). Slopes have a standard normal prior.
    """
    x = np.concatenate([readings, np.ones((len(none), 1))], axis=1)

    def objective(point: Floats) -> tuple[float, Floats]:
        prior, slopes = expit(x @ point), np.append(point[:-1], 0.0)
        likelihood = prior * outside + (1 - prior) * inside
        rise = counts * (outside - inside) * prior * (1 - prior) / likelihood
        return float(slopes @ slopes / 2 - counts @ np.log(likelihood)), slopes - x.T @ rise

    share = np.average(none, weights=counts, keepdims=True)
    start = np.append(np.zeros(readings.shape[1]), log_odds(share, _LEAST))
    found = minimize(objective, start, jac=True, method="L-BFGS-B")
    return np.asarray(np.clip(expit(x @ found.x), _LEAST, 1 - _LEAST))
