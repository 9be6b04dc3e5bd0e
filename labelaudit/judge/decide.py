"""From belief to one verdict per sample: ranking, flags, suggested labels, noise rate, noise matrix, reasons.

The suspicion is the probability that the given label is wrong (`labelaudit.judge.belief`). Left out: guarantees about
the flags; those need a person's review.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from labelaudit.judge.belief import Belief
from labelaudit.judge.noise_model import UNKNOWN
from labelaudit.judge.reading import Reading, lower_end, upper_end
from labelaudit.judge.reasons import explain, see
from labelaudit.judge.scores import find_likeliest, strongest_other, sum_by_label
from labelaudit.leading import Leading, take_rows
from labelaudit.types import Bools, Decision, Floats

HIGHEST = 0.5
"""The threshold where hardly any label is wrong: what stands below it is rather right than wrong."""
LOWEST = 0.02
"""The least suspicion that is ever flagged."""
SURE = 0.9
"""Probability of a wrong label from which a suspect is sure, by a scan's own scale as by that of verdicts: nine of ten
are right or more, and of clean sets hardly 1 % reach it (docs/evidence.md)."""
FEWEST = 5
"""A class with fewer images cannot be judged: some fold would have to do without it."""
_SOME = 1.5  # wrong labels that must be expected for a threshold below `HIGHEST`
_DOUBT = 0.1  # probability of a wrong label from which a sample counts in the upper end of the noise rate


def decide(
    belief: Belief,
    classes: Sequence[str],
    *,
    blank: Bools | None = None,
    reading: Reading | None = None,
    threshold: float | None = None,
    sure: float = SURE,
) -> Decision:
    """Turn what is believed of n samples into a `Decision`.

    Args:
        belief: of `believe`. What people have verified is final: such a sample is flagged if and only if its label was
            found wrong. The interval is that of as many samples as there are groups.
        classes: (C,) names, for the reasons.
        blank: (n,) images with nothing to see, which are not judged, but as suspect as any; none unless given.
        reading: of the noise rate; counted from the suspicions unless given.
        threshold: suspicion from which a sample is flagged; that of `flag`, from `LOWEST` to `HIGHEST`, unless given.
        sure: suspicion from which a flagged sample is sure; without a ``threshold`` more where the ``reading`` bears
            out fewer.
    """
    labels, posterior, counts = belief.labels, belief.posterior, belief.counts
    verified = belief.known != UNKNOWN
    blank = np.zeros(len(labels), dtype=bool) if blank is None else blank
    judged = ((counts[labels] >= FEWEST) & ~blank) | verified
    scale = _scale(belief, judged, reading, threshold=threshold, sure=sure)
    suspicion = np.where(blank & ~judged, scale.rate, belief.suspicion)
    flagged: Bools = (suspicion >= scale.threshold) & judged
    found = np.flatnonzero(flagged)
    rival = strongest_other(labels[found], take_rows(posterior, found))
    predicted = find_likeliest(labels, posterior, 1 - belief.suspicion)
    predicted[found] = rival
    shown = see(posterior[found, labels[found]], posterior[found, rival], belief.lost[found])
    why = explain(classes, labels[found], rival, shown, belief.copies[found], belief.known[found])
    reasons, units = [""] * len(labels), "groups of images" if belief.companions > 1 else "images"
    for row in np.flatnonzero(~judged).tolist():
        few = f"{counts[labels[row]]} of {FEWEST} {units} that this class needs"
        reasons[row] = f"not judged: {'all of its pixels are alike' if blank[row] else few}"
    for row, text in zip(found.tolist(), why, strict=True):
        reasons[row] = text
    return Decision(
        suspicion=suspicion,
        is_issue=flagged,
        judged=judged,
        probs=posterior if isinstance(posterior, Leading) else posterior.astype(np.float32, copy=False),
        predicted=predicted,
        threshold=scale.threshold,
        sure_threshold=scale.sure,
        noise_rate=scale.rate,
        noise_interval=scale.interval,
        noise_matrix=sum_by_label(posterior, labels, judged),
        reasons=tuple(reasons),
        recipe={
            "pool_weights": {name: round(weight, 4) for name, weight in belief.noise.weights.items()},
            "channel_loss": belief.noise.loss,
            "threshold": scale.threshold,
            "threshold_rule": "flag where the posterior probability of a wrong label reaches the threshold",
        },
    )


class _Scale(NamedTuple):
    """The noise rate, and what is flagged and sure."""

    rate: float
    interval: tuple[float, float]
    threshold: float
    sure: float


def _scale(belief: Belief, judged: Bools, reading: Reading | None, *, threshold: float | None, sure: float) -> _Scale:
    """The scale of all that is ``judged`` (n,); the other arguments as of `decide`."""
    suspicion, companions = belief.suspicion[judged], belief.companions
    rate, interval = noise_rate(suspicion, companions=companions)
    if reading is not None:
        rate, interval = reading.rate, (reading.low, reading.high)
    if threshold is not None:
        return _Scale(rate, interval, threshold, max(threshold, sure))
    some = float(suspicion.sum()) >= _SOME
    threshold = keep_in_bounds(flag(suspicion)[1]) if some else HIGHEST
    sure = max(threshold, sure)
    if reading is not None:
        sure = bear_out(sure, suspicion[belief.known[judged] == UNKNOWN], reading.sure)
        interval = (low_end_of_sure(interval[0], suspicion, sure, companions=companions), interval[1])
    return _Scale(rate, interval, threshold, sure)


def keep_in_bounds(threshold: float) -> float:
    """``threshold``, or the nearer of `LOWEST` and `HIGHEST` where it lies beyond."""
    return float(np.clip(threshold, LOWEST, HIGHEST))


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
    wrong = max(float(probability.sum()), 1e-9)
    likely = probability[probability >= 0.5]
    least = float(likely.sum()) / (len(likely) + wrong)  # no flag below half the F1 raises it
    ordered = np.sort(probability[probability >= least])[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + wrong)
    threshold = float(ordered[int(expected.argmax())]) or 1.0  # where no label may be wrong none is flagged
    return probability >= threshold, threshold


def suspicion_at(suspicion: Floats, count: float) -> float:
    """The suspicion from which ``count`` of ``suspicion`` (m,) are flagged, 1 where that is less than one sample.

    >>> suspicion_at(np.array([0.1, 0.9, 0.4]), 2.2), suspicion_at(np.array([0.1, 0.9]), 0.4)
    (0.4, 1.0)
    """
    place = min(round(count), len(suspicion))
    return float(np.partition(suspicion, -place)[-place]) if place else 1.0


def bear_out(sure: float, suspicion: Floats, share: float) -> float:
    """The threshold ``sure``, or where more than ``share`` of ``suspicion`` (m,) reach it, one that just so many do.

    >>> high = np.array([0.96, 0.97, 0.98, 0.5])
    >>> bear_out(0.95, high, 0.75), bear_out(0.95, high, 0.5), bear_out(0.95, high, 0.0)
    (0.95, 0.965, 0.99)
    """
    count = round(share * len(suspicion))
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


def widen_as(old: Decision, new: Decision) -> Decision:
    """``new`` with its interval as much wider than its suspicions alone say as a scan found right for ``old``."""
    counted = noise_rate(old.suspicion[old.judged])[1]
    below = max(0.0, counted[0] - old.noise_interval[0])
    above = max(0.0, old.noise_interval[1] - counted[1])
    low, high = new.noise_interval
    return replace(new, noise_interval=(max(0.0, low - below), min(1.0, high + above)))
