"""The verdicts in force, the samples they are about, and the agreement of reviewers.

Left out: guessing; a verdict that cannot count is named with its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.text import count
from labelaudit.types import Bools, Identity, Ints, Samples
from labelaudit.verdicts.log import read, verdicts_file
from labelaudit.verdicts.replay import Replay
from labelaudit.verdicts.settling import settle
from labelaudit.verdicts.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """The verdicts of people on the samples of one audit."""

    settled: Mapping[int, Verdict] = field(default_factory=dict)
    """Row of the audit's samples -> the verdict in force; its right class, if any, is a class of the audit. Copies of
    an image under the same label share it."""
    people: Mapping[Identity, tuple[str, ...]] = field(default_factory=dict)
    """(digest, given label) of a settled row -> the reviewers who said what is in force, in the order in which they
    did; "" is one without a name."""
    skipped: tuple[int, ...] = ()
    """Rows that somebody looked at and nobody could tell."""
    disputed: Mapping[int, tuple[Verdict, ...]] = field(default_factory=dict)
    """Rows on which reviewers disagree and no rule settles it, with the last verdict of each."""
    overruled: tuple[int, ...] = ()
    """Rows on which reviewers disagree and the rule of the log settles it (`labelaudit.verdicts.settling`)."""
    strangers: tuple[Verdict, ...] = ()
    """Verdicts in force that cannot count here: on an image the audit does not have, or has changed or under another
    label, or for a class it does not know."""
    undone: Mapping[Identity, tuple[Verdict, ...]] = field(default_factory=dict)
    """(digest, given label) -> verdicts that were taken back, and each ``undo`` that had nothing in this log to take
    back. Who copied verdicts elsewhere, such as into a baseline, learns here which of them no longer hold."""
    notes: tuple[str, ...] = ()
    """One sentence for each kind of thing that a person should know before relying on the verdicts."""

    def answers(self, samples: int) -> Ints:
        """(n,) for each of so many ``samples`` 1 where the label was found wrong, 0 where right, -1 where nobody
        decided."""
        found = np.full(samples, -1)
        found[list(self.settled)] = [verdict.wrong for verdict in self.settled.values()]
        return found

    def seen(self, samples: int) -> Bools:
        """(n,) of so many ``samples`` those that somebody looked at: a verdict is in force, reviewers disagree, or it
        could not be told."""
        found = np.zeros(samples, dtype=np.bool_)
        found[[*self.settled, *self.skipped, *self.disputed]] = True
        return found


def merge(*logs: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """All verdicts of several logs by time; what two copies of a log have in common counts once.

    Within a log the order of its lines rules, whatever their times say: a clock may have been wrong. A verdict counts
    as made no earlier than the one before it.
    """
    most: Counter[Verdict] = Counter()
    kept: list[tuple[str, Verdict]] = []
    for log in logs:
        seen, time = Counter[Verdict](), ""
        for verdict in log:
            time = max(time, verdict.time)
            seen[verdict] += 1
            if seen[verdict] > most[verdict]:
                most[verdict] += 1
                kept.append((time, verdict))
    return tuple(verdict for _, verdict in sorted(kept, key=lambda entry: entry[0]))


def overtaken(log: Sequence[Verdict], new: Iterable[Verdict], *, now: str) -> tuple[list[Verdict], list[Verdict]]:
    """``new`` verdicts from elsewhere, parted: those to be appended to ``log``, and those that came too late.

    What its reviewer has said about the image since, in ``log``, stays in force. A verdict of the log that is stamped
    later than ``now`` (ISO 8601 in UTC) says nothing about which came first.
    """
    last = {(v.identity, v.reviewer): v for told in Replay(log).in_force().values() for v in told}
    taken: list[Verdict] = []
    late: list[Verdict] = []
    for verdict in new:
        said = last.get((verdict.identity, verdict.reviewer))
        (late if said is not None and verdict.time and verdict.time < said.time <= now else taken).append(verdict)
    return taken, late


def read_reviewed(audit: Audit, run: Path | str) -> Reviewed:
    """`match` for the verdicts that are kept in the folder ``run``; an unfinished last line is among the notes.

    Raises:
        DataError: the file is damaged.
    """
    told: list[str] = []
    found = match(audit, read(verdicts_file(run), notice=told.append))
    return replace(found, notes=(*told, *found.notes))


def match(audit: Audit, verdicts: Sequence[Verdict]) -> Reviewed:
    """Bring ``verdicts`` (in the file's order) and the samples of ``audit`` together by content and given label."""
    samples, replay = audit.samples, Replay(verdicts)
    last, rule = replay.in_force(), replay.rule
    rows_of = _places(samples, {digest for digest, _ in last})
    settled: dict[int, Verdict] = {}
    disputed: dict[int, tuple[Verdict, ...]] = {}
    skipped: list[int] = []
    overruled: list[int] = []
    strangers: list[Verdict] = []
    people: dict[Identity, tuple[str, ...]] = {}
    known = {None, *samples.classes}
    for identity, told in last.items():
        rows = rows_of.get(identity, [])
        opinions = _opinions(told, known)
        strangers += [v for v in told if v.verdict != "skip" and (not rows or v.right not in known)]
        if all(verdict.verdict == "skip" for verdict in told):
            skipped += rows
            continue
        counted = settle(opinions, rule)
        if len(_answers(counted)) > 1:
            disputed |= dict.fromkeys(rows, opinions)
        elif counted:
            settled |= dict.fromkeys(rows, counted[-1])
            people[identity] = tuple(verdict.reviewer for verdict in counted)
            overruled += rows if len(_answers(opinions)) > 1 else []
    return Reviewed(
        settled=dict(sorted(settled.items())),
        people=people,
        skipped=tuple(sorted(skipped)),
        disputed=dict(sorted(disputed.items())),
        overruled=tuple(sorted(overruled)),
        strangers=tuple(strangers),
        undone=dict(replay.undone),
        notes=tuple(_notes(audit, rows_of, disputed, strangers, overruled, rule)),
    )


def agreed(samples: Samples, verdicts: Sequence[Verdict]) -> dict[str, str | None]:
    """Digest -> the right class by everybody who could tell, None for no class; images that are disputed left out.

    What was said about one copy of an image, under whichever label, holds for all of them.
    """
    replay = Replay(verdicts)
    last = replay.in_force()
    rows_of = _places(samples, {digest for digest, _ in last})
    known = {None, *samples.classes}
    answers: defaultdict[str, set[str | None]] = defaultdict(set)
    for identity, told in last.items():
        if identity in rows_of:
            answers[identity[0]] |= _answers(settle(_opinions(told, known), replay.rule))
    return {digest: next(iter(said)) for digest, said in answers.items() if len(said) == 1}


def _places(samples: Samples, digests: Collection[str]) -> Mapping[Identity, list[int]]:
    """Identity -> rows of the samples whose content is among ``digests``."""
    rows_of: defaultdict[Identity, list[int]] = defaultdict(list)
    if not digests:
        return rows_of
    for row in [row for row, digest in enumerate(samples.digests) if digest in digests]:
        rows_of[samples.claim(row).identity].append(row)
    return rows_of


def _opinions(told: Iterable[Verdict], known: Container[str | None]) -> tuple[Verdict, ...]:
    """Those of reviewers who could tell, for a class that is ``known`` or for none."""
    return tuple(verdict for verdict in told if verdict.verdict != "skip" and verdict.right in known)


def _answers(opinions: Iterable[Verdict]) -> set[str | None]:
    """The different right classes; None: no class."""
    return {verdict.right for verdict in opinions}


def _notes(
    audit: Audit,
    rows_of: Mapping[Identity, Sequence[int]],
    disputed: Mapping[int, tuple[Verdict, ...]],
    strangers: Sequence[Verdict],
    overruled: Sequence[int],
    rule: str,
) -> Iterator[str]:
    """Yield sentences on the verdicts that count for nothing, and on images that reviewers disagree about."""
    ids = audit.samples.ids
    known = set(ids) if strangers else set()
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for digest, label in rows_of:
        labels_of[digest].add(label)
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for verdict in strangers:
        if verdict.identity in rows_of:
            what = f"{verdict.path} ('{verdict.right}')"
            reasons["for a class that the audit does not have"].append(what)
        elif verdict.digest in labels_of:
            what = f"{verdict.path} ('{verdict.given_label}' then, '{min(labels_of[verdict.digest])}' now)"
            if verdict.right in labels_of[verdict.digest]:
                reasons["on labels that have been corrected as they said"].append(what)
            else:
                reasons["on images whose label has changed since"].append(what)
        elif verdict.path in known:
            reasons["on images that were changed since the review"].append(verdict.path)
        else:
            reasons["on images that the audit does not have"].append(verdict.path)
    for reason, places in reasons.items():
        yield f"{count(len(places), 'verdict')} {reason}, first {places[0]}: left out."
    if disputed:
        row = min(disputed)
        said = ", ".join(f"{v.reviewer or 'somebody'}: {v.right or 'no class'}" for v in disputed[row])
        yield f"Reviewers disagree on {count(len(disputed), 'image')}, first {ids[row]} ({said})."
    if overruled:
        who = f"{rule.partition(':')[2]}'s word" if ":" in rule else f"the {rule}"
        images = count(len(overruled), "image")
        yield f"Reviewers disagree on {images} where {who} settles it, first {ids[min(overruled)]}."


def known_labels(samples: Samples, verdicts: Sequence[Verdict]) -> Ints:
    """(n,) true class by people's ``verdicts``, `UNKNOWN` or `NO_CLASS`, for `fit_noise_model`.

    What was said about one copy of an image holds for all of them. Where reviewers disagree, nothing is known.
    """
    code: dict[str | None, int] = {name: number for number, name in enumerate(samples.classes)} | {None: NO_CLASS}
    right = {digest: code[label] for digest, label in agreed(samples, verdicts).items()}
    if not right:
        return np.full(len(samples), UNKNOWN, dtype=np.int64)
    return np.array([right.get(digest, UNKNOWN) for digest in samples.digests], dtype=np.int64)
