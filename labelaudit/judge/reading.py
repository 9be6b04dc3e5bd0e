"""The share of wrong labels, read without a person: several readings that err in opposite directions, and their span.

The noise model takes doubt for doubt and reads human errors low, about two thirds of the truth. So may, in other
datasets, the share of labels that look worse than the most hidden quarter of the errors that the models' own confusions
would make. The asymptote of the learning curve takes for wrong whatever more data would not mend and reads high where
features cannot tell classes apart, low where they still learn fast. Which of them speak of errors, and which of hard
images, the curve tells as well: of labels that stand out, those on hard images get fewer with more data, wrong ones
stay (`Curve.lasting`). So readings count by that share; the interval spans all, from the labels that look worse than
half of the planted errors on. Of few images a class models know little, and their doubt is most of what they read; so a
reading is believed as far as images speak for one class and more of them would not mend it, or labels stand out
plainly. Left out: verdicts, which settle the matter (`labelaudit.judge.verdict_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.standing_out import share_standing_out
from labelaudit.leading import Table
from labelaudit.types import Floats, Ints

PLAIN, DOUBTFUL = 0.5, 0.25
"""Labels that are wrong by the lowest reading, and by the usual one, look worse than these shares of the errors that
the models' own confusions would make."""
TWICE = 2.0
"""Times the share that lasts, up to all of it, counts of what the noise model reads."""
FEW = 20.0
"""Samples of a class with which half is known of whether models that few images have taught are in doubt, or labels
wrong."""
HIDDEN = 3.0
"""Times the share of labels that look worse than `PLAIN` of planted errors is believed to be wrong of fewer samples."""
SURE_UNTOLD = 0.95
"""Probability of a wrong label from which a suspect is sure, while nobody has judged any image: of clean sets hardly
more than 1 % reach it (docs/evidence.md)."""

_DOUBT = 0.1  # probability of a wrong label from which a sample counts in the upper reading
_ODDS = 2.0  # what the odds of a wrong label are multiplied by in the noise model's reading
_RARE = 0.05  # rate below which most of a reading may be the models' own doubt
_USUAL = 0.0075  # share of wrong labels in datasets that count as clean; that much of a reading needs no more proof
_SAID = 0.5  # of `Curve.told` from which the share that lasts is spoken of
_Z90 = 1.645


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The share of wrong labels, as far as labels alone tell it."""

    rate: float
    """In [0, 1]."""
    low: float
    high: float
    """Ends of an interval that should hold the truth in nine of ten datasets."""
    by_model: float
    """The noise model's reading."""
    by_curve: float | None
    """The learning curve's, ``None`` where the set is too small for one."""
    lasting: float | None = None
    """As `Curve.lasting`, ``None`` where that can hardly be told."""
    sure: float = 1.0
    """Share of labels that may be called sure at most, while nobody has judged."""


def read_rate(
    suspicion: Floats,
    probs: Table,
    labels: Ints,
    curve: Curve | None,
    *,
    shares: Floats | None = None,
    heard: float = 1.0,
    strangers: float = 0.0,
    order: Ints | None = None,
    clear: Floats | None = None,
) -> Reading:
    """Read the rate from the noise model's ``suspicion`` (n,), the pool's ``probs`` (n, C), blind to the ``labels``
    (n,) that were given, and the learning ``curve``.

    A sample counts for its entry of ``shares`` (n,), as of `group_shares`: a group for one. ``heard``, in [0, 1], is
    what the noise model's reading counts for beside the labels that stand out. With ``clear`` (n,), in [0, 1], how far
    the image speaks for one class, and a curve that tells what lasts, the share of these labels is averaged with what
    it reads of clear images. The share of ``strangers``, images of no class, is wrong whatever the curve says.
    ``order`` (n,) is as of `fit_noise_model`.

    The noise model may be certain of errors that it has made up: that cats are called dogs, of 20 images each. So no
    more labels may be sure than the pool is sure of alone, or `HIDDEN` times as many as look worse than `PLAIN` of
    planted errors, or strangers.
    """

    def mean_of(values: npt.NDArray[Any]) -> float:
        return float(np.average(values, weights=shares))

    mean, doubtful = mean_of(suspicion), mean_of(suspicion >= _DOUBT)
    odds = 1.0 + (_ODDS - 1.0) * min(1.0, mean / _RARE)
    raised = odds * suspicion / (1.0 + (odds - 1.0) * suspicion)
    by_model = mean_of(raised)
    doubtful_share, plain_share = share_standing_out(probs, labels, (DOUBTFUL, PLAIN), shares, order=order)
    likeliest = probs.argmax(axis=1)
    contradicted = mean_of(likeliest != labels)
    rate = max(by_model, doubtful_share)
    lowest, highest = plain_share, max(by_model, doubtful, contradicted)
    if curve is not None:
        rate = min(rate, (rate + curve.middle) / 2)
        if clear is not None and curve.told:
            doubtful_share = (doubtful_share + mean_of(clear * raised)) / 2
        doubtful_share = max(doubtful_share, curve.lasting * curve.middle)
    rate = (1 - heard) * doubtful_share + heard * rate
    sizes = np.bincount(labels, shares)
    apart = float(sizes.sum())
    rows = np.arange(len(labels))
    sureness = np.asarray(probs[rows, likeliest])
    stays = mean_of(np.square(sureness)) * (rate if curve is None else min(rate, curve.middle))
    rate = _doubt_few(rate, max(HIDDEN * plain_share, stays, 1 / apart), sizes)
    if curve is not None:
        lasting = max(curve.lasting * curve.middle, min(1.0, TWICE * curve.lasting) * rate)
        rate = rate ** (1 - curve.told) * max(lasting, plain_share, min(rate, _USUAL)) ** curve.told
        lowest, highest = min(lowest, curve.low), max(highest, curve.high)
    rate = max(rate, strangers)
    low, high = min(mean, lowest, rate), max(highest, rate)
    return Reading(
        rate=rate,
        low=lower_end(low, apart),
        high=upper_end(high, apart),
        by_model=by_model,
        by_curve=None if curve is None else curve.middle,
        lasting=None if curve is None or curve.told < _SAID else curve.lasting,
        sure=max(mean_of(probs[rows, labels] <= 1 - SURE_UNTOLD), HIDDEN * plain_share, strangers),
    )


def _doubt_few(rate: float, believed: float, sizes: npt.NDArray[Any]) -> float:
    """The ``rate`` of classes of ``sizes`` (C,): the fewer samples are in that of the average one, the nearer to what
    of it is ``believed``."""
    each = float(sizes @ sizes) / float(sizes.sum())
    weight = 1 / (1 + (each / FEW) ** 4)
    return float(rate ** (1 - weight) * min(rate, believed) ** weight)


def lower_end(share: float, apart: float) -> float:
    """The lower end of an interval at a reading ``share`` of ``apart`` samples, in [0, 1].

    Of a small reading most may be the models' own doubt, the more the smaller it is.
    """
    doubted = share * min(1.0, share / _RARE)
    return max(0.0, doubted - _error(doubted, apart))


def upper_end(share: float, apart: float) -> float:
    """The upper end of an interval at a reading ``share`` of ``apart`` samples, in [0, 1].

    Both the reading and the truth in these samples vary by chance, so their variances add up.
    """
    return min(1.0, share + float(np.sqrt(2)) * _error(share, apart))


def _error(share: float, apart: float) -> float:
    """Sampling error of a share, at 90 %."""
    return _Z90 * float(np.sqrt(max(share * (1 - share), 1 / apart) / apart))
