"""The way to a listing: all readers are asked what a dataset is, and one certain answer is read.

>>> open_source("no/such/folder")
Traceback (most recent call last):
    ...
labelaudit.errors.DataError: 'no/such/folder' does not exist: give a folder of images, a table or an array file
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from labelaudit.data.agreement import add_columns, agree, refuse_unlike
from labelaudit.data.class_names import name_classes
from labelaudit.data.exposure import Exposed, Exposure
from labelaudit.data.folders import LISTED, Candidate, Undecided, may_divide
from labelaudit.data.formats import POINTER, ends_as_image
from labelaudit.data.listing import IN_NAMES, IN_TABLE, Listing
from labelaudit.data.nothing_found import nothing_found, tables_beside
from labelaudit.data.order import state_classes, state_rows
from labelaudit.data.reader import Certainty, Reading, Subject, readers, readings_of, subject_of
from labelaudit.data.source import Source, is_address
from labelaudit.data.spelling import plain_spelling, unify_spelling
from labelaudit.data.table import DOCUMENT_SUFFIXES
from labelaudit.data.versions import refuse_twice
from labelaudit.errors import DataError, damage_of
from labelaudit.text import name_some

_FEW = 4  # splits whose classes are compared
_OWNER = re.compile(r"(?<![^\W\d_])(patient|subject|specimen|slide|video|clip)[ _-]?\d+", re.IGNORECASE)
"""The part of a path that says of whom or of what an image is."""
_LOOKED_AT = 500  # paths that are looked at for such parts before all are


def open_source(data: Any = None, **how: Any) -> Listing:
    """List the samples of a dataset of any kind, without decoding an image.

    ``data`` is a `Source`, or what its field ``data`` takes, with the other fields as keywords. Labels are certain, or
    nothing is listed: raises `DataError` in one line with what to type, where there are several readings or none.
    """
    return inspect_source(data if isinstance(data, Source) else Source(data=data, **how))[1]


def inspect_source(source: Source) -> tuple[str, Listing]:
    """Recognise a dataset: a phrase such as ``class folders (5 classes)``, and its listing."""
    try:
        with damage_of(f"'{_shown(source)}'", "restore it, or give another"):
            what, listing = _open(source)
    except DataError as error:
        for pointer in _find_pointers(source):
            raise DataError(f"'{pointer}' is a Git LFS pointer, not the file itself: run `git lfs pull`") from error
        raise
    if listing.skipped and (unread := next(_find_pointers(source, images=False), None)):
        listing = listing.tell(f"'{unread}' is a Git LFS pointer and was not read: run `git lfs pull`.")
    labels, notes = unify_spelling(listing.labels)
    listing = listing.tell(*notes, labels=labels)
    listing = listing.tell(*_note_splits(listing), *_note_owners(listing))
    if source.classes is not None:
        listing = state_classes(listing, source.classes)
    if source.rows is not None:
        listing = state_rows(listing, source.rows)
    if listing.images is not None and (source.exposure is not None or source.bands is not None):
        exposure = Exposure.of(source.exposure or {"bands": [band - 1 for band in source.bands or ()]})
        listing = replace(listing, images=Exposed(listing.images, exposure))
    return what, listing


def _note_splits(listing: Listing) -> tuple[str, ...]:
    """A note on classes that some splits have and others have not, in any spelling; folds and splits of one class have
    their own."""
    if listing.splits is None:
        return ()
    plain = {label: plain_spelling(label) for label in dict.fromkeys(listing.labels) if label is not None}
    held: dict[str, set[str]] = {}
    for split, label in zip(listing.splits, listing.labels, strict=True):
        if label is not None:
            held.setdefault(split, set()).add(plain[label])
    if not 1 < len(held) <= _FEW or min(map(len, held.values())) < 2:
        return ()
    names = {spelled: label for label, spelled in plain.items()}
    lacks = {split: sorted(names[spelled] for spelled in names.keys() - own) for split, own in held.items()}
    gaps = [f"'{split}' lacks {name_some(gone, 3)}" for split, gone in lacks.items() if gone]
    return (f"Not every split has every class: {', '.join(gaps)}.",) if gaps else ()


def _note_owners(listing: Listing) -> tuple[str, ...]:
    """A note where paths say of whom or of what images are (``patient7_slice3.png``), and there are several of each."""
    some = listing.ids[:: max(1, len(listing.ids) // _LOOKED_AT)]
    if 10 * sum(_OWNER.search(name) is not None for name in some) < 9 * max(1, len(some)):
        return ()
    owners = [found[0] if (found := _OWNER.search(name)) else "" for name in listing.ids]
    distinct = {*owners} - {""}
    labels = {*zip(owners, listing.labels, strict=True)}
    if not 1 < len(distinct) <= len(owners) // 2 or len(labels) == len(distinct) == len({*listing.labels}):
        return ()
    first = min(distinct)
    return (
        f"Paths name of whom or of what images are, such as '{first}' ({len(distinct):,} such). Images of one prove "
        f"nothing of each other: `group` name:'({first.rstrip('0123456789')}[0-9]+)' judges them together.",
    )


def _find_pointers(source: Source, *, images: bool = True) -> Iterator[Path]:
    """Files of the dataset that Git LFS has not fetched, among the first ones; ``images`` too, or others alone."""
    for given in (source.data, source.labels):
        if isinstance(given, str | Path) and not is_address(given):
            with suppress(OSError):
                place = Path(given)
                paths = [place] if place.is_file() else islice(place.rglob("*"), _LOOKED_AT)
                for path in paths:
                    if (images or not ends_as_image(path.name)) and path.is_file():
                        with path.open("rb") as file:
                            if file.read(len(POINTER)) == POINTER:
                                yield path


def _shown(source: Source) -> str:
    """The dataset as a person named it; an object by its kind."""
    named = source.labels if source.data is None else source.data
    return str(named) if isinstance(named, str | Path) else type(named).__name__


def _open(source: Source) -> tuple[str, Listing]:
    if source.data is None:
        return "labels alone", _labels_alone(source)
    if isinstance(source.data, str) and not source.data:
        raise DataError("the path of the dataset is empty: name a folder, a table or an array file")
    subject = subject_of(source)
    holds_labels = subject.path is not None and subject.path.suffix.lower() in DOCUMENT_SUFFIXES
    if subject.source.labels is not None and not subject.is_folder and holds_labels:
        raise DataError(
            f"'{subject.shown}' holds labels itself: leave `labels` away, or give a folder of images beside it"
        )
    what, listing = choose(readings_of(subject), subject)
    return what, name_classes(listing, subject)


def choose(readings: Sequence[Reading], subject: Subject) -> tuple[str, Listing]:
    """Choose one of the ``readings`` of a dataset: its phrase and its listing.

    Several certain readings are merged where they agree (`labelaudit.data.agreement`), and tables without labels add
    their columns. Raises `DataError` where no reading is certain.
    """
    beside = [reading for reading in readings if reading.certainty is Certainty.BESIDE]
    reading, listing = _choose([reading for reading in readings if reading.certainty is not Certainty.BESIDE], subject)
    source = subject.source
    if subject.is_folder and source.format is None and source.label_from is None and source.labels is None:
        refuse_twice(listing, subject.tree, f"`data_format` {(reading.reader or 'class_folders').replace('_', '-')}")
    others = [other.read() for other in beside]
    if reading.reader == "class_folders" and source.format is None and source.label_from is None:
        refuse_unlike(reading, listing, others)
        listing = listing.tell(*(note for other in others for note in other.notes if may_divide(listing.held)))
    return reading.what, add_columns(listing, [other for other in others if other.origin not in listing.origin])


def _choose(readings: Sequence[Reading], subject: Subject) -> tuple[Reading, Listing]:
    offered = [one for reading in readings if reading.certainty is Certainty.OFFERED for one in reading.candidates]
    if any(reading.certainty > Certainty.OFFERED for reading in readings):
        readings = [reading for reading in readings if reading.certainty is not Certainty.OFFERED]
    certain = [reading for reading in readings if reading.certainty is Certainty.CERTAIN]
    if len(certain) == 1:
        listing = certain[0].read()
        tables = [reading for reading in readings if reading.certainty is Certainty.LIKELY]
        if not (tables and certain[0].reader == "class_folders" and may_divide(listing.held)):
            return certain[0], listing
        certain += tables
    if certain:
        return agree(certain, subject)
    likely = [reading for reading in readings if reading.certainty is Certainty.LIKELY]
    one_class = [reading for reading in likely if reading.reader == "class_folders"]
    if len(likely) > len(one_class):
        likely, readings = ([one for one in some if one not in one_class] for some in (likely, readings))
    if len(likely) == len(readings) == 1:
        listing = likely[0].read()
        hints = []
        if len({*listing.labels}) == 1:
            hints = [f"{IN_NAMES}: {one.type_} ({one.describe()})." for one in offered[:1]]
            told = tables_beside(subject.tree) if subject.is_folder else ""
            hints += [f"{IN_TABLE}: {told}."] if told else []
        return likely[0], listing.tell(*hints)
    refused = [reading for reading in readings if reading.certainty is Certainty.REFUSED]
    possible = [one for reading in readings if reading.certainty > Certainty.REFUSED for one in reading.candidates]
    undecided = [reading.refusal for reading in refused if isinstance(reading.refusal, Undecided)]
    broken = [reading.refusal for reading in refused if reading.refusal not in undecided]
    others = [*possible, *(Candidate(type_=str(error)) for error in broken)]
    if undecided and others:
        first = undecided[0].candidates[: LISTED - min(2, len(others))]
        raise Undecided(undecided[0].reason, [*first, *others])
    if possible:
        raise Undecided(
            f"'{subject.shown}' says nowhere for certain what its labels are. If they are these, say so", others
        )
    if refused:
        return refused[0], refused[0].read()
    raise DataError(nothing_found(subject))


def _labels_alone(source: Source) -> Listing:
    """The labels of a file or an object, for samples without images: the rows of features or probabilities."""
    if source.labels is None:
        raise DataError("no images and no labels: give DATA, or `labels` FILE for features or probabilities alone")
    if not isinstance(source.labels, str | Path):
        listed: Listing = readers()["objects"].list_labels(source.labels)
        return listed
    for reader in readers().values():
        if hasattr(reader, "recognise_labels"):
            found: Listing | None = reader.recognise_labels(source)
            if found is not None:
                return found
    path = Path(source.labels)
    if not path.is_file():
        raise DataError(f"'{path}' (`labels`) does not exist: give a table, .npy, .npz or .parquet of labels")
    raise DataError(f"'{path}' is not a kind of labels known here: give .csv, .tsv, .jsonl, .npy, .npz or .parquet")
