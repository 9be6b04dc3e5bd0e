"""Datasets at an address that fsspec knows: ``hf://``, ``s3://``, ``gs://``, ``https://``, ``memory://`` and others.

A folder is read in place, image by image. A single file (a table, shards, arrays, an archive) is fetched once into a
temporary folder. Left out: credentials and caches of our own; fsspec and its packages (``s3fs``, ``gcsfs``,
``huggingface_hub``) have theirs.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.data.archive import tree_of
from labelaudit.data.listing import check_size
from labelaudit.data.reader import Subject, subject_of
from labelaudit.data.source import address_of, is_address
from labelaudit.data.table import TABLE_SUFFIXES
from labelaudit.data.tree import Storage, ending_of
from labelaudit.errors import DataError

_FETCHED = (".parquet", ".arrow", ".tar", ".zip", ".npz", ".npy", ".tgz", ".gz")
"""Endings of files that are read with many seeks, and are fetched."""


class AddressStorage(Storage):
    """`Storage` of the files below an address."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._files, self._root = filesystem, root

    def read(self, path: str) -> bytes:
        place = f"{self._root}/{path}"
        try:
            check_size(self._files.info(place).get("size") or 0)
            return bytes(self._files.cat_file(place))
        except (DataError, OSError):
            raise
        except Exception as error:  # each file system raises what its library does
            raise OSError(f"{type(error).__name__}: {error}") from error


def open_(subject: Subject) -> Subject | None:
    """The files below an address, or the one file there fetched; labels at an address are fetched too."""
    source = subject.source
    if is_address(source.labels):
        return subject_of(replace(source, labels=_fetch(address_of(source.labels))))
    if not is_address(source.data):
        return None
    address = address_of(source.data)
    filesystem, root = _connect(address)
    if not _ask(address, filesystem.isdir, root):
        if ending_of(root) in TABLE_SUFFIXES:  # its images lie beside it
            return open_(Subject(replace(source, data=address.rpartition("/")[0], labels=_fetch(address))))
        return subject_of(replace(source, data=_fetch(address)))
    names = [name[len(root) :].lstrip("/") for name in _ask(address, filesystem.find, root)]
    if not names:
        raise DataError(f"'{address}' holds no files: check the address")
    if any(ending_of(name) in _FETCHED for name in names) and not any(ending_of(n) in (".jpg", ".png") for n in names):
        return subject_of(replace(source, data=_fetch_all(address, filesystem, root, names)))
    return Subject(source, tree_of(address, names, AddressStorage(filesystem, root)))


def _connect(address: str) -> tuple[Any, str]:
    try:
        import fsspec

        filesystem, root = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise DataError(f"'{address}' cannot be opened: {error}") from None
    except Exception as error:  # each file system raises what its library does
        raise DataError(f"'{address}' cannot be opened: {type(error).__name__}: {error}") from None
    return filesystem, str(root).rstrip("/")


def _ask(address: str, question: Any, *arguments: Any) -> Any:
    try:
        return question(*arguments)
    except Exception as error:  # each file system raises what its library does
        raise DataError(f"'{address}' cannot be read: {type(error).__name__}: {error}") from None


def _fetch(address: str) -> str:
    filesystem, root = _connect(address)
    if not _ask(address, filesystem.exists, root):
        raise DataError(f"'{address}' does not exist: check the address")
    place = Path(_folder()) / root.rpartition("/")[2]
    _ask(address, filesystem.get_file, root, str(place))
    return str(place)


def _fetch_all(address: str, filesystem: Any, root: str, names: Sequence[str]) -> str:
    folder = Path(_folder()) / root.rpartition("/")[2]
    for name in names:
        if ".." in name.split("/"):
            raise DataError(f"'{address}' holds a path that leads elsewhere: '{name}'")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _ask(address, filesystem.get_file, f"{root}/{name}", str(folder / name))
    return str(folder)


def _folder() -> str:
    """A temporary folder that is there until the program ends."""
    folder = tempfile.mkdtemp(prefix="labelaudit-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
