"""Fully connected networks: on features, and on pixels as one long vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import nn

from labelaudit.networks.frame import Network, StackedLinear


def linear(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Multinomial logistic regression on features."""
    return Network(nn.Identity(), copies, math.prod(shape), classes)


def mlp(shape: Sequence[int], classes: int, copies: int) -> Network:
    """One hidden layer of 256 ReLU units on features."""
    hidden = 256
    return Network(nn.Sequential(StackedLinear(copies, math.prod(shape), hidden), nn.ReLU()), copies, hidden, classes)


def deep(depth: int, width: int, *, smooth: bool = False) -> Callable[[Sequence[int], int, int], Network]:
    """The maker of a network of ``depth`` hidden layers of ``width`` units, on features or pixels as one long vector.

    ``smooth`` units are ELU, others ReLU.
    """

    def make(shape: Sequence[int], classes: int, copies: int) -> Network:
        layers: list[nn.Module] = [nn.Flatten(2)]
        for inputs in (math.prod(shape), *[width] * (depth - 1)):
            layers += [StackedLinear(copies, inputs, width), nn.ELU() if smooth else nn.ReLU()]
        return Network(nn.Sequential(*layers), copies, width, classes)

    units = "ELU" if smooth else "ReLU"
    make.__doc__ = (
        f"""{depth} hidden layers of {width} {units} units, on features or pixels.{_USED.get((depth, width), "")}"""
    )
    return make


_USED = {
    (2, 512): " The MLP of GNI, with biases; its figures have ELU.\n\n"
    'Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020.',
    (4, 512): " The MLP of LIMIT's first figure, whose code has BatchNorm as well.\n\n"
    'Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights", '
    "ICML 2020.",
    (6, 256): " For functions of one variable.\n\n"
    'Rahaman et al., "On the Spectral Bias of Neural Networks", ICML 2019.',
    (2, 32): " A small one.",
}
MLPS = {
    f"mlp_{depth}x{width}{'_elu' if smooth else ''}": deep(depth, width, smooth=smooth)
    for depth, width in _USED
    for smooth in (False, True)
}
"""Name -> network."""
