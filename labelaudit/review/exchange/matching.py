"""Answers from another tool and the samples of an audit, brought together before anything is written.

An entry is found by its digest and given label, by its path where the tool lost the digest. Whatever cannot be taken is
a line that names the entry, and nothing is taken unless everything can be, or the person says so. An answer that its
reviewer has given already is passed over, so that an export can be imported again as it grows; so is one that is older
than what its reviewer has said since. Left out: guessing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from labelaudit.audit.document import Audit
from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import Answer, Refused, writable
from labelaudit.review.queue import ask
from labelaudit.text import name_some
from labelaudit.verdicts import Replay, Verdict, overtaken
from labelaudit.verdicts import now as verdict_time


@dataclass(frozen=True, kw_only=True)
class Matched:
    """A file of answers, matched with an audit: its verdicts, and what was left out."""

    verdicts: tuple[Verdict, ...]
    """New ones, in the file's order."""
    known: int
    """Answers that their reviewers have given before."""
    late: int
    """Answers that their reviewers have changed since."""
    answers: int
    """All entries that somebody answered, whatever became of them."""
    problems: tuple[str, ...]
    """One line for each entry that cannot be taken."""
    repeats: tuple[str, ...]
    """One line for each entry that says the same as an earlier one."""
    notes: tuple[str, ...] = ()
    """Sentences about the verdicts that are there already."""


def match_answers(audit: Audit, answers: Iterable[Answer | Refused], log: Sequence[Verdict], *, time: str) -> Matched:
    """Make verdicts of ``answers``.

    Args:
        audit: what the queue was made of.
        answers: as a tool gave them; without a reviewer or time of their own they get "" and ``time``.
        log: the verdicts that are there already.
        time: ISO 8601.
    """
    places = _Places(audit)
    told = {(said.identity, said.reviewer): said for all_ in Replay(log).in_force().values() for said in all_}
    first: dict[tuple[tuple[str, str], str], tuple[Answer, Verdict]] = {}
    problems: list[str] = []
    repeats: list[str] = []
    count = 0
    for count, answer in enumerate(answers, start=1):  # noqa: B007  how many there were
        if isinstance(answer, Refused):
            problems.append(f"{answer.entry} ('{answer.path}') {answer.reason}")
            continue
        try:
            verdict = places.verdict(answer, time)
        except DataError as error:
            problems.append(f"{answer.entry} ('{answer.path or answer.digest}') {error}")
            continue
        key = (verdict.identity, verdict.reviewer)
        if key not in first:
            first[key] = (answer, verdict)
            continue
        earlier, said = first[key]
        line = f"{answer.entry} ('{verdict.path}') says {_spoken(verdict)}"
        if _same(verdict, said):
            repeats.append(f"{line}, as {earlier.entry} does")
        else:
            problems.append(f"{line}, but {earlier.entry} says {_spoken(said)}")
    made = [verdict for _, verdict in first.values()]
    new = tuple(v for v in made if not ((old := told.get((v.identity, v.reviewer))) and _same(v, old)))
    taken, late = overtaken(log, new, now=verdict_time())
    return Matched(
        verdicts=tuple(taken),
        known=len(made) - len(new),
        late=len(late),
        answers=count,
        problems=tuple(problems),
        repeats=tuple(repeats),
    )


class _Places:
    """Finds the row of an audit that an answer belongs to."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        samples = audit.samples
        self.row_of = {name: row for row, name in enumerate(samples.ids)}
        self.row_of |= {writable(name): row for name, row in self.row_of.items() if writable(name) not in self.row_of}
        self.rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for row, digest in enumerate(samples.digests):
            self.rows_of[digest].append(row)
        self.class_of: Mapping[str, str] = {writable(name): name for name in samples.classes} | {
            name: name for name in samples.classes
        }

    def verdict(self, answer: Answer, time: str) -> Verdict:
        """The verdict that ``answer`` is; raises `DataError` with the rest of a sentence about the entry."""
        row = self._row(answer)
        samples = self.audit.samples
        kind, label = str(answer.kind), ""
        if kind in ("class", "suggested"):
            if answer.label not in self.class_of:
                known = name_some(samples.classes, 12)
                raise DataError(f"says '{answer.label}', which is not a class of the audit ({known})")
            label = self.class_of[answer.label]
            suggested = kind == "suggested" or label == samples.classes[ask(self.audit, row).rival]  # as handed out
            kind = "suggested" if suggested else "other"
        return Verdict.on(samples.claim(row), kind, label, reviewer=answer.reviewer, time=answer.time or time)

    def _row(self, answer: Answer) -> int:
        """The row of the audit that an answer is about; raises `DataError` where there is none."""
        given = self.class_of.get(answer.given_label, answer.given_label)
        rows = self.rows_of.get(answer.digest, []) if answer.digest else []
        here = self.row_of.get(answer.path)
        if answer.digest and not rows:
            changed = "is another image now than when it was exported: scan and export again"
            raise DataError(changed if here is not None else "is not in the audit")
        if not rows:
            if here is None:
                raise DataError("is not in the audit" if answer.path else "names neither path nor digest")
            rows = [here]
        fitting = [row for row in rows if not given or self.audit.samples.claim(row).label == given]
        if not fitting:
            now = self.audit.samples.claim(rows[0]).label
            raise DataError(f"is labelled '{now}' now, '{given}' when it was exported")
        if len({self.audit.identity(row) for row in fitting}) > 1:
            fitting = [row for row in fitting if row == here]
            if not fitting:
                raise DataError("has copies with other labels, and neither path nor given_label says which it is")
        return here if here in fitting and here is not None else fitting[0]


def name_reviewers(answers: Iterable[Answer | Refused], reviewer: str | None, fallback: str) -> list[Answer | Refused]:
    """``answers`` under the name ``reviewer``; unless said, under their own, ``fallback`` where they have none."""
    return [
        answer
        if isinstance(answer, Refused)
        else replace(answer, reviewer=(answer.reviewer or fallback) if reviewer is None else reviewer)
        for answer in answers
    ]


def _same(one: Verdict, other: Verdict) -> bool:
    return (one.right, one.verdict == "skip") == (other.right, other.verdict == "skip")


def _spoken(verdict: Verdict) -> str:
    return f"'{verdict.right}'" if verdict.right else {"none": "no class fits", "skip": "cannot tell"}[verdict.verdict]
