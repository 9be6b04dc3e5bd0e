"""``labelaudit clean`` as people type it: a plan, the dataset, the way back, and one line for what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cleaning import IDS, contents, make_dataset, png, said
from commands import call

from labelaudit import verdicts
from labelaudit.audit import run as runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN with two verdicts."""
    audit = make_dataset(tmp_path / "pets")
    runs.write(audit, tmp_path / "run")
    file = verdicts.verdicts_file(tmp_path / "run")
    verdicts.append(file, said(audit, 1, "suggested", "dog"), said(audit, 2, "none"))
    return tmp_path / "run"


def test_first_there_is_only_a_plan(run: Path, tmp_path: Path) -> None:
    result = call("clean", run, "-o", tmp_path / "out", "--format", "hf")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == "3 changes to 6 images"
    assert "cat/b.png cat dog 97% reviewed by ann on 2026-11-21" in [" ".join(line.split()) for line in lines]
    assert "As they are: 1 suspect: review them, or use --action suspect=quarantine" in lines
    assert f"  labelaudit clean {run} --plan {run / 'plan.json'} -o {tmp_path / 'out'} --format hf --apply" in lines
    assert not [line for line in lines if line != line.rstrip()]
    assert (run / "plan.json").is_file()
    assert not (tmp_path / "out").exists()
    runs.write(runs.read(run), run)
    assert (run / "plan.json").is_file()  # the next scan keeps it


def test_a_plan_is_shown_for_a_place_that_can_be_written_only(run: Path, tmp_path: Path) -> None:
    result = call("clean", run, "-o", run)
    assert result.code == 2
    assert "is the RUN" in result.err
    runs.write(replace(make_dataset(tmp_path / "owls"), findings=()), tmp_path / "plain")
    result = call("clean", tmp_path / "plain", "-o", tmp_path / "out")
    assert "changes nothing yet: judge suspects first" in " ".join(result.out.split())
    assert "--apply" not in result.out


def test_a_patch_is_counted_in_changes(run: Path, tmp_path: Path) -> None:
    made = call("clean", run, "-o", tmp_path / "out", "--format", "patch", "--apply")
    assert f"3 changes in {tmp_path / 'out' / 'relabel.csv'}" in made.out
    assert len((tmp_path / "out" / "relabel.csv").read_text(encoding="utf-8").splitlines()) == 4


def test_apply_then_again_then_undo(run: Path, tmp_path: Path) -> None:
    made = call("clean", run, "-o", tmp_path / "out", "--action", "suspect=drop", "--link", "hard", "--apply")
    assert made.code == 0
    assert f"4 of 6 images as folders in {tmp_path / 'out'} (5 as hard link, quarantine included)" in made.out
    assert f"In quarantine: {tmp_path / 'out-quarantine'}" in made.out
    again = call("clean", run, "--plan", run / "plan.json", "-o", tmp_path / "out", "--apply")
    assert f"{tmp_path / 'out'} is this dataset already: nothing was changed." in again.out
    back = call("clean", run, "--undo", tmp_path / "out", "-o", tmp_path / "back", "-q")
    assert back == (0, "", "")
    assert contents(tmp_path / "back") == {name: png(number) for number, name in enumerate(IDS)}


def test_doubtful_suspects_are_changed_only_where_they_are_named(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path / "pets", decision={"sure_threshold": 0.98})
    runs.write(audit, tmp_path / "run")
    plain = call("clean", tmp_path / "run", "--action", "suspect=drop")
    assert "because they are doubtful, not sure: 2. --tier doubtful takes them too" in plain.out
    assert "As they are: 2 suspects\n" in plain.out
    told = call("clean", tmp_path / "run", "--action", "suspect=drop", "--tier", "doubtful")
    assert "3 changes to 6 images" in told.out
    refused = call("clean", tmp_path / "run", "--tier", "sure", "--fdr", "0.1")
    assert refused.code == 2
    assert "--tier chooses among the scan's own suspects" in refused.err


def test_an_edited_plan_is_applied_exactly_and_never_written_over(run: Path, tmp_path: Path) -> None:
    assert call("clean", run, "-q").code == 0
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    plan["changes"] = [{**plan["changes"][0], "new_label": "owl"}]
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    refused = call("clean", run, "-o", tmp_path / "out", "--apply")
    assert refused.code == 2
    assert "plan.json was edited by hand: apply it with --plan" in refused.err
    made = call("clean", run, "--plan", run / "plan.json", "-o", tmp_path / "out", "--apply")
    assert made.code == 0
    assert sorted(contents(tmp_path / "out")) == sorted({*IDS, "owl/b.png"} - {"cat/b.png"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--apply"], "name a folder for the new dataset: -o OUT"),
        (["--action", "suspekt=drop"], "unknown reason 'suspekt': did you mean 'suspect'?"),
        (["--plan", "no.json"], "there is no plan no.json"),
        (["--plan", "x", "--action", "drop"], "--plan is applied as it is"),
        (["--fdr", "0.1"], "a false-discovery rate rests on a review"),
        (["--undo", "x", "-o", "y", "--apply"], "--undo makes the dataset as it was"),
        (["--undo", "x", "-o", "y"], "x was not made by `labelaudit clean`"),
    ],
)
def test_what_cannot_be_is_one_line(run: Path, arguments: list[str], message: str) -> None:
    result = call("clean", run, *arguments)
    assert result.code == 2
    assert result.err.startswith("labelaudit: ")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_other_runs(run: Path, tmp_path: Path) -> None:
    assert "is not a RUN folder" in call("clean", tmp_path / "pets").err
    text = (run / "audit.json").read_text(encoding="utf-8")
    (run / "audit.json").write_text(text.replace('"schema_version": 2', '"schema_version": 99'), encoding="utf-8")
    assert "was written by a newer labelaudit" in call("clean", run).err


def test_verdicts_that_cannot_count_are_said(run: Path) -> None:
    audit = runs.read(run)
    stranger = verdicts.Verdict(path="x.png", digest="f" * 32, given_label="cat", verdict="none")
    verdicts.append(verdicts.verdicts_file(run), stranger, said(audit, 1, "given", reviewer="bob"))
    shown = call("clean", run).out
    assert "- 1 verdict on images that the audit does not have, first x.png: left out." in shown
    assert "- Reviewers disagree on 1 image, first cat/b.png (ann: dog, bob: cat)." in shown


def test_what_cannot_be_restored_is_said_even_when_quiet(run: Path, tmp_path: Path) -> None:
    assert call("clean", run, "-o", tmp_path / "out", "--apply", "-q").code == 0
    (tmp_path / "out-quarantine").rename(tmp_path / "away")
    (tmp_path / "pets").rename(tmp_path / "moved")
    back = call("clean", run, "--undo", tmp_path / "out", "-o", tmp_path / "back", "-q")
    assert (back.code, back.out, back.err.count("\n")) == (2, "", 1)
    assert "1 of 6 images could not be restored, first 'cat/c.png'" in back.err
    assert f"(quarantined, but not in {tmp_path / 'out-quarantine'}: 1)" in back.err
    assert f"{tmp_path / 'back'} has the others" in back.err
    assert contents(tmp_path / "back") == {name: png(n) for n, name in enumerate(IDS) if name != "cat/c.png"}
    (tmp_path / "moved").rename(tmp_path / "pets")
    again = call("clean", run, "--undo", tmp_path / "out", "-o", tmp_path / "back", "-q", "--replace")
    assert again == (0, "", "")
    assert len(contents(tmp_path / "back")) == 6


def test_a_damaged_estimate_stops_only_what_rests_on_it(run: Path) -> None:
    (run / "estimate.json").write_text("{", encoding="utf-8")
    made = call("clean", run)
    assert made.code == 0
    assert made.err.count("estimate.json cannot be read") == 1
    assert made.err.endswith("Suspects are counted by the scan's threshold.\n")
    assert call("clean", run, "--flags", "threshold", "--action", "suspect=drop").err == ""
    for arguments in (["--action", "suspect=drop"], ["--fdr", "0.1"], ["--flags", "fdr"]):
        assert call("clean", run, *arguments).code == 2
    assert "or use --flags threshold" in call("clean", run, "--action", "suspect=drop").err
    assert call("report", run, "--format", "markdown").code == 0
    assert "Without precision and recall:" in (run / "report.md").read_text(encoding="utf-8")


def test_flags_that_are_not_possible_are_explained(run: Path) -> None:
    assert call("estimate", run).code == 0
    shown = call("clean", run, "--fdr", "0.01", "--action", "suspect=drop").out
    assert "No suspects" in shown
    assert "--flags threshold takes the scan's own suspects" in shown


def test_an_unfinished_verdict_is_noted(run: Path) -> None:
    with verdicts.verdicts_file(run).open("a", encoding="utf-8") as file:
        file.write("cat/a.png,0")
    assert call("clean", run).out.count("ends in an unfinished line (4)") == 1


@pytest.mark.parametrize("ending", ["r.xyz", "r", "report.pdf"])
def test_a_report_has_an_ending_that_says_what_it_is(run: Path, tmp_path: Path, ending: str) -> None:
    refused = call("report", run, "-o", tmp_path / ending)
    assert refused.code == 2
    assert "known: .html, .md, .htm, .markdown" in refused.err
    assert not (tmp_path / ending).exists()
    assert call("report", run, "-o", tmp_path / ending, "--format", "markdown").code == 0
    assert (tmp_path / ending).read_text(encoding="utf-8").startswith("#")
    assert call("report", run, "-o", tmp_path / "R.HTM", "-q").code == 0
    assert (tmp_path / "R.HTM").read_text(encoding="utf-8").lstrip().startswith("<!doctype")
