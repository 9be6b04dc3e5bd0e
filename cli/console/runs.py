"""Finds the RUN a command is about if the person does not name one, or names the dataset instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from labelaudit.errors import OptionError

from .parameters import learn_run
from .streams import spell_path, tell

DEFAULT = Path("labelaudit-run")
"""The folder that `labelaudit scan` writes unless told otherwise."""
RUN: Any = typer.Argument(
    metavar="RUN", show_default=False, help="Folder that `labelaudit scan` wrote; by default the one here."
)
"""The argument of every command that reads one RUN."""


def find_run(named: Path | None) -> Path:
    """The RUN that is meant: ``named``, else ``labelaudit-run``, else the only one in this folder.

    Raises:
        OptionError: there is none here, there are several, or ``named`` is a dataset that a RUN here was made from.
    """
    run = _find_run(named)
    learn_run(spell_path(run))
    return run


def _find_run(named: Path | None) -> Path:
    from labelaudit.audit.run import is_run

    if named is not None:
        if not is_run(named) and (of := [run for run in _runs_here() if _is_made_from(run, named)]):
            raise OptionError(f"{named} is a dataset; its RUN is {_name(of)}: put that in its place")
        return named
    if is_run(DEFAULT):
        return DEFAULT
    found = list(_runs_here())
    if not found:
        make = "`labelaudit scan DATA`"
        raise OptionError(f"there is no RUN here, neither {DEFAULT} nor another: name one, or make one with {make}")
    if len(found) > 1:
        raise OptionError(f"there are several RUNs here: name one of {_name(found)}")
    tell(f"RUN: {found[0]}")
    return found[0]


def _runs_here() -> Iterator[Path]:
    from labelaudit.audit.run import is_run

    return (place for place in sorted(Path().iterdir()) if not place.name.startswith(".") and is_run(place))


def _is_made_from(run: Path, data: Path) -> bool:
    """Whether ``run`` says that it was made from ``data``."""
    try:
        source = json.loads((run / "summary.json").read_text(encoding="utf-8"))["settings"]["source"]
        named = [source.get("data"), source.get("labels")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return any(name and Path(name).resolve() == data.resolve() for name in named)


def _name(runs: list[Path]) -> str:
    return ", ".join(str(run) for run in runs[:5]) + (f" and {len(runs) - 5} more" if len(runs) > 5 else "")
