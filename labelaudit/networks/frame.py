"""The frame of every network: F copies of a body and a linear layer; and a running average of one."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """F linear layers side by side: (F, B, inputs) to (F, B, outputs)."""

    def __init__(self, copies: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(copies, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(copies, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class Network(nn.Module):
    """F copies of ``body`` (…→ d_a) followed by a linear layer (d_a → C)."""

    def __init__(self, body: nn.Module, copies: int, width: int, classes: int) -> None:
        super().__init__()
        self.copies = copies
        self.shape: tuple[int, ...] = ()
        """Shape of one sample as the data holds it, (d,) or (H, W, c); set by `labelaudit.networks.build`."""
        self.body = body
        self.last = StackedLinear(copies, width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (F, B, C) of x (F, B, …); copy f sees only x[f]."""
        logits: Tensor = self.last(self.body(x))
        return logits


class Average:
    """An exponential moving average of a network's parameters and float buffers, usable from the first step.

    ``momentum`` is lowered to ``1 - 10 / steps`` where a run of ``steps`` updates would be too short for it to leave
    the initialisation; early on the average follows fast, as ``(1 + t) / (10 + t)``.
    """

    def __init__(self, network: Network, *, momentum: float, steps: int) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.momentum = min(momentum, max(0.0, 1 - 10 / max(steps, 1)))
        self._step = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Move the average one step towards ``network``; integer buffers are copied."""
        momentum = min(self.momentum, (1 + self._step) / (10 + self._step))
        self._step += 1
        ours, theirs = self.network.state_dict().values(), network.state_dict().values()
        floating = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], 1 - momentum)
        for a, b in zip(ours, theirs, strict=True):
            if not a.is_floating_point():
                a.copy_(b)


class Bodies(nn.Module):
    """F convolutional bodies, each on its own (B, c, H, W) batch."""

    def __init__(self, make: Callable[[], nn.Module], copies: int) -> None:
        super().__init__()
        self.copies = nn.ModuleList(make() for _ in range(copies))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([body(x[f]) for f, body in enumerate(self.copies)])


def he_initialised(module: nn.Module) -> nn.Module:
    """``module`` with convolutions drawn as in He et al., "Delving Deep into Rectifiers", ICCV 2015."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return module
