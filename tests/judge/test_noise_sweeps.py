"""Sweeps over T, label by label."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.blocks import memory_order, row_maxima, take_columns
from labelaudit.judge.channel import Channel, error_factors, scale_rows
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.judge.noise_sweeps import Prior, refine
from labelaudit.judge.standing_out import _weighted_quantile


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("classes", [4, 60])
def test_a_sweep_label_by_label_counts_what_the_channel_counts_of_all(classes: int, slope: float) -> None:
    rng = np.random.default_rng(0)
    n = 40 * classes
    probs, matrix = rng.dirichlet(np.ones(classes), n), rng.dirichlet(np.ones(classes), classes)
    labels, known = rng.integers(0, classes, n), np.full(n, UNKNOWN)
    known[:9], known[9:20] = labels[::-1][:9], NO_CLASS
    factors, counted = error_factors(rng.normal(size=n), slope), np.arange(n // 8, n)

    found = refine(probs, matrix, labels, known, factors, counted=counted, sweeps=2)

    rows = counted[np.argsort(labels[counted])]
    rows = rows[known[rows] != NO_CLASS]
    for _ in range(2):
        channel = Channel(matrix, factors if factors is None else factors[rows])
        posterior, _ = channel.judge(probs[rows], labels[rows], known[rows])
        counts, expected, _ = channel.count(posterior, labels[rows])
        prior = Prior.of(np.diagonal(matrix), np.bincount(labels[counted]))
        matrix = matrix * (counts + prior.matrix) / (expected + prior.matrix.sum(axis=1, keepdims=True) * matrix)
        matrix /= matrix.sum(axis=1, keepdims=True)
    assert found == pytest.approx(matrix, rel=1e-9)


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
