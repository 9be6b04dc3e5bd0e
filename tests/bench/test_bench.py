"""`labelaudit bench`: presets that fit what they name, runs that are kept and never made twice, an honest table."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench_records import made
from typer.testing import CliRunner

from labelaudit.bench import Run, coverage, run_preset
from labelaudit.bench import runs as record
from labelaudit.bench.presets import get_preset, get_presets, list_tables
from labelaudit.cli import app
from labelaudit.errors import RunError


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    preset, runs, told = get_preset("digits"), tmp_path / "runs.jsonl", list[tuple[str, bool]]()
    small = replace(preset, arms=preset.arms[:3])
    first = run_preset(small, data=None, runs=runs, seeds=[0], epochs=1, samples=100)
    lines = runs.read_text(encoding="utf-8").splitlines(keepends=True)
    runs.write_text("".join(lines[:2]) + lines[2][:50], encoding="utf-8")  # torn by a crash

    def tell(run: Run, known: bool) -> None:
        told.append((run.arm, known))

    again = run_preset(small, data=None, runs=runs, seeds=[0], epochs=1, samples=100, told=tell)
    assert told == [("ce", True), ("crust", True), ("limit", False)]
    assert [run.values for run in again] == [run.values for run in first]  # same seed, same values
    other = replace(small, arms=(replace(small.arms[0], options={**small.arms[0].options, "lr": 0.01}),))
    told.clear()
    run_preset(other, data=None, runs=runs, seeds=[0], epochs=1, samples=100, told=tell)
    assert told == [("ce", False)]  # another definition is another run


def test_an_interrupted_run_keeps_what_is_finished(tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"

    def stop(stage: str, done: int, total: int | None) -> None:
        if "crust" in stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_preset(get_preset("digits"), data=None, runs=runs, seeds=[0], epochs=1, samples=100, progress=stop)
    assert [run.arm for run in record.read(runs)] == ["ce"]


def test_an_arm_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(perf_counter=count(0, 1000).__next__, process_time=count(0, 100).__next__)
    monkeypatch.setattr("labelaudit.bench.running.time", clock)
    whole = get_preset("digits")
    preset = replace(whole, arms=whole.arms[:1])
    (arm,) = preset.arms
    preset = replace(preset, arms=(replace(arm, series=("train_loss",)),))
    (plain,) = run_preset(preset, data=None, runs=tmp_path / "a" / "runs.jsonl", seeds=[0], epochs=3, samples=100)
    epochs = list[int]()

    def stop(stage: str, done: int, total: int | None) -> None:
        epochs.append(done)
        if epochs == [0, 1, 2]:
            raise KeyboardInterrupt

    runs = tmp_path / "b" / "runs.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_preset(preset, data=None, runs=runs, seeds=[0], epochs=3, samples=100, progress=stop)
    assert record.read(runs) == ()
    (again,) = run_preset(preset, data=None, runs=runs, seeds=[0], epochs=3, samples=100, progress=stop)
    assert epochs == [0, 1, 2, 0, 3]  # 0: a training is announced before its first epoch
    assert (plain.seconds, plain.core_seconds) == (1000, 100)
    assert again.seconds < 1000  # by the epochs, not by the clock of the last part alone
    assert again.core_seconds == 0
    assert again.values == plain.values
    assert again.series == plain.series
    assert len(again.series["train_loss"]) == 3


def test_a_plan_takes_what_fits_and_is_not_measured_yet() -> None:
    presets = get_presets("limit-mnist")
    everything = coverage.plan(presets, [], budget=1e9, device="cpu", seeds=1)
    assert len(everything) == sum(len(preset.arms) for preset in presets)
    first = coverage.plan(presets, [], budget=120, device="cpu", seeds=1)
    assert 0 < len(first) < len(everything)
    assert sum(item.seconds for item in first) <= 120
    run = made(first[0].preset, first[0].arm, 0, {"test accuracy": 50.0})
    assert first[0] not in coverage.plan(presets, [run], budget=120, device="cpu", seeds=1)
    (covered,) = [one for one in coverage.cover(list_tables(), [run]) if one.table.name == "limit-mnist"]
    assert (covered.cells, covered.measured) == (110, 1)


def test_a_damaged_record_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"preset": "digits"}\n', encoding="utf-8")
    with pytest.raises(RunError, match="line 1"):
        record.read(path)


def test_a_torn_line_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    path, preset = tmp_path / "runs.jsonl", get_preset("digits")
    run = made(preset, preset.arms[0], 0, {"test accuracy": 1.0})
    record.append(path, run)
    path.write_text(path.read_text(encoding="utf-8") + '{"preset": "dig', encoding="utf-8")
    record.append(path, replace(run, seed=1))
    assert [found.seed for found in record.read(path)] == [0, 1]


def test_the_command_plans_within_a_budget(tmp_path: Path) -> None:
    output = str(tmp_path / "RESULTS.md")
    arguments = ["bench", "digits", "--plan", "--budget", "30s", "--epochs", "1", "--samples", "100", "-o", output]
    found = CliRunner().invoke(app, [*arguments, "--seeds", "1", "--arm", "ce", "--json"])
    assert found.exit_code == 0, found.output
    assert {row["row"].partition(":")[0] for row in json.loads(found.stdout)} == {"ce"}


def test_the_command_writes_its_table_and_says_where(tmp_path: Path) -> None:
    output = tmp_path / "out" / "RESULTS.md"
    arguments = ["bench", "digits", "--seeds", "1", "--epochs", "1", "--samples", "100", "-o", str(output)]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "ce: test accuracy" in first.stdout
    assert "A slice" in first.stdout
    assert "| digits | limit: AUROC |" in output.read_text(encoding="utf-8")
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert "(known)" in again.stderr
    rows = json.loads(again.stdout)
    assert rows[0]["slice"] is True
    assert list(rows[0]["values"]) == ["0"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench"], "name a table or a preset"),
        (["bench", "limit-mnist", "--noise", "0.3"], "--noise 0.3 is not in this table: it has 0.0, 0.5, 0.8, 0.89"),
        (["bench", "--plan", "--budget", "soon"], "is not a time: write one such as 90s"),
        (["bench", "digit"], "did you mean 'digits'"),
        (["bench", "sln-mnist"], "--data"),
        (["bench", "digits", "-o", "."], "name the Markdown file"),
    ],
)
def test_what_cannot_be_run_is_one_line(arguments: list[str], said: str) -> None:
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
