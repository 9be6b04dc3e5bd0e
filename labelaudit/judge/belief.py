"""Belief in the label of each sample: the noise model's posterior with copies, groups and verdicts counted in.

Samples of the same bytes or of one group show one true class, what people have verified is certain, and an image of no
class has no right label. Left out: what follows from it (`labelaudit.judge.decide`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labelaudit.judge.linear import group_rows
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel
from labelaudit.judge.scores import own_and_others, softmax
from labelaudit.leading import Leading, Table, take_rows
from labelaudit.names import distinct, number_names
from labelaudit.types import Bools, Floats, Ints

LEAST_ERROR = 0.01
"""Share of labels that are taken to be wrong at least when the labels of a group are counted as votes."""
UNLIKE = 0.3
"""Groups of several classes that are taken to have been seen before any: of few groups nearly all show one class."""
_STEPS = 100  # of expectation and maximisation, which the share of groups that show one class takes
_TINY = 1e-9


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
        posterior = judge_groups_together(posterior, labels, groups, noise.probs, digests)
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


def judge_groups_together(
    posterior: Table, labels: Ints, groups: Ints, blind: Table, digests: Sequence[str] | None = None
) -> Table:
    """(n, C) ``posterior`` where members of one of the ``groups`` (n,), numbers from 0 on, share one true class: what
    each image shows is averaged.

    Members that carry one label count as one reading, for it was given to all of them at once. Where they disagree,
    their labels were given one by one, and each counts as a vote, as far as the group shows one class. How many groups
    do is the share that makes all their labels likeliest, by ``blind`` (n, C), what models that have not seen them say.
    Half of the weight of a group's votes is its own probability, half the mean of all that disagree, since models err
    alike on images that are alike. Images of the same bytes, by their ``digests`` (n,), always show one class.
    """
    classes = posterior.shape[1]
    error = float(np.clip(1 - posterior[np.arange(len(labels)), labels].mean(), LEAST_ERROR, 0.5))
    vote = float(np.log((1 - error) * max(classes - 1, 1) / error))
    joint = take_rows(posterior, np.arange(len(labels)))
    torn, gains = list[tuple[int, Ints]](), list[float]()
    for rows in group_rows(groups):
        counts = np.bincount(labels[rows], minlength=classes)
        most = counts == counts.max()
        agreed = np.log(np.maximum(posterior[rows[most[labels[rows]]]], 1e-12)).mean(axis=0)
        copies = digests is not None and len({digests[row] for row in rows.tolist()}) == 1
        if (counts > 0).sum() > 1:
            agreed = agreed + vote * (counts - most / most.sum())
            if not copies:
                torn.append((len(gains), rows))
        joint[rows] = softmax(agreed)
        if not copies:
            gains.append(_gain_of_one_class(blind[rows], labels[rows], vote))
    if not torn:
        return joint
    one = _probably_of_one_class(np.array(gains))[[place for place, _ in torn]]
    for (_, rows), weight in zip(torn, (one + one.mean()) / 2, strict=True):
        joint[rows] = weight * joint[rows] + (1 - weight) * posterior[rows]
    return joint


def _gain_of_one_class(blind: Floats, labels: Ints, vote: float) -> float:
    """Log-likelihood ratio of the ``labels`` (m,) of a group: its images show one class, or they show several.

    ``blind`` (m, C) is what each image shows, and a wrong label is less likely than the right one by ``vote``; the
    ratio and ``vote`` are natural logarithms.
    """
    shown = np.log(np.maximum(blind, _TINY, dtype=np.float64))
    said = np.full_like(shown, -vote)
    said[np.arange(len(labels)), labels] = 0.0
    total, common = np.logaddexp.reduce, shown.mean(axis=0)
    one = total(common + said.sum(axis=0)) - total(common)
    each = total(shown + said, axis=1).sum()
    same, alike = total((shown + said).sum(axis=0)), total(shown.sum(axis=0))  # of the same class by chance
    several = each + np.log(max(-np.expm1(same - each), _TINY)) - np.log(max(-np.expm1(alike), _TINY))
    return float(one - several)


def _probably_of_one_class(gains: Floats) -> Floats:
    """(g,) probability that each group shows one class, by its gain of `_gain_of_one_class` and the share that do.

    >>> _probably_of_one_class(np.array([1.0] * 20 + [-3.0])).round(2)[[0, -1]].tolist()
    [0.98, 0.45]
    >>> _probably_of_one_class(np.array([1.0] * 5 + [-3.0] * 5)).round(2)[[0, -1]].tolist()
    [0.62, 0.03]
    """
    share = 0.5
    for _ in range(_STEPS):
        one = np.asarray(expit(gains + np.log(share / (1 - share))))
        share = (one.sum() + 1) / (len(one) + 1 + UNLIKE)
    return one


def count_groups(labels: Ints, groups: Ints, classes: int) -> Ints:
    """(C,) number of groups that each class lies in; ``groups`` (n,) are numbers."""
    return np.bincount(distinct(groups * classes + labels) % classes, minlength=classes)
