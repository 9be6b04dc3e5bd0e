"""What training leaves, and what is kept between scans, for `fuzz.py` to tamper with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_targets import CLASSES, Target, audit, text

from labelaudit.cli.console.chosen import read_listed
from labelaudit.models import folder as models
from labelaudit.models.dataset import read_truth
from labelaudit.models.run import train
from labelaudit.networks.weights import read_weights
from labelaudit.review.keys import read_keys
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.training.settings import ModelSettings

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
Y = np.arange(6) % 3
TRUTH = "path,true_label\n" + "".join(f"{name},cat\n" for name in audit().samples.ids)
KEYS = '[keys]\nleft = "h"\nright = ["l", "Enter"]\n'


def run(file: Path | None, *, epochs: int) -> Any:
    settings = ModelSettings(network="linear", epochs=epochs, options={"batch": 6})
    return train(settings, X, Y, CLASSES, checkpoint=file)


def checkpoint(folder: Path) -> Path:
    run(folder / "checkpoint.pt", epochs=2)
    return folder / "checkpoint.pt"


def resume(file: Path) -> None:
    run(file, epochs=2)


def vouch(file: Path) -> None:
    """Give a checkpoint the checksum that it would have, as who tampers on purpose would."""
    end = b" labelaudit checkpoint\n"
    body = file.read_bytes()
    body = body[: -16 - len(end)] if body.endswith(end) else body
    file.write_bytes(body + hashlib.blake2b(body, digest_size=16).digest() + end)


def model(tampered: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        models.write(run(None, epochs=1), folder, Y, truth=None, about={})
        return folder / tampered

    return make


def weights(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import torch
        from safetensors.torch import save_file

        state = {"last.weight": torch.ones(3, 4), "last.bias": torch.zeros(3)}
        if name.endswith(".pt"):
            torch.save(state, folder / name)
        else:
            save_file(state, folder / name)
        return folder / name

    return make


def kept(folder: Path) -> Path:
    Unfinished(folder).arrays("x", {"n": 1}, lambda: {"x": np.arange(9)})
    return next((folder / "unfinished").iterdir())


def cache(tampered: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        store = open_store(folder)
        store.append(np.array([b"ab" * 16, b"cd" * 16]), np.ones((2, 4), np.float32))
        return Path(store.folder) / tampered

    return make


def open_store(folder: Path) -> Any:
    from labelaudit.features.store import FeatureStore

    return FeatureStore(folder, "toy@8", {"weights": "none"}, width=4)


def look_up(file: Path) -> None:
    store = open_store(file.parents[1])
    rows = store.find(np.array([b"ab" * 16, b"cd" * 16, b"ef" * 16]))
    values, intact = store.read(rows[rows >= 0])
    assert np.all(values[intact] == 1), "damaged features are used"
    assert np.all(values[~intact] == 0)


MODELS: Mapping[str, Target] = {
    "checkpoint.pt": Target(checkpoint, resume),
    "checkpoint.pt, sealed": Target(checkpoint, resume, vouch),
    "model.json": Target(model("model.json"), lambda file: models.load(file.parent)),
    "model.safetensors": Target(model("model.safetensors"), lambda file: models.load(file.parent)),
    "weights.safetensors": Target(weights("weights.safetensors"), read_weights),
    "weights.pt": Target(weights("weights.pt"), read_weights),
    "truth.csv": Target(text("truth.csv", TRUTH), lambda file: read_truth(file, audit().samples)),
    "keys.toml": Target(text("keys.toml", KEYS), read_keys),
    "files.txt": Target(text("files.txt", "cat/0.ppm\ndog/1.ppm\n"), read_listed),
    "unfinished.npz": Target(kept, lambda file: Unfinished(file.parents[1]).arrays("x", {"n": 1}, dict)),
    "index.bin of the cache": Target(cache("index.bin"), look_up),
    "features.f32 of the cache": Target(cache("features.f32"), look_up),
}
"""Name -> target."""
