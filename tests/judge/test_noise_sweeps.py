"""Sweeps over T, label by label."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.blocks import take_columns
from labelaudit.judge.channel import Channel, error_factors
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.judge.noise_sweeps import find_prior, refine


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("classes", [4, 60])
def test_a_sweep_label_by_label_counts_what_the_channel_counts_of_all(classes: int, slope: float) -> None:
    rng = np.random.default_rng(0)
    n = 40 * classes
    probs, matrix = rng.dirichlet(np.ones(classes), n), rng.dirichlet(np.ones(classes), classes)
    labels, known = rng.integers(0, classes, n), np.full(n, UNKNOWN)
    known[:9], known[9:20] = labels[::-1][:9], NO_CLASS
    factors = error_factors(rng.normal(size=n), slope)

    found = refine(probs, matrix, labels, known, factors, np.float64, 1)

    order, sizes = np.argsort(labels, kind="stable"), np.bincount(labels, minlength=classes)
    channel = Channel(matrix, None if factors is None else factors[order])
    posterior, _ = channel.judge(probs[order], labels[order], known[order])
    posterior[known[order] == NO_CLASS] = 0
    counts, expected, _ = channel.count(posterior, labels[order])
    prior = find_prior(matrix, sizes)
    moved = matrix * (counts + prior) / (expected + prior.sum(axis=1, keepdims=True) * matrix)
    assert found == pytest.approx(moved / moved.sum(axis=1, keepdims=True), rel=1e-9)


@pytest.mark.parametrize("classes", [3, 60])
def test_columns_are_those_of_the_labels_in_any_order(classes: int) -> None:
    rng = np.random.default_rng(0)
    matrix, labels = rng.random((classes, classes)), rng.integers(0, classes, 2 * classes)
    for given in (labels, np.sort(labels), np.sort(labels)[: classes // 2]):
        assert np.array_equal(take_columns(matrix, given), matrix[:, given].T)
