"""`labelaudit check`, `baseline` and `config`: exit codes, what is written where, what is refused before long work."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from audits import IDS, make_audit, make_samples
from pictures import photo
from PIL import Image
from typer.testing import CliRunner

import labelaudit.increment
from labelaudit.cli import app
from labelaudit.document import Audit
from labelaudit.gate import baseline_file
from labelaudit.ingest import digest
from labelaudit.reports import run as runs
from labelaudit.reports.gate_formats import GATE_FORMATS
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, append, verdicts_file


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("LABELAUDIT_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


def call(*arguments: object, env: Mapping[str, str] | None = None, input: str | bytes | None = None) -> Ended:
    line = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, line, env=env, input=input, catch_exceptions=False, prog_name="labelaudit")
    return Ended(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished RUN of six images, which do not exist."""
    runs.write(make_audit(), tmp_path / "RUN")
    return Path("RUN")


@pytest.fixture
def tidy(tmp_path: Path) -> Path:
    """The same without findings, so that only suspects can break a rule."""
    runs.write(make_audit(findings=()), tmp_path / "RUN")
    return Path("RUN")


def save_png(path: Path, seed: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(photo(seed)).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


@pytest.fixture
def pets(tmp_path: Path) -> Audit:
    """The audit of the six images in the folder ``pets``, in the folder RUN."""
    digests = tuple(digest(save_png(tmp_path / "pets" / name, seed)) for seed, name in enumerate(IDS))
    source = {"data": str(tmp_path / "pets"), "labels": None, "path_column": None, "label_column": None}
    audit = make_audit(
        samples=make_samples(digests=digests), settings={"methods": ["sln"], "source": source}, findings=()
    )
    runs.write(audit, tmp_path / "RUN")
    return audit


@pytest.fixture
def repository(pets: Audit) -> Audit:
    """The same, with the images on the branch main of a Git repository."""
    git("init", "-q")
    commit()
    return pets


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "pets")
    git("commit", "-q", "-m", "images")


def install_current(monkeypatch: pytest.MonkeyPatch, audit: Audit | BaseException) -> list[dict[str, Any]]:
    """Let ``increment.current`` and ``update`` answer with ``audit``; returns what they are called with."""
    calls: list[dict[str, Any]] = []

    def answer(data: object, *rest: object, **options: Any) -> Audit:
        calls.append({"data": data, "rest": rest, **options})
        if isinstance(audit, BaseException):
            raise audit
        return audit

    monkeypatch.setattr(labelaudit.increment, "current", answer)
    monkeypatch.setattr(labelaudit.increment, "update", answer)
    return calls


# exit codes


@pytest.mark.parametrize("format", GATE_FORMATS)
def test_the_exit_code_does_not_depend_on_the_format(tidy: Path, format: str) -> None:
    assert call("check", tidy, "--max-suspects", 2, "--format", format).code == 0
    assert call("check", tidy, "--max-suspects", 1, "--format", format).code == 1
    assert call("check", tidy, "--max-suspects", 1, "--format", format, "-o", "report", "-q").code == 1
    assert call("check", tidy, "--max-suspects", 1, "--format", format, "--exit-zero").code == 0
    assert call("check", tidy, "--max-suspects", "x", "--format", format, "--exit-zero").code == 2


def test_every_format_is_an_option() -> None:
    from typing import get_args

    from labelaudit.cli.check import Format

    assert get_args(Format) == tuple(GATE_FORMATS)


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    install_current(monkeypatch, KeyboardInterrupt())
    assert call("check", "data", "--exit-zero").code == 130


def test_a_finished_run_is_judged_without_torch(run: Path) -> None:
    code = (
        "import sys\nfrom labelaudit.cli import app\n"
        "try: app(['check', 'RUN', '--max-noise', '1%', '--format', 'json'])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'onnxruntime', 'faiss', 'pyarrow'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == "1 []"
    assert json.loads(ended.stdout)["passed"] is False


# results


def test_the_table_says_it_all_on_stdout(run: Path) -> None:
    ended = call("check", run)
    assert (ended.code, ended.err) == (1, "")
    assert "FAILED: 2 of 3 rules broken: no-conflicts, no-unreadable" in ended.out
    assert "cat/b.png" in ended.out


def test_a_file_gets_the_report_and_stderr_the_verdict(tidy: Path, tmp_path: Path) -> None:
    ended = call("check", tidy, "--max-suspects", 0, "-o", "gate.json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "FAILED: 1 of 4 rules broken: max-suspects; written to gate.json\n"
    first = (tmp_path / "gate.json").read_bytes()
    assert json.loads(first)["rules"][0]["id"] == "max-suspects"
    call("check", tidy, "--max-suspects", 0, "-o", "gate.json", "-q")
    assert (tmp_path / "gate.json").read_bytes() == first


def test_a_reader_that_closes_early_does_not_change_the_exit_code(tidy: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    line = [sys.executable, "-m", "labelaudit", "check", str(tidy), "--max-suspects", "2", "--format", "json"]
    ended = subprocess.run(line, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "PASSED: 4 rules kept\n")


def test_the_step_summary_of_github(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    ended = call("check", run, "--format", "github", env={"GITHUB_STEP_SUMMARY": str(page)})
    assert ended.out.startswith("::error ")
    assert page.read_text().startswith("before\n")
    assert "max-suspects" not in page.read_text()
    assert "no-conflicts" in page.read_text()


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    ids = ("cat/\x1b[31m.png", *IDS[1:])
    runs.write(make_audit(samples=make_samples(ids=ids, root="\x1b[2J")), tmp_path / "RUN")
    assert "\x1b" not in call("check", "RUN").out
    (tmp_path / "\x1b[31m.json").write_text("{}")
    assert "\x1b" not in call("check", "RUN", "--baseline", "\x1b[31m.json").err


# baselines


def test_a_baseline_from_the_first_day_to_the_next_refresh(run: Path, tmp_path: Path) -> None:
    written = call("check", run, "--write-baseline", "known.json")
    assert written.code == 0
    assert "known.json written: 4 known (4 added, 0 removed), 0 with a person's verdict" in written.err
    first = (tmp_path / "known.json").read_bytes()
    passed = call("check", run, "--baseline", "known.json", "--format", "json")
    assert passed.code == 0
    assert json.loads(passed.out)["baseline"]["path"] == "known.json"
    assert call("check", run, "--write-baseline", "known.json").code == 0
    assert (tmp_path / "known.json").read_bytes() == first

    audit = make_audit()
    content, label = audit.identity(1)
    append(
        verdicts_file(run),
        Verdict(
            path=IDS[1], digest=content, given_label=label, verdict="given", reviewer="ana", time="2026-01-01T00:00:00Z"
        ),
    )
    assert "1 with a person's verdict" in call("check", run, "--write-baseline", "known.json").err
    verdicts_file(run).unlink()
    assert call("check", run, "--write-baseline", "known.json").code == 0  # the verdict is in the baseline now
    said = json.loads(call("check", run, "--baseline", "known.json", "--format", "json").out)
    assert said["counts"]["suspects"] == {"new": 0, "known": 1, "accepted": 1, "ignored": 0, "uncertain": 0}


def test_a_new_wrong_label_fails(run: Path, tmp_path: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    audit = make_audit()
    relabelled = replace(audit.samples, labels=np.array([0, 0, 0, 2, 1, 2]))
    runs.write(replace(audit, samples=relabelled), tmp_path / "NEXT")
    ended = call("check", "NEXT", "--baseline", "known.json")
    assert ended.code == 1
    assert "max-new" in ended.out.splitlines()[-1]
    assert "relabelled as owl" in ended.out


def test_verdicts_of_the_old_file_survive_another_baseline(run: Path, tmp_path: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    known = baseline_file.read("known.json")
    spoken = replace(known.suspects[0], verdict="given", reviewer="bo")
    baseline_file.write(replace(known, suspects=(spoken, *known.suspects[1:])), "old.json")
    call("check", run, "--baseline", "known.json", "--write-baseline", "old.json")
    assert baseline_file.read("old.json").suspects[0] == spoken


@pytest.mark.parametrize("text", [None, "{", '{"kind": "labelaudit baseline", "schema_version": 9}'])
def test_a_baseline_that_cannot_be_read_is_2_and_stays(run: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "known.json").write_text(text)
    for options in ((), ("--exit-zero",), *([("--write-baseline", "known.json")] if text else [])):
        ended = call("check", run, "--baseline", "known.json", *options)
        assert ended.code == 2
        assert ended.err.startswith("labelaudit: ")
        assert "known.json" in ended.err
    if text is not None:
        assert (tmp_path / "known.json").read_text() == text


def test_a_first_baseline_that_the_policy_names_already(run: Path, tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("baseline = 'known.json'\nmax-new = 0\n")
    assert call("check", run).code == 2
    assert call("check", run, "--write-baseline", "known.json").code == 0
    assert call("check", run).code == 0


def test_the_baseline_commands(run: Path, tmp_path: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    known = baseline_file.read("known.json")
    gone = replace(known.suspects[0], path="gone.png", digest="f" * 32, verdict="none", reviewer="ana", note="blurred")
    baseline_file.write(replace(known, suspects=(*known.suspects, gone)), "other.json")

    shown = call("baseline", "show", "other.json")
    assert shown.out.startswith(
        "3 suspects and 2 findings: 1 verdict none, 2 without verdict, 1 conflict, 1 truncated\n"
    )
    assert "gone.png: cat -> dog, suspicion 0.97, verdict none, by ana, blurred\n" in shown.out
    assert call("baseline", "show", "other.json", "--format", "json").out == (tmp_path / "other.json").read_text()

    assert call("baseline", "diff", "known.json", "other.json").out == (
        "added     gone.png: cat -> dog, suspicion 0.97, verdict none, by ana, blurred\n"
        "1 added, 0 removed, 0 with another verdict\n"
    )
    record = json.loads(call("baseline", "diff", "other.json", "known.json", "--format", "json").out)
    assert [(change["change"], change["path"]) for change in record["changes"]] == [("removed", "gone.png")]

    assert call("baseline", "merge", "known.json", "other.json", "-o", "joined.json").code == 0
    assert (tmp_path / "joined.json").read_bytes() == (tmp_path / "other.json").read_bytes()

    dry = call("baseline", "prune", "other.json", run, "--dry-run")
    assert dry.out == "would remove  gone.png, labelled cat: gone\n1 of 5 entries stale, 4 kept\n"
    assert baseline_file.read("other.json").suspects[-1] == gone
    call("baseline", "prune", "other.json", run)
    assert (tmp_path / "other.json").read_bytes() == (tmp_path / "known.json").read_bytes()
    assert call("baseline", "show", "nothing.json").code == 2


# settings


def test_settings_come_from_the_command_line_then_the_environment_then_the_file(tidy: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.labelaudit]\nmax-suspects = 2\n")
    assert call("check", tidy).code == 0
    assert call("check", tidy, env={"LABELAUDIT_MAX_SUSPECTS": "1"}).code == 1
    assert call("check", tidy, "--max-suspects", "2", env={"LABELAUDIT_MAX_SUSPECTS": "1"}).code == 0
    lines = call("config", env={"LABELAUDIT_SEED": "4"}).out.splitlines()
    assert lines[0] == f"Policy file: {tmp_path / 'pyproject.toml'}"
    assert [line.split() for line in lines if line.startswith(("max-suspects", "seed", "max-new"))] == [
        ["max-suspects", "2", str(tmp_path / "pyproject.toml")],
        ["max-new", "-", "default"],
        ["seed", "4", "LABELAUDIT_SEED"],
    ]


def test_a_policy_beside_the_data_comes_before_that_of_the_working_folder(tidy: Path, tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("max-suspects = 2\n")
    (tidy / "labelaudit.toml").write_text("max-suspects = 1\n")
    assert call("check", tidy).code == 1
    assert call("check", tidy, "--config", "labelaudit.toml").code == 0
    assert call("check", tidy, env={"LABELAUDIT_CONFIG": "labelaudit.toml"}).code == 0
    assert call("check", tidy, "--config", "nowhere.toml").code == 2


def test_ignores_and_their_end(run: Path, tmp_path: Path) -> None:
    ignore = "max-suspects = 1\n[[ignore]]\npath = 'cat/**'\nreason = 'bought'\nexpires = {}\n"
    (tmp_path / "labelaudit.toml").write_text(ignore.format("9999-01-01"))
    assert call("check", run).code == 0
    (tmp_path / "labelaudit.toml").write_text(ignore.format("2001-01-01"))
    ended = call("check", run)
    assert ended.code == 1 or "1 new" not in ended.out
    assert "(bought) expired on 2001-01-01" in ended.out
    assert "bought, until 2001-01-01 EXPIRED" in call("config").out
    record = json.loads(call("config", "--format", "json").out)
    assert record["settings"]["ignore"]["value"][0]["reason"] == "bought"
    assert record["settings"]["max-suspects"] == {"value": 1, "from": str(tmp_path / "labelaudit.toml")}


def test_config_shows_the_rules_that_hold_by_default(tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("no-leaks = false\nbaseline = 'known.json'\n")
    settings = json.loads(call("config", "--format", "json").out)["settings"]
    shown = {name: settings[name]["value"] for name in ("no-conflicts", "no-leaks", "max-new", "max-suspects")}
    assert shown == {"no-conflicts": True, "no-leaks": False, "max-new": 0, "max-suspects": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[max-class-noise]\ncta = '5%'", "labelaudit.toml: max-class-noise: unknown class 'cta': did you mean 'cat'?"),
        ("[[rule]]\nclass = 'dgo'\nmax-new = 0", "labelaudit.toml: rule 1: unknown class 'dgo'"),
        ("[[ignore]]\nclass = 'dgo'\nreason = 'r'", "labelaudit.toml: ignore 1: unknown class 'dgo'"),
    ],
)
def test_a_class_that_is_not_there_is_2_and_writes_nothing(run: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labelaudit.toml").write_text(text)
    ended = call("check", run, "--write-baseline", "known.json", "--exit-zero")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not (tmp_path / "known.json").exists()


def test_a_misspelt_key_is_2(run: Path, tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("max-suspect = 2\n")
    for command in (("check", run), ("config",)):
        ended = call(*command)
        assert ended.code == 2
        assert "did you mean 'max-suspects'?" in ended.err


# data


def test_scan_options_reach_the_scan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = install_current(monkeypatch, make_audit(findings=()))
    (tmp_path / "data").mkdir()
    (tmp_path / "labelaudit.toml").write_text("max-suspects = 2\n[scan]\neffort = 'quick'\nseed = 1\n")
    options = ("--seed", 7, "--backbone", "a,b", "--labels", "l.csv", "--cache", "kept", "--workers", 3, "--run", "OUT")
    assert call("check", "data", *options).code == 0
    passed = {name: value for name, value in calls[0].items() if name not in ("progress", "notice", "rest")}
    assert passed == {
        "data": Path("data"),
        "effort": "quick",
        "seed": 7,
        "backbone": ("a", "b"),
        "labels": Path("l.csv"),
        "cache": Path("kept"),
        "workers": 3,
        "device": "auto",
    }
    assert runs.read("OUT").fingerprint == make_audit().fingerprint
    assert call("check", "data", "--no-cache").code == 0
    assert calls[1]["cache"] is None


def test_verdicts_in_the_kept_run_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    audit = make_audit(findings=())
    install_current(monkeypatch, audit)
    (tmp_path / "data").mkdir()
    call("check", "data", "--run", "OUT")
    for row in (1, 3):
        content, label = audit.identity(row)
        append(
            verdicts_file("OUT"),
            Verdict(path=IDS[row], digest=content, given_label=label, verdict="given", time="2026-01-01T00:00:00Z"),
        )
    assert call("check", "data", "--run", "OUT", "--max-suspects", 0).code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("check nowhere", "'nowhere' does not exist"),
        ("check RUN --seed 3", "--seed is for a dataset"),
        ("check RUN --run OUT", "--run is for a dataset"),
        ("check data --data data", "--data says where the images of a RUN are"),
        ("check data --run data/inside", "inside the data"),
        ("check RUN --files - --changed-since main", "give one of them"),
        ("check RUN --files - --write-baseline b.json", "whole dataset"),
        ("check RUN --max-new 0", "--baseline"),
        ("check RUN --max-noise 2", "for a percentage write 2%"),
        ("check RUN --max-class-noise dgo=5%", "did you mean 'dog'"),
        ("check RUN -o nowhere/x.json", "does not exist"),
        ("check RUN --files nowhere.txt", "cannot read the list"),
        ("check RUN --changed-since=-x", "name a branch"),
    ],
)
def test_what_cannot_be_meant_is_2_before_any_work(
    monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path, line: str, words: str
) -> None:
    calls = install_current(monkeypatch, make_audit())
    (tmp_path / "data").mkdir()
    ended = call(*line.split())
    assert (ended.code, ended.out, calls) == (2, "", [])
    assert ended.err.startswith("labelaudit: ")
    assert ended.err.count("\n") == 1
    assert words in ended.err


def test_an_empty_dataset_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert call("check", "data", "--no-cache", "--exit-zero").code == 2


# some files only


def test_listed_files_that_the_run_knows_are_judged_as_they_were(monkeypatch: pytest.MonkeyPatch, pets: Audit) -> None:
    calls = install_current(monkeypatch, make_audit())
    ended = call(
        "check",
        "RUN",
        "--max-suspects",
        0,
        "--files",
        "-",
        "--format",
        "json",
        input=b"pets/cat/b.png\0pets/cat/a.png\0README.md\0",
    )
    assert (ended.code, calls) == (1, [])
    said = json.loads(ended.out)
    assert said["dataset"]["scope"] == "2 listed files"
    assert [suspect["path"] for suspect in said["suspects"]] == ["cat/b.png"]
    assert "Listed files that are no images of the dataset: 1 of 3." in said["notes"]
    assert call("check", "RUN", "--max-suspects", 0, "--files", "-", input="pets/cat/a.png\n\n").code == 0


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("", "the list is empty"),
        ("\n \n", "the list is empty"),
        ("README.md\n", "none of the 1 listed files, such as 'README.md', is an image of"),
        ("cat/b.png\ncat/a.png\n", "none of the 2 listed files, such as 'cat/b.png'"),  # relative to the data instead
        ("pets/cat/typo.png", "relative to the working folder"),
    ],
)
def test_a_list_with_nothing_of_the_dataset_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, pets: Audit, listed: str, words: str
) -> None:
    install_current(monkeypatch, pets)
    ended = call("check", "RUN", "--files", "-", "--exit-zero", input=listed)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_nothing_changed_is_a_pass_that_says_so(repository: Audit, tmp_path: Path) -> None:
    (tmp_path / "pets/notes.txt").write_text("no image")
    ended = call("check", "RUN", "--changed-since", "main", "--max-suspects", 0, "--format", "json")
    notes = json.loads(ended.out)["notes"]
    assert ended.code == 0
    assert f"No image of {tmp_path / 'pets'} has changed since 'main': there is nothing to judge." in notes
    assert "Changed files that are no images of the dataset: 1 of 1." in notes


def test_an_image_that_was_copied_under_another_label_is_a_conflict(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    content = (tmp_path / "pets/cat/a.png").read_bytes()
    (tmp_path / "pets/dog/copy.png").write_bytes(content)
    finding = Finding(kind="conflict", path="cat/a.png", detail="the same bytes", partner="dog/copy.png")
    install_current(monkeypatch, replace(repository, findings=(finding,)))
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    said = json.loads(ended.out)
    assert (ended.code, said["dataset"]["scope"]) == (1, "1 changed file")
    assert [(found["kind"], found["partner"]) for found in said["findings"]] == [("conflict", "dog/copy.png")]


def test_changed_files_are_judged_anew(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    fresh = replace(repository, samples=replace(repository.samples, ids=("cat/new.png", *IDS[1:]), root="elsewhere"))
    calls = install_current(monkeypatch, fresh)
    assert call("check", "RUN", "--changed-since", "main", "--max-suspects", 0).code == 0
    assert calls == []
    save_png(tmp_path / "pets/cat/new.png", 77)
    git("mv", "pets/cat/b.png", "pets/cat/b2.png")
    git("rm", "-q", "pets/cat/c.png")
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    said = json.loads(ended.out)
    assert said["dataset"]["scope"] == "1 changed file"
    assert said["dataset"]["root"] == "pets"
    (update,) = calls
    assert update["rest"] == (tmp_path / "pets",)


def test_changes_on_the_other_branch_do_not_count(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    git("checkout", "-q", "-b", "mine")
    git("checkout", "-q", "main")
    save_png(tmp_path / "pets/cat/theirs.png", 78)
    commit()
    git("checkout", "-q", "mine")
    calls = install_current(monkeypatch, repository)
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    assert json.loads(ended.out)["dataset"]["scope"] == "0 changed files"
    assert calls == []


def test_a_change_of_the_labels_is_about_everything(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    calls = install_current(monkeypatch, repository)
    (tmp_path / "pets/metadata.csv").write_text("file_name,label\n")
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json", "-v")
    assert json.loads(ended.out)["dataset"]["scope"] == ""
    assert "Labels are among the changed files" in ended.err
    assert len(calls) == 1


def test_a_change_of_the_labels_beside_the_images(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/all.csv").write_text("file,label\n")
    (tmp_path / "labels/notes.txt").write_text("about something else")
    calls = install_current(monkeypatch, repository)
    line = ("check", "pets", "--labels", "labels/all.csv", "--changed-since", "main", "--format", "json", "--no-cache")
    assert json.loads(call(*line).out)["dataset"]["scope"] == ""
    git("add", "labels/all.csv")
    git("commit", "-q", "-m", "labels")
    assert json.loads(call(*line).out)["dataset"]["scope"] == "0 changed files"
    assert len(calls) == 2


def test_images_that_git_ignores_are_no_pass(repository: Audit, tmp_path: Path) -> None:
    git("rm", "-q", "-r", "--cached", "pets")
    (tmp_path / ".gitignore").write_text("/pets\n")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "Git ignores" in ended.err


def test_inside_a_hook_of_git(repository: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "main", env={"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"})
    assert "0 changed files" in ended.out


def test_git_says_why_it_cannot(repository: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "no-such-branch")
    assert ended.code == 2
    assert "Git knows no commit 'no-such-branch' here; fetch it" in ended.err
    assert "depth" not in ended.err  # it is no shallow clone
    blob = call("check", "RUN", "--changed-since", "main:pets/cat/a.png")
    assert (blob.code, "Git knows no commit" in blob.err) == (2, True)


def test_a_branch_with_a_history_of_its_own(repository: Audit) -> None:
    git("checkout", "-q", "--orphan", "other")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "has no commit yet" in ended.err
    git("commit", "-q", "-m", "another beginning")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "'main' and HEAD have no commit in common; name a commit of this branch" in ended.err


def test_a_clone_without_history_says_how_to_get_it(repository: Audit, tmp_path: Path) -> None:
    git("commit", "-q", "--allow-empty", "-m", "second")
    git("clone", "-q", "--depth", "1", f"file://{tmp_path}", str(tmp_path / "clone"))
    ended = call("check", "RUN", "--data", "clone/pets", "--changed-since", "HEAD~1")
    assert ended.code == 2
    assert "Git knows no commit 'HEAD~1' here; this clone has only the latest commits" in ended.err
    assert "fetch-depth: 0" in ended.err


def test_data_in_no_repository(pets: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "not a git repository" in ended.err


def test_branches_that_parted_twice(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    git("checkout", "-q", "-b", "mine")
    git("commit", "-q", "--allow-empty", "-m", "a")
    git("checkout", "-q", "main")
    git("commit", "-q", "--allow-empty", "-m", "b")
    git("branch", "before")
    git("merge", "-q", "-m", "c", "mine")
    git("checkout", "-q", "mine")
    git("merge", "-q", "-m", "d", "before")  # a criss-cross: two best common ancestors
    assert call("check", "RUN", "--changed-since", "main", "--allow-conflicts").code == 0


def test_the_images_of_a_run_may_have_moved(pets: Audit, tmp_path: Path) -> None:
    (tmp_path / "pets").rename(tmp_path / "moved")
    line = ("check", "RUN", "--files", "-", "--max-suspects", 0)
    ended = call(*line, input="moved/cat/b.png")
    assert ended.code == 2
    assert "--data" in ended.err
    assert call(*line, "--data", "moved", input="moved/cat/b.png").code == 1


# the real thing


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """Trained twice from the same features, judged twice, written twice: byte for byte the same."""
    rng = np.random.default_rng(0)
    names = np.array(["cat", "dog"])
    classes = np.repeat([0, 1], 40)
    np.save(tmp_path / "x.npy", rng.normal(0, 0.4, (80, 8)) + 2 * classes[:, None])
    classes[[3, 50]] = 1 - classes[[3, 50]]
    np.save(tmp_path / "labels.npy", names[classes])
    for place in ("A", "B"):
        scanned = call("scan", "--labels", "labels.npy", "--features", "x.npy", "--methods", "limit", "-o", place, "-q")
        assert scanned.code == 0
    outputs = [call("check", place, "--max-suspects", 0, "--format", "json") for place in ("A", "B")]
    assert outputs[0].out == outputs[1].out
    assert outputs[0].code == 1
    for place in ("A", "B"):
        call("check", place, "--write-baseline", f"{place}.json")
    assert (tmp_path / "A.json").read_bytes() == (tmp_path / "B.json").read_bytes()


@pytest.mark.slow
def test_images_from_the_first_check_to_a_new_wrong_label(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label, tint in (("red", (200, 40, 40)), ("blue", (40, 40, 200)), ("green", (40, 180, 40))):
        for number in range(20):
            pixels = np.clip(np.array(tint) + rng.normal(0, 30, (40, 40, 3)), 0, 255).astype(np.uint8)
            (tmp_path / "pets" / label).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{number}.png")
    (tmp_path / "pets/red/0.png").rename(tmp_path / "pets/blue/known.png")
    git("init", "-q")
    commit()
    options = ("--effort", "quick", "--methods", "limit", "--train", "features", "--cache", "kept", "--format", "json")
    assert call("check", "pets", *options, "--write-baseline", "known.json").code == 0
    again = call("check", "pets", *options, "--baseline", "known.json")
    assert again.code == 0
    assert json.loads(again.out)["counts"]["suspects"]["known"] == 1
    assert again.out == call("check", "pets", *options, "--baseline", "known.json").out  # byte for byte
    git("mv", "pets/red/3.png", "pets/green/new.png")
    changed = call("check", "pets", *options, "--baseline", "known.json", "--changed-since", "main")
    said = json.loads(changed.out)
    assert changed.code == 1
    assert said["dataset"]["scope"] == "1 changed file"
    assert [(suspect["path"], suspect["suggested_label"]) for suspect in said["suspects"]] == [("green/new.png", "red")]
