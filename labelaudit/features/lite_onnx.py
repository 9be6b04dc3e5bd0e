"""EfficientNet-Lite as an ONNX graph, written node by node: no tracing, no exporter, a fraction of a second.

Left out: a file of the graph; building it costs less than keeping a cached one trustworthy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labelaudit.features.lite import (
    NORM_EPSILON,
    PIXEL_MEAN,
    PIXEL_STD,
    WIDTHS,
    Layer,
    blocks,
    read_weights,
    same_padding,
)
from labelaudit.types import Floats


def build_graph(variant: str, size: int) -> bytes:
    """A serialised model: uint8 ``pixels`` (B, size, size, 3) RGB -> float32 ``features`` (B, d)."""
    from onnx import TensorProto, helper, numpy_helper

    weights = read_weights(variant)
    constants = [
        numpy_helper.from_array(np.array(value, dtype=dtype), name)
        for name, value, dtype in (
            ("mean", PIXEL_MEAN, np.uint8),
            ("scale", 1 / PIXEL_STD, np.float32),
            ("zero", 0, np.float32),
            ("six", 6, np.float32),
        )
    ]
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["bytes"], perm=[0, 3, 1, 2]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "mean"], ["planes"]),  # (bytes - mean) * scale
    ]
    at, side, means = "planes", size, []
    for block in blocks(variant):
        entry = at
        for layer in block.layers:
            kernel, bias = fold(weights, layer)
            constants += [numpy_helper.from_array(kernel, layer.conv), numpy_helper.from_array(bias, layer.norm)]
            before, after = same_padding(side, kernel.shape[2], layer.stride)
            convolution = helper.make_node(
                "Conv",
                [at, layer.conv, layer.norm],
                [f"{layer.conv}.out"],
                kernel_shape=kernel.shape[2:],
                strides=[layer.stride] * 2,
                pads=[before, before, after, after],
                group=len(kernel) if layer.depthwise else 1,
            )
            nodes.append(convolution)
            at, side = f"{layer.conv}.out", -(-side // layer.stride)
            if layer.clipped:
                nodes.append(helper.make_node("Clip", [at, "zero", "six"], [f"{layer.conv}.clipped"]))
                at = f"{layer.conv}.clipped"
        if block.residual:
            nodes.append(helper.make_node("Add", [entry, at], [f"{at}.sum"]))
            at = f"{at}.sum"
        if block.factor:
            constants.append(numpy_helper.from_array(np.array(block.factor, dtype=np.float32), f"{at}.factor"))
            nodes += [
                helper.make_node("GlobalAveragePool", [at], [f"{at}.mean"]),
                helper.make_node("Mul", [f"{at}.mean", f"{at}.factor"], [f"{at}.scaled"]),
            ]
            means.append(f"{at}.scaled")
    nodes += [
        helper.make_node("Concat", means, ["pooled"], axis=1),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["B", size, size, 3])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", WIDTHS[variant]])
    graph = helper.make_graph(nodes, f"{variant}@{size}", [pixels], [features], constants)
    # Opset 17 in IR 8: every onnxruntime that the project allows reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


def fold(weights: Mapping[str, Floats], layer: Layer) -> tuple[Floats, Floats]:
    """(kernel, bias), float32, of the one convolution that equals ``layer``'s convolution and batch norm."""
    scale, bias, mean, variance = (
        weights[f"{layer.norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = scale / np.sqrt(variance + NORM_EPSILON)
    kernel = weights[f"{layer.conv}.weight"] * scale[:, None, None, None]
    return kernel.astype(np.float32), (bias - mean * scale).astype(np.float32)
