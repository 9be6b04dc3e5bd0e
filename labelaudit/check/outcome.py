"""The result of a check: rules with their verdicts, every suspect and finding with its status, the state of the
baseline.

Every output format draws on `Outcome.record`, so that none can disagree with another or with the exit code. Nothing is
left out of an outcome to keep it short: what does not count is listed too, with the reason why it does not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from labelaudit.audit.chance import Scale
from labelaudit.check.policy import Where
from labelaudit.types import Finding

SCHEMA_VERSION = 1
"""Version of `Outcome.record`; raised when a reader of the old form would misread the new one."""

Status = Literal["new", "known", "accepted", "ignored", "uncertain", "doubtful"]
STATUSES: tuple[Status, ...] = ("new", "known", "accepted", "ignored", "uncertain", "doubtful")


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A sample whose label is probably wrong, and whether the gate counts it."""

    path: str
    """Id of the sample, relative to the data root, with ``/``."""
    digest: str
    """Content digest; with the given label it is the suspect's identity."""
    given_label: str
    suggested_label: str
    """Most probable other class, or the one a person named; empty where a person found that none is right."""
    suspicion: float
    """In [0, 1], 1 = surely mislabeled."""
    chance: str
    """The chance that its label is wrong, in words: `labelaudit.audit.chance`."""
    reason: str
    """The reason it is suspected for, in words."""
    status: Status
    """new: counts · known: in the baseline · accepted: a person found the label right · ignored: by policy ·
    uncertain: within the tolerance of a threshold, on either side, so that it never fails a gate by itself ·
    doubtful: flagged, but not sure, and the policy counts sure suspects alone"""
    note: str = ""
    """A word on its status, where that needs one: who accepted it, the reason of an ignore."""

    def record(self) -> dict[str, Any]:
        """As JSON-able values; ``label_score`` is 1 - suspicion (lower = worse), as in ``suspects.csv``."""
        named = _pick(self, "path", "digest", "given_label", "suggested_label")
        return {**named, "label_score": _number(1 - self.suspicion), **_pick(self, "status", "reason", "note")}


@dataclass(frozen=True, kw_only=True)
class CheckedFinding(Finding):
    """A finding of the audit (file, row, copy, leak), and whether the gate counts it."""

    identity: str
    """32 hexadecimal digits, stable over renaming where the content is known: the key in a baseline."""
    status: Literal["new", "known", "ignored"]
    note: str = ""
    """The reason it is ignored for."""

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return _pick(self, "kind", "path", "partner", "detail", "identity", "status", "note")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the policy and how it ended."""

    id: str
    """max-noise · max-class-noise · noise-rise · max-suspects · max-new · max-suspects-per · no-conflicts ·
    no-unreadable · no-leaks · no-shortcuts"""
    measured: float | None
    """The number that was compared: a count, or for noise the lower end of the 90 % interval, in [0, 1]; None: not
    measurable."""
    limit: float
    """The rule is broken when ``measured`` is greater."""
    passed: bool
    message: str
    """One sentence: what was measured, and against what."""
    where: Where = field(default_factory=Where)
    """The samples it is about; all of them by default."""
    attribute: str = ""
    """The column whose values it compares; empty where it compares none."""
    open: bool = False
    """Whether it passed for want of proof alone: the interval of what was measured holds the limit."""

    @property
    def subject(self) -> str:
        """The class, path pattern or column it is about; empty: the whole dataset."""
        return self.attribute or str(self.where)

    @property
    def name(self) -> str:
        """``id``, with the subject where there is one: unique within an outcome."""
        return f"{self.id} {self.subject}" if self.subject else self.id

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        measured = None if self.measured is None else _number(self.measured)
        numbers = {"measured": measured, "limit": _number(self.limit)}
        return {**_pick(self, "id", "subject"), **numbers, **_pick(self, "passed", "open", "message")}


@dataclass(frozen=True, kw_only=True)
class StaleEntry:
    """An entry of the baseline that matches nothing any more."""

    path: str
    digest: str
    given_label: str
    """Empty for findings that are not suspects."""
    why: str
    """``gone``, ``relabelled as X``, ``no longer suspected`` or ``solved``."""


@dataclass(frozen=True, kw_only=True)
class BaselineReport:
    """The baseline compared with the audit: new, known and stale entries, and settings that differ."""

    path: str
    entries: int
    """Suspects and findings in it."""
    stale: tuple[StaleEntry, ...] = ()
    """Entries to remove with ``labelaudit baseline prune``; they never fail a gate."""
    changed: tuple[str, ...] = ()
    """Settings that differ from those it was made with, such as ``effort: standard, now quick``."""

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "path": self.path,
            "entries": self.entries,
            "stale": [asdict(entry) for entry in self.stale],
            "changed_settings": list(self.changed),
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The gate's verdict on one audit; `passed` and `exit_code` follow from the rules alone."""

    root: str
    """The dataset as the person named it."""
    fingerprint: str
    """Digest of the dataset's content and labels; 32 hexadecimal digits."""
    samples: int
    """Samples that the rules are about."""
    judged: int
    """Those of them whose label could be judged; the others are of classes with too few images."""
    classes: Mapping[str, int]
    """Class name -> those of its samples."""
    noise_rate: float
    """Estimated share of wrong labels among them, people's verdicts counted in; NaN where none could be judged."""
    noise_interval: tuple[float, float]
    """Its 90 % interval."""
    threshold: float
    """Suspicion from which a sample is flagged."""
    counted_from: float
    """Suspicion from which a flagged sample counts; above `threshold` where sure suspects alone count."""
    tolerance: float
    """Half the width of the bands around both in which a suspect is uncertain."""
    rules: tuple[Rule, ...]
    suspects: tuple[Suspect, ...]
    """All of them, of every status, worst first."""
    findings: tuple[CheckedFinding, ...] = ()
    """All of them, sorted by kind and path."""
    scope: str = ""
    """The part of the dataset that was checked, such as ``3 changed files``; empty: everything."""
    baseline: BaselineReport | None = None
    notes: tuple[str, ...] = ()
    """Sentences for a person: what was passed over and why, which ignores have expired."""
    run: str = ""
    """The RUN that was judged, as next steps name it; empty where none is kept."""
    scale: Scale = "open"
    """The state of the scale of the suspicions, for the next steps."""

    @property
    def passed(self) -> bool:
        """Whether every rule held."""
        return all(rule.passed for rule in self.rules)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 a rule is broken."""
        return 0 if self.passed else 1

    @property
    def is_about_nothing(self) -> bool:
        """Whether there was neither a sample nor a finding that a rule could have been about."""
        return not (self.samples or self.findings)

    @property
    def broken(self) -> tuple[Rule, ...]:
        """The rules that failed."""
        return tuple(rule for rule in self.rules if not rule.passed)

    @property
    def open(self) -> tuple[Rule, ...]:
        """The rules that passed, but are not shown to be kept."""
        return tuple(rule for rule in self.rules if rule.open)

    def counts(self) -> dict[Status, int]:
        """Number of suspects of every status, zeros included."""
        found = Counter(suspect.status for suspect in self.suspects)
        return {status: found[status] for status in STATUSES}

    def record(self) -> dict[str, Any]:
        """The outcome as JSON-able values, the same for the same outcome; numbers to six digits, unknown ones None."""
        kinds = Counter((problem.kind, problem.status) for problem in self.findings)
        return {
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed,
            "dataset": {
                "root": self.root,
                "fingerprint": self.fingerprint,
                "scope": self.scope,
                "samples": self.samples,
                "judged": self.judged,
                "classes": dict(self.classes),
            },
            "noise": {
                "rate": _number(self.noise_rate),
                "interval": [_number(end) for end in self.noise_interval],
                "confidence": 0.9,
            },
            "threshold": {
                "label_score_at_most": _number(1 - self.threshold),
                "counts_at_most": _number(1 - self.counted_from),
                "tolerance": _number(self.tolerance),
            },
            "rules": [rule.record() for rule in self.rules],
            "counts": {
                "suspects": dict(self.counts()),
                "findings": [
                    {"kind": kind, "status": status, "count": count} for (kind, status), count in sorted(kinds.items())
                ],
            },
            "suspects": [suspect.record() for suspect in self.suspects],
            "findings": [problem.record() for problem in self.findings],
            "baseline": None if self.baseline is None else self.baseline.record(),
            "notes": list(self.notes),
        }


def _pick(entry: object, *names: str) -> dict[str, Any]:
    """The fields of ``entry`` that are called so, in that order."""
    return {name: getattr(entry, name) for name in names}


def _number(value: float) -> float | None:
    """Six digits after the point; None for what JSON has no number for."""
    return round(float(value), 6) if math.isfinite(value) else None
