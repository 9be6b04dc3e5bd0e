"""``samples.parquet``: the rows of ``samples.csv`` where there are too many of them for text.

Columns and order are those of `Audit.table`. Text is exact: nothing that a spreadsheet would execute is marked, and
what is no valid UTF-8 shows as backslash escapes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelaudit.audit.document import Audit

MOST_AS_TEXT = 200_000
"""Samples up to which a RUN holds ``samples.csv``; larger ones hold ``samples.parquet`` instead."""
_BLOCK = 65_536  # rows turned into Python values at a time


def write_samples(audit: Audit, path: Path) -> None:
    """Every sample, worst first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = audit.order
    writer = None
    with path.open("wb") as file:
        for start in range(0, max(len(order), 1), _BLOCK):
            columns = audit.columns(order[start : start + _BLOCK])
            table = pa.table({name: _column(values) for name, values in columns.items()})
            if writer is None:
                writer = pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table.cast(writer.schema))
        if writer is not None:
            writer.close()


def _column(values: list[Any]) -> Any:
    """An Arrow array; values of several kinds, and names that are no valid UTF-8, as text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        text = [None if value is None else str(value).encode("utf-8", "backslashreplace").decode() for value in values]
        return pa.array(text, type=pa.string())
