"""Digits and features to train on, and trainings that are cut off, for the tests of `models`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

from labelaudit.models import FittedModel
from labelaudit.training.settings import ModelSettings

Pixels = npt.NDArray[np.uint8]


Labels = npt.NDArray[np.int64]


def digits(n: int = 90) -> tuple[Pixels, Labels, Labels]:
    """Pixels (n, 8, 8, 1), labels with 30 % planted flips, true labels."""
    bunch = load_digits()
    true = bunch.target[:n].astype(np.int64)
    rng = np.random.default_rng(0)
    given, wrong = true.copy(), rng.random(n) < 0.3
    given[wrong] = (given[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    return (bunch.images[:n, ..., None] * 15.9).astype(np.uint8), given, true


def features(n: int = 60) -> tuple[npt.NDArray[np.float32], Labels]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return (rng.normal(size=(3, 8))[labels] + 0.5 * rng.normal(size=(n, 8))).astype(np.float32), labels


def same(one: FittedModel, two: FittedModel) -> None:
    """Bit for bit, but for the clock."""
    for a, b in zip(one.model.network.state_dict().values(), two.model.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert one.losses.tobytes() == two.losses.tobytes()
    assert one.suspicion.tobytes() == two.suspicion.tobytes()
    assert {k: v.tobytes() for k, v in one.columns.items()} == {k: v.tobytes() for k, v in two.columns.items()}
    without = [[{**row, "seconds": 0.0} for row in trained.curves] for trained in (one, two)]
    assert str(without[0]) == str(without[1])  # NaN equals NaN


def settings_of(method: str) -> ModelSettings:
    around = {"crust": ["spectral"], "co_teaching": ["gaussian", "mixup"]}.get(method, [])
    options = {"batch": 32, "schedule": "3"}
    return ModelSettings(method=method, options=options, regularizers=around, epochs=4, augment="shift+flip")


def measured() -> dict[str, Any]:
    """The truth of `digits`, and some of them as test samples."""
    x, _, true = digits()
    return {"truth": true, "test": (x[:20], true[:20])}
