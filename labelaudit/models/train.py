"""Trains a model on a dataset and writes its MODEL folder, as `labelaudit train` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelaudit.data.source import Source
from labelaudit.errors import OptionError
from labelaudit.machine import find_device, list_versions
from labelaudit.models import folder
from labelaudit.models.curves import Row
from labelaudit.models.dataset import Collected, collect
from labelaudit.models.detection import auroc
from labelaudit.models.diagnosis import diagnose
from labelaudit.models.run import FittedModel, train
from labelaudit.networks import network_names, unknown_network
from labelaudit.outputs import check_apart
from labelaudit.regularizers import configure_all
from labelaudit.training.settings import ModelSettings
from labelaudit.types import Progress, no_progress


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedFolder:
    """A model in its folder."""

    trained: FittedModel
    place: Path
    files: Mapping[str, Path]
    about: Mapping[str, Any]
    """Facts that `train` cannot know: the dataset, the machine, how well wrong labels were told apart, diagnostics."""
    notes: tuple[str, ...]


def train_dataset(
    data: Source | Path,
    output: Path,
    settings: ModelSettings,
    *,
    valid: float | Path | None = None,
    test: Path | None = None,
    truth: Path | None = None,
    image_size: int | None = None,
    compiled: bool = False,
    diagnostics: bool = False,
    device: str = "auto",
    resume: bool = False,
    workers: int = 2,
    progress: Progress = no_progress,
    told: Callable[[Row, int], None] | None = None,
) -> TrainedFolder:
    """Train a model on ``data``, any dataset of images that a scan takes, and write it to the folder ``output``.

    ``told`` gets each row of the curves and the number of epochs. A run that was cut off goes on with ``resume`` and
    otherwise the same arguments. See `train` and `collect` for the rest.
    Raises `OptionError`, `DataError` or `RunError`, what can be said at once before anything is read.
    """
    settings.choose_recipe(2, pixels=True, folds=1)
    configure_all(settings.compose())
    network = settings.network
    if network is not None and ":" not in network and network not in network_names(pixels=True):
        raise unknown_network(network, pixels=True)
    source = data if isinstance(data, Source) else Source(data=data)
    check_apart(output, {"data": source.data if isinstance(source.data, str | Path) else None})
    folder.check_place(output, resume=resume)
    device = find_device(device)
    collected = collect(
        source,
        valid=valid,
        test=test,
        truth=truth,
        image_size=image_size,
        network=network,
        seed=settings.seed,
        workers=workers,
        progress=progress,
    )
    epochs = settings.choose_recipe(len(collected.samples), pixels=True, folds=1).epochs
    trained = train(
        replace(settings, epochs=epochs),
        collected.x,
        collected.samples.labels,
        collected.samples.classes,
        valid=collected.valid,
        test=collected.test,
        truth=collected.truth,
        compiled=compiled,
        device=device,
        checkpoint=output / folder.CHECKPOINT,
        progress=progress,
        told=None if told is None else lambda row: told(row, epochs),
    )
    about = {
        "source": source.settings(),
        "versions": list_versions(),
        **_findings(trained, collected, valid, diagnostics),
    }
    files = folder.write(trained, output, collected.samples.labels, truth=collected.truth, about=about)
    notes = (*collected.notes, *trained.notes)
    return TrainedFolder(trained=trained, place=output, files=files, about=about, notes=notes)


def sort_options(
    method: str, options: Mapping[str, Mapping[str, Any]], regularizers: Sequence[str]
) -> tuple[Mapping[str, Any], dict[str, Mapping[str, Any]]]:
    """The options of ``method``, and ``regularizers`` with theirs, of ``options`` by the name of either.

    One of the method's own name has its options already. Raises `OptionError` for options of something else.
    """
    known = {method, *regularizers}
    for name in options:
        if name not in known:
            trained = ", ".join(sorted(known))
            raise OptionError(f"`set` {name}.…: this run trains {trained}; name {name} with `method` or `regularizer`")
    return options.get(method, {}), {name: {} if name == method else options.get(name, {}) for name in regularizers}


def _findings(
    trained: FittedModel, collected: Collected, valid: float | Path | None, diagnostics: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    noise = None
    if collected.truth is not None:
        wrong = collected.truth != collected.samples.labels
        noise = float(wrong.mean())
        found["noise"] = noise
        found["detection"] = {
            "suspicion": auroc(trained.suspicion, wrong),
            "mean": {name: auroc(values, wrong) for name, values in trained.columns.items()},
            "last": {name: auroc(values, wrong) for name, values in trained.last.items()},
        }
    if diagnostics:
        held_out = trained.row["valid_accuracy"] if isinstance(valid, float) else None
        found["diagnostics"] = diagnose(
            trained.model.network,
            trained.inputs,
            others=trained.others,
            noise=noise,
            held_out=held_out,
            hessian=True,
            seed=trained.settings["seed"],
        )
    return found
