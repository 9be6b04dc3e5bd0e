"""The interface of a reader of datasets.

A reader is one file of `labelaudit.data.readers`. It has ``recognise(subject)``, which lists the readings of a dataset
that it knows and says how sure each is, none where it is not a kind of its own, and its file name is what ``format``
takes; or ``tabulate(name, data)``, which makes a `labelaudit.data.table.Table` with columns ``path`` and ``label`` of a
document of labels, ``None`` of one of another kind, and is asked for every file that may hold labels. What is no path
is looked at by ``open_(subject)``, labels without images by ``recognise_labels(source)``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

from labelaudit.data.folders import Candidate, Undecided
from labelaudit.data.listing import Listing
from labelaudit.data.source import Source, is_address, refuse_missing
from labelaudit.data.table import Table, parse_table
from labelaudit.data.tree import Tree, walk
from labelaudit.errors import DataError, damage_of, unknown_name

_ROOM = "labelaudit.data.readers"


class Certainty(IntEnum):
    """The confidence of a reader in one of its readings."""

    BESIDE = -1
    """It labels nothing, and has further columns for the images that another reading labels."""
    REFUSED = 0
    """It is the reader's kind of dataset, and cannot be read as it is; listing it raises why."""
    OFFERED = 1
    """Offered to a person where no other reading is known."""
    POSSIBLE = 2
    """One of several readings, of which a person must choose."""
    LIKELY = 3
    """Read where no other reading is known."""
    CERTAIN = 4


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way in which a dataset can be read."""

    what: str
    """The kind of dataset that was recognised, a phrase such as ``class folders``."""
    read: Callable[[], Listing]
    certainty: Certainty = Certainty.CERTAIN
    reader: str = ""
    """Name of the reader; `readings_of` fills it in."""
    candidates: tuple[Candidate, ...] = ()
    """Commands that can be typed instead, if it is not certain."""
    refusal: DataError | None = None
    """The error that ``read`` raises, if the dataset cannot be read as it is."""
    is_metadata: bool = False
    """Whether it is the table that an image folder of Hugging Face has for this: it counts before folder names."""


def refuse(what: str, error: DataError) -> Reading:
    """The reading of a dataset of the reader's kind that cannot be read as it is: listing it raises ``error``."""

    def read() -> Listing:
        raise error

    candidates = error.candidates if isinstance(error, Undecided) else ()
    return Reading(what=what, read=read, certainty=Certainty.REFUSED, candidates=candidates, refusal=error)


class Subject:
    """A dataset in question: what the person said, and its files once somebody asks for them."""

    def __init__(self, source: Source, tree: Tree | None = None) -> None:
        self.source = source
        self._tree = tree
        is_path = isinstance(source.data, str | Path) and not is_address(source.data)
        self.path = Path(source.data) if is_path else None

    @property
    def shown(self) -> str:
        """The dataset as the person named it."""
        return str(self.source.data)

    @property
    def is_folder(self) -> bool:
        """Whether it has files below it: a folder, an archive or an address."""
        return self._tree is not None or (self.path is not None and self.path.is_dir())

    @property
    def is_said_by_table(self) -> bool:
        """Whether a table of labels, or a column of one, was named for a folder: the names of its folders are none."""
        source = self.source
        told = (source.labels is not None, source.path_column, source.label_column, source.annotator)
        return self.is_folder and any(told)

    @cached_property
    def tree(self) -> Tree:
        """All files below the folder."""
        if self._tree is not None:
            return self._tree
        assert self.path is not None
        return walk(self.path)


@cache
def readers() -> Mapping[str, ModuleType]:
    """Every reader by its name."""
    room = importlib.import_module(_ROOM)
    names = sorted(module.name for module in pkgutil.iter_modules(room.__path__))
    return {name: importlib.import_module(f"{_ROOM}.{name}") for name in names}


def subject_of(source: Source) -> Subject:
    """The file or folder that ``source`` names, for the readers to look at."""
    subject = Subject(source)
    for name, reader in readers().items():
        opener: Callable[[Subject], Subject | None] | None = getattr(reader, "open_", None)
        if opener is not None and source.format in (None, name) and (opened := opener(subject)) is not None:
            return opened
    refuse_missing(subject.path, source.labels)
    return subject


def readings_of(subject: Subject) -> list[Reading]:
    """The readings of a dataset that any reader knows, or the one that ``format`` names."""
    known = {name: reader for name, reader in readers().items() if hasattr(reader, "recognise")}
    asked = subject.source.format
    if asked is not None and asked.replace("-", "_") not in known:
        raise unknown_name("format", asked, known)
    found = []
    for name, reader in known.items():
        if asked in (None, name, name.replace("_", "-")):
            found += [replace(reading, reader=name) for reading in reader.recognise(subject)]
    return found


def read_document(name: str, data: bytes) -> Table:
    """A document of labels as a table, by the reader that knows its kind; raises `DataError` where none does."""
    with damage_of(f"'{name}'", "export it again, or give another", of_any_shape=True):
        for reader in readers().values():
            table: Table | None = reader.tabulate(name, data) if hasattr(reader, "tabulate") else None
            if table is not None:
                return table
        return parse_table(name, data)
