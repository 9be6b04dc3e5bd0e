"""Planted noise of the papers beside that of `labelaudit.corrupt.noise`, and the setting that most of them have."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.bench.preset import Setting
from labelaudit.corrupt import noise
from labelaudit.types import Ints

_EPOCHS = 12
_FOLDS = 2


def uniform_setting(dataset: str, rate: float, samples: int, **rest: Any) -> Setting:
    """``samples`` of a dataset, each label one of the other classes with probability ``rate``; ``rest`` as `Setting`
    has it.
    """
    return Setting(
        dataset=dataset,
        samples=samples,
        plant=partial(noise.symmetric, rate=rate, exact=False),
        noise=f"{rate:.0%} uniform among the other classes",
        level=rate,
        **rest,
    )


def prediction_dependent(
    labels: Ints, classes: int, rate: float, *, generator: np.random.Generator, x: npt.NDArray[Any]
) -> noise.NoisyLabels:
    """The int(rate · n) samples that a network confuses most get the class it confuses them with.

    Chen et al. 2021, "Beyond class-conditional assumption", as `labelaudit.corrupt.noise.prediction_dependent`: the
    probabilities are those of a network cross-fitted on the true ``labels`` of ``x`` (n, …), mean over its last epochs;
    theirs are of one that was trained on the same samples, mean over all its epochs.
    """
    from labelaudit.training.crossfit import crossfit
    from labelaudit.training.settings import CrossfitSettings

    seed = int(generator.integers(2**31))
    probs = crossfit(CrossfitSettings(folds=_FOLDS, epochs=_EPOCHS, seed=seed), x, labels, classes).probs
    assert isinstance(probs, np.ndarray)
    return noise.prediction_dependent(labels, probs, rate)


def exchanged(labels: Ints, classes: int, rate: float, *, generator: np.random.Generator) -> noise.NoisyLabels:
    """Each label with probability ``rate`` becomes what a random exchange of the classes says: CRUST's asymmetric.

    >>> exchanged(np.zeros(1000, int), 3, 0.5, generator=np.random.default_rng(0)).rate
    0.473
    """
    mapping = noise.derangement(classes, generator=generator)
    return noise.asymmetric(labels, classes, rate, mapping, generator=generator, exact=False)
