"""Tells which suspects and findings count: the baseline, people's verdicts and the policy each take some out.

A suspect is a judged sample whose suspicion reaches the flag threshold less `TOLERANCE`, or one that a person found
wrong. Of those that nobody has looked at only the sure ones count, unless the policy says otherwise. The band of
± `TOLERANCE` around either threshold answers for numeric drift between machines: inside it a suspect is uncertain and
named, but counts for no rule; and since a baseline holds the uncertain and the doubtful ones too, a known suspect must
drift by two tolerances before it can look new. What a baseline has seen unsuspected, and has not changed since, is new
only beyond the wider band `REFIT`, by which models that are fitted anew can move it. Left out: such bands for rates,
whose intervals are far wider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from hashlib import blake2b

import numpy as np

from labelaudit.audit.chance import tell_chance
from labelaudit.audit.document import Audit
from labelaudit.check.baseline import Baseline, KnownSuspect, Noise, VerdictInForce, seen_key
from labelaudit.check.outcome import CheckedFinding, Status, Suspect
from labelaudit.check.policy import REFIT, TOLERANCE, Ignore, Policy, Where, matches_glob
from labelaudit.judge.scores import strongest_other
from labelaudit.types import Bools, Finding, Floats, Ints
from labelaudit.verdicts import Reviewed


@dataclass(frozen=True)
class Scope:
    """The samples that a gate is restricted to."""

    paths: frozenset[str]
    """Sample ids."""
    description: str
    """Such as ``3 changed files``."""
    notes: tuple[str, ...] = ()
    """Sentences for a person about how the files were chosen."""


@dataclass(frozen=True, eq=False)
class CheckInput:
    """An audit together with the baseline, policy and verdicts that it is checked against; says of each sample whether
    it counts, and why."""

    audit: Audit
    policy: Policy
    baseline: Baseline | None
    reviewed: Reviewed
    today: date
    scope: Scope | None
    measured: Noise | None = None
    """The share of wrong labels that a review of a random sample found, if there is one (`labelaudit.estimate`)."""

    def __post_init__(self) -> None:
        self.policy.check_classes(self.audit.samples.classes)

    @cached_property
    def threshold(self) -> float:
        """Suspicion from which a sample is a suspect: the policy's, or the audit's own."""
        return self.audit.decision.threshold if self.policy.threshold is None else self.policy.threshold

    @cached_property
    def counted_from(self) -> float:
        """Suspicion from which a suspect counts: `threshold`, or that of sure suspects where these alone count."""
        sure = self.audit.decision.sure_threshold
        if self.policy.threshold is not None or self.policy.tier == "doubtful" or sure is None:
            return self.threshold
        return max(self.threshold, sure)

    @cached_property
    def ignores(self) -> tuple[Ignore, ...]:
        """The ignores that have not expired."""
        return tuple(ignore for ignore in self.policy.ignores if not self.has_expired(ignore))

    def has_expired(self, ignore: Ignore) -> bool:
        return ignore.expires is not None and self.today > ignore.expires

    @cached_property
    def in_scope(self) -> Bools:
        """(n,) samples that the gate is about."""
        if self.scope is None:
            return np.ones(len(self.audit.samples), dtype=np.bool_)
        return np.array([name in self.scope.paths for name in self.audit.samples.ids], dtype=np.bool_)

    @cached_property
    def counted(self) -> Bools:
        """(n,) samples whose noise counts: judged, in scope and not ignored."""
        counted = self.audit.decision.judged & self.in_scope
        if self.ignores:
            rows = np.flatnonzero(counted)
            counted[rows] = [self._ignored_by(row) is None for row in rows.tolist()]
        return counted

    @cached_property
    def rulings(self) -> Mapping[int, VerdictInForce]:
        """Row -> verdict in force: of the RUN's and the baseline's the later one, the RUN's where neither is dated."""
        found = {}
        settled, people = self.reviewed.settled, self.reviewed.people
        spoken = {known.digest for known in self.known.values() if known.verdict}
        for row, digest in enumerate(self.audit.samples.digests):
            if row not in settled and digest not in spoken:
                continue
            known = self.known.get(self.audit.identity(row))
            latest = None
            if known is not None and known.verdict:
                label = known.new_label or (known.suggested_label if known.verdict == "suggested" else "")
                latest = VerdictInForce(known.verdict, label, known.reviewer, known.time, known.note)
            ahead = latest is not None and latest.time[:10] > self.today.isoformat()  # by a clock that was wrong
            said = settled.get(row)
            if said is not None and (latest is None or ahead or said.time >= latest.time):
                label, note = said.new_label if said.wrong else "", known.note if known else ""
                named = people.get(said.identity, ())
                latest = VerdictInForce(said.verdict, label, said.reviewer, said.time, note, named)
            if latest is not None:
                found[row] = latest
        return found

    @cached_property
    def known(self) -> Mapping[tuple[str, str], KnownSuspect]:
        """The baseline's suspects by identity, without the verdicts that their reviewers took back since."""
        known = {} if self.baseline is None else {known.identity: known for known in self.baseline.suspects}
        for identity, entry in known.items():
            if self.is_taken_back(entry):
                known[identity] = replace(entry, verdict="", new_label="", reviewer="", time="")
        return known

    def is_taken_back(self, known: KnownSuspect) -> bool:
        """Whether the RUN says that the reviewer took back the verdict of a baseline's entry.

        An ``undo`` takes back the verdict before it, which the baseline may have copied; where the RUN's own log has
        none, it is about an earlier one, known only to the baseline.
        """
        undone = self.reviewed.undone.get(known.identity, ()) if known.verdict else ()
        return any(
            said.reviewer == known.reviewer
            and (
                (said.verdict, said.time) == (known.verdict, known.time)
                or (said.verdict == "undo" and said.time >= known.time)
            )
            for said in undone
        )

    @cached_property
    def suspicion(self) -> Floats:
        """(n,) suspicion with people's verdicts counted in: 0 where the label was found right, 1 where wrong."""
        values = self.audit.decision.suspicion.copy()
        for row, ruling in self.rulings.items():
            values[row] = 0.0 if ruling.right else 1.0
        return values

    @cached_property
    def suspected(self) -> Bools:
        """(n,) samples that reach the threshold, or that a person found wrong, in scope or not."""
        decision = self.audit.decision
        own = self.policy.threshold is None
        found = decision.is_issue.copy() if own else decision.judged & (decision.suspicion >= self.threshold)
        found[[row for row, ruling in self.rulings.items() if not ruling.right]] = True
        return found

    @cached_property
    def watched(self) -> Bools:
        """(n,) samples that a baseline would hold: suspects, and those less than `TOLERANCE` below the threshold."""
        decision = self.audit.decision
        lower = max(self.threshold - TOLERANCE, self.threshold / 2)  # a low threshold has no band of spotless images
        return self.suspected | (decision.judged & (decision.suspicion >= lower))

    @cached_property
    def suspect_rows(self) -> Ints:
        """Rows of `suspects`."""
        order = self.audit.order
        return order[(self.suspected & self.in_scope)[order]]

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """All suspects in scope, worst first."""
        return tuple(self.suspect(row) for row in self.suspect_rows.tolist())

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Sample id -> row."""
        return {name: row for row, name in enumerate(self.audit.samples.ids)}

    @cached_property
    def problems(self) -> tuple[CheckedFinding, ...]:
        """All findings in scope, by kind and path."""
        known = set() if self.baseline is None else {known.identity for known in self.baseline.findings}
        found = []
        for finding in self.audit.findings:
            if self.scope is not None and self.scope.paths.isdisjoint((finding.path, finding.partner)):
                continue
            identity = self._identify(finding)
            ignore = next((ignore for ignore in self.ignores if self._covers(ignore, finding)), None)
            found.append(
                CheckedFinding(
                    **vars(finding),
                    identity=identity,
                    status="ignored" if ignore is not None else "known" if identity in known else "new",
                    note="" if ignore is None else _explain(ignore),
                )
            )
        return tuple(sorted(found, key=lambda problem: (problem.kind, problem.path, problem.partner)))

    def is_new(self, row: int) -> bool:
        """Whether a sample is in scope, and was not there when the baseline was written."""
        identity = self.audit.identity(row)
        seen = self.baseline is not None and (identity in self.known or seen_key(identity) in self.baseline.seen)
        return bool(self.in_scope[row]) and not seen

    def matches(self, where: Where) -> Bools:
        """(n,) samples in scope that a rule is about; the class must be a name, not ``*``."""
        return self.in_scope & self._all_of(where)

    def is_about_nothing(self, where: Where) -> bool:
        """Whether no sample of the whole dataset is meant; ``*`` stands for any class."""
        return not self._all_of(replace(where, label="" if where.label == "*" else where.label)).any()

    def _all_of(self, where: Where) -> Bools:
        """(n,) samples that are meant, in scope or not."""
        samples = self.audit.samples
        found = np.ones(len(samples), dtype=np.bool_)
        if where.label:
            found &= samples.labels == samples.classes.index(where.label)
        if where.path:
            found &= np.array([matches_glob(name, where.path) for name in samples.ids], dtype=np.bool_)
        return found

    @cached_property
    def unused_ignores(self) -> tuple[Ignore, ...]:
        """Ignores in force that take out nothing."""
        return tuple(
            ignore
            for ignore in self.ignores
            if not any(self._takes(ignore, row) for row in np.flatnonzero(self.suspected).tolist())
            and not any(self._covers(ignore, finding) for finding in self.audit.findings)
        )

    def suspect(self, row: int) -> Suspect:
        """A sample as a suspect, with its status."""
        samples, decision = self.audit.samples, self.audit.decision
        digest, given = self.audit.identity(row)
        ruling, known, ignore = self.rulings.get(row), self.known.get((digest, given)), self._ignored_by(row)
        unsuspected = () if self.baseline is None else self.baseline.seen
        suspicion = float(decision.suspicion[row])
        status: Status = "new"
        if ruling is not None and ruling.right:
            status, note = "accepted", str(ruling)
        elif ignore is not None:
            status, note = "ignored", _explain(ignore)
        else:
            note = str(ruling) if ruling is not None else known.note if known is not None else ""
            if row in self.reviewed.disputed:
                note = "reviewers disagree"
            if known is not None:
                status = "known"
            elif ruling is None and self._is_near_threshold(suspicion):
                status = "uncertain"
            elif ruling is None and suspicion < self.counted_from:
                status = "doubtful"
            elif ruling is None and suspicion < self.threshold + REFIT and seen_key((digest, given)) in unsuspected:
                status, note = "uncertain", note or "not suspected when the baseline was written, and not changed since"
        suggested = _suggest(self.audit, row)
        if ruling is not None and not ruling.right:
            suggested = ruling.new_label
        return Suspect(
            path=samples.ids[row],
            digest=digest,
            given_label=given,
            suggested_label=suggested,
            suspicion=suspicion,
            chance=tell_chance(decision, row),
            reason=decision.reasons[row],
            status=status,
            note=note,
        )

    def _is_near_threshold(self, suspicion: float) -> bool:
        """Whether another machine may put the sample on the other side of a threshold.

        What the scan calls sure counts, on this machine as it says; the band lies below.
        """
        return self.counted_from - TOLERANCE <= suspicion < self.counted_from or suspicion < self.threshold + TOLERANCE

    def _ignored_by(self, row: int) -> Ignore | None:
        return next((ignore for ignore in self.ignores if self._takes(ignore, row)), None)

    def _takes(self, ignore: Ignore, row: int) -> bool:
        """Whether ``ignore`` takes out the suspicion of a sample."""
        path, digest, label = self.audit.samples.claim(row)
        return ignore.kind in ("", "suspect") and _holds(ignore, path, label, digest)

    def _covers(self, ignore: Ignore, finding: Finding) -> bool:
        """Whether ``ignore`` takes out a finding: by its path, or by its partner's."""
        if ignore.kind not in ("", finding.kind):
            return False
        for name in filter(None, (finding.path, finding.partner)):
            row = self.row_of.get(name)
            _, digest, label = ("", "", "") if row is None else self.audit.samples.claim(row)
            if _holds(ignore, name, label, digest):
                return True
        return False

    def _identify(self, finding: Finding) -> str:
        """32 hexadecimal digits of a finding: of its kind and its samples' content and label, or path where unknown."""
        keys = []
        for name in filter(None, (finding.path, finding.partner)):
            row = self.row_of.get(name)
            key = [name] if row is None else list(self.audit.identity(row))
            if row is not None and finding.kind == "leak" and self.audit.samples.splits is not None:
                key.append(self.audit.samples.splits[row])
            keys.append("\0".join(key))
        text = "\1".join([finding.kind, *sorted(keys)])
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _holds(ignore: Ignore, path: str, label: str, digest: str) -> bool:
    return (
        (not ignore.where.path or matches_glob(path, ignore.where.path))
        and ignore.where.label in ("", label)
        and ignore.digest in ("", digest)
    )


def _explain(ignore: Ignore) -> str:
    return ignore.reason + (f" (until {ignore.expires})" if ignore.expires else "")


def _suggest(audit: Audit, row: int) -> str:
    """The most probable class other than the given one."""
    if audit.decision.predicted[row] != audit.samples.labels[row] or len(audit.samples.classes) == 1:
        return audit.suggested(row)
    return audit.samples.classes[int(strongest_other(audit.samples.labels[[row]], audit.decision.probs[[row]])[0])]
