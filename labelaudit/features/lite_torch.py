"""EfficientNet-Lite as a torch module, walked from the same description as the ONNX graph.

Left out: stochastic depth and a classifier; whoever fine-tunes brings a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelaudit.features.lite import (
    NORM_EPSILON,
    PIXEL_MEAN,
    PIXEL_STD,
    Block,
    Layer,
    blocks,
    read_weights,
    same_padding,
)
from labelaudit.types import Floats


class Lite(nn.Module):
    """Pixels (B, H, W, 3) in [0, 255], any dtype -> features (B, d). Batch norms are kept: it can be fine-tuned.

    ``variant`` is ``lite0``, ``lite1`` or ``lite2``; the pretrained weights are loaded.
    """

    def __init__(self, variant: str) -> None:
        super().__init__()
        weights = read_weights(variant)
        self.blocks = nn.ModuleList(_Block(block, weights) for block in blocks(variant))
        self._factors = [block.factor for block in blocks(variant)]

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.permute(0, 3, 1, 2).float() - PIXEL_MEAN) / PIXEL_STD
        return torch.cat([*self._means(x)], dim=1)

    def describe(self, x: Tensor) -> Tensor:
        """Output (B, 1280) of the head for images (B, 3, H, W) at the scale of the weights."""
        *_, head = self._means(x)
        return head

    def _means(self, x: Tensor) -> Iterator[Tensor]:
        """The parts (B, c) of the features of images (B, 3, H, W), as for `describe`; that of the head comes last."""
        for block, factor in zip(self.blocks, self._factors, strict=True):
            x = block(x)
            if factor:
                yield x.mean((2, 3)) * factor


class _Block(nn.Module):
    def __init__(self, block: Block, weights: Mapping[str, Floats]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_Layer(layer, weights) for layer in block.layers))
        self.residual = block.residual

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class _Layer(nn.Module):
    """A convolution with TensorFlow's "same" padding, its batch norm, and ReLU6 where the description says so."""

    def __init__(self, layer: Layer, weights: Mapping[str, Floats]) -> None:
        super().__init__()
        kernel = torch.from_numpy(weights[f"{layer.conv}.weight"])
        width, fan, side, _ = kernel.shape
        groups = width if layer.depthwise else 1
        self.conv = nn.Conv2d(fan * groups, width, side, stride=layer.stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=NORM_EPSILON)
        self.clipped = layer.clipped
        with torch.no_grad():
            self.conv.weight.copy_(kernel)
            for part, values in self.norm.state_dict().items():
                values.copy_(torch.from_numpy(weights[f"{layer.norm}.{part}"]))

    def forward(self, x: Tensor) -> Tensor:
        side, stride = self.conv.kernel_size[0], self.conv.stride[0]
        top, bottom = same_padding(x.shape[2], side, stride)
        left, right = same_padding(x.shape[3], side, stride)
        if (top, left) == (bottom, right):  # the convolution pads both ends alike, without a copy
            x = F.conv2d(x, self.conv.weight, None, stride, (top, left), 1, self.conv.groups)
        else:
            x = self.conv(F.pad(x, (left, right, top, bottom)))
        x = self.norm(x)
        return F.relu6(x) if self.clipped else x
