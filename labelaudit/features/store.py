"""The feature cache: a folder per backbone and size, two append-only files, safe against a kill at any byte.

``features.f32`` holds rows of d little-endian float32; ``index.bin`` one record per row, the image's digest and the
CRC-32 of the row. A row counts only where its record is whole and its checksum agrees: a torn tail, a lost write or a
damaged block costs that row and nothing else, it is embedded again. Appends are made under a lock, features first, so
scans may share a cache. Left out: eviction (delete the folder) and a memory map that grows with the file.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from labelaudit.data.ingest import digest
from labelaudit.errors import RunError
from labelaudit.images import Images
from labelaudit.types import Bools, Floats, Ints

Digests = npt.NDArray[np.bytes_]
"""(n,) of ``S32``: hexadecimal digests."""

PIXELS_VERSION = 1
"""Raise it when decoding or resizing changes what is made of an image: all that is cached is then made again."""
_RECORD = np.dtype([("digest", "S32"), ("checksum", "<u4")])
_FORMAT = 1
_LOCK_SECONDS = 60.0


class FeatureStore:
    """The stored features of one backbone, found by content digest.

    ``identity`` says what made the features; the folder's name carries it, so another weight file or another
    preprocessing finds another folder. Raises `RunError` where the folder cannot be used.

    >>> import tempfile
    >>> cache = Path(tempfile.mkdtemp())
    >>> store = FeatureStore(cache, "toy@8", {"weights": "none"}, width=2)
    >>> store.append(np.array([b"ab" * 16]), np.ones((1, 2), np.float32))
    >>> FeatureStore(cache, "toy@8", {"weights": "none"}, width=2).find(np.array([b"ab" * 16, b"cd" * 16])).tolist()
    [0, -1]
    """

    def __init__(self, cache: Path, name: str, identity: Mapping[str, Any], width: int) -> None:
        from filelock import FileLock

        self._width = width
        about = json.dumps({"format": _FORMAT, "backbone": name, "width": width, **identity}, indent=1, sort_keys=True)
        self.folder = cache / f"{name}-{zlib.crc32(about.encode()):08x}"
        self._features, self._index = self.folder / "features.f32", self.folder / "index.bin"
        self._lock = FileLock(self.folder / "lock", timeout=_LOCK_SECONDS)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._claim(about)
                self._features.touch()
                self._index.touch()
            self._records = self._read_index()
        except OSError as error:
            raise self._unusable(error) from error
        self._order = np.argsort(self._records["digest"], kind="stable")
        self._known = self._records["digest"][self._order]

    def _claim(self, about: str) -> None:
        """Write what the folder holds, or check that it is that."""
        meta = self.folder / "meta.json"
        if not meta.exists():
            part = meta.with_suffix(".part")
            part.write_text(about, encoding="utf-8")
            part.replace(meta)
        elif meta.read_bytes() != about.encode():
            raise RunError(f"{meta} is not from this cache; delete {self.folder}, its features are then made again")

    def _read_index(self) -> npt.NDArray[Any]:
        data = self._index.read_bytes()
        rows = min(len(data) // _RECORD.itemsize, self._features.stat().st_size // (4 * self._width))
        return np.frombuffer(data, dtype=_RECORD, count=rows)

    def _unusable(self, error: OSError) -> RunError:
        reason = error.strerror or str(error)
        return RunError(f"the feature cache {self.folder} cannot be used ({reason}): choose another `cache`, or none")

    def find(self, digests: Digests) -> Ints:
        """(n,) row of each digest as of opening, -1 where there is none."""
        if not len(self._records):
            return np.full(len(digests), -1, dtype=np.int64)
        # The last of several equal ones: what was embedded again because its row was damaged comes later.
        at = np.searchsorted(self._known, digests, side="right") - 1
        return np.where(self._known[at] == digests, self._order[at], -1)

    def read(self, rows: Ints) -> tuple[Floats, Bools]:
        """(values (m, d), intact (m,)) of ``rows`` as found; a damaged row is zero."""
        values = np.zeros((len(rows), self._width), dtype=np.float32)
        intact = np.zeros(len(rows), dtype=np.bool_)
        if not len(rows):
            return values, intact
        try:
            stored = np.memmap(self._features, dtype="<f4", mode="r", shape=(len(self._records), self._width))
        except OSError as error:
            raise self._unusable(error) from error
        for at, row in enumerate(rows.tolist()):
            if zlib.crc32(stored[row].data) == self._records["checksum"][row]:
                values[at], intact[at] = stored[row], True
        return values, intact

    def append(self, digests: Digests, values: Floats) -> None:
        """Add ``values`` (m, d) after whatever this or another process added; found by the next `FeatureStore`."""
        values = np.ascontiguousarray(values, dtype="<f4")
        records = np.empty(len(digests), dtype=_RECORD)
        records["digest"] = digests
        records["checksum"] = [zlib.crc32(row.data) for row in values]
        try:
            with self._lock, self._features.open("r+b") as features, self._index.open("r+b") as index:
                row, record = 4 * self._width, _RECORD.itemsize
                whole = min(_length(features) // row, _length(index) // record)
                for file, item, data in ((features, row, values), (index, record, records)):
                    file.truncate(whole * item)  # a torn tail
                    file.seek(whole * item)
                    file.write(data.tobytes())
                    file.flush()
        except OSError as error:
            raise self._unusable(error) from error


def content_keys(images: Images, digests: Sequence[str]) -> Digests:
    """(n,) the names in a store of ``images`` with these ``digests``; deep ones look otherwise by another exposure."""
    exposure = getattr(images, "exposure", None)
    names = digests if exposure is None else [digest(f"{one} {exposure}".encode()) for one in digests]
    return np.array(names, dtype="S32") if len(names) else np.empty(0, dtype="S32")


def _length(file: IO[bytes]) -> int:
    return file.seek(0, 2)
