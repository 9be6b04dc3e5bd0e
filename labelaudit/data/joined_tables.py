"""Tables of a folder of images with the files of their rows, and those that belong together as one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from labelaudit.data.assembly import FoundTable
from labelaudit.data.cells import is_number
from labelaudit.data.column_names import SPLIT_NAMES, plain_name
from labelaudit.data.columns import Cells, Columns
from labelaudit.data.parts import split_kinds, without_split
from labelaudit.data.table import Table
from labelaudit.data.tree import Tree, stem_of

_IDS = re.compile(r"(?!index)[a-z0-9_]+?_?(id|uuid|guid|key)")
"""Names of columns by which tables are joined: ``image_id``, ``mediaid``; ``id`` alone may number anything."""


def join_tables(found: Sequence[FoundTable], tree: Tree) -> list[FoundTable]:
    """Tables with the same columns that complete each other as one: all of them, or those whose names differ in splits
    alone (``variant_train`` and ``variant_test`` beside ``maker_train``); the others each alone."""
    groups: dict[tuple[str, str], list[FoundTable]] = {}
    for one in found:
        key = (plain_name(one.columns.path or ""), plain_name(one.columns.label or " ".join(one.columns.one_hot)))
        groups.setdefault(key, []).append(one)
    joined = list[FoundTable]()
    for several in groups.values():
        group = _without_signs(several)
        apart = not _complete_each_other(group)
        kinds: dict[tuple[str, ...], list[FoundTable]] = {}
        for one in group:
            kinds.setdefault(without_split(stem_of(one.names[0])) if apart else (), []).append(one)
        for own in kinds.values():
            joined += [_as_one(own, tree)] if len(own) > 1 and _complete_each_other(own) else own
    return joined


def leave_parts(found: Sequence[FoundTable]) -> tuple[list[FoundTable], list[FoundTable]]:
    """The tables but for those that say a part of what a larger one says in the same columns; of these what is left
    is the split in their names, where there is one."""
    told = [(one, {*zip(one.match.files, one.labels, strict=True)} - {(None, "")}) for one in found]
    parts = [
        one for one, own in told if any(own < more and one.table.columns == other.table.columns for other, more in told)
    ]
    splits = [with_split(one.table, one.names[0]) for one in parts]
    sides = [
        replace(
            one, table=replace(table, cells={name: table.cells[name] for name in (one.columns.path or "", "split")})
        )
        for one, table in zip(parts, splits, strict=True)
        if "split" in table.cells and "split" not in one.table.cells
    ]
    return [one for one in found if one not in parts], sides


def _complete_each_other(group: Sequence[FoundTable]) -> bool:
    """Whether each table labels images that no other one does, all say the same of those that several label, and none
    has numbers for the words of another."""
    named = Counter(file for one in group for file in one.told)
    said = {(file, label) for one in group for file, label in one.told.items()}
    numbers = [[is_number(label) for label in {*one.told.values()} - {""}] for one in group]
    if any(own and all(own) for own in numbers) and any(own and not any(own) for own in numbers):
        return False
    return len(said) == len(named) and all(any(named[file] == 1 for file in one.told) for one in group)


def _without_signs(group: Sequence[FoundTable]) -> Sequence[FoundTable]:
    """The tables but one of a picture for each class, in columns of its own and not of a split, such as ``Meta.csv`` of
    GTSRB with its icons."""
    largest = max(group, key=lambda one: len(one.table))

    def holds_signs(one: FoundTable) -> bool:
        alone = len({*one.labels}) == len(one.labels) and one.table.cells.keys() != largest.table.cells.keys()
        return alone and not split_kinds(stem_of(one.names[0])) and {*one.labels} == {*largest.labels}

    return [one for one in group if one is largest or not holds_signs(one)]


def _as_one(group: Sequence[FoundTable], tree: Tree) -> FoundTable:
    """Tables one below the other, with the columns of paths and labels called as in the first."""
    told = [with_split(one.table, one.names[0]) for one in group]
    if all("split" in table.cells for table in told):
        group = [replace(one, table=table) for one, table in zip(group, told, strict=True)]
    first = group[0]
    parts = [_renamed(one, first.columns) for one in group]
    cells: dict[str, list[str]] = {name: [] for part in parts for name in part}
    for one, part in zip(group, parts, strict=True):
        for name in cells:
            cells[name] += part.get(name, [""] * len(one.table))
    table = Table(
        name=" and ".join(dict.fromkeys(one.table.file for one in group)),
        cells=cells,
        lines=[line for one in group for line in one.table.lines],
        has_header=first.table.has_header,
    )
    match = tree.index.match([file or "" for one in group for file in one.match.files])
    names = tuple(name for one in sorted(group, key=lambda one: -len(one.table)) for name in one.names)
    return FoundTable(table=table, columns=first.columns, match=match, names=names)


def _renamed(one: FoundTable, first: Columns) -> Cells:
    """The cells of a table with the columns of paths and labels called as in the ``first``."""
    names = {one.columns.path: first.path, one.columns.label: first.label}
    return {names.get(name) or name: column for name, column in one.table.cells.items()}


def join_by_ids(first: Table, others: Sequence[Table]) -> tuple[Table, Sequence[Table]] | None:
    """The table ``first``, which names images, with the columns of those ``others`` that have an id in common with it,
    and which they are; ``None`` where none has. Camtrap DP's observations are about the media of ``media.csv``."""
    joined, used, left = first, list[Table](), list(others)
    while found := next(((one, table) for one in left if (table := _with_columns(joined, one)) is not None), None):
        other, joined = found
        used.append(other)
        left.remove(other)
    name = " and ".join(table.file for table in (first, *used))
    return (replace(joined, name=name), used) if used else None


def _with_columns(first: Table, other: Table) -> Table | None:
    """Two tables as one, by a column of both that names each row of one of them once; ``None`` where there is none."""
    theirs = {plain_name(name): name for name in other.cells}
    for name in first.cells:
        key = plain_name(name)
        if key not in theirs or not _IDS.fullmatch(key):
            continue
        pairs = ((first, first.cells[name], other, theirs[key]), (other, other.cells[theirs[key]], first, name))
        for rows, keys, looked_up, column in pairs:
            place = {cell: row for row, cell in enumerate(looked_up.cells[column])}
            found = [place.get(cell) for cell in keys]
            if len(place) == len(looked_up) and 2 * sum(row is not None for row in found) >= len(found):
                further = {
                    name: [cells[row] if row is not None else "" for row in found]
                    for name, cells in looked_up.cells.items()
                    if name not in rows.cells
                }
                return replace(rows, cells={**rows.cells, **further})
    return None


def with_split(table: Table, path: str) -> Table:
    """A table with the split that its name says as a column, where it has none: ``train.csv``, ``test.txt``."""
    kinds = split_kinds(stem_of(path))
    if len(kinds) != 1 or not SPLIT_NAMES.isdisjoint(map(plain_name, table.columns)):
        return table
    return replace(table, cells={**table.cells, "split": [*kinds] * len(table)})
