"""`labelaudit check` with a policy, and `labelaudit config`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from gates import call, save_png

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_settings_come_from_the_command_line_then_the_environment_then_the_file(tidy: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.labelaudit]\nmax-suspects = 2\n")
    assert call("check", tidy).code == 0
    assert call("check", tidy, env={"LABELAUDIT_MAX_SUSPECTS": "1"}).code == 1
    assert call("check", tidy, "--max-suspects", "2", env={"LABELAUDIT_MAX_SUSPECTS": "1"}).code == 0
    lines = call("config", env={"LABELAUDIT_SEED": "4"}).out.splitlines()
    assert lines[0] == f"Policy file: {tmp_path / 'pyproject.toml'}"
    assert [line.split() for line in lines if line.startswith(("max-suspects ", "seed", "max-new"))] == [
        ["max-suspects", "2", str(tmp_path / "pyproject.toml")],
        ["max-new", "-", "default"],
        ["seed", "4", "LABELAUDIT_SEED"],
    ]


def test_the_page_of_check_lists_every_setting_of_a_scan() -> None:
    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
    said = page.partition("`[scan]` takes ")[2].partition(", each as the option")[0]
    known = [line.split()[0] for line in call("config").out.partition("Of the scan")[2].splitlines()[1:]]
    assert sorted(re.findall("`([a-z-]+)`", said)) == sorted(known)


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
    (tmp_path / "labelaudit.toml").write_text("no-leaks = false\nbaseline = 'bekannt für jetzt.json'\n")
    shown = call("config", "--format", "json").out
    assert "für jetzt.json" in shown, "names stand as they are, as in the JSON of every command"
    settings = json.loads(shown)["settings"]
    shown = {name: settings[name]["value"] for name in ("no-conflicts", "no-leaks", "max-new", "max-suspects")}
    assert shown == {"no-conflicts": True, "no-leaks": False, "max-new": 0, "max-suspects": None}


def test_which_suspects_count_is_said_in_a_policy_or_on_the_command_line(run: Path, tmp_path: Path) -> None:
    assert call("check", run, "--max-suspects", 0, "--tier", "doubtful").code == 1
    wrong = call("check", run, "--tier", "shure")
    assert (wrong.code, "'shure'" in wrong.err, "sure" in wrong.err) == (2, True, True)
    (tmp_path / "labelaudit.toml").write_text("tier = 'doubtful'")
    assert "doubtful" in call("config", tmp_path).out


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


@pytest.mark.parametrize("cache", [["--no-cache"], ["--cache", "kept"]])
def test_a_class_that_is_not_there_is_said_before_the_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: list[str]
) -> None:
    monkeypatch.setattr("labelaudit.scanning.scan.audit_samples", lambda *_, **__: pytest.fail("embeds"))
    for label in ("cat", "dog"):
        for number in range(2):
            save_png(tmp_path / "pets" / label / f"{number}.png", number)
    ended = call("check", "pets", "--max-class-noise", "cta=5%", *cache)
    assert (ended.code, ended.out) == (2, "")
    assert "unknown class 'cta': did you mean 'cat'?" in ended.err


def test_a_misspelt_key_is_2(run: Path, tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("max-suspect = 2\n")
    for command in (("check", run), ("config",)):
        ended = call(*command)
        assert ended.code == 2
        assert "did you mean 'max-suspects'?" in ended.err
