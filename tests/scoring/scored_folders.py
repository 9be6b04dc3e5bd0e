"""A folder of pictures that is audited, changed and looked at again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("ant", "bee", "cat")


SHORT = {"limit": {"epochs": "2"}, "ce": {"epochs": "2"}}


OPTIONS = {"effort": "quick", "train": "features", "methods": ["limit"], "options": SHORT, "device": "cpu"}


def picture(label: int, rng: np.random.Generator) -> Image.Image:
    """A 16-pixel image whose stripes run as its class says, within a frame that says nothing."""
    grey = rng.normal(128, 20, (16, 16))
    inner = grey[2:-2, 2:-2]
    if label == 0:
        inner[::4] += 90
    elif label == 1:
        inner[:, ::4] += 90
    else:
        inner += 90 * np.eye(12)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def put(folder: Path, label: int, name: str, seed: int, given: int | None = None) -> Path:
    """Save picture ``seed`` of class ``label`` into the class folder of ``given``."""
    path = folder / NAMES[label if given is None else given] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(label, np.random.default_rng(seed)).save(path)
    return path
