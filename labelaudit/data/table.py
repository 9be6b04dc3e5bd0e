"""A table of labels as rows of text: from CSV and its relatives, JSON Lines, JSON, and lists of paths and labels.

Every cell is text: a label ``3`` stays the name "3". A table without a header is known by its first row, which is like
the others; its columns are then called ``column 1``, ``column 2``. Left out: compressed tables and spreadsheets.
"""

from __future__ import annotations

import ast
import codecs
import csv
import io
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from xml.etree import ElementTree

from labelaudit.data.cells import scalar_text
from labelaudit.data.column_names import LABEL_NAMES, PATH_NAMES, is_label_name, plain_name
from labelaudit.data.columns import Cells
from labelaudit.data.formats import SUFFIXES, ends_as_image
from labelaudit.data.records import columns_of, flatten, parse_document, parse_json, read_lines
from labelaudit.errors import DataError
from labelaudit.text import find_twice

LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})
"""Plain lists: a path and a label on each line, without a header."""
JSON_LINES = frozenset({".jsonl", ".ndjson", ".manifest"})
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".json"}) | JSON_LINES | LIST_SUFFIXES
DOCUMENT_SUFFIXES = TABLE_SUFFIXES | {".parquet", ".xml"}
"""Files that hold labels beside the images, or instead: tables, and what a reader makes a table of."""


class DocumentError(DataError):
    """A document of a known kind that holds no one label for each image."""


class EncodingError(DataError):
    """A table in another encoding than UTF-8, UTF-16 and UTF-32."""


Line = tuple[int, list[str]]
"""A line's number in the file and its cells."""
_WITH_IMAGE = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))}))\s+(.+)", re.IGNORECASE)
_LINES = re.compile(r"\s*\{.*\}[ \t\r]*\n\s*\{")
"""The beginning of JSON Lines, which are called ``.json`` too."""
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # after the longer ones that begin alike
_LOOKED_AT = 50  # lines that may be remarks, and rows that show what parts them
_LONGEST_CELL = 10_000  # characters of a list or an object
_WIDEST = 200_000
"""Columns of a table: more than the pixels of an image that anybody keeps in one."""
MANY_COLUMNS = 50
"""Wider tables hold features or pixels, and no more than that is said of images or classes."""
_FEW_CELLS, _SPARSEST = 10_000_000, 100
"""Cells that records may be spread over, and how many of them for each cell that holds anything."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Named columns of text."""

    name: str
    """The file as a person named it."""
    cells: Cells
    """Column -> (n,) its cells; a missing one is the empty text."""
    lines: Sequence[int]
    """(n,) line of each row in the file, for messages."""
    has_header: bool = True
    of_folders: str = ""
    """The column of folders of images, where each row was made one for each image in its folder."""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.cells)

    @property
    def file(self) -> str:
        """The file without the folders above it."""
        return posixpath.basename(self.name.replace("\\", "/"))

    def here(self, row: int) -> str:
        """The place of a row, for messages: ``labels.csv line 3``."""
        return f"{self.file} line {self.lines[row]}"


def parse_table(name: str, data: bytes) -> Table:
    """The table in the bytes of a file called ``name``, in UTF-8, UTF-16 or UTF-32; a CSV may use ``;``, ``|`` or tabs.

    Raises `DataError`, naming the line, for what cannot be parsed and for rows longer than the header.
    """
    text, suffix = _decode(name, data), name[name.rfind(".") :].lower()
    if suffix in JSON_LINES or suffix == ".json":
        is_lines = suffix in JSON_LINES or _LINES.match(text) is not None
        return _of_records(name, flatten([*read_lines(name, text)]) if is_lines else parse_document(name, text))
    lines = list(_list_lines(text) if suffix in LIST_SUFFIXES or _is_list(text) else _csv_lines(name, text))
    if not lines:
        raise DataError(f"'{name}' has no rows: it needs a header and one row for each image")
    if len(lines) > 2 and sum(map(bool, lines[0][1])) == 1 < len(lines[0][1]) and _names_columns(lines[1][1]):
        lines = lines[1:]  # below a title
    widest, width = max(lines, key=lambda line: len(line[1]))
    _check_width(name, widest, len(width))
    if _is_header(lines):
        return _of_header(name, lines)
    columns = tuple(f"column {number + 1}" for number in range(len(width)))
    return _filled(name, columns, lines, has_header=False)


def _is_header(lines: Sequence[Line]) -> bool:
    """Whether the first line names columns: it does where it is unlike the lines below it."""
    first = [cell.strip() for cell in lines[0][1]]
    if any(map(ends_as_image, first)):
        return False
    below = [row for _, row in lines[1:]]
    if _names_columns(first) or (is_label_name(first[-1]) and not any(row[-1].strip() == first[-1] for row in below)):
        return True
    slashed = [column for column, cell in enumerate(first) if "/" in cell]
    if below and any(all("/" in "".join(row[column : column + 1]) for row in below) for column in slashed):
        return False  # a path or a label like those below it
    return not any(
        cell and any(len(row) > column and row[column].strip() == cell for row in below)
        for column, cell in enumerate(first)
    )


def _names_columns(cells: Sequence[str]) -> bool:
    """Whether one of some cells is what columns of paths or labels are called."""
    return not {plain_name(cell) for cell in cells}.isdisjoint({*PATH_NAMES, *LABEL_NAMES})


def _of_header(name: str, lines: Sequence[Line]) -> Table:
    """The table of ``lines`` of which the first names the columns."""
    head = list(lines[0][1])
    is_list = name.lower().endswith(tuple(LIST_SUFFIXES))
    if is_list and len(lines) > 1 and all(len(row) == len(head) + 1 for _, row in lines[1:]):
        head = ["", *head]  # the column of paths has no name
    columns = tuple(cell.strip() or f"unnamed {i}" for i, cell in enumerate(head))
    if (twice := find_twice(columns)) is not None:
        raise DataError(f"'{name}' has two columns '{twice}': rename one")
    if len(lines) == 1:
        raise DataError(f"'{name}' has no rows: it needs a header and one row for each image")
    for line, row in lines[1:]:
        if len(row) > len(columns) and any(row[len(columns) :]):
            raise DataError(
                f"'{name}' line {line} has {len(row)} cells for {len(columns)} columns: put cells that hold the "
                "separator in quotes"
            )
    table = _filled(name, columns, lines[1:], has_header=True)
    named = {column: cells for column, cells in table.cells.items() if not column.startswith("unnamed ") or any(cells)}
    return _unpacked(replace(table, cells=named))


def _filled(name: str, columns: Sequence[str], lines: Sequence[Line], *, has_header: bool) -> Table:
    cells = {
        column: [row[place] if place < len(row) else "" for _, row in lines] for place, column in enumerate(columns)
    }
    return Table(name=name, cells=cells, lines=[line for line, _ in lines], has_header=has_header)


def _unpacked(table: Table) -> Table:
    """A table with columns of JSON objects as the columns that are in them, and lists of one value as that value."""
    found = {name: values for name, cells in table.cells.items() if (values := _values_in(cells)) is not None}
    if not found:
        return table
    columns = {name: found.get(name, cells) for name, cells in table.cells.items()}
    rows = zip(*columns.values(), strict=True)
    records = flatten(
        [(line, dict(zip(columns, row, strict=True))) for line, row in zip(table.lines, rows, strict=True)]
    )
    return _of_records(table.name, records)


def _values_in(cells: Sequence[str]) -> list[Any] | None:
    """The values of cells that are all empty, objects in JSON or lists of one value at most; else ``None``."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or not all(cell[0] in "{[" and len(cell) < _LONGEST_CELL for cell in filled):
        return None
    try:
        values = [_parse_cell(cell.strip()) if cell.strip() else None for cell in cells]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    plain = all(
        value is None or isinstance(value, dict) or (isinstance(value, list) and len(value) < 2) for value in values
    )
    return values if plain else None


def _parse_cell(cell: str) -> Any:
    """The value of a cell in JSON, or as Python writes a list of texts or numbers."""
    try:
        return json.loads(cell)
    except ValueError:
        if cell[0] == "[":
            return ast.literal_eval(cell)
        raise


def _of_records(name: str, records: Sequence[tuple[int, Mapping[str, str]]]) -> Table:
    if not records:
        raise DataError(f"'{name}' has no rows: it needs one record for each image")
    width, held = len({column for _, record in records for column in record}), sum(len(one) for _, one in records)
    _check_width(name, records[-1][0], width)
    if width * len(records) > max(_FEW_CELLS, _SPARSEST * held):
        raise DataError(f"'{name}' gives each record fields of its own, {width:,} in all: keep a path and a label")
    cells = columns_of([record for _, record in records])
    return Table(name=name, cells=cells, lines=[line for line, _ in records])


def _decode(name: str, data: bytes) -> str:
    encoding = next((known for mark, known in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and data[:1000].count(0) > len(data[:1000]) // 4:
        raise DataError(f"'{name}' holds zero bytes, as UTF-16 and UTF-32 without a mark do: save it as UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EncodingError(
            f"'{name}' line {line} is not {encoding[:6].upper().rstrip('-')}: save it as UTF-8"
        ) from error


def _csv_lines(name: str, text: str) -> Iterator[Line]:
    text = _without_remarks(re.sub(r"\A\s*sep=.\s*\n", "", text, flags=re.IGNORECASE))  # a line for Excel
    head = text.lstrip("\r\n").partition("\n")[0]
    quote = "'" if head.startswith("'") else '"'
    delimiter = "\t" if name.lower().endswith(".tsv") else _separator(text, head, quote)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"'{name}' line {reader.line_num} cannot be parsed: {error}") from error


def _separator(text: str, head: str, quote: str) -> str:
    """The sign between cells: the first one in the ``head`` that parts all rows alike, else a comma where one is."""
    for sign in sorted((sign for sign in ",;\t|" if sign in head), key=head.index):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, quotechar=quote, strict=True)
        with suppress(csv.Error):
            if len({len(row) for row in islice(filter(any, reader), _LOOKED_AT)}) == 1:
                return sign
    return "," if "," in head else max(",;\t|", key=head.count)


def _is_list(text: str) -> bool:
    """Whether the first line of a table is the path of an image and more, parted by blanks alone."""
    head = text.lstrip().partition("\n")[0]
    return not any(sign in head for sign in ",;\t|") and _WITH_IMAGE.fullmatch(head.strip()) is not None


def _without_remarks(text: str) -> str:
    """A table with nothing in the lines above it that begin with ``#`` and have other cells than the header below."""
    lines = text.split("\n", _LOOKED_AT)
    remarks = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    sign = max(",;\t|", key=lines[remarks].count)
    alike = any(line.count(sign) == lines[remarks].count(sign) for line in lines[:remarks] if line.strip())
    return text if alike or not remarks else "\n".join([""] * remarks + lines[remarks:])


def _check_width(name: str, line: int, width: int) -> None:
    if width > _WIDEST:
        raise DataError(
            f"'{name}' has {width:,} columns at line {line}, over the limit of {_WIDEST:,}: keep the two needed"
        )


def _list_lines(text: str) -> Iterator[Line]:
    """The lines of a list. Tabs, commas or spaces part the cells; a path that ends as an image may hold them too.

    A first line that only counts the others is left out. Where lines have different numbers of words and their first
    one is no whole file name, the others are one cell: ``1025794 Boeing 707``.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if lines and lines[0][1] in (str(len(lines) - 1), str(len(lines) - 2)):
        lines = lines[1:]
    widths = {len(line.split()) for _, line in lines}
    words = -1 if len(widths) == 1 or any(_WITH_IMAGE.fullmatch(line) for _, line in lines) else 1
    sign = next((sign for sign in "\t,;|" if lines and all(sign in line for _, line in lines)), None)
    if sign in (",", ";", "|") and all(_is_in_path(sign, line) for _, line in lines):
        sign = None
    for number, line in lines:
        whole = _WITH_IMAGE.fullmatch(line)
        if sign is not None:
            yield number, [cell.strip() for cell in line.split(sign)]
        elif whole is not None:
            yield number, [whole.group(1), *whole.group(2).split()]
        else:
            yield number, line.split(maxsplit=words)


def _is_in_path(sign: str, line: str) -> bool:
    """Whether a line of a list has ``sign`` in its path and not behind it: ``1024,768.jpg 3``."""
    whole = _WITH_IMAGE.fullmatch(line)
    return whole is not None and sign in whole.group(1) and sign not in whole.group(2)


def parse_export(name: str, data: bytes, *keys: str) -> Any:
    """The JSON document in the file ``name``, if its ending is ``.json`` and all ``keys`` occur in it; else ``None``.

    Large documents of another kind are not parsed in vain. Raises `DataError` where the file is no JSON.
    """
    if not name.lower().endswith(".json") or not all(f'"{key}"'.encode() in data for key in keys):
        return None
    return parse_json(name, data.decode("utf-8", "replace"))


def parse_xml(name: str, data: bytes) -> ElementTree.Element:
    """The root of an XML document; raises `DocumentError` where it is none, or declares entities: a few lines of these
    can stand for gigabytes."""
    if b"<!ENTITY" in data:
        raise DocumentError(f"'{name}' declares XML entities, which no export does: it is not read")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise DocumentError(f"'{name}' is not XML: {error}") from error


def is_frame(data: Any) -> bool:
    """Whether ``data`` is a pandas or polars data frame: named columns that become records."""
    return hasattr(data, "columns") and (hasattr(data, "iloc") or hasattr(data, "to_dicts"))


def frame_table(data: Any) -> Table:
    """A pandas or polars data frame as a table of text; raises `DataError` for one without rows."""
    names = [str(name) for name in data.columns]
    if (twice := find_twice(names)) is not None:
        raise DataError(f"the data frame has several columns '{twice}': give each a name of its own")
    if not len(data):
        raise DataError("the data frame has no rows")
    cells = {
        name: [scalar_text(value) for value in data[key].to_list()]
        for name, key in zip(names, data.columns, strict=True)
    }
    return Table(name="the data frame", cells=cells, lines=range(len(data)))
