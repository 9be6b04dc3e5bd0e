"""The rules of a policy: what is measured, against which limit, for which part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from audits import make_audit, make_decision
from judged import DAY, judged, known, many, only, rule, verdict

from labelaudit.check import refresh_baseline
from labelaudit.check.baseline import Noise
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.policy import Ignore, Policy, ScopedRule, Where
from labelaudit.errors import OptionError
from labelaudit.judge.decide import noise_rate
from labelaudit.types import Finding
from labelaudit.verdicts import match

# noise


@pytest.mark.parametrize(("limit", "passed"), [(0.19, False), (0.2, True), (0.3, True), (0.5, True)])
def test_noise_fails_only_where_the_whole_interval_is_above(limit: float, passed: bool) -> None:
    outcome = judged(only(max_noise=limit))
    (single,) = outcome.rules
    assert (single.passed, single.measured, single.limit) == (passed, 0.2, limit)
    assert ("neither kept nor broken" in single.message) == single.open
    assert ("another machine" in single.message) == (limit == 0.2)
    assert single.open == (passed and limit < outcome.noise_interval[1])
    assert not judged(only(max_noise=0.95)).open


def test_with_a_baseline_noise_must_rise_beyond_its_interval() -> None:
    high, low = (replace(known(), noise={"dataset": Noise(0.1, 0.05, end)}) for end in (0.2, 0.15))
    assert judged(Policy(max_noise=0.01), high).rules[0].passed
    broken = judged(Policy(max_noise=0.01), low).rules[0]
    assert (broken.passed, broken.limit) == (False, 0.15)
    assert "the baseline reached" in broken.message
    assert rule(judged(baseline=high), "noise-rise").passed
    between = replace(known(), noise={"dataset": Noise(0.1, 0.05, 0.45)})  # above its own 40 %, below the end of 60 %
    assert ", partly above the 45% that the baseline" in rule(judged(baseline=between), "noise-rise").message
    audit = make_audit(decision=make_decision(noise_interval=(0.2, 0.60003)))
    just_written = refresh_baseline(audit, Policy(), today=DAY)
    assert ", within the 60% that" in rule(judged(audit=audit, baseline=just_written), "noise-rise").message
    assert not rule(judged(baseline=low), "noise-rise").passed
    assert judged(Policy(max_noise=0.3), low).rules[0].limit == 0.3


def test_verdicts_and_ignores_change_the_noise() -> None:
    assert judged().noise_rate == 0.4  # the audit's own, while nothing was taken out
    right = judged(reviewed=match(make_audit(), [verdict(1, "given"), verdict(3, "given")]))
    assert right.noise_rate == noise_rate(np.array([0.1, 0, 0.2, 0, 0.3]))[0]
    wrong = judged(reviewed=match(make_audit(), [verdict(0, "none")]))
    assert wrong.noise_rate == noise_rate(np.array([1, 0.97, 0.2, 0.97, 0.3]))[0]
    without = judged(Policy(ignores=(Ignore(where=Where(path="dog/"), reason="r"),)))
    assert without.noise_rate == noise_rate(np.array([0.1, 0.97, 0.2]))[0]


def test_verdicts_that_the_audit_knows_leave_its_interval_and_further_ones_do_not_narrow_it() -> None:
    audit = make_audit()
    known_already = make_decision(suspicion=np.where(np.arange(6) == 1, 0.0, audit.decision.suspicion))
    right = match(audit, [verdict(1, "given")])
    own = make_audit(decision=known_already, findings=())
    assert judged(audit=own, reviewed=right).noise_interval == own.decision.noise_interval
    wide = make_audit(decision=make_decision(noise_interval=(0.0, 0.99)), findings=())
    low, high = judged(audit=wide, reviewed=right).noise_interval
    assert (low, high >= 0.9) == (0.0, True)


def test_noise_that_the_audit_could_not_estimate() -> None:
    unknown = make_audit(decision=make_decision(noise_rate=np.nan, noise_interval=(np.nan, np.nan)), findings=())
    outcome = judged(Policy(max_noise=0.1), audit=unknown)
    assert (outcome.rules[0].measured, outcome.record()["noise"]["rate"]) == (None, None)
    assert refresh_baseline(unknown, Policy(), today=DAY).noise == {}


def test_class_limits() -> None:
    outcome = judged(only(max_class_noise={"dog": 0.9, "*": 0.5}))
    assert [(r.name, r.limit) for r in outcome.rules] == [
        ("max-class-noise cat", 0.5),
        ("max-class-noise dog", 0.9),
        ("max-class-noise owl", 0.5),
    ]
    owl = rule(outcome, "max-class-noise owl")
    assert (owl.measured, owl.passed) == (None, True)
    assert "cannot be estimated" in owl.message
    assert any("Not judged" in note and "owl" in note for note in outcome.notes)
    with pytest.raises(OptionError, match="'dgo': did you mean 'dog'"):
        judged(only(max_class_noise={"dgo": 0.1}))


def test_a_noisy_class_breaks_its_limit_and_no_other() -> None:
    audit = many([0] * 200 + [1] * 200, [0.5] * 200 + [0.0] * 200)
    outcome = judged(only(max_class_noise={"*": 0.1}), audit=audit)
    assert [(r.subject, r.passed) for r in outcome.rules] == [("cat", False), ("dog", True)]
    baseline = refresh_baseline(audit, only(max_class_noise={"*": 0.1}), today=DAY)
    assert judged(only(max_class_noise={"*": 0.1}), baseline, audit=audit).passed


# counts, findings and rules for a part


def test_counts_are_of_what_is_new() -> None:
    assert [r.passed for r in judged(only(max_suspects=2)).rules] == [True]
    broken = judged(only(max_suspects=1)).rules[0]
    assert (broken.passed, broken.measured, broken.limit) == (False, 2.0, 1.0)
    baseline = replace(known(), suspects=known().suspects[:1])
    outcome = judged(only(max_suspects=0, max_new=1), baseline)
    assert [(r.id, r.measured, r.passed) for r in outcome.rules][1:] == [
        ("max-suspects", 1.0, False),
        ("max-new", 1.0, True),
    ]
    assert "1 known to the baseline" in outcome.rules[1].message


def test_max_new_without_a_baseline_cannot_be_meant() -> None:
    with pytest.raises(OptionError, match="`baseline`"):
        judged(Policy(max_new=0))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("conflict", "no-conflicts"),
        ("near_duplicate", "no-conflicts"),
        ("truncated", "no-unreadable"),
        ("missing", "no-unreadable"),
        ("leak", "no-leaks"),
    ],
)
def test_a_finding_breaks_its_rule_until_it_is_known(kind: str, name: str) -> None:
    audit = make_audit(findings=(Finding(kind=kind, path="cat/a.png", detail="", partner="dog/d.png"),))
    assert [r.name for r in judged(audit=audit).broken] == [name]
    baseline = refresh_baseline(audit, Policy(), today=DAY)
    again = judged(baseline=baseline, audit=audit)
    assert again.passed
    assert [finding.status for finding in again.findings] == ["known"]


def test_findings_without_a_rule_are_listed() -> None:
    kinds = ("bad_name", "unlabelled", "unlabelled", "duplicate_row")
    audit = make_audit(findings=tuple(Finding(kind=kind, path=f"{i}", detail="") for i, kind in enumerate(kinds)))
    outcome = judged(audit=audit)
    assert outcome.passed
    assert sorted(problem.kind for problem in outcome.findings) == sorted(kinds)
    said = "Findings that no rule is about, so that they never fail: 1 bad_name, 1 duplicate_row, 2 unlabelled."
    assert said in outcome.notes
    for name, render in GATE_FORMATS.items():
        assert "unlabelled" in render(outcome), name
    assert not any("no rule is about" in note for note in judged().notes)


def test_without_limits_facts_count_and_suspects_do_not() -> None:
    outcome = judged()
    assert [r.name for r in outcome.rules] == ["no-conflicts", "no-unreadable", "no-leaks"]
    assert judged(audit=make_audit(findings=())).passed
    assert any(note.startswith("No limit was asked for") for note in outcome.notes)
    assert [r.name for r in judged(Policy(no_leaks=False)).rules] == ["no-conflicts", "no-unreadable"]
    with_baseline = judged(baseline=known())
    assert [r.name for r in with_baseline.rules] == [
        "noise-rise",
        "max-new",
        "no-conflicts",
        "no-unreadable",
        "no-leaks",
    ]
    assert [r.name for r in judged(only(no_leaks=True)).rules] == ["no-leaks"]


def test_rules_for_a_part() -> None:
    audit = many([0, 1] * 100, [0.9, 0.1] * 100)  # every cat is suspect, and the cats are in test/
    policy = only(
        rules=(
            ScopedRule(where=Where(path="train/**"), max_suspects=0, max_noise=0.2),
            ScopedRule(where=Where(path="test/"), max_suspects=99),
            ScopedRule(where=Where(label="*"), max_suspects=0),
            ScopedRule(where=Where(path="*.jpg"), max_suspects=0),
        )
    )
    outcome = judged(policy, audit=audit)
    assert {r.name: r.passed for r in outcome.rules} == {
        "max-noise train/**": True,
        "max-suspects train/**": True,
        "max-suspects test/": False,
        "max-suspects cat": False,
        "max-suspects dog": True,
        "max-suspects *.jpg": True,
    }
    assert any("'*.jpg' matches no image" in note for note in outcome.notes)
    twice = Policy(rules=(ScopedRule(where=Where(label="cat"), max_suspects=0),) * 2)
    with pytest.raises(OptionError, match="two rules 'max-suspects cat'"):
        judged(twice, audit=audit)
    with pytest.raises(OptionError, match="rule 1: unknown class 'kite'"):
        judged(Policy(rules=(ScopedRule(where=Where(label="kite"), max_suspects=0),)), audit=audit)


# what holds whatever else is asked for, and names that mean nothing


@pytest.mark.parametrize(
    "policy",
    [
        Policy(max_noise=0.9),
        Policy(max_suspects=99),
        Policy(max_class_noise={"cat": 0.9}),
        Policy(rules=(ScopedRule(where=Where(path="nothing/**"), max_suspects=0),)),
        Policy(no_leaks=True),
        Policy(no_leaks=False),
    ],
)
def test_no_other_limit_switches_off_the_rules_about_facts(policy: Policy) -> None:
    assert [r.name for r in judged(policy).broken] == ["no-conflicts", "no-unreadable"]
    allowed = replace(policy, no_conflicts=False, no_unreadable=False)
    assert judged(allowed).passed


def test_with_a_baseline_no_other_limit_lets_new_suspects_in() -> None:
    baseline = replace(known(), suspects=known().suspects[:1])
    for policy in (Policy(max_noise=0.9), Policy(rules=(ScopedRule(where=Where(path="x/"), max_suspects=0),))):
        assert [r.name for r in judged(policy, baseline).broken] == ["max-new"]
    assert judged(Policy(max_suspects=1), baseline).passed
    assert judged(Policy(max_new=1), baseline).passed
