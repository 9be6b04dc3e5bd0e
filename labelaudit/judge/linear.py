"""Linear models of classes: softmax of a matrix product, and the sharpness at which their scores are probabilities.

Left out: how such a model is fitted; `labelaudit.judge.ridge` and `labelaudit.judge.prototypes` do that in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from labelaudit.judge.scores import softmax
from labelaudit.types import Floats, Ints

_LOG_SHARPNESS = (-4.0, 8.0)  # natural logarithms of the least and the greatest factor that is tried
_ROWS = 20_000  # samples that a sharpness is fitted on


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fitted linear model: class probabilities are the softmax of ``x @ directions + offset``."""

    directions: npt.NDArray[np.float32]
    """(d, C)"""
    offset: npt.NDArray[np.float32]
    """(C,)"""

    def apply(self, x: Floats) -> npt.NDArray[np.float32]:
        """Class probabilities (n, C) of ``x`` (n, d)."""
        return np.asarray(softmax(x @ self.directions + self.offset), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A model fitted to n samples, and its opinion of each of them as if it had not been."""

    probs: npt.NDArray[np.float32]
    """(n, C) class probabilities of each sample by the model of all samples outside its group."""
    model: Linear
    """Fitted to all samples, for images that come later."""


def find_sharpness(scores: Floats, labels: Ints) -> tuple[float, float]:
    """The factor t at which softmax(t · ``scores``) gives the ``labels`` (n,) the most likelihood, and the loss there.

    The loss is the mean negative log-likelihood in nats. At most 20,000 evenly spread rows are looked at. The loss is
    convex in t, so the answer does not depend on a starting point.
    """
    rows = spread_rows(len(labels), _ROWS)
    some = np.asarray(scores[rows], dtype=np.float64)
    some = some - some.max(axis=1, keepdims=True)
    own = some[np.arange(len(rows)), labels[rows]]

    def loss(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float((np.log(np.exp(factor * some).sum(axis=1)) - factor * own).mean())

    found = minimize_scalar(loss, bounds=_LOG_SHARPNESS, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)


def spread_rows(n: int, most: int) -> Ints:
    """At most ``most`` of n row numbers, evenly spread, all of them where there are no more."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))
