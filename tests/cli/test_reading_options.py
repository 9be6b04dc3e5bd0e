"""The options that say how a dataset is read: the same for every command that reads one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main
from commands import call
from data.built import PIXEL, build

from cli import app
from labelaudit.check.policy_file import read_policy
from labelaudit.check.settings import resolve_settings
from labelaudit.data.source import READING, Source

COMMANDS = ("inspect", "scan", "score", "check", "train", "corrupt")
TABLE = "photo,kind,by\n0.png,cat,ann\n0.png,dog,bob\n0.png,dog,cid\n1.png,cat,ann\n2.png,dog,bob\n3.png,cat,ann\n"


def options_of(name: str) -> dict[str, Any]:
    command: Any = typer.main.get_command(app)
    return {option: parameter for parameter in command.commands[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_the_whole_statement_of_a_dataset(name: str) -> None:
    spelled = {f"--{field.replace('_', '-')}" for field in READING if field != "format"} | {"--data-format"}
    assert spelled <= options_of(name).keys()
    assert {*READING} <= {field.name for field in fields(Source)}


def test_what_is_stated_reaches_the_reader(tmp_path: Path) -> None:
    build(tmp_path / "d", {f"{n}.png": PIXEL for n in range(4)} | {"l.csv": TABLE})
    stated = ["--labels", tmp_path / "d/l.csv", "--path-column", "photo", "--label-column", "kind", "--annotator", "by"]
    done = call("inspect", tmp_path / "d", *stated, "--data-format", "label-table", "--classes", "dog,cat")
    assert "by 3 annotators, who disagree on 1 image" in done.out
    assert "annotator_votes" not in call("inspect", tmp_path / "d", *stated, "--json").out
    assert done.out.index("  dog  2") < done.out.index("  cat  2")
    copied = call("corrupt", tmp_path / "d", "-o", tmp_path / "c", "--noise", "pair", "--rate", "0", *stated)
    assert copied.code == 0, copied.err
    assert sorted(path.parent.name for path in (tmp_path / "c").glob("*/*.png")) == ["cat", "cat", "dog", "dog"]
    assert "unknown format 'x'" in call("train", tmp_path / "d", "-o", tmp_path / "m", "--format", "x").err
    assert "unknown format 'x'" in call("check", tmp_path / "d", "--data-format", "x", "--no-cache").err


def test_a_policy_states_it_too(tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text(
        '[scan]\nlabels = "l.csv"\nannotator = ["a", "b"]\nbands = [4, 3, 2]\nclasses = ["x", "y"]\n'
        'data-format = "label-table"\nignore-metadata = true\nrows = "rows.txt"\n'
    )
    place = tmp_path / "labelaudit.toml"
    how = resolve_settings({}, {}, read_policy(place), place).reading()
    assert how == {
        **{"labels": tmp_path / "l.csv", "annotator": ("a", "b"), "bands": (4, 3, 2), "classes": ("x", "y")},
        **{"format": "label-table", "ignore_metadata": True, "rows": tmp_path / "rows.txt"},
    }
