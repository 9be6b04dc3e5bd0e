"""Archives as trees of files: zip and tar, read in place; compressed tars are unpacked once into a temporary file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import posixpath
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from labelaudit.data.images import SUFFIXES, ImageError
from labelaudit.data.listing import MAX_BYTES, check_size
from labelaudit.data.parts import is_junk
from labelaudit.data.tree import Storage, Tree, ending_of, spell_bytes
from labelaudit.errors import DataError, reason_of
from labelaudit.files import open_regular
from labelaudit.text import size
from labelaudit.types import Finding

ZIP, TAR = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_UNPACKED = 64 * 10**9
"""Bytes of a compressed tar, unpacked."""
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


_LOCKED = 1  # bit of a zip entry that is encrypted


class ZipStorage(Storage):
    """`Storage` of a zip file, which stays open."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"'{path}' is not a readable zip file: {reason_of(error)}") from error
        self._path, self._lock = path.absolute(), threading.Lock()
        named = {_name_of(entry): entry for entry in self._file.infolist()}
        self._entries = {name: entry for name, entry in named.items() if not name.endswith("/")}
        if any(entry.flag_bits & _LOCKED for entry in self._entries.values()):
            raise DataError(f"'{path}' is locked by a password: unpack it and give the folder")
        self.sizes = {name: entry.file_size for name, entry in self._entries.items()}

    def __reduce__(self) -> tuple[type[ZipStorage], tuple[Path]]:
        """Another process opens the file itself."""
        return ZipStorage, (self._path,)

    def read(self, path: str) -> bytes:
        check_size(self.sizes[path])
        try:
            with self._lock, self._file.open(self._entries[path]) as file:
                return file.read(MAX_BYTES + 1)
        except (RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
            raise ImageError("unreadable", f"cannot be read from the archive: {error}") from error


class TarStorage(Storage):
    """`Storage` of a tar file, indexed once; several threads may read. A link to a file in it is that file."""

    def __init__(self, path: Path) -> None:
        self.sizes: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self._path = path.absolute()
        try:
            self._file = _plain(path)
            weakref.finalize(self, self._file.close)
            links: dict[str, str] = {}
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for entry in archive:
                    name = entry.name.removeprefix("./")
                    if entry.isfile():
                        self.sizes[name], self._starts[name] = entry.size, entry.offset_data
                    elif entry.islnk():  # of two hard links the second is a name alone
                        links[name] = entry.linkname.removeprefix("./")
                    elif entry.issym():
                        links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry.linkname))
            self._follow(links)
        except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
            raise DataError(f"'{path}' is not a readable tar file: {reason_of(error)}") from error

    def __reduce__(self) -> tuple[type[TarStorage], tuple[Path]]:
        """Another process opens the file itself."""
        return TarStorage, (self._path,)

    def _follow(self, links: dict[str, str]) -> None:
        """Take the ``links``, name -> what it leads to, for the files that they lead to; others are left out."""
        for name, linked in links.items():
            seen, target = {name}, linked
            while target in links and target not in seen:
                seen.add(target)
                target = links[target]
            if target in self._starts:
                self.sizes[name], self._starts[name] = self.sizes[target], self._starts[target]

    def read(self, path: str) -> bytes:
        size = check_size(self.sizes[path])
        return os.pread(self._file.fileno(), size, self._starts[path])


class JoinedStorage(Storage):
    """`Storage` of several archives: path -> the archive and the path in it."""

    def __init__(self, places: dict[str, tuple[Storage, str]]) -> None:
        self._places = places

    def read(self, path: str) -> bytes:
        storage, inside = self._places[path]
        return storage.read(inside)


def is_archive(path: Path) -> bool:
    """Whether a file's name ends as an archive's does."""
    return path.name.lower().endswith((*ZIP, *TAR))


def open_archive(path: Path) -> ZipStorage | TarStorage:
    """The files of an archive; raises `DataError` where it cannot be read."""
    return ZipStorage(path) if path.name.lower().endswith(ZIP) else TarStorage(path)


def tree_of(shown: str, names: Sequence[str], storage: Storage) -> Tree:
    """The tree of the files ``names``: hidden ones are left out, paths that lead out of it are findings."""
    images: list[str] = []
    others: list[str] = []
    findings: list[Finding] = []
    junk: Counter[str] = Counter()
    for name in sorted(names):
        steps = name.split("/")
        made = next((step for step in steps[:-1] if is_junk(step)), None)
        if made is not None:
            junk[made] += 1
        elif spell_bytes(name) != name:
            findings.append(Finding(kind="bad_name", path=spell_bytes(name), detail="name is not UTF-8: rename it"))
        elif ".." in steps or name.startswith("/"):
            findings.append(Finding(kind="bad_name", path=name, detail="a path that leads elsewhere"))
        elif (hidden := next((step for step in steps if step.startswith(".") and step != "."), None)) is None:
            (images if ending_of(name) in SUFFIXES else others).append(name)
        elif hidden != steps[-1] and ending_of(name) in SUFFIXES:
            junk[hidden] += 1
    return Tree(
        shown=shown,
        storage=storage,
        paths=tuple(images),
        others=tuple(others),
        findings=tuple(findings),
        junk=dict(junk),
    )


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The path of an entry with ``/`` between its steps; archives that Windows wrote may have back slashes there."""
    return entry.filename.replace("\\", "/") if entry.create_system == 0 else entry.filename


def _plain(path: Path) -> IO[bytes]:
    """Open a tar file; a compressed one is unpacked into a temporary file first."""
    file = open_regular(path)
    unpack = _PACKED.get(file.read(2))
    file.seek(0)
    if unpack is None:
        return file
    file.close()
    plain = tempfile.TemporaryFile()  # noqa: SIM115  it stays open as long as the archive
    with unpack(path, "rb") as packed:
        while block := packed.read(2**20):
            try:
                plain.write(block)
                plain.flush()
            except OSError as error:
                where = f"the temporary folder '{tempfile.gettempdir()}'"
                raise DataError(f"'{path}' cannot be unpacked to {where}: {reason_of(error)}") from error
            if plain.tell() > MAX_UNPACKED:
                raise DataError(f"'{path}' unpacks to more than {size(MAX_UNPACKED)}: unpack it yourself")
    plain.seek(0)
    return plain
