"""The share of labels that look worse than errors would that are planted by the models' own confusions.

A scale that every dataset brings along: how bad a wrong label looks to these models here. Left out: what share of all
wrong labels that is; errors of people may be better hidden, or worse, than those planted.
"""

from __future__ import annotations

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.judge.scores import log_odds
from labelaudit.leading import KEPT, Leading, Table
from labelaudit.types import Floats, Ints

_TEMPER = 0.5  # exponent of the probabilities that planted labels are drawn by
_LEAST = 1e-12  # probability of a given label, right or wrong
_ROWS = 5000


def share_standing_out(
    probs: Table, labels: Ints, planted: float, shares: Floats | None = None, *, agreed: Ints | None = None
) -> float:
    """Share of samples whose label looks worse than this share of ``planted`` errors, the models' own confusions.

    Errors are planted in all images that the models agree with the label of, every other class weighed by the root of
    its probability in ``probs`` (n, C). The models of an image have not seen its label, so nothing is fitted again. A
    sample counts for its entry of ``shares`` (n,), as of `labelaudit.judge.linear.group_shares`. ``agreed`` (m,) are
    the rows of these images, where they are known; some that are evenly spread over them are looked at.
    """
    rows = np.arange(len(labels))
    worst = -log_odds(probs[rows, labels], _LEAST)
    right = np.flatnonzero(probs.argmax(axis=1) == labels) if agreed is None else agreed
    if not len(right):
        return 0.0
    right = right[spread_rows(len(right), _ROWS)]
    if isinstance(probs, Leading):  # of each class that is kept, and of all others together
        even = probs.even[right][:, None]
        cells = np.concatenate([probs.values[right], even], axis=1).astype(np.float64)
        weights = cells**_TEMPER
        weights[:, :-1][probs.classes[right] == labels[right, None]] = 0
        weights[:, -1] *= probs.shape[1] - KEPT
    else:
        cells = np.asarray(probs[right], dtype=np.float64)
        weights = cells**_TEMPER
        weights[np.arange(len(right)), labels[right]] = 0
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    if shares is not None:
        weights *= shares[right, None]
    found, weight = -log_odds(cells, _LEAST).ravel(), weights.ravel()
    order = np.argsort(found)
    place = min(int(np.searchsorted(np.cumsum(weight[order]), planted * weight.sum())), len(order) - 1)
    return float(np.average(worst >= max(found[order[place]], 0.0), weights=shares))
