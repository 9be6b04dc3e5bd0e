"""Archives as trees of files: zip and tar, read in place; compressed tars are unpacked once into a temporary file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import posixpath
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
_SPARSE = "stored with holes (sparse), which is not read: pack the archive again without"
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


_LOCKED = 1  # bit of a zip entry that is encrypted
_LONGEST = 4096  # bytes of what a link says


class ZipStorage(Storage):
    """`Storage` of a zip file, which stays open. A link to a file in it is that file."""

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
        links = [name for name, entry in self._entries.items() if _is_link(entry)]
        files = {name: entry for name, entry in self._entries.items() if not _is_link(entry)}
        self.sizes = dict.fromkeys(links, _LONGEST)
        told = {name: _beside(name, self.read(name).decode("utf-8", "surrogateescape")) for name in links}
        found, self.lost = _follow(told, files)
        self._entries = {**files, **{name: files[target] for name, target in found.items()}}
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
        self.lost: list[Finding] = []
        self._starts: dict[str, int] = {}
        self._path = path.absolute()
        try:
            self._file = _plain(path)
            weakref.finalize(self, self._file.close)
            links: dict[str, str] = {}
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for entry in archive:
                    name = entry.name.removeprefix("./")
                    if entry.issparse():
                        self.lost.append(Finding(kind="unreadable", path=name, detail=_SPARSE))
                    elif entry.isfile():
                        self.sizes[name], self._starts[name] = entry.size, entry.offset_data
                    elif entry.islnk():  # of two hard links the second is a name alone
                        links[name] = entry.linkname.removeprefix("./")
                    elif entry.issym():
                        links[name] = _beside(name, entry.linkname)
            found, lost = _follow(links, self.sizes)
            self.lost += lost
            self.sizes |= {name: self.sizes[target] for name, target in found.items()}
            self._starts |= {name: self._starts[target] for name, target in found.items()}
        except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
            raise DataError(f"'{path}' is not a readable tar file: {reason_of(error)}") from error

    def __reduce__(self) -> tuple[type[TarStorage], tuple[Path]]:
        """Another process opens the file itself."""
        return TarStorage, (self._path,)

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


def _is_link(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a link: what it leads to is all that it holds."""
    return stat.S_ISLNK(entry.external_attr >> 16) and entry.file_size <= _LONGEST


def _beside(name: str, target: str) -> str:
    """The path from the top of an archive that a link called ``name`` leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def _follow(links: Mapping[str, str], files: Collection[str]) -> tuple[dict[str, str], list[Finding]]:
    """Link -> the one of the ``files`` that it leads to, and a finding for each image that leads to none.

    ``links`` is name -> what it leads to, which may be a link too.
    """
    found, lost = dict[str, str](), list[Finding]()
    for name, linked in links.items():
        seen, target = {name}, linked
        while target in links and target not in seen:
            seen.add(target)
            target = links[target]
        if target in files:
            found[name] = target
        elif ending_of(name) in SUFFIXES:
            detail = f"link to '{spell_bytes(linked)}', which is no file in the archive"
            lost.append(Finding(kind="missing", path=spell_bytes(name), detail=detail))
    return found, lost


def tree_of(shown: str, names: Sequence[str], storage: Storage, lost: Sequence[Finding] = ()) -> Tree:
    """The tree of the files ``names``: hidden ones are left out, paths that lead out of it are findings, as are those
    that are ``lost``."""
    images: list[str] = []
    others: list[str] = []
    findings = [*lost]
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
