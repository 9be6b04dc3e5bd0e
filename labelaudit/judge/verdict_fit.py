"""The probability that a label is wrong, learned from a few verdicts, where scores rank well and have no scale.

A person's verdicts on m samples tell how the views of a scan (log-odds s of a wrong label, such as those of the pool
and of the noise model) translate into probabilities on this dataset::

    P(wrong | s) = h + (1 - h) σ(a + Σ_v b_v s_v)        a ~ N(0, 3²), b_v ~ N(0.8 / views, 0.3²), b_v ≥ 0

h is the share of labels that are wrong although nothing shows it; verdicts on the middle of the list say little about
it, so that without it intervals would be too short. The posterior of a, b and h is summed over a grid, so there is no
search to fail and no chance in it; a verdict counts seven tenths there, since lists are not as straight as the fit.
Probabilities are means over the posterior; intervals hold the uncertainty of these three and that of the labels
themselves. How many wrong labels nothing shows is the one thing that few verdicts cannot tell, and where many do not
show, as on reassessed photographs, any one prior of h misses the rate: so intervals span three, from none to 8 % on
average. Which samples to ask about: one at random between each two of m + 1 ranks spaced geometrically, so that a few
verdicts see both ends of the list. Verdicts on samples chosen in another way by their scores may join, since the fit is
conditional on the scores. Left out: anything but the views, such as the classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from labelaudit.blocks import slices
from labelaudit.judge.decide import flag
from labelaudit.judge.noise_model import UNKNOWN
from labelaudit.types import Bools, Floats, Ints

VIEWS = ("pool", "noise_model")
"""Columns of a scan that the fit weighs."""
WANTED = 20
"""Verdicts asked for at first: a minute or two of a person's time."""
LEVEL = 0.9
"""Probability that an interval holds the truth."""

_TOP = 0.002  # share of the samples above the first rank
_SPREAD, _SLOPE, _SLOPE_SPREAD = 3.0, 0.8, 0.3  # prior: of a, sum of the means of b, spread of each b
_OFFSETS = np.arange(-12.0, 12.01, 0.25)
_SLOPES = np.arange(0.0, 1.7001, 0.1)
_HIDDEN = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16])
_HIDDEN_MEAN, _EXTREMES = 0.01, (1e-6, 0.08)  # of the exponential prior of h: the usual one, and those at either end
_WEIGHT = 0.7  # of a verdict
_DRAWS, _FEW_DRAWS = 256, 64  # points that stand for the posterior, and for those at either end
_CHUNK = 65_536
FEWEST = 10
"""Verdicts below which nothing is fitted."""


@dataclass(frozen=True, kw_only=True)
class FittedShare:
    """A share, in [0, 1], by the verdicts: its mean, and the ends of its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class VerdictFit:
    """The scan at the scale of the verdicts."""

    probability: Floats
    """(n,) float64 in [0, 1], 1 = surely mislabeled; 0 or 1 where a person has decided."""
    undecided: Floats
    """(n,) the same, as if nobody had looked at the sample itself."""
    flagged: Bools
    """(n,) the flags with the greatest expected F1; of decided samples those that are wrong."""
    threshold: float
    """`probability` from which a sample is flagged."""
    rate: FittedShare
    """Share of wrong labels."""
    precision: FittedShare
    """Share of the flags that are wrong labels."""
    recall: FittedShare
    """Share of the wrong labels that are flagged."""
    slopes: tuple[float, ...]
    """Posterior mean of b, one per view."""
    verdicts: int
    """Number of verdicts it rests on."""

    def is_surer_than(self, low: float, high: float) -> bool:
        """Whether its interval of the rate is narrower than that from ``low`` to ``high``.

        Verdicts on the worst suspects alone say nothing about how many wrong labels the middle of the list holds.
        """
        return self.rate.high - self.rate.low < high - low


def answers_of(known: Ints, labels: Ints) -> Ints:
    """(n,) 1 where the given label is ``known`` to be wrong, 0 where right, -1 where nobody looked."""
    return np.where(known == UNKNOWN, -1, (known != labels).astype(np.int64))


def choose(
    views: Sequence[Floats],
    count: int = WANTED,
    *,
    seed: int = 0,
    passed: Bools | None = None,
    decided: Bools | None = None,
) -> npt.NDArray[np.int64]:
    """Up to ``count`` rows to ask a person about, in an order that gives nothing away.

    One at random of each of ``count`` bands of ranks of the mean of ``views``, which widen geometrically from the top
    .2 % to all. A row (n,) that is ``decided`` counts for its band or, where that has one already, for one above it,
    and never for one below: those who have judged the worst only are still asked about the rest. Rows that are
    ``passed`` (n,) lie in no band. Same seed, same rows.
    """
    known = np.zeros(len(views[0]), dtype=np.bool_) if decided is None else decided
    rows = np.arange(len(known)) if passed is None else np.flatnonzero(~passed | known)
    score = np.mean(np.stack(list(views)), axis=0)[rows]
    ranked = rows[np.argsort(-score, kind="stable")]
    count = min(count, len(ranked))
    if not count:
        return np.empty(0, dtype=np.int64)
    rng = np.random.default_rng(seed)
    ends = np.geomspace(max(1.0, _TOP * len(ranked)), len(ranked), count + 1).round().astype(np.int64)
    ends[0] = 0
    for at in range(1, count + 1):  # every band holds a rank, and leaves one for each band below it
        ends[at] = min(max(ends[at], ends[at - 1] + 1), len(ranked) - (count - at))
    spare, asked = 0, list[Ints]()
    for start, stop in reversed(list(itertools.pairwise(ends.tolist()))):
        band = ranked[start:stop]
        spare += int(known[band].sum())
        if spare:
            spare -= 1
        else:
            asked.append(band)
    picked = [band[rng.integers(len(band))] for band in reversed(asked)]
    return np.asarray(rng.permutation(np.array(picked, dtype=np.int64)))


def fit(views: Iterable[Floats], answers: Ints) -> VerdictFit | None:
    """Fit to the verdicts; ``None`` with fewer than ten.

    Args:
        views: log-odds (n,) of a wrong label, none of which has seen a verdict on the sample itself; not asked for
            where verdicts are fewer.
        answers: (n,) 1 where a person found the label wrong, 0 where right, -1 where nobody looked.
    """
    rows = np.flatnonzero(answers >= 0)
    if len(rows) < FEWEST:
        return None
    scores = np.stack([np.asarray(view, dtype=np.float64) for view in views], axis=1)  # (n, v)
    logs, slopes = _weigh(scores[rows], answers[rows])
    draws = _draw(logs, slopes, _HIDDEN_MEAN, _DRAWS)
    probability = np.empty(len(scores))
    for part in slices(len(scores), _CHUNK):
        probability[part] = _predict(scores[part], draws).mean(axis=1)
    undecided = probability.copy()
    probability[rows] = answers[rows]
    flagged, threshold = flag(probability)
    others = [_draw(logs, slopes, mean, _FEW_DRAWS) for mean in _EXTREMES]
    totals = [_totals(scores, answers, flagged, each) for each in (draws, *others)]
    return VerdictFit(
        probability=probability,
        undecided=undecided,
        flagged=flagged,
        threshold=threshold,
        rate=_share([wrong / len(scores) for wrong, _ in totals]),
        precision=_share([found / max(int(flagged.sum()), 1) for _, found in totals]),
        recall=_share([found / np.maximum(wrong, 1e-9) for wrong, found in totals]),
        slopes=tuple(draws[:, 2:].mean(axis=0).tolist()),
        verdicts=len(rows),
    )


def _weigh(scores: Floats, wrong: Ints) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log-probability (h, a, s) of every point of the grid given verdicts on (m, v) scores, but for the prior of h; and
    the (s, v) slopes."""
    views = scores.shape[1]
    slopes = np.array(list(itertools.product(_SLOPES, repeat=views)))  # (s, v)
    prior = -0.5 * np.square((slopes - _SLOPE / views) / _SLOPE_SPREAD).sum(axis=1)
    inner = slopes @ scores.T  # (s, m)
    logs = np.empty((len(_HIDDEN), len(_OFFSETS), len(slopes)))
    for at, offset in enumerate(_OFFSETS):
        shown = expit(offset + inner)
        for place, hidden in enumerate(_HIDDEN):
            p = np.clip(hidden + (1 - hidden) * shown, 1e-12, 1 - 1e-12)
            likelihood = np.log(p[:, wrong == 1]).sum(axis=1) + np.log1p(-p[:, wrong == 0]).sum(axis=1)
            logs[place, at] = prior + _WEIGHT * likelihood - 0.5 * (offset / _SPREAD) ** 2
    return logs, slopes


def _draw(logs: Floats, slopes: Floats, hidden_mean: float, count: int) -> npt.NDArray[np.float64]:
    """(count, 2 + v) equally likely points h, a, b that stand for the posterior, at an exponential prior of h."""
    logs = logs - _HIDDEN[:, None, None] / hidden_mean
    weights = np.exp(logs - logs.max())
    places = (np.arange(count) + 0.5) / count * weights.sum()
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), places), weights.size - 1)
    hidden, offset, slope = np.unravel_index(chosen, weights.shape)
    return np.concatenate([_HIDDEN[hidden, None], _OFFSETS[offset, None], slopes[slope]], axis=1)


def _predict(scores: Floats, draws: Floats) -> npt.NDArray[np.float64]:
    """(m, p) probability of a wrong label by each of the (p, 2 + v) points ``draws`` of a posterior."""
    return np.asarray(draws[:, 0] + (1 - draws[:, 0]) * expit(draws[:, 1] + scores @ draws[:, 2:].T))


def _totals(
    scores: Floats, answers: Ints, flagged: Bools, draws: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per draw the number of wrong labels, all and flagged, with a normal draw for the chance in the labels."""
    unknown = answers < 0
    sums = np.zeros((2, 2, len(draws)))  # mean and variance, of unflagged and of flagged samples
    for part in slices(len(scores), _CHUNK):
        p = _predict(scores[part], draws)
        for group, members in enumerate((~flagged[part] & unknown[part], flagged[part] & unknown[part])):
            sums[0, group] += p[members].sum(axis=0)
            sums[1, group] += (p[members] * (1 - p[members])).sum(axis=0)
    noise = np.random.default_rng(0).normal(size=(2, len(draws)))
    found = np.maximum(sums[0] + noise * np.sqrt(sums[1]), 0)
    known = [int((answers == 1)[~flagged].sum()), int((answers == 1)[flagged].sum())]
    inside = np.minimum(found[1] + known[1], flagged.sum())
    return inside + found[0] + known[0], inside


def _share(draws: Sequence[Floats]) -> FittedShare:
    """The mean of the first ``draws``, and an interval that spans those of all."""
    ends = np.array([np.quantile(each, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) for each in draws])
    low, high = np.clip([ends[:, 0].min(), ends[:, 1].max()], 0, 1)
    return FittedShare(value=float(np.clip(draws[0].mean(), 0, 1)), low=float(low), high=float(high))
