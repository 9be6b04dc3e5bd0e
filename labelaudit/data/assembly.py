"""From the rows of a table of labels to a listing: what repeats, contradicts itself, or names no file or label."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from labelaudit.data.cells import are_marks, is_number, is_one, without_zeros
from labelaudit.data.column_names import HOLDS_NAMES, SPLIT_NAMES, is_label_name, plain_name
from labelaudit.data.columns import Columns
from labelaudit.data.listing import Listing
from labelaudit.data.matching import Match, path_steps
from labelaudit.data.parts import SPLITS, TRAINING, VALIDATION, split_kinds, splits_by_folder
from labelaudit.data.table import Table
from labelaudit.data.tree import Tree
from labelaudit.data.votes import VOTES, hold_vote, offer_annotators
from labelaudit.errors import DataError
from labelaudit.text import count, name_some, spell_path
from labelaudit.types import Finding

_CORNERS = frozenset(["xmin", "ymin", "xmax", "ymax", "x_min", "y_min", "x1", "y1", "roi_x1", "roi_y1", "all_points_x"])
DETECTED = "is_label_issue"
"""Column of a table of results: what a scan, by this tool or cleanlab, made of the labels."""
_RESULTS = frozenset(
    """
    rank predicted_label suggested_label is_label_issue tier label_score label_quality label_quality_score given_prob
    predicted_prob reason issue is_issue
    """.split()
)
"""Columns of such a table that say what was found, and nothing of the images."""
_MISSING = frozenset(
    """
    nan na n/a #n/a <na> null ? ?? - -- tbd todo #ref! #value! #name? undefined undecided unlabeled unlabelled unknown
    unsure
    """.split()
)
"""Labels, in small letters, as programs and people write that there is none."""


@dataclass(frozen=True, kw_only=True)
class FoundTable:
    """A table about images of a folder, or several as one, with its columns and the files of its rows."""

    table: Table
    columns: Columns
    match: Match
    names: tuple[str, ...]
    """The files that it was read from."""

    @property
    def named(self) -> int:
        """Images that its rows name."""
        return len({*self.match.files} - {None})

    @cached_property
    def labels(self) -> Sequence[str]:
        """(n,) label in each row; empty where there is none."""
        return self.columns.labels(self.table.cells)

    @cached_property
    def told(self) -> Mapping[str, str]:
        """File -> its label, of every row that names one."""
        return {file: label for file, label in zip(self.match.files, self.labels, strict=True) if file is not None}


def assemble(found: FoundTable, tree: Tree) -> Listing:
    """The images of ``tree`` that rows of a table were matched with; rows and files left over become findings."""
    table, columns, match = found.table, found.columns, found.match
    assert columns.path is not None
    asked = table.cells[columns.path]
    names = [
        file if file is not None else ("" if not path.strip() else "/".join(path_steps(path)) or path)
        for file, path in zip(match.files, asked, strict=True)
    ]
    doubts = tuple(
        Finding(kind="missing", path=names[row], detail=f"{table.here(row)} may mean {_some(files)}: left out")
        for row, files in match.doubts.items()
    )
    lost = tuple(
        Finding(kind="missing", path=names[row], detail=f"{table.here(row)} names no file that is there")
        for row, file in enumerate(match.files)
        if file is None and row not in match.doubts and asked[row].strip()
    )
    own = {posixpath.basename(name) for name in found.names}
    skipped = dict(replace(tree, others=tuple(o for o in tree.others if posixpath.basename(o) not in own)).skipped)
    keep = [row for row in range(len(names)) if match.files[row] is not None or not asked[row].strip()]
    unnamed = sorted({*tree.paths} - {*match.files})
    detail = f"no row of {table.file} names it"
    listing = list_rows(table, columns, names, tree.shown, keep=keep)
    return listing.tell(
        f"{table.file}: {match.describe(len(tree.paths))}.",
        images=tree.storage.images(listing.ids),
        findings=tree.findings
        + lost
        + doubts
        + listing.findings
        + tuple(Finding(kind="unlabelled", path=path, detail=detail) for path in unnamed),
        skipped=skipped,
        junk=tree.junk,
    )


def list_rows(
    table: Table, columns: Columns, names: Sequence[str], root: str, *, keep: Sequence[int] | None = None
) -> Listing:
    """One sample without its image for each of ``names``, those of the rows of ``table`` or of ``keep`` among them.

    A name that comes twice is a finding, and is left out if its labels differ; where the rows are people's votes it has
    the most frequent one.
    """
    kept = range(len(names)) if keep is None else keep
    if columns.annotators:
        return _list_voted(table, columns, names, root, kept)
    labels = columns.labels(table.cells)
    distinct = set(names if keep is None else [names[row] for row in keep])
    if len(distinct) == len(kept) and "" not in distinct:
        return _list(table, columns, names, root, kept, [labels[row] or None for row in kept])
    first: dict[str, int] = {}
    torn: set[str] = set()
    findings: list[Finding] = []
    for row in kept:
        name = names[row]
        before = first.setdefault(name, row) if name else row
        if not name:
            where = f"{table.file}#{row}"
            findings.append(Finding(kind="missing", path=where, detail=f"{table.here(row)} names no file"))
        elif before != row and labels[before] == labels[row]:
            detail = f"{table.here(row)} repeats line {table.lines[before]}"
            findings.append(Finding(kind="duplicate_row", path=name, detail=detail))
        elif before != row:
            torn.add(name)
            detail = (
                f"labelled '{labels[before]}' in line {table.lines[before]} and '{labels[row]}' in {table.here(row)}: "
                "left out"
            )
            findings.append(Finding(kind="conflict", path=name, detail=detail))
    if 2 * len(torn) > len(first):
        raise DataError(
            f"'{table.name}' gives {len(torn):,} of {len(first):,} images several labels in several rows, as tables of "
            "boxes do: an audit needs one label for each image (of several people: `annotator`)"
        )
    rows = [row for name, row in first.items() if name not in torn]
    listing = _list(table, columns, names, root, rows, [labels[row] or None for row in rows])
    return listing.tell(*offer_annotators(table, columns, len(torn)), findings=tuple(findings))


def _list_voted(table: Table, columns: Columns, names: Sequence[str], root: str, keep: Sequence[int]) -> Listing:
    """One sample for each name, with the most frequent of its annotators' labels."""
    kept = [row for row in keep if names[row]]
    first: dict[str, int] = {}
    for row in kept:
        first.setdefault(names[row], row)
    labels, votes, notes = hold_vote(table, columns, names, kept)
    listing = _list(table, columns, names, root, list(first.values()), [labels[name] for name in first])
    return listing.tell(*notes, extra={**listing.extra, VOTES: tuple(votes[name] for name in first)})


def _list(
    table: Table, columns: Columns, names: Sequence[str], root: str, rows: Sequence[int], labels: Sequence[str | None]
) -> Listing:
    """The listing of some ``rows`` of ``table`` with their ``labels`` and the further columns of the table."""
    ids = tuple([names[row] for row in rows])
    aside = {columns.path, columns.label, *columns.one_hot, *columns.annotators}
    aside |= _RESULTS if DETECTED in table.cells else set()
    extra = {name: tuple([cells[row] for row in rows]) for name, cells in table.cells.items() if name not in aside}
    return Listing(
        root=root,
        ids=ids,
        labels=tuple(labels),
        splits=splits_of(ids, extra),
        extra=extra,
        rows=rows,
        total=len(names),
        origin=origin_of(table, columns),
        notes=(
            *_note_missing(table, labels),
            *_note_gaps(table, labels),
            *_note_rivals(table, labels, extra),
            *_note_denied(table, extra),
            *_note_boxes(table),
            *_note_folders(table, labels, extra),
        ),
    )


def _note_boxes(table: Table) -> tuple[str, ...]:
    """A note where the table has columns of boxes: its labels are read as those of whole images."""
    told = {plain_name(name.rpartition(".")[2]): name for name in table.cells}
    box = {"x", "y"} if {"x", "y"} <= told.keys() and told.keys() & {"w", "width"} else set()
    corners = [name for key, name in told.items() if key in _CORNERS | box or key.startswith("bbox")]
    if not corners:
        return ()
    what = f"The boxes of {table.file} ({name_some(corners, 4)})"
    return (f"{what} are not looked at: each label is read as one of the whole image.",)


def _note_folders(table: Table, labels: Sequence[str | None], extra: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A note where images of one folder have their label together, so that they prove nothing of each other; none where
    each folder is a class."""
    folders = {*zip(extra.get(table.of_folders, ()), labels, strict=False)}
    if len(folders) <= len({*labels}):
        return ()
    what = f"Each row of {table.file} labels all images of a folder at once"
    return (
        f"{what}, so they prove nothing of each other: `group` {spell_path(table.of_folders)} judges them together.",
    )


def _note_missing(table: Table, labels: Sequence[str | None]) -> tuple[str, ...]:
    """A note about labels that may be how a program writes none: classes may be called ``NA`` or ``None`` too."""
    told = {*labels} - {None}
    held = [label for label in told if label is not None and (label == "None" or label.casefold() in _MISSING)]
    if len(told) > 2 and all(label is not None and label.isdecimal() for label in told - {"-1"}):
        held += ["-1"] if "-1" in told else []
    if not held:
        return ()
    said = name_some([f"'{label}' ({count(labels.count(label), 'row')})" for label in sorted(held)])
    name = table.file
    return (f"Labels of {name} that may mean that there is none, but are read as classes: {said}. Empty them if so.",)


def _note_gaps(table: Table, labels: Sequence[str | None]) -> tuple[str, ...]:
    """A note where labels stand alone above empty cells, as merged cells of a spreadsheet are written."""
    given = [label is not None for label in labels]
    heads = sum(one and not below for one, below in zip(given, [*given[1:], False], strict=True))
    few = bool(labels) and given[0] and 3 * sum(given) <= len(given)
    if not few or 10 * heads < 9 * sum(given) or ".json" in table.name:
        return ()
    empty = count(len(given) - sum(given), "row")
    return (
        f"{empty} of {table.file} have no label, each below one that has. If an empty cell means "
        "the one above it, as merged cells of a spreadsheet do, fill it in: such images are left out.",
    )


def _note_rivals(table: Table, labels: Sequence[str | None], extra: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A note on each further column that has the same classes as the labels and gives some images another one.

    Two of three must speak for it: it is called a label, its cells are words, it mostly says the same. Instead of the
    last it may be empty in most rows and say otherwise in all others, as corrections do.
    """
    notes = []
    told = [label or "" for label in labels]
    are_words = not all(map(is_number, told))
    for name, column in extra.items():
        pairs = [(label, cell) for label, cell in zip(told, without_zeros(column), strict=True) if label and cell]
        unlike = sum(label != cell for label, cell in pairs)
        corrects = unlike == len(pairs) and 2 * len(pairs) < len(told)
        speaks = is_label_name(name) + are_words + (corrects or 2 * unlike <= len(pairs))
        if not unlike or speaks < 2 or not {cell for _, cell in pairs} <= {*told}:
            continue
        said = f"Column '{name}' of {table.file} has the same classes and says otherwise in "
        said += count(unlike, "row")
        if corrects:
            said += ", with no label in the others. If it corrects labels, write them in their column: it is not read."
        else:
            said += f": `label_column` {spell_path(name)} reads it instead."
        notes.append(said)
    return tuple(notes)


def _note_denied(table: Table, extra: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A note on a column of 0 and 1 that may say which labels do not hold, as Open Images writes verified ones."""
    notes = []
    for name in filter(table.cells.__contains__, extra):
        cells = table.cells[name]
        denied = sum(cell.strip().lower() in ("0", "0.0", "false") for cell in cells)
        holds = plain_name(name) in HOLDS_NAMES and not _splits_in(name, cells)
        if holds and are_marks([cell.strip() for cell in cells]) and 0 < denied < len(cells):
            said = f"Column '{name}' of {table.file} is 0 or false in {count(denied, 'row')}, whose labels are read"
            notes.append(f"{said} like all others. If they are said not to hold, take these rows out.")
    return tuple(notes)


def origin_of(table: Table, columns: Columns) -> str:
    about = "" if table.has_header else ", which has no header"
    about += ", whose rows name folders of images" if table.of_folders else ""
    return f"{columns.describe()} of {table.file}{about}"


def splits_of(ids: Sequence[str], extra: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The splits of the samples: those in the first column that says any, or else what their folders say."""
    told = (_splits_in(name, extra[name]) for name in sorted(extra, key=lambda name: name != "split"))
    return tuple(next(filter(None, told), ()) or splits_by_folder(ids))


def _splits_in(name: str, cells: Sequence[str]) -> Sequence[str]:
    """The splits that a column of nothing else names, with more words if it is called so (``id_val``), or says by marks
    (``is_test``); none in ``is_valid`` where most are true: it may deny labels."""
    is_called_so, own = plain_name(name) in SPLIT_NAMES, plain_name(name).removeprefix("is_")
    if all(one.lower() in SPLITS or (is_called_so and split_kinds(one)) for one in {*cells}):
        return cells
    ones, other = [*map(is_one, cells)], "test" if own in TRAINING else "train"
    fits = own in SPLITS and are_marks([cell.strip() for cell in cells])
    may_deny = own in VALIDATION and 2 * sum(ones) > len(ones)
    return [own if one else other for one in ones] if fits and not may_deny else ()


def plain_path(value: str, root: Path | None) -> str:
    """A path as an id: ``/`` between parts, no ``./``, relative to the root where it lies below it."""
    path = value.strip().replace("\\", "/")
    if root is not None and posixpath.isabs(path):
        base = root.absolute().as_posix().rstrip("/") + "/"
        path = path.removeprefix(base)
    return posixpath.normpath(path) if path else ""


def _some(files: Sequence[str]) -> str:
    listed = " or ".join(f"'{file}'" for file in files[:2])
    return listed if len(files) > 1 else f"{listed}, but other folders have such names too"
