"""When to stop a review, and the self-test with planted errors."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from surveys import judge, make_survey

from labelaudit.errors import DataError
from labelaudit.estimate import plan_reviews, selftest, stop_rule
from labelaudit.estimate.stopping import StopDecision

# when to stop


def walk(audit, wrong, plan, count: int) -> StopDecision:  # type: ignore[no-untyped-def]
    return stop_rule(audit, judge(audit, wrong, {*plan.rows, *audit.order[:count].tolist()}), plan)


def test_the_stop_rule_follows_the_reviewer_down_the_list() -> None:
    audit, wrong = make_survey(n=1000)
    plan = plan_reviews(audit, reviews=300)
    stops = [walk(audit, wrong, plan, count) for count in (0, 100, 400, 1000)]
    for stop in stops:
        left = wrong.sum() - stop.found
        assert stop.left.low <= left <= stop.left.high
        assert stop.share_found.low <= stop.found / wrong.sum() <= stop.share_found.high
    assert [stop.found for stop in stops] == sorted(stop.found for stop in stops)
    assert not stops[0].safe
    assert stops[0].more is not None
    assert 0 < stops[0].more < 700
    assert stops[-1].safe
    assert stops[-1].left.high == 0
    assert "You can stop" in stops[-1].sentence
    early = walk(audit, wrong, plan_reviews(audit, reviews=20), 0)
    assert early.left.high > 4 * early.left.low
    assert "How many are left is not known yet" in early.sentence, "an interval that says nothing is no number"


def test_it_seldom_says_stop_too_early() -> None:
    audit, wrong = make_survey(n=800, rate=0.3, hidden=0.2, seed=5)
    false_stops, runs = 0, 15
    for seed in range(runs):
        plan = plan_reviews(audit, reviews=200, seed=seed)
        for count in range(0, 801, 160):
            stop = walk(audit, wrong, plan, count)
            if stop.safe:
                false_stops += stop.found < 0.9 * wrong.sum()
                break
    assert false_stops <= 3  # 5 % of 15 is .75


def test_without_the_sample_nothing_is_known_about_what_is_left() -> None:
    audit, wrong = make_survey(n=500)
    plan = plan_reviews(audit, reviews=100)
    stop = stop_rule(audit, judge(audit, wrong, audit.order[:50].tolist()), plan)
    assert stop.left.high >= 400
    assert not stop.safe


def test_no_more_random_reviews_are_asked_for_than_images_are_left() -> None:
    audit, wrong = make_survey(n=120, seed=0)
    plan = plan_reviews(audit, reviews=20)
    seen = {*plan.rows, *audit.order[:10].tolist()}
    assert stop_rule(audit, judge(audit, wrong, seen), plan).more_sampled == 120 - len(seen)  # 1,280 were said


def test_the_stop_rule_walks_over_verdicts_not_over_samples() -> None:
    """It is asked after each verdict: ten times the samples may not cost more steps in Python."""

    def count_calls(n: int) -> int:
        audit, wrong = make_survey(n=n)
        plan = plan_reviews(audit, reviews=200)
        reviewed = judge(audit, wrong, {*plan.rows, *audit.order[:300].tolist()})
        stop_rule(audit, reviewed, plan)  # the audit keeps its order and its fingerprint from here on
        calls: Counter[str] = Counter()
        sys.setprofile(lambda _frame, event, _arg: calls.update([event]))
        try:
            stop_rule(audit, reviewed, plan)
        finally:
            sys.setprofile(None)
        return calls.total()

    assert count_calls(20_000) < 1.5 * count_calls(2_000)


# the ceiling, and what the next scan may learn


def test_the_self_test_is_a_ceiling_by_name() -> None:
    audit, _ = make_survey()
    result = selftest(audit)
    assert [ceiling.kind for ceiling in result.ceilings] == ["uniform", "look_alike"]
    assert all(0.9 < ceiling.ceiling <= 1 for ceiling in result.ceilings)
    assert all(c.low <= c.ceiling <= c.high or c.ceiling == 1 for c in result.ceilings)
    assert result == selftest(audit)
    text = json.dumps(result.record())
    assert "recall_ceilings" in text
    assert '"recall"' not in text
    assert result.alarm == ""


def test_evidence_that_finds_nothing_raises_the_alarm() -> None:
    audit, _ = make_survey()
    blank = replace(audit.evidence["given"], probs=np.full((2000, 2), 0.5, np.float32))
    result = selftest(replace(audit, evidence={"given": blank}, decision=replace(audit.decision, threshold=0.6)))
    assert "too weak" in result.alarm


def test_a_self_test_needs_samples() -> None:
    with pytest.raises(DataError, match="self-test needs 20"):
        selftest(make_survey(n=15)[0])
