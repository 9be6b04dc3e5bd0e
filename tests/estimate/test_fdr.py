"""Flags at a stated rate of false ones: q-values and what more reviews would bring."""

from __future__ import annotations

import numpy as np
import pytest
from surveys import judge, make_survey

from labelaudit.errors import OptionError
from labelaudit.estimate import fdr_flags, plan_reviews
from labelaudit.estimate.fdr import null_curve
from labelaudit.verdicts import Reviewed

# flags at a stated rate


def slow_q_values(suspicion, tested, clean, weight, reach):  # type: ignore[no-untyped-def]
    """Benjamini-Hochberg by its definition."""
    ratios = {}
    for row in tested:
        down_to = [other for other in tested if suspicion[other] >= suspicion[row]]
        expected = sum(w for c, w in zip(clean, weight, strict=True) if suspicion[c] >= suspicion[row])
        greatest = max(reach[other] for other in tested if suspicion[other] >= suspicion[row])
        ratios[row] = (expected + greatest) / len(down_to)
    return {row: min(1.0, *(ratios[other] for other in tested if suspicion[other] <= suspicion[row])) for row in tested}


def test_q_values_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    suspicion = rng.random(80).round(2)  # with ties
    tested = rng.random(80) < 0.7
    clean = np.flatnonzero(~tested)[:15]
    weight, reach = rng.random(15) * 2, np.where(suspicion > 0.5, 0.5, 2.0)
    curve = null_curve(suspicion, tested=tested, calibration=clean, weights=weight, reach=reach)
    slow = slow_q_values(suspicion, np.flatnonzero(tested).tolist(), clean, weight, reach)
    assert [slow[row] for row in curve.rows.tolist()] == pytest.approx(curve.q_values.tolist())
    assert (np.diff(curve.p_values) >= -1e-12).all()
    assert curve.p_values.min() > 0


@pytest.mark.parametrize("target", [0.1, 0.3])
def test_the_rate_is_kept(target: float) -> None:
    audit, wrong = make_survey(n=3000, rate=0.15, seed=2)
    rates, sizes = [], []
    for seed in range(60):
        plan = plan_reviews(audit, reviews=200, seed=seed)
        flags = fdr_flags(audit, plan, judge(audit, wrong, plan.rows), target=target)
        unseen = np.setdiff1d(flags.rows, plan.rows)
        sizes.append(len(unseen))
        rates.append((~wrong[unseen]).mean() if len(unseen) else 0.0)
    assert np.mean(rates) <= target + 2 * np.std(rates) / 60**0.5
    assert np.median(sizes) > 50


def test_a_ranking_that_says_nothing_has_no_flags_and_says_so() -> None:
    audit, wrong = make_survey(rate=0.05, suspicion=np.random.default_rng(1).random(2000))
    plan = plan_reviews(audit, reviews=200)
    flags = fdr_flags(audit, plan, judge(audit, wrong, plan.rows), target=0.1)
    assert len(flags.rows) == flags.verified
    assert flags.more_reviews is None
    assert "No further suspects are possible" in flags.sentence
    assert "not expected to help" in flags.sentence
    assert "at a false-discovery rate of 0.4%" in fdr_flags(audit, plan, Reviewed(), target=0.004).sentence


def test_how_many_more_reviews_help_is_computed_and_comes_true() -> None:
    audit, wrong = make_survey(n=4000, rate=0.1, hidden=0.1, seed=3)
    plan = plan_reviews(audit, reviews=40, seed=2)
    flags = fdr_flags(audit, plan, judge(audit, wrong, plan.rows), target=0.08)
    assert len(flags.rows) == flags.verified
    assert flags.more_reviews is not None
    assert f"About {flags.more_reviews:,} more reviews" in flags.sentence
    assert flags.reachable > 0.08
    larger = plan_reviews(audit, reviews=40 + flags.more_reviews, plan=plan)
    later = fdr_flags(audit, larger, judge(audit, wrong, larger.rows), target=0.08)
    assert later.more_reviews == 0
    assert len(later.rows) > later.verified


def test_verified_samples_are_listed_or_left_out_by_their_verdict() -> None:
    audit, wrong = make_survey()
    plan = plan_reviews(audit, reviews=200)
    flags = fdr_flags(audit, plan, judge(audit, wrong, plan.rows), target=0.2)
    in_plan = set(flags.rows.tolist()) & set(plan.rows)
    assert in_plan == {row for row in plan.rows if wrong[row]}
    assert flags.rows[: flags.verified].tolist() == sorted(in_plan, key=lambda row: audit.rank[row])
    assert flags.clean == sum(not wrong[row] for row in plan.rows)


def test_no_clean_verdict_no_flags() -> None:
    audit, _ = make_survey()
    flags = fdr_flags(audit, plan_reviews(audit), Reviewed(), target=0.1)
    assert len(flags.rows) == 0
    assert "no image was verified clean" in flags.sentence


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_is_between_0_and_1(target: float) -> None:
    audit, _ = make_survey(n=50)
    with pytest.raises(OptionError, match="between 0 and 1"):
        fdr_flags(audit, plan_reviews(audit), Reviewed(), target=target)
