"""Messages about a value that was typed wrongly, in the words of this tool and not of the library that found it."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import typer

UsageError: Any = typer.BadParameter.__base__
"""The error that Typer raises for words that it cannot place; it has no public name there."""

_WORDS = {
    "int_parsing": "'{input}' is not a whole number",
    "int_from_float": "'{input}' is not a whole number",
    "int_parsing_size": "'{input}' has too many digits",
    "float_parsing": "'{input}' is not a number",
    "finite_number": "'{input}' is not a finite number",
    "greater_than_equal": "{input} is too little: give {ge} or more",
    "greater_than": "{input} is too little: give more than {gt}",
    "less_than_equal": "{input} is too much: give {le} or less",
    "less_than": "{input} is too much: give less than {lt}",
}
"""Kind of error, as pydantic names it -> what to say."""
_ALIKE, _AS_CLOSE = 0.6, 0.05
"""Options as like what was typed are offered, less the likeness that they may lack to the nearest one."""
_LONGEST = 60
"""Characters of a value that are repeated."""


def reword(error: Any) -> None:
    """Put the message of a `UsageError` in plain words, where it came from the library that reads command lines."""
    offered = getattr(error, "possibilities", None)
    if offered:
        typed = error.option_name.strip("-")
        like = {name: SequenceMatcher(None, typed, name.strip("-")).ratio() for name in sorted(offered)}
        least = max(_ALIKE, max(like.values()) - _AS_CLOSE)
        near, error.possibilities = [name for name in like if like[name] >= least], None
        error.message += f". Did you mean {' or '.join(near)}?" if near else ""
    found = _first(error.__cause__)
    if found is None:
        return
    pattern = _WORDS.get(found["type"])
    if pattern is not None:
        said = str(found.get("input"))
        said = said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
        error.message = pattern.format(input=said, **(found.get("ctx") or {}))
    else:
        error.message = str(found["msg"]).removeprefix("Value error, ").removesuffix(".")


def _first(cause: BaseException | None) -> dict[str, Any] | None:
    """The first finding of a validation error; None for any other error."""
    list_errors = getattr(cause, "errors", None)
    if not callable(list_errors):
        return None
    found = list_errors()
    return found[0] if found else None
