"""Residual networks for images of about 32 pixels, as the papers use them on CIFAR.

Each ReLU is a layer of its own, so that noise can be injected after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from labelaudit.networks.frame import Bodies, Network, he_initialised


class Subsample(nn.Module):
    """He et al.'s option A, a shortcut without weights: every ``stride``-th pixel, new channels zero."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.added, self.stride = added, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        before = self.added // 2
        return nn.functional.pad(x, (0, 0, 0, 0, before, self.added - before))


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut: without weights, or with a 1×1 convolution where ``projected``."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(_conv(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU())
        self.second = nn.Sequential(_conv(outputs, outputs, 1), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            one = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = (
                nn.Sequential(one, nn.BatchNorm2d(outputs)) if projected else Subsample(outputs - inputs, stride)
            )
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.second(self.first(x)) + self.shortcut(x))
        return out


class WideBlock(nn.Module):
    """BatchNorm and ReLU before each convolution; a change of width is projected from behind the first pair."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.ready = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.first = nn.Sequential(_conv(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU())
        self.second = _conv(outputs, outputs, 1)
        same = stride == 1 and inputs == outputs
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        ready = self.ready(x)
        kept = x if self.shortcut is None else self.shortcut(ready)
        out: Tensor = self.second(self.first(ready)) + kept
        return out


def resnet32(shape: Sequence[int], classes: int, copies: int) -> Network:
    """ResNet-32 for 32-px images, the one of CRUST: 3 stages of 5 blocks, 16 to 64 channels.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, Section 4.2.
    """
    return _residual(shape, classes, copies, widths=(16, 32, 64), depths=(5, 5, 5), projected=False)


def resnet34(shape: Sequence[int], classes: int, copies: int) -> Network:
    """ResNet-34 for 32-px images, the one of LIMIT: a 3×3 stem and no pooling, 64 to 512 channels.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """
    return _residual(shape, classes, copies, widths=(64, 128, 256, 512), depths=(3, 4, 6, 3), projected=True)


def wrn28_2(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Wide ResNet 28-2 for 32-px images, the one of SLN: 3 stages of 4 blocks, 32 to 128 channels.

    Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016.
    SLN's code strides in the second convolution of a block and has biases in all of them; this is the original.
    """
    widths = (32, 64, 128)

    def make() -> nn.Module:
        layers: list[nn.Module] = [_conv(shape[2], 16, 1)]
        for stage, (before, width) in enumerate(pairwise((16, *widths))):
            layers.append(WideBlock(before, width, 2 if stage else 1))
            layers += [WideBlock(width, width, 1) for _ in range(3)]
        return he_initialised(
            nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        )

    return Network(Bodies(make, copies), copies, widths[-1], classes)


def _residual(
    shape: Sequence[int], classes: int, copies: int, *, widths: Sequence[int], depths: Sequence[int], projected: bool
) -> Network:
    def make() -> nn.Module:
        stem = nn.Sequential(_conv(shape[2], widths[0], 1), nn.BatchNorm2d(widths[0]), nn.ReLU())
        layers: list[nn.Module] = [stem]
        for stage, (before, width) in enumerate(pairwise((widths[0], *widths))):
            layers.append(Block(before, width, 2 if stage else 1, projected=projected))
            layers += [Block(width, width, 1, projected=projected) for _ in range(depths[stage] - 1)]
        return he_initialised(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()))

    return Network(Bodies(make, copies), copies, widths[-1], classes)


def _conv(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
