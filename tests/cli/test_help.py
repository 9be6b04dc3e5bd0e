"""Help texts come out as they were written: markup swallows none of their words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from commands import call
from typer.main import get_command

from labelaudit.check.settings import FURTHER_VARIABLES, SETTINGS
from labelaudit.cli import app


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from leaves(one, (*path, name))


COMMANDS = dict(leaves(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_word_of_a_help_text_is_shown(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    shown = call(*path, "--help", env={"COLUMNS": "260", "TERMINAL_WIDTH": "260"}).out
    words = {*shown.replace("│", " ").split()}
    texts = [command.help or "", *(getattr(option, "help", None) or "" for option in command.params)]
    for text in texts:
        written = text.replace("\\[", "[").split("\f")[0].split()
        lost = [word for word in written if word not in words]
        assert not lost, f"lost of '{text[:60]}…': {lost}"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_fills_eighty_columns_and_names_no_type_beside_a_flag(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    shown = call(*path, "--help", env={"COLUMNS": "80"}).out.splitlines()
    assert max(map(len, shown)) <= 80
    assert not [line for line in shown if "<bool>" in line or "[[" in line]
    prose = [line.strip() for line in shown[: next(at for at, line in enumerate(shown) if line.startswith("╭"))]]
    for line, below in itertools.pairwise(prose):
        word = below.split(" ")[0]
        assert not below or not line or len(f" {line} {word}") > 79, f"'{word}' fits on the line before: {line}"


@pytest.mark.parametrize(("typed", "meant"), [(["scna"], "scan"), (["verdicts", "imprt"], "import")])
def test_help_for_a_misspelt_command_names_the_nearest(typed: list[str], meant: str) -> None:
    done = call("help", *typed)
    assert done.code == 2
    assert f"unknown command '{typed[-1]}': did you mean '{meant}'? Known: " in done.err


def test_no_command_refuses_the_variable_of_an_option() -> None:
    """`labelaudit.check.settings` refuses what it does not know, and so did a scan the variable of its own option."""
    variables = {param.envvar for command in COMMANDS.values() for param in command.params if param.envvar}
    assert "LABELAUDIT_SEED" in variables
    known = {*FURTHER_VARIABLES, *(setting.variable for setting in SETTINGS.values())}
    assert variables <= known


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--effort", "fast"], "'fast' is not one of 'quick', 'standard', 'thorough'"),
        (["--workers", "0"], "0 is too little: give 1 or more"),
        (["--seed", "1.5"], "'1.5' is not a whole number"),
        (["--max-pixels", "many"], "'many' is not a whole number"),
    ],
)
def test_a_wrong_value_is_named_in_plain_words(options: list[str], said: str) -> None:
    code, _, err = call("scan", "data", *options, env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert code == 2
    assert f"Invalid value for '{options[0]}': {said}" in err
    assert "Value error" not in err
    assert "Input should" not in err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--efort", ". Did you mean --effort?"),
        ("--column", ". Did you mean --label-column or --path-column?"),
        ("--model", " "),
    ],
)
def test_the_options_that_are_meant_are_offered_and_no_others(typed: str, said: str) -> None:
    code, _, err = call("scan", "data", typed, "x", env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert (code, f"No such option: {typed}{said}" in err) == (2, True)


@pytest.mark.parametrize(
    ("typed", "said"), [("10%", None), (".1", None), ("5", "5 is more than all of them"), ("x", "'x' is not a share")]
)
def test_a_share_is_read_as_a_percentage_and_as_a_fraction(typed: str, said: str | None) -> None:
    for command in (["estimate", "none", "--fdr"], ["corrupt", "none", "-o", "out", "--noise", "pair", "--rate"]):
        code, _, err = call(*command, typed, env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
        assert code == 2, "there is no such RUN"
        assert ("Invalid value" in err) == (said is not None)
        assert (said or "") in err


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_help_text_names_only_options_that_the_command_has(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    known = {spelled for option in command.params for spelled in (*option.opts, *option.secondary_opts)}
    for text in (command.help or "", *(getattr(option, "help", None) or "" for option in command.params)):
        told = re.sub(r"`labelaudit [^`]*`|`scan [^`]*`", "", text)
        assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]*", told)} <= known | {"--help"}, text


OWN = "output format features verdicts network init image-size seed budget group effort cache no-cache quiet"
OWN += " verbose json data reviewer fdr link tier plan test seeds epochs noise"
"""Options that are about something else in each command."""


def test_an_option_that_means_the_same_in_several_commands_says_the_same() -> None:
    said: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for option in command.params:
            for spelled in option.opts:
                if spelled.startswith("--") and not option.hidden:
                    said.setdefault(spelled, set()).add(option.help)
    assert {spelled for spelled, helps in said.items() if len(helps) > 1} == {f"--{name}" for name in OWN.split()}
    assert len(said["--device"] | said["--workers"] | said["--color"]) == 3


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("help",)], ids=" ".join)
def test_the_help_of_a_command_shows_how_it_is_typed(path: tuple[str, ...]) -> None:
    first, example = (COMMANDS[path].help or "").split("\n\n")[:2]
    assert first.endswith(".")
    assert example.startswith(f"Example: `labelaudit {' '.join(path)}")
    for typed in re.findall("`labelaudit ([^`]*)`", example):
        words = typed.split()
        command = COMMANDS[next(words for words in (tuple(words[:2]), (words[0],)) if words in COMMANDS)]
        known = {spelled for option in command.params for spelled in (*option.opts, *option.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= known, typed
