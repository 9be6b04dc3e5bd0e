"""Nearest neighbours among many rows: rows are sorted into cells of alike ones, and only cells close by are compared.

There are about four times √n cells, found by k-means; the rows of one cell are compared at once, as one product of
matrices, with those of the cells nearest to it. How many cells that takes is measured: as many as find `RECALL` of the
true neighbours of a sample, but no more than hold 16,000 rows: the work grows in proportion to the rows. Left out:
compressed vectors, which save memory and cost precision, and cells on a GPU, whose exact search is fast enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices, spread_rows
from labelaudit.types import Floats, Ints

RECALL = 0.97
"""Share of the true k nearest of `SAMPLE` rows that must be found."""
SAMPLE = 256
_PER_ROOT = 4.0
_FEWEST, _MOST = 8, 256  # cells compared with
_ROWS = 16_000  # rows in these at most, so that the work grows no faster than the rows do
_CROWDED = 8  # times as many rows as usual in the cells compared with, from which only some of them are looked at
_ROUNDS, _PER_CELL = 6, 32  # of k-means: rounds, rows per cell that it sees
PRODUCTS, THREADS = 1 << 22, 2
"""Inner products held at once by each thread, and threads."""


class Cells:
    """The rows of a matrix in cells, to be searched; the same rows give the same cells.

    Args:
        base: (n, d) float32, of unit length.
        k: neighbours that will be asked for.
    """

    def __init__(self, base: Floats, k: int) -> None:
        n = len(base)
        self._base, self._k = base, k
        self.count = count_cells(n)
        self._centres = find_centres(base)
        self._cell_of = self._assign(base)
        self._order = np.argsort(self._cell_of, kind="stable")
        self._starts = np.searchsorted(self._cell_of[self._order], np.arange(self.count + 1))
        self._most = min(int(np.clip(_ROWS * self.count / n, _FEWEST, _MOST)), self.count)
        self._around = compare_all(self._centres, self._centres, min(_MOST, self.count))[1]
        self.recall = 0.0
        """Share of the true neighbours of a sample that a search finds."""
        self.probed = _FEWEST
        """Cells that the rows of a cell are compared with."""
        self._measure()

    def _measure(self) -> None:
        """Set `probed` to as many cells as find `RECALL` of a sample's neighbours, `recall` to what they find."""
        rows = spread_rows(len(self._base), SAMPLE)
        truth = compare_all(self._base[rows], self._base, self._k)[1]
        while True:
            found = self.search(rows=rows)[1]
            same = [len(np.intersect1d(*pair)) for pair in zip(truth, found, strict=True)]
            self.recall = float(np.mean(same)) / self._k
            if self.recall >= RECALL or self.probed >= self._most:
                return
            self.probed = min(2 * self.probed, self._most)

    def search(
        self, queries: Floats | None = None, *, rows: Ints | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Cosines (m, k) and rows (m, k) of the rows nearest to ``queries`` (m, d), best first, unordered among ties.

        Without queries those of some ``rows`` (m,) of the matrix, or of all: these are among their own neighbours.
        """
        if queries is None:
            queries = self._base if rows is None else self._base[rows]
            cell_of = self._cell_of if rows is None else self._cell_of[rows]
        else:
            cell_of = self._assign(queries)
        cosines = np.empty((len(queries), self._k), np.float32)
        found = np.empty((len(queries), self._k), np.int64)

        def look(group: tuple[int, Ints]) -> None:
            candidates = self._candidates(group[0])
            close = np.take(self._base, candidates, axis=0)
            for asked in np.array_split(group[1], -(-len(group[1]) * len(candidates) // PRODUCTS)):
                cosines[asked], places = find_best(queries[asked] @ close.T, self._k)
                found[asked] = candidates[places]

        with ThreadPoolExecutor(THREADS, thread_name_prefix="neighbours") as pool:
            list(pool.map(look, _group(cell_of)))
        return cosines, found

    def share_compared(self, share: float) -> float:
        """Share of all rows that a row is compared with on the mean, where it is so with this ``share`` of the cells:
        those that are near many others hold more rows.
        """
        sizes = np.diff(self._starts)
        around = self._around[:, : max(1, round(share * self.count))]
        return float(sizes @ sizes[around].sum(axis=1)) / len(self._base) ** 2

    def _candidates(self, cell: int) -> Ints:
        """Rows of the `probed` cells nearest to ``cell``, ascending; of more cells where these hold too few rows."""
        around = self._around[cell]
        sizes = np.cumsum(self._starts[around + 1] - self._starts[around])
        enough = int(np.searchsorted(sizes, self._k)) + 1
        if enough > len(around):
            return np.arange(len(self._base))
        taken = around[: max(self.probed, enough)]
        rows = np.concatenate([self._order[self._starts[c] : self._starts[c + 1]] for c in taken.tolist()])
        most = max(self._k, _CROWDED * len(taken) * len(self._base) // self.count)
        if len(rows) > most:  # thousands of copies of one image
            rows = rows[spread_rows(len(rows), most)]
        return np.sort(rows)

    def _assign(self, x: Floats) -> Ints:
        """(m,) the cell whose centre is nearest to each row of ``x``."""
        nearest = np.empty(len(x), dtype=np.int64)

        def look(rows: slice) -> None:
            nearest[rows] = (x[rows] @ self._centres.T).argmax(axis=1)

        _work_on_rows(look, len(x), self.count)
        return nearest


def count_cells(n: int) -> int:
    """The number of cells that ``n`` rows are sorted into."""
    return max(1, round(_PER_ROOT * float(n**0.5)))


def find_centres(base: Floats) -> Floats:
    """(c, d) the centres of the cells of ``base`` (n, d), by k-means."""
    import faiss

    means = faiss.Kmeans(
        base.shape[1],
        count_cells(len(base)),
        niter=_ROUNDS,
        seed=0,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=_PER_CELL,
    )
    means.train(base)
    return np.asarray(means.centroids)


def compare_all(queries: Floats, base: Floats, k: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Cosines (m, k) and rows (m, k) of the rows of ``base`` (n, d) nearest to each of ``queries`` (m, d), best first,
    unordered among ties; rows have unit length.

    The BLAS in faiss's wheels is of 2021: on a processor that it does not know it takes five times as long as NumPy's.
    """
    cosines = np.empty((len(queries), k), np.float32)
    found = np.empty((len(queries), k), np.int64)

    def look(rows: slice) -> None:
        cosines[rows], found[rows] = find_best(queries[rows] @ base.T, k)

    _work_on_rows(look, len(queries), len(base))
    return cosines, found


def _work_on_rows(work: Callable[[slice], None], rows: int, products: int) -> None:
    """Do ``work`` on all ``rows``, some at a time on each thread, where each row takes so many ``products``."""
    step = max(1, PRODUCTS // products)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="neighbours") as pool:
        list(pool.map(work, slices(rows, step)))


def find_best(products: Floats, k: int) -> tuple[Floats, Ints]:
    """The k greatest of each row of ``products`` (m, c) and their places, greatest first.

    faiss, asked for the few hundred rows of one cell, takes two to four times as long as this and the product.
    """
    places = np.argpartition(products, -k, axis=1)[:, -k:]
    best = np.take_along_axis(products, places, axis=1)
    order = np.argsort(-best, axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)


def _group(cell_of: Ints) -> Iterator[tuple[int, Ints]]:
    """(cell, its places in ``cell_of``), by cell."""
    order = np.argsort(cell_of, kind="stable")
    cells, starts = np.unique(cell_of[order], return_index=True)
    yield from zip(cells.tolist(), np.split(order, starts[1:]), strict=True)
