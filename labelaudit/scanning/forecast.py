"""Forecasts the cost of a scan on this machine, measured on a few samples before the long work.

Left out: what goes before and after training, which takes seconds where training takes minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from labelaudit import features
from labelaudit.machine import Machine
from labelaudit.scanning.choice import TrainingInput
from labelaudit.scanning.effort import BACKBONES, FOLDS, backbones_of
from labelaudit.scanning.pool import TUNED, TUNED_SIDE, TUNING, head_width, training_effort
from labelaudit.scanning.settings import Around, ScanSettings
from labelaudit.text import rough_duration
from labelaudit.types import Samples

_WORTH_TIMING = 3000  # images from which training on features is forecast
_WORTH_TIMING_PIXELS = 100_000  # pixels of all images together, likewise
_WORTH_SAYING = 5  # seconds below which nothing is said
_FEATURE_BYTES = 1280 * 4  # of one image and backbone


def forecast_scan(
    samples: Samples,
    specs: Sequence[str],
    choice: TrainingInput,
    settings: ScanSettings,
    machine: Machine,
    *,
    tunes: bool,
) -> str:
    """Minutes and megabytes in a sentence or two; empty for what takes a moment.

    With ``tunes`` a backbone is fine-tuned as well. For the efforts that were not asked for it says what embedding
    with their backbones would take.
    """
    from labelaudit.training.forecast import forecast_crossfit

    assert samples.images is not None
    n, classes = len(samples), len(samples.classes)
    methods, regularizers, device = settings.methods, settings.regularizers, machine.device
    embedding = features.forecast_embedding(
        samples.images, samples.digests, backbones=specs, device=device, workers=machine.workers, cache=machine.cache
    )
    learning = 0.0
    large = n * choice.side**2 >= _WORTH_TIMING_PIXELS if choice.pixels else n >= _WORTH_TIMING
    if settings.network is not None or large:
        shape = (choice.side, choice.side, 3) if choice.pixels else (head_width(len(specs)) * len(specs),)
        fits: list[tuple[str, Around]] = [(name, regularizers) for name in dict.fromkeys(methods)]
        fits += [("ce", {})] if regularizers or "ce" not in methods else []  # the reference, which stays as it is
        for name, around in fits:
            own = settings.options.get(name, {})
            learning += forecast_crossfit(
                name,
                shape,
                n,
                classes,
                options=own,
                network=settings.network,
                regularizers=around,
                device=device,
                **training_effort(name, n, FOLDS[settings.effort], pixels=choice.pixels, options=own),
            )
    tuning = 0.0
    if tunes:
        shape = (TUNED_SIDE, TUNED_SIDE, 3)
        tuning = forecast_crossfit(shape=shape, n=n, classes=classes, device=device, **TUNING)
    if embedding + learning + tuning < _WORTH_SAYING:
        return ""
    parts = [
        f"about {rough_duration(seconds)} to {what}"
        for seconds, what in (
            (embedding, f"embed {n:,} images with {', '.join(specs)}"),
            (learning, f"train {', '.join(methods) or 'the reference'} on {'pixels' if choice.pixels else 'features'}"),
            (tuning, f"fine-tune {TUNED}"),
        )
        if seconds >= 1
    ]
    side = choice.side if choice.pixels else TUNED_SIDE if tunes else 0
    megabytes = n * (len(specs) * _FEATURE_BYTES + side**2 * 3) / 1e6
    said = f"Here this takes {', then '.join(parts)}; {megabytes:.0f} MB hold what is trained on."
    others: dict[str, Sequence[str]] = {
        other: names
        for other in BACKBONES
        if (names := backbones_of(other, choice, settings, images=n, device=device)) != specs
    }
    if embedding >= 1 and others:
        instead = features.forecast_others(
            samples.images, samples.digests, seconds=embedding, backbones=specs, others=others, cache=machine.cache
        )
        efforts = ", ".join(f"--effort {name}: about {rough_duration(s)}" for name, s in instead.items())
        said += f" To embed for {efforts}."
    return said
