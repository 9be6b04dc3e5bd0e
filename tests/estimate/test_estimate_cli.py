"""What `labelaudit estimate` prints and writes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from surveys import judge, make_survey, verdict_on
from typer.testing import CliRunner

from labelaudit.audit import run as reports
from labelaudit.audit.document import BEFORE_REVIEW
from labelaudit.cli import app
from labelaudit.estimate import estimate, fdr_flags, load_plan, plan_reviews
from labelaudit.types import Evidence
from labelaudit.verdicts import Verdict, append, match, verdicts_file

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
    assert "100 images to review" in said
    assert "labelaudit review" in said
    rows = planned(run)
    review(run, rows[:60])
    code, said = call(run)
    assert code == 0
    assert planned(run) == rows
    for name in ("precision", "recall", "noise rate", "90% interval", "40 of the 100 planned"):
        assert name in said
    assert json.loads((run / "estimate.json").read_text())["estimate"]["reviewed"] == 60


def test_it_says_why_it_counts_other_suspects_than_the_run_lists(run: Path) -> None:
    call(run, "--reviews", 100)
    review(run, planned(run))
    assert "what models flag without them" not in call(run)[1]
    audit = reports.read(run)
    before = Evidence(method=BEFORE_REVIEW, suspicion=audit.decision.suspicion / 2)
    reports.write(replace(audit, evidence={**audit.evidence, BEFORE_REVIEW: before}), run)
    _, said = call(run)
    blind = int((before.suspicion >= audit.decision.threshold).sum())
    assert f"what models flag without them: {blind} suspects." in " ".join(said.split())
    assert f"the RUN lists {len(audit.suspects)}." in " ".join(said.split())


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
    assert "no image was verified clean" in said


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
    assert "5 images were looked at and none has a verdict (5 could not be told, on 0 reviewers disagree)" in said
    assert "anything from 0% to 100%" in said
    assert "no image was verified clean yet" in said
    assert f"Review the planned sample: `labelaudit review {run} --order sample`" in said
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
    assert "--reviews 5,000: the plan has 600 images, which are all that the dataset has" in said
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
    assert note.startswith("1 planned image counts as not looked at")
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
    assert "nothing is left to suspect" in flags.sentence
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
    assert "1 verdict counts. 1 wrong label found" in said
    assert said.index("90% interval") < said.index("scan's opinion") < said.index("precision")
    assert "point values are mostly the scan's own opinion" in said
    assert "scan's own opinion" in json.loads(call(run, "--json")[1])["estimate"]["notes"][0]
    append(verdicts_file(run), *(verdict_on(audit, row, row % 2 == 0) for row in planned(run)[1:12]))
    said = call(run)[1]
    assert said.index("estimate") < said.index("90% interval")
    assert "opinion" not in said
