"""The one training loop and cross-fitting: every sample is judged by a model that did not train on it.

The loop reads as plainly as it does because the data sits on the device as one tensor, batches are drawn by index
(`labelaudit.batches`), the folds of a cross-fit on features are an axis of every tensor, and a method says the rest
through its hooks (`labelaudit.methods`). Left out: files of any kind (`labelaudit.fitting` keeps checkpoints), and
early stopping: what a sample looks like early and late is evidence, so every epoch is recorded.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.batches import Augment, Inputs, steps_of
from labelaudit.errors import DataError, OptionError
from labelaudit.folds import stratified_folds
from labelaudit.methods import Fit, Method, Recipe, configure, get_method
from labelaudit.networks import (
    Network,
    begins_trained,
    build,
    default_network,
    is_published,
    read_weights,
    start_from,
)
from labelaudit.record import Record
from labelaudit.regularizers import Composition, configure_all
from labelaudit.types import Evidence, Progress, silent

Init = Path | Literal["pretrained"] | None
"""A file of weights to begin with, the published ones of a network of timm or torchvision, or none."""
_STACKED = 50_000_000  # logits F·n·C up to which folds train side by side as one batched network
_FORECAST, _FORECAST_PIXELS = 1000, 400  # samples of the trial epoch
_FEWEST, _SLOW = 20, 2.0  # samples, and seconds, of the one before it
_LEAST_STEPS = 200  # of a fit: what the methods need to tell samples apart (measured on 150 to 1,400 digits)


def crossfit(
    method: str,
    x: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]],
    classes: int,
    *,
    options: Mapping[str, Any] | None = None,
    network: str | None = None,
    init: Init = None,
    folds: int = 5,
    digests: Sequence[str] | None = None,
    epochs: int | None = None,
    augment: Augment = "none",
    regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Evidence:
    """Train ``method`` on K-1 of K stratified folds, K times, and judge every sample by the fit that left it out.

    ``x`` is (n, d) float features or (n, H, W, c) uint8 pixels, ``labels`` (n,) in [0, classes). ``network`` is a name
    from `labelaudit.networks`, by default chosen by the shape; samples of equal ``digests`` share a fold; ``epochs``
    overrides the method's own; ``regularizers`` are names, or name -> option -> value; ``init`` is what every fold
    begins with. `Evidence` holds the held-out probabilities (mean over the last third of the epochs),
    losses and margins per epoch, and the method's columns: ``name`` over the fits that trained on a sample,
    ``name_heldout`` from the one that did not. `plan` says how it is optimised. Same arguments, same bits on CPU.
    Raises `DataError` for unusable arrays, `OptionError` for options.

    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    >>> crossfit("ce", x, np.repeat([0, 1], 10), 2).probs.shape
    (20, 2)
    """
    check_arrays(x, labels, classes)
    pixels = x.ndim == 4
    recipe = plan(
        method,
        len(labels),
        pixels=pixels,
        folds=folds,
        options=options,
        epochs=epochs,
        trained=begins_trained(network, init),
    )
    network = network or default_network(x.shape[1:])
    make = builder(network, x.shape[1:], classes, init)
    fold_of = stratified_folds(labels, folds, seed=seed, digests=digests)
    folds = int(fold_of.max()) + 1
    cuda = device.startswith("cuda")
    together = 1 if pixels or folds * len(labels) * classes > _STACKED else folds if cuda else -(-folds // 2)
    groups = [range(first, min(first + together, folds)) for first in range(0, folds, together)]
    inputs = Inputs(x, labels, classes, device=device, augment=augment)
    composed = compose(configure(get_method(method), options or {}), regularizers)
    added = {name: regularizer.settings() for name, regularizer in configure_all(composed).items()}
    done, stop = itertools.count(1), threading.Event()

    def train(number: int) -> tuple[Method, Record]:
        """Fit the folds of one group."""
        chosen, group = configure(get_method(method), options or {}), groups[number]
        trained = torch.stack([torch.from_numpy(fold_of != fold) for fold in group]).to(device)
        seeds = [seed_of(seed, number, k) for k in range(chosen.networks)]
        networks = [inputs.place(make(len(group), own)) for own in seeds]
        record = Record(len(labels), classes, recipe.epochs, int(chosen.burn_in * recipe.epochs))

        def observe(course: Course) -> None:
            if stop.is_set():
                raise InterruptedError
            epoch, logits = course.epoch - 1, course.predict()
            measured = chosen.measure(epoch, logits) if epoch >= record.burn_in else {}
            record.add(epoch, logits, inputs.y, trained, measured)
            progress(f"training {method}", next(done), len(groups) * recipe.epochs)

        own = inputs.drawn_by(torch.Generator(device).manual_seed(seed_of(seed, number, chosen.networks)))
        fit(chosen, networks, own, trained, recipe=recipe, observe=observe, regularizers=composed)
        return chosen, record

    alone = cuda or is_published(network)  # theirs may have dropout, which knows no generator but torch's own
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, len(groups), 0))
        fits = _in_parallel(train, len(groups), stop, workers=1 if alone else torch.get_num_threads())
    record = fits[0][1]
    for _, other in fits[1:]:
        record.merge(other)
    settings = {"network": network, "folds": folds, "seed": seed, "augment": augment, **vars(recipe)}
    settings |= {"regularizers": added} if added else {}
    settings |= {"init": str(init)} if init is not None else {}
    return record.evidence(method, fits[0][0], labels, settings)


def builder(network: str, shape: Sequence[int], classes: int, init: Init = None) -> Callable[[int, int], Network]:
    """(copies, seed) -> `build` of ``network``, with the weights of ``init`` in every copy.

    Raises `RunError` for weights that cannot be read or are of another network, and `OptionError` for those of a model
    that labelaudit trained: it may know the labels that it is to judge.
    """
    weights = read_weights(init) if isinstance(init, Path) and not init.is_dir() else {}
    if isinstance(init, Path) and (init.is_dir() or any(name.startswith("body.") for name in weights)):
        raise OptionError(
            f"--init {init}: a model that labelaudit trained may know the labels it is to judge: give published weights"
        )

    def make(copies: int, seed: int) -> Network:
        made = build(network, shape, classes, copies=copies, seed=seed, pretrained=init == "pretrained")
        if weights:
            start_from(made, weights, str(init))
        return made

    return make


def plan(
    method: str,
    n: int,
    *,
    pixels: bool,
    folds: int,
    options: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    trained: bool = False,
) -> Recipe:
    """How ``method`` is optimised on n samples: smaller batches and up to 3 times the epochs where there are few.

    One fold: all samples train, as for a model that is to be used. A network that is ``trained`` already, by others,
    moves at a quarter of the learning rate.
    """
    prototype = configure(get_method(method), options or {})
    recipe = prototype.recipe("pixels" if pixels else "features")
    if prototype.lr is None and trained:
        recipe = replace(recipe, lr=recipe.lr / 4)
    if prototype.batch is None:
        recipe = replace(recipe, batch=min(recipe.batch, max(16, n // 40)))
    if prototype.epochs is None:
        steps = steps_of(n * (folds - 1) // folds if folds > 1 else n, recipe.batch)
        recipe = replace(recipe, epochs=max(recipe.epochs, min(3 * recipe.epochs, _LEAST_STEPS // steps)))
    recipe = recipe if epochs is None else replace(recipe, epochs=epochs)
    prototype.check_epochs(recipe.epochs)
    return recipe


def forecast(
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
    device: str = "cpu",
) -> float:
    """Seconds that `crossfit` would take for n samples of ``shape``: (d,) features or (H, W, c) pixels.

    Measured, regularisers included: one epoch on up to `_FORECAST` random samples, after one on a tenth of them that
    warms up, and that is enough where it is slow already.
    """
    pixels = len(shape) == 3
    recipe = plan(method, n, pixels=pixels, folds=folds, options=options, epochs=epochs)
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
            device=device,
        )
        seconds = time.perf_counter() - started
        if seconds > _SLOW:
            break
    return seconds * recipe.epochs * n / some


class Course:
    """A fit under way: all that changes while it runs, which is what a checkpoint has to hold."""

    def __init__(
        self, method: Method, networks: Sequence[Network], optimizer: torch.optim.Optimizer, inputs: Inputs
    ) -> None:
        self.method, self.networks, self.optimizer, self.inputs = method, networks, optimizer, inputs
        self.epoch = 0
        """Epochs behind it."""
        self.weights: Tensor | None = None
        """What `Method.choose` said last."""
        self._outlook: Tensor | None = None

    def predict(self) -> Tensor:
        """Logits (V, F, n, C) of all samples in evaluation mode, computed once per epoch."""
        if self._outlook is None:
            self._outlook = self.inputs.predict(self.method, self.networks)
        return self._outlook

    def advance(self) -> None:
        """An epoch is over."""
        self.epoch += 1
        self._outlook = None


def fit(
    method: Method,
    networks: Sequence[Network],
    inputs: Inputs,
    trained: Tensor,
    *,
    recipe: Recipe,
    observe: Callable[[Course], None],
    resume: Callable[[Course], None] | None = None,
    regularizers: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Train ``networks`` by ``method``, under ``regularizers``, on the samples of ``trained`` (F, n).

    ``observe`` is called after each epoch; ``resume`` before the first, when everything is set up: it may put the
    course where an earlier one was.
    """
    composition = Composition(tuple(configure_all(regularizers or {}).values()), networks, inputs.generator)
    steps = recipe.epochs * steps_of(int(trained.sum(1).max()), recipe.batch)
    parameters = [parameter for network in networks for parameter in network.parameters()]
    optimizer = _optimizer(parameters, recipe)
    method.begin(
        Fit(
            labels=inputs.y,
            classes=inputs.classes,
            trained=trained,
            networks=networks,
            epochs=recipe.epochs,
            steps=steps,
            generator=inputs.generator,
        )
    )
    course = Course(method, networks, optimizer, inputs)
    if resume is not None:
        resume(course)
    for epoch in range(course.epoch, recipe.epochs):
        course.weights = method.choose(epoch, course.predict)
        composition.begin_epoch(epoch)
        for network in networks:
            network.train()
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(epoch)
        with inputs.tuned():
            for batch in inputs.batches(trained, course.weights, recipe.batch):
                with inputs.precision():
                    loss = composition.step(method, networks, batch)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                method.stepped(networks)
        course.advance()
        observe(course)


def compose(
    method: Method, regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """The method's own regularisers first; one that is also asked for gets the options of both."""
    asked = regularizers if isinstance(regularizers, Mapping) else {name: {} for name in regularizers}
    own = method.regularizers()
    return {**own, **{name: {**own.get(name, {}), **options} for name, options in asked.items()}}


def _in_parallel(
    train: Callable[[int], tuple[Method, Record]], groups: int, stop: threading.Event, *, workers: int
) -> list[tuple[Method, Record]]:
    """``train(number)`` of every group, in order, on up to ``workers`` threads that share torch's cores between them.

    Small convolutions leave a second core mostly waiting, and on a busy machine both; whole fits do not. The first
    error stops the others at the end of their epoch.
    """
    threads, workers = torch.get_num_threads(), min(workers, groups)
    if workers <= 1:
        return [train(number) for number in range(groups)]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,)) as pool:
            futures: list[Future[tuple[Method, Record]]] = [pool.submit(train, number) for number in range(groups)]
            try:
                return [future.result() for future in futures]
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        torch.set_num_threads(threads)


def _optimizer(parameters: Sequence[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    fused = parameters[0].device.type in ("cpu", "cuda")
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay, fused=fused)
    kind = torch.optim.Adam if recipe.weight_decay_form == "l2" else torch.optim.AdamW
    return kind(parameters, recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


def seed_of(seed: int, group: int, part: int) -> int:
    """A 63-bit seed of its own for every network and random stream of a run."""
    return int(np.random.SeedSequence([seed, group, part]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def check_arrays(x: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int) -> None:
    if x.ndim not in (2, 4) or len(x) != len(labels):
        raise DataError(f"expected (n, d) features or (n, H, W, c) pixels for {len(labels)} labels, not {x.shape}")
    if x.ndim == 4 and x.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 in 0..255, not {x.dtype}")
    if x.ndim == 2 and not np.isfinite(x).all():
        raise DataError("features contain NaN or infinity: remove or replace these rows")
    if len(labels) < 2 or classes < 2:
        raise DataError(f"training needs at least 2 samples and 2 classes, not {len(labels)} and {classes}")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels must lie in 0..{classes - 1}, not {labels.min()}..{labels.max()}")
