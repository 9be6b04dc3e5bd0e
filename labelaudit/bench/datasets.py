"""The papers' datasets, as the person has them: found below DATA, listed, and decoded only as far as needed.

Nothing is downloaded. DATA is one dataset with a train and a test split, or a folder that holds several by name:
``mnist-train.parquet`` and ``mnist-test.parquet``, or ``mnist/`` with whatever `labelaudit.data.sources` reads.
scikit-learn's digits need no DATA: they come with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.data.listing import Listing
from labelaudit.data.parts import TESTING, TRAINING
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, OptionError
from labelaudit.images import Images, Joined, Subset
from labelaudit.machine import Machine
from labelaudit.types import Ints, Progress, no_progress

SIDES = {"mnist": 28, "cifar10": 32, "cifar100": 32, "svhn": 32}
"""Name -> stored side in pixels."""
TITLES = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "svhn": "SVHN",
    "digits": "scikit-learn's digits",
}
_CLASSES = 10
_OF = {"cifar100": 100}  # classes, where they are not ten
_DIGITS_TEST = 400


@dataclass(frozen=True, eq=False)
class Part:
    """One split: labels, and images to be decoded."""

    labels: Ints
    """(n,) true labels."""
    images: Images | None = None
    pixels: npt.NDArray[np.uint8] | None = None
    """(n, H, W, c) where they are there already."""
    side: int = 0

    def take(self, rows: Ints, progress: Progress = no_progress) -> npt.NDArray[np.uint8]:
        """Pixels (m, H, W, c) of some rows; raises `DataError` where one cannot be decoded."""
        if self.pixels is not None:
            return self.pixels[rows]
        from labelaudit.data.pixels import load_pixels

        assert self.images is not None
        order = np.argsort(rows, kind="stable")  # images lie in files that are read in order
        found, failures = load_pixels(Subset(self.images, rows[order]), self.side, progress=progress)
        if failures:
            raise DataError(f"an image of the dataset cannot be read: {failures[0][2]}")
        pixels = np.empty_like(found)
        pixels[order] = found
        return pixels

    def embed(
        self, rows: Ints, backbone: str, cache: Path | None = None, progress: Progress = no_progress
    ) -> npt.NDArray[np.float32]:
        """Frozen features (m, d) of some rows, kept in the folder ``cache``; raises `DataError` for a broken image."""
        from labelaudit.data.ingest import digest
        from labelaudit.features.embedding import embed

        if self.images is None:
            raise OptionError("`backbone` takes images as they are stored, which this dataset has not")
        images = Subset(self.images, rows)
        digests = [digest(images.encoded(row)) for row in range(len(images))]
        machine = Machine(device="cpu", workers=1, cache=cache, progress=progress)
        features, failures = embed(images, digests, backbones=[backbone], machine=machine)
        if failures:
            raise DataError(f"an image of the dataset cannot be read: {failures[0][2]}")
        return np.array(features.values)


@dataclass(frozen=True, eq=False)
class BenchmarkDataset:
    """A dataset of the papers, from which a preset draws."""

    name: str
    train: Part
    test: Part
    classes: int = _CLASSES

    @property
    def fingerprint(self) -> str:
        """Tells datasets apart by their labels, without reading an image."""
        digest = hashlib.blake2b(digest_size=8)
        for part in (self.train, self.test):
            digest.update(np.ascontiguousarray(part.labels, dtype="<i8").data)
        return digest.hexdigest()


def open_dataset(name: str, data: Path | None) -> BenchmarkDataset:
    """The dataset ``name``; raises `OptionError` without ``data``, `DataError` where it is not in there."""
    if name == "digits":
        return _digits()
    title = TITLES[name]
    if data is None:
        raise OptionError(
            f"this preset needs {title}: give it with `data`, a folder with {name}-train.parquet and "
            f"{name}-test.parquet or with train and test folders of class folders; or try digits, which needs none"
        )
    parts = {split: [part for part in _listings(name, data) if part[1] == split] for split in ("train", "test")}
    for split, found in parts.items():
        if not found:
            raise DataError(f"'{data}' holds no {split} split of {title}: give both a train and a test split")
    labels = {label for rows in parts.values() for listing, _, some in rows for label in _labels(listing, some)}
    numbered = all(label.isdecimal() for label in labels)
    classes = sorted(labels, key=lambda label: (int(label) if numbered else 0, label))
    there = _OF.get(name, _CLASSES)
    if len(classes) != there:
        raise DataError(f"'{data}' has {len(classes)} classes, {title} has {there}: give that dataset alone")
    code = {label: number for number, label in enumerate(classes)}
    side = SIDES[name]
    return BenchmarkDataset(name, _join(parts["train"], code, side), _join(parts["test"], code, side), there)


def _listings(name: str, data: Path) -> list[tuple[Listing, str, list[int]]]:
    """(listing, split, rows) of all that belongs to the dataset."""
    files = sorted(data.glob("*.parquet")) if data.is_dir() else []
    named = [file for file in files if _is_of(file.name, name)]
    inside = next((data / folder for folder in (name, TITLES[name], name.upper()) if (data / folder).is_dir()), None)
    if not named and inside is None and (others := _others(name, data)):
        raise DataError(
            f"'{data}' holds {', '.join(others)} and no {TITLES[name]}: put it there too, as a folder {name} or as "
            f"{name}-train.parquet and {name}-test.parquet"
        )
    found = []
    for path in named or [inside or data]:
        listing = open_source(path)
        for split, names in (("train", TRAINING), ("test", TESTING)):
            rows = [row for row, own in enumerate(listing.splits or ()) if own.lower() in names]
            if rows:
                found.append((listing, split, rows))
    return found


def _others(name: str, data: Path) -> list[str]:
    """The other datasets of the papers that lie in ``data`` by their names."""
    if not data.is_dir():
        return []
    lying = {entry.name for entry in data.iterdir()}
    return [
        TITLES[other]
        for other in SIDES
        if other != name
        and (other in lying or any(file.endswith(".parquet") and _is_of(file, other) for file in lying))
    ]


def _is_of(file: str, name: str) -> bool:
    """Whether a Parquet file is of the dataset ``name``: cifar100-train.parquet is not of cifar10.

    >>> [_is_of(file, "cifar10") for file in ("cifar-10-train.parquet", "cifar100-train.parquet")]
    [True, False]
    """
    rest = file.lower().replace("-", "")
    return rest.startswith(name) and not rest[len(name) :][:1].isdecimal()


def _labels(listing: Listing, rows: Sequence[int]) -> list[str]:
    found = [listing.labels[row] for row in rows]
    if None in found or listing.images is None:
        raise DataError(f"'{listing.root}' has samples without a label or an image: a benchmark needs all of them")
    return [label for label in found if label is not None]


def _join(rows: list[tuple[Listing, str, list[int]]], code: dict[str, int], side: int) -> Part:
    labels = [code[label] for listing, _, some in rows for label in _labels(listing, some)]
    images = [Subset(listing.images, some) for listing, _, some in rows if listing.images is not None]
    return Part(np.array(labels, dtype=np.int64), Joined(images), side=side)


def _digits() -> BenchmarkDataset:
    """1,797 digits of 8 px, the first `_DIGITS_TEST` of a fixed shuffle for testing."""
    from sklearn.datasets import load_digits

    raw: Any = load_digits()
    pixels = np.minimum(raw.images * 16, 255).astype(np.uint8)[..., None]
    labels = raw.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = order[:_DIGITS_TEST], order[_DIGITS_TEST:]
    return BenchmarkDataset(
        "digits", Part(labels[train], pixels=pixels[train]), Part(labels[test], pixels=pixels[test])
    )
