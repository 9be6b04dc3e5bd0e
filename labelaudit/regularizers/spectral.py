"""Spectral normalisation: every layer's largest singular value is held at one.

Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022, after Miyato et al.,
"Spectral Normalization for Generative Adversarial Networks", ICLR 2018: W is replaced by W·scale/σ(W) in linear and
convolutional layers, the last one included. A network that cannot stretch differences much cannot fit labels that vary
faster than its inputs do.

The trap: BatchNorm after a layer divides by that layer's scale again, so that normalising it changes nothing. Hence
``batchnorm``: ``remove`` (the default) puts a learned shift per channel in its place; ``unscaled`` keeps it without its
learned scale, which is what the released code does and constrains the last layer only; ``keep`` leaves it alone, and is
the only one for a network that comes with weights, which are nothing without their BatchNorm.
``norm=reshaped`` takes a kernel as a matrix of one row per output channel, as the released code does; the norm of the
convolution itself, which the paper's bound is about, is up to k times larger for k x k, and is ``norm=operator``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from labelaudit.errors import OptionError
from labelaudit.methods import Between
from labelaudit.networks import Network
from labelaudit.networks.spectra import normalize_layers
from labelaudit.regularizers._interface import Regularizer


@dataclass(kw_only=True)
class SpectralNormalisation(Regularizer):
    """Everything happens in `attach`; the power iteration belongs to the layers."""

    scale: Annotated[float, Between(0.01, 100), "the norm that every layer is held at"] = 1.0
    norm: Annotated[
        Literal["reshaped", "operator"], "of a kernel as a matrix, as the released code, or of the convolution itself"
    ] = "reshaped"
    last: Annotated[bool, "normalise the last layer too, as the paper does; logits stay small then"] = True
    batchnorm: Annotated[
        Literal["remove", "unscaled", "keep"], "what becomes of BatchNorm, which undoes the normalisation"
    ] = "remove"

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:
        super().attach(networks, generator)
        for network in networks:
            if self.batchnorm != "keep" and _has_learned(network):
                raise OptionError(
                    f"spectral.batchnorm={self.batchnorm} takes from this network what its BatchNorm has learned: "
                    "train it from scratch, or set spectral.batchnorm=keep"
                )
            if self.batchnorm == "remove":
                remove_batchnorm(network)
            for module in network.modules():
                if self.batchnorm == "unscaled" and isinstance(module, _BATCHNORMS) and module.affine:
                    module.weight.requires_grad_(False)  # it begins at one
            normalize_layers(network, scale=self.scale, last=self.last, generator=generator, norm=self.norm)


class Shift(nn.Module):
    """The bias of a layer without one when BatchNorm is gone: (B, c, …) plus one number per channel."""

    def __init__(self, channels: int, device: torch.device) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, device=device))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, *[1] * (x.ndim - 2))


_BATCHNORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def _has_learned(network: nn.Module) -> bool:
    """Whether some BatchNorm has seen images already."""
    found = (module.running_mean for module in network.modules() if isinstance(module, _BATCHNORMS))
    return any(mean is not None and bool(mean.any()) for mean in found)


def remove_batchnorm(network: nn.Module) -> None:
    """Put a `Shift` in the place of every BatchNorm; of timm's, which end in an activation, only that stays."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BATCHNORMS):
                shift = Shift(child.num_features, next(network.parameters()).device)
                activation = getattr(child, "act", None)
                setattr(parent, name, shift if activation is None else nn.Sequential(shift, activation))
