"""Keeps a baseline up to date with the audit of today: finds stale entries, refreshes it and prunes it.

Left out: baselines of a part of a dataset. A gate restricted to some files neither refreshes a baseline nor calls
entries stale.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.check.baseline import SPOKEN, Baseline, KnownFinding, KnownSuspect, Noise, changed_settings, seen_key
from labelaudit.check.check_input import CheckInput
from labelaudit.check.outcome import BaselineReport, StaleEntry
from labelaudit.check.policy import TOLERANCE, Policy
from labelaudit.check.rules import apply_rules
from labelaudit.errors import RunError
from labelaudit.scanning.settings import RECORDED
from labelaudit.verdicts import Reviewed


def refresh_baseline(
    audit: Audit, policy: Policy, old: Baseline | None = None, reviewed: Reviewed | None = None, *, today: date
) -> Baseline:
    """The baseline that knows everything ``audit`` found, but for what the policy ignores.

    Verdicts and notes of ``old`` stay, also those on images that are gone or no longer suspected; its other stale
    entries go. A suspicion that moved by no more than the tolerance is left as it was, so that the file stays quiet.
    """
    case = CheckInput(audit, policy, old, reviewed or Reviewed(), today, None)
    found: dict[tuple[str, str], KnownSuspect] = {}
    for row in audit.order[case.watched[audit.order]].tolist():
        suspect = case.suspect(row)
        identity = suspect.digest, suspect.given_label
        if suspect.status == "ignored" or identity in found:
            continue
        earlier, ruling = case.known.get(identity), case.rulings.get(row)
        suspicion = round(suspect.suspicion, 2)
        if earlier is not None and abs(earlier.suspicion - suspect.suspicion) <= TOLERANCE:
            suspicion = earlier.suspicion
        found[identity] = KnownSuspect(
            path=suspect.path,
            digest=suspect.digest,
            given_label=suspect.given_label,
            suggested_label=suspect.suggested_label,
            suspicion=suspicion,
            note=earlier.note if earlier else "",
            **({name: getattr(ruling, name) for name in SPOKEN} if ruling else {}),
        )
    kept = [known for known in case.known.values() if known.identity not in found and (known.verdict or known.note)]
    notes = {} if old is None else {known.identity: known.note for known in old.findings}
    problems = {
        problem.identity: KnownFinding(
            path=problem.path,
            kind=problem.kind,
            identity=problem.identity,
            partner=problem.partner,
            note=notes.get(problem.identity, ""),
        )
        for problem in case.problems
        if problem.status != "ignored"
    }
    limits = replace(policy, max_new=None, rules=tuple(replace(rule, max_new=None) for rule in policy.rules))
    _, noise = apply_rules(replace(case, policy=limits))
    return Baseline(
        dataset={"fingerprint": audit.fingerprint, "samples": len(audit.samples)},
        settings=shaping_settings(audit, case.threshold),
        noise={name: Noise(*(round(end, 4) for end in value)) for name, value in noise.items()},
        suspects=(*found.values(), *kept),
        findings=tuple(problems.values()),
        seen=frozenset(
            seen_key(audit.identity(row)) for row in np.flatnonzero(~case.watched & audit.decision.judged).tolist()
        ),
    )


def prune_baseline(baseline: Baseline, audit: Audit) -> tuple[Baseline, tuple[StaleEntry, ...]]:
    """``baseline`` without its stale entries, verdicts on images that are gone included, and those entries.

    Raises:
        RunError: it knows none of the images, so it is about another dataset: nothing would be left of it.
    """
    if baseline.suspects and not {known.digest for known in baseline.suspects} & set(audit.samples.digests):
        raise RunError(
            f"none of the {len(baseline.suspects):,} images in the baseline is in '{audit.samples.root}': it is about "
            "another dataset, or start anew with `labelaudit check --write-baseline`"
        )
    made_with = baseline.settings.get("threshold")
    threshold = made_with if isinstance(made_with, float) and 0 <= made_with <= 1 else None
    case = CheckInput(audit, Policy(threshold=threshold), baseline, Reviewed(), date.min, None)
    stale = find_stale(case, baseline)
    gone = {(entry.path, entry.digest, entry.given_label) for entry in stale}
    return replace(
        baseline,
        suspects=tuple(s for s in baseline.suspects if (s.path, s.digest, s.given_label) not in gone),
        findings=tuple(f for f in baseline.findings if (f.path, f.identity, "") not in gone),
    ), stale


def shaping_settings(audit: Audit, threshold: float) -> dict[str, Any]:
    """The settings that shape an audit's findings and are not at nothing, as values for JSON.

    The precision is not among them: the name of the features says it.
    """
    recipe, said = audit.decision.recipe, audit.settings
    return {name: said[name] for name in RECORDED if said.get(name) and name != "precision"} | {
        "features": recipe.get("features"),
        "seed": audit.seed,
        "threshold": round(threshold, 6),
        "labelaudit": audit.versions.get("labelaudit"),
    }


def report_baseline(case: CheckInput, baseline: Baseline, path: str) -> BaselineReport:
    """Compare ``baseline`` with the audit of ``case``."""
    now = shaping_settings(case.audit, case.threshold)
    if case.policy.threshold is None and "threshold" in baseline.settings:
        now["threshold"] = baseline.settings["threshold"]  # every scan finds its own, which is nobody's setting
    return BaselineReport(
        path=path,
        entries=len(baseline),
        stale=() if case.scope is not None else find_stale(case, baseline),
        changed=changed_settings(baseline.settings, now),
    )


def find_stale(case: CheckInput, baseline: Baseline) -> tuple[StaleEntry, ...]:
    """Entries that match nothing any more; a verdict on an image that is still there is a record, never stale."""
    present = {case.audit.identity(row) for row in range(len(case.audit.samples))}
    suspected = {case.audit.identity(row) for row in case.watched.nonzero()[0].tolist()}
    label_of = dict(present)
    stale = []
    for known in case.known.values():
        if known.identity in suspected or (known.identity in present and known.verdict):
            continue
        why = "gone"
        if known.identity in present:
            why = "no longer suspected"
        elif known.digest in label_of:
            why = f"relabelled as {label_of[known.digest]}"
        stale.append(StaleEntry(path=known.path, digest=known.digest, given_label=known.given_label, why=why))
    current = {problem.identity for problem in case.problems}
    stale += [
        StaleEntry(path=known.path, digest=known.identity, given_label="", why="solved")
        for known in baseline.findings
        if known.identity not in current
    ]
    return tuple(sorted(stale, key=lambda entry: (entry.path, entry.given_label, entry.digest)))
