"""Log-probabilities that several models give to the classes of the same samples, and the sums that a fit makes of them.

The table (n, C) of each model is one row of n · C numbers, in the order of `labelaudit.blocks.memory_order`: to pool
models is one product with a vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import memory_order, row_maxima
from labelaudit.leading import Table
from labelaudit.types import Floats, Ints

FLOOR = 1e-7
"""Probability that none is taken to be below."""
_ROUGH = 1e-20  # sum of a row from which single precision holds what is a billionth of it


@dataclass(frozen=True)
class LogProbs:
    """The tables of M models."""

    flat: Floats
    """(M, n · C)"""
    classes: int

    @classmethod
    def of(cls, models: Mapping[str, Table], rows: slice | Ints, least: float = FLOOR) -> LogProbs:
        """Float32, of the (N, C) probabilities of ``models`` for some rows, none taken to be below ``least``."""
        some = [probs[rows] for probs in models.values()]
        made = cls(np.empty((len(some), some[0].size), dtype=np.float32), some[0].shape[1])
        for table, probs in zip(made, some, strict=True):
            table[:] = probs
            table[table < least] = least
            np.log(table, out=table)
        return made

    def __len__(self) -> int:
        return len(self.flat)

    def __iter__(self) -> Iterator[Floats]:
        return map(self.table, self.flat)

    def table(self, flat: Floats) -> Floats:
        """The n · C numbers ``flat`` as a table (n, C) in the same memory."""
        return flat.reshape((-1, self.classes), order=memory_order(self.classes))

    def astype(self, kind: npt.DTypeLike) -> LogProbs:
        """The same in numbers of another ``kind``."""
        return LogProbs(self.flat.astype(kind), self.classes)

    def take(self, rows: slice) -> LogProbs:
        """The same for some of the rows."""
        some = [table[rows] for table in self]
        return LogProbs(np.stack([part.ravel(memory_order(self.classes)) for part in some]), self.classes)

    def pool(self, weights: Floats) -> Floats:
        """(n, C) q: probabilities whose logarithms are sums by ``weights`` (M,), but for what makes rows sum to 1."""
        logs = self.table(np.dot(weights.astype(self.flat.dtype), self.flat))
        ones, raised = np.ones(self.classes, logs.dtype), np.exp(logs)
        sums = raised @ ones
        if sums.min(initial=1) < _ROUGH:  # models contradict each other outright
            raised = np.exp(logs - row_maxima(logs)[:, None])
            sums = raised @ ones
        raised /= sums[:, None]
        return np.asarray(raised)

    def inner_products(self, table: Floats) -> Floats:
        """(M,) sums of the products of each model's numbers with the cells of ``table`` (n, C)."""
        return np.asarray(self.flat @ table.ravel(memory_order(self.classes)))
