"""The trainings that a scan makes: which methods, on what, with which effort."""

from __future__ import annotations

from dataclasses import replace

from labelaudit.judge import probes
from labelaudit.judge.judge import CLOSED_FORMS
from labelaudit.machine import multiplies_bfloat16
from labelaudit.scanning.settings import Around, ScanSettings
from labelaudit.training.settings import CrossfitSettings

HEAD_WIDTH = 384
"""Principal components that heads are trained on, all blocks together. With twice as many and five folds average
precision is lower on small sets (LIMIT on 1,000 scenes .82 for .84), that of the answer on 5,000 images of CIFAR-10N is
.004 higher where 9 % are wrong, .003 lower where 40 % are, and training takes half as long again."""
HEAD_FOLDS = 4
"""Folds of a cross-fit of heads: five take a quarter more work and rank no better."""
PIXEL_FOLDS = 3
"""Networks from pixels cost a hundred times what heads on features do; two thirds of the data still train well."""
PIXEL_SAMPLES = 60_000
"""Images that a network from pixels sees in training, repeats counted: larger datasets get fewer epochs, at least 5."""
REFERENCES = ("cross_entropy", "neighbors")
"""Columns that methods are compared with; the noise model hears them, the pool has ridge regression in their place."""


def list_trainings(settings: ScanSettings) -> dict[str, CrossfitSettings]:
    """Name of the evidence -> every fit of a scan: those of the methods, then the reference, which goes with them.

    >>> list(list_trainings(ScanSettings(methods=("limit",)))), list(list_trainings(ScanSettings(methods=("ce",))))
    (['limit', 'cross_entropy'], ['ce'])
    >>> list_trainings(ScanSettings(effort="quick"))
    {}
    """
    jobs: dict[str, tuple[str, Around]] = {name: (name, settings.regularizers) for name in settings.trained}
    if jobs and ("ce" not in jobs or settings.regularizers):
        jobs["cross_entropy"] = ("ce", {})
    return {
        key: CrossfitSettings(
            method=name,
            options=settings.options.get(name, {}),
            regularizers=around,
            network=settings.network,
            init=settings.init,
            seed=settings.seed,
        )
        for key, (name, around) in jobs.items()
    }


def count_heard(settings: ScanSettings, *, features: bool, given: bool, large: bool) -> int:
    """The number of opinions that the noise model hears at most: by closed forms, the discriminant, neighbours,
    methods, which ``large`` sets have none of, and what was ``given``."""
    trained = 0 if large else len(list_trainings(settings))
    return (len(CLOSED_FORMS) + 2 + trained if features else 0) + given


def head_width(blocks: int) -> int:
    """Principal components of each feature block that the methods' heads are trained on."""
    return min(probes.WIDTH, HEAD_WIDTH // blocks)


def rounds_products(settings: ScanSettings, *, pixels: bool) -> bool | None:
    """Whether methods multiply in bfloat16, as `training.crossfit` takes it: never where float32 is asked for, and
    heads do where the CPU has an instruction for it.

    They take three quarters of the time, and average precision is the same to .001 (benchmarks/RESULTS.md).
    """
    if settings.precision == "float32":
        return False
    return True if not pixels and multiplies_bfloat16() else None


def plan_training(fit: CrossfitSettings, n: int, settings: ScanSettings, *, pixels: bool) -> CrossfitSettings:
    """One of `list_trainings` as it is made on n samples: folds, epochs and augmentation by what it learns from."""
    from labelaudit.methods import get_method

    rounded = rounds_products(settings, pixels=pixels)
    if not pixels:
        return replace(fit, folds=HEAD_FOLDS, rounded=rounded)
    affordable = max(5, PIXEL_SAMPLES * PIXEL_FOLDS // ((PIXEL_FOLDS - 1) * n))
    usual = get_method(fit.method).recipes["pixels"].epochs
    epochs = None if "epochs" in fit.options else min(usual, affordable)
    return replace(fit, epochs=epochs, augment="shift", folds=PIXEL_FOLDS, rounded=rounded)
