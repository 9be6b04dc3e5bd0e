"""What turns a batch of pixels into features: ONNX Runtime on CPU, torch on CUDA and for timm names.

A runner takes uint8 (B, size, size, 3) and returns float32 (B, d); normalisation is inside, so that decoding hands
over bytes. Left out: half precision, because the features of CPU and CUDA must agree to 1e-3.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from labelaudit.backbones import lite
from labelaudit.errors import BackboneError
from labelaudit.types import Floats

if TYPE_CHECKING:
    import torch

Pixels = npt.NDArray[np.uint8]


class Runner(Protocol):
    """A loaded backbone at one size. Safe to call from several threads."""

    width: int

    def __call__(self, pixels: Pixels) -> Floats: ...


class OnnxRunner:
    """The embedded network in one shared session; every calling thread computes on its own core."""

    width = lite.WIDTH

    def __init__(self, variant: str, size: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            lite.onnx_graph(variant, size), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, pixels: Pixels) -> Floats:
        features: Floats = self._session.run(None, {"pixels": pixels})[0]
        return features


class TorchRunner:
    """A module from uint8 pixels to features on a device, one batch at a time."""

    def __init__(self, module: torch.nn.Module, width: int, device: str) -> None:
        import torch

        self.width = width
        self._device = device
        self._lock = threading.Lock()
        try:
            self._module = module.eval().to(device, memory_format=torch.channels_last)
        except (RuntimeError, AssertionError) as error:
            raise BackboneError(f"device '{device}' cannot be used ({_line(error)}); try --device cpu") from error

    def __call__(self, pixels: Pixels) -> Floats:
        import torch

        # Full float32 convolutions: TF32 would differ from the CPU features by more than 1e-3.
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with self._lock, torch.inference_mode(), exact:
            features = self._module(torch.from_numpy(pixels).to(self._device))
            array: Floats = features.float().cpu().numpy()
        return array


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def timm_runner(name: str, size: int, device: str) -> TorchRunner:
    """Any timm model by name, its pooled features, with the normalisation its weights were trained with."""
    module, config = _timm_model(name, size)
    return TorchRunner(_Normalised(module, config), int(module.num_features), device)


def _timm_model(name: str, size: int) -> tuple[Any, dict[str, Any]]:
    raise NotImplementedError


def _Normalised(module: Any, config: dict[str, Any]) -> Any:
    raise NotImplementedError
