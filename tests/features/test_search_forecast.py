"""A search among cells is forecast by its steps, each tried; no clock is asked."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from labelaudit.features import search_forecast
from labelaudit.features.cells import SAMPLE, count_cells


def test_each_step_counts_as_often_as_the_search_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = np.random.default_rng(0).standard_normal((1000, 8), dtype=np.float32)
    sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    ticks = itertools.count()
    monkeypatch.setattr(search_forecast, "time", SimpleNamespace(process_time=lambda: float(next(ticks))))
    found = search_forecast.forecast_search(sample, 40_000, 5)
    once = 3 * 40  # centres, cells and the true neighbours of some, of forty times as many rows
    assert found == pytest.approx((once + 2 * SAMPLE + count_cells(40_000)) / 3), "the clock ticks once in three tries"
