"""Regularisers that compose with any method: ONE FILE = ONE REGULARISER, found by walking this folder.

A regulariser is a file ``regularizers/NAME.py`` with one subclass of `Regularizer`; NAME is its name, the first line of
the module's docstring its help text, its dataclass fields its options. Files that begin with an underscore are the
frame. `labelaudit.training.crossfit.crossfit` takes them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelaudit.methods import configure
from labelaudit.regularizers._interface import ForwardPass, RegularizedStep, Regularizer
from labelaudit.shelf import list_files, load_class

__all__ = ["ForwardPass", "RegularizedStep", "Regularizer", "configure_all", "get_regularizer", "regularizer_names"]


def regularizer_names() -> tuple[str, ...]:
    """Names of all regularisers, sorted.

    >>> "mixup" in regularizer_names()
    True
    """
    return tuple(list_files(__path__))


def get_regularizer(name: str) -> type[Regularizer]:
    """The class of a regulariser; raises `OptionError` with the nearest name for an unknown one."""
    return load_class("regularizer", name, __name__, __path__, Regularizer)


def configure_all(chosen: Sequence[str] | Mapping[str, Mapping[str, Any]]) -> dict[str, Regularizer]:
    """New instances by name, in the order given; a mapping says options too.

    >>> configure_all({"mixup": {"alpha": "0.5"}})["mixup"].settings()
    {'alpha': 0.5}
    """
    options = chosen if isinstance(chosen, Mapping) else {name: {} for name in chosen}
    return {name: configure(get_regularizer(name), values, "regularizer") for name, values in options.items()}
