"""The library names its parameters, and the command line alone says ``--flag``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from commands import call
from typer.main import get_command

from labelaudit.cli import app
from labelaudit.cli.console.parameters import learn_options, name_options

ROOT = Path(__file__).parents[1]
FLAG = re.compile(r"(?<![\w-])--(\{|[a-z])")
COMMAND_LINE = re.compile(r"`(labelaudit|git) [^`]*`")
"""A whole command line to type, which stands in notes and reports."""
NAMED = re.compile(r"`([a-z][a-z0-9_]*)`")
SPEAK_OF_OTHER_PROGRAMS = {
    "labelaudit/check/changed.py": "arguments that Git is run with",
    "labelaudit/review/exchange/prodigy.py": "the command line of Prodigy",
}
NO_PARAMETERS = {"sln": "a method", "reason": "a column of suspects.csv"}
"""Words between backticks in messages that name no option, and what they are."""


def strings_of(file: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether it is a docstring, of every string in ``file``; what an f-string fills in is ``{}``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value, id(node) in alone
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(map(str, parts)), False


FILES = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "labelaudit").rglob("*.py"))]


def test_no_string_of_the_library_holds_a_flag() -> None:
    found = [
        f"{file}:{line}: {text}"
        for file in FILES
        if file not in SPEAK_OF_OTHER_PROGRAMS
        for line, text, _ in strings_of(ROOT / file)
        if FLAG.search(COMMAND_LINE.sub("", text))
    ]
    assert not found, (
        "name the parameter, as in `label_from`, or write a whole command line, as in `labelaudit scan DATA`"
    )


def test_what_is_named_in_a_message_is_an_option() -> None:
    options = {
        name.removeprefix("--").replace("-", "_")
        for command in commands_of(get_command(app))
        for parameter in command.params
        for name in parameter.opts
    }
    named = {
        word: f"{file}:{line}"
        for file in FILES
        for line, text, is_docstring in strings_of(ROOT / file)
        if not is_docstring
        for word in NAMED.findall(text)
    }
    strange = {word: place for word, place in named.items() if word not in options | NO_PARAMETERS.keys()}
    assert not strange


def commands_of(command: object) -> Iterator[object]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from commands_of(inner)


def test_a_parameter_is_typed_as_its_option() -> None:
    learn_options(get_command(app))
    assert name_options("name it with `label_column`, or choose another `output`") == (
        "name it with --label-column, or choose another -o"
    )
    assert (
        name_options("`labelaudit scan DATA`, `nothing` and 'a`b`.png'")
        == "`labelaudit scan DATA`, `nothing` and 'a`b`.png'"
    )


def test_an_error_of_the_library_comes_with_options(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,a,b\nx.png,1,0\n", encoding="utf-8")
    ended = call("scan", str(tmp_path), "--train", "pixels", "--features", "x.npy")
    assert ended.code == 2
    assert "`" not in ended.err
