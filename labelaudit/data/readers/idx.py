"""The idx files of MNIST and its relatives, plain or ``.gz``: images and labels in two files of like names."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from labelaudit.data.folders import Candidate, Undecided
from labelaudit.data.listing import Listing, join_listings, split_of
from labelaudit.data.parts import is_split
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.readers.arrays import Array, Stack
from labelaudit.errors import DataError, reason_of
from labelaudit.packed import Texts
from labelaudit.text import spell_path

_IMAGES, _LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
_MOST = 2**33  # bytes of one file, unpacked


def recognise(subject: Subject) -> list[Reading]:
    """A folder of idx files, or one file of images with its labels beside it."""
    path = subject.path
    if path is None or subject.source.label_from is not None:
        return []
    if path.is_dir():
        if subject.tree.paths:
            return []
        names = [path / other for other in subject.tree.others if "idx" in other.lower()]
    else:
        names = [path] if _head(path) == _IMAGES else []
    images = _unpacked([name for name in names if _head(name) == _IMAGES])
    if not images:
        return []
    labels = Path(subject.source.labels) if isinstance(subject.source.labels, str | Path) else None
    return [Reading(what="idx files of images and labels", read=partial(list_idx, path, images, labels))]


def list_idx(root: Path, images: Sequence[Path], labels: Path | None) -> Listing:
    """The images of idx files with the labels of the files beside them, ``images`` and ``idx3`` replaced in the name.

    Raises `DataError` where labels are missing or another number, `Undecided` where the files are several datasets.
    """
    if len(several := _datasets(images)) > 1:
        found = [Candidate(type_=f"`labelaudit scan {spell_path(path)}`") for path in several]
        raise Undecided(f"'{root}' holds idx files of several datasets: scan one of them", found)
    alike = len({path.name for path in images}) < len(images)
    parts = []
    for path in images:
        stack, numbers = _load(path, _IMAGES), _load(labels or _partner(path), _LABELS)
        if len(stack) != len(numbers):
            raise DataError(f"'{path}' has {len(stack):,} images, but its labels are {len(numbers):,}")
        ids = Texts.numbered(f"{path.relative_to(root).as_posix() if alike else path.name}#", len(stack))
        listing = Listing(root="", ids=ids, labels=tuple(map(str, numbers.tolist())), images=Stack(stack))
        parts.append((_split(path), listing))
    return join_listings(str(root), parts, " and ".join((labels or _partner(path)).name for path in images))


def _unpacked(paths: Sequence[Path]) -> list[Path]:
    """The files of ``paths`` but for a ``.gz`` whose content lies unpacked beside it, as torchvision leaves both."""
    return [path for path in paths if path.suffix != ".gz" or path.with_suffix("") not in paths]


def _datasets(images: Sequence[Path]) -> list[Path]:
    """A file or a folder of each dataset that files of images are of: their names differ in more than the split, or
    come again in a folder that is none."""
    names = {path.name.removesuffix(".gz") for path in images}
    if len(names) < len(images) and not all(is_split(path.parent.name) for path in images):
        return list(dict.fromkeys(path.parent for path in images))
    return list({_kind(path): path for path in images}.values())


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    """A file to read, unpacked where its first bytes are those of gzip."""
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    if not packed:
        return file
    file.close()
    return gzip.open(path, "rb")


def _head(path: Path) -> bytes:
    """The first four bytes, which say whether a file holds images or labels; empty where it cannot be read."""
    try:
        with _open(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _load(path: Path, kind: bytes) -> Array:
    """The array in a file of the ``kind`` that its first bytes say: (n, H, W) images or (n,) labels of uint8."""
    try:
        with _open(path) as file:
            data = file.read(_MOST)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"'{path}' cannot be read: {reason_of(error)}") from error
    axes = kind[3]
    if data[:4] != kind:
        raise DataError(f"'{path}' is not an idx file with {axes} axes")
    shape = tuple(int.from_bytes(data[4 * n : 4 * n + 4], "big") for n in range(1, axes + 1))
    if len(data) != 4 + 4 * axes + int(np.prod(shape, dtype=np.int64)):
        raise DataError(
            f"'{path}' says that it holds {shape}, but has {len(data):,} bytes: it ends early or is damaged"
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _partner(path: Path) -> Path:
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    options = [path.with_name(name), path.with_name(name + ".gz"), path.with_name(name.removesuffix(".gz"))]
    found = next((one for one in options if one.is_file() and one != path), None)
    if found is None:
        raise DataError(f"'{path}' has no labels beside it ('{name}'): give them with `labels` FILE")
    return found


def _split(path: Path) -> str:
    if path.name.startswith("t10k"):
        return "test"
    return split_of(path.name) or (path.parent.name if is_split(path.parent.name) else "")


def _kind(path: Path) -> str:
    """A file's name without what says its split."""
    split = "t10k" if path.name.startswith("t10k") else _split(path)
    return path.name.removesuffix(".gz").replace(split, "") if split else path.name.removesuffix(".gz")
