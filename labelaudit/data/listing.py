"""The listing of a dataset, which every source hands on: samples, their labels, and the place of their bytes.

Nothing is decoded and no image is read here, so listing a large dataset costs a walk or a table, not its bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from labelaudit.data.images import ImageError
from labelaudit.data.parts import SPLITS
from labelaudit.images import Images, Joined
from labelaudit.types import Finding

IN_NAMES, IN_TABLE = "Its file names may hold labels", "Its table may hold labels"
"""The beginnings of notes on a dataset of one class."""
MAX_BYTES = 10**9
"""Larger files are not read: no single image needs them."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A dataset as the person keeps it, before any image was read."""

    root: str
    """The data root as the person named it."""
    ids: Sequence[str]
    """(n,) unique; path relative to the root with ``/``, or a row name such as ``train.parquet#12``."""
    labels: tuple[str | None, ...]
    """(n,) given label as written; ``None`` where there is none."""
    images: Images | None = None
    """Aligned with `ids`; ``None`` where only labels were given."""
    splits: tuple[str, ...] | None = None
    """(n,) where the dataset has a split level; None where some sample is in no split."""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further columns of the table, each (n,)."""
    findings: tuple[Finding, ...] = ()
    """Samples that were left out while listing, with the reason."""
    rows: Sequence[int] = ()
    """(n,) position of each sample in the source as the person keeps it: the row of its feature vector."""
    total: int = 0
    """Rows of the source, those left out included: the rows that a matrix of features must have."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Files that are not images, counted by ending."""
    junk: Mapping[str, int] = field(default_factory=dict)
    """Folders that systems made by themselves -> files in them, all passed over."""
    origin: str = ""
    """The origin of the labels, in words: ``folder names below 'train/'``, ``column 'label' of labels.csv``."""
    notes: tuple[str, ...] = ()
    """Sentences about the listing for a person: how rows matched, folders that were passed over."""
    classes: tuple[str, ...] | None = None
    """All class names in their stated order; ``None`` where none is stated."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Class name -> the number or id that the data have in its place; empty where labels are as the data have them."""

    def __post_init__(self) -> None:
        if not self.rows:
            object.__setattr__(self, "rows", range(len(self.ids)))
            object.__setattr__(self, "total", max(self.total, len(self.ids)))
        if self.splits is not None and not all(self.splits):
            object.__setattr__(self, "splits", None)

    @cached_property
    def told(self) -> Mapping[str, str]:
        """Sample -> its label, of those that have one."""
        return {name: label for name, label in zip(self.ids, self.labels, strict=True) if label is not None}

    @property
    def held(self) -> set[str]:
        """The labels that samples have."""
        return {label for label in {*self.labels} if label is not None}

    def tell(self, *notes: str, **changes: Any) -> Listing:
        """This listing with further ``notes``, and with ``changes`` of other fields."""
        return replace(self, notes=(*self.notes, *notes), **changes)

    @property
    def hints(self) -> str:
        """The end of a refusal of a dataset of one class: where its labels may be."""
        return "".join(f". {note.rstrip('.')}" for note in self.notes if note.startswith((IN_NAMES, IN_TABLE)))

    def unlabelled(self) -> dict[int, Finding]:
        """Row -> finding of each sample without a label, which a scan leaves out."""
        if None not in self.labels:
            return {}
        rows = [row for row, label in enumerate(self.labels) if label is None]
        return {row: Finding(kind="unlabelled", path=self.ids[row], detail="it has no label") for row in rows}


def join_listings(root: str, parts: Sequence[tuple[str, Listing]], origin: str) -> Listing:
    """The samples of several listings one after the other, each a pair of its split and images with labels."""
    return Listing(
        root=root,
        ids=tuple([name for _, part in parts for name in part.ids]),
        labels=tuple([label for _, part in parts for label in part.labels]),
        images=Joined(part.images for _, part in parts if part.images is not None),
        splits=tuple([split for split, part in parts for _ in part.ids]) if len({*dict(parts)}) > 1 else None,
        origin=origin,
    )


class Files:
    """`Images` of files below a root. Reads regular files only, so a pipe or device cannot hang a scan."""

    def __init__(self, root: Path | str, paths: Sequence[str]) -> None:
        self._root, self._paths = os.fspath(root), paths

    def __len__(self) -> int:
        return len(self._paths)

    def encoded(self, index: int) -> bytes:
        return read_file(self.path(index))

    def path(self, index: int) -> str:
        """Path of the file, for those who link to it."""
        return os.path.join(self._root, self._paths[index])  # noqa: PTH118 (ten times faster)


def read_file(path: str) -> bytes:
    """The bytes of one regular file of at most `MAX_BYTES`; raises `OSError`, `ValueError` or `ImageError`."""
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("unreadable", "a pipe, socket or device, not a regular file")
        check_size(status.st_size)
        return file.readall()


def check_size(size: int) -> int:
    """``size``, the bytes of a file; raises `ImageError` where they are more than `MAX_BYTES`."""
    if size > MAX_BYTES:
        raise ImageError("oversized", f"{size:,} bytes are over the limit of {MAX_BYTES:,}")
    return size


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def split_of(path: str) -> str | None:
    """The split that a file's name or folder says it belongs to: ``data/train-00000-of-00002.parquet`` → train."""
    parts = PurePosixPath(path).with_suffix("").parts
    tokens = "-".join(reversed(parts)).replace("_", "-").replace(".", "-").split("-")
    return next((token for token in tokens if token.lower() in SPLITS), None)
