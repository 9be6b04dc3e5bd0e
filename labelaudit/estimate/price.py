"""The price of relabelling without looking: how many of the surest suggestions are wrong themselves.

Each suggested label is taken to be wrong with the probability that the scan gives to all other classes, one
independent of the other, so that the number of wrong ones among the k surest is Poisson-binomial. That is the model's
own reckoning; what it is worth on a dataset, verdicts say (`labelaudit.estimate.fdr` gives a rate that holds). Left
out: what is judged already, which costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.types import Floats, Ints

SURE = 0.9
"""Probability with which at most `Price.most` of the suggestions are wrong."""
STEPS = (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120)
"""Numbers of suggestions that a table of prices shows, before all of them."""
_WIDE = 100.0  # variance from which more suggestions than that are counted by three moments, which is exact to one


@dataclass(frozen=True, kw_only=True)
class Price:
    """Expected cost of relabelling the surest suspects as suggested."""

    count: int
    """Suspects relabelled, surest first."""
    wrong: float
    """Expected number of them that get a wrong label."""
    most: int
    """With 90 % probability no more than that many do."""


def rank_surest(audit: Audit, judged: Sequence[int] = ()) -> Ints:
    """(m,) the suspects with a suggestion, the surest suggestion first, without those that people have ``judged``."""
    rows = np.setdiff1d(audit.suspects, np.asarray(judged, dtype=np.int64))
    rows = rows[audit.decision.predicted[rows] != audit.samples.labels[rows]]
    sure = audit.decision.probs[rows, audit.decision.predicted[rows]]
    return np.asarray(rows[np.lexsort((audit.rank[rows], -sure))], dtype=np.int64)


def list_prices(audit: Audit, judged: Sequence[int] = ()) -> list[Price]:
    """The prices of relabelling the 10, 20, 40 … surest suspects, and all; empty without suspects to relabel."""
    rows = rank_surest(audit, judged)
    chances = 1.0 - audit.decision.probs[rows, audit.decision.predicted[rows]].astype(np.float64)
    counts = sorted({*(step for step in STEPS if step < len(rows)), len(rows)} - {0})
    return price(chances, counts)


def price(chances: Floats, counts: Sequence[int]) -> list[Price]:
    """The prices of taking the first k of suggestions that are wrong with ``chances`` (m,), for each k of ``counts``.

    >>> price(np.array([0.0, 0.5, 0.5]), [1, 3])
    [Price(count=1, wrong=0.0, most=0), Price(count=3, wrong=1.0, most=2)]
    """
    chances = np.clip(np.asarray(chances, dtype=np.float64), 0.0, 1.0)
    mean, spread = float(chances.sum()), math.sqrt(float((chances * (1 - chances)).sum()))
    size = min(len(chances), math.ceil(mean + 10 * spread + 10)) + 1  # what lies beyond has no weight to speak of
    share = np.zeros(size)  # share[w]: probability that w of those taken so far are wrong
    share[0] = 1.0
    found, taken = list[Price](), 0
    for count in counts:
        if count > STEPS[-1] and (chances[:count] * (1 - chances[:count])).sum() >= _WIDE:
            found.append(Price(count=count, wrong=float(chances[:count].sum()), most=_most_by_moments(chances[:count])))
            continue
        for chance in chances[taken:count].tolist():
            share[1:] = share[1:] * (1 - chance) + share[:-1] * chance
            share[0] *= 1 - chance
        taken = count
        most = int(np.searchsorted(np.cumsum(share), SURE - 1e-12))
        found.append(Price(count=count, wrong=float(chances[:count].sum()), most=most))
    return found


def _most_by_moments(chances: Floats) -> int:
    """The least w for which at most w are wrong with `SURE`: the normal distribution with a term for its skewness.

    Source: Hong (2013), "On computing the distribution function for the Poisson binomial distribution", section 2.5.
    """
    from scipy.special import ndtr

    mean, variance = float(chances.sum()), float((chances * (1 - chances)).sum())
    skewness = float((chances * (1 - chances) * (1 - 2 * chances)).sum()) / variance**1.5
    reach = math.sqrt(variance)
    counts = np.arange(math.floor(mean - 5 * reach), math.ceil(mean + 5 * reach) + 1)
    z = (counts + 0.5 - mean) / reach
    at_most = ndtr(z) + skewness * (1 - z**2) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / 6
    return int(counts[np.searchsorted(np.maximum.accumulate(at_most), SURE)])
