"""Forecasts the CPU seconds of a search among cells from a trial on some rows.

The number of cells that have to be compared depends on how near the rows are to each other, which nobody knows before:
8 where they lie in clusters, 256 where none is near another. Left out: searches of each row with each, which
`labelaudit.scanning.workload` counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.features.cells import SAMPLE, Cells, compare_all, count_cells, find_best, find_centres
from labelaudit.types import Floats

_BASE, _TRIES = 1 << 16, 3  # rows that candidates are taken from, too many for a cache, and trials of a step
_UNSEEN, _USUAL = (4000, 128), 128  # rows and columns that stand for features to come, and cells compared there


def forecast_search(sample: Floats | None, n: int, k: int) -> float:
    """CPU seconds of a search for the ``k`` nearest of each of ``n`` rows, tried on a ``sample`` (m, d) of unit length.

    The sample should be as dense as the rows are: as many cells are expected to be compared as its search takes.
    Without one, of images that have yet to be embedded, as many as those of CIFAR-10 take. The steps of the search are
    then tried in the sizes that they have among n rows: finding the centres, sorting rows into cells, comparing one
    cell, and one row, as the choice of the number of cells does for `cells.SAMPLE` of them.
    """
    unseen = sample is None
    if sample is None:
        sample = np.random.default_rng(0).standard_normal(_UNSEEN, dtype=np.float32)
        sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    times, count, cells = n / len(sample), count_cells(n), Cells(sample, k)
    compared = n * cells.share_compared((_USUAL if unseen else cells.probed) / count)
    base = np.tile(sample, (-(-_BASE // len(sample)), 1))
    centres = base[:count]
    candidates = spread_rows(len(base), round(compared))

    def compare(rows: int) -> None:
        find_best(base[:rows] @ np.take(base, candidates, axis=0).T, k)

    seconds = times * _time(lambda: find_centres(sample))
    seconds += times * _time(lambda: (sample @ centres.T).argmax(axis=1))
    seconds += times * _time(lambda: compare_all(sample[:SAMPLE], sample, k))
    return seconds + 2 * SAMPLE * _time(lambda: compare(1)) + count * _time(lambda: compare(n // count))


def _time(work: Callable[[], object]) -> float:
    """CPU seconds of ``work``, of all threads: the mean, since a long search meets with all that other programs do."""
    started = time.process_time()
    for _ in range(_TRIES):
        work()
    return (time.process_time() - started) / _TRIES
