"""The networks that methods train, by name: heads on features, small networks on pixels, those of the papers.

Every network holds F independent copies (one per fold) and maps (F, B, …) to logits (F, B, C), so that the folds of
a cross-fit train side by side. A new one is a function (shape, classes, copies) -> `Network` and a line in a
table here.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from labelaudit.errors import OptionError, unknown_name
from labelaudit.features.lite import SIZES
from labelaudit.networks import convolutional, embedded, heads, residual
from labelaudit.networks.frame import Average, Bodies, Network, StackedLinear
from labelaudit.networks.published import SIDE, SOURCES, published
from labelaudit.networks.weights import read_weights, start_from

__all__ = [
    "Average",
    "Bodies",
    "Network",
    "StackedLinear",
    "begins_trained",
    "build",
    "count_parameters",
    "default_network",
    "is_published",
    "network_names",
    "network_text",
    "read_weights",
    "start_from",
    "unknown_network",
    "usual_shape",
    "usual_side",
]

Make = Callable[[Sequence[int], int, int], Network]

_GLOBAL_RANDOM = threading.Lock()  # torch initialises layers from its global generator; folds are built in threads
_HEAD_FEATURES = 384  # what a scan gives to heads
_SHAPES = dict.fromkeys(("mnist_cnn", "lenet5", *heads.MLPS), (28, 28, 1))
_FEATURES: Mapping[str, Make] = {"linear": heads.linear, "mlp": heads.mlp, **heads.MLPS}
_PIXELS: Mapping[str, Make] = {
    "cnn": convolutional.cnn,
    "mnist_cnn": convolutional.mnist_cnn,
    "lenet5": convolutional.lenet5,
    "allcnn": convolutional.allcnn,
    "resnet32": residual.resnet32,
    "resnet34": residual.resnet34,
    "wrn28_2": residual.wrn28_2,
    **heads.MLPS,
    **embedded.LITES,
}


def network_names(*, pixels: bool) -> tuple[str, ...]:
    """Names that `build` takes for inputs of this kind; for pixels ``timm:NAME`` and ``torchvision:NAME`` too.

    >>> network_names(pixels=False)[:3]
    ('linear', 'mlp', 'mlp_2x512')
    """
    return tuple(_PIXELS if pixels else _FEATURES)


def is_published(name: str | None) -> bool:
    """Whether ``name`` is a network of timm or torchvision.

    >>> is_published("timm:resnet18"), is_published("resnet32")
    (True, False)
    """
    source, colon, _ = (name or "").partition(":")
    return bool(colon) and source in SOURCES


def unknown_network(name: str, *, pixels: bool) -> OptionError:
    """The error for a ``name`` that `build` does not take for inputs of this kind.

    >>> str(unknown_network("linear", pixels=True)).partition(":")[0]
    "network 'linear' is for features, not pixels"
    """
    known = network_names(pixels=pixels)
    kind, other = ("pixels", "features") if pixels else ("features", "pixels")
    if name in network_names(pixels=not pixels) or is_published(name):
        return OptionError(f"network '{name}' is for {other}, not {kind}: choose from {', '.join(known)}")
    return unknown_name(f"network for {kind}", name, known)


def begins_trained(network: str | None, init: object = None) -> bool:
    """Whether ``network`` starts from published weights, by itself or by ``init``: a file of them or ``pretrained``.

    >>> begins_trained("lite0"), begins_trained("timm:resnet18"), begins_trained("timm:resnet18", "pretrained")
    (True, False, True)
    """
    file = isinstance(init, Path) and not init.is_dir()  # a folder is a model of labelaudit's own
    return network in SIZES or (is_published(network) and (file or init == "pretrained"))


def usual_side(network: str | None) -> int | None:
    """Side in pixels of the images that ``network`` is meant for; ``None`` where it takes them as they are."""
    return SIDE if is_published(network) else SIZES.get(network or "")


def usual_shape(name: str) -> tuple[int, ...]:
    """One sample of what a network is used on, (H, W, c) or (d,), such as by its paper.

    >>> usual_shape("resnet32"), usual_shape("linear")
    ((32, 32, 3), (384,))
    """
    if side := usual_side(name):
        return (side, side, 3)
    return _SHAPES.get(name, (32, 32, 3)) if name in _PIXELS else (_HEAD_FEATURES,)


def network_text(name: str) -> str:
    """The docstring of a network of `network_names`; its first line says what it is."""
    return inspect.getdoc({**_FEATURES, **_PIXELS}[name]) or ""


def count_parameters(name: str, shape: Sequence[int], classes: int) -> int:
    """Numbers that training changes, counted without making them.

    >>> count_parameters("linear", (64,), 10)
    650
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(name, shape, classes).parameters())


def default_network(shape: Sequence[int]) -> str:
    """The network for one sample's shape: (d,) features or (H, W, c) pixels."""
    if len(shape) == 1:
        return "mlp"
    return "mnist_cnn" if min(shape[:2]) >= convolutional.MNIST_CNN_SIDE else "cnn"


def build(
    name: str, shape: Sequence[int], classes: int, *, copies: int = 1, seed: int = 0, pretrained: bool = False
) -> Network:
    """F = ``copies`` freshly initialised networks for samples of ``shape``: (d,) features or (H, W, c) pixels.

    With ``pretrained``, a network of timm or torchvision brings its published weights, which are fetched where they are
    not on this machine; its last layer is new. The same seed gives the same weights and leaves torch's global random
    state as it was. Raises `OptionError` for a name that is unknown for this kind of input.

    >>> build("linear", (64,), 10, copies=5)(torch.zeros(5, 3, 64)).shape
    torch.Size([5, 3, 10])
    """
    table = _FEATURES if len(shape) == 1 else _PIXELS
    outside = len(shape) == 3 and is_published(name)
    if not outside and name not in table:
        raise unknown_network(name, pixels=len(shape) == 3)
    if pretrained and not outside:
        raise OptionError(f"network '{name}' has no published weights: give a file, or timm:NAME or torchvision:NAME")
    with _GLOBAL_RANDOM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if outside:
            made = published(name, shape, classes, copies, pretrained=pretrained)
        else:
            made = table[name](shape, classes, copies)
    made.shape = tuple(shape)
    return made
