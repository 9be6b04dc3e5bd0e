"""The gate: which suspects and findings count, what the limits mean, what is said besides."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from audits import LABELS, make_audit, make_decision, make_samples
from hypothesis import given
from hypothesis import strategies as st
from judged import DAY, IDENTITY, judged, known, many, only, rule, verdict

from labelaudit.audit.document import Audit
from labelaudit.check import Outcome, Scope, refresh_baseline
from labelaudit.check.baseline import KnownSuspect
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.policy import TOLERANCE, Ignore, Policy, ScopedRule, Where
from labelaudit.errors import DataError, OptionError
from labelaudit.types import Finding
from labelaudit.verdicts import match


def with_suspicion(*values: float, **changes: Any) -> Audit:
    """The small audit with other suspicions, flagged from its threshold of .5."""
    suspicion = np.array(values)
    flagged = (suspicion >= 0.5) & (LABELS != 2)  # owls are not judged, and what is not judged is never flagged
    return make_audit(decision=make_decision(suspicion=suspicion, is_issue=flagged), **changes)


def statuses(outcome: Outcome) -> dict[str, str]:
    return {suspect.path: suspect.status for suspect in outcome.suspects}


# which suspects count


def test_what_is_flagged_is_new() -> None:
    outcome = judged()
    assert statuses(outcome) == {"cat/b.png": "new", "dog/d.png": "new"}
    first = outcome.suspects[0]
    assert (first.given_label, first.suggested_label, first.reason, first.digest) == (
        "cat",
        "dog",
        "looks like dog",
        IDENTITY[1],
    )


def test_a_baseline_makes_it_known_by_content_and_label() -> None:
    baseline = known()
    assert statuses(judged(baseline=baseline)) == {"cat/b.png": "known", "dog/d.png": "known"}
    renamed = make_audit(samples=make_samples(ids=tuple(f"{i}.png" for i in range(6))))
    assert set(statuses(judged(baseline=baseline, audit=renamed)).values()) == {"known"}
    relabelled = make_audit(samples=make_samples(labels=np.array([0, 1, 0, 1, 1, 2])))
    assert statuses(judged(baseline=baseline, audit=relabelled)) == {"cat/b.png": "new", "dog/d.png": "known"}


def test_a_person_accepts_it() -> None:
    by = [
        verdict(1, "given", reviewer=name, time=f"2026-11-2{day}T08:00:00Z") for day, name in enumerate(("ana", "bo"))
    ]
    assert judged(reviewed=match(make_audit(), by)).suspects[0].note == "label found right by ana, bo (2026-11-21)"
    outcome = judged(only(max_suspects=1), reviewed=match(make_audit(), by[:1]))
    assert statuses(outcome) == {"cat/b.png": "accepted", "dog/d.png": "new"}
    assert outcome.suspects[0].note == "label found right by ana (2026-11-20)"
    assert outcome.passed


def test_a_verdict_in_the_baseline_counts_as_well() -> None:
    baseline = known()
    first = replace(baseline.suspects[0], verdict="given", reviewer="bo", note="a small dog")
    outcome = judged(baseline=replace(baseline, suspects=(first, *baseline.suspects[1:])))
    assert statuses(outcome)["cat/b.png"] == "accepted"
    assert outcome.suspects[0].note == "label found right by bo; a small dog"


def test_what_a_person_found_wrong_is_a_suspect_whatever_the_model_says() -> None:
    said = match(make_audit(), [verdict(0, "other", "owl"), verdict(1, "none")])
    outcome = judged(Policy(max_suspects=2), reviewed=said)
    assert statuses(outcome) == {"cat/b.png": "new", "dog/d.png": "new", "cat/a.png": "new"}
    by_path = {suspect.path: suspect for suspect in outcome.suspects}
    assert by_path["cat/a.png"].suggested_label == "owl"
    assert by_path["cat/a.png"].note == "label found wrong: owl is right"
    assert by_path["cat/b.png"].suggested_label == ""
    assert not outcome.passed


def test_disagreeing_reviewers_leave_it_open() -> None:
    said = match(make_audit(), [verdict(1, "given", reviewer="a"), verdict(1, "suggested", "dog", reviewer="b")])
    outcome = judged(reviewed=said)
    assert (outcome.suspects[0].status, outcome.suspects[0].note) == ("new", "reviewers disagree")
    assert any("disagree" in note for note in outcome.notes)


def test_ignores() -> None:
    holds = Ignore(where=Where(path="cat/**"), reason="bought", expires=DAY)
    outcome = judged(Policy(ignores=(holds,), no_conflicts=True))
    assert statuses(outcome) == {"cat/b.png": "ignored", "dog/d.png": "new"}
    assert outcome.suspects[0].note == "bought (until 2026-11-21)"
    assert {problem.status for problem in outcome.findings} == {"ignored"}
    assert outcome.passed

    tomorrow = judged(Policy(ignores=(holds,)), today=date(2026, 11, 22))
    assert statuses(tomorrow)["cat/b.png"] == "new"
    assert any("bought" in note and "expired on 2026-11-21" in note for note in tomorrow.notes)


@pytest.mark.parametrize(
    ("ignore", "suspects", "findings"),
    [
        (Ignore(where=Where(label="dog"), reason="r"), ["dog/d.png"], ["cat/b.png"]),  # the conflict's partner is a dog
        (Ignore(where=Where(label="cat"), kind="suspect", reason="r"), ["cat/b.png"], []),
        (Ignore(where=Where(), kind="truncated", reason="r"), [], ["cat/z.png"]),
        (Ignore(where=Where(), digest=IDENTITY[3], reason="r"), ["dog/d.png"], ["cat/b.png"]),
        (Ignore(where=Where(path="cat/**", label="dog"), reason="r"), [], []),
    ],
)
def test_what_an_ignore_is_about(ignore: Ignore, suspects: list[str], findings: list[str]) -> None:
    outcome = judged(Policy(ignores=(ignore,)))
    assert [suspect.path for suspect in outcome.suspects if suspect.status == "ignored"] == suspects
    assert [problem.path for problem in outcome.findings if problem.status == "ignored"] == findings
    assert any("matches nothing" in note for note in outcome.notes) == (not suspects and not findings)


# the tolerance band


def test_near_the_threshold_a_suspect_is_named_and_does_not_count() -> None:
    audit = with_suspicion(0.44, 0.451, 0.5, 0.549, 0.551, 0.4)
    outcome = judged(only(max_suspects=1), audit=audit)
    assert statuses(outcome) == {
        "dog/e.png": "new",
        "dog/d.png": "uncertain",
        "cat/c.png": "uncertain",
    }  # what lies below the threshold is no suspect; a baseline holds it all the same
    assert {known.path for known in refresh_baseline(audit, Policy(), today=DAY).suspects} > {"cat/b.png"}
    assert outcome.passed
    assert "2 within 0.05 of the threshold" in rule(outcome, "max-suspects").message
    assert outcome.suspects[-1].suggested_label == "dog"  # never the given label itself


@given(
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.lists(st.floats(-1.99 * TOLERANCE, 1.99 * TOLERANCE), min_size=6, max_size=6),
)
def test_drift_below_two_tolerances_makes_nothing_new_against_a_baseline(
    value: list[float], drift: list[float]
) -> None:
    baseline = refresh_baseline(with_suspicion(*value), Policy(), today=DAY)
    outcome = judged(baseline=baseline, audit=with_suspicion(*np.clip(np.add(value, drift), 0, 1)))
    assert outcome.counts()["new"] == 0
    assert rule(outcome, "max-new").passed


def test_a_person_removes_the_uncertainty() -> None:
    audit = with_suspicion(0.1, 0.5, 0.1, 0.1, 0.1, 0.1)
    assert statuses(judged(audit=audit)) == {"cat/b.png": "uncertain"}
    assert statuses(judged(audit=audit, reviewed=match(audit, [verdict(1, "suggested", "dog")]))) == {
        "cat/b.png": "new"
    }


def test_a_threshold_of_the_policy() -> None:
    audit = with_suspicion(0.1, 0.97, 0.6, 0.8, 0.3, 0.4)
    outcome = judged(Policy(threshold=0.7), audit=audit)
    assert statuses(outcome) == {"cat/b.png": "new", "dog/d.png": "new"}
    assert outcome.threshold == 0.7
    assert statuses(judged(Policy(threshold=0.3), audit=audit)) == {
        "cat/b.png": "new",
        "dog/d.png": "new",
        "cat/c.png": "new",
        "dog/e.png": "uncertain",
    }


# sure and doubtful suspects


def with_tiers(*values: float, sure: float) -> Audit:
    """The small audit with other suspicions, flagged from .3 and sure from ``sure``."""
    suspicion = np.array(values)
    flagged = (suspicion >= 0.3) & (LABELS != 2)
    return make_audit(
        decision=make_decision(suspicion=suspicion, is_issue=flagged, threshold=0.3, sure_threshold=sure), findings=()
    )


def test_sure_suspects_count_and_doubtful_ones_only_where_asked_for() -> None:
    audit = with_tiers(0.1, 0.71, 0.6, 0.67, 0.31, 0.4, sure=0.7)
    outcome = judged(only(max_suspects=0), audit=audit)
    assert statuses(outcome) == {
        "cat/b.png": "new",
        "dog/d.png": "uncertain",  # less than .05 below where sure begins
        "cat/c.png": "doubtful",
        "dog/e.png": "uncertain",  # within .05 of where a flag begins
    }
    assert (outcome.threshold, outcome.counted_from) == (0.3, 0.7)
    assert "1 doubtful, which count where `tier` is doubtful" in rule(outcome, "max-suspects").message
    assert outcome.record()["threshold"]["counts_at_most"] == 0.3
    told = judged(only(max_suspects=3, tier="doubtful"), audit=audit)
    assert told.counts()["new"] == 3
    assert told.counts()["doubtful"] == 0
    assert judged(only(max_suspects=0, threshold=0.3), audit=audit).counts()["new"] == 3  # a threshold is what counts


def test_what_a_person_found_wrong_counts_however_doubtful() -> None:
    audit = with_tiers(0.1, 0.5, 0.5, 0.1, 0.1, 0.1, sure=0.8)
    said = match(audit, [verdict(1, "suggested", "dog")])
    assert statuses(judged(audit=audit, reviewed=said)) == {"cat/b.png": "new", "cat/c.png": "doubtful"}


def test_a_baseline_knows_the_doubtful_ones_too() -> None:
    baseline = refresh_baseline(with_tiers(0.1, 0.6, 0.1, 0.1, 0.1, 0.1, sure=0.8), Policy(), today=DAY)
    grown = with_tiers(0.1, 0.99, 0.1, 0.1, 0.1, 0.1, sure=0.8)
    assert statuses(judged(baseline=baseline, audit=grown)) == {"cat/b.png": "known"}


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(max_class_noise={"*": 0.1, "dgo": 0.1}), "max-class-noise: unknown class 'dgo': did you mean 'dog'?"),
        (
            Policy(rules=(ScopedRule(where=Where(path="**", label="ct"), max_suspects=0),)),
            "rule 1: unknown class 'ct': did you mean 'cat'?",
        ),
        (
            Policy(
                ignores=(Ignore(where=Where(path="a"), reason="r"), Ignore(where=Where(label="owls"), reason="r")),
                origins={"ignore": "p/labelaudit.toml: ignore"},
            ),
            "p/labelaudit.toml: ignore 2: unknown class 'owls': did you mean 'owl'?",
        ),
    ],
)
def test_a_class_that_the_dataset_does_not_have_is_an_error(policy: Policy, said: str) -> None:
    for judge in (lambda: judged(policy), lambda: refresh_baseline(make_audit(), policy, today=DAY)):
        with pytest.raises(OptionError) as caught:
            judge()
        assert str(caught.value).startswith(said)


def test_a_path_that_matches_nothing_is_said_in_every_format() -> None:
    policy = Policy(
        rules=(ScopedRule(where=Where(path="cta/**"), max_suspects=0),),
        ignores=(Ignore(where=Where(path="legcy/**"), reason="bought"),),
        origins={"rule": "labelaudit.toml: rule"},
    )
    for scope in (None, Scope(frozenset({"cat/a.png"}), "1 changed file")):
        outcome = judged(policy, scope=scope)
        assert outcome.notes[:2] == (
            "'cta/**' matches no image: the rule of labelaudit.toml about it decides nothing.",
            "'legcy/**' matches no image: the ignore (bought) takes out nothing.",
        )
        for name, render in GATE_FORMATS.items():
            text = render(outcome).replace("\\*", "*")
            assert "cta/**' matches no image" in text, name
            assert "legcy/**' matches no image" in text, name
    broken = make_audit(findings=(Finding(kind="truncated", path="legcy/z.png", detail=""),))
    assert not any("legcy" in note for note in judged(policy, audit=broken).notes)


# a restricted gate


def test_only_some_files() -> None:
    scope = Scope(frozenset({"dog/d.png", "readme.txt"}), "2 changed files", ("1 file is not an image.",))
    outcome = judged(Policy(max_suspects=0, no_conflicts=True), scope=scope)
    assert statuses(outcome) == {"dog/d.png": "new"}
    assert [problem.kind for problem in outcome.findings] == ["conflict"]  # its partner is in the scope
    assert (outcome.samples, dict(outcome.classes)) == (1, {"cat": 0, "dog": 1, "owl": 0})
    assert outcome.scope == "2 changed files"
    assert "1 file is not an image." in outcome.notes
    assert "Outside of the 2 changed files, not judged: 1 suspect, 1 file or row." in outcome.notes


def test_nothing_of_interest_changed() -> None:
    outcome = judged(Policy(max_noise=0.1, max_suspects=0), known(), scope=Scope(frozenset(), "0 changed files"))
    assert outcome.passed
    assert (outcome.samples, outcome.suspects, outcome.findings) == (0, (), ())
    assert outcome.baseline is not None
    assert outcome.baseline.stale == ()
    assert json.dumps(outcome.record(), allow_nan=False)


# the baseline's state, and ends


def test_stale_entries_and_changed_settings_are_reported() -> None:
    old = replace(
        known(),
        suspects=(*known().suspects, KnownSuspect(path="gone.png", digest="ff", given_label="cat")),
        settings={**known().settings, "effort": "thorough"},
    )
    report = judged(baseline=old, baseline_path="known.json").baseline
    assert report is not None
    assert (report.path, report.entries) == ("known.json", 5)
    assert [(entry.path, entry.why) for entry in report.stale] == [("gone.png", "gone")]
    assert report.changed == ("effort: thorough, now none",)


def test_nothing_to_judge_is_no_pass() -> None:
    empty = many([], [])
    with pytest.raises(DataError, match="empty dataset"):
        judged(audit=empty)
    unjudged = make_audit(decision=make_decision(judged=np.zeros(6, dtype=bool), is_issue=np.zeros(6, dtype=bool)))
    with pytest.raises(DataError, match="no class has the 5 images or more that a label is judged by"):
        judged(audit=unjudged)
    grouped = replace(unjudged, samples=replace(unjudged.samples, groups=("a",) * 6))
    with pytest.raises(DataError, match="no class has the 5 groups of images or more that a label is judged by"):
        judged(audit=grouped)


def test_the_same_audit_gives_the_same_bytes() -> None:
    policy = Policy(max_noise=0.1, max_class_noise={"*": 0.2}, no_leaks=True)
    texts = {json.dumps(judged(policy, known()).record(), allow_nan=False) for _ in range(3)}
    assert len(texts) == 1
    order = [3, 1, 5, 0, 2, 4]
    shuffled = make_audit(
        samples=make_samples().take(np.array(order)),
        decision=make_decision(
            **{
                name: np.asarray(getattr(make_decision(), name))[order]
                for name in ("suspicion", "is_issue", "judged", "probs", "predicted")
            },
            reasons=tuple(make_decision().reasons[i] for i in order),
        ),
        evidence={},
    )
    assert json.dumps(judged(policy, known(), audit=shuffled).record(), allow_nan=False) in texts
