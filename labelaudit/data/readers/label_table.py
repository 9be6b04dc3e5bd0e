"""A table of labels: given with ``--labels``, alone with paths relative to it, or found in a folder of images.

The documents that are not tables (exports of other tools, annotations in JSON) are made tables by their own readers and
come here too. A table that lies in a folder counts only if most of its rows name images of that folder.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from labelaudit.data.assembly import assemble, list_rows, names_image, origin_of, plain_path
from labelaudit.data.columns import LABEL_NAMES, Columns, choose_columns, plain
from labelaudit.data.folders import Candidate
from labelaudit.data.listing import Files, Listing
from labelaudit.data.matching import Match, match_rows
from labelaudit.data.parts import Part, part_of
from labelaudit.data.reader import Certainty, Reading, Subject
from labelaudit.data.source import Source
from labelaudit.data.table import TABLE_SUFFIXES, DocumentError, Table, ends_as_image, frame_table, is_frame
from labelaudit.data.tree import Tree, ending_of, walk
from labelaudit.data.votes import find_annotators
from labelaudit.errors import DataError

METADATA = ("metadata.csv", "metadata.jsonl")
DOCUMENTS = TABLE_SUFFIXES | {".xml", ".parquet"}
"""Endings of files that may hold labels."""
_DEEPEST, _MOST = 3, 40
"""Tables in a folder are looked for down to this level, and at most so many."""

Tabulate = Callable[[str, bytes], Table]


@dataclass(frozen=True)
class _Candidate:
    """A table in a folder, with its columns and what its rows came to; or why it cannot be used."""

    table: Table | None
    columns: Columns | None
    match: Match | None
    name: str
    problem: str = ""


def recognise(subject: Subject, tabulate: Tabulate) -> list[Reading]:
    """The table that was given, the one that DATA is, or those that lie in DATA."""
    source, path = subject.source, subject.path
    if source.label_from is not None or not (subject.is_folder or path is not None):
        return []
    if subject.is_folder and is_frame(source.labels):
        table = frame_table(source.labels)
        return [_reading("a folder of images with a data frame", partial(_match_table, table, subject.tree, source))]
    if subject.is_folder and source.labels is not None:
        given = Path(source.labels)
        if given.suffix.lower() not in DOCUMENTS:
            raise DataError(
                f"'{given}' names no files of '{subject.shown}': give a .csv, .tsv, .jsonl or .json of paths and labels"
            )
        what = f"a folder of images with the table '{given}'"
        return [_reading(what, partial(list_matched, given, subject.tree, source, tabulate))]
    if not subject.is_folder and path is not None:
        if path.suffix.lower() not in DOCUMENTS - {".parquet"}:
            return []
        read = partial(list_alone, path, source, tabulate)
        return [_reading("a table of images", read, certainty=Certainty.LIKELY)]
    return _in_folder(subject, tabulate)


def recognise_labels(source: Source, tabulate: Tabulate) -> Listing | None:
    """The labels of a table given with ``--labels`` alone; ``None`` for other files."""
    path = Path(source.labels)
    known = path.is_file() and path.suffix.lower() in DOCUMENTS - {".parquet"}
    return list_labels(path, source, tabulate) if known else None


def list_matched(given: Path, tree: Tree, source: Source, tabulate: Tabulate) -> Listing:
    """The images of ``tree`` with the labels of the table ``given``."""
    return _match_table(_table(given, tabulate), tree, source)


def list_frame(table: Table, source: Source) -> Listing:
    """The images that a data frame names, by paths that are whole or relative to the current folder."""
    columns = _columns(table, source, _is_file)
    if columns.path is None:
        raise DataError(f"{table.name} has no column of image paths: name it with path_column=…")
    names = [plain_path(cell, None) for cell in _cells(table, columns.path)]
    return list_rows(table, columns, names, "", Files("", []), origin=origin_of([table], columns))


def _match_table(table: Table, tree: Tree, source: Source) -> Listing:
    given = table.name
    columns = _columns(table, source, names_image(tree))
    if columns.path is None:
        raise DataError(f"'{given}' has no column of image paths: name it with --path-column")
    match = match_rows([row[columns.path] for row in table.rows], tree.paths, root=tree.name, table=_stem(table.name))
    if not tree.paths:
        raise DataError(f"no images in '{tree.shown}' for the rows of '{given}': give the folder that they are in")
    if not match.matched:
        hint = "they may be of another folder or split" if not match.doubts else "give the folder that they are of"
        raise DataError(f"no row of '{given}' names one image of '{tree.shown}' for certain: {hint}")
    return assemble(table, columns, match, tree, tables=(given,))


def list_alone(path: Path, source: Source, tabulate: Tabulate) -> Listing:
    """The images that a table names, relative to it; looked for below its folder where they are not there."""
    folder = path.parent

    def is_file(cell: str) -> bool:
        return bool(cell) and os.path.isfile(folder / cell.replace("\\", "/"))  # noqa: PTH113  any text may be asked

    table = _table(path, tabulate)
    columns = _columns(table, source, is_file)
    if columns.path is None:
        raise DataError(f"'{path}' has no column of image paths: name it with --path-column")
    names = [plain_path(row[columns.path], folder) for row in table.rows]
    there = sum(is_file(name) for name in names[:200])
    if names and not there:
        tree = walk(folder)
        match = match_rows([row[columns.path] for row in table.rows], tree.paths, root=tree.name)
        if match.matched:
            return assemble(table, columns, match, tree, tables=(path,))
    return list_rows(table, columns, names, str(folder), Files(folder, []), origin=origin_of([table], columns))


def list_labels(path: Path, source: Source, tabulate: Tabulate) -> Listing:
    """The labels of a table whose samples are the rows of a feature matrix: no image is looked for."""
    table = _table(path, tabulate)
    columns = _columns(table, source, lambda _: False)
    where = columns.path
    names = [f"{path.name}#{i}" if where is None else plain_path(row[where], None) for i, row in enumerate(table.rows)]
    return list_rows(table, columns, names, "", None, origin=origin_of([table], columns))


def _in_folder(subject: Subject, tabulate: Tabulate) -> list[Reading]:
    """The tables in a folder that name most of their images in it."""
    tree, source = subject.tree, subject.source
    if not tree.paths:
        return []
    is_image = names_image(tree)
    examined = (_examine(path, tree, source, tabulate, is_image) for path in _documents(tree))
    found = [one for one in examined if one is not None]
    usable = [one for one in found if one.match is not None]
    joined = _join(usable, tree)
    readings = []
    for table, columns, match, names in joined:
        candidate = Candidate(
            type_=f"--labels {_typed(tree, names[0])}",
            classes=sorted({value for row in table.rows if (value := columns.value(row))}),
            images=match.matched,
        )
        what = f"images with labels in {origin_of([table], columns)}"
        read = partial(assemble, table, columns, match, tree, tables=names)
        certainty = _certainty(table, columns, match, tree)
        is_metadata = all(posixpath.basename(name) in METADATA for name in names)
        readings.append(replace(_reading(what, read, candidate, certainty=certainty), is_metadata=is_metadata))
    if usable:
        return readings
    return [_refused(one) for one in found[:1]]


def _certainty(table: Table, columns: Columns, match: Match, tree: Tree) -> Certainty:
    """Confidence that a table in a folder holds the labels of that folder."""
    if 10 * match.matched < 9 * len(table.rows) and 2 * len({*match.files} - {None}) < len(tree.paths):
        return Certainty.POSSIBLE
    said = columns.label is None or plain(columns.label) in LABEL_NAMES or not table.has_header
    return Certainty.CERTAIN if said else Certainty.LIKELY


def _documents(tree: Tree) -> list[str]:
    """Files that may be tables of labels, the highest first; not those that are named as examples or results."""
    tables = [
        path
        for path in tree.others
        if ending_of(path) in DOCUMENTS
        and path.count("/") < _DEEPEST
        and not any(part_of(step) is Part.ASIDE for step in [*path.split("/")[:-1], posixpath.splitext(path)[0]])
        and "submission" not in path.lower()
    ]
    same: dict[tuple[str, str], int] = {}
    for path in tables:
        key = (path.rpartition("/")[0], ending_of(path))
        same[key] = same.get(key, 0) + 1
    kept = [path for path in tables if same[path.rpartition("/")[0], ending_of(path)] <= _MOST]
    return sorted(kept, key=lambda path: (path.count("/"), path))[:_MOST]


def _examine(
    path: str, tree: Tree, source: Source, tabulate: Tabulate, is_image: Callable[[str], bool]
) -> _Candidate | None:
    """A table of the folder, if it is about images of the folder."""
    try:
        table = _tabulated(path, tree, source, tabulate)
    except DocumentError as error:
        return _Candidate(None, None, None, path, str(error))
    if table is None or not any(is_image(cell) for row in table.rows[:200] for cell in row.values()):
        return None
    try:
        columns = _columns(table, source, is_image)
    except DataError as error:
        return _Candidate(table, None, None, path, str(error))
    if columns.path is None:
        return None
    inside = posixpath.dirname(path)
    asked = [f"{inside}/{cell}" if inside and cell else cell for cell in _cells(table, columns.path)]
    direct = match_rows(asked, tree.paths, root=tree.name, table=_stem(path))
    bare = (
        direct if not inside else match_rows(_cells(table, columns.path), tree.paths, root=tree.name, table=_stem(path))
    )
    match = max((direct, bare), key=lambda one: one.matched)
    named = len({*match.files} - {None})
    if 2 * match.matched < len(table.rows) and 2 * named < len(tree.paths):
        return None
    return _Candidate(table, columns, match, path)


def _tabulated(path: str, tree: Tree, source: Source, tabulate: Tabulate) -> Table | None:
    """A file of the folder as a table, if it is one; metadata that cannot be read is an error."""
    is_metadata = posixpath.basename(path) in METADATA
    if is_metadata and source.ignore_metadata:
        return None
    try:
        return tabulate(path, tree.storage.read(path))
    except DocumentError:
        raise
    except (DataError, OSError, ValueError) as error:
        if is_metadata:
            raise DataError(f"{error}; correct it, or leave it aside with --ignore-metadata") from None
        return None


def _join(found: Sequence[_Candidate], tree: Tree) -> list[tuple[Table, Columns, Match, list[str]]]:
    """Tables with the same columns for different images as one; the others each alone."""
    groups: dict[tuple[str, str], list[_Candidate]] = {}
    for one in found:
        assert one.columns is not None
        assert one.table is not None
        key = (plain(one.columns.path or ""), plain(one.columns.label or " ".join(one.columns.one_hot)))
        groups.setdefault(key, []).append(one)
    joined = []
    for group in groups.values():
        files = [{*one.match.files} - {None} for one in group if one.match is not None]
        apart = sum(map(len, files)) == len(set().union(*files))
        for part in [group] if apart else [[one] for one in group]:
            first = part[0]
            assert first.columns is not None
            assert first.match is not None
            assert first.table is not None
            if len(part) == 1:
                joined.append((first.table, first.columns, first.match, [first.table.name]))
                continue
            columns = tuple(dict.fromkeys(name for one in part if one.table for name in one.table.columns))
            empty = dict.fromkeys(columns, "")
            table = Table(
                name=" and ".join(posixpath.basename(one.name) for one in part),
                columns=columns,
                rows=tuple(empty | _renamed(row, one, first) for one in part if one.table for row in one.table.rows),
                lines=tuple(line for one in part if one.table for line in one.table.lines),
                has_header=first.table.has_header,
            )
            match = match_rows(
                [file or "" for one in part if one.match for file in one.match.files], tree.paths, root=tree.name
            )
            joined.append((table, first.columns, match, [one.name for one in part]))
    return joined


def _renamed(row: Mapping[str, str], one: _Candidate, first: _Candidate) -> dict[str, str]:
    """A row with the columns of paths and labels called as in the first table."""
    assert one.columns is not None
    assert first.columns is not None
    names = {one.columns.path: first.columns.path, one.columns.label: first.columns.label}
    return {names.get(name) or name: value for name, value in row.items()}


def _table(path: Path, tabulate: Tabulate) -> Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror}") from error
    return tabulate(str(path), data)


def _columns(table: Table, source: Source, is_image: Callable[[str], bool]) -> Columns:
    asked = source.annotator or ()
    columns = choose_columns(
        table.columns,
        table.rows,
        where=f"'{table.name}'",
        path_column=source.path_column,
        label_column=source.label_column or (asked[0] if len(asked) > 1 and asked[0] in table.columns else None),
        is_image=lambda cell: is_image(cell) or ends_as_image(cell),
    )
    return replace(columns, annotators=find_annotators(table, columns, asked))


def _is_file(cell: str) -> bool:
    return bool(cell) and os.path.isfile(cell)  # noqa: PTH113  any text may be asked


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path.replace("\\", "/")))[0]


def _cells(table: Table, column: str) -> list[str]:
    return [row[column] for row in table.rows]


def _typed(tree: Tree, path: str) -> str:
    return f"{tree.shown.rstrip('/')}/{path}"


def _reading(
    what: str, read: Callable[[], Listing], *candidates: Candidate, certainty: Certainty = Certainty.CERTAIN
) -> Reading:
    return Reading(reader="label_table", certainty=certainty, what=what, read=read, candidates=tuple(candidates))


def _refused(one: _Candidate) -> Reading:
    def refuse() -> Listing:
        raise DataError(one.problem)

    return Reading(reader="label_table", certainty=Certainty.REFUSED, what=f"the table '{one.name}'", read=refuse)
