"""The review sample: random within strata, nested, at home in a later scan."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from surveys import judge, make_survey

from labelaudit.audit.document import Audit
from labelaudit.errors import OptionError, RunError
from labelaudit.estimate import estimate_record, load_plan, plan_reviews, save
from labelaudit.estimate.sampling import UNPLANNED, align_plan, allocate, reviewed_from_top


def taken(audit: Audit, rows: np.ndarray) -> Audit:
    """The audit of some of the samples, in this order."""
    decision = audit.decision
    parts = {name: getattr(decision, name)[rows] for name in ("suspicion", "is_issue", "judged", "probs", "predicted")}
    reasons = tuple(decision.reasons[row] for row in rows.tolist())
    return replace(
        audit, samples=audit.samples.take(rows), decision=replace(decision, reasons=reasons, **parts), evidence={}
    )


def identities(audit: Audit, rows: tuple[int, ...]) -> list[tuple[str, str]]:
    return [audit.identity(row) for row in rows]


def test_every_sample_has_its_stratum_and_its_probability() -> None:
    audit, _ = make_survey()
    plan = plan_reviews(audit, reviews=200)
    assert len(plan.rows) == len(set(plan.rows)) == 200
    assert sum(stratum.size for stratum in plan.strata) == len(audit.samples)
    drawn = Counter(plan.stratum_of[list(plan.rows)].tolist())
    for index, stratum in enumerate(plan.strata):
        rows = np.flatnonzero(plan.stratum_of == index)
        assert (len(rows), drawn[index]) == (stratum.size, stratum.drawn)
        assert stratum.drawn > 0
        assert (audit.decision.is_issue[rows] == stratum.flagged).all()
        assert stratum.low <= audit.decision.suspicion[rows].min()
        assert audit.decision.suspicion[rows].max() <= stratum.high
    weights = 1 / plan.probabilities
    assert weights.sum() == pytest.approx(len(audit.samples))


def test_the_unflagged_are_always_looked_at() -> None:
    audit, _ = make_survey(suspicion=np.where(np.arange(2000) < 300, 0.95, 0.0))
    share = allocate(audit.decision.suspicion, audit.decision.is_issue, 100)
    assert share[True] + share[False] == 100
    assert share[False] >= 40


def test_same_seed_same_plan_and_another_seed_another() -> None:
    audit, _ = make_survey()
    assert plan_reviews(audit, seed=1).rows == plan_reviews(audit, seed=1).rows
    assert set(plan_reviews(audit, seed=1).rows) != set(plan_reviews(audit, seed=2).rows)


def test_each_sample_of_a_stratum_is_drawn_equally_often() -> None:
    audit, _ = make_survey(n=120)
    plans = [plan_reviews(audit, reviews=40, seed=seed) for seed in range(400)]
    times = np.zeros(120)
    for plan in plans:
        times[list(plan.rows)] += 1
    expected = np.array([s.drawn / s.size for s in plans[0].strata])[plans[0].stratum_of]
    error = np.sqrt(400 * expected * (1 - expected))
    assert (np.abs(times - 400 * expected) <= 4.5 * error + 1e-9).all()


def test_a_larger_plan_contains_the_smaller_one() -> None:
    audit, wrong = make_survey()
    small = plan_reviews(audit, reviews=100)
    large = plan_reviews(audit, reviews=300, plan=small, reviewed=judge(audit, wrong, small.rows))
    assert large.rows[:100] == small.rows
    assert len(large.rows) == len(set(large.rows)) == 300
    assert plan_reviews(audit, reviews=50, plan=large).rows == large.rows


def test_any_first_part_is_spread_over_the_strata() -> None:
    audit, _ = make_survey()
    plan = plan_reviews(audit, reviews=200)
    begun = Counter(plan.stratum_of[list(plan.rows[: len(plan.strata)])].tolist())
    assert set(begun) == set(range(len(plan.strata)))
    half = Counter(plan.stratum_of[list(plan.rows[:100])].tolist())
    assert all(abs(half[i] - s.drawn / 2) <= 1 for i, s in enumerate(plan.strata))


def test_a_small_dataset_is_reviewed_whole() -> None:
    audit, _ = make_survey(n=30)
    assert sorted(plan_reviews(audit, reviews=200).rows) == list(range(30))


def test_a_plan_without_flags() -> None:
    audit, _ = make_survey(suspicion=np.linspace(0, 0.1, 2000))
    plan = plan_reviews(audit, reviews=50)
    assert len(plan.rows) == 50
    assert not any(stratum.flagged for stratum in plan.strata)


def test_ten_reviews_at_least() -> None:
    with pytest.raises(OptionError, match="at least 10"):
        plan_reviews(make_survey(n=50)[0], reviews=5)


def test_what_was_reviewed_worst_first_is_not_asked_again() -> None:
    audit, wrong = make_survey()
    top = audit.order[:150].tolist()
    reviewed = judge(audit, wrong, top[1:], skipped=top[:1])
    assert reviewed_from_top(audit, reviewed) == 150
    plan = plan_reviews(audit, reviews=100, reviewed=reviewed)
    assert not set(plan.rows) & set(top)
    assert (plan.stratum_of[top] == UNPLANNED).all()
    reviewed = judge(audit, wrong, audit.order[:170].tolist())  # the way from the top now passes over planned samples
    again = plan_reviews(audit, reviews=100, plan=plan, reviewed=reviewed)
    assert again.rows == plan_reviews(audit, reviews=100, plan=again, reviewed=reviewed).rows
    assert len(again.rows) == len(plan.rows) == 100


def test_a_plan_survives_reordering_and_renaming() -> None:
    audit, _ = make_survey()
    plan = plan_reviews(audit, reviews=100)
    later = taken(audit, np.random.default_rng(3).permutation(2000))
    later = replace(later, samples=replace(later.samples, ids=tuple(f"new/{i}.png" for i in range(2000))))
    moved = align_plan(plan, later)
    assert identities(later, moved.rows) == identities(audit, plan.rows)
    assert moved.strata == plan.strata
    assert plan_reviews(later, reviews=100).rows == moved.rows
    assert align_plan(moved, later) is moved


def test_what_is_gone_leaves_the_plan_and_what_is_new_gets_strata_of_its_own() -> None:
    audit, _ = make_survey()
    first = taken(audit, np.arange(1500))
    plan = plan_reviews(first, reviews=100)
    later = taken(audit, np.arange(100, 2000))
    moved = align_plan(plan, later)
    assert moved.gone == sum(row < 100 for row in plan.rows)
    assert identities(later, moved.rows) == [audit.identity(row) for row in plan.rows if row >= 100]
    assert int((moved.stratum_of == UNPLANNED).sum()) == 500
    extended = plan_reviews(later, reviews=140, plan=plan)
    assert extended.rows[: len(moved.rows)] == moved.rows
    assert (extended.stratum_of != UNPLANNED).all()
    assert all(stratum.drawn > 0 for stratum in extended.strata)


def test_copies_of_one_image_keep_their_own_places() -> None:
    audit, _ = make_survey(n=40)
    audit = replace(audit, samples=replace(audit.samples, digests=("0" * 32,) * 40))
    plan = plan_reviews(audit, reviews=20)
    assert len(set(plan.rows)) == 20
    assert len(set(align_plan(plan, taken(audit, np.arange(40)[::-1])).rows)) == 20


def test_saved_and_loaded(tmp_path: Path) -> None:
    audit, _ = make_survey()
    assert load_plan(tmp_path) is None
    plan = plan_reviews(audit, reviews=60, seed=4)
    path = save(tmp_path, estimate_record(audit, plan))
    for again in (load_plan(tmp_path), load_plan(tmp_path, audit)):
        assert again is not None
        assert (again.rows, again.strata, again.seed) == (plan.rows, plan.strata, 4)
        assert (again.stratum_of == plan.stratum_of).all()
    first = json.loads(path.read_text())["plan"]["reviews"][0]
    row = plan.rows[0]
    assert first["digest"] == audit.samples.digests[row]
    assert 0 < first["probability"] <= 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["estimate.json"]
    for part, damage in {"seed": -1, "strata": []}.items():
        record = estimate_record(audit, plan)
        save(tmp_path, {**record, "plan": {**record["plan"], part: damage}})
        with pytest.raises(RunError, match="do not fit each other"):
            load_plan(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is damaged"),
        ('{"schema_version": 1, "plan": {}}', "is damaged"),
        ('{"schema_version": 99}', "newer labelaudit"),
    ],
)
def test_a_damaged_plan_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "estimate.json").write_text(text)
    with pytest.raises(RunError, match=said):
        load_plan(tmp_path)
