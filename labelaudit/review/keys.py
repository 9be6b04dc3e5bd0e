"""The keys of the review page: a table with defaults, and a file that changes it.

A key is named as browsers name it (``KeyboardEvent.key``), in any case. The digits 1 to 9 are not in the table: they
stand for classes. Left out: chords and sequences.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from labelaudit.errors import OptionError, reason_of, unknown_name
from labelaudit.files import read_text

KEYS: Mapping[str, tuple[str, ...]] = {
    "left": ("arrowleft",),
    "right": ("arrowright",),
    "none": ("0", "n"),
    "skip": ("s", "arrowdown"),
    "undo": ("u", "backspace"),
    "search": ("/", "o"),
    "note": ("m",),
    "grid": ("g",),
    "whole": ("w",),
    "zoom": (" ",),
    "zoom_in": ("+", "="),
    "zoom_out": ("-",),
    "pixels": ("p",),
    "back": ("[", "pageup"),
    "forward": ("]", "pagedown"),
    "help": ("?",),
}
"""Action -> its keys."""
_NAMES = {"space": " "}


def read_keys(file: Path | None) -> dict[str, tuple[str, ...]]:
    """The keys of the page: `KEYS`, but for what the TOML ``file`` says under ``[keys]``.

    Raises:
        OptionError: the file cannot be read, names something that cannot be done, or uses a key twice.
    """
    keys = dict(KEYS)
    if file is None:
        return keys
    try:
        told = tomllib.loads(read_text(file)).get("keys")
    except (OSError, ValueError, RecursionError) as error:  # a TOML or Unicode error is a ValueError
        raise OptionError(f"`keys` {file} cannot be read: {reason_of(error)}") from None
    if not isinstance(told, dict):
        raise OptionError(f'`keys` {file} has no table [keys], such as [keys] and below it left = "h"')
    for name, value in told.items():
        if name not in KEYS:
            raise unknown_name("action of a key", name, tuple(KEYS))
        chosen = [value] if isinstance(value, str) else value
        if not isinstance(chosen, list) or not all(isinstance(key, str) and key for key in chosen):
            raise OptionError(f"`keys` {file}: {name} must be a key or a list of keys, not {value!r}")
        keys[name] = tuple(_NAMES.get(key.lower(), key.lower()) for key in chosen)
    owner: dict[str, str] = {}
    for name, mine in keys.items():
        for key in mine:
            if len(key) == 1 and key in "123456789":
                raise OptionError(f"`keys` {file}: {name} cannot be {key}, the digits 1 to 9 are for classes")
            if owner.setdefault(key, name) != name:
                raise OptionError(f"`keys` {file}: '{key}' would do two things, {owner[key]} and {name}")
    return keys
