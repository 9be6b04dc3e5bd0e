"""Several certain readings of one dataset, such as folder names and a table: merged, or a question to its owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace

from labelaudit.data.assembly import DETECTED, splits_of
from labelaudit.data.column_names import LABEL_NAMES, SPLIT_NAMES, guess_column, is_label_name, is_nameless, plain_name
from labelaudit.data.columns import may_be_label
from labelaudit.data.folder_rows import FILM
from labelaudit.data.folders import Candidate, Undecided, may_divide
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
        return reading, listing.tell(*told_apart)
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
        return first_reading, first.tell(*aside)
    rest.sort(key=lambda pair: -len(pair[1].told))
    unlike = [(pair, gap) for pair in rest if (gap := _disagreement(first, pair[1]))]
    if unlike:
        several = "two" if len(unlike) == 1 else f"{len(unlike) + 1}"
        raise Undecided(
            f"'{subject.shown}' has {several} sources of labels that {unlike[0][1]}. Say which",
            [one for pair in ((first_reading, first), *(pair for pair, _ in unlike)) for one in _typed(*pair)],
        )
    others = [listing.origin for _, listing in listings if listing is not first]
    told = f"The same labels are in the {' and the '.join(others)}."
    return first_reading, add_columns(first.tell(told), [other for _, other in rest])


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
    return listing.tell(
        *notes,
        extra={name: column for name, column in extra.items() if name not in added or column != splits},
        splits=splits,
        skipped=dict(Counter(listing.skipped) - used),
    )


def refuse_unlike(reading: Reading, listing: Listing, beside: Sequence[Listing]) -> None:
    """Raise `Undecided` where a table ``beside`` has several columns of labels, and the one that is called so most
    plainly divides the images otherwise than the ``listing`` of ``reading`` does; if these may be none, all do."""
    for other in beside:
        named = list(filter(is_label_name, other.extra))
        column = guess_column(named, LABEL_NAMES) if len(named) > 1 and DETECTED not in other.extra else None
        some = [column] if column else [name for name in other.extra if may_be_label(name, other.extra[name])]
        some = some if column or may_divide(listing.held) else []
        gaps = [_disagreement(listing, replace(other, labels=other.extra[name])) for name in some]
        if some and all(gap.startswith(("differ", "divide", "exchange")) for gap in gaps):
            held = {name: sorted({*other.extra[name]} - {""}) for name in some}
            asked = [Candidate(type_=f"`label_column` {name}", classes=classes) for name, classes in held.items()]
            reason = f"the {listing.origin} and column '{some[0]}' of {other.origin} {gaps[0]}"
            raise Undecided(f"{reason}. Say which", [*_typed(reading, listing), *asked])


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
    return 1 < len(listing.held) < len(listing.told)


def _column_of(listing: Listing, table: Listing) -> str:
    """The further column of ``table`` that corresponds one to one to the labels of ``listing``.

    Empty where there is none, and where the column is called like a label, or has no name and holds no films.
    """
    said = [listing.told.get(name) for name in table.ids]
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
        if unlike := sum(other.told.get(name, label) != label for name, label in listing.told.items()):
            of = f"{unlike:,} of {len(listing.ids):,} images"
            told.append(f"The {other.origin} differ for {of}; {listing.origin} counts.")
    return reading, listing.tell(*told)


def _share_names(first: Listing, second: Listing) -> bool:
    """Whether two listings have most class names in common."""
    return 2 * len(first.held & second.held) >= min(len(first.held), len(second.held))


def _disagreement(first: Listing, second: Listing) -> str:
    """The difference between two listings of a dataset; empty if their labels correspond one to one."""
    pairs = [(first.told[name], label) for name, label in second.told.items() if name in first.told]
    if not pairs:
        return "are about different images"
    if 2 * len(pairs) < min(len(first.told), len(second.told)):
        return f"have only {len(pairs):,} images in common"
    best: dict[str, tuple[int, str]] = {}
    for (one, other), n in Counter(pairs).items():
        best[one] = max(best.get(one, (0, "")), (n, other), key=lambda entry: entry[0])
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
    name = reading.reader.replace("_", "-")
    return [Candidate(type_=f"`data_format` {name}", classes=sorted(listing.held), images=len(listing.ids))]


def _worth(listing: Listing) -> tuple[int, bool, bool, int]:
    """The sort key of listings that divide the images alike: the greatest one is taken."""
    numbers = all(label.lstrip("-").isdecimal() for label in listing.held)
    return len(listing.told), not numbers, listing.splits is not None, len(listing.extra)
