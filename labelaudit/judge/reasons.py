"""Reasons to doubt a label: written in one place and recognised again in the same one.

An audit keeps a reason as text, in ``samples.csv`` and ``audit.json``; whoever filters or counts suspects asks `find`.
"""

from __future__ import annotations

from enum import Enum


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
