"""Neighbours against the slow obvious way."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from labelaudit.errors import DataError
from labelaudit.features import cells, neighbors
from labelaudit.features.cells import RECALL, Cells
from labelaudit.features.neighbors import nearest
from labelaudit.types import Floats


def slowly(x: Floats, queries: Floats | None, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = x if queries is None else queries
    similarities, indices = [], []
    for i, query in enumerate(rows.astype(np.float64)):
        pairs = []
        for j, other in enumerate(x.astype(np.float64)):
            if queries is None and i == j:
                continue
            norm = np.linalg.norm(query) * np.linalg.norm(other)
            value = query @ other / norm if norm else 0.0
            pairs.append((-value, j))
        pairs = sorted(pairs)[:k]
        similarities.append([-value for value, _ in pairs])
        indices.append([j for _, j in pairs])
    return np.array(similarities), np.array(indices)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("block", [2**26, 256])
def test_against_brute_force(apart: bool, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "BLOCK_BYTES", block)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 7)).astype(np.float32)
    queries = rng.normal(size=(13, 7)).astype(np.float32) if apart else None
    similarities, indices = nearest(x, queries=queries, k=5)
    expected, rows = slowly(x, queries, 5)
    assert (indices == rows).all()
    np.testing.assert_allclose(similarities, expected, atol=1e-5)
    assert similarities.dtype == np.float32
    assert indices.dtype == np.int64


def test_more_neighbours_than_rows() -> None:
    x = np.eye(4, dtype=np.float32)
    assert nearest(x, k=99)[1].shape == (4, 3)
    assert nearest(x, queries=x[:2], k=99)[1].shape == (2, 4)
    assert nearest(x[:1], k=3)[1].shape == (1, 0)
    assert nearest(x, k=0)[0].shape == (4, 0)


def test_copies_are_ordered_by_row_and_never_themselves() -> None:
    x = np.tile(np.array([[3.0, 4.0]], np.float32), (9, 1))
    similarities, indices = nearest(x, k=8)
    for row in range(9):
        assert indices[row].tolist() == [other for other in range(9) if other != row]
    assert np.allclose(similarities, 1)
    few = nearest(x, k=3)[1]
    assert not (few == np.arange(9)[:, None]).any()


def test_zero_vectors_are_like_nothing() -> None:
    x = np.array([[0, 0], [1, 0], [1, 1]], np.float32)
    similarities, indices = nearest(x, k=2)
    assert similarities[0].tolist() == [0, 0]
    assert indices[0].tolist() == [1, 2]


def test_same_bits_every_time_and_inputs_untouched() -> None:
    x = np.random.default_rng(1).normal(size=(300, 20)).astype(np.float32)
    before = x.copy()
    first, second = nearest(x, k=10), nearest(x, k=10)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert (x == before).all()


def test_few_rows_are_compared_without_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its wheels bring a BLAS that takes new processors for old ones, and loading it takes a third of a second."""
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(cells, "PRODUCTS", 100)  # a few rows at a time
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    similarities, rows = nearest(x, k=3)
    assert (rows == np.argsort(-cosines, axis=1)[:, :3]).all()
    np.testing.assert_allclose(similarities, -np.sort(-cosines, axis=1)[:, :3], atol=1e-6)


def test_cuda_without_a_gpu_build_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    assert (nearest(x, k=3, device="cuda")[1] == nearest(x, k=3)[1]).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(3, np.float32), r"must be \(n, d\)"),
        (np.zeros((3, 0), np.float32), "d > 0"),
        (np.array([[0.0], [np.nan]], np.float32), "row 1 that is not finite"),
    ],
)
def test_bad_arrays(x: Floats, message: str) -> None:
    with pytest.raises(DataError, match=message):
        nearest(x, k=1)
    with pytest.raises(DataError, match="queries have 2 columns, x has 3"):
        nearest(np.zeros((4, 3), np.float32), queries=np.zeros((4, 2), np.float32), k=1)


# Among many rows


@pytest.fixture
def many(monkeypatch):
    """3,000 rows around 40 centres, which count as many."""
    monkeypatch.setattr(neighbors, "EXACT", 1000)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 16))
    return (centres[rng.integers(0, 40, 3000)] + 0.3 * rng.normal(size=(3000, 16))).astype(np.float32)


@pytest.mark.parametrize("others", [False, True])
def test_most_neighbours_are_found_among_many_rows(many, others, monkeypatch):
    queries = many[::7] + np.float32(0.01) if others else None
    similarities, rows = nearest(many, queries=queries, k=10)
    monkeypatch.setattr(neighbors, "EXACT", 10_000)
    true_similarities, true_rows = nearest(many, queries=queries, k=10)
    found = np.mean([len(np.intersect1d(*pair)) for pair in zip(rows, true_rows, strict=True)]) / 10
    assert found >= 0.95
    same = rows == true_rows
    np.testing.assert_allclose(similarities[same], true_similarities[same], atol=1e-5)
    assert (np.diff(similarities, axis=1) <= 0).all()
    if not others:
        assert (rows != np.arange(len(many))[:, None]).all()


def test_the_same_rows_give_the_same_neighbours(many):
    for first, second in zip(nearest(many, k=5), nearest(many, k=5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_many_copies_of_one_row_are_no_trouble(many):
    many[:2000] = many[0]
    similarities, rows = nearest(many, k=5)
    assert similarities[:2000].min() > 0.999
    assert (rows != np.arange(len(many))[:, None]).all()
    assert rows.min() >= 0


def test_the_recall_of_cells_is_measured(many):
    cells = Cells(many / np.linalg.norm(many, axis=1, keepdims=True), 5)
    assert cells.recall >= RECALL
    assert cells.probed < cells.count
