"""A table of labels: given with ``labels``, alone with paths relative to it, or found in a folder of images.

The documents that are not tables (exports of other tools, annotations in JSON) are made tables by their own readers and
come here too. A table that lies in a folder counts only if most of its rows name images of that folder.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from labelaudit.data.assembly import DETECTED, FoundTable, assemble, list_rows, origin_of, plain_path
from labelaudit.data.column_names import is_label_name, is_nameless
from labelaudit.data.columns import Columns
from labelaudit.data.folder_rows import may_be_classes
from labelaudit.data.folders import Candidate
from labelaudit.data.found_tables import METADATA, below_columns, find_tables, pick_columns, prepare
from labelaudit.data.listing import Files, Listing
from labelaudit.data.parts import Part, lies_in
from labelaudit.data.reader import Certainty, Reading, Subject, read_document, refuse
from labelaudit.data.source import Source, is_address
from labelaudit.data.table import DOCUMENT_SUFFIXES, Table, frame_table, is_frame
from labelaudit.data.tree import Tree, ending_of, stem_of, walk
from labelaudit.errors import DataError
from labelaudit.files import read_regular

_HELD = re.compile(r"<.+ at 0x[0-9A-Fa-f]+>|\{'bytes': |b['\"]|\[+ *\d")
"""The text of an object that is an image itself."""


def recognise(subject: Subject) -> list[Reading]:
    """Readings by the table that was given, by the table that DATA is, or by tables that lie in the folder DATA."""
    source, path = subject.source, subject.path
    if source.label_from is not None:
        alone = source.labels is not None or not subject.is_folder
        return [] if alone else [one for one in _in_folder(subject) if one.certainty is Certainty.BESIDE]
    if subject.is_folder and is_frame(source.labels):
        table = frame_table(source.labels)
        what, read = "a folder of images with a data frame", partial(_match_table, table, subject.tree, source)
        return [Reading(what=what, read=read)]
    if subject.is_folder and source.labels is not None:
        given = Path(source.labels)
        if given.suffix.lower() not in DOCUMENT_SUFFIXES:
            raise DataError(
                f"'{given}' names no files of '{subject.shown}': give a .csv, .tsv, .jsonl or .json of paths and labels"
            )
        what = f"a folder of images with the table '{given}'"
        return [Reading(what=what, read=lambda: _match_table(_table(given), subject.tree, source))]
    if not subject.is_folder:
        if path is None or path.suffix.lower() not in DOCUMENT_SUFFIXES - {".parquet"}:
            return []
        read = partial(list_alone, path, source)
        return [Reading(what="a table of images", read=read, certainty=Certainty.LIKELY)]
    return _in_folder(subject)


def recognise_labels(source: Source) -> Listing | None:
    """The labels of a table given with ``labels`` alone; ``None`` for other files."""
    path = Path(source.labels)
    known = path.is_file() and path.suffix.lower() in DOCUMENT_SUFFIXES - {".parquet"}
    return list_labels(path, source) if known else None


def list_frame(table: Table, source: Source) -> Listing:
    """The images that a data frame names, by paths that are whole or relative to the current folder."""
    columns = pick_columns(table, source, _is_file)
    if columns.path is None:
        raise DataError(f"{table.name} has no column of image paths: name it with path_column=…")
    cells = table.cells[columns.path]
    if all(_HELD.match(cell) for cell in cells if cell):
        what = f"column '{columns.path}' of {table.name}"
        raise DataError(f"{what} holds images and not their paths: give the images as a list with labels=…")
    return _with_files(list_rows(table, columns, [plain_path(cell, None) for cell in cells], ""))


def _match_table(table: Table, tree: Tree, source: Source) -> Listing:
    given = table.name
    table = prepare(table, tree, source)
    columns = pick_columns(table, source, tree.index.names)
    if columns.path is None:
        raise DataError(f"'{given}' has no column of image paths: name it with `path_column`")
    spelled = (table.cells[columns.path], *below_columns(table, columns, tree))
    match = tree.index.match_best(spelled, table=stem_of(table.name))
    if not tree.paths:
        raise DataError(f"no images in '{tree.shown}' for the rows of '{given}': give the folder that they are in")
    if not match.matched:
        hint = "they may be of another folder or split" if not match.doubts else "give the folder that they are of"
        raise DataError(f"no row of '{given}' names one image of '{tree.shown}' for certain: {hint}")
    return assemble(FoundTable(table=table, columns=columns, match=match, names=(given,)), tree)


def list_alone(path: Path, source: Source) -> Listing:
    """The images that a table names, relative to it; looked for below its folder where they are not there."""
    folder = path.parent

    def is_file(cell: str) -> bool:
        return bool(cell) and os.path.isfile(folder / cell.replace("\\", "/"))  # noqa: PTH113  any text may be asked

    table = _table(path)
    columns = pick_columns(table, source, is_file)
    if columns.path is None:
        raise DataError(f"'{path}' has no column of image paths: name it with `path_column`")
    names = [plain_path(cell, folder) for cell in table.cells[columns.path]]
    there = sum(is_file(name) for name in names[:200])
    if names and not there:
        tree = walk(folder)
        match = tree.index.match(table.cells[columns.path])
        if match.matched:
            return assemble(FoundTable(table=table, columns=columns, match=match, names=(str(path),)), tree)
        _refuse_addresses(path, table.cells[columns.path])
    return _with_files(list_rows(table, columns, names, str(folder)))


def _refuse_addresses(path: Path, cells: Sequence[str]) -> None:
    """Raise `DataError` where most ``cells`` are addresses on the network."""
    found = [cell for cell in cells if is_address(cell.strip()) and not cell.strip().lower().startswith("file:")]
    if 2 * len(found) > len(cells):
        raise DataError(
            f"'{path}' names images by addresses, such as '{found[0].strip()}', which are not fetched: download them, "
            "and name the folder that they are in, with this table as `labels`"
        )


def list_labels(path: Path, source: Source) -> Listing:
    """The labels of a table whose samples are the rows of a feature matrix: no image is looked for."""
    table = _table(path)
    columns = pick_columns(table, source, lambda _: False)
    if columns.path is None:
        names = [f"{path.name}#{row}" for row in range(len(table))]
    else:
        names = [plain_path(cell, None) for cell in table.cells[columns.path]]
    return list_rows(table, columns, names, "")


def _in_folder(subject: Subject) -> list[Reading]:
    """The tables in a folder that name most of their images in it."""
    tree, source = _without_masks(subject.tree), subject.source
    if not tree.paths:
        return []
    tables = find_tables(tree, source)
    found, refused = tables.found, tables.refused
    larger = [one for one in refused if one.rows >= max((len(other.table) for other in found), default=0)]
    most = max((one.named for one in found), default=0)
    refused_rows = max((one.rows for one in larger), default=0)
    found = [one for one in found if not larger or _stands_alone(one, tree, refused_rows)]
    readings = [_of_table(one, tree, most, is_alone=len(found) == 1) for one in found]
    told = readings or [refuse(f"the table '{one.name}'", DataError(one.problem)) for one in refused[:1]]
    pairs = zip(found, readings, strict=True)
    sure = {one.names for one, reading in pairs if reading.certainty is Certainty.CERTAIN}
    unsure = [one for one in tables.found if one.names not in sure]
    return [*told, *map(_of_side_table, [*tables.beside, *unsure])]


def _of_side_table(one: FoundTable) -> Reading:
    """The further columns of a table that labels nothing, those that have a name."""
    rows = [row for row, file in enumerate(one.match.files) if file is not None]
    named = {name: cells for name, cells in one.table.cells.items() if not is_nameless(name)}
    extra = {name: tuple([cells[row] for row in rows]) for name, cells in named.items() if name != one.columns.path}
    files = tuple([file for file in one.match.files if file is not None])
    skipped, name = Counter(map(ending_of, one.names)), one.table.file
    listing = Listing(root="", ids=files, labels=(None,) * len(files), extra=extra, skipped=skipped, origin=name)
    if any(is_nameless(column) and column != one.columns.path for column in one.table.columns[1:]):
        listing = listing.tell(f"What {name} says is not read: if folders only divide images, it may be labels.")
    return Reading(what=f"further columns of {name}", read=lambda: listing, certainty=Certainty.BESIDE)


def _without_masks(tree: Tree) -> Tree:
    """The files of ``tree`` but for those in folders of masks, which often have the names of the images."""
    left = tuple([path for path in tree.paths if not lies_in(path, Part.MASKS)])
    return replace(tree, paths=left) if len(left) < len(tree.paths) else tree


def _of_table(one: FoundTable, tree: Tree, most: int, *, is_alone: bool) -> Reading:
    """The reading of a table, the only one or not; ``most`` is the greatest number of images that any table names."""
    is_file = one.table.name in one.names or (not is_alone and "*" not in one.table.name)
    candidate = Candidate(
        type_=f"`labels` {tree.typed(one.names[0])}" if is_file else "`data_format` label-table",
        classes=sorted({*one.labels} - {""}),
        images=one.match.matched,
    )
    return Reading(
        what=f"images with labels in {origin_of(one.table, one.columns)}",
        read=partial(assemble, one, tree),
        certainty=Certainty.POSSIBLE if 2 * one.named < most else _certainty(one, tree),
        candidates=(candidate,),
        is_metadata=all(posixpath.basename(name) in METADATA for name in one.names),
    )


def _stands_alone(one: FoundTable, tree: Tree, refused_rows: int) -> bool:
    """Whether a table is read though one of ``refused_rows`` rows was refused: it has a column called label, and names
    most images or has as many rows."""
    return _is_said(one.columns) and (2 * one.match.matched >= len(tree.paths) or len(one.table) >= refused_rows)


def _certainty(one: FoundTable, tree: Tree) -> Certainty:
    """Confidence that a table in a folder holds the labels of that folder; results of a scan are not their source, and
    neither is what a table says about classes."""
    if DETECTED in one.table.cells or may_be_classes(one.table):
        return Certainty.LIKELY
    if 10 * one.match.matched < 9 * len(one.table) and 2 * one.named < len(tree.paths):
        return Certainty.POSSIBLE
    return Certainty.CERTAIN if _is_said(one.columns) or not one.table.has_header else Certainty.LIKELY


def _is_said(columns: Columns) -> bool:
    """Whether a column is called a label, or each class has a column."""
    return columns.label is None or is_label_name(columns.label)


def _table(path: Path) -> Table:
    try:
        data = read_regular(path)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror}") from error
    return read_document(str(path), data)


def _with_files(listing: Listing) -> Listing:
    """``listing`` with its ids as paths below its root."""
    return replace(listing, images=Files(listing.root, listing.ids))


def _is_file(cell: str) -> bool:
    return bool(cell) and os.path.isfile(cell)  # noqa: PTH113  any text may be asked
