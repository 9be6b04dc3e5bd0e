"""Sensitivity of a network's logits to its input: Jacobian norms, and how far an input is from another class.

Everything is in units of the inputs as the network takes them, which are scaled to a standard deviation near 1.
Networks are taken as they are, so call them in evaluation mode: BatchNorm ties the samples of a batch together in
training. Left out: the exact distance to another class, which is a search of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]
"""Inputs (..., B, *shape) to logits (..., B, C)."""


class Margins(NamedTuple):
    """Positive where the class is the predicted one."""

    gap: Tensor
    """(..., B) logit of the class minus the largest other one."""
    distance: Tensor
    """(..., B) to first order, how far the input must move for both to be equal: gap / ‖J_A - J_B‖₂."""
    bound: Tensor
    """(..., B) gap / (√2·‖J‖_F), never larger in size than `distance`."""


def squared_jacobian_norms(
    network: Network, x: Tensor, *, draws: int | None = None, generator: torch.Generator | None = None
) -> Tensor:
    """(..., B) ‖J‖_F² of the logits in each input of x (..., B, *shape).

    Exact, in one backward pass per class; or, with ``draws``, the mean of ‖Jᵀv‖² over that many v ~ N(0, I), which is
    right on average (Hutchinson 1989) and is what Bar, Drory and Giryes (AISTATS 2022) train with, at one draw.
    """
    x = x.detach().requires_grad_()
    logits = network(x).float()
    total = torch.zeros(logits.shape[:-1], device=logits.device)
    for c in range(logits.shape[-1] if draws is None else draws):
        output = logits[..., c] if draws is None else logits * torch.empty_like(logits).normal_(generator=generator)
        total += _squared(output.sum(), x, total.ndim)
    return total if draws is None else total / draws


def input_margins(network: Network, x: Tensor, y: Tensor, *, squared_norms: Tensor | None = None) -> Margins:
    """Distance of each input from where class ``y`` (..., B) ties with its strongest rival, x (..., B, *shape).

    Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020, Eq. 34 (`Margins.distance`,
    exact for linear networks of two classes) and Eq. 19 (`Margins.bound`). ``squared_norms`` are those of
    `squared_jacobian_norms` where they are known.
    """
    if squared_norms is None:
        squared_norms = squared_jacobian_norms(network, x)
    x = x.detach().requires_grad_()
    logits = network(x).float()
    given = y.unsqueeze(-1)
    rival = logits.detach().scatter(-1, given, -torch.inf).argmax(-1, keepdim=True)
    gap = (logits.gather(-1, given) - logits.gather(-1, rival)).squeeze(-1)
    steepness = _squared(gap.sum(), x, gap.ndim).sqrt()
    gap = gap.detach()
    return Margins(gap, gap / steepness.clamp(min=1e-12), gap / (2 * squared_norms).sqrt().clamp(min=1e-12))


def _squared(output: Tensor, x: Tensor, leading: int) -> Tensor:
    """Squared length of d output / d x for each sample: x has ``leading`` axes before those of a sample."""
    (gradient,) = torch.autograd.grad(output, x, retain_graph=True)
    return gradient.flatten(leading).square().sum(-1)
