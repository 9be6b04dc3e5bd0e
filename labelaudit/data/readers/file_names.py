"""Labels in file names: ``cat.12.jpg``, ``Abyssinian_1.jpg``, or whatever a given pattern finds.

Without a pattern names are read only where they say it plainly: words before a number that starts anew for each word.
Cameras and people number differently (``IMG_0001``, ``scan_3``), and their words are known or alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from labelaudit.data.folders import Candidate, Level
from labelaudit.data.listing import Listing
from labelaudit.data.parts import Part, lies_in, part_of, parts_among
from labelaudit.data.reader import Certainty, Reading, Subject
from labelaudit.data.source import level_asked
from labelaudit.data.tree import Tree, stem_of
from labelaudit.data.versions import are_versions
from labelaudit.errors import DataError, OptionError
from labelaudit.text import count
from labelaudit.types import Finding

PATTERN = r"(.+?)[._ -]?\(?\d+\)?"
_POSITIONS = (
    r"\d+[._ -]([^\W\d]{2,})",
    r"([^\W\d_]{2,})[._ -].+",
    r".+[._ -]([^\W\d_]{2,})",
    r"(\d+)[._ -].+",
    r"[^._ -]+[._ -]([^\W\d_]{2,})\d*[._ -].+",
    r"[^._ -]+[._ -](\d+)[._ -].+",
)
"""Patterns of names in which a word or a number at the start, in the second place or at the end may be the label."""
_OFTEN = 4
"""Images of each such word, on average, from which it may be a label."""
_WORDS = re.compile(r"([^\W\d_]{2,}(?:[ _-][^\W\d_]+)*)([._ -]?)\(?(\d+)\)?")
_SYLLABLE = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")
_DEVICES = frozenset(
    """
    img image dsc dscn dscf pic photo picture p pxl mvi vid gopro gopr screenshot scan frame file page untitled copy
    whatsapp signal capture snapshot camera cam id no nr item sample case patient subject user slide tile patch crop
    left right front back top bottom day night new old the a slice series view stack
    """.split()
)
"""Words before a number that cameras, phones, scanners and cuttings write."""


def recognise(subject: Subject) -> list[Reading]:
    """A reading by the pattern asked for, or by the words before numbers; possible only, where it is not plain."""
    if subject.is_said_by_table or not subject.is_folder or not subject.tree.paths:
        return []
    tree, asked = subject.tree, subject.source.label_from
    if asked is not None:
        pattern = level_asked(asked)
        return [_by(tree, pattern, Certainty.CERTAIN)] if isinstance(pattern, str) else []
    words = _words(tree)
    if words is None:
        return _by_position(tree)
    names, plain = words
    if plain and len(_folder_names(tree)) <= 1:
        return [_by(tree, PATTERN, Certainty.CERTAIN)]
    candidate = Candidate(
        type_=f"`label_from` name:'{PATTERN}'", classes=sorted(names), images=sum(map(len, names.values()))
    )
    return [_by(tree, PATTERN, Certainty.POSSIBLE, candidate)]


def _by_position(tree: Tree) -> list[Reading]:
    """Readings to offer, by words in one place of all names, where these words come again and again."""
    stems, readings = [stem_of(path) for path in _of_dataset(tree)], list[Reading]()
    for pattern in _POSITIONS:
        fits = [re.fullmatch(pattern, stem) for stem in stems]
        if not stems or not all(fits):
            continue
        words = Counter(fit.group(1) for fit in fits if fit is not None)
        if len(words) > 1 and min(words.values()) > 1 and _OFTEN * len(words) <= len(stems) and not _are_parts(words):
            candidate = Candidate(type_=f"`label_from` name:'{pattern}'", classes=sorted(words), images=len(stems))
            readings.append(_by(tree, pattern, Certainty.OFFERED, candidate))
    return readings


def _are_parts(words: Iterable[str]) -> bool:
    """Whether one of ``words`` is a part of a dataset, or what a camera or a scanner writes."""
    known = list(words)
    syllables = {syllable.lower() for word in known for syllable in _SYLLABLE.findall(word)}
    return any(parts_among(known).values()) or bool(syllables & _DEVICES)


def _by(tree: Tree, pattern: str, certainty: Certainty, *candidates: Candidate) -> Reading:
    return Reading(
        certainty=certainty,
        what=f"labels in file names by '{pattern}'",
        read=lambda: list_names(tree, pattern),
        candidates=candidates,
    )


def list_names(tree: Tree, pattern: str) -> Listing:
    """The images of ``tree``, labelled by the first group of ``pattern`` in their name without ending.

    Where the pattern does not fit the whole name, an image has no label. Raises `OptionError` for a pattern that
    cannot be understood, `DataError` where it fits no name.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise OptionError(f"`label_from` name:'{pattern}' is not a regular expression: {error}") from None
    labels: dict[str, str] = {}
    paths = _of_dataset(tree)
    for path in paths:
        fits = expression.fullmatch(stem_of(path))
        label = fits and (fits.group(1) if expression.groups else fits.group())
        if label:
            labels[path] = label.strip()
    if not labels:
        raise DataError(f"no name in '{tree.shown}' fits `label_from` name:'{pattern}': the first is '{tree.paths[0]}'")
    ids = tuple(sorted(labels, key=Level(classes={}).order))
    unfit = [path for path in paths if path not in labels]
    passed = len(tree.paths) - len(paths)
    return Listing(
        root=tree.shown,
        ids=ids,
        labels=tuple(labels[path] for path in ids),
        images=tree.storage.images(ids),
        findings=tree.findings
        + tuple(
            Finding(kind="unlabelled", path=path, detail=f"its name does not fit the pattern {pattern}")
            for path in unfit
        ),
        skipped=tree.skipped,
        junk=tree.junk,
        origin=f"file names by the pattern '{pattern}'",
        notes=(f"Passed over {count(passed, 'image')} of masks or beside the data.",) if passed else (),
    )


def _words(tree: Tree) -> tuple[dict[str, list[int]], bool] | None:
    """Words before the numbers of all names -> the numbers, and whether these words are plainly labels.

    A folder in which no name has both, such as one of unlabelled test images, is left aside.
    """
    folders: defaultdict[str, list[re.Match[str] | None]] = defaultdict(list)
    for path in _of_dataset(tree):
        folders[path.rpartition("/")[0]].append(_WORDS.fullmatch(stem_of(path)))
    telling = {folder: found for folder, found in folders.items() if any(found)}
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    twice = glued = False
    for found in telling.values():
        if not all(found):
            return None
        seen = [(one.group(1), int(one.group(3))) for one in found if one is not None]
        twice |= len({*seen}) < len(seen)
        glued |= any(one is not None and not one.group(2) for one in found)
        for word, number in seen:
            numbers[word].append(number)
    if len(numbers) < 2 or 2 * len(numbers) > sum(map(len, numbers.values())):
        return None
    if _are_parts(numbers):
        return None
    plain = not (twice or glued or are_versions(numbers) or _is_grid(numbers))
    return dict(numbers), plain and all(min(own) <= 1 for own in numbers.values())


def _is_grid(words: Iterable[str]) -> bool:
    """Whether names pair two things, either of which may be the label: ``cat_black``, ``cat_white``, ``dog_black``."""
    pairs = [re.split(r"[ _-]", word) for word in words]
    if any(len(pair) != 2 for pair in pairs):
        return False
    first, second = (Counter(pair[at] for pair in pairs) for at in (0, 1))
    return max(first.values()) > 1 and max(second.values()) > 1


def _folder_names(tree: Tree) -> set[str]:
    """The names of folders that may be classes: where there are several, the names in them say nothing for certain."""
    return {step for path in _of_dataset(tree) for step in path.split("/")[:-1] if part_of(step) is None}


def _of_dataset(tree: Tree) -> list[str]:
    """The images that lie in no folder of masks, nor in one beside the data."""
    return [path for path in tree.paths if not lies_in(path, Part.MASKS, Part.ASIDE)]
