"""Keeps what a scan under way has finished on disk, so that after a kill the same command goes on where it was.

One file for each result, written whole or not at all, named by everything that the result depends on: data, labels,
settings, versions. Arrays come back bit for bit, so a scan that was cut off ends with the same bytes as one that was
not. A scan that ends deletes what it kept; what nobody came back for goes after a month. Features are kept row by row,
and for good, by `labelaudit.features.store`. Left out: states within one cross-fit, and what takes seconds.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.arrays import Arrays, read_arrays, write_arrays
from labelaudit.audit.json import plain
from labelaudit.machine import list_versions
from labelaudit.types import Evidence

_FORGOTTEN = 30 * 24 * 3600.0  # seconds after which nobody is expected to go on with a scan
_NOTES = "notes"  # the array that holds what is no array, as JSON
_PARTS = ("suspicion", "probs", "losses", "margins")
_ROWS = 1 << 14  # rows of an array that are hashed at a time: it may be a memory map


class Unfinished:
    """The finished results of scans under way, in a folder ``cache``; without one nothing is kept.

    >>> import tempfile
    >>> cache = Path(tempfile.mkdtemp())
    >>> Unfinished(cache).arrays("squares", {"n": 3}, lambda: {"x": np.arange(3) ** 2})["x"].tolist()
    [0, 1, 4]
    >>> again = Unfinished(cache)
    >>> again.arrays("squares", {"n": 3}, lambda: {})["x"].tolist(), again.found
    ([0, 1, 4], ['squares'])
    >>> again.end(); again.arrays("squares", {"n": 3}, lambda: {})
    {}
    """

    def __init__(self, cache: Path | None) -> None:
        self._folder = None if cache is None else cache / "unfinished"
        self._used: list[Path] = []
        self.found: list[str] = []
        """Names of the results that an earlier run had finished."""

    def arrays(self, name: str, depends_on: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The arrays ``name``, as an earlier run left them or made now; ``depends_on`` (arrays, or JSON-able) is all
        that they depend on.
        """
        if self._folder is None:
            return make()
        file = self._folder / f"{name}-{_digest(depends_on)}.npz"
        self._used.append(file)
        try:
            found = read_arrays(file)
        except Exception:  # what damage raises is no closed list, and all of it can be made again
            found = make()
            with suppress(OSError):  # where there is no room the scan goes on, and they would be made again
                file.parent.mkdir(parents=True, exist_ok=True)
                write_arrays(file, found)
        else:
            self.found.append(name)
        return found

    def digest(self, depends_on: Mapping[str, Any]) -> str:
        """The digest of what several results depend on, so that it is read once; nothing where none are kept."""
        return "" if self._folder is None else _digest(depends_on)

    def evidence(self, name: str, depends_on: Mapping[str, Any], make: Callable[[], Evidence]) -> Evidence:
        """The evidence ``name``, as `arrays`."""
        return _join(self.arrays(name, depends_on, lambda: _split(make())))

    def end(self) -> None:
        """Delete what this scan kept, and what others kept long ago: it has been written."""
        if self._folder is None or not self._folder.is_dir():
            return
        old = [file for file in self._folder.glob("*.npz") if time.time() - _age(file) > _FORGOTTEN]
        for file in [*self._used, *old]:
            with suppress(OSError):  # in a cache that people share it may be someone else's
                file.unlink()


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return time.time()


def _digest(depends_on: Mapping[str, Any]) -> str:
    """24 hexadecimal digits that change with any value of ``depends_on`` and with the software."""
    digest = hashlib.blake2b(json.dumps(list_versions(), sort_keys=True).encode(), digest_size=12)
    for name, value in depends_on.items():
        if isinstance(value, np.ndarray):
            digest.update(f"{name}{value.dtype}{value.shape}".encode())
            for start in range(0, len(value), _ROWS):
                digest.update(np.ascontiguousarray(value[start : start + _ROWS]).data)
        else:
            text = json.dumps([name, plain(value)], sort_keys=True)
            digest.update(text.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _split(evidence: Evidence) -> Arrays:
    """``evidence`` as arrays."""
    arrays = {name: array for name in _PARTS if (array := getattr(evidence, name)) is not None}
    arrays |= {f"columns/{name}": column for name, column in evidence.columns.items()}
    notes = json.dumps([evidence.method, plain(evidence.tables)]).encode()
    return arrays | {_NOTES: np.frombuffer(notes, dtype=np.uint8)}


def _join(arrays: Arrays) -> Evidence:
    """Put together what `_split` took apart."""
    method, tables = json.loads(arrays[_NOTES].tobytes())
    columns = {name.removeprefix("columns/"): array for name, array in arrays.items() if name.startswith("columns/")}
    parts = {name: arrays.get(name) for name in _PARTS[1:]}
    return Evidence(method=method, suspicion=arrays["suspicion"], **parts, columns=columns, tables=tables)
