"""Belief in the label of each sample: the noise model's posterior with copies, groups and verdicts counted in.

Samples of the same bytes or of one group show one true class, what people have verified is certain, and an image of no
class has no right label. Left out: what follows from it (`labelaudit.judge.decide`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.judge.linear import group_rows
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel
from labelaudit.judge.scores import own_and_others, softmax
from labelaudit.leading import Leading, Table, take_rows
from labelaudit.names import distinct, number_names
from labelaudit.types import Bools, Floats, Ints

LEAST_ERROR = 0.01
"""Share of labels that are taken to be wrong at least when the labels of a group are counted as votes."""
SHARED = 0.75
"""Share of pairs within groups that must agree for a group to be taken to show one class."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Belief:
    """The belief in the labels of n samples."""

    noise: NoiseModel
    """The fit that it begins from."""
    labels: Ints
    """(n,) given labels."""
    posterior: Table
    """(n, C) probability of each true class."""
    suspicion: Floats
    """(n,) probability of a wrong label."""
    known: Ints
    """(n,) what people have verified, as in `fit_noise_model`."""
    lost: Bools
    """(n,) belongs rather to no class: the label is wrong, and no other one is right."""
    copies: Ints
    """(n,) distinct labels that the image's copies carry."""
    counts: Ints
    """(C,) images or groups of each class that its models learned from."""
    companions: float
    """Samples for each group, on average."""


def believe(
    noise: NoiseModel,
    labels: Ints,
    *,
    digests: Sequence[str] | None = None,
    groups: Ints | None = None,
    counts: Ints | None = None,
    known: Ints | None = None,
    strangers: Floats | None = None,
) -> Belief:
    """Complete what a fitted noise model says of its samples.

    Args:
        noise: fitted on the same samples.
        labels: (n,) given labels.
        digests: (n,) content digests, None where each is there once. Copies of one image are judged together: each
            *distinct* label they carry is one more reading of the same true class.
        groups: (n,) numbers from 0 on, as of `Samples.numbered_groups`, None where these are the digests. Near-copies
            are judged together too, and a class counts by its groups.
        counts: (C,) images per class that its models learned from; those of ``labels`` unless given.
        known: (n,) what people have verified, as in `fit_noise_model`; nothing unless given.
        strangers: (n,) probability that the image belongs to no class (`labelaudit.judge.open_set`).
    """
    known = np.full(len(labels), UNKNOWN) if known is None else known
    classes, companions = noise.posterior.shape[1], 1.0
    if groups is not None:
        counts = count_groups(labels, groups, classes) if counts is None else counts
        companions = len(labels) / (int(groups.max()) + 1)
    elif counts is None:
        counts = np.bincount(labels, minlength=classes)
    posterior, copies = _judge_copies_together(noise, labels, digests)
    if groups is not None:
        posterior = judge_groups_together(posterior, labels, groups)
    if (known != UNKNOWN).any():
        posterior = _apply_verdicts(posterior, labels, known)
    right, wrong = own_and_others(posterior, labels)  # a label that rounds to certain is still ranked by the others
    whole = right + wrong  # nothing where a verdict took away the one class that was believed in
    suspicion = np.divide(wrong, whole, out=np.ones_like(whole), where=whole > 0)
    lost = np.zeros(len(labels), dtype=bool)
    if strangers is not None:
        posterior = _scale_rows(posterior, 1.0 - strangers)
        suspicion += strangers * (1.0 - suspicion)
        lost = strangers >= 0.5
    return Belief(
        noise=noise,
        labels=labels,
        posterior=posterior,
        suspicion=suspicion,
        known=known,
        lost=lost,
        copies=copies,
        counts=counts,
        companions=companions,
    )


def _apply_verdicts(posterior: Table, labels: Ints, known: Ints) -> Table:
    """(n, C) ``posterior`` in which what people have verified is certain."""
    posterior = take_rows(posterior, np.arange(len(labels)))
    rows = np.flatnonzero(known >= 0)
    certain = np.zeros((len(rows), posterior.shape[1]))
    certain[np.arange(len(rows)), known[rows]] = 1.0
    posterior[rows] = certain
    rows = np.flatnonzero(known == NO_CLASS)
    others = posterior[rows]
    others[np.arange(len(rows)), labels[rows]] = 0.0
    rest = others.sum(axis=1, keepdims=True)
    posterior[rows] = np.divide(others, rest, out=others, where=rest > 0)
    return posterior


def _scale_rows(posterior: Table, factors: Floats) -> Table:
    """(n, C) ``posterior`` with each row times its entry of ``factors`` (n,)."""
    return posterior.scaled(factors) if isinstance(posterior, Leading) else posterior * factors[:, None]


def _judge_copies_together(noise: NoiseModel, labels: Ints, digests: Sequence[str] | None) -> tuple[Table, Ints]:
    """(n, C) posterior with all distinct labels of byte-identical samples counted, and (n,) how many those are."""
    carried = np.ones(len(labels), dtype=np.int64)
    if digests is None:
        return noise.posterior, carried
    posterior = take_rows(noise.posterior, np.arange(len(labels)))
    for group in group_rows(number_names(digests).code):
        given = np.unique(labels[group])
        if len(given) < 2:
            continue
        joint = np.log(np.maximum(noise.probs[group].mean(axis=0, dtype=np.float64), 1e-12))
        joint += np.log(noise.transition[:, given]).sum(axis=1)
        posterior[group] = softmax(joint)
        carried[group] = len(given)
    return posterior, carried


def judge_groups_together(posterior: Table, labels: Ints, groups: Ints) -> Table:
    """(n, C) ``posterior`` where members of one of the ``groups`` (n,), numbers from 0 on, share one true class: what
    each image shows is averaged.

    Members that carry one label count as one reading, for it was given to all of them at once. Where they disagree,
    their labels were given one by one, and each counts as a vote. Unchanged where groups are not of one class: where
    two members agree in fewer than `SHARED` of all cases.
    """
    if _agreement(groups, labels) < SHARED:
        return posterior
    classes = posterior.shape[1]
    error = float(np.clip(1 - posterior[np.arange(len(labels)), labels].mean(), LEAST_ERROR, 0.5))
    vote = np.log((1 - error) * max(classes - 1, 1) / error)
    joint = take_rows(posterior, np.arange(len(labels)))
    for rows in group_rows(groups):
        counts = np.bincount(labels[rows], minlength=classes)
        most = counts == counts.max()
        mean = np.log(np.maximum(posterior[rows[most[labels[rows]]]], 1e-12)).mean(axis=0)
        if (counts > 0).sum() > 1:
            mean = mean + vote * (counts - most / most.sum())
        joint[rows] = softmax(mean)
    return joint


def count_groups(labels: Ints, groups: Ints, classes: int) -> Ints:
    """(C,) number of groups that each class lies in; ``groups`` (n,) are numbers."""
    return np.bincount(distinct(groups * classes + labels) % classes, minlength=classes)


def _agreement(groups: Ints, labels: Ints) -> float:
    """Share of the pairs of members of one group that carry the same label."""
    cells = np.unique(np.stack([groups, labels]), axis=1, return_counts=True)[1].astype(np.float64)
    sizes = np.bincount(groups).astype(np.float64)
    pairs = float((sizes * (sizes - 1)).sum())
    return float((cells * (cells - 1)).sum()) / pairs if pairs else 0.0
