"""Reasons to doubt a label: written in one place and recognised again in the same one.

An audit keeps a reason as text, in ``samples.csv`` and ``evidence.npz``; whoever filters or counts suspects asks
`find`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cache

import numpy as np

from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.types import Bools, Floats, Ints

LOST, LIKE, BETWEEN, NOTHING = range(4)
"""An image shows no class · another class · one of two · nothing that can be told."""
_CLEAR = 0.7  # posterior of the suggested label from which the reason names it without an alternative


class Reason(Enum):
    """A kind of reason: how its text begins, and its name in a list of suspects."""

    REVIEWED = "reviewed: ", "reviewed by people"
    CONFLICT = "the same image also carries ", "same image, another label"
    LOOKS_LIKE = "looks like ", "looks like another class"
    AMBIGUOUS = "ambiguous between ", "ambiguous between two classes"
    NO_GOOD_FIT = "fits no class well", "fits no class well"
    NO_CLASS = "belongs to no class", "belongs to no class"
    LOW_QUALITY = "low quality", "low quality"

    def __init__(self, opening: str, title: str) -> None:
        self.opening = opening
        self.title = title

    def say(self, rest: str = "") -> str:
        """The text of a reason.

        >>> Reason.LOOKS_LIKE.say("dog")
        'looks like dog'
        """
        return self.opening + rest


def find(text: str) -> Reason | None:
    """The kind of the reason ``text``, by the first of several; ``None`` for one of another version.

    >>> find("looks like dog"), find("a reason of tomorrow")
    (<Reason.LOOKS_LIKE: ('looks like ', 'looks like another class')>, None)
    """
    return next((reason for reason in Reason if text.startswith(reason.opening)), None)


def see(right: Floats, wrong: Floats, lost: Bools) -> Ints:
    """(m,) what flagged samples seem to show, where the given label and the best other one have the probabilities
    ``right`` and ``wrong`` (m,): `LOST` where they are ``lost`` (m,), or one of the others."""
    return np.select([lost, wrong >= _CLEAR, right + wrong >= _CLEAR], [LOST, LIKE, BETWEEN], NOTHING)


def explain(classes: Sequence[str], given: Ints, best: Ints, shown: Ints, copies: Ints, known: Ints) -> Iterator[str]:
    """The reason to flag each of m samples, in words.

    ``given`` (m,) are their labels, ``best`` (m,) the likeliest other ones, indices into the ``classes``, ``shown``
    (m,) as of `see`; ``copies`` (m,) is how many labels the copies of each image carry, ``known`` (m,) as in
    `fit_noise_model`.
    """
    said = cache(lambda one, other, *facts: _explain(classes[one], classes[other], *facts))
    given = np.where(shown == BETWEEN, given, best)  # told of those alone, so that others share a text
    return map(said, *(facts.tolist() for facts in (given, best, shown, copies, known)))


def _explain(given: str, best: str, shown: int, copies: int, known: int) -> str:
    if known != UNKNOWN:
        return Reason.REVIEWED.say("no class is right" if known == NO_CLASS else f"{best} is right")
    said = []
    if copies > 1:
        said.append(Reason.CONFLICT.say("another label" if copies == 2 else "other labels"))
    if shown == LOST:
        said.append(Reason.NO_CLASS.say(f", {best} is nearest"))
    elif shown == LIKE:
        said.append(Reason.LOOKS_LIKE.say(best))
    elif shown == BETWEEN:
        said.append(Reason.AMBIGUOUS.say(f"{given} and {best}"))
    else:
        said.append(Reason.NO_GOOD_FIT.say(f", {best} best"))
    return "; ".join(said)
