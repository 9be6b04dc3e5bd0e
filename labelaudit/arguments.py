"""Values that Python lets through, held against the annotations of the function or dataclass that they are for.

Choices and ranges are left to those who know them: only the type is looked at here.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Union

from labelaudit.errors import OptionError

_WORDS: Mapping[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    Mapping: "a dictionary",
    Callable: "a function",
    timedelta: "a timedelta",
    type(None): "None",
}
_UNIONS = (Union, type(int | str))
_MANY: Mapping[Any, str] = {int: "a list of whole numbers", str: "a list of texts"}


def check_types(owner: Callable[..., Any], values: Mapping[str, Any]) -> None:
    """Raise `OptionError` for the first of ``values`` that is not of the type that ``owner`` declares for its name.

    An annotation of a kind not known here, such as an array's, takes everything. A text is no list, a generator is.

    >>> def show(bands: Sequence[int] | None = None) -> None: ...
    >>> check_types(show, {"bands": [4, 3, 2]})
    >>> check_types(show, {"bands": "4,3,2"})
    Traceback (most recent call last):
    labelaudit.errors.OptionError: `bands` '4,3,2': give a list of whole numbers
    """
    for name, hint in _hints(owner).items():
        if name in values and not _fits(values[name], hint):
            said = repr(values[name])
            said = said if len(said) <= 60 and "\n" not in said else f"of type {type(values[name]).__name__}"
            raise OptionError(f"`{name}` {said}: give {' or '.join(dict.fromkeys(_wanted(hint)))}")


def listed(names: str | Iterable[str] | Mapping[str, int]) -> tuple[str, ...]:
    """Several names; a single one may come as it is, and names with their numbers in the order of these.

    >>> listed("cat"), listed({"dog": 1, "cat": 0})
    (('cat',), ('cat', 'dog'))
    """
    if isinstance(names, Mapping):
        return tuple(sorted(names, key=lambda name: names[name]))
    return (names,) if isinstance(names, str) else tuple(names)


def at_home(path: str) -> str:
    """``path`` with the home folder for a ``~/`` at its beginning; as it is where the user has no home."""
    with suppress(RuntimeError):
        return str(Path(path).expanduser()) if path.startswith("~/") else path
    return path


@cache
def _hints(owner: Callable[..., Any]) -> Mapping[str, Any]:
    return typing.get_type_hints(owner)


def _fits(value: Any, hint: Any) -> bool:
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in _UNIONS:
        return any(_fits(value, one) for one in inner)
    if kind is bool:
        is_flag = type(value).__name__ in ("bool", "bool_")  # NumPy's too
        return is_flag or (isinstance(value, Integral) and value in (0, 1))
    if kind in (int, float):
        is_number = isinstance(value, Integral if kind is int else Real)
        return is_number and type(value).__name__ not in ("bool", "timedelta64")  # NumPy counts its spans as numbers
    if kind is Sequence:
        several = isinstance(value, Collection | Iterator) and not isinstance(value, str | bytes | Mapping)
        known = () if isinstance(value, Iterator) else value  # whoever takes an iterator is the first to look
        return several and all(_fits(one, inner[0]) for one in known)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
        )
    return kind not in _WORDS or isinstance(value, PathLike if kind is Path else kind)


def _wanted(hint: Any) -> list[str]:
    """The kinds of values that ``hint`` takes, in words; None is not offered."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in _UNIONS:
        return [words for one in inner if one is not type(None) for words in _wanted(one)]
    if kind is Sequence:
        return [_MANY.get(inner[0], "a list")]
    if kind is Mapping and typing.get_origin(inner[1]) is Mapping:
        return ["a dictionary of dictionaries"]
    return [_WORDS.get(kind, "a " + getattr(kind, "__name__", str(kind)))]
