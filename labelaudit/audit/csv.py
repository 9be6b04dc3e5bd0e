"""``suspects.csv`` and ``samples.csv``: the rows of `Audit.table` for people, spreadsheets and data frames.

UTF-8, one header line, ``\\n`` at line ends. A text cell that a spreadsheet would execute gets a leading ``'``; who
needs the exact name of such a file asks `Audit.samples`. Left out: a byte order mark, which would break the
first column's name for most other readers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from labelaudit.audit.columns import Column, Picked, list_columns, plain_values
from labelaudit.audit.document import Audit
from labelaudit.audit.groups import COLUMNS
from labelaudit.text import Lines, cell, cells
from labelaudit.types import Ints

_BLOCK = 65_536
"""Rows turned into Python values at a time: bounds the memory of a large dataset's file."""


def write(audit: Audit, rows: Ints, path: Path) -> None:
    """Some ``rows`` (m,) of the samples, in this order."""
    # backslashreplace: a name that is not valid UTF-8 stays visible and cannot stop the file
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        _render(audit, rows, file)


def write_groups(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The ``rows`` of `labelaudit.audit.groups.list_groups`."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(Lines(file))
        writer.writerow(COLUMNS)
        writer.writerows([cell(row[name]) for name in COLUMNS] for row in rows)


def render_suspects(audit: Audit) -> str:
    """The text of ``suspects.csv``."""
    text = io.StringIO(newline="")
    _render(audit, audit.suspects, text)
    return text.getvalue()


def _render(audit: Audit, rows: Ints, file: TextIO) -> None:
    csv.writer(Lines(file)).writerow(cell(name) for name in audit.columns(rows[:0]))
    for start in range(0, len(rows), _BLOCK):
        columns = list_columns(audit, rows[start : start + _BLOCK])
        texts = list(map(_texts, columns.values()))
        block = io.StringIO(newline="")
        csv.writer(block).writerows(zip(*texts, strict=True))
        text = block.getvalue()
        if text.count("\r") == len(texts[0]):  # none inside a cell
            file.write(text.replace("\r\n", "\n"))
        else:
            csv.writer(Lines(file)).writerows(zip(*texts, strict=True))


def _texts(column: Column) -> list[str]:
    """The cells of a column; where there are fewer values than rows, each value becomes a cell once."""
    if isinstance(column, Picked) and len(column.values) < len(column.places):
        return Picked(cells(column.values), column.places).tolist()
    return cells(plain_values(column))
