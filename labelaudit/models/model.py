"""A trained network: pixels or features in, class probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelaudit.errors import DataError
from labelaudit.networks import Network, build
from labelaudit.regularizers import RegularizedStep, configure_all
from labelaudit.training.batches import DeviceDataset, Scaling

WEIGHTS = "model.safetensors"
"""Name of the weights in a MODEL folder."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A trained network with its class names and input scaling; `predict` gives class probabilities."""

    network: Network
    classes: tuple[str, ...]
    """(C,) names, in the order of the columns of `predict`."""
    shape: tuple[int, ...]
    """Shape of one sample: (d,) features or (H, W, c) pixels."""
    scaling: Scaling
    settings: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: what shaped the run."""

    @property
    def device(self) -> str:
        """The device it runs on."""
        return str(self.scaling.mean.device)

    def predict(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Probabilities (n, C) of (n, H, W, c) uint8 pixels or (n, d) features; raises `DataError` for others."""
        if not hasattr(x, "shape"):  # Squares have one
            x = np.asarray(x)
        if x.shape[1:] != self.shape or (len(self.shape) == 3 and x.dtype != np.uint8):
            kind = "features"
            if len(self.shape) == 3:
                kind = f"uint8 pixels, as `labelaudit.data.pixels.load_pixels(images, {self.shape[0]})` makes them"
            wanted = ", ".join(["n", *map(str, self.shape)])
            raise DataError(f"this model got {x.shape} {x.dtype}, and takes ({wanted}) {kind}")
        if not len(x):
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        labels = np.zeros(len(x), dtype=np.int64)
        inputs = DeviceDataset(x, labels, len(self.classes), device=self.device, augment="none", scaling=self.scaling)
        self.network.eval()
        logits = inputs.evaluate(lambda part: self.network(part).unsqueeze(0), 1)[0, 0]
        probs: npt.NDArray[np.float32] = logits.softmax(-1).cpu().numpy()
        return probs


def rebuild(name: str, shape: tuple[int, ...], classes: int, regularizers: Mapping[str, Mapping[str, Any]]) -> Network:
    """A network as training made it, before its weights are loaded: regularisers change layers."""
    network = build(name, shape, classes)
    RegularizedStep(tuple(configure_all(regularizers).values()), [network], torch.Generator().manual_seed(0))
    return network
