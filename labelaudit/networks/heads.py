"""Fully connected networks: on features, and on pixels as one long vector."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from labelaudit.networks.frame import Network, StackedLinear


def linear(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Multinomial logistic regression on features."""
    return Network(nn.Identity(), copies, math.prod(shape), classes)


def mlp(shape: Sequence[int], classes: int, copies: int) -> Network:
    """One hidden layer of 256 ReLU units on features."""
    hidden = 256
    return Network(nn.Sequential(StackedLinear(copies, math.prod(shape), hidden), nn.ReLU()), copies, hidden, classes)


def mlp_2x512(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Two hidden layers of 512 ReLU units, on features or pixels: the MLP of GNI, with biases.

    Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020.
    """
    hidden = 512
    layers = [StackedLinear(copies, math.prod(shape), hidden), nn.ReLU(), StackedLinear(copies, hidden, hidden)]
    return Network(nn.Sequential(nn.Flatten(2), *layers, nn.ReLU()), copies, hidden, classes)
