"""Random numbers that more than one method injects."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Distribution = Literal["laplace", "gaussian"]


def draw_noise(like: Tensor, sigma: float, distribution: Distribution, generator: torch.Generator) -> Tensor:
    """Independent draws of standard deviation ``sigma`` and mean 0, in the shape of ``like``.

    A Laplace distribution of scale b has standard deviation b·√2, so b is ``sigma`` / √2.
    """
    noise = torch.empty_like(like)
    if distribution == "gaussian":
        return sigma * noise.normal_(generator=generator)
    uniform = noise.uniform_(-0.5, 0.5, generator=generator)
    return -(sigma / 2**0.5) * uniform.sign() * torch.log1p(-2 * uniform.abs().clamp(max=0.5 - 1e-7))


def draw_beta(alpha: float, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Draws of Beta(α, α); of the uniform at α = 1."""
    uniform = torch.rand((2, *shape), generator=generator, device=generator.device)
    if alpha == 1:
        return uniform[0]
    gamma = torch._standard_gamma(torch.full_like(uniform, alpha), generator=generator)
    return gamma[0] / gamma.sum(0).clamp(min=1e-12)
