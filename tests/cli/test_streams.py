"""What goes to which stream: results, progress, colour, and text that a stream cannot show."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from audits import make_audit
from commands import Ended, call
from remembered import ESCAPE

from labelaudit.cli.console.streams import open_console, report_progress, wants_color
from labelaudit.cli.console.summary import render
from labelaudit.text import printable

# where it prints


def test_result_on_stdout_everything_else_on_stderr(calls: list[dict[str, Any]]) -> None:
    ended = call("scan", "x")
    assert "2 suspects" in ended.out
    assert ended.err == "about 3 s on 2 cores\nLooking at them …\n", "a line per stage, not a minute of silence"
    assert ESCAPE not in ended.out + ended.err
    assert "Classes" in call("scan", "x", "-v").out


def test_quiet_prints_nothing(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "x", "-q") == Ended(0, "", "")


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_color_rules(choice: Any, environment: dict[str, str], terminal: bool, expected: bool) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    assert wants_color(choice, stream, environment) is expected


def test_color_always_colours_a_pipe_and_never_beats_the_environment(calls: list[dict[str, Any]]) -> None:
    assert f"{ESCAPE}[1" in call("scan", "x", "--color", "always").out
    assert f"{ESCAPE}[1" in call("scan", "x", env={"FORCE_COLOR": "1"}).out
    assert ESCAPE not in call("scan", "x", "--color", "never", env={"FORCE_COLOR": "1"}).out


def on_a_terminal(
    arguments: list[str], environment: dict[str, str], tmp_path: Path, kind: str = "xterm-256color"
) -> str:
    """What a terminal receives from a scan that makes progress, stdout and stderr together."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, types\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from audits import make_audit\n"
        "def scan(data, *, progress, notice, **rest):\n"
        "    notice('about 3 s')\n"
        "    for done in range(4):\n"
        "        progress('embed', done, 3)\n"
        "    return make_audit()\n"
        "module = types.ModuleType('labelaudit.scanning.scan'); module.scan = scan\n"
        "sys.modules['labelaudit.scanning.scan'] = module\n"
        "from labelaudit.cli import main\n"
        "main()\n",
        encoding="utf-8",
    )
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": kind, "COLUMNS": "90", "LINES": "40", **environment}
    with subprocess.Popen(
        [sys.executable, str(script), *arguments], stdin=follower, stdout=follower, stderr=follower, env=env
    ) as process:
        os.close(follower)
        received = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # Linux says EIO where the other side has hung up
                break
            if not part:
                break
            received += part
    os.close(leader)
    assert process.returncode == 0
    return received.decode()


def test_a_terminal_gets_bars_and_colour(tmp_path: Path) -> None:
    text = on_a_terminal(["scan", "x"], {}, tmp_path)
    assert "Looking at them" in text
    assert "Beginning" not in text.split("Looking at them")[-1], "one bar, not one a stage"
    assert f"{ESCAPE}[1;31m2 suspects" in text


def test_no_color_keeps_the_bars_and_drops_the_colour(tmp_path: Path) -> None:
    text = on_a_terminal(["scan", "x"], {"NO_COLOR": "1"}, tmp_path)
    assert "Looking at them" in text
    assert "Beginning" not in text.split("Looking at them")[-1], "one bar, not one a stage"
    assert not re.search(ESCAPE + r"\[[0-9;]*m", text)


@pytest.mark.parametrize(("arguments", "kind"), [(["--color", "never"], "xterm-256color"), ([], "dumb")])
def test_never_and_dumb_terminals_get_no_escape_sequence_at_all(
    arguments: list[str], kind: str, tmp_path: Path
) -> None:
    text = on_a_terminal(["scan", "x", *arguments], {}, tmp_path, kind)
    assert ESCAPE not in text
    assert "2 suspects" in text
    assert "about 3 s" in text


def test_quiet_on_a_terminal_prints_nothing(tmp_path: Path) -> None:
    assert on_a_terminal(["scan", "x", "-q"], {}, tmp_path) == ""


def test_progress_without_a_total(capsys: pytest.CaptureFixture[str]) -> None:
    with report_progress(quiet=False, verbose=True, color="auto") as (progress, _):
        progress("walk", 3, None)
        progress("walk", 9, None)
    assert capsys.readouterr().err == "Walk …\n"


def test_printable_keeps_ordinary_text() -> None:
    assert printable("Üñí 图像 🐈 a b/c[1].png") == "Üñí 图像 🐈 a b/c[1].png"
    assert printable(os.fsdecode(b"\xff.png")) == r"\udcff.png"


def test_a_stream_that_cannot_encode_a_name_does_not_fail() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(make_audit(notes=("图像",)), open_console(stream, "never"))
    stream.flush()
    assert rb"\u56fe\u50cf" in raw.getvalue()
