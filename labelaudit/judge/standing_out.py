"""The share of labels that look worse than errors would that are planted by the models' own confusions.

A scale that every dataset brings along: how bad a wrong label looks to these models here. Left out: what share of all
wrong labels that is; errors of people may be better hidden, or worse, than those planted.
"""

from __future__ import annotations

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.leading import Leading, Table
from labelaudit.types import Floats, Ints

_TEMPER = 0.5  # exponent of the probabilities that planted labels are drawn by
_ROWS = 5000


def share_standing_out(probs: Table, labels: Ints, planted: float, shares: Floats | None = None) -> float:
    """Share of samples whose label looks worse than this share of ``planted`` errors, the models' own confusions.

    ``probs`` (n, C) are those of models that have not seen the ``labels`` (n,). A sample counts for its entry of
    ``shares`` (n,), as of `labelaudit.judge.linear.group_shares`.
    """
    least = plainly_wrong(probs, labels, planted, shares, np.flatnonzero(probs.argmax(axis=1) == labels))
    return float(np.average(probs[np.arange(len(labels)), labels] <= least, weights=shares))


def plainly_wrong(probs: Table, labels: Ints, planted: float, shares: Floats | None, agreed: Ints) -> float:
    """The probability, a half at most, that this share of ``planted`` errors have more of; negative without any.

    Errors are planted in the images ``agreed`` (m,), rows whose label is the likeliest class, or in some that are
    evenly spread over them: every other class weighed by the root of its probability. The models of an image have not
    seen its label, so nothing is fitted again. The other arguments are those of `share_standing_out`.
    """
    if not len(agreed):
        return -1.0
    right = agreed[spread_rows(len(agreed), _ROWS)]
    if isinstance(probs, Leading):  # of each class that is kept, and of all others together
        even = probs.even[right][:, None]
        cells = np.concatenate([probs.values[right], even], axis=1)
        weights = cells**_TEMPER
        weights[:, :-1][probs.classes[right] == labels[right, None]] = 0
        weights[:, -1] *= probs.shape[1] - probs.values.shape[1]
    else:
        cells = probs[right]
        weights = cells**_TEMPER
        weights[np.arange(len(right)), labels[right]] = 0
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    if shares is not None:
        weights *= shares[right, None]
    found = _weighted_quantile(cells.ravel(), weights.ravel(), planted)
    return min(found, 0.5)


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The greatest of the ``values`` (m,), none negative, that with those above it has this ``share`` of all
    ``weights`` (m,).

    Values alike in their first 16 bits are counted together, and only those among which the share is reached are
    sorted: a fifth of the time.

    >>> _weighted_quantile(np.array([0.1, 0.4, 0.3, 0.2]), np.array([5.0, 1.0, 2.0, 2.0]), 0.5)
    0.2
    """
    first = (np.asarray(values, dtype=np.float32).view(np.uint32) >> 16).astype(np.intp)
    sums = np.cumsum(np.bincount(first, weights)[::-1])
    wanted = share * sums[-1]
    place = int(np.searchsorted(sums, wanted))
    few = np.flatnonzero(first == len(sums) - 1 - place)
    few = few[np.argsort(-values[few])]
    within = np.cumsum(weights[few], dtype=np.float64) + (sums[place - 1] if place else 0)
    return float(values[few[min(int(np.searchsorted(within, wanted)), len(few) - 1)]])
