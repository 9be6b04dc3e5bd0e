"""Arrays in ``.npz`` files, without pickle: written so that they can be mapped into memory, mapped, or read.

What is mapped costs time and memory only where it is looked at. Left out: what the arrays mean; `labelaudit.audit.npz`
and `labelaudit.judge.judge` know.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.files import fresh_bytes, map_regular, open_regular

Arrays = Mapping[str, npt.NDArray[Any]]
"""Name -> array."""

_ALIGNED = 64  # bytes of which the place of an array is a multiple, in its entry and in the file
_PADDING = 0xD935  # the extra field of an entry that is only there to be long, as Android's zipalign writes it
_HEAD, _LENGTHS, _ZIP64 = 30, 26, 20  # bytes of an entry's head, where it has the lengths that follow, of the field
_NUMPY = 1 << 16  # that `force_zip64` adds; and of the head that NumPy writes before an array, at most
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write ``arrays`` to ``path``, whole or not at all; the same ones give the same bytes, which `numpy.load` reads.

    Raises `ValueError` for an array of Python objects.
    """
    with fresh_bytes(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            before = file.tell() + _HEAD + len(entry.filename.encode()) + struct.calcsize("<HH") + _ZIP64
            padding = bytes(-before % _ALIGNED)
            entry.extra = struct.pack("<HH", _PADDING, len(padding)) + padding
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_arrays(path: Path) -> Arrays:
    """All arrays of ``path``, their checksums compared; raises what NumPy and zipfile raise where it is damaged."""
    with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"'{strange[0]}' is not an array")
    return arrays


def map_arrays(path: Path) -> Arrays:
    """All arrays of ``path``, mapped into memory where they lie so that they can be; what is changed stays in memory.

    For files whose bytes are known to be those that were written: checksums are not compared. Raises as `read_arrays`.
    """
    arrays, whole = {}, map_regular(path)
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            start = entry.header_offset + _HEAD
            start += sum(struct.unpack("<HH", whole[start - _HEAD + _LENGTHS : start]))
            head = io.BytesIO(whole[start : start + _NUMPY])
            shape, by_column, dtype = _READERS[np.lib.format.read_magic(head)](head)
            count = math.prod(shape)
            if dtype.hasobject or head.tell() + count * dtype.itemsize != entry.file_size:
                raise ValueError(f"'{name}' is cut off or of Python objects")
            flat = np.frombuffer(whole, dtype, count, start + head.tell())
            flat = flat if flat.flags.aligned else flat.copy()
            arrays[name] = flat.reshape(shape, order="F" if by_column else "C")
    return arrays
