"""Folders that stand beside each other like classes and are none: versions of the same pictures, copies of a class.

Pairs for training (hazy and clear, low and high resolution, before and after) have the same file names in every folder.
So do classes whose images are simply numbered; those are told apart by what the folders are called, and by looking at a
few pairs: the images of one number are more alike than those of different numbers, or they are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelaudit.data.folders import Place
from labelaudit.data.images import probe, thumbnail
from labelaudit.data.parts import part_of
from labelaudit.errors import DataError

_VERSIONS = frozenset(
    """
    hazy clear haze dehazed foggy noisy clean denoised blur blurry blurred sharp deblurred rainy rain derained low
    high lr hr sr lq hq lowres highres input target output gt source reference ref before after pre post A B t1 t2
    im1 im2 left right rgb depth nir ir infrared vis visible thermal tir pan ms small medium large 64 128 224 256
    384 512 640 720 1024 1080 2048 sketch edge edges photo albedo shadow moire degraded restored distorted day night
    original
    """.split()
)
"""Words in the names of folders that hold versions of the same pictures."""
_COPIES = frozenset(["copy", "copie", "kopie", "copia", "of", "aug", "augs", "bak", "old", "duplicate", "duplicates"])
_ALTERED = frozenset(
    """
    crop crops cropped cropping flip flips flipped hflip vflip mirror mirrored rot rotate rotated rotation aug augs
    augmented augmentation augmentations gray grey grayscale greyscale enhanced segmented masked nobg
    """.split()
)
"""Words that a folder's name has beside another's where it holds altered pictures of that one."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+")
_MOST_CLASSES = 12
"""With more classes than this, only the first ones are compared: nobody keeps so many versions."""
_FEWEST, _PAIRS = 3, 12
"""Names that folders must share to be compared, and pairs of images that are looked at."""
_ENOUGH = 5  # pairs from which likeness says anything
_SIDE = 16  # pixels of the square in which images are compared
_AHEAD = 0.05
"""Two images are surely more alike than two others if their likeness is higher by so much."""
_SAME = 0.9
"""Correlation from which two images of one name are the same picture, where it is less for others."""
_MOST_PARTS = 4
_Name = TypeVar("_Name", bound=Hashable)


def find_copy(names: Iterable[str]) -> tuple[str, str] | None:
    """A class and the name of another that says it is a copy or a part of it; ``None`` if there is none.

    >>> find_copy(["cat", "dog", "cat_aug"]), find_copy(["polar bear", "bear"])
    (('cat', 'cat_aug'), None)
    """
    known = {name.casefold(): name for name in names}
    for folded, name in sorted(known.items()):
        starts = [n for n in range(1, len(folded)) if folded[n] in " _-.(" and folded[:n].rstrip(" _-.") in known]
        ends = [n for n in range(1, len(folded)) if folded[n - 1] in " _-.)" and folded[n:] in known]
        for n in starts:
            if _says_copy(folded[n:]):
                return known[folded[:n].rstrip(" _-.")], name
        for n in ends:
            if _says_copy(folded[:n]):
                return known[folded[n:]], name
    return None


def find_versions(
    classes: Mapping[str, Sequence[str]], keys: Callable[[str], str], look: Callable[[str], bytes]
) -> tuple[str, str, int] | None:
    """Two classes that hold versions of the same pictures, with the number of names they share; ``None`` if none do.

    ``classes`` are the paths of each class, ``keys`` gives a path without its class folder and ending, and ``look`` the
    bytes of an image; it is asked for a few, where names alone do not decide.
    """
    named = {
        label: {_without(keys(path), label): path for path in paths}
        for label, paths in list(classes.items())[:_MOST_CLASSES]
    }
    for one, other, shared in _share_names(named):
        pairs = [(named[one][key], named[other][key]) for key in shared]
        if not _are_numbers(shared) or (len(classes) < 5 and are_versions(classes)) or _are_alike(pairs, look):
            return one, other, len(shared)
    return None


def find_twice(
    parts: Mapping[Place, Mapping[str, str]], look: Callable[[str], bytes]
) -> tuple[Place, Place, int] | None:
    """Two parts of a dataset that hold the same pictures, with the number of names they share; ``None`` if none do.

    ``parts`` are key -> path of the images of each part, where keys are alike in versions of one image, and ``look``
    gives the bytes of an image. Pictures are the same where they differ in size, quality or colour, or where the name
    of one part says that it is the other one altered: ``images_crop`` beside ``images``. Compared are the first few
    parts.
    """
    for one, other, shared in _share_names(dict(list(parts.items())[:_MOST_PARTS])):
        if _says_altered(one, other):
            return one, other, len(shared)
        pairs = [(parts[one][key], parts[other][key]) for key in shared]
        if _are_alike(pairs, look, least=_SAME):
            return one, other, len(shared)
    return None


def _share_names(named: Mapping[_Name, Mapping[str, str]]) -> Iterator[tuple[_Name, _Name, list[str]]]:
    """Yield two names and the keys of both, for all that have at least half of their keys in common."""
    for one, other in combinations(named, 2):
        shared = sorted(named[one].keys() & named[other].keys())
        if len(shared) >= max(_FEWEST, min(len(named[one]), len(named[other])) / 2):
            yield one, other, shared


def unaltered(name: str) -> str:
    """A name without words that say what was done to pictures.

    >>> unaltered("train_aug"), unaltered("train"), unaltered("fold1")
    ('train', 'train', 'fold1')
    """
    words = _WORD.findall(name)
    left = [word for word in words if word.lower() not in _ALTERED]
    return name if len(left) == len(words) else "_".join(left)


def _says_altered(one: Place, other: Place) -> bool:
    """Whether two folders are called alike but for words that say what was done to the pictures of one of them."""
    words, others = ({word.lower() for step in place for word in _WORD.findall(step)} for place in (one, other))
    return bool(words ^ others) and words ^ others <= _ALTERED


def _says_copy(rest: str) -> bool:
    """Whether ``rest``, what is left of a folder's name without a class, says copy (``_aug``, ``(2)``) or part."""
    if re.fullmatch(r"[\s_-]*\(\d+\)[\s_-]*", rest):
        return True
    words = re.findall(r"[^\W\d_]+", rest)
    return bool(words) and all(word in _COPIES or part_of(word) is not None for word in words)


def _without(key: str, label: str) -> str:
    """A file's key without the name of its own class in it: ``hazy_0001`` of ``hazy`` is ``_0001``."""
    return re.sub(rf"(?<![^\W\d_]){re.escape(label)}(?![^\W\d_])", "", key, flags=re.IGNORECASE) or key


def _are_numbers(names: Sequence[str]) -> bool:
    """Whether names differ in their numbers alone, as cameras and scripts count, but for a few forms."""
    return len({re.sub(r"\d+", "0", name.rpartition("/")[2]) for name in names}) <= _FEWEST


def are_versions(labels: Iterable[str]) -> bool:
    """Whether all labels are called as versions of the same pictures are: hazy and clear, before and after."""
    return all(
        {word if len(word) == 1 else word.lower() for word in _WORD.findall(label)} & _VERSIONS for label in labels
    )


def _are_alike(pairs: Sequence[tuple[str, str]], look: Callable[[str], bytes], least: float = 0) -> bool:
    """Whether images of one name correlate at ``least`` so much and are more alike than those of different names, but
    for fewer than a quarter of these and, of many pairs, one."""
    step = max(1, len(pairs) // _PAIRS)
    seen = [(_Look.at(one, look), _Look.at(other, look)) for one, other in pairs[::step][:_PAIRS]]
    both = [(one, other) for one, other in seen if one is not None and other is not None]
    wins = 0
    for one, other in both:
        bar = one.likeness(other) - _AHEAD
        rivals = sum(one.likeness(stranger) >= bar for _, stranger in both if stranger is not other)
        wins += rivals < len(both) // 4 and one.correlation(other) >= least
    return len(both) >= _ENOUGH and wins >= len(both) - (len(both) > _ENOUGH + 2)


class _Look:
    """A small grey picture of an image, and its size."""

    def __init__(self, size: tuple[int, int], grey: npt.NDArray[np.float64]) -> None:
        self.size, self.grey = size, grey

    @classmethod
    def at(cls, path: str, look: Callable[[str], bytes]) -> _Look | None:
        """The image ``path``; ``None`` where it cannot be read or is of one shade."""
        try:
            data = look(path)
            grey = thumbnail(data, _SIDE).mean(axis=2).ravel()
            size = probe(data)
        except (DataError, OSError, ValueError):
            return None
        return cls(size, (grey - grey.mean()) / grey.std()) if grey.std() > 0 else None

    def correlation(self, other: _Look) -> float:
        """The absolute correlation of the grey values of two images, 0 to 1."""
        return abs(float((self.grey * other.grey).mean()))

    def likeness(self, other: _Look) -> float:
        """The correlation, and one half more where both images have the same size."""
        return self.correlation(other) + (self.size == other.size) / 2
