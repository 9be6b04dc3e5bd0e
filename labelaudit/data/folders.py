"""The folders of a dataset as a tree of counts: what the search for class folders looks at, and what it answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from labelaudit.data.column_names import COORDINATE_NAMES, plain_name
from labelaudit.data.parts import Part, is_split, parts_among, split_name
from labelaudit.errors import DataError

LISTED = 5
"""Readings that a question to the owner of a dataset lists at most."""
Place = tuple[str, ...]
"""A folder by the names above it, from the root; the root itself is ``()``."""


@dataclass
class Folder:
    """One folder that holds images, itself or further below."""

    place: Place
    children: dict[str, Folder] = field(default_factory=dict)
    """Folders in it by name, those with images only."""
    images: int = 0
    """Images directly in it."""
    total: int = 0
    """Images in it and below."""
    part: Part | None = None
    """The part of a dataset that it is by its name, and by those of its neighbours."""

    @property
    def name(self) -> str:
        return self.place[-1] if self.place else ""

    @property
    def is_flat(self) -> bool:
        """Whether all of its images lie directly in it."""
        return not self.children

    def walk(self) -> Iterator[Folder]:
        """This folder and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


def plant(paths: Iterable[str]) -> Folder:
    """The tree of folders that hold the image files ``paths``, which are relative with ``/``.

    >>> plant(["cat/1.png", "cat/2.png", "dog/a/1.png"]).children["dog"].total
    1
    """
    held = Counter(path.rpartition("/")[0] for path in paths)
    root = Folder(())
    for above, count in held.items():
        folder = root
        folder.total += count
        for step in above.split("/") if above else ():
            if step not in folder.children:
                folder.children[step] = Folder((*folder.place, step))
            folder = folder.children[step]
            folder.total += count
        folder.images += count
    for folder in root.walk():
        nested = [name for name, child in folder.children.items() if not child.is_flat]
        for name, part in parts_among(folder.children, nested).items():
            folder.children[name].part = part
    return root


class Placed(NamedTuple):
    """The images of one folder by a `Level`."""

    label: str | None
    """Their class; ``None`` where they lie in no class folder, or in one that is passed over."""
    split: str
    """Empty where they lie in none."""
    passed: Place | None
    """The folder above them that is passed over."""
    folder: Place
    """Their class folder; their own where they lie in none."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """The level of a tree of folders that holds the labels."""

    classes: Mapping[Place, str]
    """Folder -> the label of all images in it and below."""
    splits: Mapping[Place, str] = field(default_factory=dict)
    """Folder -> the split of all images in it and below."""
    passed: Mapping[Place, str] = field(default_factory=dict)
    """Folder that holds no images of the dataset -> why."""
    _known: dict[str, Placed] = field(default_factory=dict, repr=False)

    def of(self, path: str) -> Placed:
        """The label and the place of an image, those of all images of its folder."""
        above = path.rpartition("/")[0]
        if above not in self._known:
            place = tuple(above.split("/")) if above else ()
            upwards = [place[:n] for n in range(len(place), -1, -1)]
            passed, folder, split = (
                next(filter(known.__contains__, upwards), None) for known in (self.passed, self.classes, self.splits)
            )
            self._known[above] = Placed(
                label=None if folder is None or passed is not None else self.classes[folder],
                split="" if split is None else self.splits[split],
                passed=passed,
                folder=folder or place,
            )
        return self._known[above]

    def describe(self) -> str:
        """The origin of labels, in words: ``folder names below train/ and val/``."""
        above = sorted({place[:-1] for place in self.classes})
        shown = [f"'{'/'.join(place)}/'" for place in above if place]
        if not shown:
            return "the name of the folder" if () in self.classes else "folder names"
        if len(shown) > 3:
            return f"folder names below {shown[0]} and {len(above) - 1} more folders"
        return f"folder names below {' and '.join(filter(None, [', '.join(shown[:-1]), shown[-1]]))}"

    def order(self, path: str) -> tuple[str | tuple[str, ...], ...]:
        """The place of an image in the order in which loaders walk: class folder by class folder, then name."""
        folder, _, name = path.rpartition("/")
        return (self.of(path).folder, folder, name)


def take_level(root: Folder, levels: tuple[int, int] | None) -> Level:
    """The folders of the last of two ``levels`` (1: directly in the root), called by the names from the first one on,
    or those that hold images themselves, as classes.

    Masks and what lies beside the data are passed over above the level that was asked for.
    """
    classes: dict[Place, str] = {}
    passed: dict[Place, str] = {}
    first, depth = levels or (None, None)
    pending = [root]
    while pending:
        folder = pending.pop()
        wanted = len(folder.place) == depth if depth is not None else bool(folder.images and folder.place)
        if folder.place and folder.part in (Part.MASKS, Part.ASIDE) and not (wanted and depth is not None):
            passed[folder.place] = folder.part.value
            continue
        if wanted:
            classes[folder.place] = folder.name if first is None else "/".join(folder.place[first - 1 :])
        if not wanted or depth is None:
            pending += folder.children.values()
    above = {place[:n] for place in classes for n in range(1, len(place)) if is_split(place[n - 1])}
    splits = {place: name for place in above if (name := split_name(place[-1]))}
    return Level(classes=classes, splits=splits, passed=passed)


def may_divide(folders: Collection[str]) -> bool:
    """Whether names of folders may be no labels: numbers, which divide many files too, or sides, such as left."""
    return all(re.fullmatch(r"\d+|[0-9a-f]{1,2}", name) or plain_name(name) in COORDINATE_NAMES for name in folders)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One reading of a dataset that a person can choose."""

    type_: str
    """The text to type after the command: a command, or a parameter and its value; or what is the matter with a
    reading that there would be."""
    classes: Sequence[str] = ()
    images: int = 0

    def describe(self) -> str:
        """``2 classes: cat, dog``, at most four names long."""
        names = ", ".join(self.classes[:3]) + (", …" if len(self.classes) > 3 else "")
        return f"{len(self.classes)} class{'es' * (len(self.classes) != 1)}: {names}"


class Undecided(DataError):
    """It cannot be known from a dataset alone where its labels are; ``candidates`` can be typed."""

    def __init__(self, reason: str, candidates: Sequence[Candidate]) -> None:
        self.reason, self.candidates = reason, tuple(candidates)
        listed = "; or ".join(
            one.type_ + (f" ({one.describe()})" if one.classes else "") for one in candidates[:LISTED]
        )
        super().__init__(f"{reason}: {listed}" if listed else reason)
