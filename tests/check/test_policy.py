"""Policies: what a file may say, where a value comes from, what is refused and how."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from policy_files import write

from labelaudit.check.policy import Ignore, Policy, ScopedRule, Where
from labelaudit.check.policy_file import find_policy, read_policy
from labelaudit.check.settings import (
    FURTHER_VARIABLES,
    SETTINGS,
    resolve_settings,
)
from labelaudit.errors import OptionError

FULL = """
max-noise = "2%"
max-suspects = 40
max-new = 0
no-conflicts = true
no-unreadable = false
threshold = 0.5
baseline = "known.json"

[max-class-noise]
cat = "5%"
"golden retriever, old" = 0.1

[[rule]]
path = "train/**"
max-noise = 0.03
max-suspects = 7

[[rule]]
class = "*"
max-new = 1

[[ignore]]
path = "legacy/"
kind = "suspect"
reason = "bought, will be replaced"
expires = 2027-01-31

[[ignore]]
digest = "00ff"
reason = "a cat in a dog's costume"

[scan]
labels = "labels.csv"
effort = "quick"
regularizer = ["mixup"]
network = "timm:resnet18"
init = "weights.safetensors"
backbone = ["lite0@128", "resnet18"]
seed = 3
"""


def message(folder: Path, text: str, name: str = "labelaudit.toml") -> str:
    with pytest.raises(OptionError) as caught:
        read_policy(write(folder, text, name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_everything_that_a_file_can_say(tmp_path: Path) -> None:
    place = write(tmp_path, FULL)
    settled = resolve_settings({}, {}, read_policy(place), place)
    assert settled.policy() == Policy(
        max_noise=0.02,
        max_suspects=40,
        max_new=0,
        max_class_noise={"cat": 0.05, "golden retriever, old": 0.1},
        no_conflicts=True,
        no_unreadable=False,
        threshold=0.5,
        rules=(
            ScopedRule(where=Where(path="train/**"), max_noise=0.03, max_suspects=7),
            ScopedRule(where=Where(label="*"), max_new=1),
        ),
        ignores=(
            Ignore(
                where=Where(path="legacy/"),
                kind="suspect",
                reason="bought, will be replaced",
                expires=date(2027, 1, 31),
            ),
            Ignore(where=Where(), digest="00ff", reason="a cat in a dog's costume"),
        ),
    )
    assert settled.scan_options() == {
        "labels": tmp_path / "labels.csv",  # relative to the file, not to the working folder
        "effort": "quick",
        "regularizers": ("mixup",),
        "network": "timm:resnet18",
        "init": tmp_path / "weights.safetensors",
        "backbone": ("lite0@128", "resnet18"),
        "seed": 3,
    }
    assert settled.values["baseline"] == tmp_path / "known.json"


def test_the_same_in_pyproject(tmp_path: Path) -> None:
    text = (
        "[tool.other]\nx = 1\n[tool.labelaudit]\nmax-new = 0\n[[tool.labelaudit.ignore]]\nclass = 'a'\nreason = 'b'\n"
    )
    place = write(tmp_path, text, "pyproject.toml")
    policy = resolve_settings({}, {}, read_policy(place), place).policy()
    assert policy == Policy(max_new=0, ignores=(Ignore(where=Where(label="a"), reason="b"),))


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    far, near = write(tmp_path, ""), tmp_path / "a" / "b" / "c"
    near.mkdir(parents=True)
    write(tmp_path / "a" / "b", "[project]\nname = 'x'\n", "pyproject.toml")  # not about us: passed over
    assert find_policy([near]) == far.resolve()
    mine = write(tmp_path / "a", "[tool.labelaudit]\n", "pyproject.toml")
    assert find_policy([near]) == mine.resolve()
    first = write(tmp_path / "a", "")
    assert find_policy([near]) == first.resolve()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_policy([elsewhere, near]) == far.resolve()  # the first place that has one above it


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max-nose = 1", ["unknown key", "'max-nose'", "did you mean 'max-noise'"]),
        ("max_noise = '1%'", ["did you mean 'max-noise'"]),
        ("effort = 'quick'", ["'effort'", "[scan]"]),
        ("[scan]\neffrt = 'quick'", ["scan", "did you mean 'effort'"]),
        ("scan = 3", ["write [scan]"]),
        ("max-noise = 2", ["max-noise", "2%"]),
        ("max-suspects = -1", ["max-suspects", "'-1'"]),
        ("max-suspects = 1.5", ["max-suspects", "whole number"]),
        ("no-leaks = 'maybe'", ["no-leaks", "true nor false"]),
        ("max-class-noise = 3", ["max-class-noise", "not a table"]),
        ("[max-class-noise]\ncat = 'x'", ["max-class-noise", "'x'"]),
        ("[rule]\npath = 'a'", ["[[rule]]"]),
        ("[[rule]]\npath = 'a'", ["rule 1", "at least one of max-noise"]),
        ("[[rule]]\nmax-new = 1", ["rule 1", "path or class"]),
        ("[[rule]]\npath='a'\nmax-new=1\n[[rule]]\npth='b'\nmax-new=1", ["rule 2: unknown key", "did you mean 'path'"]),
        ("[[ignore]]\npath = 'a'", ["ignore 1", "reason"]),
        ("[[ignore]]\npath = 'a'\nreason = ' '", ["ignore 1", "reason", "not a text"]),
        ("[[ignore]]\nreason = 'a'", ["ignore 1", "path, class, kind or digest"]),
        ("[[ignore]]\npath='a'\nreason='b'\nexpires='soon'", ["ignore 1", "expires", "'soon'"]),
        ("[[ignore]]\npath='a'\nreason='b'\nexpires=07:32:00", ["expires", "not a date"]),
        ("[[ignore]]\npath='a'\nreason='b'\nexpires=20270101", ["expires", "not a date"]),
        ("no-leaks = 'yes'", ["no-leaks", "'yes' is neither true nor false", "without quotes"]),
        ("no-leaks = 1", ["no-leaks", "neither true nor false"]),
        ("max-new = '3'", ["max-new", "'3' is text", "without quotes"]),
        ("max-new = true", ["max-new", "'True' is not a count"]),
        (f"max-new = {10**16}", ["max-new", "from 0 to 1,000,000,000,000,000"]),
        (f"max-new = {'9' * 5000}", ["number is too long"]),
        ("a = " + "[" * 3000, ["brackets nest too deep"]),
        ("[[rule]]\npath='a'\nmax-suspects='2'", ["rule 1", "max-suspects", "'2' is text"]),
        ("max-class-noise = 'cat=5%'", ["max-class-noise", "not a table of classes"]),
        ("[scan]\nseed = '3'", ["seed", "'3' is text"]),
        ("[scan]\neffort = 'quik'", ["effort", "quick, standard, thorough"]),
        ("[scan]\nregularizer = ['mixip']", ["scan: regularizer", "'mixip'", "did you mean 'mixup'"]),
        ("[scan]\nregularizer = 3", ["scan: regularizer", "'3' is not a list of names: write one such as"]),
        ("[scan]\nregularizer = []", ["scan: regularizer", "names nothing"]),
        ("[scan]\nregularizers = ['mixup']", ["did you mean 'regularizer'"]),
        ("[scan]\nmethods = 'slm'", ["scan: methods", "unknown method 'slm': did you mean 'sln'"]),
        ("[scan]\nbands = 3", ["scan: bands", "must be three numbers from 1"]),
        ("[scan]\ninit = 3", ["scan: init", "write its path, or pretrained"]),
        ("regularizer = ['mixup']", ["'regularizer' is an option of the scan", "[scan]"]),
        ("[[ignore]]\nkind='leek'\nreason='b'", ["kind of finding", "did you mean 'leak'"]),
        ("a = 1\nb =\n", ["TOML", "line 2"]),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    said = message(tmp_path, text)
    assert "labelaudit.toml" in said
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        ("'2027-01-31'", date(2027, 1, 31)),
        ("2027-01-31T12:00:00", date(2027, 1, 31)),
        ("2027-01-31T22:00:00-05:00", date(2027, 2, 1)),  # the day in UTC, as that on which it is compared
        ("'2027-01-31T23:59:59Z'", date(2027, 1, 31)),
    ],
)
def test_an_end_is_a_date_a_moment_or_text_of_either(tmp_path: Path, written: str, day: date) -> None:
    place = write(tmp_path, f"[[ignore]]\npath = 'a'\nreason = 'b'\nexpires = {written}\n")
    assert resolve_settings({}, {}, read_policy(place), place).policy().ignores[0].expires == day


def test_a_byte_order_mark_is_no_part_of_the_policy(tmp_path: Path) -> None:
    assert read_policy(write(tmp_path, "\ufeffmax-new = 3\n")) == {"max-new": 3}
    (tmp_path / "labelaudit.toml").write_bytes("max-new = 3".encode("utf-16"))
    with pytest.raises(OptionError, match="not UTF-8"):
        read_policy(tmp_path / "labelaudit.toml")


def test_a_misspelt_variable_is_an_error() -> None:
    with pytest.raises(OptionError, match="variable 'LABELAUDIT_MAX_NOSE': did you mean 'LABELAUDIT_MAX_NOISE'"):
        resolve_settings({}, {"LABELAUDIT_MAX_NOSE": "2%"}, {})
    with pytest.raises(OptionError, match="LABELAUDIT_RULE"):
        resolve_settings({}, {"LABELAUDIT_RULE": "x"}, {})
    known = dict.fromkeys(FURTHER_VARIABLES, "x") | {"LABELAUDIT_MAX_NOSE": "", "OTHER_LABELAUDIT_X": "1"}
    assert set(resolve_settings({}, known, {}).origins.values()) == {"default"}


def test_variables_of_the_templates_and_commands_are_known() -> None:
    root = Path(__file__).parents[2]
    files = [*(root / "cli").rglob("*.py"), *(root / "templates").iterdir(), root / "action.yml"]
    used = {name for file in files for name in re.findall(r"LABELAUDIT_[A-Z_]*[A-Z]", file.read_text(encoding="utf-8"))}
    assert used - {setting.variable for setting in SETTINGS.values()} - {"LABELAUDIT_NAME"} <= set(FURTHER_VARIABLES)


def test_backbones_that_the_scan_may_choose_are_left_to_it() -> None:
    file = {"backbone": ("resnet18",)}
    assert resolve_settings({"backbone": "auto"}, {}, file, Path("p.toml")).scan_options() == {}


def test_a_policy_knows_where_it_was_written() -> None:
    file = {"rule": (), "max-new": 1}
    policy = resolve_settings({"max-noise": "1%"}, {"LABELAUDIT_NO_LEAKS": "1"}, file, Path("p.toml")).policy()
    names = ("max-noise", "no-leaks", "max-new")
    assert [policy.origins[name] for name in names] == ["`max_noise`", "LABELAUDIT_NO_LEAKS", "p.toml: max-new"]


def test_pyproject_with_something_else_under_our_name(tmp_path: Path) -> None:
    assert "[tool.labelaudit]" in message(tmp_path, "[tool]\nlabelaudit = 3\n", "pyproject.toml")


def test_command_line_over_environment_over_file_over_default() -> None:
    file: dict[str, Any] = {"max-new": 3, "max-suspects": 3, "max-noise": 0.3}
    environment = {"LABELAUDIT_MAX_NEW": "2", "LABELAUDIT_MAX_SUSPECTS": "2", "LABELAUDIT_NO_LEAKS": ""}
    settled = resolve_settings({"max-new": "1", "seed": None}, environment, file, Path("p.toml"))
    names = ("max-new", "max-suspects", "max-noise", "no-leaks", "seed")
    assert [(settled.values[name], settled.origins[name]) for name in names] == [
        (1, "command line"),
        (2, "LABELAUDIT_MAX_SUSPECTS"),
        (0.3, "p.toml"),
        (None, "default"),
        (None, "default"),
    ]
    assert set(settled.values) == set(settled.origins) == set(SETTINGS)


def test_a_wrong_value_names_where_it_came_from() -> None:
    with pytest.raises(OptionError, match=r"^`max_noise`: '2' is not a share"):
        resolve_settings({"max-noise": "2"}, {}, {})
    with pytest.raises(OptionError, match=r"^LABELAUDIT_SEED: 'x' is not a count"):
        resolve_settings({}, {"LABELAUDIT_SEED": "x"}, {})


def test_whether_a_policy_asks_for_anything() -> None:
    assert not Policy().asks
    assert not Policy(no_leaks=False, threshold=0.5, ignores=(Ignore(where=Where(path="a"), reason="b"),)).asks
    for asking in ({"max_new": 0}, {"max_noise": 0.0}, {"no_leaks": True}, {"max_class_noise": {"*": 0.1}}):
        assert Policy(**asking).asks
