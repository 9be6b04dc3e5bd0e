"""Kinds of classes that mislead an audit: two spellings of one class, several labels in one cell, what is left over,
classes that no model can tell apart, and tiny ones.

Each is said with what to do; nothing is changed. Left out: classes whose names were exchanged as a whole (all cats
called dogs), which nobody can see without knowing what a cat is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from labelaudit.context.grades import read_order
from labelaudit.data.spelling import plain_spelling
from labelaudit.judge.scores import chance_of_more, sum_by_label
from labelaudit.leading import Table
from labelaudit.text import name_some
from labelaudit.types import Bools, Floats, Ints, Samples

FIRST = frozenset(
    """
    other others misc miscellaneous unknown background unclassified unlabeled unlabelled undefined various sonstige
    sonstiges andere autre autres otro otros outro outros altro altri
    """.split()
)
LEFT_OVER = FIRST | frozenset(
    """
    none unsure rest else garbage negative nothing na n/a neither irrelevant clutter distractor distractors unsup
    unsorted unbekannt divers inconnu desconocido 其他 その他 기타 другое unk ood junk random noise bg etc leftover
    leftovers remaining remainder catchall reject rejects rejected unidentified unidentifiable indeterminate uncertain
    ambiguous unspecified unlisted unassigned uncategorized
    """.split()
)
"""Last words, and those of them that may be first ones, in names of classes for whatever is in no other class."""
PHRASES = frozenset(["none of", "not sure", "not listed", "rest of", "left over", "catch all"])
"""First two words of such names."""
TINY = 20
"""Images below which a class gets a note of its own."""
APART = 0.65
"""Area under the curve of the held-out odds between two classes, below which they cannot be told apart."""
SPREAD = 2.0
"""Standard errors by which the kurtosis of odds that lie in two heaps is less than that of a normal distribution."""
FLAT = 2.6
"""Kurtosis of odds below which they lie in two heaps, however few they are: that of pairs of classes with 30 to 40 %
even errors is 1.7 to 2.6, that of classes that are alike 2.6 to 3.3."""
_CHANCE = 1.645  # standard errors above a half from which labels have something to do with the odds
_FEWEST = 20  # images of a class, below which that area says nothing
_SHOWN = 0.5  # share of the images given either label that look like one of both, below which it says nothing
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
    if left := find_left_over(present):
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


def find_several(classes: Sequence[str]) -> list[str]:
    """Classes that are a list of other classes.

    >>> find_several(["cat", "dog", "cat,dog", "black, white"])
    ['cat,dog']
    """
    known = {plain_spelling(name) for name in classes}

    def lists(name: str) -> bool:
        parts = [part for part in re.split(r"[,;|+/&\n、]|\band\b", name.strip("[](){}")) if part.strip()]
        return len(parts) > 1 and all(plain_spelling(part) in known for part in parts)

    return [name for name in classes if lists(name)]


def find_left_over(classes: Sequence[str]) -> list[str]:
    """Classes for whatever is in none of the other ``classes``; the first of several grades is none.

    >>> find_left_over(["cat", "dog", "other"]), find_left_over(["none", "mild", "severe"])
    (['other'], [])
    """
    if read_order(classes) is not None:
        return []
    return [name for name in classes if is_left_over(name) or denies_another(name, classes)]


def is_left_over(name: str) -> bool:
    """Whether a class is called what is left over; of a name with levels, such as ``animal/dog``, the last one counts.

    >>> is_left_over("Other"), is_left_over("BACKGROUND_Google"), is_left_over("NoneOfThese"), is_left_over("mother")
    (True, True, True, False)
    >>> is_left_over("other/dog"), is_left_over("animal/other"), is_left_over("n/a")
    (False, True, True)
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.split(r"(?<=\w\w)\s*[/|>\\]\s*(?=\w)", name)[-1])
    words = re.findall(r"n/a|[^\W\d_]+", spaced.casefold())
    return bool(words) and (words[-1] in LEFT_OVER or words[0] in FIRST or " ".join(words[:2]) in PHRASES)


def denies_another(name: str, classes: Sequence[str]) -> bool:
    """Whether a class is called what another of the ``classes`` is not.

    >>> denies_another("not_hotdog", ["hotdog", "not_hotdog"]), denies_another("non-stick", ["pan", "non-stick"])
    (True, False)
    """
    found = re.match(r"(?:not|non)[\W_]*(.+)", name, re.IGNORECASE | re.DOTALL)
    return found is not None and plain_spelling(found[1]) in {plain_spelling(other) for other in classes}


def find_twins(probs: Table, labels: Ints) -> list[tuple[int, int]]:
    """Pairs of classes given by ``labels`` (n,) that held-out ``probs`` (n, C) tell apart no better than chance.

    Compared are pairs that take each other for the likeliest other class. Even errors in 36 % of the labels bring the
    area down to .64, however different two classes are. But then the odds of images that look like either lie in two
    heaps, where those of one class, or of two that are alike, lie in one: classes are no twins where labels have
    something to do with these odds, and they are flatter than a heap, by `SPREAD` or below `FLAT`. Measured in
    benchmarks/RESULTS.md. Nor are they where most images that carry these labels look like another class: that is the
    labels' fault.
    """
    counts = np.bincount(labels, minlength=probs.shape[1])
    if probs.shape[1] > _MOST_CLASSES:
        return []
    means = sum_by_label(probs, labels) / np.maximum(counts, 1)[:, None]
    enough = counts >= _FEWEST
    pairs = np.argwhere(np.triu(np.minimum(means, means.T) >= _SHARED, 1) & enough & enough[:, None]).tolist()
    if not pairs:
        return []
    likeliest = np.asarray(probs.argmax(axis=1))
    return [(one, other) for one, other in pairs if _are_alike(probs, labels, likeliest, one, other)]


def _are_alike(probs: Table, labels: Ints, likeliest: Ints, one: int, other: int) -> bool:
    """Whether the images that are given ``one`` class or the ``other`` are of one kind."""
    given = np.flatnonzero((labels == one) | (labels == other))
    odds = np.log(np.maximum(probs[given, one], 1e-9)) - np.log(np.maximum(probs[given, other], 1e-9))
    mine = labels[given] == one
    if _area(odds, mine)[0] >= APART:
        return False
    shown = np.isin(likeliest[given], (one, other))
    if shown.mean() < _SHOWN:
        return False
    odds, mine = odds[shown], mine[shown]
    if min(mine.sum(), (~mine).sum()) < _FEWEST:
        return True
    area, error = _area(odds, mine)
    return not (area > 0.5 + _CHANCE * error and _lie_in_two_heaps(odds, mine))


def _area(odds: Floats, mine: Bools) -> tuple[float, float]:
    """Chance that an image of ``mine`` (n,) has higher ``odds`` (n,) than another, and its error if that is a half."""
    m, k = int(mine.sum()), int((~mine).sum())
    return chance_of_more(odds, mine), float(np.sqrt((m + k + 1) / (12 * m * k)))


def _lie_in_two_heaps(odds: Floats, mine: Bools) -> bool:
    """Whether ``odds`` (n,) have a kurtosis below `FLAT`, or significantly below 3, that of a normal distribution.

    Both labels count alike.
    """
    weights = np.where(mine, 1 / mine.sum(), 1 / (~mine).sum()) / 2
    centred = odds - weights @ odds
    kurtosis = float(weights @ centred**4 / max(weights @ centred**2, 1e-12) ** 2)
    return kurtosis < max(FLAT, 3 - SPREAD * float(np.sqrt(24 * np.square(weights).sum())))


def note_twins(pairs: Iterable[tuple[int, int]], classes: Sequence[str]) -> list[str]:
    """Notes on classes that cannot be told apart."""
    return [
        f"Cannot be told apart: {_quoted((classes[one], classes[other]))}. Models separate them no better than chance: "
        "one class under two names (then join them), one filled with images of the other, or two that differ in what "
        "networks overlook, as left and right do? Their labels are not counted as wrong for each other."
        for one, other in pairs
    ]


def _quoted(names: Iterable[str]) -> str:
    shown = [ascii(name) if name != name.strip() or not name.isprintable() else f"'{name}'" for name in names]
    return name_some(shown)
