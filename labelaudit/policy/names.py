"""Names in a policy: lists of them, and those of methods and regularisers, known without importing what they name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from labelaudit.errors import OptionError, unknown_name


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
        known = [file.name for file in pkgutil.iter_modules([str(_PACKAGE / f"{what}s")]) if file.name[0] != "_"]
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
