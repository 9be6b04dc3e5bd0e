"""The audited samples as a judge remembers them: short vectors, beliefs, digests and labels, found by likeness.

Everything is exact and in NumPy: a batch of a thousand against a million samples takes seconds. Left out: the features
themselves, ten to thirty times as large, and the images.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from labelaudit.blocks import blocks_of, slices, work_on
from labelaudit.judge.probes import NEIGHBORS, SHARPNESS
from labelaudit.leading import FEWEST_CLASSES, Leading, find_leading, place_in_row
from labelaudit.packed import as_ascii
from labelaudit.types import Bools, Decision, Floats, Ints, Samples

BELIEFS = 5
"""Classes kept of each sample's belief, the most probable ones."""

LOOKED_AT = 20_000
"""Samples of a class in which those most like another are looked for."""

_SPARE = 8  # times as many as asked for are looked at: copies of one count once
_QUERIES, _BLOCK = 512, 32_768  # vectors and samples compared at a time
_FIRST = 2048  # samples compared first: of the others only those count that are nearer than the k-th nearest so far


@dataclass(frozen=True, kw_only=True, eq=False)
class Memory:
    """n remembered samples; rows are those of the audit."""

    vectors: npt.NDArray[np.float16]
    """(n, w) of unit length; their inner products are cosines."""
    beliefs: npt.NDArray[np.float16]
    """(n, b) probabilities of the true class, most probable first; the rest is dropped."""
    believed: Ints
    """(n, b) int32: the classes that `beliefs` are about."""
    digests: npt.NDArray[np.bytes_]
    """(n,) content digests."""
    labels: Ints
    """(n,) int32 given labels."""
    right: Bools
    """(n,) the audit takes the given label to be right."""
    scanned: Bools
    """(n,) judged by a full scan; False for what was judged from memory since."""

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, vectors: Floats, samples: Samples, decision: Decision, *, scanned: bool) -> Memory:
        """Remember ``samples`` (n) by unit ``vectors`` (n, w) and by what is believed of them."""
        probs = decision.probs
        if isinstance(probs, Leading):
            beliefs: Floats = probs.values[:, :BELIEFS]
            believed: Ints = probs.classes[:, :BELIEFS]
        elif probs.shape[1] >= FEWEST_CLASSES:  # in an eighth of the time of a sort
            found = [find_leading(probs[rows]) for rows in blocks_of(probs)]
            believed, beliefs = (np.concatenate(parts)[:, :BELIEFS] for parts in zip(*found, strict=True))
        else:
            believed = np.argsort(-probs, axis=1, kind="stable")[:, :BELIEFS]
            beliefs = np.take_along_axis(probs, believed, axis=1)
        return cls(
            vectors=np.asarray(vectors, dtype=np.float16),
            beliefs=beliefs.astype(np.float16),
            believed=believed.astype(np.int32),
            digests=as_ascii(samples.digests),
            labels=samples.labels.astype(np.int32),
            right=decision.suspicion < decision.threshold,
            scanned=np.full(len(samples), scanned),
        )

    def take(self, rows: Ints) -> Memory:
        """The samples of ``rows``, in that order."""
        return Memory(**{name: getattr(self, name)[rows] for name in ARRAYS})

    def join(self, other: Memory) -> Memory:
        """These samples, then the ``other`` ones."""
        arrays: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ARRAYS}
        return Memory(**arrays)

    def nearest(
        self, vectors: Floats, k: int, *, digests: npt.NDArray[np.bytes_] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Cosines (m, k) and rows (m, k) of the samples most like the unit ``vectors`` (m, w), best first.

        Samples whose digest equals the vector's in ``digests`` (m,) are passed over. Fewer than k come back where
        there are fewer; a cosine of -inf marks a place that nothing fills.
        """
        k = min(k, len(self))
        best = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        rows = np.zeros((len(vectors), k), dtype=np.int64)
        copies = None if digests is None else self.copies(digests)
        bounds = [0, *range(min(_FIRST, len(self)), len(self), _BLOCK), len(self)]
        for start, stop in itertools.pairwise(bounds):
            some = self.vectors[start:stop].astype(np.float32)

            def compare(asked: slice, start: int = start, some: Floats = some) -> None:
                cosines = np.asarray(vectors[asked], dtype=np.float32) @ some.T
                if copies is not None:
                    _mask_copies(cosines, copies[asked], start)
                near, whose = _above(cosines, best[asked].min(axis=1)) if start else (cosines, None)
                merged = np.concatenate([best[asked], near], axis=1)
                place = np.argpartition(-merged, k - 1, axis=1)[:, :k]
                held = np.take_along_axis(rows[asked], np.minimum(place, k - 1), axis=1)
                there = np.maximum(place - k, 0)
                if whose is not None and whose.shape[1]:
                    there = np.take_along_axis(whose, there, axis=1)
                best[asked] = np.take_along_axis(merged, place, axis=1)
                rows[asked] = np.where(place < k, held, start + there)

            work_on(compare, slices(len(vectors), _QUERIES))
        order = np.lexsort((rows, -best), axis=1)
        return np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)

    def vote(
        self, vectors: Floats, classes: int, *, digests: npt.NDArray[np.bytes_] | None = None
    ) -> npt.NDArray[np.float32]:
        """(m, C) votes of the nearest samples' beliefs, as `probes.neighbor_votes` counts them."""
        cosines, rows = self.nearest(vectors, NEIGHBORS, digests=digests)
        first = np.where(np.isfinite(cosines[:, :1]), cosines[:, :1], 0)
        weights = np.exp(SHARPNESS * (cosines - first))
        m, k = rows.shape
        voters = csr_array((weights.ravel(), rows.ravel(), np.arange(0, m * k + 1, k)), shape=(m, len(self)))
        bounds = np.arange(0, self.beliefs.size + 1, self.beliefs.shape[1])
        held = self.beliefs.astype(np.float32).ravel()
        votes = (voters @ csr_array((held, self.believed.ravel(), bounds), shape=(len(self), classes))).toarray()
        votes += 0.5 / classes
        return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float32)

    def alike(self, row: int, label: int, k: int) -> tuple[int, ...]:
        """`alike_all` of one ``row``."""
        return self.alike_all(np.array([row]), label, k)[0]

    def alike_all(self, rows: Ints, label: int, k: int) -> list[tuple[int, ...]]:
        """For each of ``rows`` (m,) up to k rows most like it, given ``label`` and believed right; none with its bytes
        or those of another. Of more than `LOOKED_AT` such samples some are looked at, evenly spread.
        """
        right = np.flatnonzero((self.labels == label) & self.right)
        right = right[:: -(-len(right) // LOOKED_AT) or 1]
        cosines = self.vectors[rows].astype(np.float32) @ self.vectors[right].astype(np.float32).T
        few = min(_SPARE * k, len(right))
        found = []
        for row, likeness in zip(rows.tolist(), cosines, strict=True):
            near = np.argpartition(-likeness, few - 1)[:few] if 0 < few < len(right) else np.arange(len(right))
            distinct = self._distinct(row, right[near], likeness[near])
            if len(distinct) < k and few < len(right):  # copies of one image took all places
                distinct = self._distinct(row, right, likeness)
            found.append(distinct[:k])
        return found

    def _distinct(self, row: int, others: Ints, likeness: Floats) -> tuple[int, ...]:
        """The ``others`` (m,) by ``likeness`` (m,) to ``row``, none with its bytes or those of one before."""
        seen = {self.digests[row]: row}
        for other in others[np.lexsort((others, -likeness))].tolist():
            seen.setdefault(self.digests[other], other)
        return tuple(seen.values())[1:]

    def copies(self, digests: npt.NDArray[np.bytes_]) -> list[Ints]:
        """For each of ``digests`` (m,) the rows of the samples that have it."""
        order = np.argsort(self.digests, kind="stable")
        known = self.digests[order]
        first, last = (np.searchsorted(known, digests, side=side) for side in ("left", "right"))
        return [order[start:stop] for start, stop in zip(first.tolist(), last.tolist(), strict=True)]


ARRAYS = tuple(entry.name for entry in fields(Memory))
"""Names of the arrays, one row per sample."""


def _above(cosines: Floats, least: Floats) -> tuple[Floats, Ints]:
    """The few ``cosines`` (m, c) of each row above its entry of ``least`` (m,), and their columns; (m, h) each, -inf
    and 0 where a row has fewer than others."""
    row, column = np.divmod(np.flatnonzero(cosines > least[:, None]), cosines.shape[1])
    after = place_in_row(row)
    found = np.full((len(cosines), int(after.max(initial=-1)) + 1), -np.inf, dtype=np.float32)
    places = np.zeros(found.shape, dtype=np.int64)
    found[row, after], places[row, after] = cosines[row, column], column
    return found, places


def _mask_copies(cosines: Floats, copies: Sequence[Ints], start: int) -> None:
    """Take the ``copies`` of each query out of a block of cosines that begins at row ``start``."""
    for query, rows in enumerate(copies):
        inside = rows[(rows >= start) & (rows < start + cosines.shape[1])]
        if len(inside):
            cosines[query, inside - start] = -np.inf
