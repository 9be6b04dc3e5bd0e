"""Folders that stand beside each other like classes and are none: versions of the same pictures, copies of a class.

Pairs for training (hazy and clear, low and high resolution, before and after) have the same file names in every folder.
So do classes whose images are simply numbered; those are told apart by what the folders are called, and by looking at a
few pairs: the images of one number are more alike than those of different numbers, or they are not.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from labelaudit.data.folders import Candidate, Place, Undecided
from labelaudit.data.images import probe, thumbnail
from labelaudit.data.listing import Listing
from labelaudit.data.parts import part_of
from labelaudit.data.split_labels import splits_in
from labelaudit.data.tree import Disk, Tree, stem_of
from labelaudit.errors import DataError
from labelaudit.text import spell_path

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
_MARGINS = (0, 2, 4, 6, 7)  # what is cut off on each side, of twice as many pixels
_AHEAD = 0.05
"""Two images are surely more alike than two others if their likeness is higher by so much."""
_SAME = 0.9
"""Correlation from which two images of one name are the same picture, where it is less for others."""
_MOST_PARTS = 4
"""Pairs of folders that are looked at."""


def find_copy(names: Iterable[str]) -> tuple[str, str] | None:
    """A class and the name of another that says it is a copy or a part of it; ``None`` if there is none.

    >>> find_copy(["cat", "dog", "cat_aug"]), find_copy(["polar bear", "bear"])
    (('cat', 'cat_aug'), None)
    """
    known = {name.casefold(): name for name in names}
    for folded, name in sorted(known.items()):
        starts = [(folded[:n].rstrip(" _-."), folded[n:]) for n in range(1, len(folded)) if folded[n] in " _-.("]
        ends = [(folded[n:], folded[:n]) for n in range(1, len(folded)) if folded[n - 1] in " _-.)"]
        for kept, rest in (*starts, *ends):
            if kept in known and _says_copy(rest):
                return known[kept], name
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
    for one, other in combinations(named, 2):
        shared = sorted(named[one].keys() & named[other].keys())
        if len(shared) < max(_FEWEST, min(len(named[one]), len(named[other])) / 2):
            continue
        pairs = [(named[one][key], named[other][key]) for key in shared]
        if not _are_numbers(shared) or (len(classes) < 5 and are_versions(classes)) or _are_alike(pairs, look):
            return one, other, len(shared)
    return None


def refuse_twice(listing: Listing, tree: Tree, whole: str) -> None:
    """Raise `Undecided` where two folders of ``tree`` hold the same pictures under the same labels, in one split: the
    dataset and a version of it.

    Pictures are the same where they differ in size, quality, colour, a margin or a turn, or where the name of one
    folder says that it is the other one altered: ``images_crop`` beside ``images``. ``whole`` is what reads both
    together. Copies in several splits are leaks, and no matter of this.
    """
    for one, other, pairs in _folders_of_one_content(listing):
        if not (_says_altered(one, other) or _are_alike(pairs, tree.storage.read, least=_SAME)):
            continue
        apart = [f"`labelaudit scan {spell_path(tree.typed(name))}`" for name in (one, other) if name]
        raise Undecided(
            f"'{one or '.'}/' and '{other or '.'}/' hold the same pictures under {len(pairs):,} names, as versions of "
            "one dataset do, and together each would count twice. Scan one of them, or say that all are one dataset",
            [Candidate(type_=told) for told in (*(apart if isinstance(tree.storage, Disk) else []), whole)],
        )


def _folders_of_one_content(listing: Listing) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield two folders and the pairs of images in them that have one name, label and split, for folders of several
    classes that have at least half of their images in such pairs."""
    folders = [path.rpartition("/")[0] for path in listing.ids]
    told = splits_in(listing)
    plain = {split: unaltered(split) for split in {*told}}
    splits = [plain[split] for split in told]
    several = Counter((label, split) for _, label, split in {*zip(folders, listing.labels, splits, strict=True)})
    if max(several.values(), default=0) < 2:
        return
    named: defaultdict[tuple[str | None, str, str], list[tuple[Place, str]]] = defaultdict(list)
    for path, folder, label, split in zip(listing.ids, folders, listing.labels, splits, strict=True):
        if several[label, split] > 1:
            named[label, split, stem_of(path)].append((tuple(folder.split("/")[::-1]), path))
    pairs: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    held: defaultdict[tuple[str, str], set[str | None]] = defaultdict(set)
    for (label, _, _), places in named.items():
        for (steps, one), (others, other) in pairwise(sorted(places)):
            shared = len(posixpath.commonprefix([steps, others]))
            above = "/".join(steps[shared:][::-1]), "/".join(others[shared:][::-1])
            pairs[above].append((one, other))
            held[above].add(label)
    for (one, other), found in sorted(pairs.items(), key=lambda pair: -len(pair[1]))[:_MOST_PARTS]:
        inside = (f"{name}/" if name else "" for name in (one, other))
        least = min(sum(f"{folder}/".startswith(place) for folder in folders) for place in inside)
        if len(held[one, other]) > 1 and len(found) >= max(_FEWEST, least / 2):
            yield one, other, found


def unaltered(name: str) -> str:
    """A name without words that say what was done to pictures.

    >>> unaltered("train_aug"), unaltered("train"), unaltered("fold1")
    ('train', 'train', 'fold1')
    """
    words = _WORD.findall(name)
    left = [word for word in words if word.lower() not in _ALTERED]
    return name if len(left) == len(words) else "_".join(left)


def _says_altered(one: str, other: str) -> bool:
    """Whether two folders are called alike but for words that say what was done to the pictures of one of them."""
    words, others = ({word.lower() for word in _WORD.findall(place)} for place in (one, other))
    return bool(words ^ others) and words ^ others <= _ALTERED


def _says_copy(rest: str) -> bool:
    """Whether ``rest``, what is left of a folder's name without a class, says copy (``_aug``, ``(2)``) or part."""
    if re.fullmatch(r"[\s_-]*\(\d+\)[\s_-]*", rest):
        return True
    words = re.findall(r"[^\W\d_]+", rest)
    return bool(words) and all(word in _COPIES or part_of(word) is not None for word in words)


def _without(key: str, label: str) -> str:
    """A file's key without the name of its own class in it: ``hazy_0001`` of ``hazy`` is ``_0001``. Classes that are
    numbers stay, for images have such numbers too, but where numbers name versions: ``0001_64``."""
    if label.isdecimal() and label not in _VERSIONS:
        return key
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
    """Small grey pictures of an image, whole and in parts, turned and mirrored, and its size."""

    def __init__(self, size: tuple[int, int], views: npt.NDArray[np.float64]) -> None:
        self.size, self.views = size, views

    @classmethod
    def at(cls, path: str, look: Callable[[str], bytes]) -> _Look | None:
        """The image ``path``; ``None`` where it cannot be read or is of one shade."""
        try:
            data = look(path)
            grey, size = thumbnail(data, 2 * _SIDE).mean(axis=2), probe(data)
        except (DataError, OSError, ValueError):
            return None
        soft = (grey[:-1, :-1] + grey[1:, :-1] + grey[:-1, 1:] + grey[1:, 1:]) / 4
        places = [np.linspace(margin, len(soft) - 1 - margin, _SIDE).round().astype(int) for margin in _MARGINS]
        parts = [np.rot90(soft[np.ix_(place, place)], turns) for place in places for turns in range(4)]
        views = np.array([view.ravel() for part in parts for view in (part, part[:, ::-1])])
        views = (views - views.mean(axis=1, keepdims=True)) / np.maximum(views.std(axis=1, keepdims=True), 1e-9)
        return cls(size, views) if views[0].any() else None

    def correlation(self, other: _Look) -> float:
        """The greatest absolute correlation of the grey values of one image with a view of the other, 0 to 1."""
        both = self.views @ other.views[0], other.views @ self.views[0]
        return float(np.abs(both).max()) / _SIDE**2

    def likeness(self, other: _Look) -> float:
        """The correlation, and one half more where both images have the same size."""
        return self.correlation(other) + (self.size == other.size) / 2
