"""Plain convolutional networks for small images: the default ones, and those of the papers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from labelaudit.errors import OptionError
from labelaudit.networks.frame import Bodies, Network, he_initialised

MNIST_CNN_SIDE = 28
"""Its strides leave nothing of smaller images; on larger ones it is five times faster than `cnn`."""
_LENET_SIDE = 16


def cnn(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Light CNN for images of 8 to 64 px: 3×3 convolutions, halved until 4 px or less, global average pooling."""
    height, width, channels = shape
    halvings = max(1, math.ceil(math.log2(min(height, width) / 4)))

    widths = [min(16 * 2**i, 128) for i in range(halvings + 2)]

    def make() -> nn.Module:
        layers = [_block(channels, widths[0], 3, 1, 1)]
        layers += [_block(before, after, 3, 2, 1) for before, after in pairwise(widths[:-1])]
        layers.append(_block(widths[-2], widths[-1], 3, 1, 1))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    return Network(Bodies(make, copies), copies, widths[-1], classes)


def mnist_cnn(shape: Sequence[int], classes: int, copies: int) -> Network:
    """The CNN of LIMIT (its Table 3) for images from 28 px: 4 convolutions, 128 hidden units.

    Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights",
    ICML 2020.
    """
    _check_side("mnist_cnn", shape, MNIST_CNN_SIDE)
    channels = shape[2]

    def make() -> nn.Module:
        blocks = [_block(channels, 32, 4, 2, 1), _block(32, 32, 4, 2, 1), _block(32, 64, 3, 2, 0)]
        blocks.append(_block(64, 256, 3, 1, 0))
        body = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(body, nn.Linear(256, 128), nn.ReLU())

    return Network(Bodies(make, copies), copies, 128, classes)


def lenet5(shape: Sequence[int], classes: int, copies: int) -> Network:
    """LeNet-5 as in SN for images from 16 px, BatchNorm after every layer but the last: 2 convolutions, 120, 84 units.

    Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022.
    The first fully connected layer is a convolution over all that is left, which is the same thing.
    """
    _check_side("lenet5", shape, _LENET_SIDE)
    left = [((side - 4) // 2 - 4) // 2 for side in shape[:2]]

    def make() -> nn.Module:
        first = [_block(shape[2], 6, 5, 1, 0), nn.MaxPool2d(2), _block(6, 16, 5, 1, 0), nn.MaxPool2d(2)]
        rest = [_block(16, 120, (left[0], left[1]), 1, 0), _block(120, 84, 1, 1, 0), nn.Flatten()]
        return he_initialised(nn.Sequential(*first, *rest))

    return Network(Bodies(make, copies), copies, 84, classes)


def allcnn(shape: Sequence[int], classes: int, copies: int) -> Network:
    """AllCNN as in SN for 32-px images: 8 convolutions of 3×3, two poolings, then a 1×1 one to classes.

    Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022.
    The 1×1 convolution before the global average is the linear layer after it. The released code has BatchNorm and a
    ReLU in between, which keeps logits positive; this does not.
    """
    _check_side("allcnn", shape, 4)

    def make() -> nn.Module:
        layers: list[nn.Module] = []
        for before, after in pairwise((shape[2], 96, 96, 96)):
            layers.append(_block(before, after, 3, 1, 1))
        layers.append(nn.MaxPool2d(2))
        for before, after in pairwise((96, 192, 192, 192)):
            layers.append(_block(before, after, 3, 1, 1))
        layers.append(nn.MaxPool2d(2))
        layers += [_block(192, 192, 3, 1, 1), _block(192, 192, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return he_initialised(nn.Sequential(*layers))

    return Network(Bodies(make, copies), copies, 192, classes)


def _block(inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int, padding: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def _check_side(name: str, shape: Sequence[int], least: int) -> None:
    height, width, _ = shape
    if min(height, width) < least:
        raise OptionError(f"network '{name}' needs images of at least {least} px, not {width}×{height}: use 'cnn'")
