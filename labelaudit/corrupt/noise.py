"""Planted label noise, as the papers define it; see docs/corrupt.md for who means what by which rate.

Every function takes true labels and an explicit generator and returns a `NoisyLabels`. The number of touched samples is
int(rate · n), of each source class where there is one; where ``exact`` can be turned off, each is then touched with
probability ``rate``. The ground truth is always ``wrong``: a touched sample may keep its label under `uniform`.
Left out: noise on images (open-set noise is a choice of rows, the caller replaces their images).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.errors import DataError, OptionError
from labelaudit.judge.scores import softmax
from labelaudit.types import Bools, Floats, Ints

CIFAR10_PAIRS: Mapping[int, int] = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
"""truck → automobile, bird → airplane, deer → horse, cat ↔ dog: at rate r, r/2 of balanced labels are wrong."""
MNIST_PAIRS: Mapping[int, int] = {1: 7, 7: 1, 2: 3, 3: 2, 4: 9, 9: 4, 5: 6, 6: 5}
"""1 ↔ 7, 2 ↔ 3, 4 ↔ 9, 5 ↔ 6: at rate r about .8 r of the labels are wrong."""
_BLOCK = 5  # classes of `next_in_blocks`
_SPREAD = 0.1  # deviation of the noise rates of single images, as Xia et al. have it


@dataclass(frozen=True, kw_only=True)
class NoisyLabels:
    """Labels with planted noise, and the truth about it."""

    labels: Ints
    """(n,) int64 given labels."""
    wrong: Bools
    """(n,) True where the given label is not the true one."""

    @property
    def rate(self) -> float:
        """Realised share of wrong labels, which may differ from the rate asked for."""
        return float(self.wrong.mean()) if len(self.wrong) else 0.0


def symmetric(
    labels: Ints, classes: int, rate: float, *, generator: np.random.Generator, exact: bool = True
) -> NoisyLabels:
    """Touched samples get one of the *other* classes, all alike: the realised rate is the one asked for.

    What LIMIT, CRUST and SLN call uniform, agnostic or symmetric noise.

    >>> symmetric(np.zeros(10, int), 3, 0.2, generator=np.random.default_rng(0)).rate
    0.2
    """
    true = _checked(labels, classes, rate)
    rows = _choose(np.arange(len(true)), rate, generator, exact)
    noisy = true.copy()
    noisy[rows] = (true[rows] + generator.integers(1, classes, len(rows))) % classes
    return _planted(true, noisy)


def uniform(labels: Ints, classes: int, rate: float, *, generator: np.random.Generator) -> NoisyLabels:
    """Touched samples get any class, their own included: about rate · (C - 1) / C of the labels become wrong.

    What the spectral-normalisation paper (SN) calls uniform noise.
    """
    true = _checked(labels, classes, rate)
    rows = _choose(np.arange(len(true)), rate, generator, exact=True)
    noisy = true.copy()
    noisy[rows] = generator.integers(0, classes, len(rows))
    return _planted(true, noisy)


def asymmetric(
    labels: Ints,
    classes: int,
    rate: float,
    mapping: Mapping[int, int],
    *,
    generator: np.random.Generator,
    exact: bool = True,
) -> NoisyLabels:
    """A share of ``rate`` of each class that is a key of ``mapping`` gets the class it maps to.

    ``rate`` is per source class: classes that are not a key stay clean, so the realised rate is lower.
    """
    true = _checked(labels, classes, rate)
    if wrong := [pair for pair in mapping.items() if not {*pair} <= {*range(classes)}]:
        raise OptionError(f"mapping {wrong[0][0]} -> {wrong[0][1]} names a class outside 0 to {classes - 1}")
    noisy = true.copy()
    for source in sorted(mapping):
        rows = _choose(np.flatnonzero(true == source), rate, generator, exact)
        noisy[rows] = mapping[source]
    return _planted(true, noisy)


def pair(labels: Ints, classes: int, rate: float, *, generator: np.random.Generator) -> NoisyLabels:
    """A share of ``rate`` of every class gets the next class, the last one the first (SLN's CIFAR-100 noise)."""
    following = {source: (source + 1) % classes for source in range(classes)}
    return asymmetric(labels, classes, rate, following, generator=generator)


def next_in_blocks(labels: Ints, classes: int, rate: float, *, generator: np.random.Generator) -> NoisyLabels:
    """A share of ``rate`` of every class gets the next class of its block of classes, the last one the first.

    SN's flip noise on CIFAR-100, whose released code takes blocks of five class numbers, which are not superclasses.
    """
    if classes % _BLOCK:
        raise OptionError(f"{classes} classes are not a whole number of blocks of {_BLOCK}")
    following = {c: c - _BLOCK + 1 if c % _BLOCK == _BLOCK - 1 else c + 1 for c in range(classes)}
    return asymmetric(labels, classes, rate, following, generator=generator)


def derangement(classes: int, *, generator: np.random.Generator) -> dict[int, int]:
    """A random mapping that moves every class, uniform among those that do: CRUST's asymmetric noise.

    >>> derangement(2, generator=np.random.default_rng(0))
    {0: 1, 1: 0}
    """
    if classes < 2:
        raise OptionError(f"{classes} classes cannot be exchanged: it takes 2")
    while True:  # a third of all permutations qualify
        moved = generator.permutation(classes)
        if (moved != np.arange(classes)).all():
            return dict(enumerate(moved.tolist()))


def instance_dependent(
    labels: Ints, classes: int, rate: float, features: Floats, *, generator: np.random.Generator
) -> NoisyLabels:
    """Noise that depends on each image: Xia et al. 2020, "Part-dependent label noise", algorithm 2.

    Each sample's probability to be wrong is drawn from a normal of mean ``rate`` and deviation `_SPREAD`, truncated
    to [0, 1]; the classes share it by the softmax of its features (n, d), standardised per column, times a random
    (d, C) matrix of its true class. The realised rate is ``rate`` on average.
    """
    true = _checked(labels, classes, rate)
    if features.ndim != 2 or len(features) != len(true):
        raise DataError(f"features must be ({len(true)}, d), not {features.shape}")
    flip = _truncated_normal(rate, _SPREAD, len(true), generator)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    noisy = true.copy()
    for own in range(classes):
        rows = np.flatnonzero(true == own)
        weights = generator.standard_normal((features.shape[1], classes))
        logits = (features[rows] - mean) / np.where(deviation > 0, deviation, 1) @ weights  # (rows, C)
        logits[:, own] = -np.inf
        probs = flip[rows, None] * softmax(logits)
        probs[:, own] = 1 - flip[rows]
        noisy[rows] = _draw(probs, generator)
    return _planted(true, noisy)


def prediction_dependent(labels: Ints, probs: Floats, rate: float) -> NoisyLabels:
    """The int(rate · n) samples that a model confuses most get the class it confuses them with.

    Chen et al. 2021, "Beyond class-conditional assumption", the noise behind SLN's "dependent" labels: by the largest
    probability (n, C) of a class that is not the true one. Deterministic; ties go to the lower row.
    """
    true = _checked(labels, probs.shape[1] if probs.ndim == 2 else 0, rate)
    if len(probs) != len(true):
        raise DataError(f"probs must be ({len(true)}, C), not {probs.shape}")
    others = probs.astype(np.float64, copy=True)
    others[np.arange(len(true)), true] = -np.inf
    rows = np.argsort(-others.max(axis=1), kind="stable")[: _count(rate, len(true))]
    noisy = true.copy()
    noisy[rows] = others[rows].argmax(axis=1)
    return _planted(true, noisy)


def drawn_from(labels: Ints, probs: Floats, rate: float, *, generator: np.random.Generator) -> NoisyLabels:
    """Each sample draws a label from its probabilities (n, C), tilted towards the truth so far that int(rate · n) err.

    The more probable another class is, the likelier a sample gets it; chance decides the rest (Gumbel noise on the
    logarithms). Here for simulated annotators, whose doubts ``probs`` are (`labelaudit.corrupt.annotators`).
    """
    true = _checked(labels, probs.shape[1] if probs.ndim == 2 else 0, rate)
    if len(probs) != len(true):
        raise DataError(f"probs must be ({len(true)}, C), not {probs.shape}")
    own = np.arange(len(true))
    drawn = np.log(np.maximum(probs, 1e-12)) + generator.gumbel(size=probs.shape)
    rivals = drawn.copy()
    rivals[own, true] = -np.inf
    rows = np.argsort(drawn[own, true] - rivals.max(axis=1), kind="stable")[: _count(rate, len(true))]
    noisy = true.copy()
    noisy[rows] = rivals[rows].argmax(axis=1)
    return _planted(true, noisy)


def open_set_rows(n: int, rate: float, *, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """The int(rate · n) rows, sorted, whose images are to be replaced by some that belong to no class."""
    _checked(np.zeros(0, np.int64), 2, rate)
    return np.sort(_choose(np.arange(n), rate, generator, True))


def _planted(true: Ints, noisy: Ints) -> NoisyLabels:
    return NoisyLabels(labels=noisy, wrong=noisy != true)


def _checked(labels: Ints, classes: int, rate: float) -> npt.NDArray[np.int64]:
    if not 0 <= rate <= 1:
        raise OptionError(f"noise rate must be from 0 to 1, not {rate:g}")
    if classes < 2:
        raise OptionError(f"noise needs at least 2 classes, not {classes}")
    true = np.asarray(labels)
    if true.ndim != 1 or true.dtype.kind not in "iu" or (len(true) and not 0 <= true.min() <= true.max() < classes):
        raise DataError(f"labels must be (n,) integers from 0 to {classes - 1}")
    return true.astype(np.int64)


def _count(rate: float, n: int) -> int:
    return int(rate * n + 1e-9)  # .29 * 100 is 28.999999999999996


def _choose(
    rows: npt.NDArray[np.int64], rate: float, generator: np.random.Generator, exact: bool
) -> npt.NDArray[np.int64]:
    if not exact:
        return rows[generator.random(len(rows)) < rate]
    return generator.choice(rows, _count(rate, len(rows)), replace=False)


def _truncated_normal(mean: float, spread: float, n: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """(n,) normal values within [0, 1], by drawing again what falls outside."""
    drawn = np.full(n, -1.0)
    while (outside := (drawn < 0) | (drawn > 1)).any():
        drawn[outside] = generator.normal(mean, spread, int(outside.sum()))
    return drawn


def _draw(probs: Floats, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """One class for each row of probabilities (b, C)."""
    below = probs.cumsum(axis=1) < generator.random((len(probs), 1))
    drawn: npt.NDArray[np.int64] = np.minimum(np.count_nonzero(below, axis=1), probs.shape[1] - 1).astype(np.int64)
    return drawn
