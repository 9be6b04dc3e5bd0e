"""The share of wrong labels, read without a person: what the noise model doubts, as far as something bears it out.

The noise model takes hard images for wrong labels, most of all where few images of a class taught it. Two things bear
its doubt out. Labels that stand out plainly are wrong, whatever else is. And the learning curve tells hard images from
wrong labels, since more images mend doubt about hard ones. Of many images a class it shows which share of the labels
that stand out would do so with any amount of data: `Curve.lasting`, or `Curve.lasting_clear` where features tell the
classes apart, so that no more errors are left than the noise model doubts. Of fewer it shows only what share of all
labels no model would agree with (`Curve.asymptote`), and doubt counts as far as images speak for one class, or as far
as the labels that stand out surely last (`Curve.lasting_least`): of many classes with few images each there are enough
of them to tell. Of a few wrong labels in an easy set a curve sees nothing, and hardly any stand out plainly;
those that both views are certain of are wrong all the same.

The interval runs from the labels that stand out plainly to those that the pool contradicts, and some more that nothing
shows. Left out: verdicts, which settle the matter (`labelaudit.judge.verdict_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.linear import pick_rows
from labelaudit.judge.scores import find_likeliest
from labelaudit.judge.standing_out import plainly_wrong
from labelaudit.leading import Table
from labelaudit.types import Floats, Ints

PLAIN = 0.6
"""Labels stand out plainly that look worse than this share of the errors that the models' own confusions would make."""
HIDDEN = 1 / (1 - PLAIN)
"""Times the share of labels that stand out plainly is believed to be wrong: of planted errors as many would be for each
that looks so."""
THRICE = 3.0
"""Times the square of the share that lasts, up to one, counts of what the noise model reads: a small share may be
chance."""
ALIKE = 4.0
"""Power of the noise model's reading over the curve's, up to one, with which features count as telling the classes
apart."""
BORNE_OUT = 0.9
"""Probability of a wrong label, at the pool's own scale, from which it alone bears out that a label is surely wrong."""
CERTAIN = 0.99
"""The same, from which a label is wrong whatever the curve says if the noise model sees it, too."""
UNSEEN = 0.04
"""Share of labels that may be wrong although they look right to every model, as five of a hundred reassessed
photographs do: nothing rules them out, so the interval reaches beyond what anything contradicts."""
SEEN = 0.5
"""Share of labels that are the pool's likeliest class below which models may hardly see the classes."""

_SEES = 0.95  # by the noise model, from which it does
_ODDS = 2.0  # what the odds of a wrong label are multiplied by in its reading: people err more often than it believes
_RARE = 0.05  # rate below which most of a reading may be the models' own doubt
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
    """The noise model's reading, in groups that of clear images."""
    by_curve: float | None
    """The learning curve's, ``None`` where the set is too small for one."""
    lasting: float | None = None
    """Share in [0, 1] of the labels that stand out which would do so with any amount of data, between `Curve.lasting`
    and `Curve.lasting_clear`; ``None`` where that can hardly be told."""
    sure: float = 1.0
    """Share of labels that may be called sure at most, while nobody has judged."""
    agreed: float = 1.0
    """Share of samples whose label is the pool's likeliest class."""


def read_rate(
    suspicion: Floats,
    probs: Table,
    labels: Ints,
    curve: Curve | None,
    *,
    shares: Floats | None = None,
    strangers: float = 0.0,
    clear: Floats | None = None,
    order: Ints | None = None,
) -> Reading:
    """Read the rate from the noise model's ``suspicion`` (n,), the pool's ``probs`` (n, C), blind to the ``labels``
    (n,) that were given, and the learning ``curve``.

    A sample counts for its entry of ``shares`` (n,), as of `group_shares`: a group for one. ``clear`` (n,), in [0, 1],
    is what the noise model's word on each counts for, all of it unless given. The share of ``strangers``, images of no
    class, is wrong whatever the curve says. ``order`` (n,) is as of `fit_noise_model`.

    The noise model may be certain of errors that it has made up: that cats are called dogs, of 20 images each. So no
    more labels may be sure than the pool bears out (`BORNE_OUT`), or strangers.
    """

    def mean_of(values: npt.NDArray[Any]) -> float:
        return float(np.average(values, weights=shares))

    rows = np.arange(len(labels))
    own = probs[rows, labels]
    likeliest = find_likeliest(labels, probs, own)
    heard = 1.0 if clear is None else clear
    by_model = mean_of(heard * _ODDS * suspicion / (1.0 + (_ODDS - 1.0) * suspicion))
    plain = mean_of(own <= plainly_wrong(probs, labels, PLAIN, shares, pick_rows(likeliest == labels, order)))
    rate, least, lasts = by_model, min(HIDDEN * plain, by_model), 0.0
    if curve is not None:
        doubted = mean_of(heard * suspicion) * mean_of(probs[rows, likeliest])
        untold = max(min(doubted, curve.asymptote), _bear_out(curve.lasting_least) * by_model, least)
        told_apart = min(1.0, by_model / max(curve.asymptote, 1e-12)) ** ALIKE
        lasts = (1 - told_apart) * curve.lasting + told_apart * curve.lasting_clear
        lasting = max(_bear_out(lasts) * by_model, least)
        rate = untold ** (1 - curve.told) * lasting**curve.told
    certain = mean_of((own <= 1 - CERTAIN) & (suspicion >= _SEES))
    rate = max(rate, strangers, certain)
    most = max(rate, mean_of(likeliest != labels))
    apart = float(len(labels) if shares is None else shares.sum())
    return Reading(
        rate=rate,
        low=lower_end(min(rate, plain), apart),
        high=upper_end(most + UNSEEN * (1 - most), apart),
        by_model=by_model,
        by_curve=None if curve is None else curve.asymptote,
        lasting=None if curve is None or curve.told < _SAID else lasts,
        sure=max(mean_of(own <= 1 - BORNE_OUT), strangers),
        agreed=float((likeliest == labels).mean()),
    )


def _bear_out(lasting: float) -> float:
    """The part, in [0, 1], of the noise model's reading that counts where this share of labels stands out for good."""
    return min(1.0, THRICE * lasting**2)


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
