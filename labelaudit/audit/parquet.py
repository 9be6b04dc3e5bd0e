"""``samples.parquet``: the rows of ``samples.csv`` where there are too many of them for text.

Columns and order are those of `Audit.table`. Text is exact: nothing that a spreadsheet would execute is marked, and
what is no valid UTF-8 shows as backslash escapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.audit.columns import Column, Picked, list_columns
from labelaudit.audit.document import Audit
from labelaudit.packed import Packed, Texts

MOST_AS_TEXT = 200_000
"""Samples up to which a RUN holds ``samples.csv``; larger ones hold ``samples.parquet`` instead."""
_GROUP = 65_536  # rows of a group
_MOST_BYTES = 2**31 - 1  # of the texts of a column


def write_samples(audit: Audit, path: Path) -> None:
    """Every sample, worst first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = audit.order
    names: dict[int, Any] = {}  # what columns pick from, made once
    writer = None
    with path.open("wb") as file:
        for start in range(0, len(order), _GROUP):
            columns = list_columns(audit, order[start : start + _GROUP])
            table = pa.table({name: _as_arrow(column, names) for name, column in columns.items()})
            if writer is None:
                repeated = [name for name, column in columns.items() if isinstance(column, Picked) and name != "path"]
                writer = pq.ParquetWriter(file, table.schema, compression="zstd", use_dictionary=repeated)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def _as_arrow(column: Column, names: dict[int, Any]) -> Any:
    """An Arrow array of a column; ``names`` keeps what is picked from.

    Made of the bytes as they lie: `pyarrow.array` loads pandas, a quarter of a second, to see whether it is given some.
    """
    import pyarrow as pa

    if isinstance(column, Picked):
        if id(column.values) not in names:
            names[id(column.values)] = _names(column.values)
        return names[id(column.values)].take(_numbers(column.places, None))
    if column.dtype.kind == "b":
        return pa.Array.from_buffers(pa.bool_(), len(column), [None, _bits(column)])
    if column.dtype.kind == "f":  # nothing where nothing was measured
        missing = np.isnan(column)
        return _numbers(column.astype(np.float64), _bits(~missing) if missing.any() else None)
    return _numbers(column, None)


def _numbers(values: npt.NDArray[Any], there: Any) -> Any:
    """An Arrow array of numbers; ``there`` are the bits of those that are, None where all are."""
    import pyarrow as pa

    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(np.ascontiguousarray(values))])


def _bits(values: npt.NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _names(values: Sequence[Any]) -> Any:
    """An Arrow array of names; values of several kinds, and names that are no valid UTF-8, as text."""
    import pyarrow as pa

    if isinstance(values, Packed) or set(map(type, values)) == {str}:
        texts = Texts.of(values)
        if len(texts.data) <= _MOST_BYTES:
            starts = pa.py_buffer(texts.starts.astype(np.int32))
            found = pa.Array.from_buffers(pa.string(), len(texts), [None, starts, pa.py_buffer(texts.data)])
            try:
                found.validate(full=True)
            except pa.ArrowInvalid:
                pass
            else:
                return found
    try:
        return pa.array(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        text = [None if value is None else str(value).encode("utf-8", "backslashreplace").decode() for value in values]
        return pa.array(text, type=pa.string())
