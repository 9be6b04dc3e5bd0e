"""Splits of one dataset that are labelled in different ways: class folders for training, a table for the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce
from operator import and_

from labelaudit.data.listing import Listing
from labelaudit.data.parts import splits_by_folder
from labelaudit.data.reader import Reading, Subject, readers


def join_splits(listings: Sequence[tuple[Reading, Listing]], subject: Subject) -> tuple[str, Listing] | None:
    """The ``listings`` as one, where each labels splits of its own with the classes of the first.

    Classes that are numbers may differ in leading zeros. ``None`` where the listings do not fit together so.
    """
    known = [split for _, listing in listings for split in {one.lower() for one in splits_in(listing)}]
    classes = listings[0][1].held
    called = [_called_as(listing.held, classes) for _, listing in listings]
    if not subject.is_folder or "" in known or len({*known}) < len(known) or not all(called):
        return None
    every = {name for _, listing in listings for name in listing.ids}
    alone = [_read_without(every.difference(listing.ids), reading, subject) for reading, listing in listings]
    lost = [one for listing in alone[1:] for one in listing.findings if one.kind != "unlabelled"]
    names = [name for name in alone[0].extra if all(name in listing.extra for listing in alone)]
    ids = [name for listing in alone for name in listing.ids]
    what = " and ".join(reading.what for reading, _ in listings)
    return what, Listing(
        root=alone[0].root,
        ids=tuple(ids),
        labels=tuple(
            None if label is None else names_of[label]
            for listing, names_of in zip(alone, called, strict=True)
            for label in listing.labels
        ),
        images=subject.tree.storage.images(ids),
        splits=tuple(split for listing in alone for split in splits_in(listing)),
        extra={name: tuple(cell for listing in alone for cell in listing.extra[name]) for name in names},
        findings=tuple(dict.fromkeys([*alone[0].findings, *lost])),
        skipped=dict(reduce(and_, (Counter(listing.skipped) for listing in alone))),
        junk=alone[0].junk,
        origin=" and ".join(listing.origin for listing in alone),
        notes=tuple(dict.fromkeys(note for listing in alone for note in listing.notes)),
    )


def _read_without(images: Collection[str], reading: Reading, subject: Subject) -> Listing:
    """The listing of a reading of a folder as if ``images`` were not there."""
    left = tuple(path for path in subject.tree.paths if path not in images)
    rest = Subject(subject.source, replace(subject.tree, paths=left))
    found = (one for one in readers()[reading.reader].recognise(rest) if one.what == reading.what)
    return next(found, reading).read()


def splits_in(listing: Listing) -> Sequence[str]:
    """(n,) split of each image, by a column or by the folders above it; empty where there is none."""
    return splits_by_folder(listing.ids) if listing.splits is None else listing.splits


def _called_as(held: set[str], classes: set[str]) -> dict[str, str]:
    """Label -> the one of ``classes`` that it means; empty where one means none, or all are one label."""
    known = {name: name for name in classes}
    if all(map(str.isdecimal, [*held, *classes])):
        numbers = {int(name): name for name in classes}
        if len(numbers) == len(classes):
            known = {label: numbers[int(label)] for label in held if int(label) in numbers}
    return {label: known[label] for label in held} if len(held) > 1 and held <= known.keys() else {}
