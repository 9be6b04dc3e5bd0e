"""Work on large tables some rows at a time, on two threads, in the order in memory in which it is soonest done.

What a few rows tell as well is asked of rows that are spread over the table.

Left out: the tables themselves (`labelaudit.leading`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from labelaudit.leading import Table

Piece = TypeVar("Piece")
Made = TypeVar("Made")

_CELLS = 1 << 20  # of a block
_FEW = 50  # classes up to which a table lies in memory class after class


def memory_order(classes: int) -> Literal["C", "F"]:
    """NumPy's letter for the order in memory in which a table of so many ``classes`` is worked on.

    Few classes lie one after the other (F): sums and maxima over them then run along the samples, in a twentieth of the
    time. What is worked out of a table lies as the table does.
    """
    return "F" if classes <= _FEW else "C"


def by_class(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same ``block`` (m, C), in the `memory_order` of its classes where they are few."""
    return np.asfortranarray(block) if memory_order(block.shape[1]) == "F" else block


def take_columns(matrix: npt.NDArray[Any], labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
    """(n, C) for each of the ``labels`` (n,) its column of ``matrix`` (C, C), in `memory_order`."""
    if memory_order(len(matrix)) == "F":
        if (labels[:-1] <= labels[1:]).all():  # a fifth of the time
            return matrix.repeat(np.bincount(labels, minlength=len(matrix)), axis=1).T
        return matrix.take(labels, axis=1).T
    return matrix.T.take(labels, axis=0)  # soonest where columns lie in one piece


def row_maxima(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n,) the greatest number in each row of ``table`` (n, C), which lies in `memory_order`."""
    if memory_order(table.shape[1]) == "F":
        return np.asarray(table.max(axis=1))
    return np.asarray(table[np.arange(len(table)), table.argmax(axis=1)])  # of 100 numbers in half the time


def slices(n: int, step: int) -> Iterator[slice]:
    """The rows up to ``n``, ``step`` at a time; what the last slice names beyond them is nothing.

    >>> list(slices(5, 3))
    [slice(0, 3, None), slice(3, 6, None)]
    """
    return (slice(start, start + step) for start in range(0, n, step))


def blocks_of(table: Table, cells: int = _CELLS) -> Iterator[slice]:
    """The rows of ``table``, some at a time."""
    return slices(len(table), max(1, cells // table.shape[1]))


def work_on_blocks(work: Callable[[slice], Made], table: Table, cells: int) -> list[Made]:
    """`work_on` the rows of ``table``, about so many ``cells`` at a time; no block may need what is done on another."""
    return work_on(work, blocks_of(table, cells))


def work_on(work: Callable[[Piece], Made], pieces: Iterable[Piece]) -> list[Made]:
    """``work`` done on each of the ``pieces``, on two threads, of which this is one; in their order, so that sums over
    them are the same whatever is done first.

    >>> work_on(len, ["a", "", "abc"])
    [1, 0, 3]
    """

    listed = list(pieces)

    def work_on_half(first: int) -> list[Made]:
        return [work(piece) for piece in listed[first::2]]

    if len(listed) < 2:
        return work_on_half(0)
    made: list[Any] = [None] * len(listed)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(work_on_half, 1)
        made[::2] = work_on_half(0)
        made[1::2] = other.result()
    return made


def spread_rows(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most ``most`` of n row numbers, ascending and evenly spread; all of them where there are no more.

    >>> spread_rows(9, 3).tolist(), spread_rows(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)
