"""The papers' tables: ONE FILE = ONE PAPER, or what several share, found by walking this folder; each holds a tuple
``TABLES``."""

from __future__ import annotations

import importlib
import pkgutil

from labelaudit.bench.preset import Preset, Table
from labelaudit.errors import unknown_name


def list_tables() -> tuple[Table, ...]:
    """All tables and figures, by file.

    >>> "limit-mnist" in {table.name for table in list_tables()}
    True
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(table for name in names for table in importlib.import_module(f"{__name__}.{name}").TABLES)


def list_presets() -> tuple[Preset, ...]:
    """All presets: those for a CPU first, by file.

    >>> "digits" in {preset.name for preset in list_presets()}
    True
    """
    found = {preset.name: preset for table in list_tables() for preset in table.presets}
    return tuple(sorted(found.values(), key=lambda preset: preset.device))


def get_preset(name: str) -> Preset:
    """A preset by name; raises `OptionError` with the nearest one for an unknown name."""
    return get_presets(name)[0]


def get_presets(name: str) -> tuple[Preset, ...]:
    """The presets of a table, or the one preset of that name; raises `OptionError` for an unknown name."""
    return tuple(one for one in list_presets() if one.name == name) or get_tables(name)[0].presets


def get_tables(name: str) -> tuple[Table, ...]:
    """The table of that name, or those that a preset of that name is part of; raises `OptionError` for an unknown name.

    >>> [table.name for table in get_tables("limit-mnist-50")]
    ['limit-mnist']
    """
    tables = list_tables()
    found = tuple(one for one in tables if name == one.name) or tuple(
        one for one in tables if name in {preset.name for preset in one.presets}
    )
    if not found:
        presets = {preset.name for table in tables for preset in table.presets}
        raise unknown_name("table or preset", name, {table.name for table in tables} | presets)
    return found
