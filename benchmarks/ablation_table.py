"""The tables of benchmarks/ablation.py: paired differences over sets, by kind of set, and beside the ten lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from packs import table

Rows = Mapping[str, Mapping[str, Any]]
KINDS = ("human", "planted", "rare", "strangers", "under 300 images", "over 100 classes")
SMALL, MANY, LEAST, NOTHING = 300, 100, 0.001, 0.00005
ENOUGH = 20
"""Draws from which on a table by kind of set says something."""


def render(rows: Rows, choose: Sequence[str], confirm: Sequence[str]) -> str:
    """All tables, of the runs that there are."""
    runs = dict.fromkeys(name.partition(" ")[2] for name in rows)
    parts = []
    for run in runs:
        some = {name.partition(" ")[0]: row for name, row in rows.items() if name.partition(" ")[2] == run}
        effort, _, methods = run.partition(" ")
        parts.append(f"Effort {effort}, networks: {methods.replace('+', ', ') or 'none'}; {len(some)} draws.")
        parts.append(_compare(some, choose, confirm))
        if len(some) >= ENOUGH:
            parts.append(_by_kind(some))
        if any("ten lines" in row for row in some.values()):
            parts.append(_beside_ten_lines(some))
    return "\n\n".join(parts)


def _compare(rows: Rows, choose: Sequence[str], confirm: Sequence[str]) -> str:
    """A line for each ingredient: what leaving it out changes on both halves; those that change nothing by name."""
    head = ("without", "AP, chosen on", "AP, confirmed on", "least AP", "AUROC", "F1 / best, chosen on")
    head += ("F1 / best, confirmed on", "clean: flagged", "rate: off by", "s")
    lines, idle = [], []
    for what in next(iter(rows.values()))["without"]:
        if what == "nothing":
            continue
        halves = [{name: rows[name] for name in half if name in rows} for half in (choose, confirm)]
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
                _say(differ(rows, what, lambda one: one.get("auroc"))),
                *(_say(some, 3) for some in shares),
                _say(clean, 2),
                _say(_off(rows, what), 2),
                _say(differ(rows, what, lambda one: one["seconds"]), 1, spread=False),
            )
        )
    said = f"\n\nNothing changes on any draw without {', '.join(idle)}." if idle else ""
    return table(head, lines) + said


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


def _say(found: Mapping[str, float], digits: int = 4, *, spread: bool = True) -> str:
    values = np.array(list(found.values()))
    if not len(values):
        return ""
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.{digits}f}" if spread and len(values) > 1 else ""
    return f"{values.mean():+.{digits}f}{error}"


def kinds_of(name: str, row: Mapping[str, Any]) -> list[str]:
    """The kinds that a set belongs to, of `KINDS`; none if it is clean."""
    if not row["wrong"]:
        return []
    how = name.partition("~")[2]
    found = [how if how in KINDS else "planted" if how else "human"]
    found += ["under 300 images"] * (row["n"] < SMALL)
    return found + ["over 100 classes"] * (row["classes"] > MANY)


def _by_kind(rows: Rows) -> str:
    """A line for each ingredient without which the AP of some kind of set changes by .001 or more."""
    lines = []
    of = {kind: {name: row for name, row in rows.items() if kind in kinds_of(name, row)} for kind in KINDS}
    for what in next(iter(rows.values()))["without"]:
        changes = [differ(of[kind], what, _ap) for kind in KINDS]
        if any(abs(float(np.mean([*change.values()]))) >= LEAST for change in changes if change):
            lines.append((what, *(_say(change) for change in changes)))
    counts = tuple(f"{kind} ({len({same_set(name) for name in of[kind]})})" for kind in KINDS)
    return "AP by kind of set (how many), where that of one kind changes by .001 or more.\n\n" + table(
        ("without", *counts), lines
    )


def _beside_ten_lines(rows: Rows) -> str:
    """A line for each set: the tool, the two closed forms alone, and the ten lines."""
    head = ("set", "n", "classes", "wrong", "AP", "ten lines", "AUROC", "ten lines", "F1 / best", "ten lines' F1")
    lines, ahead = [], []
    for name, row in rows.items():
        if "ten lines" not in row:
            continue
        one, ten = row["without"]["nothing"], row["ten lines"]
        about = (name, f"{row['n']:,}", str(row["classes"]), f"{row['wrong']:.1%}")
        if "ap" not in one:
            lines.append((*about, "", "", "", "", f"flags {one['flagged']:.2%}", f"flags {ten['flagged']:.2%}"))
            continue
        figures = (f"{some[key]:.3f}" for key in ("ap", "auroc") for some in (one, ten))
        lines.append((*about, *figures, f"{one['f1']:.3f} / {one['best_f1']:.3f}", f"{ten['f1']:.3f}"))
        ahead.append((name, one["ap"] - ten["ap"], one["auroc"] - ten["auroc"]))
    behind = ", ".join(f"{name} by {-gap:.3f}" for name, gap, _ in sorted(ahead, key=lambda row: row[1]) if gap < 0)
    means = (float(np.mean([row[at] for row in ahead])) for at in (1, 2))
    said = f"Ahead of the ten lines by {next(means):+.3f} AP and {next(means):+.3f} AUROC on the mean of {len(ahead)} "
    return f"{said}draws; behind in AP on: {behind or 'none'}.\n\n{table(head, lines)}"
