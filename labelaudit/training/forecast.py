"""Forecasts the seconds of a cross-fit from trial epochs on random data."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from labelaudit.methods import get_method
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings

_FORECAST, _FORECAST_PIXELS = 1000, 400  # samples of the trial epochs
_FEWEST, _SLOW = 20, 2.0  # samples, and seconds, of the one before it
_LEAST = 0.15  # of a fit of one epoch that another takes, whatever a busy machine made of the difference


def forecast_crossfit(
    settings: CrossfitSettings, shape: tuple[int, ...], n: int, classes: int, *, device: str = "cpu"
) -> float:
    """Seconds that `crossfit` would take for n samples of ``shape``: (d,) features or (H, W, c) pixels.

    Measured, regularisers included: one epoch, then two, on up to `_FORECAST` random samples, which tells an epoch from
    what every fit takes once, whatever its samples; before them one on a tenth that warms up, made again where it is
    slow: if it still is, that is enough.
    """
    pixels, folds = len(shape) == 3, settings.folds
    recipe = settings.choose_recipe(n, pixels=pixels, folds=folds)
    most, rng = min(n, _FORECAST_PIXELS if pixels else _FORECAST), np.random.default_rng(0)
    x = rng.integers(0, 256, (most, *shape), np.uint8) if pixels else rng.standard_normal((most, *shape), np.float32)
    leading = get_method(settings.method).leading
    own = {name: value for name, value in settings.options.items() if name not in leading}

    def time_epochs(epochs: int, some: int) -> float:
        labels = np.arange(some) % min(classes, max(2, some // folds))
        trial = replace(settings, epochs=epochs, options={**own, "batch": min(recipe.batch, some)})
        started = time.perf_counter()
        crossfit(trial, x[:some], labels, classes, device=device)
        return time.perf_counter() - started

    few = min(most, max(most // 10, _FEWEST))
    seconds = time_epochs(1, few)
    if seconds > _SLOW:  # the first may have loaded libraries, which took 4 seconds for T-Revision
        seconds = time_epochs(1, few)
    if seconds > _SLOW:
        return seconds * recipe.epochs * n / few
    one, two = time_epochs(1, most), time_epochs(2, most)
    epoch = min(max(two - one, _LEAST * one), one)
    return one - epoch + recipe.epochs * epoch * n / most
