"""k nearest neighbours: all pairs compared up to `EXACT` rows, only rows in cells close by from there on (`Cells`).

This and `labelaudit.features.cells` are the only modules that know faiss. Left out: approximate search on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices
from labelaudit.errors import DataError
from labelaudit.features.cells import Cells, compare_all
from labelaudit.names import number_names
from labelaudit.types import Floats

_SMALL_GROUP = 32
EXACT = 30_000
"""Rows up to which each is compared with each: it takes seconds there, needs no tuning, and misses nothing."""
BLOCK_BYTES = 2**26
"""Queries are normalised and searched in blocks of about this size."""


def nearest(
    x: Floats, *, queries: Floats | None = None, k: int, device: str = "cpu"
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The k rows of ``x`` (n, d) most similar to each row of ``queries`` (m, d), or of ``x`` itself.

    Returns cosines (m, k) float32 and row numbers (m, k) int64, best first, equal ones by row number. A zero vector
    has the cosine 0 with everything. Without ``queries`` no row is its own neighbour. Where there are fewer than k rows
    to choose from, all of them come back: the second axis is then shorter. ``device="cuda"`` searches on the GPU if
    this faiss can, and on the CPU otherwise. On the CPU about `cells.RECALL` of the neighbours are found where more
    than `EXACT` rows are asked about as many, and all of them elsewhere.

    Raises `DataError` for arrays that do not fit or are not finite.

    >>> nearest(np.eye(3, dtype=np.float32), k=5)[1].tolist()
    [[1, 2], [0, 2], [0, 1]]
    """
    base = _checked(x, "x")
    own = queries is None
    wanted = min(k, len(x) - own)
    asked = base if queries is None else _checked(queries, "queries")
    if asked.shape[1] != base.shape[1]:
        raise DataError(f"queries have {asked.shape[1]} columns, x has {base.shape[1]}")
    similarities = np.empty((len(asked), max(wanted, 0)), np.float32)
    indices = np.empty((len(asked), max(wanted, 0)), np.int64)
    if wanted < 1:
        return similarities, indices
    many = len(asked) * len(base) > EXACT**2
    search = _searcher(base, wanted + own, device, cells=many)
    # Among cells the queries of one are searched for together, wherever they stand.
    step = len(asked) if many else max(1, BLOCK_BYTES // (4 * max(base.shape[1], wanted + 1)))
    for start in range(0, len(asked), step):
        block = slice(start, min(start + step, len(asked)))
        found, rows = search(asked if step >= len(asked) else asked[block])
        if own:
            found, rows = _without_self(found, rows, np.arange(block.start, block.stop))
        similarities[block], indices[block] = _in_order(found, rows)
    return similarities, indices


def nearest_outside(
    x: Floats, groups: Sequence[str], *, k: int, device: str = "cpu"
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """`nearest` by cosine among the rows of ``x`` (n, d) that are of another group than the row itself.

    Groups of up to `_SMALL_GROUP` are struck out of a longer list; larger ones are searched one by one. Where fewer
    than k rows are outside, similarities of -inf mark the places that nothing fills.

    >>> nearest_outside(np.eye(3, dtype=np.float32), ["a", "a", "b"], k=2)[1][:, 0].tolist()
    [2, 2, 0]
    """
    code = number_names(groups).code
    sizes = np.bincount(code)
    k = min(k, len(x) - int(sizes.min()))
    similarities = np.full((len(x), k), -np.inf, np.float32)
    indices = np.zeros((len(x), k), np.int64)
    small = sizes[code] <= _SMALL_GROUP
    if small.any():
        spare = int(sizes[sizes <= _SMALL_GROUP].max()) - 1
        found, rows = nearest(x, k=k + spare, device=device)
        found = np.where(code[rows] == code[:, None], -np.inf, found)
        best = np.argsort(-found, axis=1, kind="stable")[:, :k]
        similarities[small] = np.take_along_axis(found, best, axis=1)[small]
        indices[small] = np.take_along_axis(rows, best, axis=1)[small]
    for large in np.flatnonzero(sizes > _SMALL_GROUP).tolist():
        inside = np.flatnonzero(code == large)
        others = np.flatnonzero(code != large)
        if len(others):
            found, rows = nearest(x[others], queries=x[inside], k=k, device=device)
            similarities[inside, : found.shape[1]], indices[inside, : found.shape[1]] = found, others[rows]
    return similarities, indices


def _searcher(base: Floats, k: int, device: str, *, cells: bool) -> Any:
    """A function of queries (b, d) that returns similarities (b, k) and rows (b, k), unordered among ties.

    With ``cells`` it looks on the CPU only at rows near to each query.
    """
    if device.startswith("cuda"):
        import faiss

        if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
            resources, cosine = faiss.StandardGpuResources(), faiss.METRIC_INNER_PRODUCT
            return lambda queries: faiss.knn_gpu(resources, queries, base, k, metric=cosine)
    if cells:
        near = Cells(base, k)
        return lambda queries: near.search(None if queries is base else queries)
    return lambda queries: compare_all(queries, base, k)


def _in_order(similarities: Floats, rows: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Both best first, equal ones by row number; a search leaves only ties in disorder."""
    loose = np.flatnonzero((similarities[:, 1:] >= similarities[:, :-1]).any(axis=1))
    order = np.lexsort((rows[loose], -similarities[loose]), axis=1)
    similarities[loose] = np.take_along_axis(similarities[loose], order, axis=1)
    rows[loose] = np.take_along_axis(rows[loose], order, axis=1)
    return similarities, rows


def _without_self(
    similarities: Floats, rows: npt.NDArray[np.int64], own: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Drop from each row its own number, or its last entry where copies of it have pushed it out."""
    drop = rows == own[:, None]
    drop[~drop.any(axis=1), -1] = True
    shape = (len(rows), rows.shape[1] - 1)
    return similarities[~drop].reshape(shape), rows[~drop].reshape(shape)


def _checked(x: Floats, name: str) -> Floats:
    """A contiguous float32 copy with rows of unit length, made block by block."""
    if x.ndim != 2 or not x.shape[1]:
        raise DataError(f"{name} must be (n, d) with d > 0, not {x.shape}")
    out = np.empty(x.shape, np.float32)
    step = max(1, BLOCK_BYTES // (4 * x.shape[1]))
    for rows in slices(len(x), step):
        block: Floats = np.asarray(x[rows], dtype=np.float32)
        if not np.isfinite(block).all():
            row = rows.start + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise DataError(f"{name} has a value in row {row} that is not finite")
        length = np.linalg.norm(block, axis=1, keepdims=True)
        out[rows] = block / np.where(length > 0, length, 1)
    return out
