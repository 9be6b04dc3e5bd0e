"""Several people's labels of the same images: what is right, how sure that is, and how good each of them is.

Dawid and Skene (1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm") with what the
images show as prior: the true class of image i has the probability

    P(z | votes of i, x) ∝ p(z | x)^τ · Π_a π_a[z, vote of a]

p are held-out probabilities, whose model has not seen the votes on i; τ, how far they are to be believed, maximises the
likelihood of the votes; π_a is the confusion matrix of annotator a, pulled towards the one of all annotators as far as
few votes ask for it. Left out: annotators whose quality changes with the kind of image or over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from labelaudit.judge.scores import softmax
from labelaudit.types import Floats, Ints

TEMPERS = tuple(np.linspace(0, 1.5, 16).tolist())
"""Values of τ that are tried; 0 leaves the images out."""
PULL = 20.0
"""Votes per true class that the common confusion matrix weighs in that of an annotator."""
COMMON_PULL = 10.0
"""Votes per true class that an annotator who is right nine times in ten weighs in the common matrix."""
_RIGHT = 0.9
_ROUNDS = 50
_SETTLED = 1e-5
_FLOOR = 1e-9


@dataclass(frozen=True, kw_only=True)
class Votes:
    """v labels that annotators gave to n images."""

    rows: Ints
    """(v,) image of each vote."""
    annotators: Ints
    """(v,) who gave it, index into `names`."""
    labels: Ints
    """(v,) class that was given."""
    names: tuple[str, ...]
    """(A,) names of the annotators."""
    images: int
    """n"""
    classes: int
    """C"""

    def shares(self) -> Floats:
        """(n, C) share of each image's votes for each class."""
        counts = self.counts()
        return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))

    def counts(self) -> Floats:
        """(n, C) number of votes."""
        counts = np.zeros((self.images, self.classes))
        np.add.at(counts, (self.rows, self.labels), 1.0)
        return counts


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The consensus of the votes and the images, and how good each annotator is."""

    labels: Ints
    """(n,) most probable class."""
    posterior: Floats
    """(n, C) probability of each class being the true one."""
    agreement: Floats
    """(n,) share of the image's votes for the consensus label."""
    temper: float
    """τ: how far the held-out probabilities are believed."""
    quality: Floats
    """(A,) share of an annotator's votes that are right."""
    quality_interval: Floats
    """(A, 2) 90 % interval of it."""

    @property
    def score(self) -> Floats:
        """(n,) probability that the consensus label is right: ``consensus_quality_score``."""
        return np.asarray(self.posterior[np.arange(len(self.labels)), self.labels])


def find_consensus(votes: Votes, probs: Floats) -> Consensus:
    """Weigh the votes by how good their annotators are, and by the held-out ``probs`` (n, C).

    >>> votes = Votes(rows=np.array([0, 0, 0, 1, 1, 1]), annotators=np.array([0, 1, 2] * 2),
    ...               labels=np.array([0, 0, 1, 1, 1, 1]), names=("a", "b", "c"), images=2, classes=2)
    >>> find_consensus(votes, np.full((2, 2), 0.5)).labels.tolist()
    [0, 1]
    """
    logs = np.log(np.maximum(probs, _FLOOR))
    tried = [(*_iterate(votes, logs, temper), temper) for temper in TEMPERS]
    posterior, _, temper = min(tried, key=lambda one: one[1])
    labels = posterior.argmax(axis=1)
    right = posterior[votes.rows, votes.labels]
    given = np.bincount(votes.annotators, minlength=len(votes.names))
    hits = np.bincount(votes.annotators, weights=right, minlength=len(votes.names))
    return Consensus(
        labels=labels,
        posterior=posterior,
        agreement=votes.shares()[np.arange(votes.images), labels],
        temper=temper,
        quality=hits / np.maximum(given, 1),
        quality_interval=np.stack([betaincinv(hits + 0.5, given - hits + 0.5, end) for end in (0.05, 0.95)], axis=1),
    )


def order_by_need(votes: Votes, consensus: Consensus) -> Ints:
    """(n,) rows in the order in which one more vote is expected to settle most: least sure consensus, fewest votes."""
    doubt = 1 - consensus.score
    asked = np.bincount(votes.rows, minlength=votes.images)
    return np.lexsort((np.arange(votes.images), -doubt / (1 + asked)))


def _iterate(votes: Votes, logs: Floats, temper: float) -> tuple[Floats, float]:
    """Posterior (n, C) by expectation maximisation at one ``temper``, and the negative log-likelihood of the votes per
    image in nats."""
    prior = softmax(temper * logs)
    posterior = votes.shares() * 0.9 + prior * 0.1
    shares = posterior.mean(axis=0)
    loss = np.inf
    for _ in range(_ROUNDS):
        confusion = _fit_confusion(votes, posterior)
        joint = np.log(np.maximum(prior, _FLOOR))
        if not temper:
            joint = joint + np.log(np.maximum(shares, _FLOOR))
        np.add.at(joint, votes.rows, np.log(confusion[votes.annotators, :, votes.labels]))
        highest = joint.max(axis=1, keepdims=True)
        raised = np.exp(joint - highest)
        total = raised.sum(axis=1, keepdims=True)
        posterior = raised / total
        shares = posterior.mean(axis=0)
        before, loss = loss, float(-(highest + np.log(total)).mean())
        if before - loss < _SETTLED:
            break
    return posterior, loss


def _fit_confusion(votes: Votes, posterior: Floats) -> Floats:
    """(A, C, C) confusion of each annotator, pulled towards the common one, and that one towards good annotators."""
    people, classes = len(votes.names), votes.classes
    counts = np.zeros((people, classes, classes))
    np.add.at(counts.transpose(0, 2, 1), (votes.annotators, votes.labels), posterior[votes.rows])
    good = np.full((classes, classes), (1 - _RIGHT) / max(classes - 1, 1))
    np.fill_diagonal(good, _RIGHT)
    common = counts.sum(axis=0) + COMMON_PULL * good
    common /= common.sum(axis=1, keepdims=True)
    pulled = counts + PULL * common
    return np.asarray(pulled / pulled.sum(axis=2, keepdims=True))
