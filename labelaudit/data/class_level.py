"""The search for the folders that are classes, among folders that may be splits, containers, masks or something else.

The answer is a `Level` only where one reading is certain. Otherwise it is `Undecided`, with what to type for each
reading: a wrong guess would judge every image under a name that nobody gave it. Left out: labels in file names and in
tables, which other readers know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from labelaudit.data.folders import Candidate, Folder, Level, Place, Undecided, take_level
from labelaudit.data.parts import Part, are_conditions, are_dates, part_of, split_name
from labelaudit.data.spelling import plain_spelling
from labelaudit.text import spell_path

_ALIKE = 20
"""Two folders are of like size where one holds at most this many times the images of the other."""
_LAST_DAY = 31
_COMPANY = 4
"""So many like class folders beside a folder called ``train`` make it a class too, as among vehicles; twice as many
one called ``folder`` or ``image``."""


@dataclass
class _Found:
    """Class folders below one folder; none where its images lie in no class folders."""

    classes: dict[Place, str] = field(default_factory=dict)
    splits: dict[Place, str] = field(default_factory=dict)
    passed: dict[Place, str] = field(default_factory=dict)
    lone: Folder | None = None
    """The one folder that holds all images, where it may be a single class."""

    @property
    def names(self) -> set[str]:
        return {*map(plain_spelling, self.classes.values())}


def find_classes(root: Folder, shown: str) -> Level | None:
    """The class folders of a dataset; ``None`` where its images lie in none.

    ``shown`` is the root as a person types it. Raises `Undecided` where several readings are possible.
    """
    found = _Search(root, shown).settle(root)
    lone = found.lone
    if not found.classes and lone is not None and lone.part is None and 2 * lone.images >= lone.total:
        found.classes[lone.place] = lone.name
    if not found.classes:
        _ask_about_parts(root, shown)
        return None
    return Level(classes=found.classes, splits=found.splits, passed=found.passed)


def _ask_about_parts(root: Folder, shown: str) -> None:
    """Raise `Undecided` where all images lie in folders of dates, or called as what lies beside a dataset
    (``Sample001``, ``Class 1-samples``), which may be classes after all."""
    levels = [one for one in _Search(root, shown).levels(root) if len(one.classes) > 1]
    dates = [one for one in levels if are_dates(one.classes)]
    told = dates or [one for one in levels if all(part_of(name) is Part.ASIDE for name in one.classes)]
    if told and root.total > 2 * root.images:
        names = ", ".join(f"'{name}'" for name in told[0].classes[:3])
        what = "dates" if dates else "beside the data"
        raise Undecided(
            f"the folders of '{shown}' ({names}) may be {what} and no classes. If they are classes, say so", told
        )


class _Search:
    """The search for class folders below ``root``; ``shown`` is the root as a person types it."""

    def __init__(self, root: Folder, shown: str) -> None:
        self.root, self.shown = root, shown

    def settle(self, folder: Folder) -> _Found:
        """Find the class folders below ``folder``: its children, or folders below those children that are parts."""
        found = _Found()
        rest = self._pass_over(folder, found)
        if not rest:
            return found
        if len(rest) == 1:
            return self._go_through(folder, rest[0], found)
        others = [child for child in rest if child.part is None]
        if are_dates(child.name for child in rest):
            others = []
        if not others:
            return self._merge(folder, rest, found)
        if len(others) < len(rest) and not self._is_company(rest, others):
            return self._beside(folder, rest, others, found)
        return self._take(folder, rest, found)

    def _pass_over(self, folder: Folder, found: _Found) -> list[Folder]:
        """The children that may hold the dataset; those that certainly do not are noted in ``found``."""
        children = sorted(folder.children.values(), key=lambda child: child.place)
        extra = [child for child in children if child.part in (Part.MASKS, Part.ASIDE)]
        rest = [child for child in children if child not in extra]
        if not rest:
            return children if not folder.images else []
        flat = [child for child in rest if child.is_flat and child.part is None]
        for child in extra:
            if flat and child.is_flat and _is_alike(child, flat):
                reason = f"'{self._path(child)}' may be a class or not, beside {self._list(flat)}"
                raise self.undecided(f"{reason}: move it away if it is none", folder)
            assert child.part is not None
            found.passed[child.place] = child.part.value
        return rest

    def _beside(self, folder: Folder, rest: list[Folder], others: list[Folder], found: _Found) -> _Found:
        """Decide about a folder with both parts, such as ``train``, and ``others``, which may be classes: beside splits
        of the same classes others are passed over, or splits too if they hold these. Raises `Undecided` elsewhere."""
        parts = [child for child in rest if child.part is not None]
        known: list[tuple[Folder, _Found]] = []
        for child in sorted(rest, key=lambda child: -child.total):
            try:
                known.append((child, self.settle(child)))
            except Undecided:
                continue
        labelled = [(child, inner) for child, inner in known if inner.classes]
        splits = [inner.names for child, inner in labelled if child.part is Part.SPLIT]
        if all(child.is_flat for child in others) and len(splits) > 1:
            found.passed |= {child.place: "beside the splits, without class folders" for child in others}
            return self._merge(folder, parts, found)
        bare = [child for child in parts if child.is_flat]  # such as a ``test`` that a table labels
        if splits and len(labelled) == len(rest) - len(bare) and _hold_the_same(labelled):
            found.splits |= {child.place: child.name for child in others}  # such as ``validaton``
            return self._merge(folder, rest, found)
        first = [self._alone(child, sorted({*inner.classes.values()})) for child, inner in labelled]
        listed = ", ".join(f"'{child.name}'" for child in parts)
        raise self.undecided(f"'{self._path(folder)}' holds {listed} beside {self._list(others)}", folder, first)

    def _go_through(self, folder: Folder, child: Folder, found: _Found) -> _Found:
        """Take what the only child that may hold the dataset holds."""
        inner = self.settle(child)
        if not inner.classes and folder.images <= child.total:
            inner.lone = inner.lone or child
        if split := split_name(child.name):
            inner.splits.setdefault(child.place, split)
        inner.passed |= found.passed
        return inner

    def _merge(self, folder: Folder, parts: Sequence[Folder], found: _Found) -> _Found:
        """The classes below several parts: splits, pieces, or versions of the same images."""
        inner = {child.place: self.settle(child) for child in parts}
        known = {name for one in inner.values() for name in one.names}
        for one in inner.values():
            if not one.classes and one.lone is not None and plain_spelling(one.lone.name) in known:
                one.classes[one.lone.place] = one.lone.name
        labelled = [child for child in parts if inner[child.place].classes]
        if not labelled:
            lone = [
                one.lone
                for place, one in inner.items()
                if one.lone is not None and one.lone.part is None and one.lone.name != place[-1]  # zipped in itself
            ]
            if len(lone) > len({folder.name for folder in lone}) > 1:  # the same names again and again
                for one in inner.values():
                    if one.lone in lone and one.lone is not None:
                        one.classes[one.lone.place] = one.lone.name
                labelled = [child for child in parts if inner[child.place].classes]
            elif len(lone) == len(parts):
                raise self.undecided(f"{self._list(parts)} hold one folder each", folder)
            else:
                return found
        self._check_same(parts, labelled, inner)
        for child in parts:
            one = inner[child.place]
            found.classes |= one.classes
            found.passed |= one.passed
            if not one.classes:
                found.passed[child.place] = "no class folders in it"
            if split := split_name(child.name) or child.name * (child.part is Part.SPLIT):
                found.splits[child.place] = split
            found.splits |= one.splits
        return found

    def _check_same(self, parts: Sequence[Folder], labelled: Sequence[Folder], inner: dict[Place, _Found]) -> None:
        """Raise `Undecided` where parts have no classes in common: they are several datasets. Numbered pieces may."""
        stores = [child for child in parts if child.part is Part.DATA]
        if len(stores) > 1 and any(child not in labelled for child in stores):
            self._refuse_several(parts, labelled, inner)
        for child in labelled:
            names = inner[child.place].names
            rest = {name for other in labelled if other is not child for name in inner[other.place].names}
            if child.part is Part.SERIES or are_dates([child.name]) or not rest:
                continue
            if not names & rest or (child in stores and 2 * len(names & rest) < len(names)):
                self._refuse_several(parts, labelled, inner)

    def _refuse_several(self, parts: Sequence[Folder], labelled: Sequence[Folder], inner: dict[Place, _Found]) -> None:
        whole = [self._alone(child, sorted({*inner[child.place].classes.values()})) for child in labelled]
        unlike = [child for child in parts if child not in labelled]
        aside = f" ({self._list(unlike)} have no class folders)" if unlike else ""
        raise Undecided(f"'{self.shown}' holds several datasets{aside}: scan one of them", whole)

    def _take(self, folder: Folder, children: Sequence[Folder], found: _Found) -> _Found:
        """Take the ``children`` of ``folder`` for classes; raises `Undecided` where something speaks against it."""
        if len(children) > 1 and are_conditions(child.name for child in children):
            reason = f"{self._list(children)} may say how or where images were taken, and be no classes"
            raise self.undecided(reason, folder)
        if folder.images > sum(child.total for child in children):
            raise self.undecided(f"most images of '{self._path(folder)}' lie beside its folders", folder)
        nested = [child for child in children if not child.is_flat]
        deeper = [child for child in nested if not self._is_grouped(child, found)]
        if deeper:
            if not _is_index(children):
                raise self._ambiguous(folder, children, deeper)
            inner = [below for child in children for below in child.children.values()]
            halves = [child for child in inner if not (child.is_flat or self._is_grouped(child, found))]
            if any(child.images or not all(below.is_flat for below in child.children.values()) for child in halves):
                raise self._ambiguous(folder, inner, deeper)
            children = [child for child in inner if child not in halves]
            found.classes |= {
                below.place: f"{child.name}/{below.name}" for child in halves for below in child.children.values()
            }
        found.classes |= {child.place: child.name for child in children}
        return found

    def _is_grouped(self, child: Folder, found: _Found) -> bool:
        """Whether what lies below a class folder only groups its images; inner splits and masks are noted."""
        own = child.name.casefold()  # ``Trout/Trout`` and ``Trout/Trout GT``
        beside = {name for name in child.children if name.casefold().startswith(own)} - {child.name}
        masks = [
            one for name, one in child.children.items() if name in beside and part_of(name[len(own) :]) is Part.MASKS
        ]
        found.passed |= {one.place: Part.MASKS.value for one in masks}
        inner = [one for one in child.children.values() if one not in masks]
        if are_dates(one.name for one in inner):
            return all(one.is_flat or _holds_days(one) for one in inner)
        if all(one.part is not None for one in inner):
            passed = [one for one in inner if one.part in (Part.MASKS, Part.ASIDE)]
            kept = [one for one in inner if one not in passed]
            if any(not one.is_flat and not self._is_grouped(one, found) for one in kept):
                return False
            if kept or child.images:
                found.passed |= {one.place: str(one.part and one.part.value) for one in passed}
            found.splits |= {one.place: split_name(one.name) for one in kept if one.part is Part.SPLIT}
            return True
        if len(inner) == 1 and not child.images and inner[0].name.casefold() == child.name.casefold():
            return inner[0].is_flat
        return 2 * child.images >= child.total

    def _is_company(self, children: Sequence[Folder], others: Sequence[Folder]) -> bool:
        """Whether a part's name is the name of a class here: ``train`` among like folders of vehicles, and ``folder``
        among many icons, where it holds no more images than they do: all that is there is more."""
        if not all(child.is_flat and _is_alike(child, others) for child in children):
            return False
        parts = [child for child in children if child not in others]
        if all(child.name.lower() in ("train", "trains") for child in parts):
            return len(others) >= _COMPANY
        sizes = [child.total for child in others]
        if len(parts) > 1 or len(others) < 2 * _COMPANY or not min(sizes) <= parts[0].total <= 2 * median(sizes):
            return False
        return parts[0].part is Part.DATA and parts[0].name.isascii() and parts[0].name.isalpha()  # no "new folder"

    def _ambiguous(self, folder: Folder, children: Sequence[Folder], deeper: Sequence[Folder]) -> Undecided:
        """The refusal of ``children``, some of which hold ``deeper`` folders that may be the classes instead."""
        alone = [self._alone(child, sorted(child.children)) for child in deeper if len(child.children) > 1]
        alone = [] if len(alone) > 3 else alone
        below = Counter(name for child in deeper for name in child.children)
        repeated = [name for name, count in below.items() if count > 1]
        if 2 * len(repeated) >= len(below):
            some = ", ".join(sorted(repeated)[:3])
            why = f"the same folder names ({some}) lie below each of {self._list(children)}"
            levels = self.undecided(f"labels may be at either of two levels of '{self._path(folder)}': {why}", folder)
            return Undecided(levels.reason, [*levels.candidates, *alone])
        return self.undecided(f"'{self._path(folder)}' may hold several datasets or levels", folder, alone)

    def undecided(self, reason: str, folder: Folder, first: Sequence[Candidate] = ()) -> Undecided:
        """The refusal of ``folder``; candidates are the ``first`` ones, then levels below it, likelier ones first."""
        levels = self.levels(folder)
        levels.sort(key=lambda one: (sum(part_of(name) is not None for name in one.classes), "-" in one.type_))
        return Undecided(f"{reason}. Say which", [*first, *levels])

    def levels(self, folder: Folder) -> list[Candidate]:
        """Every level below ``folder``, the highest first, that may be classes."""
        levels = []
        for depth in range(len(folder.place) + 1, 1 + max(len(one.place) for one in folder.walk())):
            level = take_level(self.root, (depth, depth))
            total = sum(one.total for one in self.root.walk() if one.place in level.classes)
            pairs = {place[-2:] for place in level.classes}
            spelled = [("top" if depth == 1 else f"'level {depth}'", level)]
            if depth > 1 and len({*level.classes.values()}) < len(pairs) and not any(map(_holds_part, pairs)):
                spelled.append((f"'level {depth - 1}-{depth}'", take_level(self.root, (depth - 1, depth))))
            for option, one in spelled:
                if classes := sorted({*one.classes.values()}):
                    levels.append(Candidate(type_=f"`label_from` {option}", classes=classes, images=total))
        return levels

    def _alone(self, child: Folder, classes: Sequence[str]) -> Candidate:
        path = self._path(child)
        return Candidate(type_=f"`labelaudit scan {spell_path(path)}`", classes=classes, images=child.total)

    def _path(self, folder: Folder) -> str:
        return "/".join((self.shown.rstrip("/"), *folder.place))

    @staticmethod
    def _list(folders: Sequence[Folder]) -> str:
        names = [f"'{folder.name}'" for folder in folders[:3]]
        return ", ".join(names) + (f" and {len(folders) - 3} more" if len(folders) > 3 else "")


def _is_alike(child: Folder, others: Sequence[Folder]) -> bool:
    usual = median(other.total for other in others)
    return child.total * _ALIKE >= usual and usual * _ALIKE >= child.total


def _hold_the_same(folders: Sequence[tuple[Folder, _Found]]) -> bool:
    """Whether all folders hold the same two classes or more, directly in them."""
    directly = all(len(place) == len(child.place) + 1 for child, inner in folders for place in inner.classes)
    first = folders[0][1].names
    return directly and len(first) > 1 and all(inner.names == first for _, inner in folders)


def _holds_days(folder: Folder) -> bool:
    """Whether a folder of a year or a month holds months, days and images only: ``2021/05/31``."""
    return all(are_dates([one.name]) or (one.name.isdecimal() and int(one.name) <= _LAST_DAY) for one in folder.walk())


def _holds_part(place: Place) -> bool:
    """Whether one of the folders has the name of a part of a dataset, or of a date."""
    return any(part_of(name) is not None or are_dates([name]) for name in place)


def _is_index(children: Sequence[Folder]) -> bool:
    """Whether the folders are the letters of an index: ``a/airfield``, ``b/bakery``."""

    def fits(letter: str, names: Iterable[str]) -> bool:
        return all(name.casefold().startswith(letter.casefold()) for name in names)

    return all(
        len(child.name) == 1 and child.name.isalpha() and not child.images and fits(child.name, child.children)
        for child in children
    )
