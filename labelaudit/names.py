"""Numbers for names: what a million strings say, in whole numbers that sort a hundred times faster.

Left out: names of classes, whose order is a person's (`labelaudit.data.order`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_DIGITS = 32  # of a content digest in hexadecimal
_CELLS = 1 << 17  # that are worked on at a time


class Numbered(NamedTuple):
    """Names of n rows as numbers, by the order of the m distinct ones."""

    first: npt.NDArray[np.int64]
    """(m,) the first row of each distinct name."""
    code: npt.NDArray[np.int64]
    """(n,) the number of each row's name."""

    @property
    def all_differ(self) -> bool:
        """Whether each name stands at one row alone."""
        return len(self.first) == len(self.code)


def number_names(names: Sequence[str]) -> Numbered:
    """The ``names`` (n,) as numbers.

    As `numpy.unique` gives them, and several times sooner where all are content digests.

    >>> [found.tolist() for found in number_names(["b", "a", "b"])]
    [[1, 0], [1, 0, 1]]
    """
    keys = _as_numbers(names)
    if keys is None:
        _, first, code = np.unique(np.asarray(names), return_index=True, return_inverse=True)
        return Numbered(first, code)
    upper, lower = keys[:, 0], keys[:, 1]
    order = np.argsort(upper, kind="stable")
    same = np.diff(upper[order]) == 0
    if (lower[order[1:]][same] < lower[order[:-1]][same]).any():  # equal halves of different names
        order = np.lexsort((lower, upper))
        same = np.diff(upper[order]) == 0
    same[same] = lower[order[1:]][same] == lower[order[:-1]][same]
    changes = np.r_[True, ~same][: len(order)]
    code = np.empty(len(order), dtype=np.int64)
    code[order] = np.cumsum(changes) - 1
    return Numbered(order[changes], code)


def order_rows(numbered: Numbered, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """(n,) rows by their names, which are ``numbered`` by `number_names`, those of one name by ``labels`` (n,)."""
    return numbered.first if numbered.all_differ else np.lexsort((labels, numbered.code))


def order_by_content(values: npt.NDArray[np.float32], labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """(n,) rows by a number that is made of their ``values`` (n, d) and ``labels`` (n,): wherever a row stands, its
    place among the others is the same, and rows of one kind lie scattered.

    >>> order_by_content(np.eye(3, dtype=np.float32), np.arange(3)).tolist()
    [2, 1, 0]
    """
    n = len(labels)
    factors = np.random.default_rng(0).integers(1 << 32, size=values.shape[1] + 1, dtype=np.uint32) | 1
    keys = labels.astype(np.uint32) * factors[-1]
    step = max(1, _CELLS // values.shape[1])
    for start in range(0, n, step):
        block = np.array(values[start : start + step], dtype=np.float32, order="F").view(np.uint32)
        block ^= block >> 16  # the last bits of round numbers are all 0, and would stay so
        block *= factors[:-1]
        keys[start : start + step] += block.sum(axis=1, dtype=np.uint32)
    for shift in (16, 13):
        keys ^= keys >> shift
        keys *= np.uint32(0x85EBCA6B)
    places = keys.astype(np.uint64) << 32 | np.arange(n, dtype=np.uint64)  # sorted in half the time of an argsort
    places.sort()
    return np.asarray(places & np.uint64(0xFFFFFFFF), dtype=np.int64)


def pick_names(names: Sequence[str], rows: npt.NDArray[np.int64]) -> list[str]:
    """The names of ``rows`` (m,); of a million content digests without a look at each of them in memory.

    >>> pick_names(["b", "a"], np.array([1, 1, 0]))
    ['a', 'a', 'b']
    """
    keys = _as_numbers(names)
    if keys is None:
        return [names[row] for row in rows.tolist()]
    text = keys[rows].astype(">u8").tobytes().hex()
    return [text[start : start + _DIGITS] for start in range(0, len(text), _DIGITS)]


def _as_numbers(names: Sequence[str]) -> npt.NDArray[np.uint64] | None:
    """(n, 2) the upper and the lower half of names of 32 hexadecimal digits; None where one is another name."""
    text = "".join(names)
    if set(map(len, names)) != {_DIGITS} or text != text.lower():
        return None
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    if 2 * len(data) != len(text):  # spaces
        return None
    return np.frombuffer(data, dtype=">u8").reshape(-1, 2).astype(np.uint64)
