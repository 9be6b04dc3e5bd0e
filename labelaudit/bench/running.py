"""Running a preset: every arm with every seed on the same data, what is finished kept at once and never made again."""

from __future__ import annotations

import math
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labelaudit.bench.datasets import BenchmarkDataset, Part, open_dataset
from labelaudit.bench.histograms import HISTOGRAMS
from labelaudit.bench.preset import Arm, Device, Finished, Preset, Setting
from labelaudit.bench.runs import Run, append, definition_of, read
from labelaudit.errors import OptionError
from labelaudit.machine import list_versions
from labelaudit.types import Ints, Progress, no_progress

if TYPE_CHECKING:
    from labelaudit.training.settings import Init

_APART = 1000  # between the seeds of two networks that begin with a model each
_VERSIONS = ("labelaudit", "python", "torch", "numpy")


def run_preset(
    preset: Preset,
    *,
    data: Path | None,
    runs: Path,
    seeds: Sequence[int] | None = None,
    epochs: int | None = None,
    samples: int | None = None,
    device: Device = "cpu",
    progress: Progress = no_progress,
    told: Callable[[Run, bool], None] | None = None,
) -> tuple[Run, ...]:
    """The runs of ``preset``, those in the file ``runs`` taken from there and new ones added to it as they finish.

    ``epochs`` of every arm and ``samples`` (of training, validation and test each, at most) make it a slice, which is
    marked as one. ``told`` gets each run in turn, and whether it was there already.
    Raises `OptionError` without the data that the preset needs, `DataError` for data that is not it.
    """
    setting = preset.setting
    if samples is not None and samples < 100:
        raise OptionError(f"`samples` {samples}: ten classes need 100 or more")
    dataset = open_dataset(setting.dataset, data)
    strangers = open_dataset(setting.outside, data) if setting.outside else None
    known = {run.key: run for run in read(runs)}
    found = []
    for seed in range(preset.seeds) if seeds is None else seeds:
        drawn: SeedData | None = None
        for arm in preset.arms:
            asked = _blank(preset, arm, dataset, seed, epochs, samples, device)
            done = known.get(asked.key)
            if done is None:
                drawn = drawn or draw(
                    dataset,
                    setting,
                    seed,
                    samples=samples,
                    strangers=strangers,
                    cache=runs.parent / "features",
                    progress=progress,
                )
                unfinished = runs.parent / "unfinished" / f"{asked.digest}.pt"
                done = _run(preset, arm, asked, drawn, dataset.classes, unfinished, progress)
                append(runs, done)
                unfinished.unlink(missing_ok=True)
                shutil.rmtree(unfinished.with_suffix(""), ignore_errors=True)
            found.append(done)
            if told is not None:
                told(done, asked.key in known)
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedData:
    """Training and test data of one seed."""

    x: npt.NDArray[Any]
    """(n, …) training samples."""
    given: Ints
    """(n,) their labels, noise and all."""
    true: Ints
    """(n,) their labels as they are, -1 where no class is right."""
    valid: tuple[npt.NDArray[Any], Ints] | None
    """Samples and labels, noisy or not as the setting says."""
    test: tuple[npt.NDArray[Any], Ints]
    """Samples and true labels."""


def draw(
    dataset: BenchmarkDataset,
    setting: Setting,
    seed: int,
    *,
    samples: int | None = None,
    strangers: BenchmarkDataset | None = None,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> SeedData:
    """Training, validation and test samples of one seed, noise planted on the first and perhaps the second.

    Images of ``strangers`` take the place of those whose label would be wrong, under the label they had. Features of a
    backbone are kept in the folder ``cache``.
    """
    generator = np.random.default_rng(seed)
    train_size, valid_size, test_size = _sizes(dataset, setting, samples)
    order = generator.permutation(len(dataset.train.labels))
    valid, train = order[:valid_size], order[valid_size:][:train_size]
    test = generator.permutation(len(dataset.test.labels))[:test_size]
    labels = dataset.train.labels

    def seen(part: Part, rows: Ints) -> npt.NDArray[Any]:
        if setting.backbone:
            return part.embed(rows, setting.backbone, cache, progress)
        pixels = part.take(rows, progress)
        return _flat(pixels) if setting.features else pixels

    both = seen(dataset.train, np.concatenate([train, valid]))

    def planted(own: Ints, x: npt.NDArray[Any]) -> Ints:
        told = {"x": x} if setting.sees_images else {}
        return setting.plant(own, dataset.classes, generator=generator, **told).labels

    true, check = labels[train].copy(), labels[valid]
    given = planted(true, both[:train_size])
    if setting.valid_noisy and valid_size:
        check = planted(check, both[train_size:])
    if strangers is not None:
        rows = np.flatnonzero(given != true)
        others = generator.permutation(len(strangers.train.labels))[: len(rows)]
        both[rows] = seen(strangers.train, others)
        given, true[rows] = true.copy(), -1
    return SeedData(
        x=both[:train_size],
        given=given,
        true=true,
        valid=(both[train_size:], check) if valid_size else None,
        test=(seen(dataset.test, test), dataset.test.labels[test]),
    )


def _sizes(dataset: BenchmarkDataset, setting: Setting, samples: int | None) -> tuple[int, int, int]:
    """Training, validation and test samples; validation takes at most a quarter of what there is."""
    there, most = len(dataset.train.labels), samples or len(dataset.train.labels)
    valid = min(setting.valid, most, there // 4)
    test = min(setting.test or len(dataset.test.labels), most, len(dataset.test.labels))
    return min(setting.samples, most, there - valid), valid, test


def _blank(
    preset: Preset,
    arm: Arm,
    dataset: BenchmarkDataset,
    seed: int,
    epochs: int | None,
    samples: int | None,
    device: Device,
) -> Run:
    """The run as it is asked for, before it is made."""
    full, sizes = _sizes(dataset, preset.setting, None), _sizes(dataset, preset.setting, samples)
    return Run(
        preset=preset.name,
        arm=arm.name,
        seed=seed,
        device=device,
        epochs=epochs or arm.epochs,
        samples=sizes[0],
        cut=None if sizes == full else samples,
        whole=sizes == full and sizes[0] == preset.setting.samples and epochs in (None, arm.epochs),
        definition=definition_of(preset, arm),
        data=dataset.fingerprint,
        values={},
        noise=0.0,
        seconds=0.0,
        core_seconds=0.0,
        busy=0.0,
        machine="",
        versions={},
        date="",
    )


def _run(
    preset: Preset, arm: Arm, asked: Run, drawn: SeedData, classes: int, checkpoint: Path, progress: Progress
) -> Run:
    """Train and evaluate one arm with one seed, going on from ``checkpoint`` where it was cut off."""
    from labelaudit.models.run import train

    stage = f"{asked.preset}: {arm.name}, seed {asked.seed}"
    init = _begin(preset, arm, asked, drawn, classes, checkpoint.with_suffix(""), progress)
    resumed, busy, started, worked = checkpoint.exists(), _busy(), time.perf_counter(), time.process_time()
    settings = arm.settings_for(asked.epochs, asked.seed, preset.setting.augment)
    trained = train(
        replace(settings, init=init, keep="best" if arm.chooses else "last"),
        drawn.x,
        drawn.given,
        classes,
        valid=drawn.valid,
        test=None if arm.chooses else drawn.test,
        truth=drawn.true,
        device=asked.device,
        checkpoint=checkpoint,
        progress=lambda _, done, total: progress(stage, done, total),
    )
    seconds, core_seconds = time.perf_counter() - started, time.process_time() - worked
    if resumed:  # the epochs know how long those before took; nobody knows on how many cores
        seconds, core_seconds = trained.curves[-1]["seconds"], 0.0
    wrong = drawn.given != drawn.true
    test_x, test_y = drawn.test
    over = Finished(
        trained=trained, wrong=wrong, x=drawn.x, given=drawn.given, test_x=test_x, test_y=test_y, seed=asked.seed
    )
    values = {reading.name: float(reading.read(over)) for reading in arm.readings}
    versions = list_versions()
    return replace(
        asked,
        values={name: value if math.isfinite(value) else None for name, value in values.items()},
        series={name: _series(name, over) for name in arm.series},
        noise=float(wrong.mean()),
        seconds=round(seconds, 1),
        core_seconds=round(core_seconds, 1),
        busy=busy,
        machine=_machine(asked.device),
        versions={name: versions[name] for name in _VERSIONS if name in versions},
        date=datetime.now(UTC).date().isoformat(),
    )


def _begin(
    preset: Preset, arm: Arm, asked: Run, drawn: SeedData, classes: int, place: Path, progress: Progress
) -> Init:
    """Models of the run that ``arm`` comes after, in ``place``, where a run that was cut off finds them again."""
    before = arm.after
    if before is None:
        return None
    from labelaudit.models import folder
    from labelaudit.models.run import train

    augment = preset.setting.augment
    networks = arm.settings_for(asked.epochs, asked.seed, augment).make_method().networks
    first = before.settings_for(before.epochs if asked.whole else asked.epochs, asked.seed, augment)
    first = replace(first, network=arm.network, keep="last" if drawn.valid is None else "best")
    models = []

    def report(stage: str, done: int, total: int | None) -> None:
        progress(f"{asked.preset}: {stage} for {arm.name}, seed {asked.seed}", done, total)

    for number in range(networks):
        model = place / str(number)
        models.append(model)
        if (model / folder.ABOUT).exists():
            continue
        made = train(
            replace(first, seed=asked.seed + _APART * number),
            drawn.x,
            drawn.given,
            classes,
            valid=drawn.valid,
            device=asked.device,
            checkpoint=model / folder.CHECKPOINT,
            progress=report,
        )
        folder.write(made, model, drawn.given, truth=None, about={})
    return tuple(models) if networks > 1 else models[0]


def _series(name: str, over: Finished) -> list[float | None]:
    """A column of the curves, epoch by epoch, or a curve that is read once."""
    if name in HISTOGRAMS:
        return HISTOGRAMS[name].read(over)
    return [_finite(row.get(name)) for row in over.trained.curves]


def _finite(value: float | None) -> float | None:
    return round(value, 6) if value is not None and math.isfinite(value) else None


def _flat(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """(n, H·W·c) float32 of [0, 1]."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


def _busy() -> float:
    """Load average of the last minute per core, 0 where the system has none."""
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2) if hasattr(os, "getloadavg") else 0.0


def _machine(device: Device) -> str:
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    return f"{os.cpu_count()} CPU cores, {platform.machine()}"
