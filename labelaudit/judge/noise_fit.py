"""Fits the noise model to the given labels: pool weights, transition matrix and slope, from two starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import spread_rows
from labelaudit.errors import DataError
from labelaudit.judge.channel import Channel, difficulty, error_factors
from labelaudit.judge.linear import order_by_label, pick_rows
from labelaudit.judge.log_probs import LogProbs
from labelaudit.judge.noise_diagonal import Observations, Point, descend, scale_steps, search_diagonal
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN, NoiseModel, apply_noise_model
from labelaudit.judge.noise_sweeps import FIRST_SWEEPS, LAST_SWEEPS, SWEEPS, Prior, refine
from labelaudit.judge.scores import softmax
from labelaudit.judge.transition import even
from labelaudit.leading import Table, is_large
from labelaudit.types import Bools, Floats, Ints

TOLD = 50
"""Samples for each cell of T from which the last sweeps need not see all of them."""

_CELLS, _SWEPT = 400_000, 1_000_000  # rows x classes that the search and the last sweeps over T see
_FEWEST = 2000  # rows that they see at least
_SEARCHED = 50  # classes up to which the cells of T are searched one by one; beyond, each row's share of errors
_ROUNDS = 2  # of the search, each with the prior and the difficulties that the one before left
_FINE, _ROUGH = 1e-8, 1e-6  # relative gain at which a search ends: of all samples, and of a part of them
_FEW_ERRORS, _MANY_ERRORS = 0.1, 0.5  # shares of wrong labels that a search starts from
_SHARPNESS = 2.0  # sum of the weights that it starts from
_TELLING = 5e-4  # nats of a start below which labels cannot tell
_TRIAL_CELLS, _TRIAL_LIMITS = 100_000, (500, 4000)  # rows x classes that starts are compared on, and limits of rows
_STEEPEST, _SHARPEST = 0.6, 5.0
_LEAST_SLOPE = 0.005  # below which errors are taken to be even: the hardest images' are 5 % more likely


def fit_noise_model(
    models: Mapping[str, Table],
    labels: Ints,
    *,
    known: Ints | None = None,
    groups: Ints | None = None,
    start: NoiseModel | None = None,
    order: Ints | None = None,
) -> NoiseModel:
    """Fit pool weights, transition matrix and slope to the given labels.

    Args:
        models: name -> (n, C) probabilities of models that did not train on the sample they judge.
        labels: (n,) given labels in [0, C).
        known: (n,) true class where a person has verified it, `UNKNOWN` or `NO_CLASS` elsewhere. Verified samples count
            with what is known of them: their posterior is certain, and T learns from real errors.
        groups: (n,) numbers, equal where samples belong together: the first of each, in ``order``, is one of all.
        start: an earlier fit with the same models, to begin from.
        order: (n,) rows, in which they are taken, and over which the part of many that the search sees is spread; as
            they are by default.

    Raises:
        DataError: no models, or shapes that do not fit.

    >>> blind = np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 9)
    >>> fitted = fit_noise_model({"a": blind}, np.array([0] * 8 + [1] + [1] * 9))
    >>> int(fitted.posterior[np.arange(18), [0] * 8 + [1] + [1] * 9].argmin())
    8
    """
    if not models:
        raise DataError("the noise model needs the probabilities of at least one model")
    shape = next(iter(models.values())).shape
    if any(probs.shape != shape for probs in models.values()) or shape[0] != len(labels):
        raise DataError(f"models of shapes {[p.shape for p in models.values()]} for {len(labels)} labels")
    classes = shape[1]
    if known is None:
        known = np.full(len(labels), UNKNOWN)
    first = np.ones(len(labels), dtype=bool) if groups is None else _first_of_each(groups, order)
    usable = first & (known != NO_CLASS)
    usable_rows = pick_rows(usable if usable.any() else ~usable, order)
    rows = _subset(usable_rows, count_searched(len(usable_rows), classes))
    whole = len(rows) == len(usable_rows)
    precision = np.float64 if whole else np.float32  # the sampling error of a part is larger
    part = _FitSubset.of(models, rows, labels, known, precision)
    if start is None:
        few = rows[spread_rows(len(rows), int(np.clip(_TRIAL_CELLS // classes, *_TRIAL_LIMITS)))]
        at = _FitSubset.of(models, few, labels, known, precision).begin()
    else:
        at = Point(np.array([start.weights[name] for name in models]), start.transition, start.slope)
    for _ in range(_ROUNDS):
        at = part.search(at, steepest=_STEEPEST)
    weights, transition, slope = at
    slope = slope if slope >= _LEAST_SLOPE else 0.0
    named = dict(zip(models, weights.tolist(), strict=True))
    pooled: Floats | None = None
    factors: Floats | None = None
    probs: Floats
    if whole and classes <= _SEARCHED:
        mean_difficulty = _centre_difficulties(part.logs.pool(weights))[1] if slope else 0.0
    else:
        rows = _subset(pick_rows(first, order), max(_SWEPT // classes, _FEWEST))
        if len(rows) < min(int(first.sum()), TOLD * classes**2) and not is_large(len(labels), classes):
            pooled = probs = np.asarray(apply_noise_model(named, transition, models, None).probs)
            factors, mean_difficulty = _find_factors(probs, slope)
            for some, sweeps in ((rows, FIRST_SWEEPS), (np.flatnonzero(first), LAST_SWEEPS)):
                transition = refine(probs, transition, labels, known, factors, counted=some, sweeps=sweeps)
        else:
            probs = LogProbs.of(models, rows).pool(weights).astype(precision, copy=False)
            of_rows, mean_difficulty = _find_factors(probs, slope)
            seen = np.arange(len(rows))
            transition = refine(probs, transition, labels[rows], known[rows], of_rows, counted=seen, sweeps=SWEEPS)
    return apply_noise_model(
        named,
        transition,
        models,
        labels,
        known=known,
        slope=slope,
        mean_difficulty=mean_difficulty,
        precision=precision,
        pooled=pooled,
        factors=factors,
    )


@dataclass(frozen=True)
class _FitSubset(Observations):
    """Those that the search sees, in the order of their labels; the logarithms are float64, or float32 of a part of all
    samples."""

    @classmethod
    def of(
        cls, models: Mapping[str, Table], rows: Ints, labels: Ints, known: Ints, precision: npt.DTypeLike
    ) -> _FitSubset:
        """Those of some ``rows`` (m,), in numbers of this ``precision``."""
        rows = order_by_label(rows, labels)
        return cls(LogProbs.of(models, rows).astype(precision), labels[rows], known[rows])

    @property
    def is_part(self) -> bool:
        """Whether there are more samples, so that those seen are worth no more than single precision."""
        return self.logs.flat.dtype == np.float32

    def begin(self) -> Point:
        """The point to start from: the likelier of few errors, and even ones on half of the labels; of few errors
        where labels cannot tell.
        """
        models, classes = len(self.logs), self.logs.classes
        weights = np.full(models, _SHARPNESS / models)
        starts = [Point(weights, even(error, classes), 0.0) for error in (_FEW_ERRORS, _MANY_ERRORS)]
        rare, common = (self.search(start, steepest=0.0) for start in starts)
        return rare if self.measure_loss(rare) <= self.measure_loss(common) + _TELLING else common

    def measure_loss(self, at: Point) -> float:
        """Mean negative log-likelihood of the labels, in nats, without the prior, which differs from start to start."""
        probs, rounded = self.logs.pool(at.weights), at.transition.astype(self.logs.flat.dtype)
        _, likelihood = Channel(rounded).judge(probs, self.labels, self.known)
        return float(-np.log(likelihood, dtype=np.float64).mean())

    def search(self, at: Point, *, steepest: float) -> Point:
        """Weights, T and b, up to the ``steepest``, that maximise likelihood times prior; the prior and the
        difficulties are those of the point that it begins ``at``.
        """
        models, classes = len(self.logs), self.logs.classes
        weights, transition, slope = at
        probs = self.logs.pool(weights)
        difficulties, _ = _centre_difficulties(probs)
        prior = Prior.of(np.diagonal(transition), np.bincount(self.labels, minlength=classes))
        highest, gain = (_SHARPEST, steepest), _ROUGH if self.is_part else _FINE
        if classes > _SEARCHED:
            return search_diagonal(self, at, probs, difficulties, prior, highest=highest, gain=gain)
        counts = prior.matrix
        cells = (probs.sum(axis=0)[:, None] * transition + counts) * (1 - transition)
        point = descend(
            lambda point: self.objective(point, difficulties, counts),
            np.concatenate([weights, [slope], np.log(np.maximum(transition, 1e-12)).ravel()]),
            scale_steps(self.logs, probs, np.diagonal(transition), difficulties, cells.ravel()),
            models,
            highest=highest,
            gain=gain,
        )
        return Point(point[:models], softmax(point[models + 1 :].reshape(classes, classes)), float(point[models]))

    def objective(self, point: Floats, difficulties: Floats, prior: Floats) -> tuple[float, Floats]:
        """Negative log of likelihood times prior per sample, and its gradient.

        ``point`` holds the M weights, b, and C·C logits of the rows of T.
        """
        n, models, classes = len(self.labels), len(self.logs), len(prior)
        matrix = softmax(point[models + 1 :].reshape(classes, classes))
        kind = self.logs.flat.dtype
        channel = Channel(matrix.astype(kind, copy=False), error_factors(difficulties, float(point[models]), kind))
        probs = self.logs.pool(point[:models])
        posterior, likelihood = channel.judge(probs, self.labels, self.known)
        counts, expected, errs = channel.count(posterior, self.labels)
        erred = 1 - posterior[np.arange(n), self.labels] - errs
        gradient = np.concatenate(
            [
                -self.logs.inner_products(posterior - probs),
                [-(difficulties @ erred)],
                -(counts - expected + prior - prior.sum(axis=1, keepdims=True) * matrix).ravel(),
            ]
        )
        loss = -np.log(likelihood, dtype=np.float64).sum() - (prior * np.log(np.maximum(matrix, 1e-300))).sum()
        return float(loss) / n, gradient / n


def _centre_difficulties(probs: Floats) -> tuple[Floats, float]:
    """(n,) difficulties of ``probs`` (n, C) less their mean, and the mean."""
    difficulties = difficulty(probs)
    mean = float(difficulties.mean())
    return difficulties - mean, mean


def _find_factors(probs: Floats, slope: float) -> tuple[Floats | None, float]:
    """(n,) factors of samples with ``probs`` (n, C) as of `Channel`, and their mean difficulty; None and 0 without a
    ``slope``, to which that is all the same.
    """
    if not slope:
        return None, 0.0
    difficulties, mean = _centre_difficulties(probs)
    return error_factors(difficulties, slope, probs.dtype), mean


def _first_of_each(groups: Ints, order: Ints | None) -> Bools:
    """(n,) whether a sample is the first one in ``order`` (n,) of its entry of ``groups`` (n,)."""
    rows = np.arange(len(groups)) if order is None else order
    first = np.zeros(len(groups), dtype=bool)
    first[rows[np.unique(groups[rows], return_index=True)[1]]] = True
    return first


def count_searched(n: int, classes: int) -> int:
    """Samples of n that the search sees: those of 400,000 cells, but 2,000 at least.

    >>> count_searched(60_000, 10), count_searched(60_000, 1_000), count_searched(900, 1_000)
    (40000, 2000, 900)
    """
    return min(n, max(_CELLS // classes, _FEWEST))


def _subset(rows: Ints, most: int) -> Ints:
    """About ``most`` of the ``rows``, evenly spread; all where there are no more."""
    return rows if most >= len(rows) else rows[spread_rows(len(rows), most)]
