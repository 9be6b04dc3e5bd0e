"""Classes that are grades: numbers, stages and words such as mild and severe, whose order says how far off a label is.

A label one step off is often a matter of taste, one three steps off is a slip; `rank_steps` puts the slips first. The
order is read from the names, else it is that in which the classes were given. Left out: grades at uneven distances.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

import numpy as np

from labelaudit.blocks import spread_rows
from labelaudit.errors import OptionError
from labelaudit.judge.scores import sum_by_label
from labelaudit.leading import Table, take_rows
from labelaudit.text import name_some
from labelaudit.types import Floats, Ints

SCALES = (
    (
        *("normal", "healthy", "none", "no", "non", "absent", "doubtful", "minimal", "very mild", "mild", "moderate"),
        *("severe", "proliferative", "proliferate"),
    ),
    ("none", "no", "trace", "slight", "minor", "mild", "moderate", "major", "strong", "severe", "extreme", "destroyed"),
    ("first", "second", "third", "fourth", "fifth", "sixth"),
    ("very low", "low", "medium", "middle", "moderate", "high", "very high", "extreme"),
    ("very bad", "very poor", "bad", "poor", "fair", "average", "ok", "okay", "good", "very good", "excellent"),
    ("tiny", "very small", "small", "medium", "middle", "large", "big", "very large", "huge"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("baby", "infant", "child", "teenager", "young", "adult", "middle aged", "old", "elderly"),
    ("never", "rarely", "seldom", "sometimes", "often", "usually", "always"),
    ("unripe", "green", "partially ripe", "ripe", "overripe", "rotten"),
)
"""Words of grades, least first."""
ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
FEWEST = 3
"""Classes from which an order says something."""
OFFERED = 0.05
"""Share of all orders of the classes that may explain the confusions better than that of the names, if it is to be
offered."""

_ROWS = 20_000  # samples whose confusions are counted
_MOST_GRADES = 200  # classes that are offered as grades: ages, at most; of more each order takes too long to try
_ORDERS = 2000  # orders that it is compared with
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def read_order(classes: Sequence[str]) -> tuple[int, ...] | None:
    """The step (0 = least) of each of the ``classes``, or None where their names are no grades.

    >>> read_order(["10", "2", "1"]), read_order(["Grade II", "Grade I", "Grade III"])
    ((2, 1, 0), (1, 0, 2))
    >>> read_order(["0-9", "60+", "10-59"]), read_order(["severe_dr", "no_dr", "mild_dr"])
    ((0, 2, 1), (2, 0, 1))
    >>> read_order(["Severe", "No_DR", "Mild"]), read_order(["NonDemented", "MildDemented", "VeryMildDemented"])
    ((2, 0, 1), (0, 2, 1))
    >>> read_order(["1 star", "2 stars", "3 stars"])
    (0, 1, 2)
    >>> read_order(["cat", "dog", "cow"]), read_order(["img1", "pic2", "photo3"]), read_order(["1", "2", "nan"])
    (None, None, None)
    """
    if len(classes) < FEWEST:
        return None
    own = _without_shared([_split(name) for name in classes])
    romans = [float(ROMAN.index(name)) for name in own] if sorted(own) == sorted(ROMAN[: len(own)]) else None
    for values in (_read_numbers(classes), romans, _read_scale(own)):
        if values is not None and len(set(values)) == len(values):
            place = {value: step for step, value in enumerate(sorted(values))}
            return tuple(place[value] for value in values)
    return None


def settle_order(classes: Sequence[str]) -> tuple[int, ...]:
    """The step of each class where a person says that they are grades: as `read_order`, else letters of the alphabet,
    else the order in which the classes were given.

    >>> settle_order(["B", "A", "C"]), settle_order(["so", "la", "ti"])
    ((1, 0, 2), (0, 1, 2))

    Raises `OptionError` for fewer than three classes, and where names are no grades and only sorted.
    """
    if len(classes) < FEWEST:
        raise OptionError(f"`ordinal` orders {FEWEST} classes or more, these are {name_some(classes)}")
    if found := read_order(classes):
        return found
    if all(len(name.strip()) == 1 for name in classes):
        return tuple(sorted(classes).index(name) for name in classes)
    if list(classes) == sorted(classes):
        raise OptionError(
            f"`ordinal`: the names {name_some(classes)} do not say which comes first: give the classes in their order "
            "with `classes`"
        )
    return tuple(range(len(classes)))


def rank_steps(probs: Floats, labels: Ints, steps: Sequence[int]) -> Floats:
    """(n,) expected square of how many steps the given label is off, as a share of the greatest possible, 0 to 1.

    Squares put a label that is three steps off before one that is surely one step off, as the quadratic weights of
    Cohen's kappa do. What of ``probs`` (n, C) is missing to 1 belongs to no class: it counts as any class alike.

    >>> rank_steps(np.array([[0.0, 1, 0], [0, 0, 1]]), np.array([0, 0]), (0, 1, 2)).tolist()
    [0.25, 1.0]
    """
    place = np.asarray(steps, dtype=np.float64)
    squares = np.square((place[:, None] - place[None, :]) / max(place.max() - place.min(), 1))[labels]
    missing = np.clip(1 - probs.sum(axis=1, dtype=np.float64), 0, 1)
    return np.asarray(np.clip((probs * squares).sum(axis=1) + missing * squares.mean(axis=1), 0, 1))


def note_order(classes: Sequence[str], probs: Table, labels: Ints) -> list[str]:
    """The offer to take the classes for grades, where their names have an order and models confuse neighbours in it.

    ``probs`` (n, C) are blind to the given ``labels`` (n,).
    """
    steps = read_order(classes)
    are_indices = all(name.isdecimal() for name in classes)
    if steps is None or len(classes) > _MOST_GRADES or not _explains(steps, probs, labels, alone=are_indices):
        return []
    ordered = [name for _, name in sorted(zip(steps, classes, strict=True))]
    return [
        f"The classes look like grades ({name_some(ordered)}): with `ordinal`, labels that are many steps off come "
        "first, and those that are a matter of taste last."
    ]


def _explains(steps: Sequence[int], probs: Table, labels: Ints, *, alone: bool) -> bool:
    """Whether confusions are nearer by these ``steps`` than by nearly all other orders of the classes.

    With ``alone`` nothing else speaks for the order, as where classes are called by an index: it must then be among
    the best ones by more than chance, which few classes never are.
    """
    count = len(steps)
    rows = spread_rows(len(labels), _ROWS)
    confused = sum_by_label(take_rows(probs, rows), labels[rows])
    confused /= np.maximum(confused.sum(axis=1, keepdims=True), 1e-12)  # every class says as much
    np.fill_diagonal(confused, 0)

    def length(order: Sequence[int] | Ints) -> float:
        place = np.asarray(order, dtype=np.float64)
        return float(np.vdot(confused, np.abs(place[:, None] - place)))

    draw, tried = np.random.default_rng(0), min(math.factorial(count), _ORDERS)
    orders: Iterator[Sequence[int] | Ints] = itertools.permutations(range(count))
    if tried == _ORDERS:
        orders = (draw.permutation(count) for _ in range(tried))
    own, left = length(steps), OFFERED * tried
    for order in orders:
        left -= length(order) < own * (1 + 1e-9 if alone else 1 - 1e-9)
        if left < 0:
            return False
    return True


def _split(name: str) -> list[str]:
    """The words of a class name, lower case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip())
    return [word for word in re.split(r"[^a-z0-9.]+", spaced.casefold()) if word]


def _read_numbers(classes: Sequence[str]) -> list[float] | None:
    """Numbers, spans of numbers, or the one number of each name where all else in them is the same."""
    with suppress(ValueError):
        values = [float(name) for name in classes]
        return values if all(map(math.isfinite, values)) else None
    numbers = [[float(part) for part in _NUMBER.findall(name)] for name in classes]
    rests = {re.sub(r"[^a-z]+", " ", name.casefold()).strip() for name in classes}
    if not all(numbers) or len({rest.removesuffix("s") for rest in rests}) > 1:
        return None
    opened = [0.5 * (("+" in name or ">" in name) - ("<" in name)) for name in classes]
    return [sum(few) / len(few) + more for few, more in zip(numbers, opened, strict=True)]


def _read_scale(own: Sequence[str]) -> list[float] | None:
    """Words of one of the `SCALES`, with one word beside them where some names have that."""
    beside = {word for name in own for word in name.split()[-1:] if " " in name}
    for scale in SCALES:
        for name_only in (own, [_without_last(name, beside) for name in own] if len(beside) == 1 else own):
            if all(name in scale for name in name_only):
                return [float(scale.index(name)) for name in name_only]
    return None


def _without_last(name: str, words: Collection[str]) -> str:
    """A name of several words without the last one, if that is one of ``words``."""
    first, _, last = name.rpartition(" ")
    return first if first and last in words else name


def _without_shared(words: Sequence[Sequence[str]]) -> list[str]:
    """Each name without the words that all names have, and without a class's own number at its beginning."""
    shared = set(words[0]).intersection(*words[1:])
    kept = [[word for word in name if word not in shared] for name in words]
    if all(name and name[0].isdigit() for name in kept):
        kept = [name[1:] for name in kept]
    return [" ".join(name) for name in kept]
