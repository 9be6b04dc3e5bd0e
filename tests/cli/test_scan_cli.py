"""The command line: what it passes on, where it prints, how it ends, what it never does."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import types as modules
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import make_audit, make_decision, make_samples
from commands import Ended, call

import labelaudit
from labelaudit.audit import run as reports
from labelaudit.audit.document import Audit
from labelaudit.cli.console.options import default_cache, parse_settings
from labelaudit.cli.console.streams import open_console, printable, report_progress, wants_color
from labelaudit.cli.console.summary import render
from labelaudit.errors import DataError, LabelAuditError, OptionError
from labelaudit.machine import available_cores
from labelaudit.types import Finding

ESCAPE = "\x1b"
NOTHING: dict[str, Any] = {
    **{"label_from": None, "format": None, "classes": None, "rows": None, "ignore_metadata": False, "bands": None},
    **{"annotator": None, "group": (), "ordinal": False, "precision": "auto"},
}
"""Options of a scan that are left alone."""


Scan = Callable[..., Audit]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working folder with the datasets that the tests name, which a scan must find before it loads anything."""
    for name in ("x", "images", "l.csv"):
        (tmp_path / "here" / name).mkdir(parents=True) if "." not in name else (tmp_path / "here" / name).touch()
    monkeypatch.chdir(tmp_path / "here")
    for name in [*(name for name in os.environ if name.startswith("LABELAUDIT_")), "NO_COLOR", "FORCE_COLOR"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A scan that only remembers how it was called."""
    made: list[dict[str, Any]] = []

    def remember(data: object, **options: Any) -> Audit:
        made.append({"data": data, **options})
        options["notice"]("about 3 s on 2 cores")
        options["progress"]("embed", 1, 2)
        options["progress"]("embed", 2, 2)
        return make_audit()

    install(monkeypatch, remember)
    return made


def install(monkeypatch: pytest.MonkeyPatch, scan: Scan) -> None:
    module = modules.ModuleType("labelaudit.scanning.scan")
    module.scan = scan  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "labelaudit.scanning.scan", module)


def failing(error: BaseException) -> Scan:
    def fail(*_: object, **__: object) -> Audit:
        raise error

    return fail


def rendered(audit: Audit, *, width: int = 100, verbose: bool = False) -> str:
    console = open_console(io.StringIO(), "never")
    console.width = width
    render(audit, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# what is passed on


UNSAID: dict[str, Any] = {
    **dict.fromkeys(("label_from", "format", "classes", "rows", "bands", "annotator")),
    **{
        "ignore_metadata": False,
        "group": (),
        "ordinal": False,
        "precision": "auto",
        "engine": "local",
        "address": None,
    },
}
"""What reaches the library where nobody says how labels are read."""


def test_defaults(calls: list[dict[str, Any]], tmp_path: Path) -> None:
    assert call("scan", "images", env={"XDG_CACHE_HOME": str(tmp_path)}).code == 0
    options = calls[0]
    assert callable(options.pop("progress"))
    assert callable(options.pop("notice"))
    assert options == {
        "data": Path("images"),
        "output": Path("labelaudit-run"),
        "labels": None,
        "path_column": None,
        "label_column": None,
        **NOTHING,
        "features": None,
        "probs": None,
        "verdicts": None,
        "methods": ("crust", "limit", "sln"),
        "options": {},
        "regularizers": {},
        "train": "auto",
        "network": None,
        "init": None,
        "backbone": None,
        "image_size": None,
        "max_pixels": 178_956_970,
        "effort": "standard",
        "rank_by": "ensemble",
        "device": "auto",
        "seed": 0,
        "workers": available_cores(),
        "cache": tmp_path / "labelaudit",
        "html": True,
        **UNSAID,
    }


def test_every_option_reaches_the_library(calls: list[dict[str, Any]]) -> None:
    line = (
        "scan images -o out --labels l.csv --path-column p --label-column l --features x.npy --probs p.npy "
        "--verdicts v.csv --methods sln,limit --set sln.sigma=0.5 --set sln.mo=yes=1 --set limit.beta=2 --train pixels "
        "--backbone lite0,resnet18 --image-size 96 --max-pixels 350000000 --effort quick --device cpu --seed 7 "
        "--workers 3 --cache c "
        "--rank-by limit_distance "
        "--no-html --regularizer mixup --regularizer spectral --set mixup.alpha=.2 "
        "--network timm:resnet18 --init pretrained"
    )
    assert call(*line.split()).code == 0
    assert {name: value for name, value in calls[0].items() if name not in {"progress", "notice"}} == {
        "data": Path("images"),
        "output": Path("out"),
        "labels": Path("l.csv"),
        "path_column": "p",
        "label_column": "l",
        **NOTHING,
        "features": Path("x.npy"),
        "probs": Path("p.npy"),
        "verdicts": Path("v.csv"),
        "methods": ("sln", "limit"),
        "options": {"sln": {"sigma": "0.5", "mo": "yes=1"}, "limit": {"beta": "2"}},
        "regularizers": {"mixup": {"alpha": ".2"}, "spectral": {}},
        "train": "pixels",
        "network": "timm:resnet18",
        "init": "pretrained",
        "backbone": ("lite0", "resnet18"),
        "image_size": 96,
        "max_pixels": 350_000_000,
        "effort": "quick",
        "rank_by": "limit_distance",
        "device": "cpu",
        "seed": 7,
        "workers": 3,
        "cache": Path("c"),
        "html": False,
        **UNSAID,
    }


def test_options_of_a_name_that_is_a_methods_too_are_the_methods(calls: list[dict[str, Any]]) -> None:
    named = ("--regularizer", "gaussian", "--set", "gaussian.variance=1")
    call("scan", "images", "--methods", "gaussian", *named)
    call("scan", "images", "--methods", "sln", *named)
    assert [call["regularizers"] for call in calls] == [{"gaussian": {}}, {"gaussian": {"variance": "1"}}]
    assert [call["options"] for call in calls] == [{"gaussian": {"variance": "1"}}, {}]


def test_no_cache(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "images", "--cache", "c", "--no-cache").code == 0
    assert calls[0]["cache"] is None


def test_labels_alone_are_enough(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "--labels", "l.csv", "--features", "x.npy").code == 0
    assert calls[0]["data"] is None


def test_environment_sets_options_and_the_command_line_wins(calls: list[dict[str, Any]]) -> None:
    env = {"LABELAUDIT_SEED": "5", "LABELAUDIT_DEVICE": "cpu", "LABELAUDIT_CACHE": "c", "LABELAUDIT_OUTPUT": "o"}
    call("scan", "images", "--seed", "6", env=env)
    assert [calls[0][name] for name in ("seed", "device", "cache", "output")] == [6, "cpu", Path("c"), Path("o")]


def test_the_policy_file_configures_the_scan(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Command line over environment over file over default, as for `labelaudit check`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "l.csv").touch()
    lines = ("labels = 'l.csv'", "methods = ['sln', 'limit']", "seed = 3", "device = 'cpu'", "effort = 'quick'")
    (tmp_path / "labelaudit.toml").write_text("\n".join(["max-new = 0", "[scan]", *lines, "cache = 'kept'"]))
    ended = call("scan", "images", "--seed", "7", env={"LABELAUDIT_DEVICE": "cuda"})
    assert ended.code == 0
    said = {name: calls[0][name] for name in ("labels", "methods", "seed", "device", "effort", "cache", "train")}
    assert said == {
        "labels": tmp_path / "l.csv",  # relative to the file
        "methods": ("sln", "limit"),
        "seed": 7,
        "device": "cuda",
        "effort": "quick",
        "cache": tmp_path / "kept",
        "train": "auto",
    }
    assert f"effort: quick, from {tmp_path / 'labelaudit.toml'}" in ended.err
    assert "seed" not in ended.err
    assert call("scan", "images", "--no-cache", "--effort", "standard").code == 0
    assert (calls[1]["cache"], calls[1]["effort"]) == (None, "standard")
    (tmp_path / "labelaudit.toml").write_text("[scan]\nregularizer = ['mixup', 'jacobian']\ninit = 'w.pth'")
    ended = call("scan", "images", "--set", "mixup.alpha=0.5")
    assert calls[2]["regularizers"] == {"mixup": {"alpha": "0.5"}, "jacobian": {}}
    assert calls[2]["init"] == tmp_path / "w.pth"
    assert f"regularizer: mixup,jacobian, from {tmp_path / 'labelaudit.toml'}" in ended.err
    call("scan", "images", "--regularizer", "spectral", env={"LABELAUDIT_REGULARIZER": "mixup"})
    call("scan", "images", env={"LABELAUDIT_REGULARIZER": "mixup,spectral"})
    assert [made["regularizers"] for made in calls[3:]] == [{"spectral": {}}, {"mixup": {}, "spectral": {}}]
    (tmp_path / "labelaudit.toml").write_text("[scan]\nefort = 'quick'")
    assert call("scan", "images").code == 2
    assert len(calls) == 5


def test_a_misspelt_variable_is_no_scan_with_other_settings(calls: list[dict[str, Any]]) -> None:
    ended = call("scan", "images", env={"LABELAUDIT_SEDE": "5"})
    assert (ended.code, calls) == (2, [])
    assert "did you mean 'LABELAUDIT_SEED'" in ended.err


def test_default_cache_ignores_a_relative_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == tmp_path / ".cache" / "labelaudit"


@pytest.mark.parametrize("text", ["sigma=1", "sln.sigma", "sln.=1", ".sigma=1", "sln.sigma=", ""])
def test_a_malformed_set_is_explained(text: str) -> None:
    with pytest.raises(OptionError, match=r"write METHOD.OPTION=VALUE, such as sln.sigma=0.5"):
        parse_settings([text])


# how it ends


@pytest.mark.parametrize("error", [DataError("no images in 'x':\n  look\x1b[31m again"), LabelAuditError("a\nb")])
def test_an_error_is_one_line_and_exit_code_2(error: LabelAuditError, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, failing(error))
    ended = call("scan", "x")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("labelaudit: ")
    assert ended.err.count("\n") == 1
    assert ESCAPE not in ended.err


def test_interrupt_is_130_and_says_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, failing(KeyboardInterrupt()))
    ended = call("scan", "x")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "labelaudit: interrupted; an earlier result and what is in the cache are kept\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, failing(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        call("scan", "x")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["scan"], "nothing to scan"),
        (["scan", "x", "--methods", ","], "names nothing"),
        (["scan", "x", "--set", "sigma=1"], "METHOD.OPTION=VALUE"),
        (["scna", "x"], "Did you mean 'scan'?"),
        (["scan", "x", "--bakbone", "y"], "--backbone"),
        (["scan", "x", "--effort", "huge"], "quick"),
        (["scan", "x", "--seed", "-1"], "--seed"),
        (["scan", "x", "--workers", "0"], "--workers"),
        (["scan", "x", "y"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_2_with_a_hint(arguments: list[str], hint: str, calls: list[dict[str, Any]]) -> None:
    ended = call(*arguments)
    assert (ended.code, ended.out, calls) == (2, "", [])
    assert hint in ended.err


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option: str) -> None:
    assert call(option) == Ended(0, f"labelaudit {labelaudit.__version__}\n", "")


def test_help_names_every_option_of_the_issue() -> None:
    text = call("scan", "--help", env={"COLUMNS": "200"}).out
    names = (
        "DATA --output -o --labels --path-column --label-column --features --probs --verdicts --methods --set --train "
        "--backbone --image-size --effort --rank-by --device --seed --workers --cache --no-cache --no-html --quiet -q "
        "--verbose -v --color"
    )
    assert [name for name in names.split() if name not in text] == []
    for choices in ("auto|features|pixels", "quick|standard|thorough", "auto|cpu|cuda", "auto|always|never"):
        assert choices in text


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "--help"], ["--version"], ["scan"]])
def test_help_and_usage_errors_do_not_pay_for_heavy_imports(arguments: list[str]) -> None:
    code = """
import sys
from labelaudit.cli import main
try:
    main()
finally:
    heavy = {"numpy", "scipy", "torch", "sklearn", "faiss", "onnxruntime", "timm", "pyarrow", "PIL", "pandas"}
    print("HEAVY", sorted(heavy & set(sys.modules)))
"""
    assert "HEAVY []" in run_python(code, *arguments).stdout


def test_python_m_labelaudit_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "labelaudit", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"labelaudit {labelaudit.__version__}\n")


# where it prints


def test_result_on_stdout_everything_else_on_stderr(calls: list[dict[str, Any]]) -> None:
    ended = call("scan", "x")
    assert "2 suspects" in ended.out
    assert ended.err == "about 3 s on 2 cores\nLooking at them …\n", "a line per stage, not a minute of silence"
    assert ESCAPE not in ended.out + ended.err


def test_quiet_prints_nothing(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "x", "-q") == Ended(0, "", "")


def test_verbose_off_a_terminal_names_each_stage_once(calls: list[dict[str, Any]]) -> None:
    ended = call("scan", "x", "-v")
    assert ended.err == "about 3 s on 2 cores\nLooking at them …\n"
    assert "Classes" in ended.out


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
        "import sys, types, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from audits import make_audit\n"
        "def scan(data, *, progress, notice, **rest):\n"
        "    notice('about 3 s')\n"
        "    for done in range(4):\n"
        "        progress('embed', done, 3)\n"
        "        time.sleep(0.05)\n"
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


# what a result looks like


def test_result_answers_the_questions_of_a_reader(tmp_path: Path) -> None:
    audit = make_audit()
    text = rendered(replace(audit, files=reports.write(audit, tmp_path / "run")), width=200)
    assert "6 samples in 3 classes: 2 suspects (33.3%), about 40.0% of the labels wrong" in text
    assert "(90% interval 20.0% to 60.0%)" in text
    assert "Cannot judge 1 class with too few images: owl" in text
    assert re.search(r"1  cat/b.png  cat +dog +97.0%\n", text), "one number, and no reason that only repeats the label"
    assert re.search(r"cat +dog +1 +1\n", text)
    assert "1 truncated\n    cat/z.png: The file ends in the middle of the image.\n" in text
    assert "- Features were chosen: they fit better than pixels.\n" in text
    assert "62 s on cpu, peak memory 300 MiB: ingest 0.5 s, train 61 s\n" in text
    assert "suspects.csv, samples.csv" not in text
    files = {**reports.write(audit, tmp_path / "run"), "report.html": tmp_path / "run" / "report.html"}
    text = rendered(replace(audit, files=files, settings={"source": {"data": "pets"}}), width=200, verbose=True)
    assert f"{tmp_path}/run/  suspects.csv, samples.csv, summary.json, audit.json, evidence.npz" in text
    assert text.endswith(f"\nLook   file://{tmp_path}/run/report.html\nJudge  labelaudit review {tmp_path}/run\n")


def test_result_without_suspects_says_how_many_were_seen() -> None:
    decision = make_decision(is_issue=np.zeros(6, dtype=bool), noise_rate=float("nan"))
    text = rendered(make_audit(decision=decision))
    assert "None among 6: no label looks wrong." in text
    assert "the share of wrong labels cannot be estimated" in text


def many(count: int) -> Audit:
    classes = tuple(f"class {i}" for i in range(30))
    return make_audit(
        samples=make_samples(
            ids=tuple(f"folder with a long name/{i:06d}.png" for i in range(count)),
            labels=np.arange(count) % 30,
            classes=classes,
            digests=tuple(f"{i:032x}" for i in range(count)),
        ),
        decision=make_decision(
            suspicion=np.full(count, 0.9),
            is_issue=np.ones(count, dtype=bool),
            judged=np.zeros(count, dtype=bool),
            probs=np.full((count, 30), 1 / 30),
            predicted=(np.arange(count) + 1) % 30,
            reasons=("a reason that takes some room",) * count,
            noise_matrix=np.ones((30, 30)),
        ),
        evidence={},
        findings=tuple(Finding(kind="empty", path=f"{i}.png", detail="No bytes.") for i in range(50)),
    )


def test_long_results_are_cut_and_say_so() -> None:
    text = rendered(many(100), width=200)
    assert "and 90 more" in text
    assert "and 47 more" in text
    assert "class 0, class 1, class 10" not in text
    assert "and 25 more" in text
    assert len(text.splitlines()) < 50
    assert "and 60 more" in rendered(many(100), width=200, verbose=True)


@pytest.mark.parametrize("width", [30, 40, 60, 79, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    text = rendered(many(12), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "…" not in text
    if width >= 40:
        assert "folder with a long name/000011.png" not in text
        assert "folder with a long name/000009.png" in text
        assert "a reason that takes some room" in text


def test_names_from_data_cannot_steer_the_terminal_or_the_markup() -> None:
    evil = "[bold red]x[/]\x1b[2J\x07\u202egnp.exe\r\n"
    audit = make_audit(
        samples=make_samples(ids=(evil + "0", evil + "1", *"cdef"), classes=(evil, evil + "b", evil + "c"), root=evil),
        decision=make_decision(reasons=(evil,) * 6, judged=np.zeros(6, dtype=bool)),
        findings=(Finding(kind=evil, path=evil, detail=evil, partner=evil + "?"),),
        notes=(evil,),
        device=evil,
        versions={evil: evil},
        files={"suspects.csv": Path(evil) / "suspects.csv"},
    )
    text = rendered(audit, width=400, verbose=True)
    assert not any(character in text for character in "\x1b\x07\u202e\r")
    assert r"[bold red]x[/]\x1b[2J\x07\u202egnp.exe\r\n" in text


def test_printable_keeps_ordinary_text() -> None:
    assert printable("Üñí 图像 🐈 a b/c[1].png") == "Üñí 图像 🐈 a b/c[1].png"
    assert printable(os.fsdecode(b"\xff.png")) == r"\udcff.png"


def test_a_stream_that_cannot_encode_a_name_does_not_fail() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(make_audit(notes=("图像",)), open_console(stream, "never"))
    stream.flush()
    assert rb"\u56fe\u50cf" in raw.getvalue()
