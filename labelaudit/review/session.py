"""One review: an audit, its images, a queue and the verdicts, and what a page may ask of them.

Everything a page shows comes from here as JSON-able values; nothing of HTTP is known. What cannot be seen cannot be
judged: an image that is missing or was changed since the scan refuses its verdict. Left out: anything that the next
request cannot ask again; the only state that matters is in ``verdicts.csv``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from labelaudit import verdicts
from labelaudit.audit.chance import tell_chance
from labelaudit.audit.document import Audit
from labelaudit.errors import LabelAuditError, NothingToDo, OptionError
from labelaudit.estimate import ReviewPlan, stop_rule
from labelaudit.images import Images
from labelaudit.review.companions import Companions
from labelaudit.review.keys import KEYS
from labelaudit.review.ledger import Ledger
from labelaudit.review.likeness import Likeness
from labelaudit.review.pictures import Pictures
from labelaudit.review.queue import Queue, ask, build_queue, open_queue
from labelaudit.text import printable, spell_path
from labelaudit.types import Identity
from labelaudit.verdicts import Verdict

PAGE = 24
"""Images of one pair of classes that are judged at once at most."""
SLICE = 100
"""Questions sent at once at most."""
_NEXT = {"tune": "tune", "sample": "estimate"}  # order of a queue -> the command that makes something of it
ANSWERS = ("class", "none", "skip")
"""class: this class is right · none: no class of the dataset is · skip: cannot tell."""


@dataclass(kw_only=True)
class Session:
    """A review of a RUN, as `open_session` begins it. Safe to use from several threads."""

    audit: Audit
    run: Path
    queue: Queue
    ledger: Ledger
    pictures: Pictures
    companions: Companions
    plan: ReviewPlan | None
    again: bool
    """Whether to ask about images that other reviewers have judged, too."""
    keys: Mapping[str, Sequence[str]]
    notes: tuple[str, ...] = ()
    """Sentences about the RUN and the verdicts that are there already."""
    heard: set[Identity] = field(default_factory=set)
    """Images judged in this session, which in a dispute that goes on are not asked about again."""

    def __post_init__(self) -> None:
        self.likeness = Likeness(self.audit, self.run)

    def prepare(self) -> None:
        """Do now what the first page would wait for, and note what it has to do without."""
        self.likeness.load()
        if self.likeness.trouble:
            self.notes = (*self.notes, self.likeness.trouble)
        place = self.about()["next"]
        if self.questions(place, SLICE):
            self.neighbours(place)
        self.stop()

    def about(self) -> dict[str, Any]:
        """The facts a page needs once: names, classes, where to begin and the question there."""
        place, begin = self.run.resolve(), self.next_open(0)
        return {
            "run": place.name or str(place),
            "file": str(self.ledger.path),
            "advice": f"labelaudit {_NEXT.get(self.queue.order, 'clean')} {spell_path(self.run)}",
            "reviewer": self.ledger.reviewer,
            "order": self.queue.order,
            "blind": self.queue.blind,
            "total": len(self.queue.rows),
            "next": begin,
            "first": self.questions(begin, 1),
            "classes": [printable(name) for name in self.audit.samples.classes],
            "keys": self.keys,
            "progress": self.progress(),
        }

    def next_open(self, start: int, leave: Container[int] = ()) -> int:
        """The first position from ``start`` on that is not done, one of ``leave`` last; the queue's length if none."""
        rows = self.queue.rows
        opened = (place for place in range(start, len(rows)) if not self._done(rows[place]))
        first = next(opened, len(rows))
        return next((place for place in opened if place not in leave), first) if first in leave else first

    def questions(self, start: int, count: int) -> list[dict[str, Any]]:
        """At most `SLICE` questions from position ``start`` on."""
        self.ledger.refresh()
        start = max(start, 0)
        rows = self.queue.rows[start : start + max(0, min(count, SLICE))]
        return [self._question(start + offset, row) for offset, row in enumerate(rows)]

    def neighbours(self, place: int) -> dict[str, Any]:
        """The comparison images of both candidates at a position: rows for the left and the right strip."""
        question = ask(self.audit, self._row(place), blind=self.queue.blind)
        strips = [self.likeness.find(question.row, label) for label in (question.left, question.right)]
        return {"kind": self.likeness.kind, "left": list(strips[0]), "right": list(strips[1])}

    def following(self, place: int) -> dict[str, Any]:
        """The next open position after ``place`` and the question there; what others are at now is left to them."""
        self.ledger.refresh()
        theirs = [self._places[said] for said in self.ledger.others_at.values() if said in self._places]
        after = self.next_open(place + 1, () if self.again else {self.next_open(at) for at in theirs})
        return {"next": after, "following": self.questions(after, 1)}

    def page_of_pair(self, place: int) -> dict[str, Any]:
        """Up to `PAGE` open questions from ``place`` on about the pair of classes of the first of them.

        There are none where the queue is blind: a page of one pair would tell which label is the given one.
        """
        if self.queue.blind:
            return {"questions": []}
        begin = self.next_open(max(place, 0))
        if begin >= len(self.queue.rows):
            begin = self.next_open(0)
        found: list[dict[str, Any]] = []
        labels, predicted = self.audit.samples.labels, self.audit.decision.predicted
        pair = None
        for at in range(begin, len(self.queue.rows)):
            row = self.queue.rows[at]
            mine = int(labels[row]), int(predicted[row])
            if mine == (pair or mine) and mine[0] != mine[1] and not self._done(row):
                pair = mine
                found.append(self._question(at, row))
                if len(found) == PAGE:
                    break
        return {"questions": found}

    def judge(
        self, place: int, answer: str, label: int | None, version: int, note: str = "", *, together: bool = False
    ) -> dict[str, Any]:
        """Take one of `ANSWERS` about the image at a position, and ``together`` with it about its open companions.

        Returns its question as it stands now, with how many more were taken.

        Raises `ImageError` where it is missing or changed, `StaleAnswer` if another tab was faster, `OptionError` for
        no such answer, class or position, `RunError` where it could not be written.
        """
        row = self._row(place)
        self.take(row, answer, label, version, note)

        def give(other: int) -> None:
            self.take(other, answer, label, self.ledger.version(self.audit.identity(other)), note)

        more = self.companions.take(row, self._is_open, give) if together and not self.queue.blind else 0
        return self._question(place, row) | {"together": more}

    def take(self, row: int, answer: str, label: int | None, version: int, note: str = "") -> None:
        """`judge` for a row of the audit."""
        if answer not in ANSWERS:
            raise OptionError(f"answer '{answer}' is none of {', '.join(ANSWERS)}")
        kind, right = answer, ""
        if answer == "class":
            classes = self.audit.samples.classes
            if label is None or not 0 <= label < len(classes):
                raise OptionError(f"label {label} is none of the {len(classes)} classes")
            right = classes[label]
            kind = "suggested" if right == self.audit.suggested(row) else "other"
        self.pictures.images.encoded(row)
        claim, reviewer = self.audit.samples.claim(row), self.ledger.reviewer
        verdict = Verdict.on(claim, kind, right, reviewer=reviewer, note=note, time=verdicts.now())
        self.ledger.add(verdict, version)
        self.heard.add(verdict.identity)

    def undo(self, place: int | None) -> dict[str, Any]:
        """Withdraw the verdict at a position, or this reviewer's last one; returns the question to go back to.

        Raises `NothingToDo` for nothing to withdraw or an image of another queue, `RunError` for a full disk.
        """
        if place is not None:
            row = self._row(place)
            self.ledger.undo(self.audit.identity(row))
            self.companions.take_back(row, lambda other: self.ledger.undo(self.audit.identity(other)))
            return self._question(place, row)
        identity = self.ledger.last()
        if identity is None:
            raise NothingToDo("There is nothing to undo: you have judged no image yet.")
        identity = self.companions.leader(identity)
        if identity not in self._places:
            raise NothingToDo("There is nothing to undo: your last verdict is on no image of this queue.")
        return self.undo(self._places[identity])

    def progress(self) -> dict[str, Any]:
        """The number of images done, and how they were judged."""
        self.ledger.refresh()
        kinds: Counter[str] = Counter()
        if self.queue.order == "disputes":
            rows = [row for row in self.queue.rows if self._done(row)]
        else:  # what was said is less than what could be asked
            rows = [self.queue.rows[self._places[said]] for said in self.ledger.identities() if said in self._places]
        for row in rows:
            standing = self._standing(row)
            if standing is not None:
                kinds[standing.verdict] += 1
        wrong = sum(kinds[kind] for kind in ("suggested", "other", "none"))
        return {"done": kinds.total(), "right": kinds["given"], "wrong": wrong, "skipped": kinds["skip"]}

    def stop(self) -> str:
        """The stop rule in a sentence; empty where there is no estimation sample with verdicts yet."""
        reviewed = verdicts.match(self.audit, self.ledger.log)
        if self.plan is None or not any(row in reviewed.settled for row in self.plan.rows):
            return ""
        try:
            return stop_rule(self.audit, reviewed, self.plan).sentence
        except LabelAuditError as error:
            return str(error)

    def _question(self, place: int, row: int) -> dict[str, Any]:
        blind = self.queue.blind
        question = ask(self.audit, row, blind=blind)
        identity = self.audit.identity(row)
        mine, others = self.ledger.mine(identity), self.ledger.others(identity)
        index = {name: c for c, name in enumerate(self.audit.samples.classes)} if mine or others else {}
        shown: dict[str, Any] = {
            "place": place,
            "row": row,
            "left": question.left,
            "right": question.right,
            "further": list(question.further),
            "version": self.ledger.version(identity),
            "done": self._done(row),
            "verdict": None if mine is None else _own(mine, index.get(mine.new_label)),
        }
        if not blind:
            decision = self.audit.decision
            shown |= {
                "path": printable(self.audit.samples.ids[row]),
                "split": "" if self.audit.samples.splits is None else self.audit.samples.splits[row],
                "suggests": int(decision.predicted[row]) != question.given,
                "chance": tell_chance(decision, row),
                "reason": printable(decision.reasons[row]),
                "said": [] if self.queue.order != "disputes" else [_said(verdict) for verdict in others],
                **self.companions.about(row, self._is_open),
            }
        return shown

    @cached_property
    def _places(self) -> dict[Identity, int]:
        """Content and label of each image of the queue -> its position."""
        return {self.audit.identity(row): place for place, row in enumerate(self.queue.rows)}

    def _row(self, place: int) -> int:
        if not 0 <= place < len(self.queue.rows):
            raise OptionError(f"position {place} is outside the queue of {len(self.queue.rows)}")
        return self.queue.rows[place]

    def _standing(self, row: int) -> Verdict | None:
        """The verdict that counts for the progress: one's own, or others' where that is enough, a skip of a dispute."""
        identity = self.audit.identity(row)
        mine = self.ledger.mine(identity)
        if mine is not None or self.again:
            return mine
        told = verdicts.settle([one for one in self.ledger.others(identity) if one.verdict != "skip"], self.ledger.rule)
        unclear = len({said.right for said in told}) > 1
        return replace(told[0], verdict="skip", new_label="") if unclear else next(iter(told), None)

    def _is_open(self, row: int) -> bool:
        return self._standing(row) is None

    def _done(self, row: int) -> bool:
        if self.queue.order == "disputes":
            identity = self.audit.identity(row)
            mine = self.ledger.mine(identity)
            told = [said for said in (mine, *self.ledger.others(identity)) if said and said.verdict != "skip"]
            settled = len({said.right for said in verdicts.settle(told, self.ledger.rule)}) <= 1
            return settled or (mine is not None and identity in self.heard)
        return self._standing(row) is not None


def open_session(
    audit: Audit,
    images: Images,
    run: Path,
    *,
    order: str = "worst",
    reviewer: str = "",
    again: bool = False,
    only: Container[int] | None = None,
    keys: Mapping[str, Sequence[str]] = KEYS,
) -> Session:
    """Begin or continue a review of the RUN folder ``run``; ``again`` asks what other reviewers have judged, too.

    With ``only`` the queue is these rows, suspects or not; ``keys`` are those of `read_keys`. The estimation sample is
    drawn and kept in ``RUN/estimate.json`` where ``order`` needs one that is not there.

    Raises `DataError` where the verdicts cannot be read, `OptionError` for an unknown order, `RunError` where there is
    nothing to review or the plan cannot be kept.
    """
    queue, plan, reviewed, notes = open_queue(audit, run, order, only)
    return Session(
        audit=audit,
        run=run,
        queue=queue,
        ledger=Ledger(verdicts.verdicts_file(run), reviewer),
        pictures=Pictures(images),
        companions=Companions(audit),
        plan=plan,
        again=again,
        keys=keys,
        notes=(*notes, *reviewed.notes),
    )


def renew_session(session: Session, audit: Audit) -> Session:
    """``session`` with ``audit``, which was ranked anew, and a new queue; verdicts and pictures stay the same.

    Twenty images that set the scale (``tune``) are followed by the suspects; without suspects it asks about all images.
    """
    order = "worst" if session.queue.order == "tune" else session.queue.order
    if order in ("worst", "pair") and not len(audit.suspects):
        order = "all"
    return replace(session, audit=audit, queue=build_queue(audit, order, plan=session.plan))


def _answer(verdict: Verdict) -> str:
    return verdict.verdict if verdict.verdict in ("none", "skip") else "class"


def _own(verdict: Verdict, label: int | None) -> dict[str, Any]:
    return {"kind": _answer(verdict), "label": label, **({"note": verdict.note} if verdict.note else {})}


def _said(verdict: Verdict) -> dict[str, str]:
    return {"reviewer": verdict.reviewer or "somebody", "label": verdict.new_label, "kind": _answer(verdict)}
