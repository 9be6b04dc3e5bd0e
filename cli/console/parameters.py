"""Parameters as a person types them: where the library says "`label_from`", the command line says ``--label-from``.

The library names its parameters, between backticks, in what it raises and tells, since it does not know who calls it.
A backticked word that is no option of any command stays as it is. The RUN of a command that the library tells to type
is the one at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAMED = re.compile(r"`([a-z][a-z0-9_]*)`")
_OPTIONS: dict[str, str] = {}
"""Name of a parameter -> its option, as the running command line has it."""
_TYPED = re.compile(r"\b(labelaudit [a-z]+) RUN\b")
_RUN = ["RUN"]
"""The RUN at hand, as a shell takes it."""


def learn_options(group: Any) -> None:
    """Take in the options of all commands of the Typer ``group``."""
    if not _OPTIONS:
        _OPTIONS.update(_options_of(group))


def name_options(text: str) -> str:
    """``text`` from the library with its parameters as options, and the RUN at hand in commands."""
    named = _NAMED.sub(lambda found: _OPTIONS.get(found[1], found[0]), text)
    return _TYPED.sub(lambda found: f"{found[1]} {_RUN[0]}", named)


def learn_run(spelled: str) -> None:
    """Take ``spelled`` for the RUN that commands in messages are about."""
    _RUN[0] = spelled


def _options_of(command: Any) -> Iterator[tuple[str, str]]:
    """Name and spelling, the short one where there is one, of every option below ``command``."""
    commands: Mapping[str, Any] = getattr(command, "commands", {})
    for inner in commands.values():
        yield from _options_of(inner)
    for parameter in command.params:
        short = next((option for option in parameter.opts if not option.startswith("--")), None)
        for option in parameter.opts:
            if option.startswith("--"):
                yield option.removeprefix("--").replace("-", "_"), short or option
