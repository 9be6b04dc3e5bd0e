"""Curvature of a network's loss in its weights: the trace of the Hessian, by Hutchinson's estimate.

With v of random signs E[vᵀHv] = Tr H, so a few products of the Hessian with a vector are enough (Hutchinson 1989; two
backward passes each). Flat minima have small traces; GNI's regulariser is said to lead to them. Left out: eigenvalues.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labelaudit.methods import cross_entropy
from labelaudit.networks import Network


def hessian_trace(network: Network, x: Tensor, y: Tensor, *, draws: int, generator: torch.Generator) -> float:
    """Trace of the Hessian of the mean cross-entropy in all weights, for inputs x (F, B, …) and labels y (F, B).

    The network is taken as it is, so call it in evaluation mode. A weight that the loss is linear in adds 0.
    """
    weights, asked = [*network.parameters()], [weight.requires_grad for weight in network.parameters()]
    for weight in weights:
        weight.requires_grad_(True)  # an averaged model asks for no gradients
    try:
        return _estimate(network, weights, x, y, draws, generator)
    finally:
        for weight, before in zip(weights, asked, strict=True):
            weight.requires_grad_(before)


def _estimate(
    network: Network, weights: list[nn.Parameter], x: Tensor, y: Tensor, draws: int, generator: torch.Generator
) -> float:
    loss = cross_entropy(network(x).float(), y).mean()
    gradients = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    curved = [(w, g) for w, g in zip(weights, gradients, strict=True) if g is not None and g.requires_grad]
    total = 0.0
    for draw in range(draws if curved else 0):
        signs = [_signs(weight, generator) for weight, _ in curved]
        slope = torch.stack([(g * v).sum() for (_, g), v in zip(curved, signs, strict=True)]).sum()
        products = torch.autograd.grad(
            slope, [weight for weight, _ in curved], retain_graph=draw + 1 < draws, allow_unused=True
        )
        total += sum(float((v * p).sum()) for v, p in zip(signs, products, strict=True) if p is not None)
    return total / draws


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """-1 or 1, each with the same chance."""
    drawn = torch.empty_like(like, requires_grad=False)
    return drawn.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)
