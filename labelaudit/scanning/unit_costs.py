"""Unit costs of this machine: seconds for a multiply-add, a cell of probabilities and a row of text, by a short probe.

A forecast multiplies them by what a scan will do (`labelaudit.scanning.workload`). Measured each time, since
machines differ. Left out: disks, which scans wait for least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labelaudit.text import cell

_SIDE, _PRODUCTS = 512, 6  # of the matrices that are multiplied, and how often
_CELLS, _PASSES = 1 << 13, 30  # few enough that no new memory is asked for
_ROWS, _COLUMNS, _TRIES = 200, 12, 12

Timer = Callable[[], float]
"""A clock in seconds, such as `time.perf_counter`."""


@dataclass(frozen=True, kw_only=True)
class UnitCosts:
    """Seconds of the smallest pieces of work."""

    product: float
    """A multiply-add inside a product of float32 matrices, on all cores."""
    cell: float
    """A pass over one class probability: an exponential, a logarithm, a sum and a division in float64, on one core."""
    row: float
    """A row of a table of a dozen columns, written as text."""


def measure_unit_costs(timer: Timer = time.perf_counter) -> UnitCosts:
    """Measure them in about a twentieth of a second; of several tries the soonest counts, which other programs have
    disturbed least."""
    matrix = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), dtype=np.float32)
    probs = np.abs(np.random.default_rng(0).standard_normal((_CELLS // 16, 16))) + 1e-3

    def pass_over() -> None:
        raised = np.exp(np.log(probs))
        _ = raised / raised.sum(axis=1, keepdims=True)

    def write_rows() -> None:
        for number in range(_ROWS):
            ",".join([cell(number / 7) for _ in range(_COLUMNS)])

    return UnitCosts(
        product=_soonest(lambda: matrix @ matrix, _PRODUCTS, timer) / _SIDE**3,
        cell=_soonest(pass_over, _PASSES, timer) / _CELLS,
        row=_soonest(write_rows, _TRIES, timer) / _ROWS,
    )


def _soonest(work: Callable[[], object], times: int, timer: Timer) -> float:
    """The least time of ``work``, after once to warm up."""
    work()
    taken = []
    for _ in range(times):
        started = timer()
        work()
        taken.append(timer() - started)
    return min(taken)
