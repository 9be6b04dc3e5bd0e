"""Unit costs of this machine, in seconds, by a short probe: pieces of the work itself, done on a little.

They are a product of matrices and their eigenvectors, the greatest of products, the softmax of a row of scores and a
sharpness fitted to some, in numbers and tables as the work has them, a row of text, a look at an image and a preview
of it; and a search that has to be tried. A forecast multiplies them by what a scan will do
(`labelaudit.scanning.workload`). Measured each time, since machines differ, and what else runs on them. Left out:
disks, which scans wait for least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.linalg import eigh

from labelaudit.blocks import by_class, spread_rows
from labelaudit.data.images import ImageError, encoded_of, preview, squeeze
from labelaudit.features.cells import find_best
from labelaudit.images import Images
from labelaudit.judge.linear import find_sharpness
from labelaudit.judge.scores import softmax
from labelaudit.text import cell

_SIDE, _COMPARED, _PRODUCTS = 512, 1 << 12, 3  # of matrices that are multiplied, and how often
_ASKED = 128  # rows of the smaller one
_NEAREST = 36  # of the products of a row
_CELLS, _PASSES, _FITS = 1 << 15, 10, 2  # few enough that no new memory is asked for
_ROWS, _COLUMNS, _TRIES = 200, 12, 12
_IMAGES, _LOOK, _SIDE_OF_ONE = 6, 64, 96  # images that are looked at, and sides of what is made of them

Timer = Callable[[], float]
"""A clock in seconds, such as `time.perf_counter`."""


@dataclass(frozen=True, kw_only=True)
class UnitCosts:
    """Seconds of the smallest pieces of work."""

    product: float
    """A multiply-add inside a product of float32 matrices, on one core."""
    eigen: float
    """The eigenvectors of a symmetric float32 matrix, by its cubed side, on one core."""
    pair: float
    """One of the products among which the greatest of each row are found, on one core."""
    cell: float
    """One class probability of the softmax of float32 scores for as many classes as there are, on one core."""
    fit: float
    """One of the scores that a sharpness is fitted to, on one core."""
    row: float
    """A row of a table of a dozen columns, written as text."""
    look: float = 0.0
    """Decoding an image of the dataset to a few pixels, on one core; 0 without images."""
    preview: float = 0.0
    """Making a small picture of an image for the report, on one core; 0 without images."""
    search: float = 0.0
    """The search for all neighbours, as tried, by all cores together; 0 where none was tried."""


def measure_unit_costs(
    images: Images | None = None,
    timer: Timer = time.perf_counter,
    *,
    classes: int = 10,
    search: Callable[[], float] = lambda: 0.0,
) -> UnitCosts:
    """Measure them in about a sixth of a second, on tables of so many ``classes``, and looks and previews on some of
    the ``images``.

    ``search`` tries a search and tells its CPU seconds.

    Of several tries the soonest counts, and is multiplied by how many times longer all of them took by ``timer`` than
    they were computed for: that long other programs keep this one waiting.
    """
    matrix = np.random.default_rng(0).standard_normal((_COMPARED, _SIDE), dtype=np.float32)
    few = matrix[:_ASKED]
    products, square = few @ matrix.T, matrix[:_SIDE].T @ matrix[:_SIDE]
    columns = min(classes, _CELLS)
    scores = matrix.ravel()[: _CELLS // columns * columns].reshape(-1, columns)
    table, labels = by_class(scores), scores.argmax(axis=1)
    labels[::10] = 0  # of which not all are told

    def write_rows() -> None:
        for number in range(_ROWS):
            ",".join([cell(number / 7) for _ in range(_COLUMNS)])

    started, used = timer(), time.thread_time()
    product = _soonest(lambda: few @ matrix.T, _PRODUCTS)
    one_pair = _soonest(lambda: find_best(products, _NEAREST), _PRODUCTS)
    eigen = _soonest(lambda: eigh(square, check_finite=False), 1)
    one_cell = _soonest(lambda: softmax(table), _PASSES)
    one_fit = _soonest(lambda: find_sharpness(scores, labels), _FITS)
    one_row = _soonest(write_rows, _TRIES)
    waits = max(1.0, (timer() - started) / (time.thread_time() - used))
    return UnitCosts(
        product=waits * product / (products.size * _SIDE),
        eigen=waits * eigen / _SIDE**3,
        pair=waits * one_pair / products.size,
        cell=waits * one_cell / scores.size,
        fit=waits * one_fit / scores.size,
        row=waits * one_row / _ROWS,
        look=0.0 if images is None else waits * _time_images(images, lambda data: squeeze(data, [_LOOK])),
        preview=0.0 if images is None else waits * _time_images(images, lambda data: preview(data, _SIDE_OF_ONE)),
        search=waits * search(),
    )


def _time_images(images: Images, work: Callable[[bytes], object]) -> float:
    """CPU seconds of ``work`` on the bytes of an image, the mean of some of the ``images``."""

    def do(row: int) -> None:
        with suppress(ImageError):
            work(encoded_of(images, row))

    rows = spread_rows(len(images), _IMAGES)
    return float(np.mean([_soonest(partial(do, row), 1) for row in rows.tolist()]))


def _soonest(work: Callable[[], object], times: int) -> float:
    """The least CPU time of ``work``, after once to warm up."""
    work()
    taken = []
    for _ in range(times):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return min(taken)
