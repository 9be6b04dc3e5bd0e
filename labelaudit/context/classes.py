"""Kinds of classes that mislead an audit: two spellings of one class, several labels in one cell, what is left over,
classes that no model can tell apart, and tiny ones.

Each is said with what to do; nothing is changed. Left out: classes whose names were exchanged as a whole (all cats
called dogs), which nobody can see without knowing what a cat is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.stats import rankdata

from labelaudit.text import name_some
from labelaudit.types import Floats, Ints, Samples

LEFT_OVER = frozenset({"other", "others", "misc", "miscellaneous", "none", "unknown", "unsure", "background", "rest"})
LEFT_OVER |= {"else", "garbage", "negative", "nothing", "na", "n/a"}
"""Names of classes for whatever is in no other class; lower case, without signs."""
TINY = 20
"""Images below which a class gets a note of its own."""
APART = 0.65
"""Area under the curve of the held-out odds between two classes, below which they cannot be told apart."""
_FEWEST = 20  # images of a class, below which that area says nothing
_MOST_CLASSES = 400  # of which all pairs are compared
_SHARED = 0.05  # mean share of probability that two classes must give each other to be compared


def note_classes(samples: Samples) -> list[str]:
    """Notes on the names and the sizes of the classes."""
    counts = samples.counts()
    present = [name for name, count in zip(samples.classes, counts.tolist(), strict=True) if count]
    notes = list[str]()
    if several := find_several(present):
        notes.append(
            f"Classes {_quoted(several)} look like several labels in one cell: labelaudit judges one label per image, "
            "so leave such rows out or choose one."
        )
    if left := [name for name in present if is_left_over(name)]:
        notes.append(
            f"Class {_quoted(left)} holds what is in no other class: its images are not alike, so what is said of its "
            "labels is less sure than elsewhere."
        )
    sizes = counts[counts > 0]
    tiny = [f"{name} ({size})" for name, size in zip(samples.classes, counts.tolist(), strict=True) if 0 < size < TINY]
    if tiny and float(np.median(sizes)) >= TINY:
        notes.append(
            f"Too few images to learn from: {name_some(tiny)}. A right label of such a class may well be flagged, and "
            "a wrong one missed: look at all of them."
        )
    return notes


def find_spellings(classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Classes that are one but for case, spaces, invisible signs or the way a number is written.

    >>> find_spellings(["1", "1.0", "01", "Cat", "cat ", "dog"])
    [('1', '1.0', '01'), ('Cat', 'cat ')]
    >>> find_spellings(["E", "e", "-1", "1", "ice-cream", "ice cream"])
    [('ice-cream', 'ice cream')]
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        found[_plain(name)].append(name)
    return [tuple(names) for names in found.values() if len(names) > 1]


def find_several(classes: Sequence[str]) -> list[str]:
    """Classes that are a list of other classes.

    >>> find_several(["cat", "dog", "cat,dog", "black, white"])
    ['cat,dog']
    """
    known = {_plain(name) for name in classes}
    return [
        name
        for name in classes
        if len(parts := [_plain(part) for part in re.split(r"[,;|+/&]|\band\b", name) if part.strip()]) > 1
        and all(part in known for part in parts)
    ]


def is_left_over(name: str) -> bool:
    """Whether a class is called what is left over.

    >>> is_left_over("Other"), is_left_over("no_background"), is_left_over("mother")
    (True, True, False)
    """
    words = [word for word in re.split(r"[^a-z/]+", name.casefold()) if word]
    return bool(words) and words[-1] in LEFT_OVER


def find_twins(probs: Floats, labels: Ints) -> list[tuple[int, int]]:
    """Pairs of classes given by ``labels`` (n,) that held-out ``probs`` (n, C) tell apart no better than chance.

    Compared are pairs that take each other for the likeliest other class.
    """
    counts = np.bincount(labels, minlength=probs.shape[1])
    if probs.shape[1] > _MOST_CLASSES:
        return []
    sums = np.zeros((probs.shape[1],) * 2)
    np.add.at(sums, labels, probs)
    means = sums / np.maximum(counts, 1)[:, None]
    pairs = [
        (one, other)
        for one in range(len(means))
        for other in range(one + 1, len(means))
        if min(counts[one], counts[other]) >= _FEWEST and min(means[one, other], means[other, one]) >= _SHARED
    ]
    return [pair for pair in pairs if _area(probs, labels, *pair) < APART]


def note_twins(pairs: Iterable[tuple[int, int]], classes: Sequence[str]) -> list[str]:
    """Notes on classes that cannot be told apart."""
    return [
        f"Cannot be told apart: {_quoted((classes[one], classes[other]))}. Models separate them no better than chance: "
        "one class under two names? Then join them; their labels are not counted as wrong for each other."
        for one, other in pairs
    ]


def _area(probs: Floats, labels: Ints, one: int, other: int) -> float:
    """Chance that an image given ``one`` has the higher odds for it than an image given ``other``."""
    rows = (labels == one) | (labels == other)
    odds = np.log(np.maximum(probs[rows, one], 1e-9)) - np.log(np.maximum(probs[rows, other], 1e-9))
    mine = labels[rows] == one
    ranks = rankdata(odds)
    m, k = int(mine.sum()), int((~mine).sum())
    return float((ranks[mine].sum() - m * (m + 1) / 2) / (m * k))


def _plain(name: str) -> str:
    """A name without what the eye does not see: case, spaces, signs of no width; numbers in one way."""
    text = unicodedata.normalize("NFKC", name)
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc")).strip()
    text = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", text if len(text) == 1 else text.casefold())  # letters are classes
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return f"{float(text):g}"
    return text


def _quoted(names: Iterable[str]) -> str:
    shown = [ascii(name) if name != name.strip() or not name.isprintable() else f"'{name}'" for name in names]
    return name_some(shown)
