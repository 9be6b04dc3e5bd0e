"""Options of a method: its dataclass fields, converted from text and checked against their declared range."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from labelaudit.errors import OptionError, unknown_name
from labelaudit.text import read_share

T = TypeVar("T")


@dataclass(frozen=True)
class Between:
    """Inclusive range of a numeric option, for use in ``Annotated``."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a method, set as ``METHOD.NAME=VALUE``."""

    name: str
    kind: str
    """``float``, ``int``, ``true|false`` or the choices joined by ``|``; ``auto`` first where that is allowed."""
    default: Any
    help: str
    low: float | None = None
    high: float | None = None


def options_of(method: type[Any]) -> tuple[Option, ...]:
    """The options of a method class, in order of declaration, its own first.

    >>> from labelaudit.methods import get_method
    >>> [option.name for option in options_of(get_method("sln"))][:1]
    ['sigma']
    """
    hints = typing.get_type_hints(method, include_extras=True)
    found = []
    for field in _fields(method):
        kind, nullable, notes = _unpack(hints[field.name])
        between = next((note for note in notes if isinstance(note, Between)), None)
        shown = "|".join(kind) if isinstance(kind, tuple) else "true|false" if kind is bool else kind.__name__
        found.append(
            Option(
                name=field.name,
                kind=f"auto|{shown}" if nullable else shown,
                default=field.default,
                help=next((note for note in notes if isinstance(note, str)), ""),
                low=between.low if between else None,
                high=between.high if between else None,
            )
        )
    return tuple(found)


def configure(method: type[T], options: Mapping[str, Any], kind: str = "method") -> T:
    """An instance of ``method``, or of another ``kind`` of class, with ``options``.

    Text is converted to each option's type, ``auto`` to ``None``.

    Raises `OptionError` for an unknown option (naming the nearest), a wrong type or a value out of range.

    >>> from labelaudit.methods import get_method
    >>> configure(get_method("sln"), {"sigma": "0.5"}).sigma
    0.5
    """
    hints = typing.get_type_hints(method, include_extras=True)
    known = [field.name for field in _fields(method)]
    name = method.__module__.rpartition(".")[2]
    values = {}
    for key, value in options.items():
        if key not in known:
            raise unknown_name(f"option of {kind} {name}", key, known)
        values[key] = _convert(f"{name}.{key}", value, hints[key])
    return method(**values)


def _fields(method: type[Any]) -> list[dataclasses.Field[Any]]:
    """Constructor fields, the ones a method adds before those that all methods share."""
    own = vars(method).get("__annotations__", {})
    return sorted((f for f in dataclasses.fields(method) if f.init), key=lambda f: f.name not in own)


def _unpack(hint: Any) -> tuple[Any, bool, tuple[Any, ...]]:
    """(plain type or tuple of choices, may be None, annotations)."""
    notes: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        notes = tuple(rest)
    nullable = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        nullable = type(None) in typing.get_args(hint)
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        hint = typing.get_args(hint)
    return hint, nullable, notes


def _convert(label: str, value: Any, hint: Any) -> Any:
    kind, nullable, notes = _unpack(hint)
    if nullable and (value is None or value == "auto"):
        return None
    if isinstance(kind, tuple):
        if value not in kind:
            raise OptionError(f"{label}={value!r}: choose from {', '.join(kind)}")
        return value
    try:
        if kind is float and isinstance(value, str) and value.rstrip().endswith("%"):
            value = read_share(value)
        converted = _BOOLS[str(value).lower()] if kind is bool else kind(value)
        exact = isinstance(value, str) or (converted == value and isinstance(value, bool) == (kind is bool))
    except (ValueError, TypeError, KeyError, OverflowError):
        exact = False
    between = next((note for note in notes if isinstance(note, Between)), None)
    if not exact:
        wanted = _KINDS.get(kind, f"of type {kind.__name__}")
        hint = f": give a value from {between.low:g} to {between.high:g}" if between else ""
        raise OptionError(f"{label}={value!r} is not {wanted}{hint}")
    if between and not between.low <= converted <= between.high:
        raise OptionError(f"{label}={value} is out of range: give a value from {between.low:g} to {between.high:g}")
    return converted


_KINDS = {bool: "true or false", float: "a number", int: "a whole number"}
_BOOLS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
