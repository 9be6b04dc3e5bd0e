"""Judges an audit by a policy: statuses, rules and the state of the baseline become one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from labelaudit.audit.chance import scale_of
from labelaudit.audit.document import Audit
from labelaudit.check.baseline import Baseline, Noise
from labelaudit.check.check_input import CheckInput, Scope
from labelaudit.check.outcome import CheckedFinding, Outcome
from labelaudit.check.policy import TOLERANCE, Policy, matches_glob
from labelaudit.check.rules import apply_rules
from labelaudit.check.upkeep import report_baseline
from labelaudit.errors import DataError
from labelaudit.judge.decide import FEWEST
from labelaudit.kinds import KINDS, TWO_LABELS, tell_two_labels
from labelaudit.text import count, name_some
from labelaudit.verdicts import Reviewed


def judge_gate(
    audit: Audit,
    policy: Policy,
    baseline: Baseline | None = None,
    reviewed: Reviewed | None = None,
    *,
    today: date,
    scope: Scope | None = None,
    measured: Noise | None = None,
    baseline_path: Path | str = "",
) -> Outcome:
    """Judge ``audit`` by ``policy``; what ``baseline`` knows does not count.

    Args:
        audit: of the whole dataset, even where only some files are of interest.
        policy: its limits and ignores.
        baseline: what was known before.
        reviewed: people's verdicts (`labelaudit.verdicts.match`); those in the baseline count too.
        today: on which ignores are in force.
        scope: the samples that the rules are about; the baseline's stale entries are then left alone.
        measured: the noise of the dataset as a review of a random sample found it, which then counts for what models
            read.
        baseline_path: how the baseline is called in the outcome.

    Raises:
        DataError: there is nothing to judge, which is not a pass.
        OptionError: the policy names a class that does not exist, or counts against a baseline that is not there.
    """
    if not len(audit.samples):
        raise DataError(f"'{audit.samples.root}' holds no sample: an empty dataset does not pass")
    if not audit.decision.judged.any():
        few = f"no class has the {FEWEST} {_units(audit)} or more that a label is judged by"
        raise DataError(f"'{audit.samples.root}': {few}, so nothing can pass: add images")
    case = CheckInput(audit, policy, baseline, reviewed or Reviewed(), today, scope, measured)
    rules, noise = apply_rules(case)
    rate = noise.get("dataset")
    samples = audit.samples
    sizes = np.bincount(samples.labels[case.in_scope], minlength=len(samples.classes)).tolist()
    return Outcome(
        root=samples.root,
        fingerprint=audit.fingerprint,
        samples=int(case.in_scope.sum()),
        judged=int((case.in_scope & audit.decision.judged).sum()),
        classes=dict(zip(samples.classes, sizes, strict=True)),
        noise_rate=float("nan") if rate is None else rate.rate,
        noise_interval=(float("nan"),) * 2 if rate is None else (rate.low, rate.high),
        threshold=case.threshold,
        counted_from=case.counted_from,
        tolerance=TOLERANCE,
        rules=rules,
        suspects=case.suspects,
        findings=_by_new_files(case),
        scope="" if scope is None else scope.description,
        baseline=None if baseline is None else report_baseline(case, baseline, str(baseline_path)),
        notes=tuple(_notes(case)),
        scale=scale_of(audit.decision, len(case.reviewed.settled)),
    )


def _by_new_files(case: CheckInput) -> tuple[CheckedFinding, ...]:
    """The findings, those of an image under two labels by the name of the file that is new, where only one is."""
    return tuple(
        sorted(
            (_turn(case, problem) for problem in case.problems),
            key=lambda problem: (problem.kind, problem.path, problem.partner),
        )
    )


def _turn(case: CheckInput, problem: CheckedFinding) -> CheckedFinding:
    own, other = case.row_of.get(problem.path), case.row_of.get(problem.partner)
    if problem.kind not in TWO_LABELS or own is None or other is None:
        return problem
    if case.is_new(own) or not case.is_new(other):
        return problem
    mine, theirs = case.audit.samples.claim(own), case.audit.samples.claim(other)
    detail = tell_two_labels(problem.kind, theirs.label, mine.path, mine.label)
    return replace(problem, path=theirs.path, partner=mine.path, detail=detail)


def _notes(case: CheckInput) -> Iterator[str]:
    """Yield what a person should know besides the rules."""
    policy = case.policy
    yield from _policy_notes(case)
    if not policy.asks:
        suspects = "; suspects are reported and do not fail" if case.baseline is None else ", no new suspects"
        yield f"No limit was asked for, so the default ones hold: no conflicts, unreadable files or leaks{suspects}."
    ungated = Counter(
        problem.kind for problem in case.problems if problem.kind not in KINDS or not KINDS[problem.kind].rule
    )
    if ungated:
        said = ", ".join(f"{number:,} {kind}" for kind, number in sorted(ungated.items()))
        yield f"Findings that no rule is about, so that they never fail: {said}."
    if case.scope is not None:
        yield from case.scope.notes
        outside = int(case.suspected.sum()) - len(case.suspects)
        findings = len(case.audit.findings) - len(case.problems)
        if outside or findings:
            what = f"{count(outside, 'suspect')}, {count(findings, 'file or row', 'files or rows')}"
            yield f"Outside of the {case.scope.description}, not judged: {what}."
    unjudged = [row["label"] for row in case.audit.class_table() if row["samples"] and not row["judged"]]
    if unjudged:
        yield f"Not judged, with fewer than {FEWEST} {_units(case.audit)} to judge by: {name_some(unjudged)}."
    yield from case.reviewed.notes
    taken_back = [] if case.baseline is None else [k for k in case.baseline.suspects if case.is_taken_back(k)]
    if taken_back:
        yield (
            f"{count(len(taken_back), 'verdict')} in the baseline, first on {taken_back[0].path}, "
            "taken back since: left out, and gone from it once it is written again."
        )
    if case.reviewed.disputed:
        yield "What reviewers disagree on counts as if nobody had looked."


def _units(audit: Audit) -> str:
    """The word for what a class is counted by: images, or groups of them that must not vouch for each other."""
    return "images" if audit.samples.groups == audit.samples.digests else "groups of images"


def _policy_notes(case: CheckInput) -> Iterator[str]:
    """Yield the parts of the policy that match nothing; they come first, for a typo there leaves a gate open."""
    policy = case.policy
    for rule in policy.rules:
        if case.is_about_nothing(rule.where):
            yield f"'{rule.where}' matches no image: {_place(policy, 'rule')} about it decides nothing."
    findings = [name for finding in case.audit.findings for name in (finding.path, finding.partner) if name]
    for ignore in policy.ignores:
        where = ignore.where
        if case.has_expired(ignore):
            yield f"The ignore of {ignore} ({ignore.reason}) expired on {ignore.expires} and no longer holds."
        elif case.is_about_nothing(where) and not any(
            matches_glob(name, where.path) for name in findings if where.path
        ):
            yield f"'{where}' matches no image: {_place(policy, 'ignore')} ({ignore.reason}) takes out nothing."
        elif case.scope is None and ignore in case.unused_ignores:
            yield f"The ignore of {ignore} ({ignore.reason}) matches nothing: remove it."


def _place(policy: Policy, key: str) -> str:
    origin = policy.origins.get(key, "").removesuffix(f": {key}")
    return f"the {key} of {origin}" if origin else f"the {key}"
