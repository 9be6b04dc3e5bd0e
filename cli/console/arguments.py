"""Refuses paths that no command could use, for all commands and before they start, each in one line.

An empty path would mean the working directory where a script's variable is not set; some names no system can look up;
images that are said to lie elsewhere must lie there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from labelaudit.errors import OptionError, reason_of


def check_paths(params: list[Any], ctx: Any, given: dict[str, Any]) -> None:
    """Raise `OptionError` for a path that cannot be right among those that are ``given`` to a command."""
    for param in params:
        kind = param.type_descriptor.annotation
        if Path not in {kind, *get_args(kind)}:
            continue
        for value in _texts(param, ctx, given):
            _check_path(value, _name(param))


def _texts(param: Any, ctx: Any, given: dict[str, Any]) -> Iterator[str]:
    """Yields each text that was written for an option or an argument, on the command line or in the environment."""
    value, _ = param.consume_value(ctx, given)
    for text in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(text, str):
            yield text


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper()).strip("[].")
    return str(param.opts[-1])


def _check_path(value: str, name: str) -> None:
    if not value:
        raise OptionError(f"{name} is empty, perhaps a variable that is not set: name a file or a folder ('.' is here)")
    try:
        Path(value).stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        if name == "--data" and "://" not in value:
            raise OptionError(f"--data '{value}' does not exist: name the place of the images") from None
    except (OSError, ValueError) as error:
        raise OptionError(f"{name} '{value}' cannot be a file or a folder ({reason_of(error)}): name another") from None
