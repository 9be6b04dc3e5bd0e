"""Robust training methods: ONE FILE = ONE METHOD, found by walking this folder.

A method is a file ``methods/NAME.py`` with one subclass of `Method`; NAME is its name, the first line of the module's
docstring its help text, its dataclass fields its options. Files that begin with an underscore are the frame.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

from labelaudit.errors import unknown_name
from labelaudit.methods._draws import draw_beta
from labelaudit.methods._interface import Batch, Fit, Method, Predict, Recipe, cross_entropy, given_probability, ranks
from labelaudit.methods._options import Between, Option, configure, options_of

__all__ = [
    "Batch",
    "Between",
    "Fit",
    "Method",
    "Option",
    "Predict",
    "Recipe",
    "configure",
    "cross_entropy",
    "draw_beta",
    "get_method",
    "given_probability",
    "method_help",
    "method_names",
    "options_of",
    "ranks",
]


def method_names() -> tuple[str, ...]:
    """Names of all methods, sorted.

    >>> "sln" in method_names()
    True
    """
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


def get_method(name: str) -> type[Method]:
    """The class of a method; raises `OptionError` with the nearest name for an unknown one."""
    if name not in method_names():
        raise unknown_name("method", name, method_names())
    module = importlib.import_module(f"{__name__}.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    )
    return found


def method_help(name: str) -> str:
    """The first docstring line of a method's file, read without importing it."""
    if name not in method_names():
        raise unknown_name("method", name, method_names())
    source = (Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
