"""The outcome of a check as text: one file per format, named as `format` takes it.

A format is a module with ``render(outcome) -> str`` and, if it has files of a kind of its own, their ``ENDING``. Every
format says the same: the verdict, the rules, the number of suspects of every status, the number of findings. What a
format cannot hold is counted in it, with the place where the rest is. The text is always encodable as UTF-8, whatever
the files are called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType

from labelaudit.check.outcome import Outcome
from labelaudit.shelf import list_files

_MODULES: Mapping[str, ModuleType] = {
    name: importlib.import_module(f"{__name__}.{name}") for name in list_files(__path__)
}
GATE_FORMATS: Mapping[str, Callable[[Outcome], str]] = {name: module.render for name, module in _MODULES.items()}
"""Name of a format -> the function that renders an outcome in it."""
ENDINGS: Mapping[str, str] = {module.ENDING: name for name, module in _MODULES.items() if hasattr(module, "ENDING")}
"""Ending of a file, with its dot -> the format that is written to such a file."""
