"""The verdict log of a RUN, kept in memory and on disk at once.

A verdict is in the file, flushed to the disk, before anybody is told that it was taken. What other processes append to
the same file (a second page, a merge) is noticed by the file's size and time and read before the next answer is given.
Each answer names the version of the image's record that it was given on; a version that has passed means another tab or
page was faster, and nothing is written over it. Left out: watching the file between two requests.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labelaudit import verdicts
from labelaudit.errors import LabelAuditError, NothingToDo
from labelaudit.types import Identity
from labelaudit.verdicts import GrowingLog, Replay, Verdict


class StaleAnswer(LabelAuditError):
    """Somebody else answered about the image since it was shown; nothing was written."""


class Ledger:
    """The verdicts in ``path``, as ``reviewer`` adds to them. Safe to use from several threads."""

    def __init__(self, path: Path, reviewer: str) -> None:
        self.path, self.reviewer = path, reviewer
        self._lock = threading.RLock()
        self.others_at: dict[str, Identity] = {}
        """Another reviewer -> the image of the last line that this person wrote while this ledger was open."""
        self._file = GrowingLog(path)
        self._stamp: tuple[int, int] | None = None
        self._log: list[Verdict] = []
        self._replay = Replay()
        self._versions: Counter[Identity] = Counter()
        self._mine: list[Identity] = []
        self._refresh()

    @property
    def rule(self) -> str:
        """The rule by which disputes end, as `labelaudit.verdicts.settle` takes it."""
        return self._replay.rule

    @property
    def log(self) -> Sequence[Verdict]:
        """All verdicts, oldest line first."""
        with self._lock:
            self._refresh()
            return tuple(self._log)

    def refresh(self) -> None:
        """Take in what others have written since."""
        with self._lock:
            self._refresh()

    def mine(self, identity: Identity) -> Verdict | None:
        """This reviewer's verdict in force."""
        with self._lock:
            return next((said for said in self._replay.said(identity) if said.reviewer == self.reviewer), None)

    def others(self, identity: Identity) -> tuple[Verdict, ...]:
        """The verdicts in force of everybody else."""
        with self._lock:
            return tuple(said for said in self._replay.said(identity) if said.reviewer != self.reviewer)

    def last(self) -> Identity | None:
        """The image of this reviewer's last verdict in force."""
        with self._lock:
            self._refresh()
            return self._mine[-1] if self._mine else None

    def identities(self) -> tuple[Identity, ...]:
        """The images that anybody ever said something about."""
        with self._lock:
            return self._replay.identities()

    def version(self, identity: Identity) -> int:
        """Grows with everything that this reviewer says about the image."""
        with self._lock:
            return self._versions[identity]

    def add(self, verdict: Verdict, version: int) -> None:
        """Write ``verdict`` on an image that was shown at ``version``.

        Raises:
            StaleAnswer: the record is at another version by now.
            RunError: it could not be written; nothing has changed.
        """
        with self._lock:

            def check() -> Verdict:
                if self._versions[verdict.identity] != version:
                    raise StaleAnswer("this image was judged in another tab meanwhile: look at its verdict first")
                return verdict

            self._write(check)

    def undo(self, identity: Identity) -> None:
        """Withdraw this reviewer's verdict on an image.

        Raises:
            NothingToDo: there is nothing to withdraw.
            RunError: it could not be written; nothing has changed.
        """
        with self._lock:

            def withdraw() -> Verdict:
                last = self.mine(identity)
                if last is None:
                    raise NothingToDo("There is nothing to undo: you have no verdict on this image.")
                return replace(last, verdict="undo", new_label="", note="", time=verdicts.now())

            self._write(withdraw)

    def _write(self, decide: Callable[[], Verdict]) -> None:
        """Read what others wrote, then write the verdict that ``decide`` returns to the file and into memory.

        Where another process wrote meanwhile, it is asked again: two pages of one reviewer cannot both be first.
        """
        while True:
            self._refresh()
            verdict, before = decide(), self._stamp[0] if self._stamp else 0
            try:
                verdicts.append(self.path, verdict, size=before)
            except verdicts.ChangedLog:
                continue
            break
        self._refresh()

    def _refresh(self) -> None:
        """Read on where the file is not as this ledger left it; its verdicts count in the order of its lines."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return
        read, grown = self._file.read()
        if self._stamp is not None:
            fresh = [one for one in (read if grown else read[len(self._log) :]) if one.verdict != verdicts.RULE]
            self.others_at |= {one.reviewer: one.identity for one in fresh if one.reviewer != self.reviewer}
        if not grown:
            self._replay, self._mine, self._versions, self._log = Replay(), [], Counter(), []
        for verdict in read:
            self._take(verdict)
        self._log.extend(read)
        self._stamp = stamp

    def _read_stamp(self) -> tuple[int, int]:
        """Size and time of the file; nothing while there is none, or while a scan replaces its folder."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_size, status.st_mtime_ns

    def _take(self, verdict: Verdict) -> None:
        """Take in ``verdict``, the last one of the log."""
        self._replay.take(verdict)
        identity = verdict.identity
        if verdict.verdict == verdicts.RULE or verdict.reviewer != self.reviewer:
            return
        self._versions[identity] += 1
        if verdict.verdict != "undo":
            self._mine.append(identity)
            return
        for place in range(len(self._mine) - 1, -1, -1):  # a person undoes the last one nearly always
            if self._mine[place] == identity:
                del self._mine[place]
                return
