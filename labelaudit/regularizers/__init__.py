"""Regularisers that compose with any method: ONE FILE = ONE REGULARISER, found by walking this folder.

A regulariser is a file ``regularizers/NAME.py`` with one subclass of `Regularizer`; NAME is its name, the first line of
the module's docstring its help text, its dataclass fields its options. Files that begin with an underscore are the
frame. `labelaudit.training.crossfit` takes them by name.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelaudit.errors import unknown_name
from labelaudit.methods import configure
from labelaudit.regularizers._interface import Composition, Pass, Regularizer

__all__ = [
    "Composition",
    "Pass",
    "Regularizer",
    "configure_all",
    "get_regularizer",
    "regularizer_help",
    "regularizer_names",
]


def regularizer_names() -> tuple[str, ...]:
    """Names of all regularisers, sorted.

    >>> "mixup" in regularizer_names()
    True
    """
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


def get_regularizer(name: str) -> type[Regularizer]:
    """The class of a regulariser; raises `OptionError` with the nearest name for an unknown one."""
    if name not in regularizer_names():
        raise unknown_name("regularizer", name, regularizer_names())
    module = importlib.import_module(f"{__name__}.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Regularizer) and value.__module__ == module.__name__
    )
    return found


def regularizer_help(name: str) -> str:
    """The first docstring line of a regulariser's file, read without importing it."""
    if name not in regularizer_names():
        raise unknown_name("regularizer", name, regularizer_names())
    source = (Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def configure_all(chosen: Sequence[str] | Mapping[str, Mapping[str, Any]]) -> dict[str, Regularizer]:
    """New instances by name, in the order given; a mapping says options too.

    >>> configure_all({"mixup": {"alpha": "0.5"}})["mixup"].settings()
    {'alpha': 0.5}
    """
    options = chosen if isinstance(chosen, Mapping) else {name: {} for name in chosen}
    return {name: configure(get_regularizer(name), values, "regularizer") for name, values in options.items()}
