"""The baseline: what is known about a dataset and accepted for now.

Suspects are keyed by content digest and given label: renaming an image keeps it known, relabelling it does not. What
people found out (``verdict``, ``reviewer``, ``note``) survives every refresh. Left out: how the file looks, which is
`labelaudit.check.baseline_file`'s, and what is current (`labelaudit.check.refresh_baseline`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from labelaudit.text import name_some
from labelaudit.types import Identity

SPOKEN = ("verdict", "new_label", "reviewer", "time")
"""The fields of an entry that say what a person found."""
WORDS = ("given", "suggested", "other", "none")
"""Verdicts that a baseline can hold, as in `labelaudit.verdicts`: the given label is right, or it is not."""


class Noise(NamedTuple):
    """A share of wrong labels, in [0, 1], and its 90 % interval."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class KnownSuspect:
    """A suspect that is known."""

    path: str
    digest: str
    given_label: str
    suggested_label: str = ""
    suspicion: float = 0.0
    """The suspicion when the baseline was written, to two digits, in [0, 1], 1 = surely mislabeled."""
    verdict: str = ""
    """A person's finding, one of `WORDS`; empty: nobody looked."""
    new_label: str = ""
    """The right class, where the verdict names another than the given one."""
    reviewer: str = ""
    time: str = ""
    """Time of the verdict, ISO 8601 in UTC."""
    note: str = ""
    """Free text of a person."""

    @property
    def identity(self) -> Identity:
        """(content digest, given label)."""
        return self.digest, self.given_label


@dataclass(frozen=True)
class VerdictInForce:
    """The verdict in force on a sample: the latest that a person gave, in the RUN or in the baseline."""

    verdict: str
    new_label: str
    """The right class, where the given label is not."""
    reviewer: str
    time: str
    note: str = ""
    people: tuple[str, ...] = ()
    """All who found so in the RUN, ``reviewer`` among them; "" is one without a name."""

    @property
    def right(self) -> bool:
        """Whether the given label was found right."""
        return self.verdict == "given"

    def __str__(self) -> str:
        named = [name for name in self.people or (self.reviewer,) if name]
        who = f" by {name_some(named, 3)}" if named else ""
        when = f" ({self.time[:10]})" if self.time else ""
        found = "right" if self.right else "wrong"
        better = f": {self.new_label} is right" if self.new_label and not self.right else ""
        return "; ".join(part for part in (f"label found {found}{who}{when}{better}", self.note) if part)


@dataclass(frozen=True, kw_only=True)
class KnownFinding:
    """A finding that is known: a file, a conflict, a leak."""

    path: str
    kind: str
    identity: str
    """32 hexadecimal digits, as `CheckedFinding.identity`."""
    partner: str = ""
    note: str = ""
    """Free text of a person."""


Known = KnownSuspect | KnownFinding


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The suspects, findings and noise rates of a dataset that were known when the baseline was made."""

    dataset: Mapping[str, Any] = field(default_factory=dict)
    """``fingerprint`` and ``samples``."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: what shapes the findings, such as methods, effort, seed, threshold and labelaudit's version."""
    noise: Mapping[str, Noise] = field(default_factory=dict)
    """Noise rates, keyed by what they are about: ``dataset``, ``class cat`` or ``rule train/**``."""
    suspects: tuple[KnownSuspect, ...] = ()
    """Sorted by path; no identity twice."""
    findings: tuple[KnownFinding, ...] = ()
    """Sorted by path; no identity twice."""
    seen: frozenset[str] = frozenset()
    """`seen_key` of every sample that was there and not suspected."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "suspects", tuple(sorted(self.suspects, key=_order)))
        object.__setattr__(self, "findings", tuple(sorted(self.findings, key=_order)))

    @property
    def precision(self) -> Literal["auto", "float32", "int8"]:
        """The numbers backbones computed in when it was made: ``float32``, ``int8``, or ``auto`` where nothing says."""
        from labelaudit.features.specs import precision_of

        features = self.settings.get("features")
        return precision_of(features) if isinstance(features, str) else "auto"

    @property
    def entries(self) -> tuple[Known, ...]:
        """Suspects and findings."""
        return *self.suspects, *self.findings

    def __len__(self) -> int:
        return len(self.suspects) + len(self.findings)


def seen_key(identity: Identity) -> str:
    """Ten hexadecimal digits for a sample's content and label; one in a million million are alike."""
    text = "\0".join(identity)
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()


def merge(one: Baseline, other: Baseline, base: Baseline | None = None) -> Baseline:
    """Join two baselines: of one suspect's two verdicts the later counts, of two notes both. The rest is that of
    ``other``, and a noise rate is the higher of the two.

    With the ``base`` that both came from, an entry that one of them dropped since stays dropped, unless the other wrote
    a verdict or note into it meanwhile. Without one nothing says whether it was dropped here or added there: it stays.
    """
    if base is not None:
        one, other = _without_dropped(one, other, base), _without_dropped(other, one, base)
    suspects = {known.identity: known for known in one.suspects}
    for known in other.suspects:
        suspects[known.identity] = _join(suspects.get(known.identity, known), known)
    findings = {known.identity: known for known in (*one.findings, *other.findings)}
    noise = {
        name: max(two.noise[name] for two in (one, other) if name in two.noise) for name in {**one.noise, **other.noise}
    }
    return replace(
        other,
        suspects=tuple(suspects.values()),
        findings=tuple(findings.values()),
        noise=noise,
        seen=one.seen | other.seen,
    )


def compare(old: Baseline, new: Baseline) -> list[tuple[str, Known]]:
    """The changes from ``old`` to ``new``: ``added``, ``removed`` or ``verdict`` and the entry, by path."""
    before, after = ({entry.identity: entry for entry in one.entries} for one in (old, new))
    changes = [("added", known) for identity, known in after.items() if identity not in before]
    changes += [("removed", known) for identity, known in before.items() if identity not in after]
    for known in new.suspects:
        earlier = before.get(known.identity)
        if isinstance(earlier, KnownSuspect) and _words(earlier)[1:] != _words(known)[1:]:
            changes.append(("verdict", known))
    return sorted(changes, key=lambda change: (_order(change[1]), change[0]))


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences about settings that are not what they were.

    >>> changed_settings({"effort": "standard", "seed": 0}, {"effort": "quick", "seed": 0})
    ('effort: standard, now quick',)
    """
    return tuple(
        f"{name}: {_shown(old.get(name))}, now {_shown(new.get(name))}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    )


def _without_dropped(one: Baseline, other: Baseline, base: Baseline) -> Baseline:
    """``one`` less the entries that ``other`` dropped from ``base`` and nobody wrote into since."""
    before = {entry.identity: entry for entry in base.entries}
    after = {entry.identity for entry in other.entries}

    def stays(entry: Known) -> bool:
        earlier = before.get(entry.identity)
        return earlier is None or entry.identity in after or _words(entry) != _words(earlier)

    return replace(one, suspects=tuple(filter(stays, one.suspects)), findings=tuple(filter(stays, one.findings)))


def _words(entry: Known) -> tuple[str, ...]:
    """The words that a person wrote into an entry: the note, and of a suspect the verdict too."""
    return (entry.note, entry.verdict, entry.new_label) if isinstance(entry, KnownSuspect) else (entry.note,)


def _join(one: KnownSuspect, other: KnownSuspect) -> KnownSuspect:
    """Two readings of one suspect: the later verdict, and every note."""
    spoken = max((one, other), key=lambda known: (bool(known.verdict), known.time))
    notes = dict.fromkeys(note for note in (one.note, other.note) if note)
    return replace(other, **{name: getattr(spoken, name) for name in SPOKEN}, note="; ".join(notes))


def _order(known: Known) -> tuple[str, ...]:
    if isinstance(known, KnownSuspect):
        return known.path, known.given_label, known.digest
    return known.path, known.kind, known.identity


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
