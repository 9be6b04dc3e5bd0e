"""The tables that lie in a folder of images: which are about these images, how their rows match, which belong together.

A table counts only if most of its rows name images of the folder. One that names them and has no one label for each, or
whose rows fit several files, is kept with the reason: a person is told why it was not used.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from labelaudit.data.assembly import DETECTED, FoundTable
from labelaudit.data.column_names import PATH_NAMES, guess_column
from labelaudit.data.columns import Columns, PathsOnly, choose_columns, find_paths
from labelaudit.data.folder_rows import PATHS, spread_folders
from labelaudit.data.formats import ends_as_image
from labelaudit.data.joined_tables import join_by_ids, join_tables, leave_parts, with_split
from labelaudit.data.matching import Match, path_steps
from labelaudit.data.parts import Part, part_of, split_kinds
from labelaudit.data.reader import read_document
from labelaudit.data.sidecars import find_sidecars, tabulate
from labelaudit.data.source import Source
from labelaudit.data.table import DOCUMENT_SUFFIXES, MANY_COLUMNS, DocumentError, EncodingError, Table
from labelaudit.data.tree import Tree, ending_of, stem_of
from labelaudit.data.votes import find_annotators, find_wide_annotators
from labelaudit.errors import DataError

METADATA = ("metadata.csv", "metadata.jsonl")
_SPLITTING = re.compile("split|partition|fold", re.IGNORECASE)
"""In the name of a list without header: its numbers are splits."""
_MOST = 40
"""Tables of a folder that are looked at."""
_LOOKED_AT, _EXAMINED = 50, 200
"""Rows that show which columns name images, and whether any does."""
_OWN = frozenset(["digest", "given_label"])
"""Columns of what this tool writes about single images (baselines, verdicts, plans, what a gate found): they name some
images under the labels of a time."""


@dataclass(frozen=True, kw_only=True)
class RefusedTable:
    """A table that names images of a folder and cannot be used."""

    name: str
    problem: str
    rows: int = 0
    """Its size; 0 where it cannot be the one meant: another may have the column that was asked for."""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables about images of a folder."""

    found: Sequence[FoundTable]
    """Those that label images, joined where they belong together."""
    refused: Sequence[RefusedTable]
    """The largest first, of equal ones the one with most columns."""
    beside: Sequence[FoundTable]
    """Those with further columns about images and without a column that is certainly their label."""


def find_tables(tree: Tree, source: Source) -> Tables:
    """The tables in ``tree`` that are about its images."""
    sidecars = find_sidecars(tree)
    read: dict[str, Table] = {}
    examined = [one for path in _documents(tree) if path not in sidecars for one in _examine(path, tree, source, read)]
    examined = _like_others(examined, tree, source, read)
    if not any(isinstance(one, FoundTable) and one.columns.has_label for one in examined):
        examined = _joined(read, tree, source) or examined
    if sidecars:
        examined += _examine_sidecars(sidecars, tree, source)
    found = [one for one in examined if isinstance(one, FoundTable)]
    refused = [one for one in examined if isinstance(one, RefusedTable)]
    labelling, parts = leave_parts([one for one in found if one.columns.has_label])
    return Tables(
        found=join_tables(labelling, tree),
        refused=sorted(refused, key=lambda one: (-one.rows, -len(one.columns))),
        beside=[*(one for one in found if not one.columns.has_label), *parts],
    )


def _like_others(
    examined: list[FoundTable | RefusedTable], tree: Tree, source: Source, read: dict[str, Table]
) -> list[FoundTable | RefusedTable]:
    """The tables ``examined``, those of a split that were refused alone read by the columns of another that has the
    same ones: a few rows may not show which column holds the labels."""
    known = {one.table.columns: one.columns for one in examined if isinstance(one, FoundTable) and one.columns.label}
    refused = [one for one in examined if isinstance(one, RefusedTable) and split_kinds(stem_of(one.name))]
    alike = {one.name: known[one.columns] for one in refused if one.columns in known}
    rest = [one for one in examined if (one.name if isinstance(one, RefusedTable) else one.names[0]) not in alike]
    for path, columns in alike.items():
        rest += _examine(path, tree, replace(source, path_column=columns.path, label_column=columns.label), read)
    return rest


def pick_columns(table: Table, source: Source, is_image: Callable[[str], bool]) -> Columns:
    """The columns of a table that ``source`` names, or that are found; raises `DataError` where that is not certain."""
    cells = {name: column for name, column in table.cells.items() if not name or name != table.of_folders}
    path_column = PATHS if table.of_folders else source.path_column
    certain = any(_names_all(column[:_LOOKED_AT], is_image) for column in cells.values())

    def choose(asked: Sequence[str]) -> Columns:
        columns = choose_columns(
            cells,
            where=f"'{table.name}'",
            path_column=path_column,
            label_column=source.label_column or (asked[0] if len(asked) > 1 and asked[0] in table.columns else None),
            is_image=lambda cell: is_image(cell) or (not certain and ends_as_image(cell)),
        )
        return replace(columns, annotators=find_annotators(table, columns, asked))

    try:
        return choose(source.annotator or ())
    except DataError:
        several = () if source.annotator or source.label_column else find_wide_annotators(table.cells)
        if not several:
            raise
        return choose(several)


def prepare(table: Table, tree: Tree, source: Source) -> Table:
    """A table about a folder with a path in each row: without numbers before them, and for rows that name folders with
    one for each image in these."""
    table = _without_numbers(table, tree)
    spread = None if _names_images(table, tree) else spread_folders(table, tree, source.path_column)
    return table if spread is None else spread


def _without_numbers(table: Table, tree: Tree) -> Table:
    """A list with a number before each path, parted by a blank, with the numbers in a column of their own.

    Names of files may hold blanks too (``1 (1).jpg``), so the files of ``tree`` say which it is.
    """
    first = next(iter(table.cells.values()), ())
    parted = [cell.partition(" ") for cell in first]
    paths = [path for _, _, path in parted]
    if table.has_header or not all(paths) or any(map(tree.index.names, first[:_LOOKED_AT])):
        return table
    if not all(map(tree.index.names, paths[:_LOOKED_AT])):
        return table
    columns = [[number for number, _, _ in parted], paths, *[*table.cells.values()][1:]]
    return replace(table, cells={f"column {place}": cells for place, cells in enumerate(columns, 1)})


def _names_all(cells: Sequence[str], is_image: Callable[[str], bool]) -> bool:
    """Whether most cells of a column name an image each."""
    return len({*cells}) == len(cells) and 2 * sum(map(is_image, cells)) > len(cells)


def _documents(tree: Tree) -> list[str]:
    """Files that may be tables of labels, the highest first; not those that are named as examples or results."""
    tables = [
        path
        for path in tree.documents
        if ending_of(path) in DOCUMENT_SUFFIXES
        and (path.lower().endswith(".manifest") or not any(map(_is_aside, posixpath.splitext(path)[0].split("/"))))
        and "submission" not in path.lower()
    ]
    alike = Counter((posixpath.dirname(path), ending_of(path)) for path in tables)
    kept = [path for path in tables if alike[posixpath.dirname(path), ending_of(path)] <= _MOST]
    return sorted(kept, key=lambda path: (path.count("/"), path))[:_MOST]


def _is_aside(step: str) -> bool:
    """Whether a folder or a table of this name lies beside the data."""
    return part_of(step) is Part.ASIDE and step not in ("samples", "media")


def _joined(read: Mapping[str, Table], tree: Tree, source: Source) -> list[FoundTable | RefusedTable]:
    """Tables that name images, each with those that name none and have an id in common with it, if that labels them."""
    naming = {path: table for path, table in read.items() if _names_images(table, tree)}
    others = [table for path, table in read.items() if path not in naming]
    judged = list[FoundTable | RefusedTable]()
    for path, table in naming.items():
        if (joined := join_by_ids(table, others)) is not None:
            names = (path, *(one.name for one in joined[1]))
            found = [one for one in _judge(joined[0], path, tree, source) if isinstance(one, FoundTable)]
            judged += [replace(one, names=names) for one in found if one.columns.has_label]
    return judged


def _names_images(table: Table, tree: Tree) -> bool:
    """Whether one of the first rows of a table names an image."""
    return any(tree.index.names(cell) for column in table.cells.values() for cell in column[:_EXAMINED])


def _examine(path: str, tree: Tree, source: Source, read: dict[str, Table]) -> list[FoundTable | RefusedTable]:
    """A file of the folder, if it is a table about images of the folder; what was ``read`` is noted there."""
    try:
        table = _tabulated(path, tree, source)
    except DocumentError as error:
        return [RefusedTable(name=path, problem=str(error))]
    if table is None or table.cells.keys() >= _OWN or (not table.has_header and _SPLITTING.search(stem_of(path))):
        return []
    if table.has_header:
        read[path] = table
    return _judge(table, path, tree, source)


def _examine_sidecars(sidecars: Mapping[str, str], tree: Tree, source: Source) -> list[FoundTable | RefusedTable]:
    """The documents about one image each as one table, if they hold its label."""
    try:
        table = tabulate(sidecars, tree)
    except DocumentError as error:
        return [RefusedTable(name=next(iter(sidecars)), problem=str(error))]
    if table is None:
        return []
    judged = _judge(table, table.name, tree, replace(source, path_column="path"))
    return [replace(one, names=tuple(sidecars)) if isinstance(one, FoundTable) else one for one in judged]


def _judge(table: Table, path: str, tree: Tree, source: Source) -> list[FoundTable | RefusedTable]:
    """A table of the folder with its columns and files, if it is about images of the folder.

    One without a certain column of labels may be there twice: refused, and as one of further columns.
    """
    table = prepare(table, tree, source)
    numbered = not _names_images(table, tree)
    if numbered and not _are_numbered(table, tree):
        return []
    try:
        columns = pick_columns(table, source, tree.index.names)
    except DataError as error:
        rows = len(table) if {source.label_column, source.path_column} - {None} <= table.cells.keys() else 0
        refused = RefusedTable(name=path, problem=str(error), rows=rows, columns=table.columns)
        silent = numbered or table.of_folders or isinstance(error, PathsOnly)
        return [*([] if silent else [refused]), *_beside(table, path, tree)]
    if columns.path is None or _names_numbers(table, columns):
        return []
    found = _matched(table, columns, path, tree)
    if not isinstance(found, FoundTable) and (spread := spread_folders(table, tree, source.path_column)) is not None:
        return _judge(spread, path, tree, source)
    few = isinstance(found, FoundTable) and 2 * found.named < len(tree.paths)
    return [] if found is None or (numbered and few) else [found]


def _beside(table: Table, path: str, tree: Tree) -> list[FoundTable]:
    """A table with further columns about images, one row for each; a list of a split has its name as a column."""
    columns = Columns(path=find_paths(table.cells, tree.index.names), label=None)
    if columns.path is None or len(table.columns) > MANY_COLUMNS:
        return []
    found = _matched(with_split(table, path), columns, path, tree)
    once = isinstance(found, FoundTable) and found.named == found.match.matched
    return [found] if isinstance(found, FoundTable) and once and DETECTED not in table.cells else []


def _are_numbered(table: Table, tree: Tree) -> bool:
    """Whether a table names images by number and the files are numbered, so that they may differ in leading zeros."""
    ids = guess_column(table.columns, PATH_NAMES)
    if ids is None or not all(map(str.isdecimal, table.cells[ids])):
        return False
    return 2 * sum(stem_of(path).isdecimal() for path in tree.paths) > len(tree.paths)


def _names_numbers(table: Table, columns: Columns) -> bool:
    """Whether a table gives each of some numbers a name of its own: these are classes, and images ``0.jpg`` chance."""
    numbers, names = table.cells[columns.path or ""], columns.labels(table.cells)
    return all(map(str.isdecimal, numbers)) and len({*names}) == len(table) > 1


def _matched(table: Table, columns: Columns, path: str, tree: Tree) -> FoundTable | RefusedTable | None:
    """A table of the folder with its rows matched, or with what is the matter where few of them match."""
    assert columns.path is not None
    cells = table.cells[columns.path]
    spelled = (*_spelled(path, cells, tree), *below_columns(table, columns, tree))
    match = tree.index.match_best(spelled, table=stem_of(path))
    found = FoundTable(table=table, columns=columns, match=match, names=(path,))
    if 2 * match.matched >= len(table) or 2 * found.named >= len(tree.paths):
        return found
    if 2 * sum(map(tree.index.names, cells)) < len(table):
        return None
    hint = _one_of(path, match, tree) if match.doubts else _elsewhere(path, cells, tree)
    problem = f"'{path}' names images as they are here, but not for certain: {match.describe(len(tree.paths))}; {hint}"
    return RefusedTable(name=path, problem=problem, rows=len(table))


def _elsewhere(path: str, cells: Sequence[str], tree: Tree) -> str:
    """Advice where rows name files of the ``tree`` in other folders than those that they are in."""
    names = {posixpath.basename(file) for file in tree.paths if "/" in file}
    known = [(cell, steps) for cell in cells if (steps := path_steps(cell)) and steps[-1] in names]
    if not known:
        return "its rows may be of another folder or split"
    cell, steps = known[0]
    ends = ["/".join(steps[at:]) for at in range(len(steps))]
    end, file = next((end, file) for end in ends for file in tree.paths if file.endswith(f"/{end}"))
    return (
        f"its rows may be of another folder or split: '{cell}' is not '{file}'. If they are the same, give "
        f"'{tree.typed(file.removesuffix(f'/{end}'))}' with `labels` '{tree.typed(path)}'"
    )


def _one_of(path: str, match: Match, tree: Tree) -> str:
    """Advice where rows may mean several files: the folder to give, in which each of them is one."""
    folder = posixpath.dirname(next(iter(match.doubts.values()))[0])
    if not folder:
        return "give the folder that its rows are about"
    return f"give the folder that its rows are about, such as '{tree.typed(folder)}' with `labels` '{tree.typed(path)}'"


def _spelled(path: str, cells: Sequence[str], tree: Tree) -> list[Sequence[str]]:
    """The paths of a table as they are, relative to its own folder, and relative to a folder of its name beside it."""
    inside = posixpath.dirname(path)
    places = [inside] if inside else []
    beside = posixpath.join(inside, stem_of(path))
    if any(one.startswith(f"{beside}/") for one in tree.paths):
        places.append(beside)
    return [cells, *([f"{place}/{cell}" if cell else "" for cell in cells] for place in places)]


def below_columns(table: Table, columns: Columns, tree: Tree) -> list[Sequence[str]]:
    """The paths of a table below the folders that a further column of it names, for each such column."""
    assert columns.path is not None
    folders = {step for place in {path.rpartition("/")[0] for path in tree.paths} for step in place.split("/") if step}

    def names_folders(cells: Sequence[str]) -> bool:
        return all((path_steps(cell) or ("",))[-1] in folders for cell in cells)

    further = {name: cells for name, cells in table.cells.items() if name not in (columns.path, columns.label)}
    named = filter(names_folders, further.values())
    return [
        [f"{folder}/{cell}" if cell else "" for folder, cell in zip(cells, table.cells[columns.path], strict=True)]
        for cells in named
    ]


def _tabulated(path: str, tree: Tree, source: Source) -> Table | None:
    """A file of the folder as a table, if it is one; metadata that cannot be read is an error."""
    is_metadata = posixpath.basename(path) in METADATA
    if is_metadata and source.ignore_metadata:
        return None
    try:
        return read_document(path, tree.storage.read(path))
    except DocumentError:
        raise
    except EncodingError as error:
        if ending_of(path) in (".csv", ".tsv"):
            raise DocumentError(str(error)) from None
        return None
    except (DataError, OSError, ValueError) as error:
        if is_metadata:
            raise DataError(f"{error}; correct it, or leave it aside with `ignore_metadata`") from None
        return None
