"""Small clouds of features and pictures to scan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

NAMES = np.array(["ant", "bee", "cat"])
FEW = {"limit": {"epochs": 5}, "ce": {"epochs": 5}}
"""Options of methods for a scan that has to train, whatever comes out."""


def blobs(n: int = 150, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features, true and given labels with 8 % flips."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    x = (rng.normal(0, 3, (3, 10))[truth] + rng.normal(size=(n, 10))).astype(np.float32)
    given = truth.copy()
    rows = rng.choice(n, n // 12, replace=False)
    given[rows] = (given[rows] + 1) % 3
    return x, truth, given


def picture(label: int, rng: np.random.Generator) -> Image.Image:
    """A 12-pixel image whose stripes run as its class says."""
    grey = rng.normal(128, 20, (12, 12))
    if label == 0:
        grey[::3] += 90
    elif label == 1:
        grey[:, ::3] += 90
    else:
        grey += 90 * np.eye(12)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))
