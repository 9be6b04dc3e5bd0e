"""The table of benchmarks/ablation.py: paired differences over sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labelaudit.text import markdown_table

Rows = Mapping[str, Mapping[str, Any]]
CHOSEN_ON = ("cifar10n", "mnist", "caltech20", "signdigits", "plankton118")
"""Domains on which is chosen what goes; it is confirmed on the others."""
NOTHING = 0.00005
"""Difference that rounding makes."""


def render(rows: Rows) -> str:
    """The tables of the runs that there are."""
    runs = dict.fromkeys(name.partition(" ")[2] for name in rows)
    parts = []
    for run in runs:
        some = {name.partition(" ")[0]: row for name, row in rows.items() if name.partition(" ")[2] == run}
        effort, _, methods = run.partition(" ")
        parts.append(f"Effort {effort}, networks: {methods.replace('+', ', ') or 'none'}; {len(some)} draws.")
        parts.append(_compare(some))
    return "\n\n".join(parts)


def _compare(rows: Rows) -> str:
    """A line for each ingredient: what leaving it out changes on both halves; those that change nothing by name."""
    head = ("without", "AP, chosen on", "AP, confirmed on", "least AP", "F1 / best, chosen on")
    head += ("F1 / best, confirmed on", "clean: flagged", "rate: off by")
    lines, idle = [], []
    for what in next(iter(rows.values()))["without"]:
        if what == "nothing":
            continue
        halves = [
            {name: row for name, row in rows.items() if name.startswith(CHOSEN_ON) is half} for half in (True, False)
        ]
        aps, shares = ([differ(half, what, value) for half in halves] for value in (_ap, _share))
        both = {**aps[0], **aps[1]}
        least = min(both, key=lambda name: both[name])
        clean = differ(rows, what, lambda one: None if "ap" in one else 100 * one["flagged"])
        moved = [*both.values(), *shares[0].values(), *shares[1].values(), *clean.values(), *_off(rows, what).values()]
        if max(map(abs, moved)) < NOTHING:
            idle.append(what)
            continue
        lines.append(
            (
                what,
                *(_say(some) for some in aps),
                f"{both[least]:+.3f} ({least})",
                *(_say(some, 3) for some in shares),
                _say(clean, 2),
                _say(_off(rows, what), 2),
            )
        )
    said = f"\n\nNothing changes on any draw without {', '.join(idle)}." if idle else ""
    return markdown_table(head, lines) + said


def _ap(one: Mapping[str, Any]) -> float | None:
    return one.get("ap")


def _share(one: Mapping[str, Any]) -> float | None:
    return one["f1"] / one["best_f1"] if "ap" in one else None


def differ(rows: Rows, what: str, value: Callable[[Mapping[str, Any]], float | None]) -> dict[str, float]:
    """Set -> what leaving ``what`` out adds to a value, the mean of the set's draws."""
    found: dict[str, list[float]] = {}
    for name, row in _with(rows, what).items():
        one, whole = value(row["without"][what]), value(row["without"]["nothing"])
        if one is not None and whole is not None:
            found.setdefault(same_set(name), []).append(one - whole)
    return {name: float(np.mean(some)) for name, some in found.items()}


def _with(rows: Rows, what: str) -> Rows:
    """Those in which ``what`` was left out."""
    return {name: row for name, row in rows.items() if what in row["without"]}


def _off(rows: Rows, what: str) -> dict[str, float]:
    """Set -> percentage points by which the rate read moves away from the truth."""
    found: dict[str, list[float]] = {}
    for name, row in _with(rows, what).items():
        one, whole = (abs(row["without"][key]["rate"] - row["wrong"]) for key in (what, "nothing"))
        found.setdefault(same_set(name), []).append(100 * (one - whole))
    return {name: float(np.mean(some)) for name, some in found.items()}


def same_set(name: str) -> str:
    """The name without the number of the draw.

    >>> same_set("caltech20@200#1~usual")
    'caltech20@200~usual'
    """
    before, _, after = name.partition("#")
    return before + after.lstrip("0123456789")


def _say(found: Mapping[str, float], digits: int = 4) -> str:
    values = np.array(list(found.values()))
    if not len(values):
        return ""
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():+.{digits}f}{error}"
