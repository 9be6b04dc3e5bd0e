"""The binary version of CIFAR-10 and CIFAR-100. The Python version is pickled, and no pickle is ever opened here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from labelaudit.data.listing import Listing, join_listings
from labelaudit.data.reader import Reading, Subject, refuse
from labelaudit.data.readers.arrays import Array, Stack
from labelaudit.errors import DataError
from labelaudit.files import read_text
from labelaudit.packed import Texts

_PIXELS = 3 * 32 * 32
_NAMES = re.compile(r"(data_batch(_\d)?|test_batch|train|test)\.bin")
_BATCHES = frozenset(["data_batch_1", "batches.meta", "test_batch"])
"""Files of CIFAR's Python version, known by name inside of an archive."""
_PICKLES = frozenset({".pkl", ".pickle", ".p", ".pt", ".pth", ".joblib"})


def recognise(subject: Subject) -> list[Reading]:
    """A folder with CIFAR's ``.bin`` files, or one of them; pickled files are refused with the way out."""
    path = subject.path
    if path is None or subject.source.labels is not None or (subject.is_folder and subject.tree.paths):
        return []
    files = [path / other for other in subject.tree.others] if subject.is_folder else [path]
    binary = [file for file in files if _NAMES.fullmatch(file.name) and file.is_file()]
    if binary:
        read = partial(list_cifar, path, binary, subject.source.label_column)
        return [Reading(what="CIFAR in its binary version", read=read)]
    pickled = [f for f in files if f.suffix.lower() in _PICKLES or f.name in _BATCHES or _is_pickle(f)]
    if not pickled:
        return []
    said = (
        f"'{pickled[0]}' holds pickled Python objects, which can run any program and are never opened: give the "
        "binary version (CIFAR has one), a .npz of images and labels, or class folders"
    )
    return [refuse("pickled Python objects", DataError(said))]


def list_cifar(root: Path, files: Sequence[Path], label_column: str | None) -> Listing:
    """The images of CIFAR's binary files; of CIFAR-100 with the labels that ``label_column`` names, fine or coarse."""
    folder = files[0].parent
    names = {
        stem: _names(folder / f"{stem}.txt") for stem in ("batches.meta", "fine_label_names", "coarse_label_names")
    }
    hundred = bool(names["fine_label_names"]) or files[0].name in ("train.bin", "test.bin")
    if hundred and label_column not in ("fine", "coarse"):
        raise DataError(f"'{root}' has two labels for each image: say `label_column` fine or `label_column` coarse")
    width, column = (2, 1 if label_column == "fine" else 0) if hundred else (1, 0)
    known = names[f"{label_column}_label_names"] if hundred else names["batches.meta"]
    parts = []
    for file in files:
        table = _load(file, width)
        labels = tuple([known[n] if n < len(known) else str(n) for n in table[:, column].tolist()])
        images = Stack(np.moveaxis(table[:, width:].reshape(-1, 3, 32, 32), 1, 3))
        ids = Texts.numbered(f"{file.name}#", len(table))
        split = "test" if file.name.startswith("test") else "train"
        parts.append((split, Listing(root="", ids=ids, labels=labels, images=images)))
    origin = f"the {label_column + ' ' if hundred and label_column else ''}labels in {files[0].name}"
    return join_listings(str(root), parts, origin)


def _load(file: Path, width: int) -> Array:
    data = np.fromfile(file, np.uint8)
    if not data.size or data.size % (width + _PIXELS):
        raise DataError(
            f"'{file}' has {data.size:,} bytes, which are not records of {width + _PIXELS:,}: it is not CIFAR"
        )
    return data.reshape(-1, width + _PIXELS)


def _names(file: Path) -> list[str]:
    return read_text(file).split() if file.is_file() else []


def _is_pickle(file: Path) -> bool:
    """Whether a file without an ending begins as a pickle does."""
    if not file.is_file() or (file.suffix and not file.name.endswith(".meta")):
        return False
    with file.open("rb") as opened:
        start = opened.read(2)
    return start[:1] == b"\x80" and start[1:] in (b"\2", b"\3", b"\4", b"\5")
