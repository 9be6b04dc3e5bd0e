"""Audits judged by a policy in one line, for the tests of `labelaudit check`."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from audits import IDS, make_audit, make_decision, make_samples

from labelaudit.audit.document import Audit
from labelaudit.check import Baseline, Outcome, judge_gate, refresh_baseline
from labelaudit.check.outcome import Rule
from labelaudit.check.policy import Policy
from labelaudit.verdicts import Verdict

DAY = date(2026, 11, 21)


IDENTITY = [f"{i:032x}" for i in range(6)]


def judged(policy: Policy | None = None, baseline: Baseline | None = None, **options: Any) -> Outcome:
    audit = options.pop("audit", None) or make_audit()
    return judge_gate(audit, policy or Policy(), baseline, **{"today": DAY, **options})


def only(**limits: Any) -> Policy:
    """A policy of these limits, the rules that hold by default switched off."""
    return Policy(**{"no_conflicts": False, "no_unreadable": False, "no_leaks": False, **limits})


def known() -> Baseline:
    return refresh_baseline(make_audit(), Policy(), today=DAY)


def verdict(row: int, said: str, new_label: str = "", **changes: str) -> Verdict:
    label = IDS[row].split("/")[0]
    return Verdict(path=IDS[row], digest=IDENTITY[row], given_label=label, verdict=said, new_label=new_label, **changes)


def rule(outcome: Outcome, name: str) -> Rule:
    return next(rule for rule in outcome.rules if rule.name == name)


def many(labels: list[int], suspicion: list[float]) -> Audit:
    """A larger dataset of cats and dogs."""
    n, given_label = len(labels), np.array(labels, dtype=np.int64)
    samples = make_samples(
        ids=tuple(f"{'train' if i % 2 else 'test'}/{i}.png" for i in range(n)),
        labels=given_label,
        digests=tuple(f"{i:032x}" for i in range(n)),
    )
    values = np.array(suspicion)
    decision = make_decision(
        suspicion=values,
        is_issue=values >= 0.5,
        judged=np.ones(n, dtype=bool),
        probs=np.eye(3, dtype=np.float32)[given_label],
        predicted=1 - given_label,
        reasons=("",) * n,
    )
    return make_audit(samples=samples, decision=decision, evidence={}, findings=())
