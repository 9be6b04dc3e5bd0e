"""Gaussian noise inside a network: on its input and after its activations, while it trains.

Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020, Section 2: layers 0 (the input) to
L - 1 are disturbed after the activation, the logits never. σ is in units of the activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from labelaudit.errors import OptionError
from labelaudit.networks import Bodies, Network

Kind = Literal["additive", "multiplicative"]
_SMOOTH = (nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Tanh)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardswish, *_SMOOTH)
"""Layers that count as a hidden layer's activation; gates such as a sigmoid do not."""


class GaussianNoise(nn.Module):
    """h + σ·ε or h·(1 + σ·ε) with ε standard normal in training mode, h in evaluation mode."""

    def __init__(self, sigma: float, kind: Kind, generator: torch.Generator) -> None:
        super().__init__()
        self.sigma, self.kind, self.generator = sigma, kind, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.sigma == 0:
            return x
        noise = self.sigma * torch.empty_like(x).normal_(generator=self.generator)
        return x + (noise if self.kind == "additive" else x * noise)

    def __deepcopy__(self, memo: dict[int, Any]) -> GaussianNoise:
        """A copy draws from the same stream: a generator cannot be in two states."""
        copy = GaussianNoise(self.sigma, self.kind, self.generator)
        copy.train(self.training)
        return copy


@dataclass(frozen=True)
class Place:
    """The place of an activation in a network."""

    parent: nn.Module
    name: str
    fold: int | None
    """The fold whose copy it is in, and (B, …) its output; ``None`` if one layer serves all folds: (F, B, …)."""


def activations(network: Network) -> list[list[Place]]:
    """The activations of each hidden layer 1, 2, …: one for all folds, or one in the copy of each."""
    bodies = next((module for module in network.modules() if isinstance(module, Bodies)), None)
    copies = [(None, network.body)] if bodies is None else list(enumerate(bodies.copies))
    found: list[list[Place]] = []
    for fold, copy in copies:
        places = [
            Place(parent, name, fold)
            for parent in copy.modules()
            for name, child in parent.named_children()
            if isinstance(child, ACTIVATIONS)
        ]
        for layer, place in enumerate(places):
            if layer == len(found):
                found.append([])
            found[layer].append(place)
    return found


def inject_noise(
    network: Network, variance: float, *, kind: Kind, layers: str, generator: torch.Generator, variances: str = ""
) -> None:
    """Disturb the chosen ``layers`` of ``network``: ``all``, ``input``, ``hidden`` or numbers such as ``0,2``.

    ``variance`` is σ² of all of them, unless ``variances`` gives one for each, separated by commas.
    Raises `OptionError` for a layer the network does not have, or another number of variances.
    """
    hidden = activations(network)
    chosen = chosen_layers(layers, len(hidden))
    for layer, own in zip(chosen, layer_variances(variance, variances, len(chosen)), strict=True):
        sigma = own**0.5
        if layer == 0:
            network.body = nn.Sequential(GaussianNoise(sigma, kind, generator), network.body)
        else:
            for place in hidden[layer - 1]:
                activation = place.parent.get_submodule(place.name)
                setattr(place.parent, place.name, nn.Sequential(activation, GaussianNoise(sigma, kind, generator)))


def chosen_layers(layers: str, hidden: int) -> list[int]:
    """The numbers of ``layers`` in a network of ``hidden`` activations, 0 = input.

    >>> chosen_layers("all", 2), chosen_layers("2,0", 2)
    ([0, 1, 2], [0, 2])
    """
    named = {"all": range(hidden + 1), "input": range(1), "hidden": range(1, hidden + 1)}
    if layers in named:
        return list(named[layers])
    try:
        numbers = sorted({int(number) for number in layers.split(",")})
    except ValueError:
        raise OptionError(f"layers '{layers}': give all, input, hidden or numbers such as 0,2") from None
    if not 0 <= numbers[0] <= numbers[-1] <= hidden:
        raise OptionError(f"layers '{layers}': this network has layers 0 (input) to {hidden}")
    return numbers


def layer_variances(variance: float, variances: str, layers: int) -> list[float]:
    """σ² of each of so many layers: ``variances``, separated by commas, or ``variance`` for all where that is empty.

    >>> layer_variances(0.5, "", 2), layer_variances(0.5, "1.05,0.1", 2)
    ([0.5, 0.5], [1.05, 0.1])
    """
    if not variances:
        return [variance] * layers
    try:
        found = [float(part) for part in variances.split(",")]
        if not all(0 <= one <= 100 for one in found):
            raise ValueError
    except ValueError:
        raise OptionError(
            f"variances '{variances}': give numbers from 0 to 100, one for each layer: 1.05,0.1"
        ) from None
    if len(found) != layers:
        raise OptionError(f"variances '{variances}' has {len(found)} numbers for {layers} layers: give {layers}")
    return found


def injected(network: nn.Module) -> list[GaussianNoise]:
    """The noise sources of a network."""
    return [module for module in network.modules() if isinstance(module, GaussianNoise)]
