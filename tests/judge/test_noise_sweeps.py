"""Sweeps over T, label by label."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.blocks import memory_order, row_maxima, take_columns
from labelaudit.judge.channel import difficulty, error_factors, scale_rows
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.judge.noise_sweeps import refine, refine_by_all
from labelaudit.judge.standing_out import _weighted_quantile


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("classes", [4, 60])
def test_a_sweep_label_by_label_counts_what_the_channel_counts_of_all(classes: int, slope: float) -> None:
    rng = np.random.default_rng(0)
    n = 40 * classes
    probs, matrix = rng.dirichlet(np.ones(classes), n), rng.dirichlet(np.ones(classes), classes)
    labels, known = rng.integers(0, classes, n), np.full(n, UNKNOWN)
    known[:9], known[9:20] = labels[::-1][:9], NO_CLASS
    counted = np.ones(n, dtype=bool)

    found = refine_by_all(probs, matrix, labels, known, counted, slope=slope, mean_difficulty=0.3)

    factors = error_factors(difficulty(probs) - 0.3, slope)
    assert found == pytest.approx(refine(probs, matrix, labels, known, factors, np.float64, 2), rel=1e-4)


@pytest.mark.parametrize("classes", [3, 60])
def test_columns_are_those_of_the_labels_in_any_order(classes: int) -> None:
    rng = np.random.default_rng(0)
    matrix, labels = rng.random((classes, classes)), rng.integers(0, classes, 2 * classes)
    for given in (labels, np.sort(labels), np.sort(labels)[: classes // 2]):
        assert np.array_equal(take_columns(matrix, given), matrix[:, given].T)


@pytest.mark.parametrize("classes", [3, 60])
def test_row_maxima_and_sums_are_the_same_in_either_order_of_memory(classes: int) -> None:
    rng = np.random.default_rng(0)
    table, right, factors = rng.random((20, classes)), rng.random(classes), rng.random(20)
    assert np.array_equal(row_maxima(table), table.max(axis=1))
    sums = scale_rows(right, factors)
    assert sums == pytest.approx(right + factors[:, None] * (1 - right))
    assert sums.flags[f"{memory_order(classes)}_CONTIGUOUS"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_value_above_which_a_share_of_all_weights_lies_is_that_of_a_sort_of_all(share: float) -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.random(5000).astype(np.float32) ** 8, rng.random(5000)
    values[::7] = values[0]
    order = np.argsort(-values)
    sums = np.cumsum(weights[order])
    assert _weighted_quantile(values, weights, share) == values[order[np.searchsorted(sums, share * sums[-1] - 1e-9)]]
