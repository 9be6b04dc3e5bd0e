"""A table of labels: CSV, TSV or JSON Lines, alone or beside a folder of images.

Every cell is text: a label ``3`` stays the name "3". Left out: several labels for one image (a conflict), tables
without a header, and compressed tables.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelaudit.data.folder import walk
from labelaudit.data.images import SUFFIXES
from labelaudit.data.listing import LABEL_NAMES, PATH_NAMES, SPLITS, Files, Listing, guess_column, require_column
from labelaudit.errors import DataError
from labelaudit.types import Finding

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under named columns."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    """A missing cell is the empty text."""
    lines: tuple[int, ...]
    """Line of each row in the file, for messages."""


def read_table(path: Path) -> Table:
    """Read a CSV, TSV or JSON Lines file in UTF-8 or UTF-16; a CSV may use ``;`` or tabs.

    Raises `DataError`, naming the line, for what cannot be parsed and for rows longer than the header.
    """
    parse = _parse_json if path.suffix.lower() in (".jsonl", ".ndjson") else _parse_csv
    numbered = list(parse(path, _read_text(path)))
    columns = tuple(dict.fromkeys(name for _, row in numbered for name in row))
    if not numbered:
        raise DataError(f"'{path}' has no rows: it needs a header and one row for each image")
    rows = tuple(dict.fromkeys(columns, "") | row for _, row in numbered)
    return Table(path=path, columns=columns, rows=rows, lines=tuple(line for line, _ in numbered))


def list_table(
    path: Path, *, root: Path | None = None, path_column: str | None = None, label_column: str | None = None
) -> Listing:
    """The images that a table names. Without ``root`` their paths are relative to the table, and only they count.

    With ``root`` the paths are matched with the images found below it: as they are, else by file name, else by
    file name without ending. Images that no row names become findings.
    """
    table = read_table(path)
    where, label = choose_columns(table, path_column=path_column, label_column=label_column)
    if where is None:
        raise DataError(f"'{path}' has no column of image paths among {', '.join(table.columns)}: use --path-column")
    if root is not None:
        return _match(table, where, label, root, [path])
    names = [_normal(row[where], path.parent) for row in table.rows]
    return _assemble(table, where, label, names, path.parent)


def list_labels(path: Path, *, path_column: str | None = None, label_column: str | None = None) -> Listing:
    """The labels of a table whose samples are the rows of a feature matrix: no image is looked for."""
    table = read_table(path)
    where, label = choose_columns(table, path_column=path_column, label_column=label_column)
    names = [f"{path.name}#{i}" if where is None else _normal(row[where], None) for i, row in enumerate(table.rows)]
    return _assemble(table, where, label, names, None)


def list_metadata(
    root: Path, paths: Sequence[Path], *, path_column: str | None = None, label_column: str | None = None
) -> Listing | None:
    """A Hugging Face image folder: ``metadata.csv`` or ``.jsonl`` in the root or in each split folder.

    ``None`` where these hold no column of labels: then the class folders do.
    """
    rows: list[Mapping[str, str]] = []
    lines: list[int] = []
    where, label = path_column or "file_name", label_column
    for path in paths:
        table = read_table(path)
        label = label or guess_column(table.columns, LABEL_NAMES)
        if label is None or (label not in table.columns and label_column is None):
            return None
        require_column(where, table.columns, option="--path-column", where=f"'{path}'")
        require_column(label, table.columns, option="--label-column", where=f"'{path}'")
        inside = path.parent.relative_to(root)
        rows += [{**row, where: (inside / row[where]).as_posix() if row[where] else ""} for row in table.rows]
        lines += table.lines
    if label is None:
        return None
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    filled = tuple({**dict.fromkeys(columns, ""), **row} for row in rows)
    return _match(Table(path=paths[0], columns=columns, rows=filled, lines=tuple(lines)), where, label, root, paths)


def choose_columns(
    table: Table, *, path_column: str | None = None, label_column: str | None = None
) -> tuple[str | None, str]:
    """The columns of paths (``None``: there is none) and of labels: those asked for, or guessed by name.

    A path column is also known by its values, and in a table of two columns the other one is the label.
    """
    columns, name = table.columns, f"'{table.path}'"
    if label_column is not None:
        require_column(label_column, columns, option="--label-column", where=name)
    if path_column is not None:
        where: str | None = require_column(path_column, columns, option="--path-column", where=name)
    else:
        free = [column for column in columns if column != label_column]
        shown = [column for column in free if _names_images(table, column)]
        where = guess_column(shown, PATH_NAMES) or next(iter(shown), None) or guess_column(free, PATH_NAMES)
    free = [column for column in columns if column != where]
    label = label_column or guess_column(free, LABEL_NAMES) or (free[0] if len(free) == 1 else None)
    if label is None:
        raise DataError(f"{name} has no column of labels among {', '.join(columns)}: use --label-column")
    return where, label


def _match(table: Table, where: str, label: str, root: Path, tables: Sequence[Path]) -> Listing:
    """The images below ``root`` with the labels of ``table``, which was read from ``tables``."""
    walked = walk(root)
    asked = [_normal(row[where], root) for row in table.rows]
    names = asked
    for key in (_same, posixpath.basename, _stem):
        places = _unique(walked.paths, key)
        names = [places.get(_same(key(name)), name) for name in asked]
        if any(_same(key(name)) in places for name in asked):
            break
    detail = f"no row of {table.path.name} names it"
    unnamed = [Finding(kind="unlabelled", path=path, detail=detail) for path in sorted({*walked.paths} - {*names})]
    listing = _assemble(table, where, label, names, root)
    findings = walked.findings + listing.findings + tuple(unnamed)
    skipped = Counter(walked.skipped)
    skipped.subtract(own.suffix.lower() for own in tables if root in own.parents)
    return replace(listing, findings=findings, skipped={kind: count for kind, count in skipped.items() if count > 0})


def _assemble(table: Table, where: str | None, label: str, names: Sequence[str], root: Path | None) -> Listing:
    """One sample for each name; a name that comes twice is a finding, and is left out if its labels differ."""
    labels = [row[label].strip() for row in table.rows]
    first: dict[str, int] = {}
    torn: set[str] = set()
    findings: list[Finding] = []
    for row, name in enumerate(names):
        here = f"{table.path.name} line {table.lines[row]}"
        before = first.setdefault(name, row) if name else row
        if not name:
            findings.append(Finding(kind="missing", path=f"{table.path.name}#{row}", detail=f"{here} names no file"))
        elif before != row and labels[before] == labels[row]:
            detail = f"{here} repeats line {table.lines[before]}"
            findings.append(Finding(kind="duplicate_row", path=name, detail=detail))
        elif before != row:
            torn.add(name)
            detail = (
                f"labelled '{labels[before]}' in line {table.lines[before]} and '{labels[row]}' in {here}: left out"
            )
            findings.append(Finding(kind="conflict", path=name, detail=detail))
    rows = tuple(row for name, row in first.items() if name not in torn)
    ids = tuple(names[row] for row in rows)
    columns = [column for column in table.columns if column not in (where, label)]
    extra = {column: tuple(table.rows[row][column] for row in rows) for column in columns}
    return Listing(
        root=str(root or ""),
        ids=ids,
        labels=tuple(labels[row] or None for row in rows),
        images=None if root is None else Files(root, ids),
        splits=_splits(ids, extra),
        extra=extra,
        findings=tuple(findings),
        rows=rows,
        total=len(names),
    )


def _splits(ids: Sequence[str], extra: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    given = extra.get("split")
    found = given or tuple(name.split("/")[0] if "/" in name else "" for name in ids)
    return found if found and all(split.lower() in SPLITS for split in found) else None


def _names_images(table: Table, column: str) -> bool:
    values = [row[column] for row in table.rows[:20]]
    return 2 * sum(posixpath.splitext(value.strip())[1].lower() in SUFFIXES for value in values) > len(values)


def _normal(value: str, root: Path | None) -> str:
    """A path as an id: ``/`` between parts, no ``./``, relative to the root where it lies below it."""
    path = value.strip().replace("\\", "/")
    if root is not None and posixpath.isabs(path):
        base = root.absolute().as_posix().rstrip("/") + "/"
        path = path.removeprefix(base)
    return posixpath.normpath(path) if path else ""


def _same(name: str) -> str:
    """Composed and decomposed accents are one name (tables and file systems differ on them)."""
    return unicodedata.normalize("NFC", name)


def _stem(name: str) -> str:
    stem, suffix = posixpath.splitext(posixpath.basename(name))
    return stem if suffix.lower() in SUFFIXES else posixpath.basename(name)


def _unique(paths: Sequence[str], key: Callable[[str], str]) -> dict[str, str]:
    """The path of each key that only one path has."""
    counts = Counter(_same(key(path)) for path in paths)
    return {_same(key(path)): path for path in paths if counts[_same(key(path))] == 1}


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror}") from error
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if encoding != "utf-16" and data[:1000].count(0) > len(data[:1000]) // 4:
        raise DataError(f"'{path}' holds zero bytes, as UTF-16 without its mark does: save it as UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"'{path}' line {line} is not {encoding[:6].upper().rstrip('-')}: save it as UTF-8") from error


def _parse_csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    head = text.lstrip().partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else "," if "," in head else max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for cells in reader:
            if not any(cells):
                continue
            if not columns:
                columns = [cell.strip() or f"column {i}" for i, cell in enumerate(cells)]
                if twice := [name for name, count in Counter(columns).items() if count > 1]:
                    raise DataError(f"'{path}' has two columns '{twice[0]}': rename one")
                continue
            if any(cells[len(columns) :]):
                raise DataError(
                    f"'{path}' line {reader.line_num} has {len(cells)} cells for {len(columns)} columns: "
                    f"put cells that hold '{delimiter}' in quotes"
                )
            yield reader.line_num, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise DataError(f"'{path}' line {reader.line_num} cannot be parsed: {error}") from error


def _parse_json(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError as error:
            raise DataError(f"'{path}' line {line} is not JSON: {error.msg}") from error
        if not isinstance(row, dict):
            raise DataError(f'\'{path}\' line {line} must be an object such as {{"path": …, "label": …}}')
        yield line, {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
