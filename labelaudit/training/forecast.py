"""Forecasts the seconds of a cross-fit from a trial epoch on random data."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelaudit.methods import get_method
from labelaudit.training.batches import Augment
from labelaudit.training.crossfit import crossfit
from labelaudit.training.loop import choose_recipe

_FORECAST, _FORECAST_PIXELS = 1000, 400  # samples of the trial epoch


_FEWEST, _SLOW = 20, 2.0  # samples, and seconds, of the one before it


def forecast_crossfit(
    method: str,
    shape: tuple[int, ...],
    n: int,
    classes: int,
    *,
    options: Mapping[str, Any] | None = None,
    folds: int = 5,
    epochs: int | None = None,
    network: str | None = None,
    augment: Augment = "none",
    regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    rounded: bool | None = None,
    device: str = "cpu",
) -> float:
    """Seconds that `crossfit` would take for n samples of ``shape``: (d,) features or (H, W, c) pixels.

    Measured, regularisers included: one epoch on up to `_FORECAST` random samples, after one on a tenth of them that
    warms up, and that is enough where it is slow already.
    """
    pixels = len(shape) == 3
    recipe = choose_recipe(method, n, pixels=pixels, folds=folds, options=options, epochs=epochs)
    most, rng = min(n, _FORECAST_PIXELS if pixels else _FORECAST), np.random.default_rng(0)
    x = rng.integers(0, 256, (most, *shape), np.uint8) if pixels else rng.standard_normal((most, *shape), np.float32)
    seconds, some = 0.0, most
    own = {name: value for name, value in (options or {}).items() if name not in get_method(method).leading}
    for some in (min(most, max(most // 10, _FEWEST)), most):
        labels = np.arange(some) % min(classes, max(2, some // folds))
        settings = {**own, "batch": min(recipe.batch, some)}
        started = time.perf_counter()
        crossfit(
            method,
            x[:some],
            labels,
            classes,
            options=settings,
            network=network,
            folds=folds,
            epochs=1,
            augment=augment,
            regularizers=regularizers,
            rounded=rounded,
            device=device,
        )
        seconds = time.perf_counter() - started
        if seconds > _SLOW:
            break
    return seconds * recipe.epochs * n / some
