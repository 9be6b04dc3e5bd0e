"""Robust training methods: ONE FILE = ONE METHOD, found by walking this folder and those below it.

A method is a file ``methods/NAME.py``, ``methods/losses/NAME.py`` or ``methods/selection/NAME.py`` with one subclass of
`Method`; NAME is its name, the first line of the module's docstring its help text, its dataclass fields its options.
Files that begin with an underscore are the frame.
"""

from __future__ import annotations

from labelaudit.methods._draws import draw_beta
from labelaudit.methods._interface import (
    Batch,
    FitContext,
    Method,
    Recipe,
    cross_entropy,
    ranks,
)
from labelaudit.methods._options import Between, Option, configure, options_of
from labelaudit.shelf import list_files, load_class

__all__ = [
    "Batch",
    "Between",
    "FitContext",
    "Method",
    "Option",
    "Recipe",
    "configure",
    "cross_entropy",
    "draw_beta",
    "get_method",
    "method_names",
    "options_of",
    "ranks",
]


def method_names() -> tuple[str, ...]:
    """Names of all methods, sorted.

    >>> "sln" in method_names()
    True
    """
    return tuple(list_files(__path__))


def get_method(name: str) -> type[Method]:
    """The class of a method; raises `OptionError` with the nearest name for an unknown one."""
    return load_class("method", name, __name__, __path__, Method)
