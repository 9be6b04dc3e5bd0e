"""The sentences that every format of the gate for people shares, so that they all say the same.

What is counted is counted here once; the formats only escape and lay out. A suspect that was in the baseline, or that
a person or the policy has settled, is counted and not listed: old suspects don't nag. What a format leaves out is
named by `rest`. Text from the data stands as it is here: each format escapes whole sentences in its own way.
"""

from __future__ import annotations

import math
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from labelaudit.audit.chance import Scale, where_to_stop
from labelaudit.check.outcome import STATUSES, CheckedFinding, Outcome, Rule, Suspect
from labelaudit.check.policy import matches_glob
from labelaudit.check.rules import KINDS_OF
from labelaudit.kinds import kinds_of
from labelaudit.text import count, interval, name_some, says_little, spell_path

_SINGLE_FILES = (".npz", ".parquet")
"""Kinds of dataset whose samples are rows of one file, and no files of their own."""

_TOLD_BY: Mapping[Scale, str] = {
    "open": "labels alone cannot tell if the limit is kept. 20 verdicts narrow it down (`labelaudit tune {}`)",
    "outdated": "labels alone cannot tell if the limit is kept. Verdicts narrow it down once the list knows them ("
    "Rerank in `labelaudit review {}` or scan again)",
    "settled": "labels and verdicts cannot tell yet if the limit is kept. More verdicts narrow it down (`labelaudit "
    "review {}`)",
}


def verdict(outcome: Outcome) -> str:
    """PASSED or FAILED, and which rules did it."""
    total, broken = len(outcome.rules), len(outcome.broken)
    if broken:
        names = name_some([rule.name for rule in outcome.broken], 5)
        return f"FAILED: {broken:,} of {count(total, 'rule')} broken: {names}"
    if outcome.is_about_nothing:
        return "PASSED: nothing judged"
    unseen = "" if outcome.judged else ", no label judged"
    undecided = name_some([rule.name for rule in outcome.open], 5)
    kept = total - len(outcome.open)
    if undecided:
        return f"PASSED: {count(kept, 'rule')} kept, {len(outcome.open):,} neither kept nor broken: {undecided}{unseen}"
    return f"PASSED: {count(total, 'rule')} kept{unseen}" if total else f"PASSED: no rule was set{unseen}"


def standing(rule: Rule) -> str:
    """The end of a rule in a word: ok, open or BROKEN."""
    return "open" if rule.open else "ok" if rule.passed else "BROKEN"


def about(outcome: Outcome) -> str:
    """The dataset or the part of it that was judged, in one line."""
    scope = f", {outcome.scope}" if outcome.scope else ""
    classes = count(len(outcome.classes), "class", "classes")
    return f"{outcome.root or 'dataset'}{scope}: {count(outcome.samples, 'image')} in {classes}"


def noise(outcome: Outcome) -> str:
    """The interval in which the share of wrong labels lies."""
    low, high = outcome.noise_interval
    if not math.isfinite(outcome.noise_rate) or says_little(low, high):
        return "wrong labels: too few samples for an estimate"
    return f"wrong labels: {interval(low, high)} of all (90% interval)"


def suspects(outcome: Outcome) -> str:
    """The number of suspects of every status, zeros included."""
    parts = ", ".join(f"{number:,} {status}" for status, number in outcome.counts().items())
    return f"{count(len(outcome.suspects), 'suspect')}: {parts}"


def findings(outcome: Outcome) -> str:
    """The number of findings by status and kind."""
    if not outcome.findings:
        return "0 files or rows with a problem"
    kinds = Counter((STATUSES.index(problem.status), problem.kind) for problem in outcome.findings)
    parts = ", ".join(f"{number:,} {STATUSES[place]} {kind}" for (place, kind), number in sorted(kinds.items()))
    return f"{count(len(outcome.findings), 'file or row', 'files or rows')} with a problem: {parts}"


def open_suspects(outcome: Outcome) -> tuple[Suspect, ...]:
    """The suspects that wait for a person: new ones first, then uncertain and doubtful ones, each worst first."""
    return tuple(s for status in ("new", "uncertain", "doubtful") for s in outcome.suspects if s.status == status)


def open_findings(outcome: Outcome) -> tuple[CheckedFinding, ...]:
    """The findings that are neither in the baseline nor ignored."""
    return tuple(problem for problem in outcome.findings if problem.status == "new")


def rest(outcome: Outcome, shown: Sequence[Suspect | CheckedFinding]) -> str:
    """A sentence about the suspects and findings that are not among those ``shown``, and where they are; empty if all
    are."""
    hidden = Counter(entry.status for entry in outcome.suspects)
    hidden.subtract(entry.status for entry in shown if isinstance(entry, Suspect))
    parts = [f"{hidden[status]:,} {status}" for status in STATUSES if hidden[status]]
    left = [f"{', '.join(parts)} {'suspect' if hidden.total() == 1 else 'suspects'}"] if parts else []
    problems = len(outcome.findings) - sum(isinstance(entry, CheckedFinding) for entry in shown)
    if problems:
        left.append(count(problems, "file or row", "files or rows"))
    return f"Not listed here: {' and '.join(left)}; the formats json, jsonl and csv list all." if left else ""


def relabel(suspect: Suspect) -> str:
    """From which label to which."""
    return f"{suspect.given_label} -> {suspect.suggested_label or '(no class is right)'}"


def why(entry: Suspect | CheckedFinding) -> str:
    """The reason an entry is listed for, and the reason of its status."""
    said = entry.reason if isinstance(entry, Suspect) else entry.detail
    return f"{said.removesuffix('.')}; {entry.note}" if said and entry.note else said or entry.note


def by_class(suspects: Sequence[Suspect]) -> dict[str, list[Suspect]]:
    """Given label -> its suspects, in the same order."""
    groups: dict[str, list[Suspect]] = {}
    for suspect in suspects:
        groups.setdefault(suspect.given_label, []).append(suspect)
    return groups


def concerns(
    rule: Rule, outcome: Outcome, groups: Mapping[str, Sequence[Suspect]]
) -> Sequence[Suspect] | Sequence[CheckedFinding]:
    """The entries a broken ``rule`` is about: the open findings of its kinds, or the open suspects of its class and
    paths.

    ``groups`` is `by_class` of the open suspects.
    """
    where = rule.where
    if rule.id in KINDS_OF:
        return [problem for problem in open_findings(outcome) if problem.kind in KINDS_OF[rule.id]]
    if rule.attribute:
        return ()
    chosen = groups.get(where.label, ()) if where.label else open_suspects(outcome)
    return [suspect for suspect in chosen if not where.path or matches_glob(suspect.path, where.path)]


def baseline(outcome: Outcome) -> tuple[str, ...]:
    """Lines about the baseline, if there is one."""
    report = outcome.baseline
    if report is None:
        return ()
    lines = [f"Baseline {report.path}: {count(report.entries, 'entry', 'entries')}, {len(report.stale):,} stale"]
    if report.stale:
        reasons = Counter(entry.why for entry in report.stale)
        said = name_some([f"{number:,} {why}" for why, number in sorted(reasons.items())], 5)
        lines.append(f"Stale entries: {said}")
    if report.changed:
        lines.append(f"Settings differ from the baseline's: {name_some(report.changed, 5)}")
    return tuple(lines)


def advice(outcome: Outcome) -> tuple[str, ...]:
    """The next steps, one sentence each."""
    steps, counts, baseline = [], outcome.counts(), outcome.baseline
    run = spell_path(outcome.run) if outcome.run else "RUN"
    checked = run if outcome.run else spell_path(outcome.root) if outcome.root else "DATA"
    known = "" if baseline is None else spell_path(baseline.path)
    if counts["new"]:
        steps.append(
            f"Look at {count(counts['new'], 'new suspect')} with `labelaudit review {run}`: correct wrong labels in "
            "the data, confirm right ones."
        )
    if any(problem.kind not in kinds_of("dataset") for problem in open_findings(outcome)):
        steps.append("Repair, remove or relabel the files and rows with a new problem.")
    if not outcome.passed and baseline is None and outcome.suspects:
        write = f"`labelaudit check {checked} --write-baseline FILE`"
        steps.append(f"To count only what is new from now on, keep a baseline: {write}.")
    if counts["uncertain"]:
        steps.append(
            f"{count(counts['uncertain'], 'suspect')} within {outcome.tolerance:.2g} of the threshold: another machine "
            "may decide otherwise, so none fails the gate."
        )
    if counts["doubtful"]:
        steps.append(
            f"{count(counts['doubtful'], 'suspect counts', 'suspects count')} only where `tier` is doubtful"
            f"{where_to_stop(outcome.scale, run)}."
        )
    if outcome.open and outcome.judged:
        steps.append(
            f"{name_some([rule.name for rule in outcome.open], 5)}: {_TOLD_BY[outcome.scale].format(run)}, "
            f"a blind review settles it (`labelaudit estimate {run}`)."
        )
    if baseline is not None and baseline.stale:
        gone = sum(entry.why == "gone" for entry in baseline.stale)
        if len(baseline.stale) == baseline.entries and 2 * gone > baseline.entries:
            steps.append("No entry of the baseline fits this data: see that it is not another dataset's.")
        steps.append(f"Remove stale entries with `labelaudit baseline prune {known} {run}`.")
    if baseline is not None and baseline.changed:
        write = f"`labelaudit check {checked} --write-baseline {known}`"
        refresh = "Then refresh" if counts["new"] else "Refresh"
        steps.append(f"{refresh} the baseline for changed settings: {write}.")
    if any(" RUN" in step for step in steps):
        steps.insert(0, f"Keep the scan: `labelaudit check {checked} --run RUN`.")
    return tuple(steps)


def file_of(outcome: Outcome, path: str) -> str:
    """The file of a sample as a CI system names it: relative to where the check ran, if the dataset was named so.

    >>> from types import SimpleNamespace
    >>> file_of(SimpleNamespace(root="./pets"), "cat/a.png")
    'pets/cat/a.png'
    """
    if is_single_file(outcome.root):
        return posixpath.normpath(outcome.root)
    return posixpath.normpath(posixpath.join(outcome.root, path)) if outcome.root else path


def is_single_file(root: str) -> bool:
    """Whether the samples of the dataset ``root`` are rows of one file.

    >>> is_single_file("data/pets.npz"), is_single_file("pets")
    (True, False)
    """
    return PurePosixPath(root).suffix.lower() in _SINGLE_FILES
