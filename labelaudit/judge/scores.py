"""Simple readings of class probabilities: softmax, the strongest other class, a mislabel score, sums by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import memory_order, work_on_blocks
from labelaudit.leading import KEPT, Leading, Table, take_rows

_CELLS, _SUMMED = 1 << 16, 1 << 18  # that are worked on at a time, and that are added up
_FLOOR = 1e-9  # probability that none is taken to be below


def softmax(scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(..., C) ``scores`` as probabilities: exponentials over their sum.

    >>> softmax(np.array([0.0, np.log(3)])).round(2).tolist()
    [0.25, 0.75]
    """
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def log_odds(probability: npt.NDArray[Any], least: float = 1e-9) -> npt.NDArray[np.float64]:
    """Natural log-odds of probabilities in [0, 1], which are taken to be ``least`` away from both ends.

    >>> log_odds(np.array([0.5, 0.0])).round(1).tolist()
    [0.0, -20.7]
    """
    p = np.clip(np.asarray(probability, dtype=np.float64), least, 1 - least)
    return np.asarray(np.log(p) - np.log1p(-p))


def find_likeliest(
    labels: npt.NDArray[Any], probs: Table, own: npt.NDArray[np.floating[Any]] | None = None
) -> npt.NDArray[np.int64]:
    """(n,) most probable class of (n, C) ``probs``, the first among equals; where one of the (n,) ``labels`` has more
    than half, no other is looked at. ``own`` (n,) is what ``probs`` say of the labels, where that is known.

    >>> find_likeliest(np.array([0, 0]), np.array([[0.6, 0.1, 0.3], [0.2, 0.4, 0.4]])).tolist()
    [0, 1]
    """
    found = np.array(labels, dtype=np.int64)
    own = probs[np.arange(len(found)), found] if own is None else own
    open_to_doubt = np.flatnonzero(own <= 0.5)
    found[open_to_doubt] = take_rows(probs, open_to_doubt).argmax(axis=1)
    return found


def strongest_other(labels: npt.NDArray[Any], probs: Table) -> npt.NDArray[np.int64]:
    """(n,) most probable class of (n, C) ``probs`` besides the (n,) ``labels``; the first among equals.

    >>> strongest_other(np.array([0, 0]), np.array([[0.6, 0.1, 0.3], [0.1, 0.9, 0.0]])).tolist()
    [2, 1]
    """
    if isinstance(probs, Leading):
        return probs.other(labels)
    others = np.array(probs)
    others[np.arange(len(labels)), labels] = -1
    return np.asarray(others.argmax(axis=1), dtype=np.int64)


def own_and_others(probs: Table, labels: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(n,) what ``probs`` (n, C) say of the ``labels`` (n,), and of all other classes together.

    >>> [one.tolist() for one in own_and_others(np.array([[0.5, 0.25, 0.25]]), np.array([1]))]
    [[0.25], [0.75]]
    """
    if isinstance(probs, Leading):
        return probs.others(labels)
    own, others = np.empty(len(labels)), np.empty(len(labels))

    def look(rows: slice) -> None:
        some = np.array(probs[rows], order=memory_order(probs.shape[1]))
        place = np.arange(len(some)), labels[rows]
        own[rows] = some[place]
        some[place] = 0
        others[rows] = some @ np.ones(some.shape[1], some.dtype)

    work_on_blocks(look, probs, _CELLS)
    return own, others


def odds_of_wrong(probs: Table, labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(n,) odds, from 1e-9 to 1e9, that a class other than that of the ``labels`` (n,) is right, by ``probs`` (n, C).

    >>> odds_of_wrong(np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]), np.array([1, 0])).round().tolist()
    [3.0, 1000000000.0]
    """
    own, others = own_and_others(probs, labels)
    for part in own, others:
        np.maximum(part, _FLOOR, out=part)
    return np.divide(others, own, out=others)


def self_confidence(labels: npt.NDArray[Any], probs: Table) -> npt.NDArray[np.float64]:
    """One minus the probability of the given label (Northcutt et al. 2021): (n,) in [0, 1], 1 = surely mislabeled.

    ``labels`` are (n,) codes, ``probs`` (n, C) out of sample.

    >>> self_confidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])).round(2).tolist()
    [0.1, 0.8]
    """
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(np.clip(1 - given, 0, 1), dtype=np.float64)


def chance_of_more(values: npt.NDArray[Any], mine: npt.NDArray[np.bool_]) -> float:
    """Chance that one of ``mine`` (n,) has more of ``values`` (n,) than one of the others, ties half: the area under
    the ROC curve, without the second that scipy.stats takes to load.

    >>> chance_of_more(np.array([3.0, 3.0, 1.0]), np.array([True, False, False]))
    0.75
    """
    others, own = np.sort(values[~mine]), np.sort(values[mine])
    below = np.searchsorted(others, own, "left").sum() + np.searchsorted(others, own, "right").sum()
    return float(below / (2 * len(own) * len(others)))


def sum_by_label(
    table: Table, labels: npt.NDArray[np.integer[Any]], counted: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    """(C, C) for each label the sum of the rows of ``table`` (n, C) that were given it and are ``counted`` (n,).

    >>> sum_by_label(np.array([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]), np.array([0, 0, 1])).tolist()
    [[1.5, 0.5], [0.25, 0.75]]
    """
    classes = table.shape[1]
    weights = np.ones(len(table), dtype=np.float32) if counted is None else counted.astype(np.float32)
    if isinstance(table, Leading):
        even = table.rest / (classes - KEPT)
        place = labels[:, None] * classes + table.classes
        above = (table.values - even[:, None]) * weights[:, None]
        sums = np.bincount(place.ravel(), above.ravel(), minlength=classes**2).reshape(classes, classes)
        return np.asarray(sums + np.bincount(labels, even * weights, minlength=classes)[:, None])
    from scipy.sparse import csc_array

    def add_up(rows: slice) -> npt.NDArray[np.float64]:
        some, weight = table[rows], weights[rows]
        given = csc_array((weight, labels[rows], np.arange(len(some) + 1)), shape=(classes, len(some)))
        return np.asarray(given @ some, dtype=np.float64)

    blocks = work_on_blocks(add_up, table, max(_SUMMED, 8 * classes**2))  # each makes a table of all pairs of classes
    return sum(blocks, np.zeros((classes, classes)))
