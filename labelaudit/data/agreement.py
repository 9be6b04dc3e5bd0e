"""Several certain readings of one dataset, such as folder names and a table: merged, or a question to its owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace

from labelaudit.data.assembly import DETECTED, splits_of
from labelaudit.data.column_names import (
    COORDINATE_NAMES,
    LABEL_NAMES,
    SPLIT_NAMES,
    guess_column,
    is_label_name,
    is_nameless,
    plain_name,
)
from labelaudit.data.folder_rows import FILM
from labelaudit.data.folders import Candidate, Undecided
from labelaudit.data.listing import Listing
from labelaudit.data.parts import split_kinds
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.split_labels import join_splits
from labelaudit.text import count, name_some


def agree(certain: Sequence[Reading], subject: Subject) -> tuple[Reading, Listing]:
    """Merge the certain readings of a dataset into one, which has no reader where several are needed, and its listing.

    Where they divide the images alike, the reading that labels most images is taken. Among equals class names of words
    come before numbers, then a reading that knows splits, then one with further columns. Raises `Undecided` where they
    disagree.
    """
    listings, told_apart = _without_others([(reading, reading.read()) for reading in certain])
    if len(listings) == 1:
        ((reading, listing),) = listings
        return reading, replace(listing, notes=(*listing.notes, *told_apart))
    first_reading, first = max(listings, key=lambda pair: _worth(pair[1]))
    official = [pair for pair in listings if pair[0].is_metadata]
    if len(official) == 1 and all(_share_names(official[0][1], listing) for _, listing in listings):
        return _official(official[0], listings)
    rest = [pair for pair in listings if pair[1] is not first]
    apart = all(map({*first.ids}.isdisjoint, (listing.ids for _, listing in rest)))
    if apart:
        joined = join_splits([(first_reading, first), *rest], subject)
        if joined is not None:
            what, listing = joined
            return replace(first_reading, what=what, reader=""), listing
    if apart and all(_share_names(first, listing) for _, listing in rest):
        aside = [f"{count(len(other.ids), 'other image')}, in the {other.origin}, are not read." for _, other in rest]
        return first_reading, replace(first, notes=(*first.notes, *aside))
    rest.sort(key=lambda pair: -_labelled(pair[1]))
    unlike = [(pair, gap) for pair in rest if (gap := _disagreement(first, pair[1]))]
    if unlike:
        several = "two" if len(unlike) == 1 else f"{len(unlike) + 1}"
        raise Undecided(
            f"'{subject.shown}' has {several} sources of labels that {unlike[0][1]}. Say which",
            [one for pair in ((first_reading, first), *(pair for pair, _ in unlike)) for one in _typed(*pair)],
        )
    others = [listing.origin for _, listing in listings if listing is not first]
    told = f"The same labels are in the {' and the '.join(others)}."
    return first_reading, add_columns(replace(first, notes=(*first.notes, told)), [other for _, other in rest])


def add_columns(listing: Listing, others: Sequence[Listing]) -> Listing:
    """``listing`` with the further columns of ``others`` about its images, and with the splits that they tell.

    Added are columns that say one thing of each image, and something of most.
    """
    extra, notes = dict(listing.extra), []
    for name in dict.fromkeys(name for other in others for name in other.extra if name not in listing.extra):
        is_split = plain_name(name) in SPLIT_NAMES
        known: dict[str, str] = {}
        pairs = [
            pair for other in others if name in other.extra for pair in zip(other.ids, other.extra[name], strict=True)
        ]
        torn = sorted({one for one, value in pairs if value and known.setdefault(one, value) != value})
        column = tuple([known.get(one, "") for one in listing.ids])
        if is_split and _leave_training({*column} - {""}):
            column = tuple([split or "train" for split in column])
            notes.append(f"Images that no list of {_origins(others, {name})} names are taken for 'train'.")
        if torn and is_split:
            images = f"{count(len(torn), 'image is', 'images are')} in several"
            notes.append(f"Splits of {_origins(others, {name})} are not read: {images}, such as '{torn[0]}'.")
        elif not torn and 2 * sum(map(bool, column)) >= len(column) and not (is_split and len({*column} - {""}) < 2):
            extra[name] = column
    added = extra.keys() - listing.extra.keys()
    if added:
        named = name_some([name for name in extra if name in added])
        notes.append(f"Read beside the labels, of {_origins(others, added)}: {named}.")
    used = sum((Counter(other.skipped) for other in others if added & other.extra.keys()), Counter[str]())
    told = {name: extra[name] for name in extra if name in added}
    splits = splits_of(listing.ids, told) if told and listing.splits is None else listing.splits
    return replace(
        listing,
        extra={name: column for name, column in extra.items() if name not in added or column != splits},
        splits=splits,
        notes=(*listing.notes, *notes),
        skipped=dict(Counter(listing.skipped) - used),
    )


def refuse_unlike(reading: Reading, listing: Listing, beside: Sequence[Listing]) -> None:
    """Raise `Undecided` where a table ``beside`` has several columns of labels, and the one that is called so most
    plainly divides the images otherwise than the ``listing`` of ``reading`` does."""
    for other in beside:
        named = [name for name in filter(is_label_name, other.extra) if plain_name(name) not in COORDINATE_NAMES]
        column = guess_column(named, LABEL_NAMES) if len(named) > 1 and DETECTED not in other.extra else None
        told = replace(other, labels=other.extra[column]) if column else listing
        if (gap := _disagreement(listing, told)).startswith(("differ", "divide", "exchange")):
            asked = Candidate(type_=f"`label_column` {column}", classes=sorted(set(filter(None, told.labels))))
            reason = f"the {listing.origin} and column '{column}' of {other.origin} {gap}"
            raise Undecided(f"{reason}. Say which", [*_typed(reading, listing), asked])


def _leave_training(splits: Set[str]) -> bool:
    """Whether lists name the images for validation or tests alone, so that all others are for training."""
    return bool(splits) and all(kinds and "train" not in kinds for kinds in map(split_kinds, splits))


def _origins(others: Sequence[Listing], names: Set[str]) -> str:
    """The tables of ``others`` that have any of the columns ``names``."""
    return name_some([*dict.fromkeys(other.origin for other in others if names & other.extra.keys())])


def _without_others(listings: list[tuple[Reading, Listing]]) -> tuple[list[tuple[Reading, Listing]], list[str]]:
    """Leave out each of the ``listings`` that cannot be labels beside another one; notes say which.

    Such give all images one label or each image its own, or say what the other holds as a further column.
    """
    told, kept = list[str](), []
    for reading, listing in listings:
        if not _divides(listing) and any(
            _divides(other) and not {*other.ids}.isdisjoint(listing.ids) for _, other in listings
        ):
            told.append(
                f"Not read as labels, since they are one for all images or each image has its own: {listing.origin}."
            )
            continue
        unlike = [other for _, other in listings if other is not listing and _disagreement(listing, other)]
        columns = [column for other in unlike if (column := _column_of(listing, other))]
        if columns:
            told.append(f"The {listing.origin} say what column '{columns[0]}' says, and are no labels.")
        else:
            kept.append((reading, listing))
    return (kept, told) if kept else (listings, [])


def _divides(listing: Listing) -> bool:
    """Whether there are several classes, and one of them has several images."""
    return 1 < len({*listing.labels} - {None}) < _labelled(listing)


def _column_of(listing: Listing, table: Listing) -> str:
    """The further column of ``table`` that corresponds one to one to the labels of ``listing``.

    Empty where there is none, and where the column is called like a label, or has no name and holds no films.
    """
    known = dict(zip(listing.ids, listing.labels, strict=True))
    said = [known.get(name) for name in table.ids]
    if None in said or len(set(said)) == len(said):
        return ""
    for name, values in table.extra.items():
        pairs = set(zip(values, said, strict=True))
        is_owner = any(map(FILM.search, values)) if is_nameless(name) else plain_name(name) not in LABEL_NAMES
        if is_owner and len(pairs) == len(set(values)) == len(set(said)) > 1:
            return name
    return ""


def _official(chosen: tuple[Reading, Listing], listings: Sequence[tuple[Reading, Listing]]) -> tuple[Reading, Listing]:
    """The labels of ``metadata.csv``, with a note about how many of the folder names say something else."""
    reading, listing = chosen
    told = []
    for _, other in listings:
        known = dict(zip(other.ids, other.labels, strict=True))
        pairs = [(label, known.get(name)) for name, label in zip(listing.ids, listing.labels, strict=True)]
        unlike = sum(None not in pair and pair[0] != pair[1] for pair in pairs)
        if other is not listing and unlike:
            told.append(f"The {other.origin} differ for {unlike:,} of {len(pairs):,} images; {listing.origin} counts.")
    return reading, replace(listing, notes=(*listing.notes, *told))


def _share_names(first: Listing, second: Listing) -> bool:
    """Whether two listings have most class names in common."""
    one, other = {*first.labels} - {None}, {*second.labels} - {None}
    return 2 * len(one & other) >= min(len(one), len(other))


def _disagreement(first: Listing, second: Listing) -> str:
    """The difference between two listings of a dataset; empty if their labels correspond one to one."""
    known = dict(zip(first.ids, first.labels, strict=True))
    pairs = [
        (known[name], label)
        for name, label in zip(second.ids, second.labels, strict=True)
        if label is not None and known.get(name) is not None
    ]
    if not pairs:
        return "are about different images"
    if 2 * len(pairs) < min(_labelled(first), _labelled(second)):
        return f"have only {len(pairs):,} images in common"
    best: dict[str | None, tuple[int, str | None]] = {}
    for (one, other), n in Counter(pairs).items():
        best[one] = max(best.get(one, (0, None)), (n, other), key=lambda entry: entry[0])
    kept = sum(n for n, _ in best.values())
    one_to_one = len({other for _, other in best.values()}) == len(best)
    exchanged = [one for one, (_, other) in best.items() if one != other and other in best]
    if one_to_one and kept == len(pairs):
        return f"exchange the names of classes, such as '{exchanged[0]}'" if exchanged else ""
    return (
        f"differ for {len(pairs) - kept:,} of {len(pairs):,} images" if one_to_one else "divide the images differently"
    )


def _typed(reading: Reading, listing: Listing) -> list[Candidate]:
    if reading.candidates:
        return list(reading.candidates)
    classes = sorted({label for label in listing.labels if label is not None})
    name = reading.reader.replace("_", "-")
    return [Candidate(type_=f"`data_format` {name}", classes=classes, images=len(listing.ids))]


def _worth(listing: Listing) -> tuple[int, bool, bool, int]:
    """The sort key of listings that divide the images alike: the greatest one is taken."""
    numbers = all(label is None or label.lstrip("-").isdecimal() for label in listing.labels)
    return _labelled(listing), not numbers, listing.splits is not None, len(listing.extra)


def _labelled(listing: Listing) -> int:
    return sum(label is not None for label in listing.labels)
