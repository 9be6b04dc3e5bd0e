"""`labelaudit check`: exit codes, what is written where, what is refused before long work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import IDS, make_audit, make_samples
from gates import call, commit, git, install_current
from PIL import Image

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.data.source import Source
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, append, verdicts_file

pytestmark = pytest.mark.usefixtures("elsewhere")


# exit codes


def test_the_exit_code_says_how_it_ended(tidy: Path) -> None:
    assert call("check", tidy, "--max-suspects", 2).code == 0
    assert call("check", tidy, "--max-suspects", 1).code == 1
    assert call("check", tidy, "--max-suspects", 1, "-o", "report.csv", "-q").code == 1
    assert call("check", tidy, "--max-suspects", 1, "--exit-zero").code == 0
    assert call("check", tidy, "--max-suspects", "x", "--exit-zero").code == 2


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


def test_parameters_are_options_where_a_person_reads_them(elsewhere: None, tmp_path: Path) -> None:
    large = Finding(kind="oversized", path="cat/z.png", detail="more than the limit (`max_pixels`)")
    runs.write(make_audit(findings=(large,)), tmp_path / "RUN")
    assert "more than the limit (--max-pixels)" in call("check", "RUN").out
    assert "more than the limit (--max-pixels)" in call("clean", "RUN").out


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


# data


def test_scan_options_reach_the_scan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = install_current(monkeypatch, make_audit(findings=()))
    (tmp_path / "data").mkdir()
    (tmp_path / "labelaudit.toml").write_text(
        "max-suspects = 2\n[scan]\neffort = 'quick'\nseed = 7\nbackbone = ['a', 'b']\nnetwork = 'resnet32'\n"
        "regularizer = ['mixup', 'jacobian']\ninit = 'pretrained'\n"
    )
    options = ("--labels", "l.csv", "--cache", "kept", "--workers", 3, "--run", "OUT")
    assert call("check", "data", *options).code == 0
    source, settings, machine, _ = calls[0]["rest"]
    assert source == Source(data=Path("data"), labels=Path("l.csv"))
    assert settings == ScanSettings(
        effort="quick",
        seed=7,
        backbone=("a", "b"),
        regularizers={"mixup": {}, "jacobian": {}},
        network="resnet32",
        init="pretrained",
    )
    assert (machine.cache, machine.workers, machine.device) == (Path("kept"), 3, "auto")
    assert runs.read("OUT").fingerprint == make_audit().fingerprint
    assert call("check", "data", "--no-cache").code == 0
    assert calls[1]["rest"][2].cache is None


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
        ("check RUN --effort quick", "--effort is for a dataset"),
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


# the real thing


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """Trained twice from the same features, judged twice, written twice: byte for byte the same."""
    rng = np.random.default_rng(0)
    names = np.array(["cat", "dog"])
    classes = np.repeat([0, 1], 40)
    np.save(tmp_path / "x.npy", rng.normal(0, 0.4, (80, 8)) + 2 * classes[:, None])
    classes[[3, 50]] = 1 - classes[[3, 50]]
    np.save(tmp_path / "labels.npy", names[classes])
    few = ("--set", "limit.epochs=5", "--set", "ce.epochs=5")
    for place in ("A", "B"):
        scanned = call(
            "scan", "--labels", "labels.npy", "--features", "x.npy", "--methods", "limit", *few, "-o", place, "-q"
        )
        assert scanned.code == 0
    gate = ("--max-suspects", 0, "--tier", "doubtful", "--format", "json")
    outputs = [call("check", place, *gate) for place in ("A", "B")]
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
    (tmp_path / "labelaudit.toml").write_text("[scan]\nmethods = ['limit']\ntrain = 'features'\n")
    options = ("--effort", "quick", "--cache", "kept", "--format", "json")
    assert call("check", "pets", *options, "--write-baseline", "known.json").code == 0
    again = call("check", "pets", *options, "--baseline", "known.json")
    assert again.code == 0
    assert json.loads(again.out)["counts"]["suspects"]["known"] == 1
    assert again.out == call("check", "pets", *options, "--baseline", "known.json").out  # byte for byte
    git("mv", "pets/red/3.png", "pets/green/new.png")
    changed = call(
        "check", "pets", *options, "--baseline", "known.json", "--changed-since", "main", "--tier", "doubtful"
    )
    said = json.loads(changed.out)
    assert changed.code == 1
    assert said["dataset"]["scope"] == "1 changed file"
    assert [(suspect["path"], suspect["suggested_label"]) for suspect in said["suspects"]] == [("green/new.png", "red")]


# outputs


READ = (
    ("-o x.json --report x.json", "--report x.json would overwrite what -o writes"),
    ("--report x.json --report ./x.json", "--report x.json would overwrite what --report writes"),
    ("--write-baseline x.json -o x.json", "-o x.json would overwrite what --write-baseline writes"),
    ("--write-baseline x.json --report link.json", "--report link.json would overwrite what --write-baseline"),
    ("--baseline known.json -o known.json", "-o known.json would overwrite the baseline"),
    ("--baseline known.json --report known.json", "--report known.json would overwrite the baseline"),
    ("--config policy.json -o policy.json", "-o policy.json would overwrite the policy file"),
    ("--config policy.json --write-baseline policy.json", "policy.json would overwrite the policy file"),
    ("-o labels.csv", "-o labels.csv would overwrite the table of labels"),
    ("--report labels.csv", "--report labels.csv would overwrite the table of labels"),
    ("--files list.txt -o list.txt", "-o list.txt would overwrite the list of files"),
    ("-o pets/cat/a.png", "-o pets/cat/a.png lies inside the data"),
    ("--write-baseline pets/x.json", "--write-baseline pets/x.json lies inside the data"),
    ("-o RUN/audit.json", "-o RUN/audit.json lies inside the RUN"),
    ("--report RUN/x.json", "--report RUN/x.json lies inside the RUN"),
    ("--write-baseline RUN/audit.json", "--write-baseline RUN/audit.json lies inside the RUN"),
    ("-o pets", "-o: cannot write 'pets', which is a folder: name a file"),
    ("--write-baseline pets", "--write-baseline: cannot write 'pets', which is a folder: name a file"),
)
"""Options that would write over what a check reads, and what it says of them."""


def test_nothing_that_is_read_is_overwritten(monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path) -> None:
    source = {**pets.settings["source"], "labels": str(tmp_path / "labels.csv")}
    runs.write(replace(pets, settings={**pets.settings, "source": source}), tmp_path / "RUN")
    call("check", "RUN", "--write-baseline", "known.json")
    (tmp_path / "labels.csv").write_text("path,label\ncat/a.png,cat\n")
    (tmp_path / "policy.json").write_text("no-leaks = true\n")
    (tmp_path / "list.txt").write_text("pets/cat/a.png\n")
    (tmp_path / "link.json").symlink_to("x.json")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    calls = install_current(monkeypatch, pets)
    commands = ["check RUN", "check pets --labels labels.csv --no-cache --run OUT"]
    for options, words in READ:
        for command in commands[: 1 if "RUN/" in options else 2]:
            ended = call(*command.split(), *options.split(), "--exit-zero")
            assert (ended.code, ended.out, calls) == (2, "", [])
            assert words in ended.err
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_no_name_is_no_file_to_write(pets: Audit) -> None:
    ended = call("check", "RUN", "-o", "")
    assert (ended.code, ended.err) == (
        2,
        "labelaudit: --output is empty, perhaps a variable that is not set: name a file or a folder ('.' is here)\n",
    )


def test_a_baseline_is_refreshed_in_its_place(pets: Audit, tmp_path: Path) -> None:
    assert call("check", "RUN", "--write-baseline", "known.json").code == 0
    (tmp_path / "known.json").rename(tmp_path / "pets/known.json")
    refresh = ("--baseline", "pets/known.json", "--write-baseline", "pets/known.json")
    assert call("check", "RUN", *refresh, "-o", "/dev/null").code == 0
