"""What a command takes from this machine unless it is told otherwise: its cores, and the user's cache folder."""

from __future__ import annotations

import os
from pathlib import Path

from labelaudit.errors import OptionError


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/labelaudit``, or ``~/.cache/labelaudit``; a relative XDG_CACHE_HOME counts as unset."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "labelaudit"
    except RuntimeError:
        raise OptionError("no home folder to cache in: use --cache DIR or --no-cache") from None
