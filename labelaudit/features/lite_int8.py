"""EfficientNet-Lite in 8-bit integers, as an ONNX graph: less than half the time of float32 on a CPU with VNNI.

The ranges follow from the weights alone; no image is looked at, so an image's features depend on its bytes and the spec
only. ReLU6 bounds what it clips. Everything else stays, channel by channel, within `SPREAD` standard deviations of its
mean, and batch norm has recorded both over ImageNet: channels of a residual stream are scaled and shifted to fill the
range, which the convolutions before and after absorb. A kernel that sees several places is rounded so that its errors
cancel where these look alike. Rounding a kernel moves the mean of its output; by how much follows from the same
statistics, and is taken off the bias, which matters most (docs/log.md). Left out: ranges measured on sample images,
which come out worse, and 16-bit activations.

Source: Nagel et al. 2019, arXiv:1906.04721, sections 4.1 (scales), 4.1.3 (shifts) and 4.2 (means).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.features.lite import PIXEL_MEAN, PIXEL_STD, WIDTHS, Block, Layer, blocks, read_weights, same_padding
from labelaudit.features.lite_onnx import fold
from labelaudit.types import Floats

VERSION = 2
"""Raise it when features in int8 change: cached ones are then made again."""
SPREAD = 5.0
"""Standard deviations on either side of its mean that a channel without ReLU6 is given; the rest is clipped."""
ALIKE = 0.8
"""Correlation of neighbouring places in what a kernel sees; it falls with distance as a power, and once by colour."""
_SIX = 6.0
_MIDDLE = 128  # the integer that stands for the mean of a channel without ReLU6
_LEAST = 1e-3  # of the widest channel: no channel of a stream is taken to be narrower
_LARGEST_BIAS = 2.0**30
_ROUNDING = 1e-9  # a change of errors that is smaller is that of float64
_FLOAT, _UINT8 = 1, 2  # onnx.TensorProto


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """A quantised tensor: the integer q of channel c stands for the real number (q - zero) · step[c] + middle[c]."""

    name: str
    """Name of the uint8 tensor in the graph."""
    zero: int
    step: Floats
    """(c,)"""
    middle: Floats
    """(c,)"""
    mean: Floats
    """(c,) expected value of (real - middle) / step."""


@dataclass(frozen=True, kw_only=True)
class _Range:
    """Range that a tensor without ReLU6 is quantised with, see `_Tensor`."""

    step: Floats
    middle: Floats


def build_graph(variant: str, size: int, *, signed: bool = True) -> bytes:
    """A serialised model: uint8 ``pixels`` (B, size, size, 3) RGB -> float32 ``features`` (B, d).

    Integers are written as QuantizeLinear and DequantizeLinear around float operators, which ONNX Runtime replaces by
    integer kernels. Kernels are ``signed`` or offset by 128, with the same features bit for bit: signed ones are fast
    where a CPU has VNNI, and overflow on x86 without.
    """
    from onnx import helper

    weights = read_weights(variant)
    network = blocks(variant)
    ranges = _find_ranges(weights, network)
    graph = _Graph(weights, ranges, signed=signed)
    graph.add("Transpose", ["pixels"], "bytes", perm=[0, 3, 1, 2])
    at = _Tensor(
        name="bytes",
        zero=int(PIXEL_MEAN),
        step=np.full(3, 1 / PIXEL_STD),
        middle=np.zeros(3),
        mean=np.zeros(3),
    )
    side, means = size, []
    for block in network:
        entry = at
        for layer in block.layers:
            at = graph.convolve(at, layer, side)
            side = -(-side // layer.stride)
        if block.residual:
            at = graph.add_up(entry, at, ranges[f"{block.layers[-1].conv}.sum"])
        if block.factor:
            means.append(graph.average(at, block.factor))
    graph.add("Concat", means, "pooled", axis=1)
    graph.add("Flatten", ["pooled"], "features")
    tensor = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            f"{variant}@{size}-int8",
            [tensor("pixels", _UINT8, ["B", size, size, 3])],
            [tensor("features", _FLOAT, ["B", WIDTHS[variant]])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    serialised: bytes = model.SerializeToString()
    return serialised


class _Graph:
    """Nodes and constants of a quantised network while it is being written."""

    def __init__(self, weights: Mapping[str, Floats], ranges: Mapping[str, _Range], *, signed: bool) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._weights, self._ranges = weights, ranges
        self._offset = 0 if signed else 128
        self._kernels: npt.DTypeLike = np.int8 if signed else np.uint8
        self.constant("one", 1.0, np.float32)

    def constant(self, name: str, value: Any, dtype: npt.DTypeLike) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def read(self, tensor: _Tensor, *, scale: float = 1.0, reader: str = "") -> str:
        """The integers of ``tensor`` minus its zero, times ``scale``, as float32; a name of its own per ``reader``."""
        output = f"{tensor.name}.read{reader}"
        factor = "one" if scale == 1.0 else self.constant(f"{output}.scale", scale, np.float32)
        zero = self.constant(f"{output}.zero", tensor.zero, np.uint8)
        return self.add("DequantizeLinear", [tensor.name, factor, zero], output)

    def average(self, tensor: _Tensor, factor: float) -> str:
        """The means of ``tensor`` over the image, as real numbers times ``factor``."""
        mean = self.add("GlobalAveragePool", [self.read(tensor, reader=".mean")], f"{tensor.name}.mean")
        for kind, part in ("Mul", tensor.step), ("Add", tensor.middle):
            by = self.constant(f"{mean}.{kind}", (factor * part).reshape(1, -1, 1, 1), np.float32)
            mean = self.add(kind, [mean, by], f"{by}.out")
        return mean

    def round(self, name: str, zero: int) -> str:
        """``name`` plus ``zero`` in integers 0 to 255: this clips, at 0 and 6 behind a ReLU6."""
        offset = self.constant(f"{name}.zero", zero, np.uint8)
        return self.add("QuantizeLinear", [name, "one", offset], f"{name}.rounded")

    def convolve(self, source: _Tensor, layer: Layer, side: int) -> _Tensor:
        """The output of ``layer`` on ``source``, which is (B, c, side, side)."""
        found = self._range(layer)
        kernel, bias, scale = _round_kernel(self._weights, layer, source, found)
        name = layer.conv
        steps = self.constant(f"{name}.steps", scale, np.float32)
        inputs = [self.read(source)]
        for part, integers, zero, kind in (
            ("kernel", kernel + self._offset, self._offset, self._kernels),
            ("bias", bias, 0, np.int32),
        ):
            values = self.constant(f"{name}.{part}.integers", integers, kind)
            zeros = self.constant(f"{name}.{part}.zeros", np.full(len(bias), zero), kind)
            inputs.append(self.add("DequantizeLinear", [values, steps, zeros], f"{name}.{part}", axis=0))
        before, after = same_padding(side, kernel.shape[2], layer.stride)
        self.add(
            "Conv",
            inputs,
            found.name,
            kernel_shape=kernel.shape[2:],
            strides=[layer.stride] * 2,
            pads=[before, before, after, after],
            group=len(kernel) if layer.depthwise else 1,
        )
        return replace(found, name=self.round(found.name, found.zero))

    def _range(self, layer: Layer) -> _Tensor:
        """The range that the output of ``layer`` is quantised with, before it is rounded."""
        name = f"{layer.conv}.out"
        mean, spread = _statistics(self._weights, layer)
        if not layer.clipped:
            found = self._ranges[layer.conv]
            return _Tensor(
                name=name,
                zero=_MIDDLE,
                step=found.step,
                middle=found.middle,
                mean=(mean - found.middle) / found.step,
            )
        step = np.full(len(mean), _SIX / 255)
        return _Tensor(
            name=name, zero=0, step=step, middle=np.zeros(len(mean)), mean=_clipped_mean(mean, spread) / step
        )

    def add_up(self, entry: _Tensor, added: _Tensor, total: _Range) -> _Tensor:
        """``entry`` + ``added``. Steps in one stream differ by a factor only, and middles add up."""
        factors = [float((tensor.step / total.step).mean()) for tensor in (entry, added)]
        inputs = [
            self.read(tensor, scale=factor, reader=".sum")
            for tensor, factor in zip((entry, added), factors, strict=True)
        ]
        name = self.add("Add", inputs, f"{added.name}.sum")
        mean = (
            entry.middle + entry.mean * entry.step + added.middle + added.mean * added.step - total.middle
        ) / total.step
        return _Tensor(name=self.round(name, _MIDDLE), zero=_MIDDLE, step=total.step, middle=total.middle, mean=mean)


def _round_kernel(
    weights: Mapping[str, Floats], layer: Layer, source: _Tensor, output: _Tensor
) -> tuple[Floats, Floats, Floats]:
    """Kernel (c, ·, h, w) and bias (c,) of ``layer`` in whole numbers, and what one is worth (c,) in output steps.

    The bias takes back what rounding the kernel adds to the mean of the output.
    """
    kernel, bias = (part.astype(np.float64) for part in fold(weights, layer))
    if layer.depthwise:
        bias = (bias - output.middle) / output.step
        kernel = kernel * (source.step / output.step)[:, None, None, None]
    else:
        bias = (bias + kernel.sum(axis=(2, 3)) @ source.middle - output.middle) / output.step
        kernel = kernel * source.step[:, None, None] / output.step[:, None, None, None]
    widest = np.abs(kernel).max(axis=(1, 2, 3)) / 127
    scale: Floats = np.maximum(widest, np.abs(bias) / _LARGEST_BIAS).astype(np.float32)
    rounded = _round_alike(kernel / scale[:, None, None, None])
    added = (rounded * scale[:, None, None, None] - kernel).sum(axis=(2, 3))
    bias = bias - (added[:, 0] * source.mean if layer.depthwise else added @ source.mean)
    return rounded, np.rint(bias / scale), scale


def _round_alike(kernel: Floats) -> Floats:
    """Whole numbers near ``kernel`` (c, planes, h, w), all within 127, whose errors cancel where places look alike.

    What the errors e of one output add to it is, on average over images, e R e, with R the correlation of the places.
    Beginning with the nearest whole numbers, each output's e R e is made smaller by one step of one number at a time
    as long as that is possible. A kernel of one place keeps the nearest: what channels have in common is not known.
    """
    if kernel.shape[2] == 1:
        return np.rint(kernel)
    plane, *at = np.indices(kernel.shape[1:]).reshape(3, -1)
    apart = np.hypot(*(place[:, None] - place for place in at)) + (plane[:, None] != plane)
    alike = ALIKE**apart
    exact, outputs = kernel.reshape(len(kernel), -1), np.arange(len(kernel))
    rounded = np.rint(exact)
    errors = rounded - exact
    while True:
        slope = errors @ alike
        step = np.where(slope > 0, -1.0, 1.0)
        change = np.where(np.abs(rounded + step) > 127, np.inf, 1 - 2 * np.abs(slope))  # of e R e, by a step of each
        best = change.argmin(axis=1)
        better = np.flatnonzero(change[outputs, best] < -_ROUNDING)
        if not len(better):
            return rounded.reshape(kernel.shape)
        where = (better, best[better])
        rounded[where] += step[where]
        errors[where] += step[where]


def _find_ranges(weights: Mapping[str, Floats], network: Sequence[Block]) -> dict[str, _Range]:
    """Range of every layer without ReLU6, by its ``conv``, and of every residual sum, by that and ``.sum``.

    What one block puts out and the next adds to it is one stream: its tensors share each channel's step up to a factor.
    A sum is as wide as if its parts were independent.
    """
    streams: list[list[tuple[str, Floats, Floats]]] = []
    for block in network:
        layer = block.layers[-1]
        if layer.clipped:
            continue
        mean, spread = _statistics(weights, layer)
        if not block.residual:
            streams.append([(layer.conv, mean, spread)])
            continue
        _, before, wide = streams[-1][-1]
        streams[-1] += [(layer.conv, mean, spread), (f"{layer.conv}.sum", before + mean, np.hypot(wide, spread))]
    ranges = {}
    for stream in streams:
        unit = np.max([spread for *_, spread in stream], axis=0)
        unit = np.maximum(unit, _LEAST * unit.max())
        for name, mean, spread in stream:
            factor = float((spread / unit).max())
            ranges[name] = _Range(step=unit * (SPREAD * factor / (_MIDDLE - 1)), middle=mean)
    return ranges


def _statistics(weights: Mapping[str, Floats], layer: Layer) -> tuple[Floats, Floats]:
    """Mean (c,) and standard deviation (c,) over ImageNet of what leaves the batch norm of ``layer``."""
    mean, spread = (weights[f"{layer.norm}.{part}"].astype(np.float64) for part in ("bias", "weight"))
    return mean, np.abs(spread)


def _clipped_mean(mean: Floats, spread: Floats) -> Floats:
    """(c,) mean of ReLU6 of a normal variable."""
    from scipy.stats import norm

    spread = np.maximum(spread, 1e-9)
    low, high = -mean / spread, (_SIX - mean) / spread
    inside = mean * (norm.cdf(high) - norm.cdf(low)) + spread * (norm.pdf(low) - norm.pdf(high))
    return np.asarray(inside + _SIX * norm.sf(high))
