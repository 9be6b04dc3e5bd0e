"""The files of a dataset: image files, and others beside them, below a folder or inside of an archive.

Readers look at a `Tree` and not at a disk, so that what is known about folders holds for archives and addresses too.
"""

from __future__ import annotations

import os
import posixpath
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from labelaudit.data.images import SUFFIXES, suffix
from labelaudit.data.listing import Files, read_file
from labelaudit.data.matching import FileIndex
from labelaudit.data.parts import is_junk
from labelaudit.errors import DataError
from labelaudit.images import Images
from labelaudit.types import Finding

_DEEPEST = 3
"""Levels of folders in which documents about images are looked for."""


class Storage(ABC):
    """The files of a tree, to read by their paths: a folder, an archive or an address."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """The bytes of one file; raises `OSError`, `ValueError` or `ImageError`."""

    def images(self, paths: Sequence[str]) -> Images:
        """`Images` of files of the tree."""
        return StoredImages(self, paths)


class StoredImages:
    """`Images` of files in a `Storage` that is not a folder."""

    def __init__(self, storage: Storage, paths: Sequence[str]) -> None:
        self._storage, self._paths = storage, paths

    def __len__(self) -> int:
        return len(self._paths)

    def encoded(self, index: int) -> bytes:
        return self._storage.read(self._paths[index])


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files below a root. Paths are relative to it, with ``/``."""

    shown: str
    """The root as the person named it."""
    storage: Storage
    paths: tuple[str, ...]
    """Image files, sorted."""
    others: tuple[str, ...] = ()
    """Files that are not images, sorted; hidden ones are left out."""
    empty: tuple[str, ...] = ()
    """Folders with nothing in them."""
    findings: tuple[Finding, ...] = ()
    """Loops, dangling links, names that are not UTF-8, pipes, folders that cannot be opened."""
    junk: Mapping[str, int] = field(default_factory=dict)
    """Folders that systems made by themselves, and hidden ones with images -> files in them, all passed over."""

    @property
    def name(self) -> str:
        """The root's own name."""
        return Path(self.shown).absolute().name if "://" not in self.shown else self.shown.rstrip("/").split("/")[-1]

    def typed(self, path: str) -> str:
        """A path below the root as a person types it."""
        return f"{self.shown.rstrip('/')}/{path}"

    @cached_property
    def index(self) -> FileIndex:
        """Its images, to be found by what tables call them."""
        return FileIndex(self.paths, self.name)

    @cached_property
    def documents(self) -> Sequence[str]:
        """The other files that may be about the images: down to the third level below the folders that all lie in."""
        shared = posixpath.commonpath([min(self.paths), max(self.paths)]) if self.paths else ""
        deepest = _DEEPEST + len(shared and shared.split("/"))
        return [path for path in self.others if path.count("/") < deepest]

    @property
    def skipped(self) -> Mapping[str, int]:
        """Files that are not images, counted by ending."""
        endings = Counter(ending_of(path) or "without an ending" for path in self.others)
        return dict(sorted(endings.items()))


class Disk(Storage):
    """`Storage` of a folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes:
        return read_file(os.path.join(self.root, path))  # noqa: PTH118

    def images(self, paths: Sequence[str]) -> Images:
        return Files(self.root, paths)


def walk(root: Path) -> Tree:
    """Every file below ``root``, links followed, each folder entered through a link at most once.

    A file without an ending, or with one that says nothing, is an image where its first bytes say so. Raises
    `DataError` where ``root`` cannot be opened.
    """
    walker = _Walker(root)
    walker.enter("")
    while walker.links:  # after all that lies here in its own place
        walker.follow(walker.links.pop(0))
    return Tree(
        shown=str(root),
        storage=Disk(root),
        paths=tuple(sorted(walker.paths)),
        others=tuple(sorted(walker.others)),
        empty=tuple(sorted(walker.empty)),
        findings=tuple(sorted(walker.findings, key=lambda finding: finding.path)),
        junk=dict(walker.junk),
    )


def ending_of(path: str) -> str:
    """The ending of a file name in lower case, with its dot."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 (ten times faster)


def stem_of(path: str) -> str:
    """The name of a file without folders and ending."""
    return posixpath.splitext(posixpath.basename(path.replace("\\", "/")))[0]


def folders_above(path: str) -> list[str]:
    """Every folder above a file but the root, the outermost first.

    >>> folders_above("train/cat/1.png")
    ['train', 'train/cat']
    """
    steps = path.split("/")
    return ["/".join(steps[:depth]) for depth in range(1, len(steps))]


def _says_kind(ending: str) -> bool:
    """Whether an ending says of which kind a file is: ``.300`` at the end of a number and ``.jpg?w=300`` do not.

    A ``~`` at its end says that it is a copy of what somebody edited.
    """
    return re.fullmatch(r"\.([a-z][a-z0-9]*|.*~)", ending) is not None


def spell_bytes(name: str) -> str:
    """A file name with its undecodable bytes written as ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_passed_over(name: str) -> bool:
    """Whether an entry of a folder is not looked at: it is hidden, or some system left it behind."""
    return name.startswith(".") or is_junk(name)


class _Walker:
    """One walk over the files below ``root``, which collects what a `Tree` is made of."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths: list[str] = []
        self.others: list[str] = []
        self.empty: list[str] = []
        self.links: list[str] = []
        self.findings: list[Finding] = []
        self.junk: Counter[str] = Counter()
        self.entered: dict[tuple[int, int], str] = {}

    def enter(self, top: str) -> None:
        """Read a folder and all below it; links to folders are kept for later."""
        pending = [top]
        while pending:
            inside = pending.pop()
            try:
                self.entered.setdefault(self._identity(inside), inside or ".")
                with os.scandir(self._full(inside)) as entries:
                    ordered = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not inside:
                    raise DataError(f"'{self.root}' cannot be opened: {error.strerror}") from error
                self._report("unreadable", inside, f"folder cannot be opened: {error.strerror}")
                continue
            if not ordered:
                self.empty.append(inside)
            for entry in ordered:
                path = f"{inside}/{entry.name}" if inside else entry.name
                try:
                    if is_junk(entry.name):
                        self.junk[entry.name] += self._count(path)
                    elif not entry.name.startswith("."):
                        pending += self._see(entry, path)
                    elif entry.is_dir(follow_symlinks=False) and (hidden := self._count(path, SUFFIXES)):
                        self.junk[entry.name] += hidden
                except OSError as error:
                    self._report("unreadable", path, f"cannot be looked at: {error.strerror}")

    def follow(self, link: str) -> None:
        """Enter a link to a folder, unless that folder is read already."""
        known = self.entered.get(self._identity(link))
        if known is None:
            self.enter(link)
        else:
            self._report("link_loop", link, f"link to '{known}', which is read already")

    def _see(self, entry: os.DirEntry[str], path: str) -> list[str]:
        """Take note of one entry; returns it if it is a folder to enter now."""
        ending = ending_of(entry.name)
        if spell_bytes(entry.name) != entry.name:
            self._report("bad_name", spell_bytes(path), "name is not UTF-8: rename it")
        elif entry.is_symlink() and not Path(entry.path).exists():
            target = spell_bytes(os.readlink(entry.path))  # noqa: PTH115
            self._report("missing", path, f"link to '{target}', which does not exist or is a loop")
        elif entry.is_dir():
            if not entry.is_symlink():
                return [path]
            self.links.append(path)
        elif ending not in SUFFIXES and (_says_kind(ending) or not self._is_image(entry)):
            self.others += [path] if entry.is_file() else []  # whoever opened a pipe would wait for good
        elif entry.is_file():
            self.paths.append(path)
        else:
            self._report("unreadable", path, "a pipe, socket or device, not a regular file")
        return []

    @staticmethod
    def _is_image(entry: os.DirEntry[str]) -> bool:
        """Whether the first bytes of a file whose ending says nothing are those of an image."""
        if not entry.is_file():
            return False
        try:
            with Path(entry.path).open("rb") as file:
                return bool(suffix(file.read(160)))
        except OSError:
            return False  # somebody else's file, and no image by its name

    def _count(self, path: str, endings: Collection[str] = ()) -> int:
        """The files below a folder, of some ``endings`` or of all."""
        names = (name for _, _, files in os.walk(self._full(path)) for name in files)
        return sum(not endings or ending_of(name) in endings for name in names)

    def _full(self, path: str) -> str:
        return os.path.join(self.root, path)  # noqa: PTH118 (ten times faster)

    def _identity(self, path: str) -> tuple[int, int]:
        status = os.stat(self._full(path))  # noqa: PTH116
        return status.st_dev, status.st_ino

    def _report(self, kind: str, path: str, detail: str) -> None:
        self.findings.append(Finding(kind=kind, path=path, detail=detail))
