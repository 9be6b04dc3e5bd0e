"""The map of a dataset: every sample as a point of two coordinates, where classes that look unlike lie apart.

The coordinates are the two directions that separate the given classes best (linear discriminant analysis), or the
first two principal components where there are two classes only. A suspect is a dot of one class's colour among those
of another. Left out: neighbour embeddings (t-SNE, UMAP), which take minutes where this takes a second, and invent
distances between groups.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from scipy.linalg import eigh

from labelaudit.blocks import spread_rows
from labelaudit.judge.linear import class_sums
from labelaudit.judge.memory import Memory
from labelaudit.machine import one_blas_thread
from labelaudit.types import Floats, Ints

MOST = 100_000
"""Points of a map; of larger datasets it shows all suspects and a random part of the rest."""
_FITTED = 10_000  # samples that the directions are fitted to
_SHRINKAGE = 0.05  # share of the isotropic part in both covariances
_STEPS = 65_535  # a coordinate is a whole number of 16 bits
_TAIL = 0.002  # share of points at each end of an axis that lie on its edge


@one_blas_thread()
def chart(memory: Memory, labels: Ints, suspects: Ints) -> dict[str, Any] | None:
    """The map of n remembered samples with their given ``labels`` (n,), as a page needs it; None for fewer than 3.

    ``rows``: the samples shown, or None for all; ``x``, ``y``: their places, 16-bit numbers in Base64; ``label``: their
    given classes, likewise. A suspect of ``suspects`` is always among them.
    """
    if len(memory) < 3:
        return None
    rows = _choose(len(memory), suspects)
    places = project(memory.vectors, labels, rows)
    return {
        "rows": None if len(rows) == len(memory) else rows.tolist(),
        "x": _pack(places[:, 0]),
        "y": _pack(places[:, 1]),
        "label": _pack(labels[rows]),
    }


def project(vectors: Floats, labels: Ints, rows: Ints) -> Ints:
    """The places (m, 2) of the ``rows`` (m,) of ``vectors`` (n, w), whole numbers from 0 to 65,535. Deterministic."""
    some = rows[spread_rows(len(rows), _FITTED)]
    known, counts = np.unique(labels[some], return_counts=True)
    fitted = some[np.isin(labels[some], known[counts > 1])]
    if not len(fitted):  # each image is a class of its own
        fitted, labels = some, np.zeros_like(labels)
    axes = _separate(np.asarray(vectors[fitted], dtype=np.float64), labels[fitted])
    found = np.asarray(vectors[rows], dtype=np.float32).astype(np.float64) @ axes
    found = np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
    middle = np.median(found, axis=0)
    usual = np.median(np.abs(found - middle), axis=0)
    found = np.arcsinh((found - middle) / np.where(usual > 0, usual, 1.0))  # one far class must not squeeze the others
    low, high = np.quantile(found, [_TAIL, 1 - _TAIL], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    return np.asarray(np.rint(_STEPS * np.clip((found - low) / spread, 0, 1)), dtype=np.int64)


def _separate(x: Floats, labels: Ints) -> Floats:
    """(w, 2) the directions that separate the ``labels`` of ``x`` (m, w) best, or principal ones of one or two classes.

    What scikit-learn's `LinearDiscriminantAnalysis` (solver ``eigen``) finds; of a thousand classes it takes seconds.
    """
    x = x - x.mean(axis=0)
    total, (known, code) = x.T @ x / len(x), np.unique(labels, return_inverse=True)
    if len(known) <= 2 or x.shape[1] < 2:
        return np.asarray(eigh(total)[1][:, ::-1][:, :2])
    counts = np.bincount(code)[:, None]
    means = class_sums(x, code, len(known)) / counts
    within = total - means.T @ (counts / len(x) * means)
    within, total = (
        (1 - _SHRINKAGE) * one + _SHRINKAGE * max(float(np.trace(one)) / len(one), 1e-12) * np.eye(len(one))
        for one in (within, total)
    )
    return np.asarray(eigh(total - within, within)[1][:, ::-1][:, :2])


def _choose(n: int, suspects: Ints) -> Ints:
    """Rows of at most `MOST` samples, the worst suspects first among those that are kept, in ascending order."""
    if n <= MOST:
        return np.arange(n)
    kept = suspects[:MOST]
    others = np.ones(n, dtype=bool)
    others[kept] = False
    rest = np.flatnonzero(others)
    drawn = np.random.default_rng(0).choice(rest, MOST - len(kept), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


def _pack(values: Ints) -> str:
    """Whole numbers below 65,536 as little-endian 16-bit ones in Base64."""
    return base64.b64encode(np.asarray(values, dtype="<u2").tobytes()).decode("ascii")
