"""Class folders: the name of a folder is the label of all images in it, wherever these folders are."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import cache, partial

import numpy as np

from labelaudit.data.class_level import find_classes
from labelaudit.data.folders import Candidate, Level, Place, Undecided, plant, take_level
from labelaudit.data.images import decode
from labelaudit.data.listing import Listing
from labelaudit.data.parts import part_of
from labelaudit.data.reader import Certainty, Reading, Subject, refuse
from labelaudit.data.source import level_asked
from labelaudit.data.spelling import unify_spelling
from labelaudit.data.tree import Tree
from labelaudit.data.versions import find_copy, find_versions, unaltered
from labelaudit.errors import DataError
from labelaudit.text import count, name_some
from labelaudit.types import Finding

_MASK = re.compile(r"(.+)[_-](masks?|seg|segmentation|gt|groundtruth|labels?)([_-]\d+)?", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"(?!n\d{8}$)[^\W\d_].*\d")
"""A name that begins with a letter and has a number, but for ids of WordNet."""
_OF_CLASSES = frozenset(
    "class classe label category type kind grade stage level score degree cluster digit sign gleason birads".split()
)
"""Words that numbered classes are called by."""
_FLAT, _LOOKED_AT = 8, 12
"""Colours of a mask at most, and images that are looked at."""
_MANY = 20
"""Images outside class folders that are findings one by one; more of one folder are one note."""


def recognise(subject: Subject) -> list[Reading]:
    """One reading of a folder of class folders; a refused one, with candidates, where the level is not certain."""
    asked = subject.source.label_from
    if subject.is_said_by_table or not subject.is_folder or not subject.tree.paths:
        return []
    levels, tree = None if asked is None else level_asked(asked), subject.tree
    if isinstance(levels, str):
        return []

    masks = cache(partial(_masks_beside, tree))

    def reading(level: Level) -> Reading:
        return Reading(
            certainty=Certainty.LIKELY if asked is None and len(level.classes) == 1 else Certainty.CERTAIN,
            what=f"class folders ({count(len({*unify_spelling([*level.classes.values()])[0]}), 'class', 'classes')})",
            read=lambda: list_classes(tree, level, masks()),
        )

    root = plant(tree.paths)
    if asked is not None:
        level = take_level(root, levels)
        if levels is None and root.is_flat:
            level = Level(classes={(): tree.name})
        if not level.classes:
            raise DataError(f"'{tree.shown}' has no images in folders at `label_from` {asked}")
        return [reading(level)]
    try:
        found = find_classes(root, tree.shown)
        if found is not None:
            _refuse_lookalikes(tree, found, masks())
    except Undecided as error:
        return [refuse("folders that may be classes", error)]
    return [] if found is None else [reading(found)]


def _refuse_lookalikes(tree: Tree, level: Level, masks: Set[str]) -> None:
    """Raise `Undecided` where class folders hold copies of a class, or versions of the same pictures; ``masks`` are no
    pictures."""
    names = sorted({*level.classes.values()})
    depths = {len(place) for place in level.classes}
    typed = f"`label_from` 'level {depths.pop()}'" if len(depths) == 1 else "`label_from` parent"
    candidate = Candidate(type_=typed.replace("'level 1'", "top"), classes=names, images=len(tree.paths))
    if copied := find_copy(names):
        kept, copy = copied
        raise Undecided(
            f"'{copy}' may be a class of its own or belong to '{kept}'. Put its images where they belong, or say that "
            "all folders are classes",
            [candidate],
        )
    paths: dict[str, list[str]] = {name: [] for name in names}
    for path in tree.paths:
        label = level.of(path).label
        if label is not None and path not in masks:
            paths[label].append(path)
    same = find_versions(paths, lambda path: _in_class(path, level), tree.storage.read)
    if same is not None:
        one, other, shared = same
        raise Undecided(
            f"'{one}' and '{other}' have {shared:,} file names in common and may hold versions of the same pictures. "
            "If they are classes, say so",
            [candidate],
        )


def _in_class(path: str, level: Level) -> str:
    """A path without its class folder and its ending: what images of one name have in common."""
    steps = posixpath.splitext(path)[0].split("/")
    depth = len(level.of(path).folder)
    return "/".join(steps[: depth - 1] + steps[depth:])


def list_classes(tree: Tree, level: Level, masks: Set[str]) -> Listing:
    """The images of ``tree`` but its ``masks`` under the labels of ``level``, in the order in which loaders walk.

    Images in no class folder are findings, or a note where a folder has many; those passed over are a note.
    """
    labels = {path: None if path in masks else level.of(path).label for path in tree.paths}
    ids = tuple(sorted((path for path in tree.paths if labels[path] is not None), key=level.order))
    splits = tuple(level.of(path).split for path in ids)
    passed: Counter[Place] = Counter()
    strays: dict[str, list[str]] = {}
    for path in tree.paths:
        if (place := level.of(path).passed) is not None:
            passed[place] += 1
        elif labels[path] is None and path not in masks:
            strays.setdefault(path.rpartition("/")[0], []).append(path)
    few = [path for paths in strays.values() if len(paths) <= _MANY for path in paths]
    many = {folder: len(paths) for folder, paths in strays.items() if len(paths) > _MANY}
    notes = _note_passed(passed, level)
    notes += [
        f"Passed over {count(n, 'image')} of '{folder or '.'}' that lie in no class folder."
        for folder, n in many.items()
    ]
    if bare := [f"'{folder}/'" for folder in _without_images(tree, level)]:
        notes.append(f"No image is in {name_some(bare)}, beside the class folders.")
    if masks:
        notes.append(f"Passed over {count(len(masks), 'image')} that are masks of others beside them.")
    notes += [*_note_twins(ids), *_note_numbered({*level.classes.values()}), *_note_altered(level)]
    detail = "it lies in no class folder"
    return Listing(
        root=tree.shown,
        ids=ids,
        labels=tuple(labels[path] for path in ids),
        images=tree.storage.images(ids),
        splits=splits,
        findings=tree.findings + tuple(Finding(kind="unlabelled", path=path, detail=detail) for path in few),
        skipped=tree.skipped,
        junk=tree.junk,
        origin=level.describe(),
        notes=tuple(notes),
    )


def _note_numbered(names: Set[str]) -> list[str]:
    """A note where the names of all classes differ in numbers alone: plates, scenes, batches and people are called so
    too."""
    forms = {re.sub(r"\d+", "0", name.casefold()) for name in names}
    words = {word for form in forms for word in re.findall(r"[^\W\d_]+", form)}
    if len(names) < 2 or len(forms) > 1 or not all(map(_NUMBERED.match, names)) or words & _OF_CLASSES:
        return []
    return [
        f"All classes have names such as '{min(names)}', which differ in numbers alone. If these are plates, scenes, "
        "batches, people or places, the labels are somewhere else."
    ]


def _note_altered(level: Level) -> list[str]:
    """A note where the name of one folder of class folders says that its pictures were altered, and another's does
    not."""
    above = sorted({"/".join(place[:-1]) for place in level.classes} - {""})
    altered = [place for place in above if unaltered(place) != place]
    if not altered or len(altered) == len(above):
        return []
    return [
        f"'{altered[0]}/' may hold altered pictures of those in other folders, by its name. If so, scan without it: "
        "copies vouch for each other."
    ]


def _note_twins(ids: Sequence[str]) -> list[str]:
    """A note where most images are there twice, as ``x.jpg`` and ``x.png``: one may be the mask of the other."""
    stems = Counter(posixpath.splitext(path)[0] for path in ids)
    twins = [path for path in ids if stems[posixpath.splitext(path)[0]] > 1]
    if 2 * len(twins) <= len(ids):
        return []
    one, other = sorted(twins, key=lambda path: posixpath.splitext(path)[0])[:2]
    return [
        f"{count(len(twins), 'image')} have another of the same name beside them, such as '{one}' and '{other}'. If "
        "they are masks or copies, move them away: all are read."
    ]


def _without_images(tree: Tree, level: Level) -> list[str]:
    """The folders beside those of classes that hold no image and have no name of a part of a dataset: such classes,
    whose images were lost perhaps, are in no count."""
    inside = {path.rpartition("/")[0] for path in tree.paths}
    held = {tuple(folder.split("/")[:n]) for folder in inside for n in range(1, folder.count("/") + 2)}
    bare = {*tree.empty, *(path.rpartition("/")[0] for path in tree.others)}
    above = {place[:-1] for place in level.classes}
    found = {
        place[: depth + 1]
        for place in (tuple(folder.split("/")) for folder in bare if folder)
        for depth in {len(one) for one in above}
        if len(place) > depth and place[:depth] in above
    }
    return sorted("/".join(place) for place in found - held if part_of(place[-1]) is None)


def _note_passed(passed: Mapping[Place, int], level: Level) -> list[str]:
    """Notes on the images of each folder that was passed over; folders of one name are one note."""
    alike: dict[tuple[str, str], list[Place]] = {}
    for place in passed:
        alike.setdefault((place[-1], level.passed[place]), []).append(place)
    notes = []
    for (name, reason), folders in alike.items():
        where = f"'{'/'.join(folders[0])}/'" if len(folders) == 1 else f"{len(folders):,} folders called '{name}'"
        notes.append(f"Passed over {count(sum(map(passed.__getitem__, folders)), 'image')} in {where}: {reason}.")
    return notes


def _masks_beside(tree: Tree) -> set[str]:
    """Images that are masks of others in their folder: named so, as ``x_mask.png`` beside ``x.png``, or flat ones of
    the same name, as ``x.png`` beside the photograph ``x.jpg``."""
    parts = {path: posixpath.splitext(path) for path in tree.paths}
    stems = Counter(stem for stem, _ in parts.values())
    fits = {path: _MASK.fullmatch(stem) for path, (stem, _) in parts.items()}
    named = {path for path, fit in fits.items() if fit is not None and fit[1] in stems}
    twins: dict[str, list[str]] = {}
    for path, (stem, ending) in parts.items() if len(stems) < len(parts) else ():
        if stems[stem] > 1:
            twins.setdefault(ending.lower(), []).append(path)
    if 2 * sum(map(len, twins.values())) <= len(tree.paths) or len(twins) != 2:
        return named
    flat = [paths for paths in twins.values() if _are_flat(tree, paths)]
    return named.union(*flat) if len(flat) == 1 else named


def _are_flat(tree: Tree, paths: Sequence[str]) -> bool:
    """Whether images have a few colours, as masks and maps of classes do; a few of them are looked at."""
    for path in paths[:: max(1, len(paths) // _LOOKED_AT)][:_LOOKED_AT]:
        try:
            colours = decode(tree.storage.read(path)).reshape(-1, 3)
        except (DataError, OSError, ValueError):
            return False
        if len(colours) <= _FLAT or len(np.unique(colours, axis=0)) > _FLAT:
            return False
    return True
