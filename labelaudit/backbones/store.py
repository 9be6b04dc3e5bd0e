"""The feature cache: one folder per backbone, two append-only files, safe against a kill at any byte.

``features.f32`` holds rows of d little-endian float32. ``index.bin`` holds one record per row: the image's digest
(16 bytes) and the CRC-32 of the row (4 bytes). A row counts only when its record is whole and its checksum agrees, so a
torn tail, a lost write or a damaged block costs that row and nothing else: it is embedded again. Rows are appended under
a lock, features first. Left out: eviction; a person deletes the folder.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.errors import RunError
from labelaudit.types import Floats

_RECORD = np.dtype([("digest", "S32"), ("crc", "<u4")])
_FORMAT = 1


class Store:
    """Features of one backbone by content digest.

    >>> import tempfile, numpy as np
    >>> store = Store(Path(tempfile.mkdtemp()), {"backbone": "toy"}, width=2)
    >>> store.append(["ab" * 16], np.ones((1, 2), np.float32))
    >>> store.find(["ab" * 16, "cd" * 16]).tolist()
    [0, -1]
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], width: int) -> None:
        from filelock import FileLock

        self.folder, self.width = folder, width
        self._features, self._index = folder / "features.f32", folder / "index.bin"
        self._rows: dict[str, int] = {}
        self._seen = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / "lock")
            with self._lock:
                self._check_identity({"format": _FORMAT, **identity, "width": width})
                self._features.touch()
                self._index.touch()
        except OSError as error:
            raise self._error("cannot be written", error) from error
        self._refresh()

    def _check_identity(self, expected: dict[str, Any]) -> None:
        path = self.folder / "meta.json"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_text(json.dumps(expected, indent=1, sort_keys=True), encoding="utf-8")
            part.replace(path)
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != expected:
            raise RunError(f"feature cache {path} belongs to something else; delete the folder {self.folder} to rebuild it")

    def _error(self, what: str, error: OSError) -> RunError:
        return RunError(f"feature cache {self.folder} {what}: {error.strerror or error}; choose another with --cache or use --no-cache")

    def _refresh(self) -> None:
        """Learn the records that were appended since the last look."""
        size = min(self._index.stat().st_size // _RECORD.itemsize, self._features.stat().st_size // (4 * self.width))
        if size <= self._seen:
            return
        with self._index.open("rb") as file:
            file.seek(self._seen * _RECORD.itemsize)
            records = np.frombuffer(file.read((size - self._seen) * _RECORD.itemsize), dtype=_RECORD)
        self._crcs = np.concatenate([getattr(self, "_crcs", np.empty(0, np.uint32)), records["crc"]])
        for row, digest in enumerate(records["digest"].tolist(), self._seen):
            self._rows[digest.decode("ascii", "replace")] = row
        self._seen += len(records)

    def find(self, digests: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) row of each digest, -1 where it is not stored."""
        return np.array([self._rows.get(digest, -1) for digest in digests], dtype=np.int64)

    def read(self, rows: Iterable[int]) -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
        """(features (m, d), intact (m,)) of the stored ``rows``; a damaged row is zero and not intact."""
        wanted = np.fromiter(rows, dtype=np.int64)
        values = np.zeros((len(wanted), self.width), dtype=np.float32)
        intact = np.zeros(len(wanted), dtype=bool)
        if not len(wanted):
            return values, intact
        stored = np.memmap(self._features, dtype="<f4", mode="r").reshape(-1)
        for at, row in enumerate(wanted.tolist()):
            part = stored[row * self.width : (row + 1) * self.width]
            if zlib.crc32(part) == self._crcs[row]:
                values[at] = part
                intact[at] = True
        return values, intact

    def append(self, digests: Sequence[str], values: Floats) -> None:
        """Store rows (m, d); what another process appended meanwhile is kept."""
        values = np.ascontiguousarray(values, dtype="<f4")
        records = np.zeros(len(digests), dtype=_RECORD)
        records["digest"] = [digest.encode("ascii") for digest in digests]
        records["crc"] = [zlib.crc32(row) for row in values]
        try:
            with self._lock, self._features.open("r+b") as features, self._index.open("r+b") as index:
                whole = min(_length(index) // _RECORD.itemsize, _length(features) // (4 * self.width))
                for file, data, item in ((features, values, 4 * self.width), (index, records, _RECORD.itemsize)):
                    file.truncate(whole * item)  # a torn tail of a run that was killed
                    file.seek(whole * item)
                    file.write(data.tobytes())
                    file.flush()
        except OSError as error:
            raise self._error("cannot be written", error) from error
        self._refresh()


def _length(file: Any) -> int:
    end: int = file.seek(0, 2)
    return end
