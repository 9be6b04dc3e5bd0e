"""From evidence to one verdict per sample: ranking, flags, suggested labels, noise rate, noise matrix, reasons.

The suspicion is the noise model's posterior probability that the given label is wrong
(`labelaudit.judge.noise_model`); the methods' probabilities enter through its pool with weights that the likelihood of
the given labels sets. Left out: guarantees about the flags; those need a person's review.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labelaudit.judge.linear import group_rows
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel
from labelaudit.judge.reading import Reading, lower_end, upper_end
from labelaudit.judge.reasons import explain, see
from labelaudit.judge.scores import own_and_others, softmax, strongest_other, sum_by_label
from labelaudit.leading import Leading, Table, by_class, take_rows, work_on_blocks
from labelaudit.names import number_names
from labelaudit.types import Bools, Decision, Floats, Ints

HIGHEST = 0.5
"""The threshold where hardly any label is wrong: what stands below it is rather right than wrong."""
LOWEST = 0.02
"""The least suspicion that is ever flagged."""
SURE = 0.9
"""Probability of a wrong label from which a suspect is sure, by a scan's own scale as by that of verdicts: nine of ten
are right or more, and of clean sets hardly 1 % reach it (docs/evidence.md)."""
LEAST_ERROR = 0.01
"""Share of labels that are taken to be wrong at least when the labels of a group are counted as votes."""
SHARED = 0.75
"""Share of pairs within groups that must agree for a group to be taken to show one class."""
FEWEST = 5
"""A class with fewer images cannot be judged: some fold would have to do without it."""
_SOME = 1.5  # wrong labels that must be expected for a threshold below `HIGHEST`
_DOUBT = 0.1  # probability of a wrong label from which a sample counts in the upper end of the noise rate
_CELLS = 1 << 18  # that are worked on at a time


def decide(
    noise: NoiseModel,
    labels: Ints,
    classes: Sequence[str],
    *,
    digests: Sequence[str] | None,
    groups: Ints | None = None,
    counts: Ints | None = None,
    known: Ints | None = None,
    strangers: Floats | None = None,
    blank: Bools | None = None,
    reading: Reading | None = None,
    threshold: float | None = None,
    sure: float = SURE,
) -> Decision:
    """Turn a fitted noise model into a `Decision`.

    Args:
        noise: fitted on the same samples.
        labels: (n,) given labels.
        classes: (C,) names, for the reasons.
        digests: (n,) content digests, None where each is there once. Copies of one image are judged together: each
            *distinct* label they carry is one more reading of the same true class.
        groups: (n,) numbers from 0 on, as of `Samples.numbered_groups`, None where these are the digests. Near-copies
            are judged together too, a class counts by its groups, and the interval is that of as many samples as there
            are groups.
        counts: (C,) images per class that its models learned from; those of ``labels`` unless given.
        known: (n,) what people have verified, as in `fit_noise_model`. It is final: such a sample is flagged if and
            only if its label was found wrong.
        strangers: (n,) probability that the image belongs to no class (`labelaudit.judge.open_set`): its label is
            wrong, and no other one is right.
        blank: (n,) images with nothing to see, which are not judged, but as suspect as any; none unless given.
        reading: of the noise rate; counted from the suspicions unless given.
        threshold: suspicion from which a sample is flagged; that of `flag`, from `LOWEST` to `HIGHEST`, unless given.
        sure: suspicion from which a flagged sample is sure; without a ``threshold`` more where the ``reading`` bears
            out fewer.
    """
    known = np.full(len(labels), UNKNOWN) if known is None else known
    companions = 1.0
    if groups is not None:
        counts = count_groups(labels, groups, len(classes)) if counts is None else counts
        companions = len(labels) / (int(groups.max()) + 1)
    elif counts is None:
        counts = np.bincount(labels, minlength=len(classes))
    posterior, suspicion, copies = _believe(noise, labels, digests, groups, known=known, strangers=strangers)
    blank = np.zeros(len(labels), dtype=bool) if blank is None else blank
    judged = ((counts[labels] >= FEWEST) & ~blank) | (known != UNKNOWN)
    scale = _scale(suspicion[judged], known[judged], reading, threshold=threshold, sure=sure, companions=companions)
    suspicion[blank & ~judged] = scale.rate
    flagged: Bools = (suspicion >= scale.threshold) & judged
    found = np.flatnonzero(flagged)
    rival = strongest_other(labels[found], take_rows(posterior, found))
    predicted = np.array(posterior.argmax(axis=1))
    predicted[found] = rival
    lost = np.zeros(len(found), dtype=bool) if strangers is None else strangers[found] >= 0.5
    shown = see(posterior[found, labels[found]], posterior[found, rival], lost)
    why = explain(classes, labels[found], rival, shown, copies[found], known[found])
    reasons = [""] * len(labels)
    for row in np.flatnonzero(~judged).tolist():
        few = f"{counts[labels[row]]} of {FEWEST} images that this class needs"
        reasons[row] = f"not judged: {'all of its pixels are alike' if blank[row] else few}"
    for row, text in zip(found.tolist(), why, strict=True):
        reasons[row] = text
    return Decision(
        suspicion=suspicion,
        is_issue=flagged,
        judged=judged,
        probs=posterior if isinstance(posterior, Leading) else posterior.astype(np.float32),
        predicted=predicted,
        threshold=scale.threshold,
        sure_threshold=scale.sure,
        noise_rate=scale.rate,
        noise_interval=scale.interval,
        noise_matrix=sum_by_label(posterior, labels, judged),
        reasons=tuple(reasons),
        recipe={
            "pool_weights": {name: round(weight, 4) for name, weight in noise.weights.items()},
            "channel_loss": noise.loss,
            "threshold": scale.threshold,
            "threshold_rule": "flag where the posterior probability of a wrong label reaches the threshold",
        },
    )


def _believe(
    noise: NoiseModel,
    labels: Ints,
    digests: Sequence[str] | None,
    groups: Ints | None,
    *,
    known: Ints,
    strangers: Floats | None,
) -> tuple[Table, Floats, Ints]:
    """(n, C) posterior with copies, groups and verdicts counted in, (n,) suspicion, and (n,) how many distinct labels
    each image's copies carry; arguments as of `decide`."""
    posterior, copies = _judge_copies_together(noise, labels, digests)
    if groups is not None:
        posterior = judge_groups_together(posterior, labels, groups)
    _apply_verdicts(posterior, labels, known)
    right, wrong = own_and_others(posterior, labels)  # what rounds to certainty keeps its rank by the others
    whole = right + wrong  # nothing where a verdict took away the one class that was believed in
    suspicion = np.divide(wrong, whole, out=np.ones_like(whole), where=whole > 0)
    if strangers is not None:
        posterior = _scale_rows(posterior, 1.0 - strangers)
        suspicion += strangers * (1.0 - suspicion)
    return posterior, suspicion, copies


class _Scale(NamedTuple):
    """The noise rate, and what is flagged and sure."""

    rate: float
    interval: tuple[float, float]
    threshold: float
    sure: float


def _scale(
    suspicion: Floats,
    known: Ints,
    reading: Reading | None,
    *,
    threshold: float | None,
    sure: float,
    companions: float,
) -> _Scale:
    """The scale of the ``suspicion`` (m,) of all that is judged, where ``known`` (m,) is verified; arguments as of
    `decide` and `noise_rate`."""
    rate, interval = noise_rate(suspicion, companions=companions)
    if reading is not None:
        rate, interval = reading.rate, (reading.low, reading.high)
    if threshold is not None:
        return _Scale(rate, interval, threshold, max(threshold, sure))
    some = float(suspicion.sum()) >= _SOME
    threshold = float(np.clip(flag(suspicion)[1], LOWEST, HIGHEST)) if some else HIGHEST
    sure = max(threshold, sure)
    if reading is not None:
        sure = bear_out(sure, suspicion[known == UNKNOWN], reading.sure)
        interval = (low_end_of_sure(interval[0], suspicion, sure, companions=companions), interval[1])
    return _Scale(rate, interval, threshold, sure)


def low_end_of_sure(low: float, suspicion: Floats, sure: float, *, companions: float = 1.0) -> float:
    """The lower end ``low`` of a noise rate, or that of the share of sure samples, if it is less.

    A model's doubt about hard images looks like wrong labels: of CIFAR-10's clean test images, 100 a class, readings of
    7 to 27 % were made, and 3 % of the images were sure. Only these may prove that a limit is broken.

    >>> doubt = np.array([0.9] * 3 + [0.6] * 100 + [0.0] * 897)
    >>> low_end_of_sure(0.07, doubt, 0.8), low_end_of_sure(0.07, doubt, 0.5) > 0.06
    (0.0, True)
    """
    if not len(suspicion):
        return low
    share = float((suspicion >= sure).mean())
    return min(low, lower_end(share, len(suspicion) / companions))


def flag(probability: Floats) -> tuple[Bools, float]:
    """(n,) the flags with the greatest expected F1, 2 Σ p / (flags + wrong), where ``probability`` (n,) is that of a
    wrong label, and the probability they start from.

    >>> flag(np.array([0.1, 0.9, 0.6, 0.4]))[1], flag(np.array([0.1, 0.9, 0.6, 0.2]))[1]
    (0.4, 0.6)
    """
    ordered = np.sort(probability)[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + max(float(ordered.sum()), 1e-9))
    threshold = float(ordered[int(expected.argmax())])
    return probability >= threshold, threshold


def suspicion_at(suspicion: Floats, count: float) -> float:
    """The suspicion from which ``count`` of ``suspicion`` (m,) are flagged, 1 where that is less than one sample.

    >>> suspicion_at(np.array([0.1, 0.9, 0.4]), 2.2), suspicion_at(np.array([0.1, 0.9]), 0.4)
    (0.4, 1.0)
    """
    place = min(round(count), len(suspicion))
    return float(np.partition(suspicion, -place)[-place]) if place else 1.0


def bear_out(sure: float, suspicion: Floats, share: float) -> float:
    """The threshold ``sure``, or where more than ``share`` of ``suspicion`` (m,), and more than one, reach it, one that
    just so many do.

    >>> high = np.array([0.96, 0.97, 0.99, 0.5])
    >>> bear_out(0.95, high, 0.75), bear_out(0.95, high, 0.5), bear_out(0.95, high, 0.0)
    (0.95, 0.965, 0.98)
    """
    count = max(1, round(share * len(suspicion)))
    if (suspicion >= sure).sum() <= count:
        return sure
    return (suspicion_at(suspicion, count + 1) + suspicion_at(suspicion, count)) / 2


def noise_rate(suspicion: Floats, *, companions: float = 1.0) -> tuple[float, tuple[float, float]]:
    """Share of wrong labels, and a 90 % interval, from the suspicions (m,) of the samples in question.

    The estimate is their mean. Labels alone cannot tell ambiguous images from wrong labels, so the interval runs from
    what a small mean can be trusted for (`lower_end`) to the share of samples with at least a 10 % chance of being
    wrong, widened by sampling error at both ends. Samples in groups of ``companions`` on average, wrong together, say
    as much as one each.

    >>> rate, (low, high) = noise_rate(np.array([0.9] * 100 + [0.2] * 100 + [0.0] * 800))
    >>> round(rate, 3), round(low, 3), round(high, 3)
    (0.11, 0.094, 0.229)
    """
    if not len(suspicion):
        return 0.0, (0.0, 1.0)
    mean, doubtful = float(suspicion.mean()), float((suspicion >= _DOUBT).mean())
    apart = len(suspicion) / companions
    return mean, (lower_end(mean, apart), upper_end(max(mean, doubtful), apart))


def open_interval(interval: tuple[float, float], blind: float) -> tuple[float, float]:
    """The ``interval`` of a noise rate where nothing is known of the labels of a share ``blind`` of the samples: from 0
    to where half of them are wrong as well.

    >>> open_interval((0.1, 0.2), 0.5), open_interval((0.1, 0.2), 0.0)
    ((0.0, 0.4), (0.1, 0.2))
    """
    return (0.0, interval[1] + 0.5 * blind * (1 - interval[1])) if blind else interval


def _apply_verdicts(posterior: Table, labels: Ints, known: Ints) -> None:
    """Make what people have verified certain in (n, C) ``posterior``."""
    rows = np.flatnonzero(known >= 0)
    certain = np.zeros((len(rows), posterior.shape[1]))
    certain[np.arange(len(rows)), known[rows]] = 1.0
    posterior[rows] = certain
    rows = np.flatnonzero(known == NO_CLASS)
    others = posterior[rows]
    others[np.arange(len(rows)), labels[rows]] = 0.0
    rest = others.sum(axis=1, keepdims=True)
    posterior[rows] = np.divide(others, rest, out=others, where=rest > 0)


def _scale_rows(posterior: Table, factors: Floats) -> Table:
    """(n, C) ``posterior`` with each row times its entry of ``factors`` (n,)."""
    return posterior.scaled(factors) if isinstance(posterior, Leading) else posterior * factors[:, None]


def _judge_copies_together(noise: NoiseModel, labels: Ints, digests: Sequence[str] | None) -> tuple[Table, Ints]:
    """(n, C) posterior with all distinct labels of byte-identical samples counted, and (n,) how many those are."""
    posterior: Table
    if isinstance(noise.posterior, Leading):
        posterior = noise.posterior.scaled(1 / noise.posterior.total())
    else:
        posterior = np.empty_like(noise.posterior)
        given, whole = noise.posterior, posterior

        def settle(rows: slice) -> None:
            some = by_class(given[rows])
            np.divide(some, some.sum(axis=1, keepdims=True), out=whole[rows])

        work_on_blocks(settle, posterior, _CELLS)
    distinct = np.ones(len(labels), dtype=np.int64)
    for group in group_rows(None if digests is None else number_names(digests).code):
        given = np.unique(labels[group])
        if len(given) < 2:
            continue
        joint = np.log(np.maximum(noise.probs[group].mean(axis=0, dtype=np.float64), 1e-12))
        joint += np.log(noise.transition[:, given]).sum(axis=1)
        posterior[group] = softmax(joint)
        distinct[group] = len(given)
    return posterior, distinct


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
    return np.bincount(np.unique(groups * classes + labels) % classes, minlength=classes)


def _agreement(groups: Ints, labels: Ints) -> float:
    """Share of the pairs of members of one group that carry the same label."""
    cells = np.unique(np.stack([groups, labels]), axis=1, return_counts=True)[1].astype(np.float64)
    sizes = np.bincount(groups).astype(np.float64)
    pairs = float((sizes * (sizes - 1)).sum())
    return float((cells * (cells - 1)).sum()) / pairs if pairs else 0.0
