"""Finds the plug-ins of a package: one file is one class, and the file's name is its name.

Nothing is imported before it is asked for, so that names and help cost no torch.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from labelaudit.errors import unknown_name

T = TypeVar("T")


def list_files(folders: Iterable[str]) -> dict[str, Path]:
    """Name -> file of every plug-in in ``folders`` and the folders right below them, by name.

    Files whose names begin with an underscore are the frame, not plug-ins.
    """
    found: dict[str, Path] = {}
    for folder in map(Path, folders):
        for info in pkgutil.iter_modules([str(folder)]):
            if info.ispkg:
                found |= list_files([str(folder / info.name)])
            elif not info.name.startswith("_"):
                found[info.name] = folder / f"{info.name}.py"
    return dict(sorted(found.items()))


def load_class(kind: str, name: str, package: str, folders: Iterable[str], base: type[T]) -> type[T]:
    """The one subclass of ``base`` that the file of ``name`` defines.

    Raises `OptionError` with the nearest name for an unknown one.
    """
    folders = tuple(folders)
    files = list_files(folders)
    if name not in files:
        raise unknown_name(kind, name, tuple(files))
    above = files[name].parent
    below = "" if str(above) in folders else f"{above.name}."
    module = importlib.import_module(f"{package}.{below}{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    )
    return found


def read_docstring(file: Path) -> str:
    """The docstring of ``file``, read without importing it; empty where there is none."""
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
