"""Records in JSON, in the shapes that programs give them, as rows of text with one name for each column.

A record in a record has the names above it (``truth.label``). A list of one text is that text, and a list of one record
is that record, where the file has no longer list there: exports of labelling tools keep one answer in a list. Other
lists stay lists, as text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from labelaudit.data.column_names import LABEL_NAMES, PATH_NAMES, plain_name
from labelaudit.data.formats import ends_as_image
from labelaudit.data.parts import Part, part_of
from labelaudit.errors import DataError

Records = list[tuple[int, Mapping[str, str]]]
"""(line or number, column -> cell) of each record."""


def read_lines(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line of JSON Lines; raises `DataError` for a line that is none."""
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"'{name}' line {line} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f'\'{name}\' line {line} must be an object such as {{"path": …, "label": …}}')
        yield line, row


def parse_document(name: str, text: str) -> Records:
    """The records of a JSON file; raises `DataError` where it holds none.

    They may be a list of objects or of pairs, one list inside of an object or one for each split, an object of path and
    label, of label and paths or of path and record, an object of columns, or one of these as the only one in another.
    """
    document = parse_json(name, text)
    if isinstance(document, dict):
        document = _records_in(document)
    if isinstance(document, list) and all(isinstance(row, list) for row in document):
        document = [_numbered(row) for row in document]
    if not isinstance(document, list) or not all(isinstance(record, dict) for record in document):
        raise DataError(f"'{name}' holds no list of records: it needs a list of objects with a path and a label")
    return flatten(list(enumerate(document, 1)))


def parse_json(name: str, text: str) -> Any:
    """A JSON document; raises `DataError` where it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"'{name}' line {error.lineno} is not JSON: {error.msg}") from error
    except RecursionError:
        raise DataError(f"'{name}' nests its brackets too deep: it is not a list of records") from None


def _records_in(document: dict[str, Any]) -> Any:
    """The list of records that an object stands for; the object itself where it stands for none."""
    images = document.get("_via_img_metadata")  # of a project of VIA
    document = images if isinstance(images, dict) else document
    found = _columns_in(document) or _lists_in(document)
    values = list(document.values())
    if found or not document:
        return found or document
    if all(part_of(key) is Part.SPLIT and isinstance(value, list | dict) for key, value in document.items()):
        return [record for split, rows in document.items() for record in _of_split(split, rows)]
    if all(isinstance(value, str | int) for value in values):
        return [{"path": path, "label": label} for path, label in document.items()]
    if all(map(_is_names, values)) and not all(map(part_of, document)):
        return [{"path": path, "label": label} for label, paths in document.items() for path in paths]
    inner = [value for value in values if isinstance(value, dict)]
    if len(inner) == len(values) > 1:
        return [{"path": path, **record} for path, record in document.items()]
    return _records_in(inner[0]) if len(inner) == 1 else document


def _lists_in(document: dict[str, Any]) -> list[Any]:
    """The one list of records in an object, or of records of image files, or those of all splits; empty where there is
    none, or several."""
    lists = {key: value for key, value in document.items() if _is_records(value)}
    of_files = [
        key for key in lists if any(isinstance(cell, str) and ends_as_image(cell) for cell in lists[key][0].values())
    ]
    if len(lists) == 1 or len(of_files) == 1:
        return lists[of_files[0]] if of_files else next(iter(lists.values()))
    if not all(part_of(key) is Part.SPLIT and all(isinstance(one, dict) for one in lists[key]) for key in lists):
        return []
    return [{"split": split, **record} for split, records in lists.items() for record in records]


def _of_split(split: str, rows: list[Any] | dict[str, Any]) -> list[Any]:
    """The records of a split: paths, lists of a path and what belongs to it, or an object that stands for records;
    anything else stays as it is."""
    if isinstance(rows, dict):
        found = _records_in(rows)
        return [{"split": split, **record} for record in found] if isinstance(found, list) else [found]
    listed = [[row] if isinstance(row, str) else row for row in rows]
    if not all(isinstance(row, list) for row in listed):
        return listed
    return [{"split": split, **_numbered(row)} for row in listed]


def _numbered(row: list[Any]) -> dict[str, Any]:
    return {f"column {n}": cell for n, cell in enumerate(row, 1)}


def _columns_in(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The records of an object of columns, one of paths and one of labels among them, each a list or an object by row,
    as pandas writes them; ``None`` for other objects."""
    named = {plain_name(key) for key in document}
    if not (named & {*PATH_NAMES} and named & {*LABEL_NAMES}):
        return None
    values = list(document.values())
    if all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    if all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values):
        return [{key: column[row] for key, column in document.items()} for row in values[0]]
    return None


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_names(value: Any) -> bool:
    """Whether a value of a JSON document is a list of texts, such as the paths of one class."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def columns_of(records: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Column -> (n,) its cells in each of the ``records``, empty where one has none."""
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name, "") for record in records] for name in names}


def flatten(records: Sequence[tuple[int, Mapping[str, Any]]]) -> Records:
    """The records with one cell for each column."""
    several = {path for _, record in records for path in _several(record)}
    rows = [dict(_cells(record, several)) for _, record in records]
    plain = {column for row in rows for column in row}
    held = {column: above for column in plain if (above := column.rpartition(".")[0]) in plain}
    counts = Counter(held.values())
    only = {above: column for column, above in held.items() if counts[above] == 1}
    for row in rows:  # text in some records, and an object of one thing in others: ``"cat"``, ``{"choices": [..]}``
        for above, column in only.items():
            if column in row and above not in row:
                row[above] = row.pop(column)
    return [(number, row) for (number, _), row in zip(records, rows, strict=True)]


def _several(record: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The columns of a record in which there are lists of several values."""
    for name, value in record.items():
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict):
            yield from _several(inner, f"{above}{name}.")
        elif isinstance(inner, list) and len(inner) > 1:
            yield above + name


def _cells(record: Mapping[str, Any], several: set[str], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the columns of a record; a record inside of it adds its name before theirs: ``ground_truth.label``."""
    for name, value in record.items():
        column, inner = above + name, value
        if isinstance(value, list) and len(value) < 2 and column not in several:
            inner = next((one for one in value if isinstance(one, str | dict)), value or None)
        if isinstance(inner, dict):
            yield from _cells(inner, several, f"{column}.")
        else:
            yield column, _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if value is None or (isinstance(value, float) and isnan(value)):  # pandas writes an empty cell as either
        return ""
    return json.dumps(value, ensure_ascii=False)
