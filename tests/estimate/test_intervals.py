"""What a review says: intervals that hold, flags at a rate that is kept, when to stop, a ceiling called a ceiling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from surveys import judge, make_survey

from labelaudit.estimate import estimate, plan_reviews
from labelaudit.estimate.cells import draw_unseen
from labelaudit.types import Evidence

# intervals


def test_a_whole_review_leaves_nothing_open() -> None:
    audit, wrong = make_survey(n=300)
    found = estimate(audit, plan_reviews(audit, reviews=300), judge(audit, wrong, range(300)))
    flagged = audit.decision.is_issue
    truth = (wrong[flagged].mean(), wrong[flagged].sum() / wrong.sum(), wrong.mean())
    for quantity, value in zip((found.precision, found.recall, found.noise_rate), truth, strict=True):
        assert (quantity.low, quantity.value, quantity.high) == pytest.approx((value, value, value))


@pytest.mark.parametrize(("rate", "hidden"), [(0.003, 0.5), (0.2, 0.4)])
def test_ninety_percent_intervals_hold(rate: float, hidden: float) -> None:
    audit, wrong = make_survey(n=1500, rate=rate, hidden=hidden, seed=1)
    flagged = audit.decision.is_issue
    truth = (wrong[flagged].mean(), wrong[flagged].sum() / wrong.sum(), wrong.mean())
    runs = 40
    held = np.zeros(3)
    for seed in range(runs):
        plan = plan_reviews(audit, reviews=120, seed=seed)
        found = estimate(audit, plan, judge(audit, wrong, plan.rows))
        quantities = (found.precision, found.recall, found.noise_rate)
        held += [q.low - 1e-9 <= value <= q.high + 1e-9 for q, value in zip(quantities, truth, strict=True)]
        assert all(q.value is None or 0 <= q.low <= q.value <= q.high <= 1 for q in quantities)
    assert (held / runs >= 0.775).all()  # 90 %, less 2.6 standard errors of 40 runs


def test_more_reviews_narrow() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=400)
    widths = [
        (found := estimate(audit, plan, judge(audit, wrong, plan.rows[:count]))).noise_rate.high - found.noise_rate.low
        for count in (0, 30, 100, 400)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(1)


def test_unseen_draws_of_one_cell_are_those_of_the_exact_interval() -> None:
    from scipy.stats import beta

    _, high = draw_unseen(
        np.array([10**6]), np.array([50]), np.array([0]), generator=np.random.default_rng(0), draws=40_000
    )
    exact = beta.ppf(1 - 0.05 / 0.75, 1, 50)  # a quarter of the draws is 0
    assert np.quantile(high, 0.95) / 10**6 == pytest.approx(exact, rel=0.03)


def test_what_could_not_be_told_is_counted_and_said() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    found = estimate(audit, plan, judge(audit, wrong, plan.rows, skipped=plan.rows[::10]))
    assert (found.missing, found.reviewed) == (20, 180)
    assert "were they all right or all wrong" in found.notes[0]
    full = estimate(audit, plan, judge(audit, wrong, plan.rows))
    assert found.noise_rate.high - found.noise_rate.low > full.noise_rate.high - full.noise_rate.low
    assert full.notes == ()


def test_a_worst_first_run_counts_as_known_and_does_not_bias() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    flags = audit.suspects.tolist()
    found = estimate(audit, plan, judge(audit, wrong, {*flags, *plan.rows}))
    assert found.precision.value == pytest.approx(wrong[flags].mean())
    assert found.precision.low == found.precision.high
    sampled = estimate(audit, plan, judge(audit, wrong, plan.rows))
    assert found.noise_rate.value == pytest.approx(wrong.mean(), abs=0.03)
    assert found.recall.high - found.recall.low < sampled.recall.high - sampled.recall.low


def test_verdicts_that_nobody_drew_do_not_count() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    picked = [row for row in np.flatnonzero(wrong).tolist() if audit.rank[row] > 100 and row not in plan.rows]
    plain = estimate(audit, plan, judge(audit, wrong, plan.rows))
    found = estimate(audit, plan, judge(audit, wrong, {*plan.rows, *picked}))
    assert found.noise_rate == plain.noise_rate
    assert f"{len(picked):,} verdicts on images outside the plan" in found.notes[-1]


def test_planned_verdicts_that_wait_are_no_verdicts_outside_the_plan() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    first = dict(zip(plan.stratum_of[list(reversed(plan.rows))].tolist(), reversed(plan.rows), strict=True))
    late = [row for row in plan.rows if row not in first.values()]  # the first draw of each stratum was not judged
    found = estimate(audit, plan, judge(audit, wrong, late))
    assert found.left == len(plan.rows) - len(late)
    assert f"{len(late) - found.reviewed:,} verdicts wait" in " ".join(found.notes)
    assert "outside the plan" not in " ".join(found.notes)


def test_a_queue_that_was_jumped_about_in_counts_up_to_the_gap() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    only_wrong = [row for row in plan.rows if wrong[row]]
    found = estimate(audit, plan, judge(audit, wrong, only_wrong))
    assert found.noise_rate.low <= wrong.mean() <= found.noise_rate.high
    assert found.reviewed < len(only_wrong)


def test_a_scan_that_was_told_the_verdicts_is_measured_by_what_it_would_say_without_them() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=100)
    rows = list(plan.rows)
    reviewed = judge(audit, wrong, rows)
    suspicion = audit.decision.suspicion.copy()
    suspicion[rows] = wrong[rows]
    told = replace(
        audit,
        decision=replace(audit.decision, suspicion=suspicion, is_issue=suspicion >= 0.2),
        evidence={**audit.evidence, "before_review": Evidence(method="", suspicion=audit.decision.suspicion)},
    )
    assert estimate(told, plan, reviewed) == estimate(audit, plan, reviewed)
    assert plan_reviews(told, reviews=100).rows == plan.rows


def test_no_flags_have_no_precision() -> None:
    audit, wrong = make_survey(suspicion=np.linspace(0, 0.1, 2000))
    plan = plan_reviews(audit, reviews=100)
    found = estimate(audit, plan, judge(audit, wrong, plan.rows))
    assert (found.precision.value, found.precision.low, found.precision.high) == (None, 0.0, 1.0)
    assert found.recall.value == 0
