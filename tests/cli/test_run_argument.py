"""Which RUN is meant: the one here, the only one, the one of a dataset; and the queue of what fails the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from review_runs import write_run
from typer.testing import CliRunner

from labelaudit import read_audit
from labelaudit.audit.originals import open_originals
from labelaudit.cli import app
from labelaudit.cli.console.runs import find_run
from labelaudit.cli.review import _fail_the_gate
from labelaudit.errors import OptionError, RunError
from labelaudit.review.session import open_session


def test_the_only_run_here_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="no RUN here"):
        find_run(None)
    write_run(tmp_path)
    assert find_run(None) == Path("run")
    assert find_run(Path("anything")) == Path("anything")
    with pytest.raises(OptionError, match="data is a dataset; its RUN is run"):
        find_run(Path("data"))
    (tmp_path / "run").rename(tmp_path / "labelaudit-run")
    write_run(tmp_path / "more")
    assert find_run(None) == Path("labelaudit-run")
    (tmp_path / "labelaudit-run").rename(tmp_path / "one")
    (tmp_path / "more" / "run").rename(tmp_path / "two")
    with pytest.raises(OptionError, match="several RUNs here: name one of one, two"):
        find_run(None)


def test_a_dataset_instead_of_a_run_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path)
    result = CliRunner().invoke(app, ["clean", "data"], prog_name="labelaudit")
    assert result.exit_code == 2
    assert result.stderr == "labelaudit: data is a dataset; its RUN is run: put that in its place\n"


def test_what_is_no_run_says_what_it_is(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    for named, said in {
        run / "suspects.csv": f"is a file of a RUN: name its folder, {run}",
        tmp_path / "none": "is not a RUN folder (there is none)",
        tmp_path / "data" / "cat" / "0.png": "is not a RUN folder (it is a file)",
        tmp_path: "is not a RUN folder (no audit.json)",
    }.items():
        result = CliRunner().invoke(app, ["estimate", str(named)], prog_name="labelaudit")
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    result = CliRunner().invoke(app, ["clean", str(run), "--plan", str(tmp_path / "none")], prog_name="labelaudit")
    assert f"`labelaudit clean {run}`" in result.stderr, "the RUN at hand, not the word RUN"
    result = CliRunner().invoke(app, ["baseline", "show", str(run)], prog_name="labelaudit")
    assert f"{run} is a folder and no baseline: name a file that --write-baseline wrote" in result.stderr


@pytest.mark.parametrize("command", [["verdicts", "show"], ["clean"], ["estimate"]])
def test_what_to_type_next_can_be_typed(tmp_path: Path, command: list[str]) -> None:
    run = write_run(tmp_path).rename(tmp_path / "my run")
    result = CliRunner().invoke(app, [*command, str(run)], prog_name="labelaudit")
    assert f"labelaudit review '{run}'" in result.stdout.replace("\n", " ")


def test_a_plan_says_what_to_type_though_names_have_blanks(tmp_path: Path) -> None:
    run, out = write_run(tmp_path).rename(tmp_path / "my run"), tmp_path / "my new images"
    typed = ["clean", str(run), "-o", str(out), "--action", "suspect=relabel", "--data", str(tmp_path / "data")]
    said = CliRunner().invoke(app, typed).stdout
    plan, data = run / "plan.json", tmp_path / "data"
    assert f"  labelaudit clean '{run}' --plan '{plan}' -o '{out}' --data {data} --apply\n" in said


def test_only_what_fails_the_gate_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path)
    audit = read_audit(run)
    assert _fail_the_gate(audit, run) == set(audit.suspects.tolist())
    (tmp_path / "labelaudit.toml").write_text("threshold = 0.5\n")
    strict = replace(audit, decision=replace(audit.decision, is_issue=audit.decision.suspicion > 0.8))
    lower = _fail_the_gate(strict, run)
    asked = open_session(strict, open_originals(audit), run, only=lower).queue.rows
    assert (set(asked), len(asked) > len(strict.suspects)) == (lower, True)
    ignored = CliRunner().invoke(app, ["check", str(run), "--write-baseline", str(tmp_path / "known.json")])
    assert ignored.exit_code == 0
    (tmp_path / "labelaudit.toml").write_text('baseline = "known.json"\n')
    with pytest.raises(RunError, match="no suspect fails the gate"):
        _fail_the_gate(audit, run)
