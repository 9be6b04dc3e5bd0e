"""Unit costs of this machine: seconds for a multiply-add, a cell of probabilities, a row of text and a preview of an
image, by a short probe.

A forecast multiplies them by what a scan will do (`labelaudit.scanning.workload`). Measured each time, since
machines differ, and what else runs on them. Left out: disks, which scans wait for least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.data.images import ImageError, encoded_of, preview
from labelaudit.images import Images
from labelaudit.text import cell

_SIDE, _PRODUCTS = 512, 6  # of the matrices that are multiplied, and how often
_CELLS, _PASSES = 1 << 13, 30  # few enough that no new memory is asked for
_ROWS, _COLUMNS, _TRIES = 200, 12, 12
_IMAGES, _SIDE_OF_ONE = 6, 96  # images that previews are made of, and their side

Timer = Callable[[], float]
"""A clock in seconds, such as `time.perf_counter`."""


@dataclass(frozen=True, kw_only=True)
class UnitCosts:
    """Seconds of the smallest pieces of work."""

    product: float
    """A multiply-add inside a product of float32 matrices, on one core."""
    cell: float
    """A pass over one class probability: an exponential, a logarithm, a sum and a division in float64, on one core."""
    row: float
    """A row of a table of a dozen columns, written as text."""
    preview: float = 0.0
    """A small picture of an image of the dataset, on one core; 0 without images."""


def measure_unit_costs(images: Images | None = None, timer: Timer = time.perf_counter) -> UnitCosts:
    """Measure them in about a twentieth of a second, and a preview on some of the ``images``.

    Of several tries the soonest counts, and is multiplied by how many times longer all of them took by ``timer`` than
    they were computed for: that long other programs keep this one waiting.
    """
    matrix = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), dtype=np.float32)
    probs = np.abs(np.random.default_rng(0).standard_normal((_CELLS // 16, 16))) + 1e-3

    def pass_over() -> None:
        raised = np.exp(np.log(probs))
        _ = raised / raised.sum(axis=1, keepdims=True)

    def write_rows() -> None:
        for number in range(_ROWS):
            ",".join([cell(number / 7) for _ in range(_COLUMNS)])

    started, used = timer(), time.thread_time()
    product = _soonest(lambda: matrix @ matrix, _PRODUCTS)
    one_cell, one_row = _soonest(pass_over, _PASSES), _soonest(write_rows, _TRIES)
    waits = max(1.0, (timer() - started) / (time.thread_time() - used))
    return UnitCosts(
        product=waits * product / _SIDE**3,
        cell=waits * one_cell / _CELLS,
        row=waits * one_row / _ROWS,
        preview=0.0 if images is None else waits * _time_preview(images),
    )


def _time_preview(images: Images) -> float:
    """CPU seconds of a preview, on the mean of some of the ``images``."""

    def draw(row: int) -> None:
        with suppress(ImageError):
            preview(encoded_of(images, row), _SIDE_OF_ONE)

    rows = spread_rows(len(images), _IMAGES)
    return float(np.mean([_soonest(partial(draw, row), 2) for row in rows.tolist()]))


def _soonest(work: Callable[[], object], times: int) -> float:
    """The least CPU time of ``work``, after once to warm up."""
    work()
    taken = []
    for _ in range(times):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return min(taken)
