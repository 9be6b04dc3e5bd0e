"""Replays a log line by line: the verdicts in force, those taken back, and the rule that ends disputes.

Left out: which images the verdicts are about (`labelaudit.verdicts.matching`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from labelaudit.types import Identity
from labelaudit.verdicts.settling import MAJORITY
from labelaudit.verdicts.verdict import RULE, Verdict


class Replay:
    """The state after all lines of ``log``, oldest first; `take` adds one more."""

    def __init__(self, log: Iterable[Verdict] = ()) -> None:
        self.rule = MAJORITY
        """The rule in force, as `labelaudit.verdicts.settling.settle` takes it."""
        self.undone: defaultdict[Identity, tuple[Verdict, ...]] = defaultdict(tuple)
        """Image -> verdicts that were taken back, and each ``undo`` that had nothing in this log to take back."""
        self._trails: dict[Identity, dict[str, list[tuple[int, Verdict]]]] = {}
        """Image -> reviewer -> place in the log and verdict of all that was not taken back."""
        self._lines = 0
        for verdict in log:
            self.take(verdict)

    def take(self, verdict: Verdict) -> None:
        """Read the next line of the log."""
        self._lines += 1
        if verdict.verdict == RULE:
            self.rule = verdict.new_label
            return
        trail = self._trails.setdefault(verdict.identity, {}).setdefault(verdict.reviewer, [])
        if verdict.verdict != "undo":
            trail.append((self._lines, verdict))
        else:
            self.undone[verdict.identity] += (trail.pop()[1] if trail else verdict,)

    def said(self, identity: Identity) -> tuple[Verdict, ...]:
        """The last verdict on an image by each reviewer who has one left, oldest first."""
        if (people := self._trails.get(identity)) is None:  # nearly every image of a queue
            return ()
        return tuple(verdict for _, verdict in sorted(trail[-1] for trail in people.values() if trail))

    def identities(self) -> tuple[Identity, ...]:
        """The images that anybody ever said something about."""
        return tuple(self._trails)

    def in_force(self) -> dict[Identity, tuple[Verdict, ...]]:
        """All images with a verdict in force -> what `said` has of them."""
        return {identity: said for identity in self._trails if (said := self.said(identity))}
