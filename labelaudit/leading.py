"""Class probabilities of many samples over many classes, in little memory: of each sample the leading classes.

A million samples of a thousand classes are four gigabytes in each of a dozen tables. Of every sample the `KEPT`
likeliest classes and the one that it was given are kept exactly; what is left is spread evenly over all others, which
no ranking rests on. Such a table reads and writes rows like an array, so code that works block by block takes either.
Left out: arithmetic on whole tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.errors import DataError

KEPT = 16
"""Classes kept of each sample, the given one among them."""
MOST_CELLS = 50_000_000
"""Samples times classes up to which a table is a plain array."""
FEWEST_CLASSES = 4 * KEPT
"""Classes below which it is one anyway: little would be saved."""

_STRIDE = 8  # classes of which the greatest is looked at first

Values = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer[Any]]


class Leading:
    """A table (n, C) of class probabilities that holds the leading classes of each row.

    Args:
        labels: (n,) given classes, which are always kept.
        classes: C, more than `KEPT`.

    >>> table = Leading(np.array([30, 31]), 40)
    >>> table[:] = np.eye(40, dtype=np.float32)[[5, 6]] * 0.9 + 0.0025
    >>> table.shape, bool(table[1, 6] == table[1].max()), table[np.array([0, 1]), np.array([30, 6])].shape
    ((2, 40), True, (2,))
    """

    def __init__(self, labels: npt.NDArray[np.integer[Any]], classes: int) -> None:
        self.labels = np.asarray(labels)
        self.shape = (len(labels), classes)
        self.classes = np.zeros((len(labels), KEPT), dtype=np.int32)
        """(n, KEPT), likeliest first; the given class last where it is not among them."""
        self.values = np.zeros((len(labels), KEPT), dtype=np.float32)
        """(n, KEPT) their probabilities."""
        self.rest = np.zeros(len(labels), dtype=np.float32)
        """(n,) probability of all other classes together."""

    dtype = np.dtype(np.float32)
    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]

    def __setitem__(self, rows: slice | Rows, block: npt.NDArray[Any]) -> None:
        """Keep what leads in ``block`` (m, C), or (C,) for all, the new values of ``rows``."""
        own = self.labels[rows]
        if not len(own):
            return
        block = np.ascontiguousarray(np.broadcast_to(block, (len(own), self.shape[1])), dtype=np.float32)
        classes, values = find_leading(block)
        missing = np.flatnonzero(~(classes == own[:, None]).any(axis=1))
        classes[missing, -1] = own[missing]
        values[missing, -1] = block[missing, own[missing]]
        self.classes[rows], self.values[rows] = classes, values
        rest = block.sum(axis=1, dtype=np.float64) - values.sum(axis=1, dtype=np.float64)
        self.rest[rows] = np.maximum(rest, 0)

    def __getitem__(self, key: Any) -> Values:
        """Rows (m, C), one row (C,), or with a pair of row and class numbers these cells (m,)."""
        if isinstance(key, tuple):
            return self._cells(*key)
        if isinstance(key, int | np.integer):
            key = [int(key)]
            return np.asarray(self._spread(key)[0])
        return self._spread(key)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self._spread(slice(None)).astype(dtype or self.dtype)

    def _spread(self, rows: Any) -> Values:
        """(m, C) the rows with every class in its place."""
        values = self.values[rows]
        block = np.empty((len(values), self.shape[1]), dtype=np.float32)
        block[:] = (self.rest[rows] / (self.shape[1] - KEPT))[:, None]
        np.put_along_axis(block, self.classes[rows], values, axis=1)
        return block

    def _cells(self, rows: Any, classes: Any) -> Values:
        """(m,) single probabilities."""
        same = self.classes[rows] == np.asarray(classes)[..., None]
        held = np.take_along_axis(self.values[rows], same.argmax(axis=-1)[..., None], axis=-1)[..., 0]
        return np.where(same.any(axis=-1), held, self.rest[rows] / np.float32(self.shape[1] - KEPT))

    def argmax(self, axis: int = 1) -> npt.NDArray[np.int64]:
        """(n,) the likeliest class of each row; ``axis`` must be 1."""
        assert axis == 1
        return np.asarray(self.classes[:, 0], dtype=np.int64)

    def other(self, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
        """(n,) the likeliest class of each row besides its entry of ``labels``."""
        return np.where(self.classes[:, 0] == labels, self.classes[:, 1], self.classes[:, 0]).astype(np.int64)

    @classmethod
    def of(
        cls,
        labels: npt.NDArray[np.integer[Any]],
        count: int,
        *,
        classes: npt.NDArray[np.int32],
        values: Values,
        rest: Values,
    ) -> Leading:
        """A table of ``count`` classes from its `PARTS`; raises `DataError` where they do not fit."""
        n = len(labels)
        if classes.shape != (n, KEPT) or values.shape != (n, KEPT) or rest.shape != (n,) or count <= KEPT:
            raise DataError(f"leading classes of shapes {classes.shape}, {values.shape}, {rest.shape} for {n} samples")
        if n and (classes.min() < 0 or classes.max() >= count):
            raise DataError(f"leading classes must index the {count} classes")
        made = cls.__new__(cls)
        made.labels, made.shape = np.asarray(labels), (n, count)
        made.classes, made.values, made.rest = classes, values, rest
        return made

    def take(self, rows: slice | Rows) -> Leading:
        """A copy of the table of these ``rows``."""
        parts = {name: getattr(self, name)[rows] for name in PARTS}
        return Leading.of(self.labels[rows], self.shape[1], **parts)

    def scaled(self, factors: npt.NDArray[Any]) -> Leading:
        """A copy of the table with each row times its entry of ``factors`` (n,)."""
        return Leading.of(
            self.labels,
            self.shape[1],
            classes=self.classes.copy(),
            values=np.asarray(self.values * factors[:, None], dtype=np.float32),
            rest=np.asarray(self.rest * factors, dtype=np.float32),
        )

    def raised(self, power: float, least: float) -> Leading:
        """The normalised table of the probabilities, none below ``least``, to a ``power``."""
        logs = np.float32(power) * np.log(np.maximum(np.column_stack([self.values, self.even]), least))
        cells = np.exp(logs - logs[:, :1])  # the likeliest come first, and their order stays
        counts = np.ones(KEPT + 1, dtype=np.float32)
        counts[-1] = self.shape[1] - KEPT
        cells /= (cells @ counts)[:, None]
        return Leading.of(
            self.labels,
            self.shape[1],
            classes=self.classes.copy(),
            values=np.ascontiguousarray(cells[:, :-1]),
            rest=cells[:, -1] * counts[-1],
        )

    def revalued(self, values: npt.NDArray[Any], rest: npt.NDArray[Any]) -> Leading:
        """A table with other ``values`` (n, KEPT) of the same classes, which are brought into their order."""
        order = np.argsort(-values, axis=1, kind="stable")
        return Leading.of(
            self.labels,
            self.shape[1],
            classes=np.take_along_axis(self.classes, order, axis=1),
            values=np.take_along_axis(values, order, axis=1).astype(np.float32),
            rest=np.asarray(rest, dtype=np.float32),
        )

    def with_suspicion(self, suspicion: npt.NDArray[np.floating[Any]]) -> Leading:
        """A copy of the table with 1 - ``suspicion`` (n,) for the given class, the others in proportion."""
        own = self.classes == self.labels[:, None]
        others = np.where(own, 0, self.values.astype(np.float64))
        left = others.sum(axis=1) + self.rest
        factor = np.divide(suspicion, left, out=np.zeros(len(self)), where=left > 0)
        even = np.where(left > 0, 0, suspicion / (self.shape[1] - 1))
        values = np.where(own, 1 - suspicion[:, None], others * factor[:, None] + even[:, None])
        return self.revalued(values, self.rest * factor + even * (self.shape[1] - KEPT))

    @property
    def even(self) -> Values:
        """(n,) probability of each class that is not kept."""
        return np.asarray(self.rest / np.float32(self.shape[1] - KEPT))

    def others(self, labels: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(n,) the probability of the ``labels`` (n,), and that of all other classes together."""
        same = self.classes == labels[:, None]
        held = same.any(axis=1)
        own = np.where(held, np.where(same, self.values, 0).sum(axis=1), self.even).astype(np.float64)
        above = np.where(same, 0, self.values).sum(axis=1, dtype=np.float64)
        return own, above + np.where(held, self.rest, np.maximum(self.rest - own, 0))

    def blend(
        self, rows: slice, one: Leading, other: Leading, say: float, wrong: npt.NDArray[np.floating[Any]]
    ) -> None:
        """Make some ``rows`` (m,) of this table the normalised geometric mean of those of ``one`` and the ``other``,
        which has the weight ``say``, with ``wrong`` (m,) for what is not the given label.
        """
        one, other = one.take(rows), other.take(rows)
        classes, labels = self.shape[1], self.labels[rows]
        same = one.classes[:, :, None] == other.classes[:, None, :]  # (m, KEPT, KEPT)
        beside = np.take_along_axis(other.values, same.argmax(axis=2), axis=1)
        beside = np.where(same.any(axis=2), beside, other.even[:, None])
        first = np.maximum(one.values, 0) ** (1 - say) * np.maximum(beside, 0) ** say
        added = ~same.any(axis=1)  # classes that only the other table keeps
        second = np.where(added, one.even[:, None] ** (1 - say) * np.maximum(other.values, 0) ** say, 0)
        mixed = np.concatenate([first, second], axis=1).astype(np.float64)
        names = np.concatenate([one.classes, other.classes], axis=1)
        counted = np.concatenate([np.ones_like(added), added], axis=1)
        own = counted & (names == labels[:, None])
        left = classes - counted.sum(axis=1)
        even = (one.even ** (1 - say) * other.even**say).astype(np.float64)
        rest = np.where(own, 0, mixed).sum(axis=1) + left * even
        factor = np.divide(wrong, rest, out=np.zeros(len(wrong)), where=rest > 0)
        flat = np.where(rest > 0, 0, wrong / (classes - 1))  # nothing is known of the other classes
        mixed = np.where(own, 1 - wrong[:, None], mixed * factor[:, None] + flat[:, None])
        order = np.argsort(np.where(counted, -mixed, np.inf), axis=1, kind="stable")[:, :KEPT]
        kept, values = np.take_along_axis(names, order, axis=1), np.take_along_axis(mixed, order, axis=1)
        missing = np.flatnonzero(~(kept == labels[:, None]).any(axis=1))
        kept[missing, -1], values[missing, -1] = labels[missing], 1 - wrong[missing]
        whole = np.where(counted, mixed, 0).sum(axis=1) + left * (even * factor + flat)
        self.classes[rows], self.values[rows] = kept, values
        self.rest[rows] = np.maximum(whole - values.sum(axis=1), 0)


def find_leading(block: Values) -> tuple[Rows, Values]:
    """(m, KEPT) the likeliest classes of each row of ``block`` (m, C) and their probabilities, best first; of equal
    ones the first.

    Of every `_STRIDE` classes the greatest is taken: at least `KEPT` classes are as likely as the last of the greatest
    of these, and few more. Probability and class are sorted as one number.
    """
    m, classes = block.shape
    groups = classes // _STRIDE
    greatest = block
    if groups >= KEPT:
        greatest = block[:, : groups * _STRIDE].reshape(m, _STRIDE, groups).max(axis=1)
    least = np.partition(greatest, -KEPT, axis=1)[:, -KEPT, None]
    place = np.flatnonzero(block >= least)
    row, column = np.divmod(place, classes)
    after = place_in_row(row)
    keys = np.full((m, after.max() + 1), -1, dtype=np.int64)
    keys[row, after] = (block.ravel()[place].view(np.int32).astype(np.int64) << 32) | (classes - 1 - column)
    keys.sort(axis=1)
    best = keys[:, : -KEPT - 1 : -1]
    return classes - 1 - (best & 0xFFFFFFFF), (best >> 32).astype(np.int32).view(np.float32)


def place_in_row(rows: Rows) -> npt.NDArray[np.int64]:
    """(h,) for each of the ``rows`` (h,), ascending, how many of the same stand before it.

    >>> place_in_row(np.array([0, 0, 2, 2, 2])).tolist()
    [0, 1, 0, 1, 2]
    """
    counts = np.bincount(rows)
    return np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)


class Reordered:
    """The rows of arrays (n, c), side by side, in another ``order`` (n,), copied only where they are asked for.

    >>> Reordered(np.array([1, 0]), np.eye(2), np.full((2, 1), 7.0))[:1].tolist()
    [[0.0, 1.0, 7.0]]
    """

    def __init__(self, order: Rows, *values: npt.NDArray[Any]) -> None:
        self._values, self._order = values, order
        self.shape: tuple[int, int] = (len(order), sum(part.shape[1] for part in values))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Values:
        taken = [part[self._order[rows]] for part in self._values]
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=1)


PARTS = ("classes", "values", "rest")
"""The arrays of a `Leading` table."""
Table = npt.NDArray[Any] | Leading
"""Class probabilities (n, C) as an array, or as the leading classes of each row."""


def is_large(n: int, classes: int) -> bool:
    """Whether tables of ``n`` samples and so many classes are kept as `Leading`."""
    return n * classes > MOST_CELLS and classes >= FEWEST_CLASSES


def make_table(labels: npt.NDArray[np.integer[Any]], classes: int) -> Table:
    """A table (n, C) to be filled: a float32 array, or `Leading` where that would be large."""
    if is_large(len(labels), classes):
        return Leading(labels, classes)
    return np.empty((len(labels), classes), dtype=np.float32)


def join_tables(one: Table, other: Table, labels: npt.NDArray[np.integer[Any]]) -> Table:
    """The rows of ``one``, then those of the ``other``, of given classes ``labels`` (m,); of the kind of ``one``."""
    if not isinstance(one, Leading):
        return np.concatenate([one, np.asarray(other, dtype=np.float32)])
    below = other
    if not isinstance(below, Leading):
        below = Leading(labels, one.shape[1])
        below[:] = np.asarray(other, dtype=np.float32)
    parts = {name: np.concatenate([getattr(one, name), getattr(below, name)]) for name in PARTS}
    return Leading.of(np.concatenate([one.labels, labels]), one.shape[1], **parts)


def is_finite(table: Table) -> bool:
    """Whether every probability of ``table`` is a finite number."""
    parts = (table.values, table.rest) if isinstance(table, Leading) else (table,)
    with np.errstate(invalid="ignore", over="ignore"):
        if all(np.isfinite(part.sum()) for part in parts):  # which any other number spoils
            return True
    return all(bool(np.isfinite([part.min(initial=0), part.max(initial=0)]).all()) for part in parts)


def take_rows(table: Table, rows: Rows) -> Table:
    """The ``rows`` of ``table``, as a table of the same kind."""
    return table.take(rows) if isinstance(table, Leading) else np.take(table, rows, axis=0)
