"""Forecasts the seconds of a cross-fit from trial epochs on random data."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace

import numpy as np

from labelaudit.methods import get_method
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings

_FORECAST, _FORECAST_PIXELS = 1000, 400  # samples of the trial
_EPOCHS, _SHARE = 3, 20  # epochs of it, and part of all samples of all epochs that one of them sees at most
_FEWEST, _SLOW = 20, 2.0  # samples, and seconds, of the one before it


def forecast_crossfit(
    settings: CrossfitSettings, shape: tuple[int, ...], n: int, classes: int, *, device: str = "cpu"
) -> float:
    """Seconds that `crossfit` would take for n samples of ``shape``: (d,) features or (H, W, c) pixels.

    Measured, regularisers included: three epochs on up to `_FORECAST` random samples, of which the last two tell an
    epoch from what every fit takes once, whatever its samples; before them one on a tenth that warms up, made again
    where it is slow: if it still is, that is enough.
    """
    pixels, folds = len(shape) == 3, settings.folds
    recipe = settings.choose_recipe(n, pixels=pixels, folds=folds)
    most = min(n, _FORECAST_PIXELS if pixels else _FORECAST, max(_FEWEST, n * recipe.epochs // _SHARE))
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (most, *shape), np.uint8) if pixels else rng.standard_normal((most, *shape), np.float32)
    leading = get_method(settings.method).leading
    own = {name: value for name, value in settings.options.items() if name not in leading}

    def time_epochs(epochs: int, some: int) -> tuple[float, float]:
        """Seconds of a cross-fit of so many epochs, and of one of them: folds may train side by side."""
        labels = np.arange(some) % min(classes, max(2, some // folds))
        trial = replace(settings, epochs=epochs, options={**own, "batch": min(recipe.batch, some)})
        ends: dict[int, list[float]] = defaultdict(list)

        def note(*_: object, **__: object) -> None:
            ends[threading.get_ident()].append(time.perf_counter())

        started = time.perf_counter()
        crossfit(trial, x[:some], labels, classes, device=device, progress=note)
        took = time.perf_counter() - started
        fits = [sum(times[epochs - 1 :: epochs]) - sum(times[::epochs]) for times in ends.values()]
        return took, max(fits, default=0.0) / max(epochs - 1, 1)

    few = min(most, max(most // 10, _FEWEST))
    seconds, _ = time_epochs(1, few)
    if seconds > _SLOW:  # the first may have loaded libraries, which took 4 seconds for T-Revision
        seconds, _ = time_epochs(1, few)
    if seconds > _SLOW:
        return seconds * recipe.epochs * n / few
    seconds, epoch = time_epochs(_EPOCHS, most)
    return seconds - _EPOCHS * epoch + recipe.epochs * epoch * n / most
