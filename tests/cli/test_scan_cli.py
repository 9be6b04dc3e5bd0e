"""The command line: what it passes on, where it prints, how it ends, what it never does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Ended, call
from remembered import ESCAPE, Scan, install

import labelaudit
from labelaudit.audit.document import Audit
from labelaudit.cli.console.options import default_cache, parse_settings
from labelaudit.errors import DataError, LabelAuditError, OptionError
from labelaudit.machine import available_cores

NOTHING: dict[str, Any] = {
    **{"label_from": None, "format": None, "classes": None, "rows": None, "ignore_metadata": False, "bands": None},
    **{"annotator": None, "group": (), "ordinal": False, "precision": "auto", "budget": None, "max_memory": None},
}
"""Options of a scan that are left alone."""


def failing(error: BaseException) -> Scan:
    def fail(*_: object, **__: object) -> Audit:
        raise error

    return fail


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
        "methods": None,
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


def test_limits_let_the_library_choose_up_to_the_effort_that_was_asked_for(calls: list[dict[str, Any]]) -> None:
    call("scan", "images", "--budget", "10m", "--max-memory", "4GB")
    call("scan", "images", "--budget", "10m", "--effort", "standard")
    assert [(call["budget"], call["max_memory"]) for call in calls] == [("10m", "4GB"), ("10m", None)]
    assert [call["effort"] for call in calls] == ["thorough", "standard"]


def test_options_of_a_name_that_is_a_methods_too_are_the_methods(calls: list[dict[str, Any]]) -> None:
    named = ("--regularizer", "gaussian", "--set", "gaussian.variance=1")
    call("scan", "images", "--methods", "gaussian", *named)
    call("scan", "images", "--methods", "sln", *named)
    assert [call["regularizers"] for call in calls] == [{"gaussian": {}}, {"gaussian": {"variance": "1"}}]
    assert [call["options"] for call in calls] == [{"gaussian": {"variance": "1"}}, {}]


def test_no_cache(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "images", "--cache", "c", "--no-cache").code == 0
    assert calls[0]["cache"] is None


def test_addresses_reach_the_library(calls: list[dict[str, Any]]) -> None:
    assert call("scan", "memory://pets", "--labels", "memory://tables/l.csv").code == 0
    assert (calls[0]["data"], calls[0]["labels"]) == (Path("memory://pets"), Path("memory://tables/l.csv"))


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
    assert ended.err == "labelaudit: interrupted; earlier results, verdicts and caches are kept\n"


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
