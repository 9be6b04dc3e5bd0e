"""The price of relabelling without looking: how many of the surest suggestions are wrong themselves.

The scan gives each suggested label a probability c of being wrong, that of all other classes. Models are surer of the
right class than they ought to be, and verdicts set the scale of "the given label is wrong" only. So one factor on the
odds of a wrong suggestion is learned from the suspects that people judged, each by the c that it had before::

    P(wrong suggestion) = σ(log-odds of c + δ)        δ ~ N(1, 1.5²)

The posterior of δ is summed over a grid. For each δ suggestions are wrong independently of one another, so that the
number of wrong ones among the k surest is Poisson-binomial; the price is that of the mixture. Left out: what is judged
already, which costs nothing, and doubt about the order of the suggestions (`labelaudit.estimate.fdr` gives a rate that
holds whatever the models believe).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.judge.scores import log_odds
from labelaudit.types import Floats, Ints
from labelaudit.verdicts.verdict import Verdict

SURE = 0.9
"""Probability with which at most `Price.most` of the suggestions are wrong."""
STEPS = (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120)
"""Numbers of suggestions that a table of prices shows, before all of them."""
_WIDE = 25.0  # variance from which wrong suggestions are counted by three moments, which is exact to one
_PART = 16  # suggestions whose wrong ones are counted at once
_SHIFTS = np.arange(-4.0, 8.01, 0.25)  # δ
_MEAN, _SPREAD = 1.0, 1.5  # prior of δ
_LEAST = 1e-6  # c and 1 - c at least: a model that is certain is not heard as more than that
_SEEN = 1e-3  # probability below which a δ is left out


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
    rows = audit.suspects[~np.isin(audit.suspects, np.asarray(judged, dtype=np.int64))]
    rows = rows[audit.decision.predicted[rows] != audit.samples.labels[rows]]
    sure = audit.decision.probs[rows, audit.decision.predicted[rows]]
    return np.asarray(rows[np.lexsort((audit.rank[rows], -sure))], dtype=np.int64)


def list_prices(audit: Audit, judged: Sequence[int] = (), settled: Mapping[int, Verdict] | None = None) -> list[Price]:
    """The prices of relabelling the 10, 20, 40 … surest suspects, and all; empty without suspects to relabel.

    ``judged`` rows are left out, and the verdicts ``settled`` (row -> verdict in force) tell how often suggestions are
    wrong.
    """
    rows = rank_surest(audit, judged)
    counts = sorted({*(step for step in STEPS if step < len(rows)), len(rows)} - {0})
    return price_suspects(audit, rows, counts, settled or {})


def price_suspects(audit: Audit, rows: Ints, counts: Sequence[int], settled: Mapping[int, Verdict]) -> list[Price]:
    """The prices of relabelling the first k of ``rows``, for each k of ``counts``, in ascending order."""
    chances = 1.0 - audit.decision.probs[rows, audit.decision.predicted[rows]].astype(np.float64)
    return price(chances, counts, weigh(*_look_up(audit, settled)))


def weigh(chances: Floats, wrong: Sequence[bool]) -> Floats:
    """(s,) the posterior of the shift δ on its grid, after suggestions with ``chances`` (m,) of being wrong were
    ``wrong`` (m,) or not; the prior where there are none.

    >>> bool(weigh(np.array([0.1, 0.1]), [True, True])[:20].sum() < weigh(np.array([]), [])[:20].sum())
    True
    """
    outcomes = np.asarray(wrong, dtype=bool)
    odds = _SHIFTS[:, None] + log_odds(chances, _LEAST)
    logs = -0.5 * np.square((_SHIFTS - _MEAN) / _SPREAD) - np.logaddexp(0, np.where(outcomes, -odds, odds)).sum(axis=1)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def price(chances: Floats, counts: Sequence[int], weights: Floats | None = None) -> list[Price]:
    """The prices of taking the first k of suggestions that are wrong with ``chances`` (m,), for each k of ``counts``,
    in ascending order; with the probability (s,) of each shift of their log-odds by `weigh`, or as they are.

    >>> price(np.array([0.0, 0.5, 0.5]), [1, 3])
    [Price(count=1, wrong=0.0, most=0), Price(count=3, wrong=1.0, most=2)]
    """
    chances = np.clip(np.asarray(chances, dtype=np.float64), 0.0, 1.0)
    expected, at_most = np.zeros(len(counts)), [np.zeros(count + 1) for count in counts]
    for weight, shifted in [(1.0, chances)] if weights is None else _shift(chances, weights):
        for place, found in enumerate(_count_wrong(shifted, counts)):
            expected[place] += weight * shifted[: counts[place]].sum()
            at_most[place] += weight * found
    return [
        Price(count=count, wrong=float(mean), most=int(np.searchsorted(found, SURE - 1e-12)))
        for count, mean, found in zip(counts, expected, at_most, strict=True)
    ]


def _look_up(audit: Audit, settled: Mapping[int, Verdict]) -> tuple[Floats, list[bool]]:
    """The judged suspects: (m,) the chance of a wrong suggestion as if nobody had looked, and whether it was
    one. Empty where the RUN keeps no probabilities from before the verdicts.
    """
    blind = audit.evidence.get(BEFORE_REVIEW)
    rows = np.array([row for row in settled if audit.blind[1][row]], dtype=np.int64)
    if blind is None or blind.probs is None or not len(rows):
        return np.empty(0), []
    others = np.array(blind.probs[rows], dtype=np.float64)
    others[np.arange(len(rows)), audit.samples.labels[rows]] = 0.0
    share = others.max(axis=1) / np.maximum(others.sum(axis=1), 1e-12)
    return 1.0 - blind.suspicion[rows] * share, [settled[row].verdict != "suggested" for row in rows.tolist()]


def _shift(chances: Floats, weights: Floats) -> Iterator[tuple[float, Floats]]:
    """The shifts that are probable enough: probability, and ``chances`` with it."""
    odds = log_odds(chances, _LEAST)
    seen = np.flatnonzero(weights >= _SEEN)
    for place in seen.tolist():
        yield float(weights[place] / weights[seen].sum()), 0.5 * (1 + np.tanh(0.5 * (odds + _SHIFTS[place])))


def _count_wrong(chances: Floats, counts: Sequence[int]) -> Iterator[Floats]:
    """The (count + 1,) probabilities that at most w of the first ``counts`` are wrong, one array for each."""
    variances = np.cumsum(chances * (1 - chances))
    exact = [count for count in counts if variances[count - 1] < _WIDE]
    taken = chances[: max(exact, default=0)]
    mean, spread = float(taken.sum()), math.sqrt(float((taken * (1 - taken)).sum()))
    size = min(len(chances), math.ceil(mean + 10 * spread + 10)) + 1  # what lies beyond has no weight to speak of
    share = np.zeros(size)  # share[w]: probability that w of those taken so far are wrong
    share[0] = 1.0
    done = 0
    for count in counts:
        if variances[count - 1] >= _WIDE:
            yield _count_by_moments(chances[:count])
            continue
        for part in _count_in_parts(chances[done:count]):
            share = np.convolve(share, part)[:size]
        done = count
        yield np.append(np.cumsum(share[: count + 1]), np.ones(max(0, count + 1 - size)))


def _count_in_parts(chances: Floats) -> Floats:
    """(p, `_PART` + 1) probabilities that 0, 1, … suggestions of each part of ``chances`` (m,) are wrong."""
    parts = np.append(chances, np.zeros(-len(chances) % _PART)).reshape(-1, _PART)
    share = np.zeros((len(parts), _PART + 1))
    share[:, 0] = 1.0
    for chance in parts.T[:, :, None]:
        share[:, 1:] = share[:, 1:] * (1 - chance) + share[:, :-1] * chance
        share[:, :1] *= 1 - chance
    return share


def _count_by_moments(chances: Floats) -> Floats:
    """`_count_wrong` of all ``chances`` (m,): the normal distribution with a term for its skewness.

    Source: Hong (2013), "On computing the distribution function for the Poisson binomial distribution", section 2.5.
    """
    from scipy.special import ndtr

    mean, variance = float(chances.sum()), float((chances * (1 - chances)).sum())
    skewness = float((chances * (1 - chances) * (1 - 2 * chances)).sum()) / variance**1.5
    most, far = len(chances), 10 * math.sqrt(variance)  # what lies beyond has no weight to speak of
    low, high = max(0, math.floor(mean - far)), min(most, math.ceil(mean + far))
    z = (np.arange(low, high + 1) + 0.5 - mean) / math.sqrt(variance)
    near = ndtr(z) + skewness * (1 - z**2) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / 6
    return np.concatenate([np.zeros(low), np.maximum.accumulate(near), np.ones(most - high)])
