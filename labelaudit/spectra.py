"""Spectral norms of a network's layers: how far one of them, and all of them together, can stretch a difference.

The largest singular value of a weight, with a convolution's kernel reshaped to one row per output channel, as the
spectral-normalisation papers do. For a k x k convolution of stride 1 that is not its norm as an operator, which may be
up to k times larger, so for such networks the product of the norms is a scale and not a certificate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from labelaudit.networks import Network, StackedLinear

_WARM_UP = 20  # power iterations at the start: one from a random vector underestimates the norm


def as_matrices(weight: Tensor, *, stacked: bool) -> Tensor:
    """(G, rows, columns): the F matrices of a stacked layer, or the one of a linear or convolutional layer."""
    return weight if stacked else weight.flatten(1).unsqueeze(0)


class SpectralNorm(nn.Module):
    """A parametrisation W -> W·scale/σ(W), σ by power iteration; every copy in a stacked layer has its own σ.

    One iteration per pass in training mode, none in evaluation. The gradient goes through W in σ = uᵀWv, not through u
    and v (Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, Algorithm 1).
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, *, stacked: bool, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.stacked, self.scale = stacked, scale
        matrix = as_matrices(weight.detach(), stacked=stacked)
        start = torch.randn(matrix.shape[:2], generator=generator, device=matrix.device)
        self.register_buffer("u", nn.functional.normalize(start, dim=1))
        self.register_buffer("v", torch.zeros(matrix.shape[0], matrix.shape[2], device=matrix.device))
        self._iterate(matrix, _WARM_UP)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = as_matrices(weight, stacked=self.stacked)
            if self.training:
                self._iterate(matrix.detach(), 1)
            sigma = torch.einsum("gr,grc,gc->g", self.u, matrix, self.v).clamp(min=1e-12)
            return weight * (self.scale / sigma.view(-1, *[1] * (weight.ndim - 1)))

    @torch.no_grad()
    def _iterate(self, matrix: Tensor, times: int) -> None:
        u, v = self.u, self.v
        for _ in range(times):
            v = nn.functional.normalize(torch.einsum("gr,grc->gc", u, matrix), dim=1)
            u = nn.functional.normalize(torch.einsum("grc,gc->gr", matrix, v), dim=1)
        self.u, self.v = u, v  # new tensors: the old ones may be part of a graph that is not differentiated yet


def weighted_layers(network: nn.Module) -> list[nn.Module]:
    """The linear and convolutional layers, in order of definition."""
    return [module for module in network.modules() if isinstance(module, (StackedLinear, nn.Linear, nn.Conv2d))]


def normalize_layers(network: Network, *, scale: float, last: bool, generator: torch.Generator) -> None:
    """Hold the spectral norm of every layer of ``network`` at ``scale``; the last one too if ``last``."""
    for layer in weighted_layers(network):
        if last or layer is not network.last:
            stacked = isinstance(layer, StackedLinear)
            weight = layer.get_parameter("weight")
            norm = SpectralNorm(weight, stacked=stacked, scale=scale, generator=generator)
            parametrize.register_parametrization(layer, "weight", norm)


@torch.no_grad()
def lipschitz_scale(network: Network, copies: int) -> Tensor:
    """(F,) product of the spectral norms of each copy's layers, by singular value decomposition.

    A bound on how much a copy stretches differences where every layer is linear with non-expansive activations and
    nothing, such as BatchNorm, rescales in between; see the module for convolutions.
    """
    product = torch.ones(copies, device=network.last.bias.device)
    for name, layer in network.named_modules():
        if isinstance(layer, (StackedLinear, nn.Linear, nn.Conv2d)):
            stacked = isinstance(layer, StackedLinear)
            norms = torch.linalg.matrix_norm(as_matrices(torch.as_tensor(layer.weight), stacked=stacked).float(), ord=2)
            if stacked:
                product = product * norms
            else:
                product[_copy_of(name)] *= norms[0]
    return product


def _copy_of(name: str) -> int:
    """The fold whose body holds the layer ``body.….copies.FOLD.…``."""
    parts = name.split(".")
    return int(parts[parts.index("copies") + 1])
