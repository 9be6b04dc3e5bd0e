"""The promise of README that nothing is sent anywhere: no look-up, no connection, no file below HOME but our cache."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from labelaudit.data.images import encode

ROOT = Path(__file__).parents[1]
COMMANDS = """
import sys

TALK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")

def refuse(event, arguments):
    if event in TALK:
        print("TALKED", event, arguments, file=sys.stderr, flush=True)
        raise OSError("no network here")

sys.addaudithook(refuse)

from labelaudit.cli import app

for line in sys.argv[1:]:
    try:
        app(line.split(), prog_name="labelaudit")
    except SystemExit as ended:
        assert ended.code in (0, None), (line, ended.code)
"""
LINES = (
    "scan images -o RUN --effort quick --methods limit -q",
    "score RUN images -o scored.csv -q",
    "check images --effort quick -q -o checked.txt",
    "check RUN -q -o checked.txt",
    "train images -o MODEL --method ce --epochs 1 --network lite0 -q",
    "clean RUN -o OUT --apply -q",
    "estimate RUN",
    "report RUN -o page.md",
    "inspect images",
    "tune RUN",
    "verdicts show RUN",
    "check RUN -q -o checked.txt --write-baseline known.json",
    "baseline show known.json",
    "corrupt images -o NOISY --noise symmetric --rate .2 -q",
    "bench --list",
    "methods",
    "config",
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The commands, run in one process with an empty HOME: (working folder, stderr, what strace saw of the network)."""
    place = tmp_path_factory.mktemp("nothing")
    draw = np.random.default_rng(0)
    for row in range(24):
        pixels = draw.integers(0, 120, (16, 16, 3), dtype=np.uint8)
        pixels[..., row % 3] += 100
        file = place / "images" / "abc"[row % 3] / f"{row}.ppm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(pixels))
    (place / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR")}
    environment = {**kept, "HOME": str(place / "home"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, "-c", COMMANDS, *LINES]
    if traced := _can_trace():
        line = ["strace", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", "strace.txt", *line]
    ended = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    return place, ended.stderr, (place / "strace.txt").read_text(errors="replace") if traced else ""


def _can_trace() -> bool:
    found = shutil.which("strace")
    return found is not None and subprocess.run([found, "-qq", "-o", os.devnull, "true"]).returncode == 0


def test_no_command_looks_up_a_host_or_opens_a_connection(ran: tuple[Path, str, str]) -> None:
    _, said, traced = ran
    assert "TALKED" not in said
    calls = ("connect(", "sendto(", "sendmsg(", "sendmmsg(", "bind(")
    lines = traced.splitlines()
    assert [line for line in lines if any(call in line for call in calls) and "AF_UNIX" not in line] == []


def test_a_review_answers_this_machine_and_asks_nobody(ran: tuple[Path, str, str]) -> None:
    environment = {**os.environ, "HOME": str(ran[0] / "home")}
    line = [sys.executable, "-c", COMMANDS, "review RUN --order all --no-open --reviewer ann"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=ran[0], env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.communicate()[1]
        with urlopen(address) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert "TALKED" not in said


def test_no_command_writes_below_home_but_into_our_cache(ran: tuple[Path, str, str]) -> None:
    home = ran[0] / "home"
    written = {file.relative_to(home).parts[:2] for file in home.rglob("*") if file.is_file()}
    assert written == {(".cache", "labelaudit")}


def test_onnx_runtime_is_imported_in_one_place_only() -> None:
    """Loaded before its reports are switched off, it has sent them already."""
    importers = set()
    for folder in ("labelaudit", "cli", "benchmarks", "docs", "sample_data"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                if any(name.split(".")[0] == "onnxruntime" for name in names):
                    importers.add(file.name)
    assert importers == {"runners.py"}


def test_whoever_sets_the_switch_keeps_his_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    from labelaudit.features.runners import import_onnxruntime

    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    import_onnxruntime()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
