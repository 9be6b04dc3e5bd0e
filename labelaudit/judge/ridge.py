"""Ridge regression onto one-hot labels, left-one-out in closed form: no folds, no seed, no order of the samples.

One eigendecomposition serves every penalty λ and every left-out sample. With centred features, their eigenvectors
turned into coordinates Z, ZᵀZ = diag(w), and an intercept that is not penalised::

    H = Z diag(1 / (w + λ)) Zᵀ + 11ᵀ / n          F = H Y                       the fit to one-hot labels Y
    F₋g = (I - H_gg)⁻¹ (F_g - H_gg Y_g)                                         the same without the samples g

for a group g of samples that must not judge each other: copies of an image, frames of a film, one patient. A sample
without companions is a group of one. λ and the sharpness of the softmax of F₋g maximise the likelihood of the given
labels. Source of the identity: Cook and Weisberg (1982), "Residuals and Influence in Regression", 2.2. Left out:
weights of samples, which would need another decomposition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from labelaudit.blocks import slices, work_on
from labelaudit.judge.linear import (
    HeldOut,
    Linear,
    class_sums,
    find_sharpness,
    group_rows,
    group_shares,
    some_rows,
    with_companions,
)
from labelaudit.judge.scores import softmax
from labelaudit.leading import Table, make_table
from labelaudit.types import Floats, Ints

PENALTIES = tuple(np.geomspace(0.01, 300, 16).tolist())
"""The values λ is chosen from, in units of the mean square length of a centred feature vector."""

_ROUNDING = 1e-6  # share of the greatest eigenvalue below which one is float32 rounding
_CHUNK = 1024


def fit(
    x: npt.NDArray[np.float32],
    labels: Ints,
    classes: int,
    *,
    groups: Ints | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> HeldOut:
    """Fit to all samples, and judge each by the model of all samples outside its group.

    Args:
        x: (n, d) features, n ≥ 2.
        labels: (n,) in [0, C).
        classes: C.
        groups: (n,) samples with equal numbers are left out together; each is a group of its own by default.
        penalties: what λ is chosen from.
    """
    shares = group_shares(groups)
    basis = _decompose(x, shares)
    counts = np.bincount(labels, shares, minlength=classes)
    sums = class_sums(x, labels, classes, shares) - counts[:, None] * basis.mean.astype(np.float64)
    slopes = np.asarray((sums @ basis.axes).T, dtype=np.float32)  # Zᵀ Y
    frequencies = np.asarray(counts / basis.n, dtype=np.float32)
    problem = _Problem(basis, slopes, frequencies)
    few = with_companions(some_rows(len(x), classes), groups)
    held = problem.leave_out(x[few], labels[few], None if groups is None else groups[few], penalties)
    some = None if shares is None else shares[few]
    found = [find_sharpness(scores, labels[few], some) for scores in held]
    best = int(np.argmin([loss for _, loss in found]))
    sharpness = found[best][0]
    if len(few) == len(x):
        probs: Table = np.asarray(softmax(sharpness * held[best]), dtype=np.float32)
    else:
        probs = problem.judge(x, labels, groups, penalties[best], sharpness)
    directions = sharpness * (basis.axes @ (slopes / (basis.values + penalties[best] * basis.unit)[:, None]))
    return HeldOut(
        probs=probs,
        model=Linear(
            directions=directions.astype(np.float32),
            offset=(sharpness * problem.frequencies - basis.mean @ directions).astype(np.float32),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Basis:
    """Eigenvectors of the centred features."""

    mean: npt.NDArray[np.float32]
    """(d,)"""
    axes: npt.NDArray[np.float32]
    """(d, r)"""
    values: npt.NDArray[np.float32]
    """(r,) w, positive"""
    unit: float
    """Mean square length of a centred feature vector."""
    n: float
    """Number of groups: what the samples count for."""

    def turn(self, x: Floats) -> npt.NDArray[np.float32]:
        """Coordinates Z (m, r) of ``x`` (m, d)."""
        return np.asarray((x - self.mean) @ self.axes, dtype=np.float32)


def _decompose(x: npt.NDArray[np.float32], shares: Floats | None) -> _Basis:
    """Eigenvectors of the covariance, or of the Gram matrix where there are fewer samples than features."""
    n, d = x.shape
    whole = float(n if shares is None else shares.sum())
    root = None if shares is None else np.sqrt(shares, dtype=np.float32)[:, None]
    if shares is None:
        mean = np.asarray(x.mean(axis=0, dtype=np.float64), dtype=np.float32)
    else:
        mean = np.asarray(shares @ x / whole, dtype=np.float32)
    if n <= d:
        centred = x - mean if root is None else (x - mean) * root
        values, vectors = eigh(centred @ centred.T, overwrite_a=True, check_finite=False)
    else:
        total = np.zeros((d, d), dtype=np.float32)
        for rows in slices(n, _CHUNK):
            part = x[rows] - mean
            if root is not None:
                part *= root[rows]
            total += part.T @ part
        values, vectors = eigh(total, overwrite_a=True, check_finite=False)
    kept = values > max(_ROUNDING * float(values[-1]), 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    axes = centred.T @ (vectors / np.sqrt(values)) if n <= d else vectors
    unit = max(float(values.sum()) / whole, 1e-12)
    return _Basis(mean=mean, axes=np.ascontiguousarray(axes), values=values, unit=unit, n=whole)


@dataclass(frozen=True)
class _Problem:
    """The fitted regression, with what leaving samples out needs of it."""

    basis: _Basis
    slopes: npt.NDArray[np.float32]
    """(r, C) Zᵀ Y of all samples."""
    frequencies: npt.NDArray[np.float32]
    """(C,) mean of Y."""

    def leave_out(self, x: Floats, labels: Ints, groups: Ints | None, penalties: Sequence[float]) -> list[Floats]:
        """F₋g (m, C) of ``x`` (m, d) with ``labels`` and ``groups`` (m,), for each penalty."""
        held = [np.empty((len(x), len(self.frequencies)), dtype=np.float32) for _ in penalties]
        shrunk = [self._shrink(penalty) for penalty in penalties]

        def judge(rows: slice) -> None:
            z = self.basis.turn(x[rows])
            squared = z**2
            for scores, share in zip(held, shrunk, strict=True):
                scores[rows] = self._leave_one_out(z, squared, labels[rows], share)

        work_on(judge, slices(len(x), _CHUNK))
        for members in group_rows(groups):
            z = self.basis.turn(x[members])
            for scores, share in zip(held, shrunk, strict=True):
                scores[members] = self._leave_group_out(z, labels[members], share)
        return held

    def judge(
        self, x: npt.NDArray[np.float32], labels: Ints, groups: Ints | None, penalty: float, sharpness: float
    ) -> Table:
        """(n, C) the softmax of F₋g times ``sharpness`` for one penalty, some rows at a time."""
        probs, share = make_table(labels, len(self.frequencies)), self._shrink(penalty)

        def judge(rows: slice) -> None:
            z = self.basis.turn(x[rows])
            probs[rows] = softmax(np.float32(sharpness) * self._leave_one_out(z, z**2, labels[rows], share))

        work_on(judge, slices(len(x), _CHUNK))
        for members in group_rows(groups):
            scores = self._leave_group_out(self.basis.turn(x[members]), labels[members], share)
            probs[members] = softmax(sharpness * scores)
        return probs

    def _shrink(self, penalty: float) -> npt.NDArray[np.float32]:
        """(r,) 1 / (w + λ)."""
        return np.asarray(1 / (self.basis.values + penalty * self.basis.unit), dtype=np.float32)

    def _leave_one_out(self, z: Floats, squared: Floats, labels: Ints, share: Floats) -> Floats:
        """F₋g (m, C) of samples that stand alone, from their coordinates and the squares of these."""
        fitted = z @ (self.slopes * share[:, None]) + self.frequencies
        own = (squared @ share + 1 / self.basis.n)[:, None]
        fitted[np.arange(len(z)), labels] -= own[:, 0]
        return np.asarray(fitted / np.maximum(1 - own, 1e-6))

    def _leave_group_out(self, z: Floats, labels: Ints, share: Floats) -> Floats:
        """F₋g (m, C) of one group; B Bᵀ = H_gg, so a group of more samples than features is solved in features.

        Its members count for one together, so H_gg is divided by their number.
        """
        onehot = np.eye(len(self.frequencies), dtype=np.float32)[labels]
        b = np.concatenate([z * np.sqrt(share), np.full((len(z), 1), self.basis.n**-0.5)], axis=1).astype(np.float64)
        b /= np.sqrt(len(z))
        fitted = z @ (self.slopes * share[:, None]) + self.frequencies
        rest = fitted - b @ (b.T @ onehot)
        if len(z) <= b.shape[1]:
            return np.asarray(np.linalg.solve(np.eye(len(z)) - b @ b.T, rest))
        return np.asarray(rest + b @ np.linalg.solve(np.eye(b.shape[1]) - b.T @ b, b.T @ rest))
