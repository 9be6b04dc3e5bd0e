"""Search for the noise model of many classes: weights, slope, and the errors of each class.

What the errors of a class are shared out to stays as it was, so T has C numbers to search and not C·C, and of the C·C
gradients that the whole search makes only those of the diagonal are worked out. The model, its prior and its loss are
those of `labelaudit.judge.noise_fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import starmap
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from labelaudit.blocks import slices
from labelaudit.judge.channel import Channel, error_factors
from labelaudit.judge.log_probs import LogProbs
from labelaudit.judge.noise_sweeps import Prior
from labelaudit.types import Floats, Ints

Objective = Callable[[Floats], tuple[float, Floats]]
"""Point -> loss and gradient."""

_CELLS = 1 << 16  # looked at at a time: these stay in the cache of a core, which halves the time
_ITERATIONS = 80
_LEAST_CURVATURE = 1e-6
_LEAST = 1e-12  # of a cell of T


class Point(NamedTuple):
    """A place that a search begins or ends at."""

    weights: Floats
    """(M,)"""
    transition: Floats
    """(C, C)"""
    slope: float


@dataclass(frozen=True)
class Observations:
    """The samples that a search sees."""

    logs: LogProbs
    """Those of M models for m samples."""
    labels: Ints
    """(m,)"""
    known: Ints
    """(m,) as in `fit_noise_model`."""


def search_diagonal(
    seen: Observations,
    start: Point,
    probs: Floats,
    difficulties: Floats,
    prior: Prior,
    *,
    highest: tuple[float, float],
    gain: float,
) -> Point:
    """The point where likelihood times ``prior`` is greatest.

    The weights of the ``start`` make ``probs`` (m, C) of the samples ``seen``, whose ``difficulties`` (m,) are less
    their mean. The others are as of `descend`.
    """
    weights, transition, slope = start
    models = len(weights)
    errors = np.maximum(transition, _LEAST)
    np.fill_diagonal(errors, 0)
    errors /= errors.sum(axis=1, keepdims=True)
    right = np.clip(np.diagonal(transition), _LEAST, 1 - _LEAST)
    cells = (probs.sum(axis=0) * right + prior.right) * (1 - right)
    point = descend(
        _objective(seen, errors, difficulties, prior),
        np.concatenate([weights, [slope], np.log(right) - np.log1p(-right)]),
        scale_steps(seen.logs, probs, right, difficulties, cells),
        models,
        highest=highest,
        gain=gain,
    )
    return Point(point[:models], join_errors(1 / (1 + np.exp(-point[models + 1 :])), errors), float(point[models]))


def descend(
    objective: Objective, point: Floats, scale: Floats, models: int, *, highest: tuple[float, float], gain: float
) -> Floats:
    """The point where ``objective`` is least, from ``point`` on, in steps of a ``scale`` of the same length.

    Its coordinates are the weights of so many ``models`` and a slope, which are bounded by the ``highest`` weight and
    slope, and logits of T. The search ends where less than this relative ``gain`` is left.
    """

    def scaled(moved: Floats) -> tuple[float, Floats]:
        loss, gradient = objective(moved * scale)
        return loss, gradient * scale

    weight, slope = highest
    bounds = np.array([(0.0, weight)] * models + [(0.0, slope)] + [(-60.0, 60.0)] * (len(point) - models - 1))
    options = {"maxiter": _ITERATIONS, "maxfun": 2 * _ITERATIONS, "ftol": gain}
    start, bounds = point / scale, bounds / scale[:, None]
    return np.asarray(minimize(scaled, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x * scale)


def scale_steps(logs: LogProbs, probs: Floats, right: Floats, difficulties: Floats, cells: Floats) -> Floats:
    """Steps of about equal worth: the inverse root of what bounds the curvature along each coordinate of a search.

    The coordinates are the weights of the models of ``logs``, which make ``probs`` (m, C), the slope on the
    ``difficulties`` (m,) with ``right`` (C,) for T's diagonal, and cells of T, whose bounds ``cells`` are sums
    over samples. These differ by four orders of magnitude; without this a search takes twelve times as long.
    """
    n = len(probs)
    ones, spread = np.ones(logs.classes, probs.dtype), []
    for some in logs:
        weighed = probs * some
        mean = weighed @ ones
        spread.append(float((weighed * some).sum() - mean @ mean) / n)
    slant = float(difficulties**2 @ (probs @ (1 - right))) / n
    return np.asarray(1 / np.sqrt(np.concatenate([spread, [slant], cells / n]) + _LEAST_CURVATURE))


def _objective(seen: Observations, errors: Floats, difficulties: Floats, prior: Prior) -> Objective:
    """The negative log of likelihood times prior per sample, but for a constant, and its gradient, of the M weights, b
    and C logits.

    ``errors`` (C, C) is T without its diagonal, its rows summing to 1.
    """
    n, models, classes, kind = len(seen.labels), len(seen.logs), seen.logs.classes, seen.logs.flat.dtype
    errors = errors.astype(kind, order="F")
    pieces = [(rows, seen.logs.take(rows)) for rows in slices(n, max(1, _CELLS // classes))]

    def objective(point: Floats) -> tuple[float, Floats]:
        logits, slope = point[models + 1 :], float(point[models])
        right, wrong = 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))
        transition = join_errors(right, errors)

        def look(rows: slice, logs: LogProbs) -> tuple[Floats, ...]:
            """Log-likelihood of some samples, and its gradient: of the weights, of b, and of the diagonal of T."""
            given, hard = seen.labels[rows], difficulties[rows]
            channel = Channel(transition, error_factors(hard, slope, kind))
            probs = logs.pool(point[:models])
            posterior, likelihood = channel.judge(probs, given, seen.known[rows])
            of_label = posterior[np.arange(len(given)), given]
            part = posterior if channel.sums is None else posterior / channel.sums
            errs = part @ wrong.astype(kind)
            erred = 1 - of_label - (errs if channel.factors is None else channel.factors * errs)
            counts = np.bincount(given, of_label, minlength=classes) - right * (np.ones(len(given), kind) @ part)
            posterior -= probs
            return np.log(likelihood, dtype=np.float64).sum(), logs.inner_products(posterior), hard @ erred, counts

        likely, products, slant, counts = (np.sum(some, axis=0) for some in zip(*starmap(look, pieces), strict=True))
        likely += prior.right * np.log(np.maximum(right, 1e-300)).sum()
        likely += (prior.sums - prior.right) @ np.log(np.maximum(wrong, 1e-300))
        return -float(likely) / n, -np.concatenate([products, [slant], counts + prior.right - prior.sums * right]) / n

    return objective


def join_errors(right: Floats, errors: Floats) -> Floats:
    """(C, C) T with ``right`` (C,) for its diagonal, and the rest of each row shared out as ``errors`` (C, C) are."""
    matrix = errors * (1 - right).astype(errors.dtype)[:, None]
    np.fill_diagonal(matrix, right)
    return np.asarray(matrix)
