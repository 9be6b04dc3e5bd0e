"""Spectral norms of a network's layers: how far one of them, and all of them together, can stretch a difference.

The largest singular value of a weight, with a convolution's kernel reshaped to one row per output channel, as the
spectral-normalisation papers' code does (`SpectralNorm`). For a k x k convolution of stride 1 that is not its norm as
an operator, which may be up to k times larger, so for such networks the product of the norms is a scale and not a
certificate; `ConvolutionNorm` holds the operator's, which the paper's bound is about, and `layer_norms` has both. Left
out: bounds on whole networks with BatchNorm or residual connections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from labelaudit.networks import Network, StackedLinear

_WARM_UP = 20  # power iterations at the start: one from a random vector underestimates the norm
_WEIGHTED = (StackedLinear, nn.Linear, nn.Conv2d)
_LAYERS = (*_WEIGHTED, nn.BatchNorm1d, nn.BatchNorm2d)
_LANCZOS = 40  # steps: .3 % below the norm of a box kernel on 64 px, whose spectrum is the most crowded one tried


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


class ConvolutionNorm(nn.Module):
    """A parametrisation W -> W·scale/σ(A), A the convolution by W on inputs of one size, zero padding as the layer's.

    σ by power iteration on A itself: one per pass in training mode, none in evaluation, no gradient through u and v.
    """

    v: Tensor

    def __init__(self, layer: nn.Conv2d, height: int, width: int, *, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = scale
        self._how: Any = (layer.stride, layer.padding, layer.dilation, layer.groups)
        weight = layer.weight.detach()
        start = torch.randn(1, layer.in_channels, height, width, generator=generator, device=weight.device)
        self.register_buffer("v", start / start.norm())
        self._iterate(weight, 3 * _WARM_UP)  # its spectrum is more crowded than a matrix's

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            if self.training:
                self._iterate(weight.detach(), 1)
            with torch.no_grad():
                image = self._convolve(weight.detach(), self.v)
                u = image / image.norm().clamp(min=1e-12)
            sigma = (u * self._convolve(weight, self.v)).sum().clamp(min=1e-12)
            held: Tensor = weight * (self.scale / sigma)
            return held

    def _convolve(self, weight: Tensor, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, weight, None, *self._how)

    def _iterate(self, weight: Tensor, times: int) -> None:
        with torch.enable_grad():
            for _ in range(times):
                x = self.v.detach().requires_grad_()
                image = self._convolve(weight, x)
                (back,) = torch.autograd.grad(image, x, image.detach())  # AᵀAv
                self.v = back / back.norm().clamp(min=1e-12)


def normalize_layers(
    network: Network,
    *,
    scale: float,
    last: bool,
    generator: torch.Generator,
    norm: Literal["reshaped", "operator"] = "reshaped",
) -> None:
    """Hold the spectral norm of every layer of ``network`` at ``scale``; the last one too if ``last``.

    ``norm`` says which one of convolutions: of the kernel as a matrix, or of the convolution on inputs of `shape`.
    """
    sizes = _input_shapes(network, torch.zeros(network.copies, 1, *_as_images(network))) if norm == "operator" else {}
    for name, layer in list(network.named_modules()):
        if not isinstance(layer, _WEIGHTED) or (layer is network.last and not last):
            continue
        if isinstance(layer, nn.Conv2d) and norm == "operator":
            held: nn.Module = ConvolutionNorm(layer, *sizes[name][-2:], scale=scale, generator=generator)
        else:
            stacked = isinstance(layer, StackedLinear)
            held = SpectralNorm(layer.get_parameter("weight"), stacked=stacked, scale=scale, generator=generator)
        parametrize.register_parametrization(layer, "weight", held)


def _as_images(network: Network) -> tuple[int, ...]:
    """One sample's shape as the network takes it: channels first."""
    *sides, last = network.shape
    return (last, *sides)


@torch.no_grad()
def lipschitz_scale(network: Network, copies: int) -> Tensor:
    """(F,) product of the spectral norms of each copy's layers, by singular value decomposition.

    A bound on how much a copy stretches differences where every layer is linear with non-expansive activations and
    nothing, such as BatchNorm, rescales in between; see the module for convolutions.
    """
    product = torch.ones(copies, device=network.last.bias.device)
    for name, layer in network.named_modules():
        if isinstance(layer, _WEIGHTED):
            stacked = isinstance(layer, StackedLinear)
            parametrizations: Any = layer.parametrizations if parametrize.is_parametrized(layer, "weight") else None
            held = parametrizations.weight[0] if parametrizations else None
            if isinstance(held, ConvolutionNorm):
                product[_copy_of(name)] *= held.scale
                continue
            norms = torch.linalg.matrix_norm(as_matrices(torch.as_tensor(layer.weight), stacked=stacked).float(), ord=2)
            if stacked:
                product = product * norms
            else:
                product[_copy_of(name)] *= norms[0]
    return product


@dataclass(frozen=True, kw_only=True)
class LayerNorms:
    """Norms of one layer, how far it can stretch a difference; of several copies, the one that stretches farthest."""

    layer: str
    """Its name in the network."""
    kind: str
    """linear, 3x3 convolution, batchnorm …"""
    matrix: float
    """Spectral norm of its weight, a kernel reshaped to one row per output channel."""
    operator: float
    """Spectral norm of what it does, for inputs of the size it has here; equal for linear layers."""


def layer_norms(network: nn.Module, x: Tensor, *, seed: int = 0) -> tuple[LayerNorms, ...]:
    """Norms of every linear, convolutional and batch-normalising layer of ``network`` as it acts on inputs like ``x``.

    BatchNorm is taken as it is in evaluation: every channel times its γ / √(variance + ε).
    """
    layers = dict(network.named_modules())
    was_training = network.training
    network.eval()
    try:
        return tuple(_norms_of(name, layers[name], shape, seed) for name, shape in _input_shapes(network, x).items())
    finally:
        network.train(was_training)


def _input_shapes(network: nn.Module, x: Tensor) -> dict[str, torch.Size]:
    """The input shape of every linear, convolutional and batch-normalising layer when ``network`` is given ``x``."""
    shapes: dict[str, torch.Size] = {}

    def noter(name: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        return lambda module, args: shapes.update({name: args[0].shape})  # noqa: ARG005

    was_training = network.training
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, _LAYERS)}
    hooks = [layer.register_forward_pre_hook(noter(name)) for name, layer in layers.items()]
    network.eval()
    try:
        with torch.no_grad():
            network(x.to(next(network.parameters()).device))
        return shapes
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()


def convolution_norm(layer: nn.Conv2d, height: int, width: int, *, seed: int = 0) -> float:
    """The spectral norm of ``layer`` as a linear map of (c, height, width) inputs, its bias left out.

    Any stride, dilation, groups and padding: Lanczos iteration on AᵀA, with A the convolution itself. Its norm on a
    torus, which is that of its transform at the worst frequency, would be close to it and larger.
    """
    weight = torch.as_tensor(layer.weight).detach()
    replaced = {"bias": torch.zeros_like(layer.bias)} if layer.bias is not None else {}
    start = torch.randn(1, layer.in_channels, height, width, generator=torch.Generator().manual_seed(seed))
    v = start.to(weight)
    basis, images = [v / v.norm()], []
    with torch.enable_grad():
        for _ in range(min(_LANCZOS, v.numel())):
            x = basis[-1].requires_grad_()
            image = torch.func.functional_call(layer, replaced, x)
            (back,) = torch.autograd.grad(image, x, image.detach())
            images.append(image.detach().flatten())
            known = torch.stack([one.detach().flatten() for one in basis])
            rest = back.flatten()
            for _ in range(2):  # once loses orthogonality
                rest = rest - known.T @ (known @ rest)
            if float(rest.norm()) <= 1e-6 * float(back.norm()):
                break
            basis.append((rest / rest.norm()).view_as(v))
    return float(torch.linalg.matrix_norm(torch.stack(images), ord=2))


@torch.no_grad()
def _norms_of(name: str, layer: nn.Module, shape: torch.Size, seed: int) -> LayerNorms:
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        gain = torch.ones(1) if layer.weight is None else layer.weight.abs()
        if layer.running_var is not None:
            gain = gain / (layer.running_var + layer.eps).sqrt()
        return LayerNorms(layer=name, kind="batchnorm", matrix=float(gain.amax()), operator=float(gain.amax()))
    stacked = isinstance(layer, StackedLinear)
    weight = torch.as_tensor(layer.weight).float()
    matrix = float(torch.linalg.matrix_norm(as_matrices(weight, stacked=stacked), ord=2).amax())
    if not isinstance(layer, nn.Conv2d):
        return LayerNorms(layer=name, kind="linear", matrix=matrix, operator=matrix)
    kind = f"{layer.kernel_size[0]}x{layer.kernel_size[1]} convolution"
    operator = convolution_norm(layer, shape[-2], shape[-1], seed=seed)
    return LayerNorms(layer=name, kind=kind, matrix=matrix, operator=operator)


def _copy_of(name: str) -> int | slice:
    """The fold whose body holds the layer ``body.….copies.FOLD.…``; all of them where one body serves all."""
    parts = name.split(".")
    return int(parts[parts.index("copies") + 1]) if "copies" in parts else slice(None)
