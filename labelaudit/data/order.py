"""States the order of classes and rows that given features and probabilities must follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from labelaudit.data.listing import Listing
from labelaudit.data.matching import match_rows
from labelaudit.errors import DataError, OptionError, reason_of
from labelaudit.files import read_text
from labelaudit.images import Subset
from labelaudit.packed import take_texts
from labelaudit.text import find_twice, name_some
from labelaudit.types import Finding


def sort_classes(names: Iterable[str]) -> list[str]:
    """Class names in order: by value where all are whole numbers, as text otherwise.

    >>> sort_classes(["10", "9", "1"]), sort_classes(["10", "9", "a"])
    (['1', '9', '10'], ['10', '9', 'a'])
    """
    distinct = sorted({*names})
    if all(re.fullmatch(r"-?\d{1,300}", name, re.ASCII) for name in distinct):
        return sorted(distinct, key=lambda name: (int(name), name))
    return distinct


def parse_classes(text: str) -> tuple[str, ...]:
    """The class names of ``classes``: a file with one a line, or names separated by commas."""
    path = Path(text)
    names = _read_lines(path, "classes") if path.is_file() else [name.strip() for name in text.split(",")]
    names = [name for name in names if name]
    twice = find_twice(names)
    if twice is not None or len(names) < 2:
        reason = "names fewer than two classes" if twice is None else f"names '{twice}' twice"
        raise DataError(f"`classes` '{text}' {reason}: give all class names in order, or a file with one a line")
    return tuple(names)


def parse_bands(text: str) -> tuple[int, ...]:
    """The three bands of ``bands``, counted from 1; raises `OptionError` for anything else.

    >>> parse_bands("4,3,2")
    (4, 3, 2)
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() and part.isascii() and int(part) for part in parts):
        raise OptionError(f"`bands` '{text}' must be three numbers from 1, such as 4,3,2")
    return tuple(map(int, parts))


def state_classes(listing: Listing, classes: Sequence[str]) -> Listing:
    """``listing`` with the classes in the stated order; samples of no stated class become findings."""
    known = {*classes}
    strange = [row for row, label in enumerate(listing.labels) if label is not None and label not in known]
    if strange and not listing.held & known:
        held = name_some(sort_classes(listing.held), 5)
        raise DataError(f"no label is among `classes` {name_some(list(classes), 5)}: the labels are {held}")
    findings = tuple(
        Finding(
            kind="unknown_class", path=listing.ids[row], detail=f"its class '{listing.labels[row]}' is not in `classes`"
        )
        for row in strange
    )
    gone = {*strange}
    rows = [row for row in range(len(listing.ids)) if row not in gone]
    return replace(take_rows(listing, rows), findings=listing.findings + findings, classes=tuple(classes))


def state_rows(listing: Listing, file: Path | str) -> Listing:
    """``listing`` with its rows as ``file`` lists them, one path a line.

    Raises `DataError` where lines name no sample for certain, or samples are not named.
    """
    lines = [line for line in _read_lines(Path(file), "rows") if line]
    match = match_rows(lines, listing.ids)
    named = {name: row for row, name in reversed(list(enumerate(match.files))) if name is not None}
    missing = [name for name in listing.ids if name not in named]
    if missing:
        raise DataError(
            f"'{file}' (`rows`) leaves out {len(missing):,} of {len(listing.ids):,} samples, the first '{missing[0]}': "
            "it must name every image, one path a line"
        )
    ordered = sorted(range(len(listing.ids)), key=lambda row: named[listing.ids[row]])
    taken = take_rows(listing, ordered)
    return replace(taken, rows=tuple(named[name] for name in taken.ids), total=len(lines))


def _read_lines(file: Path, option: str) -> list[str]:
    """The lines of a ``file`` that was given as ``option``, without spaces around them."""
    try:
        return [line.strip() for line in read_text(file).splitlines()]
    except OSError as error:
        raise DataError(f"'{file}' (`{option}`) cannot be read ({reason_of(error)}): name a text file") from None


def take_rows(listing: Listing, rows: Sequence[int]) -> Listing:
    """Some samples of a listing, in the order of ``rows``; rows of the source keep their numbers."""
    return replace(
        listing,
        ids=take_texts(listing.ids, rows),
        labels=tuple(listing.labels[row] for row in rows),
        images=None if listing.images is None else Subset(listing.images, rows),
        splits=None if listing.splits is None else take_texts(listing.splits, rows),
        extra={name: take_texts(column, rows) for name, column in listing.extra.items()},
        rows=tuple(listing.rows[row] for row in rows),
    )
