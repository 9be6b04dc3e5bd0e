"""The plan of changes to a dataset with their reasons: people's verdicts first, and nothing unreviewed unless asked
for.

Reasons and what happens to them unless said otherwise:

    wrong           a person named the right class            relabel
    no_class        a person found that no class is right     quarantine
    suspect         flagged, and reviewed by nobody           keep
    conflict        the same bytes under another label        keep
    near_duplicate  nearly the same image, another label      keep
    leak            the same image in two splits              keep
    same_scene      seems to show the scene of another split  keep
    unreadable      no image that could be judged             drop: it is not in the new dataset either way

A verdict on an image holds for all its copies. Where a person confirmed the given label nothing but a leak changes the
sample. A suspect is relabelled only where another class is more probable than the given one. Left out: reviewers who
disagree; their samples stay as they are until they agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labelaudit.audit.chance import is_measured, scale_of, what_sets, where_to_stop
from labelaudit.audit.document import Audit
from labelaudit.clean.actions import ACTIONS, DEFAULTS
from labelaudit.estimate import FdrFlags
from labelaudit.estimate.price import price_suspects, rank_surest
from labelaudit.kinds import kinds_of
from labelaudit.text import count_kind, name_some
from labelaudit.types import Ints, Tier
from labelaudit.verdicts import Reviewed, Verdict

SOURCES = ("verdict", "fdr", "threshold", "finding", "hand")
"""Origins of a change: a person · the flags at a stated false-discovery rate · the flag threshold · the scan's findings
about files and copies · whoever edited the plan."""
_UNREADABLE, _OF_NO_FILE = kinds_of("file"), kinds_of("dataset")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One sample that will not be what it was. Compared by all its fields."""

    path: str
    digest: str
    """Content digest; empty for a file that could not be read."""
    given_label: str
    action: str
    """One of `ACTIONS`, never ``keep``."""
    new_label: str = ""
    """For ``relabel``."""
    source: str = "hand"
    """One of `SOURCES`."""
    reason: str = ""
    """A key of `DEFAULTS`; free text where a person wrote the change."""
    label_score: float | None = None
    """1 - suspicion: the probability that the given label is right; lower = worse."""
    weight: float | None = None
    """For ``weight``, in [0, 1]."""
    detail: str = ""
    """One sentence for a person."""


@dataclass(frozen=True, kw_only=True)
class CorrectionPlan:
    """All changes, worst first, and what they rest on."""

    changes: tuple[Change, ...]
    fingerprint: str = ""
    """Fingerprint of the audited dataset."""
    root: str = ""
    samples: int = 0
    actions: Mapping[str, str] = field(default_factory=dict)
    """Reason -> action, all of them."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """The suspects that were meant: ``source`` (threshold or fdr) and the ``target`` of the latter."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """Reason -> samples that have it and stay as they are."""
    new_classes: tuple[str, ...] = ()
    """Classes that the dataset did not have; without being named here a new label must be a class of the audit."""
    notes: tuple[str, ...] = ()
    """Sentences that a person should read before applying."""

    def counts(self) -> dict[tuple[str, str, str], int]:
        """(action, reason, source) -> changes, in the order of `ACTIONS` and `DEFAULTS`."""
        found = Counter((change.action, change.reason, change.source) for change in self.changes)
        reasons = [*DEFAULTS, *sorted({reason for _, reason, _ in found} - {*DEFAULTS})]
        order = sorted(found, key=lambda key: (ACTIONS.index(key[0]), reasons.index(key[1]), SOURCES.index(key[2])))
        return {key: found[key] for key in order}


def make_plan(
    audit: Audit,
    reviewed: Reviewed,
    *,
    actions: Mapping[str, str] | None = None,
    flags: FdrFlags | None = None,
    surest: int | None = None,
    tier: Tier = "sure",
) -> CorrectionPlan:
    """Plan the changes that ``actions`` (reason -> action, `DEFAULTS` for the rest) make to the dataset of ``audit``.

    Args:
        audit: the scan.
        reviewed: people's verdicts, matched to ``audit``.
        actions: of `labelaudit.clean.actions.choose_actions`.
        flags: the suspects that are meant, at a stated false-discovery rate; the audit's own flags without.
        tier: of the audit's own flags the sure ones alone, or the doubtful ones too; of no effect with ``flags`` or
            ``surest``.
        surest: of the audit's own flags only that many, those whose suggested label is surest (`rank_surest`).
    """
    return _PlanBuilder(audit, reviewed, {**DEFAULTS, **(actions or {})}, flags, surest, tier).plan()


class _PlanBuilder:
    """Collects the changes of a plan, one sample at a time, and counts what stays as it is."""

    def __init__(
        self,
        audit: Audit,
        reviewed: Reviewed,
        actions: Mapping[str, str],
        flags: FdrFlags | None,
        surest: int | None,
        tier: Tier,
    ) -> None:
        self.audit, self.reviewed, self.actions, self.flags = audit, reviewed, actions, flags
        self.verdicts = _share_with_copies(audit, reviewed)
        self.row_of = {name: row for row, name in enumerate(audit.samples.ids)}
        self.suspects: Ints = audit.suspects if flags is None else flags.rows
        self.kept: Counter[str] = Counter()
        self.unsure = self.doubtful = 0
        if flags is None and surest is None and tier == "sure" and self.actions["suspect"] != "keep":
            sure = audit.decision.is_sure[self.suspects]
            told = {*self.verdicts, *reviewed.disputed}
            self.doubtful = sum(row not in told for row in self.suspects[~sure].tolist())
            self.suspects = self.suspects[sure]
            self.kept.update({"suspect": self.doubtful} if self.doubtful else {})
        self.surest = surest
        if surest is not None:
            judged = [*reviewed.settled, *reviewed.disputed]
            self.suspects = rank_surest(audit, judged)[:surest]
        self.source = "threshold" if flags is None else "fdr"

    def plan(self) -> CorrectionPlan:
        """Go through the samples that have a reason to change, worst first, and collect their changes."""
        samples = self.audit.samples
        pairs = {kind: self._pairs(kind) for kind in ("leak", "same_scene", "conflict", "near_duplicate")}
        suspects = set(self.suspects.tolist())
        rows = {*suspects, *self.verdicts, *(row for found in pairs.values() for row in found)}
        changes: list[Change] = []
        for row in sorted(rows, key=lambda row: int(self.audit.rank[row])):
            options = [
                ("leak", "finding", pairs["leak"].get(row)),
                ("same_scene", "finding", pairs["same_scene"].get(row)),
                self._verdict(row),
                ("conflict", "finding", pairs["conflict"].get(row)),
                ("near_duplicate", "finding", pairs["near_duplicate"].get(row)),
                ("suspect", self.source, self.audit.decision.reasons[row] if row in suspects else None),
            ]
            changes += self._first(row, options)
        return CorrectionPlan(
            changes=(*changes, *self._unreadable()),
            fingerprint=self.audit.fingerprint,
            root=samples.root,
            samples=len(samples),
            actions=dict(self.actions),
            flags={"source": self.source, **({"target": self.flags.target} if self.flags else {})},
            kept=dict(sorted(self.kept.items())),
            notes=tuple(self._notes(changes)),
        )

    def _first(self, row: int, options: Iterable[tuple[str, str, str | None]]) -> list[Change]:
        """The change for the first of the reasons that asks for one; after a verdict no further reason is heard."""
        kept = []
        for reason, source, detail in options:
            if detail is None:
                continue
            if reason:
                action = self.actions[reason]
                change = None if action == "keep" else self._change(row, reason, source, action, detail)
                if change is not None:
                    return [change]
                kept.append(reason)
            if source == "verdict":
                break
        self.kept.update(kept)
        return []

    def _change(self, row: int, reason: str, source: str, action: str, detail: str) -> Change | None:
        """The change that ``action`` makes to ``row``; None where it would give the label that is there."""
        path, digest, given = self.audit.samples.claim(row)
        score = 1.0 - float(self.audit.decision.suspicion[row])
        verdict, new_label = self.verdicts.get(row), ""
        if action == "relabel":
            said = verdict.right if verdict is not None and source == "verdict" else None
            new_label = said or self.audit.suggested(row)
            if new_label == given:
                self.unsure += 1
                return None
        weight = (0.0 if source == "verdict" else round(score, 6)) if action == "weight" else None
        return Change(
            path=path,
            digest=digest,
            given_label=given,
            action=action,
            new_label=new_label,
            source=source,
            reason=reason,
            label_score=round(score, 6),
            weight=weight,
            detail=detail,
        )

    def _verdict(self, row: int) -> tuple[str, str, str | None]:
        """Reason, source and detail of what a person said about ``row``; the reason is empty where the label is right.

        Samples on which reviewers disagree are treated as confirmed: nothing automatic touches them.
        """
        if row in self.reviewed.disputed:
            return "", "verdict", "reviewers disagree"
        verdict = self.verdicts.get(row)
        if verdict is None:
            return "", "verdict", None
        who = name_some(list(filter(None, self.reviewed.people[verdict.identity])), 3)
        who = f"{who or 'a person'} on {verdict.time[:10]}" if verdict.time else who
        copy = "" if verdict.identity == self.audit.identity(row) else f" of its copy {verdict.path}"
        said = f"reviewed{copy} by {who}" if who else f"reviewed{copy}"
        if verdict.right == self.audit.samples.claim(row).label:
            return "", "verdict", said
        return ("no_class" if verdict.right is None else "wrong"), "verdict", said

    def _pairs(self, kind: str) -> dict[int, str]:
        """Row -> detail of the findings of one kind; of a leak only the sample that is reported."""
        found: dict[int, str] = {}
        for finding in self.audit.findings:
            if finding.kind != kind:
                continue
            if finding.path in self.row_of:
                found[self.row_of[finding.path]] = finding.detail
            if kind not in ("leak", "same_scene") and finding.partner in self.row_of:
                found.setdefault(self.row_of[finding.partner], f"see {finding.path}: {finding.detail}")
        return found

    def _unreadable(self) -> Iterator[Change]:
        for finding in self.audit.findings:
            if finding.kind in _UNREADABLE and finding.path not in self.row_of:
                yield Change(
                    path=finding.path,
                    digest="",
                    given_label="",
                    action=self.actions["unreadable"],
                    source="finding",
                    reason="unreadable",
                    detail=finding.detail,
                )

    def _scale(self) -> str:
        """The end of a sentence that begins "nobody knows"."""
        return what_sets(self.audit.decision, len(self.reviewed.settled))

    def _price(self) -> str:
        """A note on the cost of relabelling the chosen suspects."""
        if not is_measured(self.audit.decision):
            return f"How many get a wrong label nobody knows {self._scale()}."
        (cost,) = price_suspects(self.audit, self.suspects, [len(self.suspects)], self.reviewed.settled)
        return f"By verdicts about {cost.wrong:,.1f} of them get a wrong label, with 90% at most {cost.most:,}."

    def _notes(self, changes: Iterable[Change]) -> Iterator[str]:
        yield from self.reviewed.notes
        guesses = [change for change in changes if change.source in ("threshold", "fdr")]
        if guesses:
            right = sum(change.label_score or 0.0 for change in guesses)
            what = f"Suspects that are changed though nobody has reviewed them: {len(guesses):,}. "
            if self.flags is not None:
                yield f"{what}At most {100 * self.flags.target:.3g}% of them are expected to have a right label."
            elif self.surest is not None and self.actions["suspect"] == "relabel":
                yield f"{what}{self._price()}"
            elif not is_measured(self.audit.decision):
                yield f"{what}How many have a correct label nobody knows {self._scale()}."
            else:
                yield f"{what}By verdicts about {right:,.1f} of them have a correct label; a review would tell."
        elif self.flags is not None and self.actions["suspect"] != "keep":
            yield self.flags.sentence + " `flags` threshold takes the scan's own suspects." * (self.flags.left > 0)
        if self.surest is not None and not len(self.suspects):
            yield "No suspect is left that has a suggested label and no verdict."
        if self.doubtful:
            told = len(self.reviewed.settled)
            yield (
                f"Suspects that stay as they are because they are doubtful, not sure: {self.doubtful:,}. "
                f"`tier` doubtful takes them too{where_to_stop(scale_of(self.audit.decision, told))}."
            )
        if self.unsure:
            yield f"Not relabelled because the given label is still the most probable one: {self.unsure:,}."
        left_out = Counter(
            finding.kind
            for finding in self.audit.findings
            if finding.path not in self.row_of and finding.kind not in (*_UNREADABLE, *_OF_NO_FILE)
        )
        if left_out:
            said = ", ".join(count_kind(number, kind) for kind, number in sorted(left_out.items()))
            yield f"What the scan left out is not in the new dataset either: {said}."


def _share_with_copies(audit: Audit, reviewed: Reviewed) -> dict[int, Verdict]:
    """Row -> verdict in force, those of copies under other labels included where they agree."""
    found = dict(reviewed.settled)
    by_digest: dict[str, list[Verdict]] = {}
    for verdict in reviewed.settled.values():
        by_digest.setdefault(verdict.digest, []).append(verdict)
    for row, digest in enumerate(audit.samples.digests):
        said = by_digest.get(digest)
        if said and row not in found and row not in reviewed.disputed and len({verdict.right for verdict in said}) == 1:
            found[row] = said[-1]
    return found
