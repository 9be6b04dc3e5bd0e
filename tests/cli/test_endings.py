"""How a command ends where its output goes nowhere, and where it may not keep anything."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from audits import make_audit, make_samples
from typer.testing import CliRunner

from labelaudit.__main__ import main
from labelaudit.audit import run as runs
from labelaudit.cli import app
from labelaudit.cli.console import options
from labelaudit.cli.console.options import choose_cache
from labelaudit.cli.console.streams import _Tolerant
from labelaudit.text import cell

ESCAPE = "\x1b"
FULL = "labelaudit: cannot write the result to stdout (No space left on device)\n"


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m labelaudit"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cwd / "xdg")}
    line = f"set -o pipefail; {line.replace('labelaudit', command)}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=cwd, env=environment, timeout=900)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    runs.write(make_audit(findings=()), tmp_path / "RUN")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (
            "labelaudit config > /dev/full",
            2,
            "labelaudit: cannot write the result to stdout (No space left on device)\n",
        ),
        ("labelaudit check RUN -q --max-suspects 0 | true", 1, ""),
        ("labelaudit config >&- 2>&-", 0, ""),
        ("labelaudit check RUN 2> /dev/full > /dev/null", 0, ""),
    ],
)
def test_what_a_reader_does_changes_no_exit_code_and_makes_no_traceback(
    run: Path, line: str, code: int, said: str
) -> None:
    ended = shell(line, run)
    assert (ended.returncode, ended.stderr) == (code, said)


def test_a_stream_that_fails_takes_everything_and_says_why() -> None:
    opened = os.open("/dev/full", os.O_WRONLY)
    stream = _Tolerant(opened, "wb")
    assert stream.write(b"some bytes") == 10
    assert stream.failed == "No space left on device"
    stream.close()
    reader, writer = os.pipe()
    os.close(reader)
    stream = _Tolerant(writer, "wb")
    assert stream.write(b"some bytes") == 10
    assert stream.failed == ""
    stream.close()


def test_a_default_cache_that_cannot_be_written_is_one_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    told: list[str] = []
    assert choose_cache(None, use=True, notice=told.append) is None
    place = tmp_path / "file" / "labelaudit"
    assert told == [
        f"Features are not kept: {place} cannot be written (Not a directory). --cache DIR names another folder."
    ]
    assert choose_cache(None, use=False, notice=told.append) is None
    assert choose_cache(tmp_path / "mine", use=True, notice=told.append) == tmp_path / "mine"
    assert len(told) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fine"))
    assert choose_cache(None, use=True, notice=told.append) == tmp_path / "fine" / "labelaudit"


def test_a_default_cache_on_a_full_disk_is_one_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(options, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "w"))
    told: list[str] = []
    assert choose_cache(None, use=True, notice=told.append) is None
    assert "cannot be written (No space left on device)" in told[0]


def test_ctrl_c_while_the_command_line_is_imported_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "labelaudit.cli", Interrupted())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "labelaudit: interrupted\n"


def test_no_home_at_all_is_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", refuse)
    told: list[str] = []
    assert choose_cache(None, use=True, notice=told.append) is None
    assert len(told) == 1


@pytest.mark.parametrize("kind", ["csv", "table", "json", "markdown", "github"])
def test_no_name_steers_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"cat/{ESCAPE}[31m\x9b2J\x07b.png"
    ids = ("cat/a.png", name, *make_samples().ids[2:])
    runs.write(make_audit(samples=make_samples(ids=ids, classes=("cat", f"d{ESCAPE}]0;og", "owl"))), tmp_path / "RUN")
    ended = CliRunner().invoke(app, ["check", "RUN", "--format", kind])
    assert not set(ended.output) & {ESCAPE, "\x9b", "\x07"}
    assert "b.png" in ended.output


def test_a_cell_keeps_line_ends_and_loses_what_steers() -> None:
    assert cell(f"a\n{ESCAPE}[0m\tb") == "a\n\\x1b[0m\tb"
