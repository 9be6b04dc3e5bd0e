"""One fit on all training samples, by the loop of `labelaudit.training.crossfit`: for a model that is to be used.

It can be killed at any time: a checkpoint after every epoch, from which the same run goes on to the same bits on CPU.
The model is that of the last epoch, or of the best one on validation samples, as most papers choose it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelaudit.data.pixels import Squares
from labelaudit.errors import DataError, OptionError
from labelaudit.methods import Method
from labelaudit.models import checkpoint as saved
from labelaudit.models.curves import Curves, Row, suspicion_of
from labelaudit.models.model import WEIGHTS, Model
from labelaudit.networks import Network, begins_trained, build, default_network, read_weights, start_from
from labelaudit.regularizers import configure_all
from labelaudit.training.batches import DeviceDataset
from labelaudit.training.loop import TrainingState, check_arrays, fit, seed_of
from labelaudit.training.settings import Init, ModelSettings
from labelaudit.types import Progress, no_progress

_DISTURBED = 0.05
"""Noise on the weights of a second network that begins as the first does: measured on digits, both stay as accurate as
they were and part within an epoch."""
Labelled = tuple[npt.NDArray[Any] | Squares, npt.NDArray[Any]]
"""x (n, …) and labels (n,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedModel:
    """A model and how it came to be."""

    model: Model
    curves: tuple[Row, ...]
    """One row per epoch; see `Curves.add` for the columns. Accuracies in [0, 1], losses in nats."""
    losses: npt.NDArray[np.float32]
    """(E, n) cross-entropy of the given label after each epoch, by the model, in sample."""
    columns: Mapping[str, npt.NDArray[Any]]
    """(n,) means over the epochs since the burn-in of what the method measures, such as ``limit_residual``."""
    last: Mapping[str, npt.NDArray[Any]]
    """(n,) the same after the last epoch alone."""
    suspicion: npt.NDArray[np.float64]
    """(n,) in (0, 1), 1 = surely mislabeled, as the method defines it, but in sample."""
    probs: npt.NDArray[np.float32]
    """(n, C) of the training samples after the last epoch."""
    inputs: DeviceDataset
    """The training samples on the device, for `labelaudit.models.diagnosis.diagnose`."""
    others: Mapping[str, DeviceDataset] = field(default_factory=dict)
    """The validation and test samples beside them, by name."""
    kept: int = 0
    """The epoch that the model is of, counted from 1."""
    notes: tuple[str, ...] = ()
    """Sentences for a person about what was chosen."""

    @property
    def row(self) -> Row:
        """The row of the curves that the model is of."""
        return self.curves[self.kept - 1]

    @property
    def settings(self) -> Mapping[str, Any]:
        """JSON-able: all that shaped the run."""
        return self.model.settings


def train(
    settings: ModelSettings,
    x: npt.NDArray[Any] | Squares,
    labels: npt.NDArray[np.integer[Any]],
    classes: int | Sequence[str],
    *,
    valid: Labelled | None = None,
    test: Labelled | None = None,
    truth: npt.NDArray[np.integer[Any]] | None = None,
    compiled: bool = False,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress = no_progress,
    told: Callable[[Row], None] | None = None,
) -> FittedModel:
    """Train a network on all of x: (n, d) float features, (n, H, W, c) uint8 pixels, or `Squares`.

    ``valid`` and ``test`` are measured after each epoch; so is ``truth`` (n,), the true labels, -1 where no class is
    right. ``compiled`` uses torch.compile. ``checkpoint`` is a file, written after each epoch; where it exists the run
    goes on from it. ``told`` gets each row of the curves. Same arguments, same bits on CPU, gone on with or not.
    Raises `DataError` for unusable arrays, `OptionError` for options, `RunError` for a checkpoint of another run.

    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    >>> train(ModelSettings(), x, np.repeat([0, 1], 10), ["cat", "dog"]).model.predict(x).shape
    (20, 2)
    """
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    check_arrays(x, labels, len(names))
    chooses = settings.keep == "best" or settings.patience is not None
    if chooses and valid is None:
        what = "`keep` best" if settings.keep == "best" else "`patience`"
        raise OptionError(f"{what} chooses by validation samples: give some, such as `valid` 10%")
    chosen, init = settings.make_method(), settings.init
    published = begins_trained(settings.network, init[0] if isinstance(init, tuple) else init)
    recipe = settings.choose_recipe(len(labels), pixels=x.ndim == 4, folds=1, trained=published)
    composed = settings.compose()
    network = settings.network or default_network(x.shape[1:])
    record = {
        "method": settings.method,
        "options": chosen.settings(),
        **vars(recipe),
        "regularizers": {name: one.settings() for name, one in configure_all(composed).items()},
        "network": network,
        "shape": list(x.shape[1:]),
        "classes": list(names),
        "samples": len(labels),
        "augment": settings.augment,
        "init": [str(one) for one in init] if isinstance(init, tuple) else None if init is None else str(init),
        **({"keep": settings.keep} if settings.keep != "last" else {}),
        **({"patience": settings.patience} if settings.patience is not None else {}),
        **({"balance": settings.balance} if settings.balance else {}),
        "seed": settings.seed,
        "device": device.partition(":")[0],
        "data": fingerprint(x, labels, *(valid or ()), *(test or ()), *(() if truth is None else (truth,))),
    }
    inputs = DeviceDataset(x, labels, len(names), device=device, augment=settings.augment, balance=settings.balance)
    inputs = inputs.drawn_by(torch.Generator(device).manual_seed(seed_of(settings.seed, 0, chosen.networks)))
    others = {name: _beside(inputs, given, name) for name, given in (("valid", valid), ("test", test)) if given}
    true = None if truth is None else torch.tensor(truth, dtype=torch.int64, device=device)
    if true is not None and true.shape != inputs.y.shape:
        raise DataError(f"truth must hold {len(labels)} labels, not {tuple(true.shape)}")
    curves, notes = Curves(recipe.epochs, int(chosen.burn_in * recipe.epochs)), list[str]()

    def begin(course: TrainingState) -> None:
        progress(f"training {settings.method}", 0, recipe.epochs)
        if checkpoint is not None and checkpoint.exists():
            saved.resume(saved.read(checkpoint, record), course, curves)
            curves.resumed()
            course.over = curves.stalled(settings.patience)
        elif checkpoint is not None:
            saved.write(checkpoint, course, curves, record)

    def observe(course: TrainingState) -> None:
        row = curves.add(course, rate=recipe.rate(course.epoch - 1), truth=true, others=others)
        if chooses:
            curves.compare(row, outcome_of(chosen, networks) if settings.keep == "best" else None)
            course.over = curves.stalled(settings.patience)
        if checkpoint is not None:
            saved.write(checkpoint, course, curves, record)
        if told is not None:
            told(row)
        progress(f"training {settings.method}", course.epoch, recipe.epochs)

    place = torch.device(device)
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(seed_of(settings.seed, 0, chosen.networks + 1))  # of dropout, which knows no other generator
        networks, disturbed = _build(network, inputs, chosen, init, compiled=compiled, seed=settings.seed)
        notes += [disturbed] if disturbed else []
        trained = torch.ones(1, len(labels), dtype=torch.bool, device=device)
        fit(chosen, networks, inputs, trained, recipe=recipe, observe=observe, resume=begin, regularizers=composed)
    if len(curves.rows) < recipe.epochs:
        over, most = len(curves.rows), settings.patience
        notes.append(f"Stopped after {over} of {recipe.epochs} epochs: {most} without a better one.")
    outcome = outcome_of(chosen, networks)
    model = Model(network=outcome, classes=names, shape=x.shape[1:], scaling=inputs.scaling, settings=record)
    return _finish(model, curves, chosen, inputs, others, tuple(notes))


def _build(
    name: str,
    inputs: DeviceDataset,
    method: Method,
    init: Init,
    *,
    compiled: bool,
    seed: int,
) -> tuple[list[Network], str]:
    """The networks that ``method`` trains, on the device and with their first weights, and what is to be said of it."""
    seeds = [seed_of(seed, 0, k) for k in range(method.networks)]
    shape, pretrained = tuple(inputs.shape), init == "pretrained"
    built = [build(name, shape, inputs.classes, seed=own, pretrained=pretrained) for own in seeds]
    networks = [inputs.place(one) for one in built]
    files = init if isinstance(init, tuple) else (init,) if isinstance(init, Path) else ()
    disturbed = begin_with(files, networks, method, seed=seed) if files else ""
    for network in networks if compiled else ():
        network.compile()
    return networks, disturbed


def _finish(
    model: Model,
    curves: Curves,
    method: Method,
    inputs: DeviceDataset,
    others: Mapping[str, DeviceDataset],
    notes: tuple[str, ...],
) -> FittedModel:
    """The result of a run that is over, the model put back to its best epoch where that was kept."""
    if curves.best_weights:
        model.network.load_state_dict(curves.best_weights)
    columns = curves.columns()
    return FittedModel(
        model=model,
        curves=tuple(curves.rows),
        losses=torch.stack(curves.losses).numpy(),
        columns=columns,
        last={name: values.numpy() for name, values in curves.last.items()},
        suspicion=suspicion_of(method, columns),
        probs=(curves.best_probs if curves.best_weights else curves.probs).numpy(),
        inputs=inputs,
        others=others,
        kept=curves.best if curves.best_weights else len(curves.rows),
        notes=notes,
    )


def outcome_of(method: Method, networks: Sequence[Network]) -> Network:
    """The network that a run is for, of those that ``method`` trains."""
    views = method.views(networks)
    return views[method.outcome] if method.outcome else next(iter(views.values()))


def _beside(inputs: DeviceDataset, given: Labelled, name: str) -> DeviceDataset:
    """Other samples, scaled as the training samples are."""
    x, labels = given
    device = inputs.y.device
    if x.shape[1:] != tuple(inputs.shape) or not len(x) or (inputs.pixels and x.dtype != np.uint8):
        raise DataError(f"{name} samples are {x.shape} {x.dtype}, one training sample is {tuple(inputs.shape)}")
    if len(x) != len(labels) or labels.min() < 0 or labels.max() >= inputs.classes:
        raise DataError(f"{name} labels must be {len(x)} numbers in 0..{inputs.classes - 1}")
    return DeviceDataset(x, labels, inputs.classes, device=str(device), augment="none", scaling=inputs.scaling)


def begin_with(files: Sequence[Path], networks: Sequence[Network], method: Method, *, seed: int) -> str:
    """Weights from files, or from the MODEL folders of earlier runs, into the networks that are to begin with them.

    Of several each network has its own. Of one, published weights of the model that a body wraps go into all networks,
    whose last layers differ; a whole model would make two networks one for good, so all but the first are disturbed:
    Gaussian noise of `_DISTURBED` times each weight tensor's root mean square. Returns a sentence that says so, empty
    where there was no need. Raises `OptionError` where files and networks do not go together.
    """
    read = [read_weights(file / WEIGHTS if file.is_dir() else file) for file in files]
    whole = any(name.startswith("body.") for name in read[0])
    chosen = method.warm_started(networks) if whole else networks
    if len(files) > 1:
        _check_apart(files, read, len(chosen))
    for number, network in enumerate(chosen):
        place = number if len(files) > 1 else 0
        start_from(network, read[place], str(files[place]))
    if not whole or len(chosen) < 2 or len(files) > 1:
        return ""
    for number, network in enumerate(chosen[1:], 1):
        disturb(network, torch.Generator().manual_seed(seed_of(seed, 1, number)))
    return (
        f"All {len(chosen)} networks begin with the weights of {files[0]}; all but the first are disturbed by "
        f"{_DISTURBED:.0%} of their size, or they would never differ. Two MODELs, trained with two seeds, are better."
    )


def _check_apart(files: Sequence[Path], read: Sequence[Mapping[str, torch.Tensor]], networks: int) -> None:
    """Refuse another number of files than of networks, and files that would make two networks one."""
    if len(files) != networks:
        raise OptionError(
            f"{len(files)} weights to begin with, but this method begins {networks} network{'s' * (networks > 1)} with "
            f"some: give one{f', or {networks}' if networks > 1 else ''}"
        )
    first = read[0]
    for file, other in zip(files[1:], read[1:], strict=True):
        if first.keys() == other.keys() and all(torch.equal(first[name], other[name]) for name in first):
            raise OptionError(f"{files[0]} and {file} hold the same weights, so the networks would never differ")


@torch.no_grad()
def disturb(network: Network, generator: torch.Generator) -> None:
    """Add to every parameter Gaussian noise of `_DISTURBED` times its root mean square; buffers stay."""
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.add_(noise, alpha=_DISTURBED * float(parameter.square().mean().sqrt()))


def fingerprint(*arrays: npt.NDArray[Any] | Squares) -> str:
    """BLAKE2b-128 of arrays, shapes and types included; of squares that are not in memory, of their key."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        if isinstance(array, Squares):
            digest.update(array.key.encode())
            continue
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
