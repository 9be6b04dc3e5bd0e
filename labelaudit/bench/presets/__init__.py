"""The presets: ONE FILE = ONE PAPER, found by walking this folder; each holds a tuple ``PRESETS``."""

from __future__ import annotations

import importlib
import pkgutil

from labelaudit.bench.preset import Preset
from labelaudit.errors import unknown_name


def list_presets() -> tuple[Preset, ...]:
    """All presets: those for a CPU first, by file.

    >>> "digits" in {preset.name for preset in list_presets()}
    True
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    found = [preset for name in names for preset in importlib.import_module(f"{__name__}.{name}").PRESETS]
    return tuple(sorted(found, key=lambda preset: preset.device))


def get_preset(name: str) -> Preset:
    """A preset by name; raises `OptionError` with the nearest one for an unknown name."""
    presets = {preset.name: preset for preset in list_presets()}
    if name not in presets:
        raise unknown_name("preset", name, presets)
    return presets[name]
