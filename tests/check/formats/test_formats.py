"""Every format of the gate agrees with the outcome, with the others and with the exit code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest
from audits import make_audit
from hypothesis import HealthCheck, given, settings
from outcomes import (
    OUTCOMES,
    any_outcome,
    every_case,
    render,
)
from spoken import READERS, expected, read_markdown
from typer.testing import CliRunner

from labelaudit.audit import run
from labelaudit.check.formats import GATE_FORMATS, markdown
from labelaudit.check.outcome import Outcome
from labelaudit.cli import app
from labelaudit.cli.check import Format

every_format = pytest.mark.parametrize("name", sorted(GATE_FORMATS))


def test_every_file_is_a_format_that_is_read_back_here() -> None:
    assert set(GATE_FORMATS) >= {"table", "json", "jsonl", "csv", "markdown", "junit", "sarif", "github"}
    assert set(READERS) == set(GATE_FORMATS), "spoken.py reads every format back"
    assert get_args(Format) == tuple(GATE_FORMATS), "the command line offers them all"


@every_format
@every_case
def test_every_format_agrees_with_the_outcome_and_its_exit_code(name: str, case: str) -> None:
    text = render(name, case)
    assert text.encode().decode() == text
    assert text.endswith("\n")
    said = READERS[name](text)
    assert said == expected(OUTCOMES[case])
    assert int(not said.passed) == OUTCOMES[case].exit_code


@every_format
def test_the_same_outcome_gives_the_same_text(name: str) -> None:
    assert GATE_FORMATS[name](OUTCOMES["every status"]) == render(name, "every status")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(outcome=any_outcome)
def test_whatever_the_outcome_all_formats_agree(outcome: Outcome) -> None:
    for name, write in GATE_FORMATS.items():
        text = write(outcome)
        text.encode()
        assert READERS[name](text) == expected(outcome), name


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN with two suspects, a conflict and a file that is cut off."""
    place = tmp_path_factory.mktemp("audited") / "run"
    run.write(make_audit(), place)
    return place


def check(*arguments: str | Path, **env: str) -> tuple[int, bytes, str]:
    outer = {name: None for name in os.environ if name.startswith(("LABELAUDIT_", "GITHUB_"))}
    ended = CliRunner().invoke(app, ["check", *map(str, arguments)], env={**outer, **env}, catch_exceptions=False)
    return ended.exit_code, ended.stdout_bytes, ended.stderr


@every_format
def test_the_exit_code_does_not_depend_on_the_format(name: str, audited: Path, tmp_path: Path) -> None:
    code, out, _ = check(audited, "--format", name)
    said = READERS[name](out.decode())
    assert (code, said.passed, said.broken) == (1, False, 2)
    passed = ["--allow-conflicts", "--allow-unreadable"]
    code, out, _ = check(audited, "--format", name, *passed)
    assert (code, READERS[name](out.decode()).passed) == (0, True)
    assert check(audited, "--format", name, "--exit-zero")[0] == 0
    assert check(tmp_path, "--format", name)[0] == 2, "an empty folder is never a pass"


def test_reports_are_written_by_their_ending_beside_what_stdout_gets(audited: Path, tmp_path: Path) -> None:
    endings = {"table": "txt", "markdown": "md", "junit": "xml", **{n: n for n in ("json", "jsonl", "csv", "sarif")}}
    files = {name: tmp_path / f"report.{ending}" for name, ending in endings.items()}
    options = [part for file in files.values() for part in ("--report", file)]
    code, out, _ = check(audited, "--format", "github", *options)
    stated = READERS["github"](out.decode())
    assert code == 1
    assert {name: READERS[name](file.read_text(encoding="utf-8")) for name, file in files.items()} == dict.fromkeys(
        files, stated
    )


@pytest.mark.parametrize("name", ["report.docx", "report", "nowhere/report.json"])
def test_a_report_that_cannot_be_written_is_said_before_the_work(name: str, audited: Path, tmp_path: Path) -> None:
    code, out, said = check(audited, "--report", tmp_path / name)
    assert (code, out) == (2, b"")
    assert name.split("/", maxsplit=1)[0] in said


def test_the_summary_of_a_github_step_is_appended_and_leaves_what_is_there(audited: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("What an earlier command said.\n", encoding="utf-8")
    check(audited, "--format", "github", GITHUB_STEP_SUMMARY=str(page))
    first, _, rest = page.read_text(encoding="utf-8").partition("\n")
    assert first == "What an earlier command said."
    assert read_markdown(rest).broken == 2
    page.write_text("x" * markdown.STEP, encoding="utf-8")
    check(audited, "--format", "github", GITHUB_STEP_SUMMARY=str(page))
    assert page.stat().st_size == markdown.STEP, "GitHub would refuse the whole page"
    untouched = tmp_path / "other.md"
    check(audited, GITHUB_STEP_SUMMARY=str(untouched))
    assert not untouched.exists(), "only the format github writes it"
