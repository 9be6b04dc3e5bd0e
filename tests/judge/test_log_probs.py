"""Log-probabilities of several models: the same sums in both orders in memory."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.blocks import memory_order
from labelaudit.judge.log_probs import FLOOR, LogProbs


@pytest.mark.parametrize(("classes", "order"), [(5, "F"), (60, "C")])
def test_few_and_many_classes_are_pooled_as_by_hand(classes: int, order: str) -> None:
    assert memory_order(classes) == order
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.ones(classes), (3, 40)).astype(np.float32)
    tables[0, 0, 0] = 0
    weights, cells = np.array([0.2, 0.5, 1.0]), rng.normal(size=(40, classes))

    logs = LogProbs.of(dict(zip("abc", tables, strict=True)), slice(None)).astype(np.float64)

    by_hand = np.log(np.maximum(tables.astype(np.float64), FLOOR))
    assert np.stack(list(logs)) == pytest.approx(by_hand, abs=1e-5)
    raised = np.exp(sum(weight * table for weight, table in zip(weights, by_hand, strict=True)))
    assert logs.pool(weights) == pytest.approx(raised / raised.sum(axis=1, keepdims=True), rel=1e-4)
    sharp = np.exp(40 * (sum(by_hand) - sum(by_hand).max(axis=1, keepdims=True)))
    assert logs.pool(np.full(3, 40.0)) == pytest.approx(sharp / sharp.sum(axis=1, keepdims=True), rel=1e-3)
    assert logs.inner_products(cells) == pytest.approx((by_hand * cells).sum(axis=(1, 2)), rel=1e-5)
