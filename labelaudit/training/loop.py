"""The training loop: the state of a running fit, and its epochs and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from labelaudit.data.pixels import Squares
from labelaudit.errors import DataError
from labelaudit.methods import FitContext, Method, Recipe
from labelaudit.networks import Network
from labelaudit.regularizers import RegularizedStep, configure_all
from labelaudit.training.batches import DeviceDataset, steps_of
from labelaudit.training.optimizer import Optimizer


class TrainingState:
    """A fit under way: all that changes while it runs, which is what a checkpoint has to hold."""

    def __init__(
        self, method: Method, networks: Sequence[Network], optimizer: Optimizer, inputs: DeviceDataset
    ) -> None:
        self.method, self.networks, self.optimizer, self.inputs = method, networks, optimizer, inputs
        self.epoch = 0
        """Epochs behind it."""
        self.weights: Tensor | None = None
        """The latest sample weights, from `Method.sample_weights`."""
        self.over = False
        """Whether it ends before its last epoch; set by who observes it."""
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
    inputs: DeviceDataset,
    trained: Tensor,
    *,
    recipe: Recipe,
    observe: Callable[[TrainingState], None],
    resume: Callable[[TrainingState], None] | None = None,
    regularizers: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Train ``networks`` by ``method``, under ``regularizers``, on the samples of ``trained`` (F, n).

    ``observe`` is called after each epoch; ``resume`` before the first, when everything is set up: it may put the
    course where an earlier one was.
    """
    composition = RegularizedStep(tuple(configure_all(regularizers or {}).values()), networks, inputs.generator)
    steps = recipe.epochs * steps_of(int(trained.sum(1).max()), recipe.batch)
    parameters = [parameter for network in networks for parameter in network.parameters()]
    optimizer = Optimizer(recipe, parameters)
    method.begin(
        FitContext(
            labels=inputs.y,
            classes=inputs.classes,
            trained=trained,
            networks=networks,
            epochs=recipe.epochs,
            steps=steps,
            generator=inputs.generator,
        )
    )
    course = TrainingState(method, networks, optimizer, inputs)
    if resume is not None:
        resume(course)
    for epoch in range(course.epoch, recipe.epochs):
        if course.over:
            break
        course.weights = method.sample_weights(epoch, course.predict)
        composition.begin_epoch(epoch)
        for network in networks:
            network.train()
        with inputs.tuned():
            for batch in inputs.batches(trained, course.weights, recipe.batch):
                with inputs.precision():
                    loss = composition.step(method, networks, batch)
                for parameter in parameters:
                    parameter.grad = None
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step(parameters, recipe.rate(epoch))
                method.after_step(networks)
        course.advance()
        observe(course)


def seed_of(seed: int, group: int, part: int) -> int:
    """A 63-bit seed of its own for every network and random stream of a run."""
    return int(np.random.SeedSequence([seed, group, part]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def check_arrays(x: npt.NDArray[Any] | Squares, labels: npt.NDArray[Any], classes: int) -> None:
    if x.ndim not in (2, 4) or len(x) != len(labels):
        raise DataError(f"expected (n, d) features or (n, H, W, c) pixels for {len(labels)} labels, not {x.shape}")
    if x.ndim == 4 and x.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 in 0..255, not {x.dtype}")
    if isinstance(x, np.ndarray) and x.ndim == 2 and not np.isfinite(x).all():
        raise DataError("features contain NaN or infinity: remove or replace these rows")
    if len(labels) < 2 or classes < 2:
        raise DataError(f"training needs at least 2 samples and 2 classes, not {len(labels)} and {classes}")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels must lie in 0..{classes - 1}, not {labels.min()}..{labels.max()}")
