"""The interface of a regulariser: three hooks around the training step, independent of the method.

`Regularizer.attach` changes the networks once, before the method begins; `Regularizer.transform` changes what a batch
holds; `Regularizer.penalty` adds to what is minimised. Each may look at `Regularizer.epoch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from labelaudit.methods import Batch, Method
from labelaudit.networks import Network


@dataclass(frozen=True, kw_only=True)
class ForwardPass:
    """One network's way from inputs to logits in the step under way."""

    network: int
    """Index of the network among the method's K."""
    x: Tensor
    """(F, B, …) what it was given."""
    logits: Tensor
    """(F, B, C) float32."""


@dataclass(kw_only=True)
class Regularizer:
    """The hooks, with defaults that do nothing. Fields of a subclass are its options."""

    generator: torch.Generator = field(init=False, repr=False, compare=False)
    epoch: int = field(init=False, repr=False, compare=False, default=0)
    """The one under way, counted from 0."""

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:  # noqa: ARG002
        """Change layers, or listen to them. ``generator`` is the only source of randomness there is."""
        self.generator = generator

    def transform(self, batch: Batch) -> Batch:
        """The batch that the method sees instead; more samples are as welcome as other ones."""
        return batch

    def penalty(self, passes: Sequence[ForwardPass], batch: Batch) -> Tensor | None:  # noqa: ARG002
        """A scalar to add to the loss: mean over the batch, summed over networks and folds, as the loss is."""
        return None

    def settings(self) -> dict[str, Any]:
        """The options as used."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}


def require_input_gradients(network: Network, heard: Callable[[Tensor], None] | None = None) -> None:
    """Let logits be differentiated in what ``network`` is given in training; ``heard`` is told what that is."""

    def prepare(module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor] | None:
        if not (module.training and torch.is_grad_enabled()):
            return None
        x = args[0] if args[0].requires_grad else args[0].detach().requires_grad_()
        if heard is not None:
            heard(x)
        return (x,)

    network.register_forward_pre_hook(prepare)


class RegularizedStep:
    """A method's training step under any number of regularisers; with none it is the method's own."""

    def __init__(
        self, regularizers: Sequence[Regularizer], networks: Sequence[Network], generator: torch.Generator
    ) -> None:
        self._regularizers = regularizers
        self._passes: list[ForwardPass] = []
        for regularizer in regularizers:
            regularizer.attach(networks, generator)
        if regularizers:
            for number, network in enumerate(networks):
                network.register_forward_hook(self._listener(number))

    def begin_epoch(self, epoch: int) -> None:
        """Tell every regulariser which epoch begins, counted from 0."""
        for regularizer in self._regularizers:
            regularizer.epoch = epoch

    def step(self, method: Method, networks: Sequence[Network], batch: Batch) -> Tensor:
        """The scalar to minimise."""
        for regularizer in self._regularizers:
            batch = regularizer.transform(batch)
        total = method.step(networks, batch)
        for regularizer in self._regularizers:
            penalty = regularizer.penalty(self._passes, batch)
            total = total if penalty is None else total + penalty
        self._passes.clear()
        return total

    def _listener(self, number: int) -> Any:
        """A hook that notes training passes: a plain function, shared by copies of a network, which do not train."""
        passes = self._passes

        def note(module: nn.Module, args: tuple[Tensor], logits: Tensor) -> None:
            if module.training and torch.is_grad_enabled():
                passes.append(ForwardPass(network=number, x=args[0], logits=logits.float()))

        return note
