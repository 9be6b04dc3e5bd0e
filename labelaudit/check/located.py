"""Finds the files of a dataset: those of its samples, and those that hold labels or many samples at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHARD = ".parquet"


@dataclass(frozen=True)
class Located:
    """The files of a dataset. Paths are absolute; the links above a file are resolved, the file's own is not."""

    base: str
    """The folder that names of samples are relative to."""
    names: Mapping[str, tuple[str, ...]]
    """Sample, or file of a finding -> its path, as named, in its own folder, and behind its link."""
    whole: tuple[str, ...]
    """Tables, arrays and shards: a change there may be about any sample."""
    packed: bool
    """Whether the samples are rows of shards, and no files of their own."""

    def place(self, files: Iterable[Path]) -> tuple[frozenset[str], bool, list[Path]]:
        """Split ``files`` into names of samples, whether files of labels are among them, and files outside the dataset.

        A folder stands for all below it, and a file for every sample that links to it. A file inside of the dataset
        that is not a sample, or not any more, is called as one would be.
        """
        from labelaudit.data.found_tables import METADATA

        placed = {file: resolve_links(file) for file in files}
        touched = touches(placed.values())
        ids = {name for name, paths in self.names.items() if any(map(touched, paths))}
        known = {path for name in ids for path in self.names[name]}
        outside, relabelled = [], any(map(touched, self.whole))
        for file, path in placed.items():
            inside = Path(os.path.relpath(path, self.base)).as_posix()
            if not self.contains(path):
                outside += [] if path in known or self._is_whole(path) else [file]
            elif file.name in METADATA or (self.packed and file.suffix.lower() == _SHARD):
                relabelled = True
            elif not self._is_whole(path) and not Path(path).is_dir():
                ids.add(inside)
        return frozenset(ids), relabelled, outside

    def contains(self, path: str) -> bool:
        """Whether ``path`` is below the base."""
        return is_below(path, self.base) and path != self.base

    def _is_whole(self, path: str) -> bool:
        return path in self.whole or os.path.realpath(path) in self.whole


def locate(data: Path, table: Path | None, **how: Any) -> Located:
    """The files of a dataset as it is now, read as ``how`` says (fields of `Source`); images are not read."""
    from labelaudit.data.found_tables import METADATA
    from labelaudit.data.readers.arrays import ARRAY_SUFFIXES
    from labelaudit.data.sources import open_source

    base = os.path.realpath(data if data.is_dir() else data.parent)
    tables = [file for file in (table, None if data.is_dir() else data) if file is not None]
    if data.is_file() and data.suffix.lower() in (*ARRAY_SUFFIXES, _SHARD):
        return Located(base, {}, _resolve_all(tables), packed=True)
    listing = open_source(data, labels=table, **how)
    named = dict.fromkeys([*listing.ids, *(finding.path for finding in listing.findings)])
    real: dict[str, str] = {}
    names = {name: tuple(_reach(f"{base}{os.sep}{name}", real)) for name in named}
    packed = data.is_dir() and not any(os.path.lexists(paths[0]) for paths in names.values())
    if packed:
        tables += [file for file in data.rglob(f"*{_SHARD}") if file.is_file()]
    if data.is_dir() and table is None:
        folders = [data, *(folder for folder in data.iterdir() if folder.is_dir())]
        tables += [file for folder in folders for name in METADATA if (file := folder / name).is_file()]
    return Located(base, {} if packed else names, _resolve_all(tables), packed)


def resolve_links(path: Path | str, folders: dict[str, str] | None = None) -> str:
    """The absolute path of a file, links above it resolved; the file itself may be one, or be gone.

    ``folders`` remembers where the folders of many files really are.
    """
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100  a pathlib path resolves the last link too
    real = {} if folders is None else folders
    if folder not in real:
        real[folder] = os.path.realpath(folder)
    return f"{real[folder].rstrip(os.sep)}{os.sep}{name}"


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder``, or in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def touches(paths: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path is one of ``paths`` or below one of them."""
    chosen = frozenset(paths)
    folders: dict[str, bool] = {}

    def below(folder: str) -> bool:
        if folder not in folders:
            above = os.path.split(folder)[0]
            folders[folder] = folder in chosen or (above != folder and below(above))
        return folders[folder]

    return lambda path: path in chosen or below(os.path.split(path)[0])


def _reach(path: str, folders: dict[str, str]) -> Iterator[str]:
    """Yield ``path`` as written, with the links above it resolved, and with its own link resolved; each once."""
    behind = [os.path.realpath(path)] if Path(path).is_symlink() else []
    yield from dict.fromkeys([os.path.normpath(path), resolve_links(path, folders), *behind])


def _resolve_all(files: Iterable[Path]) -> tuple[str, ...]:
    found = dict.fromkeys(path for file in files for path in (resolve_links(file), os.path.realpath(file)))
    return tuple(found)
