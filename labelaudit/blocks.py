"""Work on large tables some rows at a time, on two threads, in the order in memory in which it is soonest done.

What a few rows tell as well is asked of rows that are spread over the table.

Left out: the tables themselves (`labelaudit.leading`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labelaudit.leading import Table

_CELLS, _THREADS = 1 << 20, 2  # of a block; blocks that are worked on at once
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
    return matrix.T[labels] if len(labels) < len(matrix) else matrix.T.take(labels, axis=0)  # of a copy, row by row


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


def work_on_blocks(work: Callable[[slice], None], table: Table, cells: int) -> None:
    """Do ``work`` on the rows of ``table``, about so many ``cells`` at a time, on two threads; no block may need what
    is done on another.
    """
    if table.shape[0] * table.shape[1] <= cells:
        work(slice(0, len(table)))
        return
    blocks = list(blocks_of(table, cells))

    def work_on_part(first: int) -> None:
        for rows in blocks[first::_THREADS]:
            work(rows)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work_on_part, range(_THREADS)))


def spread_rows(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most ``most`` of n row numbers, ascending and evenly spread; all of them where there are no more.

    >>> spread_rows(9, 3).tolist(), spread_rows(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)
