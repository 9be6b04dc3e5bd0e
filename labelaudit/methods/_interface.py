"""The interface of a robust training method: a few hooks around one training loop (`labelaudit.training.crossfit`).

Shapes: F folds (or 1) train side by side as an axis of every tensor; K networks of one method are stacked in front.
A method that writes its mathematics over the last axis (classes) never notices either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.errors import OptionError
from labelaudit.methods._options import Between
from labelaudit.networks import Network

Predict = Callable[[], Tensor]
"""Logits (V, F, n, C) of every sample in evaluation mode, computed once per epoch, on the first call."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's samples, on the device."""

    x: Tensor
    """(F, B, d) features or (F, B, c, H, W) normalised pixels."""
    y: Tensor
    """(F, B) given labels."""
    index: Tensor
    """(F, B) row of each sample in the dataset."""
    weight: Tensor
    """(F, B) from `Method.sample_weights`, mean 1 over the chosen samples of a fold."""
    take: Callable[[Tensor], Tensor]
    """Inputs of other rows: (F, B) to the shape of `x`."""


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """The constants of one fit: labels, classes, training samples per fold, networks, epochs, steps, generator."""

    labels: Tensor
    """(n,) given labels."""
    classes: int
    trained: Tensor
    """(F, n) bool: whom each fold trains on."""
    networks: Sequence[Network]
    """K networks of F copies each."""
    epochs: int
    steps: int
    """Optimiser steps in all, when no sample is left out."""
    generator: torch.Generator
    """The only source of randomness a method may use; it lives on the device."""


class Shown(NamedTuple):
    """A column of a method that people see beside each sample: in samples.csv, in audit.json and on the report."""

    values: npt.NDArray[Any]
    """(n,)."""
    worse: Literal["high", "low"]
    """The suspicious end, as it was measured."""
    says: str
    """One sentence: what it is, its direction, and what was measured about it."""


@dataclass(frozen=True)
class Recipe:
    """Optimiser settings of a method unless an option says otherwise."""

    epochs: int
    batch: int
    lr: float
    optimizer: Literal["adam", "sgd"] = "adam"
    weight_decay: float = 0.0
    weight_decay_form: Literal["auto", "decoupled", "l2"] = "auto"
    """``l2``: a term of the loss, whose gradient adam scales as any other; ``decoupled``: weights shrink by rate times
    decay in each step; ``auto``: decoupled for adam, l2 for sgd, which has no other."""
    schedule: str = "constant"
    """``constant``, ``cosine`` (to zero), or epochs such as ``80,100``, after each of which the rate is a tenth."""

    def __post_init__(self) -> None:
        self.rate(0)
        if self.optimizer == "sgd" and self.weight_decay_form == "decoupled":
            raise OptionError("weight_decay_form=decoupled is for adam: sgd's weight decay is l2, leave the form away")

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0; raises `OptionError` for a schedule that is none.

        >>> [round(Recipe(epochs=4, batch=1, lr=1.0, schedule="1,3").rate(epoch), 4) for epoch in range(4)]
        [1.0, 0.1, 0.1, 0.01]
        """
        if self.schedule == "constant":
            return self.lr
        if self.schedule == "cosine":
            return self.lr * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
        try:
            ends = [int(end) for end in self.schedule.split(",")]
            if min(ends) < 1:
                raise ValueError
        except ValueError:
            raise OptionError(
                f"schedule '{self.schedule}': give constant, cosine, or epochs after which the rate is a tenth: 80,100"
            ) from None
        return self.lr * 0.1 ** sum(epoch >= end for end in ends)


@dataclass(kw_only=True)
class Method:
    """The hooks, with defaults that make plain cross-entropy. Fields of a subclass are its options."""

    networks: ClassVar[int] = 1
    """K."""
    outcome: ClassVar[str] = ""
    """The view that is the outcome of a training run, where it is not the first."""
    column: ClassVar[str] = "margin"
    """The column whose ranks are the suspicion; higher = more suspicious."""
    leading: ClassVar[tuple[str, ...]] = ()
    """Options that say how long it takes at the start until the method does what it is for, in epochs (int) or as a
    share of them (float): something of the run must be left."""
    shows: ClassVar[tuple[str, ...]] = ()
    """Names of the columns of `show`."""
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "features": Recipe(epochs=12, batch=256, lr=1e-3),
        "pixels": Recipe(epochs=8, batch=64, lr=2e-3),
    }

    epochs: Annotated[int | None, Between(1, 10_000), "passes over the data"] = None
    batch: Annotated[int | None, Between(1, 100_000), "samples per step and fold"] = None
    lr: Annotated[float | None, Between(0, 100), "learning rate"] = None
    optimizer: Annotated[Literal["adam", "sgd"] | None, "sgd has momentum 0.9"] = None
    weight_decay: Annotated[float | None, Between(0, 10), "pull of all weights towards zero"] = None
    weight_decay_form: Annotated[
        Literal["decoupled", "l2"] | None,
        "l2: a term of the loss, as in the papers; decoupled: apart from adam's step; auto: l2 for sgd only",
    ] = None
    schedule: Annotated[
        str | None, "of the learning rate: constant, cosine, or epochs after which it is a tenth, such as 80,100"
    ] = None

    burn_in: Annotated[float, Between(0, 0.95), "share of the epochs, at the start, left out of averaged columns"] = 0.0

    fit: FitContext = field(init=False, repr=False, compare=False)

    def regularizers(self) -> Mapping[str, Mapping[str, Any]]:
        """Regularisers that belong to the method, by name with their options (`labelaudit.regularizers`)."""
        return {}

    def begin(self, fit: FitContext) -> None:
        """Allocate per-sample buffers. Overriders call ``super().begin(fit)``."""
        self.fit = fit

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:  # noqa: ARG002
        """(F, n) weights for this epoch, 0 = left out, or ``None`` for all alike."""
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """(K, F, B) losses of logits (K, F, B, C)."""
        return cross_entropy(logits, batch.y)

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        """The scalar to minimise: weighted mean over the batch, summed over networks and folds."""
        logits = torch.stack([network(batch.x) for network in networks]).float()
        return (batch.weight * self.loss(logits, batch)).mean(-1).sum()

    def after_step(self, networks: Sequence[Network]) -> None:
        """After each optimiser step."""

    def views(self, networks: Sequence[Network]) -> Mapping[str, Network]:
        """The V models that come of the training, by name; the first is the one whose probabilities are reported."""
        return {f"network_{k}" if k else "network": network for k, network in enumerate(networks)}

    def warm_started(self, networks: Sequence[Network]) -> Sequence[Network]:
        """The networks that begin with the weights of an already trained one, where a run is given one."""
        return networks

    def predict(self, networks: Sequence[Network], x: Tensor) -> Tensor:
        """(V, F, B, C) logits in evaluation mode of the `views`; what follows them has no model of its own."""
        return torch.stack([network(x) for network in self.views(networks).values()])

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Per-sample statistics (F, n) from logits (V, F, n, C) after an epoch; NaN = does not apply.

        ``name`` becomes column ``name`` (mean over epochs and the fits that trained on the sample) and
        ``name_heldout`` (mean over epochs of the fit that did not).
        """
        return {}

    def final_columns(self, probs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:  # noqa: ARG002
        """Further columns (n,) of the finished cross-fit, from held-out probs (n, C) and given labels (n,)."""
        return {}

    def show(
        self,
        columns: Mapping[str, npt.NDArray[Any]],  # noqa: ARG002
        probs: npt.NDArray[Any],  # noqa: ARG002
        labels: npt.NDArray[Any],  # noqa: ARG002
    ) -> Mapping[str, Shown]:
        """Columns shown beside each sample, by names that begin with the method's; arguments as for `tables`."""
        return {}

    def tables(
        self,
        columns: Mapping[str, npt.NDArray[Any]],  # noqa: ARG002
        probs: npt.NDArray[Any],  # noqa: ARG002
        labels: npt.NDArray[Any],  # noqa: ARG002
    ) -> dict[str, Any]:
        """JSON-able summaries for `Evidence.tables`, from the finished columns (n,) and held-out probs (n, C)."""
        return {}

    def suspicion(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """(n,) in (0, 1), 1 = surely mislabeled: mid-ranks of `column` over the dataset, divided by n."""
        return ranks(columns[self.column])

    def settings(self) -> dict[str, Any]:
        """The options that are the method's own, as used."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if f.init and f.name not in Recipe.__dataclass_fields__
        }

    def recipe(self, kind: str) -> Recipe:
        """The recipe for ``features`` or ``pixels`` with this instance's options applied."""
        default = self.recipes[kind]
        chosen = {name: getattr(self, name) for name in default.__dataclass_fields__}
        return Recipe(**{name: getattr(default, name) if value is None else value for name, value in chosen.items()})

    def check_epochs(self, epochs: int) -> None:
        """Raise `OptionError` where one of `leading` leaves none of ``epochs`` to the method proper."""
        for name in self.leading:
            first = getattr(self, name)
            if first is not None and (first if isinstance(first, int) else int(first * epochs)) >= epochs:
                fewer = f"fewer than {epochs}" if isinstance(first, int) else "less than 1"
                method = type(self).__module__.rpartition(".")[2]
                raise OptionError(
                    f"{method}.{name}={first} leaves none of the {epochs} epochs to the method itself: give {fewer}, "
                    "or train for more epochs"
                )


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-log p_y over the last axis: logits (..., C), y broadcastable to (...)."""
    y = y.expand(logits.shape[:-1])
    return functional.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction="none").view(y.shape)


def given_probability(logits: Tensor, y: Tensor) -> Tensor:
    """p_y over the last axis: logits (..., C), y broadcastable to (...)."""
    return torch.exp(-cross_entropy(logits, y))


def ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(n,) mid-ranks scaled into (0, 1): (rank - 0.5) / n, ties shared.

    >>> ranks(np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2  # of each distinct value; scipy.stats takes a second to load
    return np.asarray((middle[place] - 0.5) / max(len(values), 1), dtype=np.float64)
