"""The source of a dataset: where it is, and where its labels are if its files do not show that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.arguments import check_types
from labelaudit.errors import DataError, OptionError, reason_of
from labelaudit.text import count, name_some

if TYPE_CHECKING:
    from labelaudit.data.listing import Listing
    from labelaudit.types import Samples

MAX_PIXELS = 178_956_970
"""Larger images are refused from their header unless more is asked for: half a gigabyte of RGB."""
MOST_PIXELS = 2**31
"""No image may be larger, whatever is asked for: Pillow itself stops here."""
LEVELS = "parent, top, level N (1 = the folders directly in DATA), level N-M (their names in one) or name:'REGEX'"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A dataset and the ways to read it that a person stated; what is not stated is found out."""

    data: Any = None
    """A folder, a file, an address such as ``s3://bucket/images``, or a Python object; ``None`` for labels alone."""
    labels: Any = None
    """A table, an array file, or one label for each row of ``data``."""
    path_column: str | None = None
    label_column: str | None = None
    label_from: str | None = None
    """``parent``, ``top``, ``level N``, ``level N-M`` or ``name:REGEX``: the folder, or the part of the name, that is
    the label."""
    format: str | None = None
    """Name of the one reader to ask."""
    classes: Sequence[str] | None = None
    """All class names, in the order of the columns of probabilities."""
    rows: Path | str | None = None
    """File with one path a line: the order of the rows of features and probabilities."""
    ignore_metadata: bool = False
    """Leave ``metadata.csv`` and ``metadata.jsonl`` in a folder of images aside."""
    bands: Sequence[int] | None = None
    """The three bands shown as red, green and blue, counted from 1, of images with more than four."""
    annotator: Sequence[str] | None = None
    """The column that says whose label a row holds, or the columns that each hold one annotator's labels."""
    exposure: Mapping[str, Any] | None = None
    """The scale of deep values that a scan has found (`Exposure.settings`); new images are shown in it too."""

    def __post_init__(self) -> None:
        check_types(Source, vars(self))

    def settings(self) -> dict[str, Any]:
        """The fields as JSON-able values with absolute paths: later commands open the dataset again with them."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        kept = {"data", "labels", "path_column", "label_column"}
        told = {name: value for name, value in told.items() if name in kept or value not in (None, False)}
        for name in ("data", "labels", "rows"):
            if name in told:
                told[name] = _absolute(told[name])
        for name in ("classes", "bands", "annotator"):
            if name in told:
                told[name] = list(told[name])
        return told

    def how(self) -> dict[str, Any]:
        """The fields beside ``data`` and ``labels`` that a person gave."""
        return {name: value for name in READING[1:] if (value := getattr(self, name)) not in (None, False)}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Source:
        """The source that `settings` described; what a later version added is passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in known})


READING = tuple(field.name for field in fields(Source) if field.name not in ("data", "exposure"))
"""Fields of `Source` beside ``data`` that a person gives."""


def refuse_missing(data: Any, labels: Any = None) -> None:
    """Check that the files exist and that labels are about them, before what takes a second, such as loading torch.

    Addresses and objects are left to the readers.

    Raises:
        DataError: the file or folder ``data`` or ``labels`` does not exist, or is a pipe, socket or device, or
            ``labels`` are bare values.
    """
    if isinstance(data, str | Path) and not is_address(data) and not Path(data).is_dir():
        _refuse(Path(data), "", "give a folder of images, a table or an array file")
    if isinstance(labels, str | Path) and not is_address(labels):
        _refuse(Path(labels), " (`labels`)", "give a table")
    if isinstance(data, str | Path) and not (isinstance(labels, str | Path | None) or hasattr(labels, "columns")):
        raise DataError(
            f"`labels` is of type {type(labels).__name__} and says not which image of '{data}' has which label: give a "
            "table or a data frame of paths and labels, or images and labels both as lists or arrays"
        )


def _refuse(path: Path, option: str, advice: str) -> None:
    try:
        if path.is_file():
            return
        there = "is a folder" if path.is_dir() else "is a pipe, socket or device" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        there = f"cannot be looked at ({reason_of(error)})"
    raise DataError(f"'{path}'{option} {there}: {advice}")


def level_asked(label_from: str) -> tuple[int, int] | str | None:
    """The first and the last level of the folders that ``label_from`` names, ``None`` for those that hold images; for
    ``name:`` the pattern.

    >>> level_asked("top"), level_asked("level 2"), level_asked("level 2-3")
    ((1, 1), (2, 2), (2, 3))
    >>> level_asked("parent"), level_asked("name:(.+)_\\\\d+")
    (None, '(.+)_\\\\d+')
    """
    text = label_from.strip()
    if text.startswith("name:"):
        return text.removeprefix("name:")
    if text.lower() == "parent":
        return None
    if text.lower() == "top":
        return 1, 1
    found = re.fullmatch(r"levels?[ :=_-]?([1-9]\d?)(?:-([1-9]\d?))?", text.lower())
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise OptionError(f"`label_from` '{label_from}' must be {LEVELS}")
    return int(found[1]), int(found[2] or found[1])


def is_address(data: Any) -> bool:
    """Whether ``data`` is an address such as ``s3://bucket/folder``, also where a path has swallowed one slash."""
    return isinstance(data, str | Path) and re.match(r"[a-z][a-z0-9+.-]+(::[^:]+)?:/{1,3}[^/]", str(data)) is not None


def address_of(data: str | Path) -> str:
    """The address with both of its slashes.

    >>> address_of(Path("s3://bucket/x"))
    's3://bucket/x'
    """
    slashes = "///" if str(data).startswith(("file:", "local:")) else "//"
    return re.sub(r"^([a-z][a-z0-9+.-]+):/+", rf"\1:{slashes}", str(data))


def _absolute(value: Any) -> str | None:
    if not isinstance(value, str | Path):
        return None
    return address_of(value) if is_address(value) else Path(value).absolute().as_posix()


def source_settings(source: Source, samples: Samples, origin: str = "") -> dict[str, Any]:
    """`Source.settings`, with where labels came from, and the scale in which ``samples`` show their deep values."""
    exposure = getattr(samples.images, "exposure", None)
    told = {**source.settings(), **({"labels_from": origin} if origin else {})}
    return told if exposure is None else {**told, "exposure": exposure.settings()}


def notes_of(listing: Listing) -> tuple[str, ...]:
    """Notes of an audit on the reading of its dataset: where labels come from, what was passed over."""
    return (*((f"Labels: {listing.origin}.",) if listing.origin else ()), *reading_notes(listing))


def reading_notes(listing: Listing) -> tuple[str, ...]:
    """Notes on what was found and passed over in a dataset."""
    return (*listing.notes, *_note_skipped(listing.skipped), *_note_junk(listing.junk))


def _note_junk(junk: Mapping[str, int]) -> tuple[str, ...]:
    """Notes about the folders that systems made by themselves, or that are hidden."""
    made = {True: "hidden", False: "made by a system"}
    return tuple(
        f"Passed over {count(files, 'file')} in {name}/, {made[name.startswith('.')]}." for name, files in junk.items()
    )


def _note_skipped(skipped: Mapping[str, int]) -> tuple[str, ...]:
    """A note about the files that were passed over because they are not images."""
    if not skipped:
        return ()
    kinds = [f"{count} {ending}" for ending, count in skipped.items()]
    total = sum(skipped.values())
    files = f"{count(total, 'file')} that {'are not images' if total > 1 else 'is not an image'}"
    return (f"Passed over {files}: {name_some(kinds)}.",)
