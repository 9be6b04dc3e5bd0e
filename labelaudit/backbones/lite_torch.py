"""EfficientNet-Lite as a torch module, walked from the same description as the ONNX graph.

Left out: the classifier and stochastic depth; a fine-tuning head belongs to whoever trains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelaudit.backbones.lite import NORM_EPSILON, PIXEL_MEAN, PIXEL_STD, Block, Layer, same_padding
from labelaudit.types import Floats


class Lite(nn.Module):
    """Pixels (B, H, W, 3) in [0, 255] -> features (B, 1280)."""

    def __init__(self, blocks: Sequence[Block], weights: Mapping[str, Floats]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(block, weights) for block in blocks)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.permute(0, 3, 1, 2).float() - PIXEL_MEAN) / PIXEL_STD
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


class _Block(nn.Module):
    def __init__(self, block: Block, weights: Mapping[str, Floats]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_Layer(layer, weights) for layer in block.layers))
        self.residual = block.residual

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class _Layer(nn.Module):
    """Convolution with TensorFlow's "same" padding, batch norm, ReLU6 where the description says so."""

    def __init__(self, layer: Layer, weights: Mapping[str, Floats]) -> None:
        super().__init__()
        kernel = torch.tensor(weights[f"{layer.conv}.weight"])
        out, into, side, _ = kernel.shape
        groups = out if layer.depthwise else 1
        self.conv = nn.Conv2d(into * groups, out, side, stride=layer.stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=NORM_EPSILON)
        self.clipped = layer.clipped
        self.conv.load_state_dict({"weight": kernel})
        parts = self.norm.state_dict()
        self.norm.load_state_dict({part: torch.tensor(weights[f"{layer.norm}.{part}"]) for part in parts})

    def forward(self, x: Tensor) -> Tensor:
        side, stride = self.conv.kernel_size[0], self.conv.stride[0]
        top, bottom = same_padding(x.shape[2], side, stride)
        left, right = same_padding(x.shape[3], side, stride)
        if (top, left) == (bottom, right):
            y = F.conv2d(x, self.conv.weight, None, stride, (top, left), 1, self.conv.groups)
        else:
            y = self.conv(F.pad(x, (left, right, top, bottom)))
        y = self.norm(y)
        return F.relu6(y) if self.clipped else y
