"""What a review says: intervals that hold, flags at a rate that is kept, when to stop, a ceiling called a ceiling."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from surveys import judge, make_survey, verdict_on
from typer.testing import CliRunner

from labelaudit.audit import run as reports
from labelaudit.cli import app
from labelaudit.errors import DataError, OptionError
from labelaudit.estimate import (
    estimate,
    fdr_flags,
    load_plan,
    plan_reviews,
    selftest,
    stop_rule,
)
from labelaudit.estimate.cells import draw_unseen
from labelaudit.estimate.fdr import null_curve
from labelaudit.estimate.stopping import StopDecision
from labelaudit.types import Evidence
from labelaudit.verdicts import Reviewed, Verdict, append, match, verdicts_file

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
    assert f"{len(picked):,} verdicts on samples outside the plan" in found.notes[-1]


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
    assert "No flags are possible" in flags.sentence
    assert "not expected to help" in flags.sentence


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
    assert "no sample was verified clean" in flags.sentence


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_is_between_0_and_1(target: float) -> None:
    audit, _ = make_survey(n=50)
    with pytest.raises(OptionError, match="between 0 and 1"):
        fdr_flags(audit, plan_reviews(audit), Reviewed(), target=target)


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


def test_the_stop_rule_is_fast_enough_to_be_asked_after_each_verdict() -> None:
    audit, wrong = make_survey(n=100_000)
    plan = plan_reviews(audit)
    reviewed = judge(audit, wrong, {*plan.rows, *audit.order[:1000].tolist()})
    stop_rule(audit, reviewed, plan)
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        stop_rule(audit, reviewed, plan)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.06  # 10 ms on an idle core


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


# the command


@pytest.fixture
def run(tmp_path: Path) -> Path:
    audit, _ = make_survey(n=600)
    reports.write(audit, tmp_path / "run")
    return tmp_path / "run"


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["estimate", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def review(run: Path, rows: list[int]) -> None:
    audit, wrong = make_survey(n=600)
    append(verdicts_file(run), *(verdict_on(audit, row, bool(wrong[row])) for row in rows))


def planned(run: Path) -> list[int]:
    return [review["row"] for review in json.loads((run / "estimate.json").read_text())["plan"]["reviews"]]


def test_first_the_plan_then_the_numbers(run: Path) -> None:
    code, said = call(run, "--reviews", 100)
    assert code == 0
    assert "100 samples to review" in said
    assert "labelaudit review" in said
    rows = planned(run)
    review(run, rows[:60])
    code, said = call(run)
    assert code == 0
    assert planned(run) == rows
    for name in ("precision", "recall", "noise rate", "90% interval", "40 of the 100 planned"):
        assert name in said
    assert json.loads((run / "estimate.json").read_text())["estimate"]["reviewed"] == 60


def test_json_is_json_and_the_flags_go_to_a_file(run: Path) -> None:
    call(run, "--reviews", 150)
    review(run, planned(run))
    code, said = call(run, "--json", "--fdr", 0.2, "--selftest")
    record = json.loads(said)
    assert code == 0
    assert record["estimate"]["confidence"] == 0.9
    assert record["selftest"]["recall_ceilings"][0]["kind"] == "uniform"
    with (run / "fdr.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "given_label", "predicted_label", "p_value", "q_value"]
    assert len(rows) == record["fdr"]["flags"] > record["fdr"]["verified_wrong"] > 0
    assert all(row["given_label"] != row["predicted_label"] for row in rows)
    assert all(float(row["q_value"]) <= 0.2 for row in rows)
    assert json.loads(call(run, "--json")[1])["fdr"]["target"] == 0.2  # the list follows later verdicts


def test_text_says_ceiling_and_never_recall_alone_for_planted_errors(run: Path) -> None:
    _, said = call(run, "--selftest", "--fdr", 0.1)
    assert "Ceiling for recall" in said
    assert "not an estimate" in said
    assert "no sample was verified clean" in said


def test_bad_calls_end_with_2(run: Path, tmp_path: Path) -> None:
    assert call(run, "--fdr", 2)[0] == 2
    assert call(run, "--reviews", 3)[0] == 2
    assert call(tmp_path / "nowhere")[0] == 2
    assert not (run / "estimate.json").exists()


def skip(run: Path, rows: list[int]) -> None:
    audit, _ = make_survey(n=600)
    for row in rows:
        digest, given = audit.identity(row)
        skipped = Verdict(path=audit.samples.ids[row], digest=digest, given_label=given, verdict="skip")
        append(verdicts_file(run), skipped)


def test_a_review_of_skips_is_not_called_none(run: Path) -> None:
    before = call(run, "--reviews", 20)[1]
    skip(run, planned(run)[:5])
    said = call(run, "--fdr", 0.1)[1]
    assert said != before
    assert "5 samples were looked at and none has a verdict (5 could not be told, on 0 reviewers disagree)" in said
    assert "anything from 0% to 100%" in said
    assert "no sample was verified clean yet" in said
    assert "Review the planned sample: `labelaudit review`, --order sample" in said
    assert f"Next: labelaudit review {run} --order sample" in said
    assert "RUN" not in said
    assert json.loads(call(run, "--json")[1])["could_not_tell"] == 5
    skip(run, planned(run)[5:])
    assert "--order sample offers the skipped ones again, or labelaudit estimate" in call(run)[1]


def test_a_plan_of_another_size_than_asked_for_is_explained(run: Path) -> None:
    assert "--reviews" not in call(run, "--reviews", 100)[1]
    said = call(run, "--reviews", 40)[1]
    assert "--reviews 40: the plan has 100 already and never shrinks" in said
    assert len(planned(run)) == 100
    said = call(run, "--reviews", 5000)[1]
    assert "--reviews 5,000: the plan has 600 samples, which are all that the dataset has" in said
    assert any("--reviews 40" in note for note in json.loads(call(run, "--reviews", 40, "--json")[1])["notes"])


def test_verdicts_for_unknown_classes_are_noted_where_they_hold_up_the_sample() -> None:
    audit, wrong = make_survey(n=600)
    plan = plan_reviews(audit, reviews=60)
    first = plan.rows[0]
    digest, given = audit.identity(first)
    odd = Verdict(path="x", digest=digest, given_label=given, verdict="other", new_label="fox")
    reviewed = judge(audit, wrong, plan.rows[1:])
    found = estimate(audit, plan, replace(reviewed, strangers=(odd,)))
    note = next(note for note in found.notes if "does not have" in note)
    assert note.startswith("1 planned samples count as not looked at")
    assert f"first {audit.samples.ids[first]} ('fox')" in note
    assert not any("does not have" in note for note in estimate(audit, plan, reviewed).notes)


def test_no_more_is_offered_than_the_dataset_has(run: Path) -> None:
    call(run, "--reviews", 400)
    skip(run, planned(run))
    assert f"labelaudit estimate {run} --reviews 600 plans more" in call(run)[1]
    call(run, "--reviews", 600)
    skip(run, planned(run)[400:])
    said = call(run, "--fdr", 0.1)[1]
    assert "offers the skipped ones again; then" in said
    assert "plans more" not in said
    assert "Everything was looked at" in said
    assert "Review the planned sample" not in said


@pytest.mark.parametrize("wrong", [True, False, None])
def test_where_all_is_reviewed_nothing_is_left_to_flag(run: Path, wrong: bool | None) -> None:
    call(run, "--reviews", 600)
    audit, truth = make_survey(n=600)
    said = [verdict_on(audit, row, bool(truth[row]) if wrong is None else wrong) for row in range(600)]
    append(verdicts_file(run), *said)
    flags = fdr_flags(audit, load_plan(run, audit), match(audit, said), target=0.1)
    assert "nothing is left to flag" in flags.sentence
    for phrase in ("set errors apart", "verified clean yet", "More reviews", "Review the planned"):
        assert phrase not in flags.sentence
    assert ("found wrong by a person are listed." in flags.sentence) == (wrong is not False)
    assert flags.sentence in " ".join(call(run, "--fdr", 0.1)[1].split())


def test_a_plan_reviewed_without_a_clean_sample_asks_for_more(run: Path) -> None:
    call(run, "--reviews", 100)
    audit, _ = make_survey(n=600)
    append(verdicts_file(run), *(verdict_on(audit, row, True) for row in planned(run)))
    said = call(run, "--fdr", 0.1)[1]
    assert "The planned sample is reviewed: plan more" in said
    assert "RUN" not in said


def test_one_is_one_and_few_verdicts_are_led_by_the_interval(run: Path) -> None:
    call(run, "--reviews", 100)
    audit, _ = make_survey(n=600)
    append(verdicts_file(run), *(verdict_on(audit, row, True) for row in planned(run)[:1]))
    said = call(run)[1]
    assert "1 verdict counts, 1 on a wrong label. 1 wrong label found" in said
    assert said.index("90% interval") < said.index("scan's opinion") < said.index("precision")
    assert "point values are mostly the scan's own opinion" in said
    assert "scan's own opinion" in json.loads(call(run, "--json")[1])["estimate"]["notes"][0]
    append(verdicts_file(run), *(verdict_on(audit, row, row % 2 == 0) for row in planned(run)[1:12]))
    said = call(run)[1]
    assert said.index("estimate") < said.index("90% interval")
    assert "opinion" not in said
