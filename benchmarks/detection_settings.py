"""The settings of the detection benchmark: datasets with planted or human label noise, whose true labels are known.

The datasets themselves (CIFAR-10 and MNIST as Hugging Face Parquet, CIFAR-10N's table, TrashNet's archive) are no part
of the project.
"""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelaudit.corrupt import noise
from labelaudit.data.ingest import ingest
from labelaudit.data.pixels import load_pixels
from labelaudit.data.sources import open_source
from labelaudit.images import Images
from labelaudit.types import Samples

HERE = Path(__file__).parent
Labels = npt.NDArray[np.int64]
Spoil = Callable[[Samples, Labels, np.random.Generator, Path], tuple[Samples, Labels]]


@dataclass(frozen=True)
class Setting:
    """A dataset with planted or human label noise."""

    load: Callable[[Path], tuple[Samples, Labels]]
    """Samples, and the true labels (n,)."""
    spoil: Spoil
    """(samples to audit, truth) from samples, truth, generator and data folder; truth -1 where no class is right."""
    tuned: bool = False


def cifar10n(column: str) -> Callable[[Path], tuple[Samples, Labels]]:
    """The 10,000 CIFAR-10 images of the CIFAR-10N table, with the labels of one of its columns."""

    def load(data: Path) -> tuple[Samples, Labels]:
        samples = whole(data / "cifar10-train.parquet")
        with (data / "cifar10n-human-labels.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        code = {name: number for number, name in enumerate(samples.classes)}
        some = samples.take(np.array([int(row["torchvision_index"]) for row in rows]))
        given = np.array([code[row[column]] for row in rows])
        return replace(some, labels=given), np.array([code[row["clean"]] for row in rows])

    return load


def first(file: str, rows: int | None = None) -> Callable[[Path], tuple[Samples, Labels]]:
    """The first ``rows`` images of a Parquet file, all of them by default."""

    def load(data: Path) -> tuple[Samples, Labels]:
        samples = whole(data / file)
        if rows is not None:
            samples = samples.take(np.arange(rows))
        return samples, samples.labels

    return load


def trashnet(data: Path) -> tuple[Samples, Labels]:
    folder = Path(tempfile.gettempdir()) / "labelaudit-benchmark"
    if not (folder / "trashnet").is_dir():
        with tarfile.open(data / "trashnet.tar") as archive:
            archive.extractall(folder, filter="data")
    samples, _ = ingest(open_source(folder / "trashnet" / "images", labels=folder / "trashnet" / "labels.csv"))
    return samples, samples.labels


def digits(data: Path) -> tuple[Samples, Labels]:
    """The project's own sample, with its true labels."""
    folder = HERE.parent / "sample_data"
    samples, _ = ingest(open_source(folder / "digits"))
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        true = {row["path"]: row["true_label"] for row in csv.DictReader(file)}
    return samples, np.array([samples.classes.index(true[name]) for name in samples.ids])


def whole(path: Path) -> Samples:
    samples, _ = ingest(open_source(path))
    return samples


def as_given(samples: Samples, truth: Labels, rng: np.random.Generator, data: Path) -> tuple[Samples, Labels]:
    return samples, truth


def planted(plant: Callable[[Labels, int, np.random.Generator], noise.NoisyLabels]) -> Spoil:
    """Noise that looks at labels only."""

    def spoil(samples: Samples, truth: Labels, rng: np.random.Generator, data: Path) -> tuple[Samples, Labels]:
        return replace(samples, labels=plant(truth, len(samples.classes), rng).labels), truth

    return spoil


def symmetric(rate: float) -> Spoil:
    return planted(lambda truth, classes, rng: noise.symmetric(truth, classes, rate, generator=rng))


def pair(rate: float) -> Spoil:
    return planted(lambda truth, classes, rng: noise.pair(truth, classes, rate, generator=rng))


def asymmetric(rate: float) -> Spoil:
    """CIFAR-10's look-alikes: truck to automobile, bird to airplane, cat and dog exchanged, deer to horse."""
    mapping = {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}
    return planted(lambda truth, classes, rng: noise.asymmetric(truth, classes, rate, mapping, generator=rng))


def instance_dependent(rate: float) -> Spoil:
    """Xia et al. 2020 on raw pixels, as published."""

    def spoil(samples: Samples, truth: Labels, rng: np.random.Generator, data: Path) -> tuple[Samples, Labels]:
        assert samples.images is not None
        pixels, _ = load_pixels(samples.images, 32)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32)
        made = noise.instance_dependent(truth, len(samples.classes), rate, flat, generator=rng)
        return replace(samples, labels=made.labels), truth

    return spoil


def open_set(rate: float, strangers: Callable[[Path], tuple[Samples, Labels]]) -> Spoil:
    """A share of the images replaced by some of another dataset, under the labels of those that went."""

    def spoil(samples: Samples, truth: Labels, rng: np.random.Generator, data: Path) -> tuple[Samples, Labels]:
        others = strangers(data)[0]
        rows = noise.open_set_rows(len(samples), rate, generator=rng)
        guests = rng.choice(len(others), len(rows), replace=False)
        digests = list(samples.digests)
        for row, guest in zip(rows.tolist(), guests.tolist(), strict=True):
            digests[row] = others.digests[guest]
        assert samples.images is not None
        assert others.images is not None
        images = Replaced(samples.images, others.images, dict(zip(rows.tolist(), guests.tolist(), strict=True)))
        truth = truth.copy()
        truth[rows] = -1
        return replace(samples, images=images, digests=tuple(digests)), truth

    return spoil


@dataclass(frozen=True)
class Replaced:
    """Images of which some come from another dataset."""

    images: Images
    others: Images
    guests: dict[int, int]

    def __len__(self) -> int:
        return len(self.images)

    def encoded(self, index: int) -> bytes:
        guest = self.guests.get(index)
        return self.images.encoded(index) if guest is None else self.others.encoded(guest)


MNIST, CIFAR = first("mnist-train.parquet", 10_000), cifar10n("clean")
SETTINGS = {
    "cifar10n-aggre": Setting(cifar10n("aggre"), as_given, tuned=True),
    "cifar10n-random1": Setting(cifar10n("random1"), as_given, tuned=True),
    "cifar10n-worse": Setting(cifar10n("worse"), as_given, tuned=True),
    "cifar10-symmetric-10": Setting(CIFAR, symmetric(0.1), tuned=True),
    "cifar10-symmetric-20": Setting(CIFAR, symmetric(0.2)),
    "cifar10-symmetric-40": Setting(CIFAR, symmetric(0.4), tuned=True),
    "cifar10-pair-20": Setting(CIFAR, pair(0.2), tuned=True),
    "cifar10-asymmetric-20": Setting(CIFAR, asymmetric(0.2)),
    "cifar10-instance-20": Setting(CIFAR, instance_dependent(0.2)),
    "cifar10-instance-40": Setting(CIFAR, instance_dependent(0.4)),
    "cifar10-openset-10": Setting(CIFAR, open_set(0.1, MNIST), tuned=True),
    "cifar10-openset-10-trashnet": Setting(CIFAR, open_set(0.1, trashnet)),
    "cifar10-clean": Setting(first("cifar10-test.parquet"), as_given),
    "cifar10-50000-symmetric-20": Setting(first("cifar10-train.parquet"), symmetric(0.2)),
    "mnist-symmetric-10": Setting(MNIST, symmetric(0.1)),
    "mnist-symmetric-40": Setting(MNIST, symmetric(0.4)),
    "mnist-symmetric-80": Setting(MNIST, symmetric(0.8)),
    "mnist-pair-20": Setting(MNIST, pair(0.2)),
    "mnist-pair-40": Setting(MNIST, pair(0.4)),
    "mnist-60000-symmetric-80": Setting(first("mnist-train.parquet"), symmetric(0.8)),
    "mnist-clean": Setting(first("mnist-test.parquet"), as_given),
    "trashnet-symmetric-10": Setting(trashnet, symmetric(0.1)),
    "trashnet-symmetric-20": Setting(trashnet, symmetric(0.2)),
    "digits": Setting(digits, as_given),
}
