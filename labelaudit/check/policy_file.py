"""Policy files: ``labelaudit.toml``, or ``[tool.labelaudit]`` in pyproject.toml.

A key that is not known is an error, because a misspelt limit would be a gate that never closes. Left out: merging of
several files; the nearest one counts alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelaudit.check.settings import SETTINGS, as_toml, parse_table
from labelaudit.errors import OptionError
from labelaudit.files import read_regular

FILES = ("labelaudit.toml", "pyproject.toml")
"""Names of policy files; the first wins where a folder has both."""


def find_policy(starts: Sequence[Path]) -> Path | None:
    """The policy file nearest above the first of ``starts`` that has one; a pyproject.toml only with our table."""
    for start in starts:
        place = start.resolve()
        for folder in (place, *place.parents):
            for name in FILES:
                if (folder / name).is_file() and (name != FILES[1] or _table(folder / name) is not None):
                    return folder / name
    return None


def read_policy(path: Path) -> dict[str, Any]:
    """The settings of a policy file by name, checked; its paths are made absolute.

    Raises:
        OptionError: the file cannot be read, is not TOML (with the line), holds a key or value that is not known, or
            names a cache outside its repository.
    """
    table = _table(path)
    if table is None:
        raise OptionError(f"{path} has no [tool.labelaudit]: add that table, or name another policy file")
    scan = table.pop("scan", {})
    if not isinstance(scan, Mapping):
        raise OptionError(f"{path}: scan: write [scan] and its options below it")
    gate_parsers = {name: as_toml(setting.parse) for name, setting in SETTINGS.items() if not setting.scan}
    scan_parsers = {name: as_toml(setting.parse) for name, setting in SETTINGS.items() if setting.scan}
    moved = [name for name in table if name in scan_parsers]
    if moved:
        raise OptionError(f"{path}: '{moved[0]}' is an option of the scan: put it under [scan]")
    given = parse_table(str(path), table, {**gate_parsers, "scan": dict})
    given |= parse_table(f"{path}: scan", scan, scan_parsers)
    here = path.parent.resolve()
    placed = {name: here / value if isinstance(value, Path) else value for name, value in given.items()}
    if (cache := placed.get("cache")) is not None:
        _check_cache(path, cache)
    return placed


def _check_cache(path: Path, cache: Path) -> None:
    """Refuse a cache outside the repository of the policy file ``path``, whoever wrote it: a cache deletes old audits.

    The repository is the nearest folder above with a ``.git``; without one it is the folder of the policy file.
    """
    here = path.parent.resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    place = cache.resolve()
    if place == root or root not in place.parents:
        raise OptionError(
            f"{path}: scan: cache: '{cache}' is not inside the repository {root}: name a folder below it, or give the "
            "folder with `cache` or LABELAUDIT_CACHE"
        )


def _table(path: Path) -> dict[str, Any] | None:
    """The table of labelaudit in a policy file; None where a pyproject.toml has none."""
    try:
        document = tomllib.loads(read_regular(path).decode("utf-8-sig"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read ({error.strerror}): name another policy file") from None
    except UnicodeDecodeError:
        raise OptionError(f"{path} is not UTF-8: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path} cannot be read as TOML ({error}): mend it") from None
    except (ValueError, RecursionError):  # whole numbers of thousands of digits, brackets thousands deep
        raise OptionError(f"{path}: a number is too long, or brackets nest too deep: correct the file") from None
    if path.name != FILES[1]:
        return document
    tool = document.get("tool", {})
    table = tool.get("labelaudit") if isinstance(tool, Mapping) else None
    if table is not None and not isinstance(table, dict):
        raise OptionError(f"{path}: write [tool.labelaudit] and its settings below it")
    return table
