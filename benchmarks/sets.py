"""Datasets with a known truth, each named in one line, as benchmarks take them.

    PACK                 a TAR of images and a `labels.csv` with `file,given` and, where the truth differs, `truth`
    cifar10n-COLUMN      the people's labels of CIFAR-10N, 10,000 images; COLUMN `clean` has the true ones
    mnist                the first 10,000 of MNIST
    digits               the project's own sample
    PACK@N, PACK@N#D     N of its images, and another draw of as many
    PACK~HOW, PACK#D~HOW its true labels spoiled, by the draw's own random numbers (`spoil.py`)

CIFAR-10 and MNIST are Hugging Face Parquet files, CIFAR-10N a CSV table. None of them is part of the project.
"""

from __future__ import annotations

import csv
import tarfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from measures import Labels
from spoil import spoil

from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.types import Samples

SAMPLE = Path(__file__).parents[1] / "sample_data"


def load(name: str, data: Path, folder: Path) -> tuple[Samples, Labels]:
    """The samples with their given labels, and the true ones (n,); -1 where the truth is none of the classes.

    ``folder`` is an empty one to unpack to.
    """
    name, _, how = name.partition("~")
    name, _, draw = name.partition("#")
    name, _, count = name.partition("@")
    samples, truth = _load_whole(name, data, folder)
    if count:
        rows = np.random.default_rng(int(draw or 0)).choice(len(samples), int(count), replace=False)
        samples, truth = samples.take(np.sort(rows)), truth[np.sort(rows)]
    return spoil(samples, truth, how, int(draw or 0)) if how else (samples, truth)


def read_whole(path: Path) -> Samples:
    """All samples of a file or folder."""
    return ingest(open_source(path))[0]


@lru_cache
def cifar10n(column: str, data: Path) -> tuple[Samples, Labels]:
    """The 10,000 CIFAR-10 images of the CIFAR-10N table with the labels of one of its columns, and the true ones."""
    samples = read_whole(data / "cifar10-train.parquet")
    with (data / "cifar10n-human-labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    code = {name: number for number, name in enumerate(samples.classes)}
    some = samples.take(np.array([int(row["torchvision_index"]) for row in rows]))
    given = np.array([code[row[column]] for row in rows])
    return replace(some, labels=given), np.array([code[row["clean"]] for row in rows])


def _load_whole(name: str, data: Path, folder: Path) -> tuple[Samples, Labels]:
    if name.startswith("cifar10n-"):
        return cifar10n(name.partition("-")[2], data)
    if name == "mnist":
        samples = read_whole(data / "mnist-train.parquet").take(np.arange(10_000))
        return samples, samples.labels
    if name == "digits":
        return _digits()
    return _unpacked(data / f"{name}.tar", folder)


def _digits() -> tuple[Samples, Labels]:
    samples = read_whole(SAMPLE / "digits")
    with (SAMPLE / "truth.csv").open(encoding="utf-8") as file:
        true = {row["path"]: row["true_label"] for row in csv.DictReader(file)}
    return samples, np.array([samples.classes.index(true[name]) for name in samples.ids])


def _unpacked(tar: Path, folder: Path) -> tuple[Samples, Labels]:
    """Files are numbered: names of rubbish say its class (``glass12.jpg``), and a scan weighs what names begin with."""
    with tarfile.open(tar) as archive:
        archive.extractall(folder, filter="data")
    place = next(folder.glob("*/labels.csv")).parent
    with (place / "labels.csv").open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    table = folder / "given.csv"
    table.write_text("path,label\n" + "".join(f"{name},{row['given']}\n" for name, row in rows.items()))
    samples, _ = ingest(open_source(place / "images", labels=table))
    code = {name: number for number, name in enumerate(samples.classes)}
    truth = [code.get(rows[Path(name).name].get("truth") or rows[Path(name).name]["given"], -1) for name in samples.ids]
    return replace(samples, ids=tuple(f"{row}.jpg" for row in range(len(samples)))), np.array(truth)
