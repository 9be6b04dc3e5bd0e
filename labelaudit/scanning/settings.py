"""The settings of a scan: names, choices, defaults, and how each value is read from text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labelaudit.errors import OptionError, unknown_name
from labelaudit.shelf import list_files


def parse_names(value: Any) -> tuple[str, ...]:
    """Names from a list, or from text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise OptionError(f'\'{value}\' is no list of names: write one such as ["a", "b"]')
    names = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not names:
        raise OptionError(f"'{value}' names nothing")
    return names


def names_of(what: Literal["method", "regularizer"]) -> Callable[[Any], tuple[str, ...]]:
    """A parser of names that each are a file of ``labelaudit/methods`` or ``labelaudit/regularizers``.

    >>> names_of("regularizer")("mixup, spectral")
    ('mixup', 'spectral')
    """

    def parse(value: Any) -> tuple[str, ...]:
        names = parse_names(value)
        known = tuple(list_files([str(_PACKAGE / f"{what}s")]))
        for name in names:
            if name not in known:
                raise unknown_name(what, name, known)
        return names

    return parse


def parse_init(value: Any) -> Path | Literal["pretrained"]:
    """A file of weights, in a policy file relative to its folder, or the word ``pretrained``."""
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise OptionError(f"'{value}' is no file of weights: write its path, or pretrained")
    return "pretrained" if value == "pretrained" else Path(value)


_PACKAGE = Path(__file__).parents[1]


Train = Literal["auto", "features", "pixels"]


Effort = Literal["quick", "standard", "thorough"]


Precision = Literal["auto", "float32", "int8"]


PREFIX = "LABELAUDIT_"


_MOST = 10**15
"""Largest count: far beyond any dataset, and exact as a float."""


@dataclass(frozen=True)
class Setting:
    """One key of a policy file, which is also an option and an environment variable."""

    name: str
    parse: Callable[[Any], Any]
    help: str
    default: Any = None
    scan: bool = False
    """Whether it is passed on to the scan, and stands under ``[scan]`` in the file."""
    keyword: str = ""
    """The scan's name for it, where that is another one."""

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper().replace("-", "_")


def parse_count(value: Any) -> int:
    """A whole number from 0."""
    if type(value) not in (int, str):
        raise OptionError(f"'{value}' is no count: write a whole number from 0")
    if isinstance(value, int) and abs(value) > _MOST:
        raise OptionError(f"write a whole number from 0 to {_MOST:,}")
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        raise OptionError(f"'{text}' is no count: write a whole number from 0")
    if len(text) > 20 or int(text) > _MOST:
        raise OptionError(f"write a whole number from 0 to {_MOST:,}")
    return int(text)


def parse_text(value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"'{value}' is no text")
    return value


def parse_path(value: Any) -> Path:
    """A path; one in a policy file is relative to the file's folder."""
    return value if isinstance(value, Path) else Path(parse_text(value))


def _choose(*names: str) -> Callable[[Any], str]:
    """A parser that takes one of ``names``."""

    def parse(value: Any) -> str:
        if value not in names:
            raise OptionError(f"'{value}' is not known: write one of {', '.join(names)}")
        return str(value)

    return parse


METHODS = ("crust", "limit", "sln")
"""What a scan trains unless told otherwise."""
