"""Dropout: hidden units are silenced at random while the network trains, the others made up for it.

Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014; what SN and LIMIT
name among the usual remedies. Each activation of the hidden layers becomes 0 with probability p and is divided by 1 - p
otherwise; nothing happens in evaluation. Of images whole channels stay: single pixels are dropped, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from labelaudit.methods import Between
from labelaudit.networks import Network
from labelaudit.networks.injection import activations
from labelaudit.regularizers._interface import Regularizer


@dataclass(kw_only=True)
class Dropout(Regularizer):
    """Everything happens in `attach`; the layers drop by themselves."""

    p: Annotated[float, Between(0, 0.95), "probability that a hidden unit is silenced in a step"] = 0.5

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:
        super().attach(networks, generator)
        for network in networks:
            for places in activations(network):
                for place in places:
                    activation = place.parent.get_submodule(place.name)
                    setattr(place.parent, place.name, nn.Sequential(activation, Dropped(self.p, generator)))


class Dropped(nn.Module):
    """x·mask / (1 - p) in training mode, x in evaluation mode."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)

    def __deepcopy__(self, memo: dict[int, Any]) -> Dropped:
        """A copy draws from the same stream: a generator cannot be in two states."""
        copy = Dropped(self.p, self.generator)
        copy.train(self.training)
        return copy
