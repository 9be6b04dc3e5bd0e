"""The consensus of all models of a scan about each sample: pool, noise model, and the one answer from both.

1. The pool q: a weighted geometric mean of the held-out models (`labelaudit.judge.pool`), errors all alike.
2. The noise model: weights, transition and slope fitted together (`labelaudit.judge.noise_fit`), and to more models;
   images of no class are told apart by it (`labelaudit.judge.open_set`).
3. The answer's log-odds of a wrong label are a mean of both. The pool ranks better where errors are rare or even, the
   noise model where they are many or go mostly to one other class. The noise model's weight is the share of errors that
   go to the likeliest wrong class, beyond chance, and at least .4. Below a rate of 5 %, and with fewer samples than its
   matrix has cells, it is less in proportion.
4. The odds of all wrong labels are moved by one factor to the rate that is read (`labelaudit.judge.reading`), which
   changes no rank: the mean suspicion is the estimated rate.

No truth is used anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from labelaudit.blocks import by_class, slices, work_on, work_on_blocks
from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.linear import group_shares
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel, blind_posterior
from labelaudit.judge.open_set import OpenSet
from labelaudit.judge.pool import PULL, Gain, pool
from labelaudit.judge.reading import Reading, read_rate
from labelaudit.judge.scores import odds_of_wrong
from labelaudit.judge.transition import even, find_factor
from labelaudit.leading import KEPT, Leading, Table, make_table
from labelaudit.types import Floats, Ints

GROUPED = 1.2
"""Samples for each group, on average, from which the noise model has no say in the ranking, and in the rate that of
clear images alone; of fewer it has less in proportion. On ten sets of copies and frames of one source average precision
is .741 without its say and .709 with it, and the rate is read .018 beside the truth instead of .077 (docs/log.md)."""
MANY_GROUPS = 2_000
"""Groups from which the pull of the pool's weights is the usual one; of fewer it is stronger in proportion: a group is
one opinion, however many members it has."""
SAY, OF_FEW = 0.4, 0.5
"""Least weight of the noise model's log-odds in the answer where errors are common, and that of two or three classes,
where an error has hardly any other class to go to."""
EVEN = 4.0
"""Errors of each class that count as even beside those of the matrix, in the share that go to the likeliest wrong
class: few errors look concentrated by chance."""
COMMON = 0.05
"""The noise model's reading of the rate, images of no class left out, from which errors are common; below it the noise
model's weight is less in proportion. Average precision with a half everywhere and so: .890 and .902 on ten sets with
planted errors, rare ones among them, .593 and .592 on five with human ones."""
PER_CELL = 1.0
"""Samples for each cell of the transition matrix from which the noise model has its full say; of fewer it has less in
proportion. With 10 and 13 images of each of over 100 classes most cells that hold an error hold one: average precision
with its full say is .747 and .733, so .774 and .755 (docs/log.md)."""
_TINY = np.finfo(np.float32).tiny
_CELLS, _PAIRED = 1 << 16, 1 << 20  # worked on at a time, and pairs of leading classes that are compared
_LEAST = 1.0  # samples that are taken to be wrong at least: the scale of suspicions needs some


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The answer, and the two views that it was made from."""

    answer: NoiseModel
    """The answer: pool weights, even errors at its rate, and (n, C) posterior; blind to verdicts."""
    pooled: Floats
    """(n,) probability of a wrong label by the pool alone, at its own scale."""
    modelled: Floats
    """(n,) probability of a wrong label by the noise model, images of no class among them."""
    none: Floats
    """(n,) probability of belonging to no class, blind to verdicts; 0 where no such images were found."""
    reading: Reading
    """The reading of the rate."""
    gain: Gain | None = None
    """The gain by trained networks, which are among the models where it is earned; ``None`` without any."""
    strangers_gain: float | None = None
    """`OpenSet.gain`; ``None`` where no images of no class were found."""

    def outside(self, known: Ints) -> Floats | None:
        """(n,) probability of belonging to no class, 0 or 1 where that is ``known`` (n,); ``None`` where no such images
        were found."""
        if self.strangers_gain is None:
            return None
        return np.where(known == UNKNOWN, self.none, known == NO_CLASS)

    def take(self, rows: Ints) -> Consensus:
        """The consensus about some ``rows`` (m,)."""
        return replace(
            self,
            answer=self.answer.take(rows),
            pooled=self.pooled[rows],
            modelled=self.modelled[rows],
            none=self.none[rows],
        )


def agree(
    models: Mapping[str, Table],
    noise: NoiseModel,
    labels: Ints,
    *,
    known: Ints,
    strangers: OpenSet | None = None,
    curve: Curve | None = None,
    groups: Ints | None = None,
    order: Ints | None = None,
    used_up: bool = False,
) -> Consensus:
    """Bring ``models``, name -> (n, C) held-out probabilities, to one answer about the given ``labels`` (n,).

    ``noise`` is the noise model fitted to these models and perhaps others, ``known`` (n,) as in `fit_noise_model`,
    ``curve`` as in `read_rate`, ``groups`` (n,) numbers, equal where samples belong together: each counts for one.
    ``order`` (n,) is as of `fit_noise_model`. A ``noise`` model that is ``used_up`` has its tables written over: new
    memory costs as much time as what is worked out in it.
    """
    shares = group_shares(groups)
    companions = 1.0 if shares is None else len(labels) / float(shares.sum())
    heard = float(np.clip((GROUPED - companions) / (GROUPED - 1), 0, 1))
    # the view of the noise model, images of no class among them
    noisy = noise.posterior if (known == UNKNOWN).all() else blind_posterior(noise, labels)
    doubt = log_odds_of_wrong(noisy, labels)
    wrong = expit(doubt)  # if it belongs to a class
    none = np.zeros(len(labels)) if strangers is None else strangers.posterior(noise, labels)
    modelled = wrong if strangers is None else none + (1 - none) * wrong
    outside, mean = (float(np.average(one, weights=shares)) for one in (none, modelled))
    clear = None
    if heard < 1:
        surest = noise.probs[np.arange(len(labels)), noise.probs.argmax(axis=1)]
        clear = heard + (1 - heard) * np.square(surest, dtype=np.float64)
    # the view of the pool
    pull = PULL * max(1.0, MANY_GROUPS * companions / len(labels)) ** (1 - heard)
    targets, spare = np.where(known >= 0, known, labels), noise.probs if used_up else None
    pooled = pool(models, targets, counted=known != NO_CLASS, shares=shares, pull=pull, order=order, out=spare)
    odds = odds_of_wrong(pooled.probs, labels)
    # the rate
    reading = read_rate(
        modelled, pooled.probs, labels, curve, shares=shares, strangers=outside, clear=clear, order=order
    )
    share = float(np.average(wrong, weights=shares) / mean)  # of the wrong ones, if all belonged to a class
    inside = max(reading.rate * share, _LEAST / len(labels))
    # the answer: the mean of both views, at that rate
    counts = np.bincount(labels, shares, minlength=len(noise.transition)).astype(np.float64)
    say = heard * _weigh_view(noise.transition, counts, mean - outside)
    answer = _move((1 - say) * np.log(odds) + say * doubt, inside, shares)
    return Consensus(
        answer=NoiseModel(
            weights=pooled.weights,
            transition=even(inside, pooled.probs.shape[1]),
            probs=pooled.probs,
            posterior=_blend(pooled.probs, noisy, say, labels, answer, noisy if used_up else None),
            loss=noise.loss,
        ),
        pooled=odds / (1 + odds),
        modelled=modelled,
        none=none,
        reading=reading,
        strangers_gain=None if strangers is None else strangers.gain,
    )


def _weigh_view(transition: Floats, counts: Floats, rate: float) -> float:
    """Weight of the noise model's log-odds where it reads this ``rate``, by its ``transition`` T (C, C) and the
    ``counts`` n (C,) of each given label::

        filled · max(least, (s - 1 / (C - 1)) / (1 - 1 / (C - 1))) · min(1, rate / COMMON)
        s = Σ_k max_j n_k T[k, j] / (Σ_kj n_k T[k, j] + EVEN · C), j ≠ k;  filled = min(1, Σ n / (PER_CELL · C²))

    The least is 1 / (C - 1), within `SAY` and `OF_FEW`.

    >>> pairs = np.array([[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.2, 0.0, 0.8]])
    >>> counts = np.full(3, 1000.0)
    >>> round(_weigh_view(pairs, counts, 0.2), 2), round(_weigh_view(even(0.2, 3), counts, 0.2), 2)
    (0.96, 0.5)
    """
    errors = counts[:, None] * transition
    np.fill_diagonal(errors, 0)
    chance = 1 / max(len(counts) - 1, 1)
    share = float(errors.max(axis=1).sum() / (errors.sum() + EVEN * len(counts)))
    beyond = (share - chance) / max(1 - chance, 1e-9) if share > chance else 0.0
    filled = min(1.0, float(counts.sum()) / (PER_CELL * transition.size))
    return filled * max(float(np.clip(chance, SAY, OF_FEW)), beyond) * min(1.0, rate / COMMON)


def _move(odds: Floats, rate: float, shares: Floats | None) -> Floats:
    """(n,) probability of a wrong label by its log-``odds`` (n,), moved so that its mean is ``rate``."""
    moved = np.exp(odds)
    moved *= find_factor(moved, rate, shares)
    return np.asarray(np.divide(moved, 1 + moved, out=moved))


def log_odds_of_wrong(probs: Table, labels: Ints) -> Floats:
    """(n,) the natural logarithm of `odds_of_wrong`."""
    odds = odds_of_wrong(probs, labels)
    return np.log(odds, out=odds)


def _blend(one: Table, other: Table, say: float, labels: Ints, wrong: Floats, out: Table | None) -> Table:
    """(n, C) the normalised geometric mean of ``one`` and the ``other``, which has the weight ``say``, with ``wrong``
    (n,) for what is not the label; in the place of ``out``, which may be one of them, or in a new table.

    It is of half the precision that numbers have here otherwise: there may be a thousand classes.
    """
    if isinstance(one, Leading) and isinstance(other, Leading):
        leading, step = Leading(labels, one.shape[1]), _PAIRED // KEPT**2
        work_on(lambda rows: leading.blend(rows, one, other, say, wrong[rows]), slices(len(labels), step))
        return leading
    blended = make_table(labels, one.shape[1]) if out is None else out

    def mix(rows: slice) -> None:
        mixed, more = (by_class(table[rows]) + _TINY for table in (one, other))
        more /= mixed
        np.exp(np.multiply(np.log(more, out=more), say, out=more), out=more)
        mixed *= more
        blended[rows] = set_suspicion(mixed, labels[rows], wrong[rows])

    work_on_blocks(mix, one, _CELLS)
    return blended


def settle_suspicion(posterior: Table, labels: Ints, suspicion: Floats) -> Table:
    """`set_suspicion` of a table, which stays of its kind."""
    if isinstance(posterior, Leading):
        return posterior.with_suspicion(suspicion)
    return set_suspicion(np.array(posterior, dtype=np.result_type(posterior, np.float32)), labels, suspicion)


def set_suspicion(posterior: Floats, labels: Ints, suspicion: Floats) -> Floats:
    """``posterior`` (n, C), which is written over, with 1 - ``suspicion`` (n,) as the given label's probability, the
    others in proportion.
    """
    rows = np.arange(len(labels))
    posterior[rows, labels] = 0
    rest = posterior @ np.ones(posterior.shape[1], posterior.dtype)
    told = rest > 0
    posterior *= np.divide(suspicion, rest, out=np.zeros(len(rest)), where=told).astype(posterior.dtype)[:, None]
    posterior[~told] = (suspicion / max(posterior.shape[1] - 1, 1))[~told, None]
    posterior[rows, labels] = 1 - suspicion
    return posterior
