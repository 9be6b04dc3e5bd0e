"""Runners turn a batch of pixels into features: ONNX Runtime on CPU, torch on CUDA and for timm models.

A runner takes uint8 (B, size, size, 3) and returns float32 (B, d). Normalisation happens inside, so what decodes hands
over bytes. Features in int8 are made on the CPU wherever the rest runs, and are the same bits on each. Left out: half
precision and TF32, since float32 features from CPU and CUDA share a cache and must agree to 1e-3.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from labelaudit.errors import BackboneError, first_line
from labelaudit.features import lite, lite_int8, lite_onnx
from labelaudit.features.specs import Spec
from labelaudit.machine import multiplies_bytes
from labelaudit.types import Floats

Pixels = npt.NDArray[np.uint8]
CPU_BATCH = 8
"""Images that a core computes at once: larger batches gain nothing and leave its cache."""


class Runner(Protocol):
    """A loaded backbone at one size. Safe to call from several threads."""

    def __call__(self, pixels: Pixels) -> Floats: ...


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A backbone that is known to exist; ``load`` builds what runs it."""

    spec: Spec
    width: int
    """d: features per image."""
    identity: Mapping[str, Any]
    """JSON-able: whatever changes the features."""
    load: Callable[[], Runner]


def find_backbone(spec: Spec, device: str) -> Backbone:
    """The backbone of ``spec``, run on ``device`` (``cpu``, ``cuda``, ``cuda:1``); raises `BackboneError`."""
    if not spec.embedded:
        from labelaudit.features.timm_models import TimmModule

        module = TimmModule(spec.name, spec.size)
        return Backbone(
            spec=spec, width=module.width, identity=module.identity, load=lambda: TorchRunner(module, device)
        )
    identity = {"weights": lite.weights_path(spec.name).name, "mean": lite.PIXEL_MEAN, "std": lite.PIXEL_STD}
    identity["factors"] = [block.factor for block in lite.blocks(spec.name) if block.factor]
    if spec.precision == "int8":
        identity["int8"] = lite_int8.VERSION

    def load() -> Runner:
        if spec.precision == "int8" or device == "cpu":  # integers are for CPUs; on a GPU float32 is the fast one
            return OnnxRunner(_build_graph(spec))
        from labelaudit.features.lite_torch import Lite

        return TorchRunner(Lite(spec.name), device)

    return Backbone(spec=spec, width=lite.WIDTHS[spec.name], identity=identity, load=load)


@lru_cache(maxsize=8)
def _build_graph(spec: Spec) -> bytes:
    """The ONNX graph of an embedded network, kept: a scan asks for it twice, to forecast and to embed."""
    if spec.precision == "int8":
        return lite_int8.build_graph(spec.name, spec.size, signed=multiplies_bytes())
    return lite_onnx.build_graph(spec.name, spec.size)


def import_onnxruntime() -> Any:
    """ONNX Runtime, with the reports that it sends its maker switched off; nothing else here may import it.

    From 1.29 on it reports device, system and Python's path on Linux as soon as it is loaded, so that only the variable
    it reads then can stop it: ``disable_telemetry_events`` comes too late (microsoft/onnxruntime#25573). A value that
    ``ORT_DISABLE_TELEMETRY`` has already stays.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


class OnnxRunner:
    """An embedded network in one session that the calling threads share, each computing on its own core."""

    def __init__(self, graph: bytes) -> None:
        onnxruntime = import_onnxruntime()

        options = onnxruntime.SessionOptions()
        # Threads of our own instead of the session's: they decode as well, and none spins while it waits.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The planned memory block is mapped and unmapped at every call, which costs a fifth of the time.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: Pixels) -> Floats:
        batches = [pixels[at : at + CPU_BATCH] for at in range(0, max(1, len(pixels)), CPU_BATCH)]
        return np.concatenate([self._session.run(None, {"pixels": batch})[0] for batch in batches])


class TorchRunner:
    """A torch module from pixels (B, H, W, 3) to features (B, d), one batch at a time."""

    def __init__(self, module: Any, device: str) -> None:
        import torch

        self._device, self._lock = device, threading.Lock()
        try:
            self._module = module.eval().to(device, memory_format=torch.channels_last)
        except (RuntimeError, AssertionError) as error:
            raise BackboneError(f"device '{device}' cannot be used: {first_line(error)}; try device cpu") from error

    def __call__(self, pixels: Pixels) -> Floats:
        import torch

        with self._lock, torch.inference_mode(), _full_float32(self._device):
            batch = torch.from_numpy(pixels).to(self._device)
            features: Floats = self._module(batch).float().cpu().numpy()
        return features


def _full_float32(device: str) -> contextlib.AbstractContextManager[Any]:
    """No TF32 in convolutions: it differs from the CPU by more than 1e-3."""
    import torch

    if not device.startswith("cuda"):
        return contextlib.nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
