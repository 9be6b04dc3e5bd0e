"""One fit on all training samples, by the loop of `labelaudit.training.crossfit`: for a model that is to be used.

It can be killed at any time: a checkpoint after every epoch, from which the same run goes on to the same bits on CPU.
Left out: choosing an epoch by validation accuracy; the curves show it, the model is that of the last epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from labelaudit.errors import DataError, RunError
from labelaudit.methods import Method, configure, get_method
from labelaudit.models import checkpoint as saved
from labelaudit.models.curves import Curves, Row, suspicion_of
from labelaudit.models.model import WEIGHTS, Model
from labelaudit.networks import Network, begins_trained, build, default_network, read_weights, start_from
from labelaudit.regularizers import configure_all
from labelaudit.training.batches import Augment, Inputs
from labelaudit.training.loop import Course, check_arrays, compose, fit, plan, seed_of
from labelaudit.types import Progress, silent

Labelled = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""x (n, …) and labels (n,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
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
    inputs: Inputs
    """The training samples on the device, for `labelaudit.models.diagnosis.diagnose`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """JSON-able: all that shaped the run."""
        return self.model.settings


def train(
    x: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]],
    classes: int | Sequence[str],
    *,
    method: str = "ce",
    options: Mapping[str, Any] | None = None,
    regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    network: str | None = None,
    epochs: int | None = None,
    valid: Labelled | None = None,
    test: Labelled | None = None,
    truth: npt.NDArray[np.integer[Any]] | None = None,
    augment: Augment = "none",
    init: Path | Literal["pretrained"] | None = None,
    compiled: bool = False,
    seed: int = 0,
    device: str = "cpu",
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
    told: Callable[[Row], None] | None = None,
) -> Trained:
    """Train ``network`` by ``method`` on all of x: (n, d) float features or (n, H, W, c) uint8 pixels.

    ``options`` of the method include ``batch``, ``lr``, ``optimizer``, ``weight_decay`` and ``schedule``. ``valid`` and
    ``test`` are measured after each epoch and change nothing; so does ``truth`` (n,), the true labels, -1 where no
    class is right. ``init`` starts from a file of weights, an earlier MODEL folder, or the published weights of a
    network of timm or torchvision; ``compiled`` uses torch.compile. ``checkpoint`` is a file, written after each epoch;
    with ``resume`` the run goes on from it, where it exists. ``told`` gets each row of the curves. Same arguments, same
    bits on CPU, resumed or not.
    Raises `DataError` for unusable arrays, `OptionError` for options, `RunError` for a checkpoint of another run.

    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    >>> train(x, np.repeat([0, 1], 10), ["cat", "dog"]).model.predict(x).shape
    (20, 2)
    """
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    check_arrays(x, labels, len(names))
    chosen = configure(get_method(method), options or {})
    recipe = plan(
        method,
        len(labels),
        pixels=x.ndim == 4,
        folds=1,
        options=options,
        epochs=epochs,
        trained=begins_trained(network, init),
    )
    composed = compose(chosen, regularizers)
    network = network or default_network(x.shape[1:])
    settings = {
        "method": method,
        "options": chosen.settings(),
        **vars(recipe),
        "regularizers": {name: one.settings() for name, one in configure_all(composed).items()},
        "network": network,
        "shape": list(x.shape[1:]),
        "classes": list(names),
        "samples": len(labels),
        "augment": augment,
        "init": None if init is None else str(init),
        "seed": seed,
        "device": device.partition(":")[0],
        "data": fingerprint(x, labels, *(valid or ()), *(test or ()), *(() if truth is None else (truth,))),
    }
    inputs = Inputs(x, labels, len(names), device=device, augment=augment)
    inputs = inputs.drawn_by(torch.Generator(device).manual_seed(seed_of(seed, 0, chosen.networks)))
    others = {name: _beside(inputs, given, name) for name, given in (("valid", valid), ("test", test)) if given}
    true = None if truth is None else torch.tensor(truth, dtype=torch.int64, device=device)
    if true is not None and true.shape != inputs.y.shape:
        raise DataError(f"truth must hold {len(labels)} labels, not {tuple(true.shape)}")
    curves = Curves(recipe.epochs, int(chosen.burn_in * recipe.epochs))

    def begin(course: Course) -> None:
        if checkpoint is not None and resume and checkpoint.exists():
            saved.resume(saved.read(checkpoint, settings), course, curves)
            curves.resumed()
        elif checkpoint is not None:
            saved.write(checkpoint, course, curves, settings)

    def observe(course: Course) -> None:
        row = curves.add(course, rate=recipe.rate(course.epoch - 1), truth=true, others=others)
        if checkpoint is not None:
            saved.write(checkpoint, course, curves, settings)
        if told is not None:
            told(row)
        progress(f"training {method}", course.epoch, recipe.epochs)

    if checkpoint is not None and checkpoint.exists() and not resume:
        raise RunError(f"{checkpoint} holds an unfinished run: go on with it (--resume), or choose another folder")
    place = torch.device(device)
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(seed_of(seed, 0, chosen.networks + 1))  # of dropout, which knows no other generator
        seeds = [seed_of(seed, 0, k) for k in range(chosen.networks)]
        built = [build(network, x.shape[1:], len(names), seed=own, pretrained=init == "pretrained") for own in seeds]
        networks = [inputs.place(one) for one in built]
        if isinstance(init, Path):
            begin_with(init, networks, chosen)
        for one in networks if compiled else ():
            one.compile()
        trained = torch.ones(1, len(labels), dtype=torch.bool, device=device)
        fit(chosen, networks, inputs, trained, recipe=recipe, observe=observe, resume=begin, regularizers=composed)
    views = chosen.views(networks)
    outcome = views[chosen.outcome] if chosen.outcome else next(iter(views.values()))
    columns = curves.columns()
    return Trained(
        model=Model(network=outcome, classes=names, shape=x.shape[1:], scaling=inputs.scaling, settings=settings),
        curves=tuple(curves.rows),
        losses=torch.stack(curves.losses).numpy(),
        columns=columns,
        last={name: values.numpy() for name, values in curves.last.items()},
        suspicion=suspicion_of(chosen, columns, labels),
        probs=curves.probs.numpy(),
        inputs=inputs,
    )


def _beside(inputs: Inputs, given: Labelled, name: str) -> Inputs:
    """Other samples, scaled as the training samples are."""
    x, labels = given
    device = inputs.y.device
    if x.shape[1:] != tuple(inputs.shape) or not len(x) or (inputs.pixels and x.dtype != np.uint8):
        raise DataError(f"{name} samples are {x.shape} {x.dtype}, one training sample is {tuple(inputs.shape)}")
    if len(x) != len(labels) or labels.min() < 0 or labels.max() >= inputs.classes:
        raise DataError(f"{name} labels must be {len(x)} numbers in 0..{inputs.classes - 1}")
    return Inputs(x, labels, inputs.classes, device=str(device), augment="none", scaling=inputs.scaling)


def begin_with(init: Path, networks: Sequence[Network], method: Method) -> None:
    """Weights from a file, or from the MODEL folder of an earlier run, into the networks that are to begin with them.

    Published weights, of the model that a body wraps, go into all networks.
    """
    file = init / WEIGHTS if init.is_dir() else init
    weights = read_weights(file)
    whole = any(name.startswith("body.") for name in weights)
    for network in method.started(networks) if whole else networks:
        start_from(network, weights, str(file))


def fingerprint(*arrays: npt.NDArray[Any]) -> str:
    """BLAKE2b-128 of arrays, shapes and types included."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
