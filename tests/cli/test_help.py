"""Help texts come out as they were written: markup swallows none of their words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from commands import call
from typer.main import get_command

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
