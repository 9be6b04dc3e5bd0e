"""The channel from true classes to given labels: a transition matrix whose errors are likelier on harder images.

Of a sample x the errors in each row of T, all but the diagonal, are multiplied by one factor, and the row is divided by
what it then sums to::

    T_x[k, j] = T[k, j] · f(x) / s_k(x) for j ≠ k;  T_x[k, k] = T[k, k] / s_k(x);  s_k(x) = T[k, k] + f(x) (1 - T[k, k])

f(x) = exp(b · h(x)) with the slope b and the difficulty h(x), less its mean. Left out: how T and b are found
(`labelaudit.judge.noise_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import memory_order, row_maxima, take_columns
from labelaudit.types import Floats, Ints

_SUREST = 1e-4  # probability of a wrong best class that counts as the least difficulty
_TINY = np.finfo(np.float32).tiny


def difficulty(probs: Floats) -> Floats:
    """(n,) logit of the probability that the best class of (n, C) ``probs`` is not the right one."""
    wrong = np.maximum(1 - row_maxima(probs), _SUREST)
    return np.asarray(np.log(wrong / (1 - wrong)), dtype=np.float64)


def error_factors(difficulties: Floats, slope: float, kind: npt.DTypeLike = np.float64) -> Floats | None:
    """(n,) factors f on the errors of samples by their ``difficulties`` (n,), less the mean, in numbers of a
    ``kind``; None where the ``slope`` is 0 and all factors are 1.

    >>> error_factors(np.array([0.0, np.log(4)]), 0.5)
    array([1., 2.])
    """
    return np.exp(slope * difficulties).astype(kind, copy=False) if slope else None


def factors_of(probs: Floats, slope: float, mean: float, kind: npt.DTypeLike = np.float64) -> Floats | None:
    """(n,) `error_factors` of samples with ``probs`` (n, C), whose difficulties count from the ``mean``."""
    return error_factors(difficulty(probs) - mean, slope, kind) if slope else None


def scale_rows(right: Floats, factors: Floats) -> Floats:
    """(n, C) s: what each row of T, which has ``right`` (C,) on its diagonal, sums to once its errors are multiplied by
    the ``factors`` (n,).
    """
    kept, factors = np.stack([right, 1 - right]), np.stack([np.ones_like(factors), factors])
    return (kept.T @ factors).T if memory_order(len(right)) == "F" else factors.T @ kept


@dataclass(frozen=True)
class Channel:
    """The channel of n samples."""

    transition: Floats
    """(C, C) T, rows sum to 1: how people err at mean difficulty."""
    factors: Floats | None = None
    """(n,) f as of `error_factors`, in numbers of the same kind; None where all are 1."""

    @cached_property
    def sums(self) -> Floats | None:
        """(n, C) s: what each row of T sums to after its errors were multiplied; None where that is 1."""
        if self.factors is None:
            return None
        return scale_rows(np.diagonal(self.transition), self.factors)

    def judge(self, probs: Floats, labels: Ints, known: Ints | None = None) -> tuple[Floats, Floats]:
        """(n, C) posterior of the true class from ``probs`` (n, C), blind to them, and the ``labels`` (n,); and (n,)
        likelihood of the label, and of the true class where that is ``known`` (n,) as in `fit_noise_model`.
        """
        joint = take_columns(self.transition, labels)
        joint *= probs
        if self.factors is not None:  # all that follows is less by this factor
            joint[np.arange(len(labels)), labels] /= self.factors
            joint /= self.sums
        if known is not None and (verified := np.flatnonzero(known >= 0)).size:
            only = np.maximum(joint[verified, known[verified]], _TINY)
            joint[verified] = 0
            joint[verified, known[verified]] = only
        likelihood = np.maximum(joint @ np.ones(joint.shape[1], joint.dtype), _TINY)
        joint /= likelihood[:, None]
        return joint, likelihood if self.factors is None else self.factors * likelihood

    def count(self, posterior: Floats, labels: Ints) -> tuple[Floats, Floats, Floats]:
        """(C, C) how often class k was given label j, by the ``posterior`` (n, C) and the ``labels`` (n,), in ascending
        order; (C, C) how often T and f say it should have been; and (n,) how probable they say each error is.
        """
        counts = np.zeros(self.transition.shape)
        starts = np.flatnonzero(np.diff(labels, prepend=-1))
        counts[:, labels[starts]] = np.add.reduceat(posterior, starts).T
        right = np.diagonal(self.transition)
        if self.factors is None or self.sums is None:
            return counts, self.transition * posterior.sum(axis=0)[:, None], posterior @ (1 - right)
        part = posterior / self.sums
        errors, others = np.stack([self.factors, np.ones_like(self.factors)]) @ part
        expected = self.transition * errors[:, None]
        np.fill_diagonal(expected, right * others)
        return counts, expected, self.factors * (part @ (1 - right))
