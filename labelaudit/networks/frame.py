"""The networks that methods train, by name: heads on features, small CNNs on pixels.

Every network holds F independent copies (one per fold) and maps (F, B, …) to logits (F, B, C), so that the folds of
a cross-fit train as one batched matrix product. Left out: the papers' ResNets and pretrained backbones.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from labelaudit.errors import OptionError, unknown_name


class StackedLinear(nn.Module):
    """F linear layers side by side: (F, B, inputs) to (F, B, outputs)."""

    def __init__(self, copies: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(copies, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(copies, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class Network(nn.Module):
    """F copies of ``body`` (…→ d_a) followed by a linear layer (d_a → C)."""

    def __init__(self, body: nn.Module, copies: int, width: int, classes: int) -> None:
        super().__init__()
        self.copies = copies
        self.body = body
        self.last = StackedLinear(copies, width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (F, B, C) of x (F, B, …); copy f sees only x[f]."""
        logits: Tensor = self.last(self.body(x))
        return logits


class Average:
    """An exponential moving average of a network's parameters and float buffers, usable from the first step.

    ``momentum`` is lowered to ``1 - 10 / steps`` where a run of ``steps`` updates would be too short for it to leave
    the initialisation; early on the average follows fast, as ``(1 + t) / (10 + t)``.
    """

    def __init__(self, network: Network, *, momentum: float, steps: int) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.momentum = min(momentum, max(0.0, 1 - 10 / max(steps, 1)))
        self._step = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Move the average one step towards ``network``; integer buffers are copied."""
        momentum = min(self.momentum, (1 + self._step) / (10 + self._step))
        self._step += 1
        ours, theirs = self.network.state_dict().values(), network.state_dict().values()
        floating = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], 1 - momentum)
        for a, b in zip(ours, theirs, strict=True):
            if not a.is_floating_point():
                a.copy_(b)


class Bodies(nn.Module):
    """F convolutional bodies, each on its own (B, c, H, W) batch."""

    def __init__(self, make: Callable[[], nn.Module], copies: int) -> None:
        super().__init__()
        self.copies = nn.ModuleList(make() for _ in range(copies))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([body(x[f]) for f, body in enumerate(self.copies)])


def _linear(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Multinomial logistic regression on features."""
    return Network(nn.Identity(), copies, _width_of(shape), classes)


def _mlp(shape: Sequence[int], classes: int, copies: int) -> Network:
    """One hidden layer of 256 ReLU units on features."""
    hidden = 256
    return Network(nn.Sequential(StackedLinear(copies, _width_of(shape), hidden), nn.ReLU()), copies, hidden, classes)


def _block(inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def _cnn(shape: Sequence[int], classes: int, copies: int) -> Network:
    """Light CNN for images of 8 to 64 px: 3×3 convolutions, halved until 4 px or less, global average pooling."""
    height, width, channels = _image_shape(shape)
    halvings = max(1, math.ceil(math.log2(min(height, width) / 4)))

    widths = [min(16 * 2**i, 128) for i in range(halvings + 2)]

    def make() -> nn.Module:
        layers = [_block(channels, widths[0], 3, 1, 1)]
        layers += [_block(before, after, 3, 2, 1) for before, after in pairwise(widths[:-1])]
        layers.append(_block(widths[-2], widths[-1], 3, 1, 1))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    return Network(Bodies(make, copies), copies, widths[-1], classes)


def _mnist_cnn(shape: Sequence[int], classes: int, copies: int) -> Network:
    """The CNN of LIMIT (Harutyunyan et al. 2020, Table 3) for 28-px images: 4 convolutions, 128 hidden units."""
    height, width, channels = _image_shape(shape)
    if min(height, width) < _MNIST_CNN_SIDE:
        least = f"at least {_MNIST_CNN_SIDE} px, not {width}×{height}"
        raise OptionError(f"network 'mnist_cnn' needs images of {least}: use 'cnn'")

    def make() -> nn.Module:
        blocks = [_block(channels, 32, 4, 2, 1), _block(32, 32, 4, 2, 1), _block(32, 64, 3, 2, 0)]
        blocks.append(_block(64, 256, 3, 1, 0))
        body = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(body, nn.Linear(256, 128), nn.ReLU())

    return Network(Bodies(make, copies), copies, 128, classes)


_MNIST_CNN_SIDE = 28  # its strides leave nothing of smaller images; on larger ones it is five times faster than `cnn`
_GLOBAL_RANDOM = threading.Lock()  # torch initialises layers from its global generator; folds are built in threads
_FEATURES = {"linear": _linear, "mlp": _mlp}
_PIXELS = {"cnn": _cnn, "mnist_cnn": _mnist_cnn}


def network_names(*, pixels: bool) -> tuple[str, ...]:
    """Names that `build` takes for inputs of this kind.

    >>> network_names(pixels=False)
    ('linear', 'mlp')
    """
    return tuple(_PIXELS if pixels else _FEATURES)


def default_network(shape: Sequence[int]) -> str:
    """The network for one sample's shape: (d,) features or (H, W, c) pixels."""
    if len(shape) == 1:
        return "mlp"
    return "mnist_cnn" if min(shape[:2]) >= _MNIST_CNN_SIDE else "cnn"


def build(name: str, shape: Sequence[int], classes: int, *, copies: int = 1, seed: int = 0) -> Network:
    """F = ``copies`` freshly initialised networks for samples of ``shape``: (d,) features or (H, W, c) pixels.

    The same seed gives the same weights and leaves torch's global random state as it was. Raises `OptionError` for a
    name that is unknown for this kind of input.

    >>> build("linear", (64,), 10, copies=5)(torch.zeros(5, 3, 64)).shape
    torch.Size([5, 3, 10])
    """
    table = _FEATURES if len(shape) == 1 else _PIXELS
    if name not in table:
        raise unknown_name(f"network for {'features' if len(shape) == 1 else 'pixels'}", name, table)
    with _GLOBAL_RANDOM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return table[name](shape, classes, copies)


def _width_of(shape: Sequence[int]) -> int:
    (width,) = shape
    return width


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    height, width, channels = shape
    return height, width, channels
