"""Coverage of the papers' tables: the parts that have a preset, those measured, and those that fit in the time there
is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labelaudit.bench.preset import Arm, Device, Preset, Table, estimate
from labelaudit.bench.runs import Run, definition_of


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """One table: how many of the paper's numbers a preset makes again, and how many of them were made."""

    table: Table
    cells: int
    """Numbers of the paper that a preset makes again; 0 for a figure."""
    measured: int
    """Number of these with at least one whole run; slices do not count."""
    rows: int
    """Rows of its presets, with and without a number in the paper."""
    rows_measured: int
    seconds: float
    """One seed of all of it, on the device it is made for."""
    device: Device
    measured_on: tuple[Device, ...] = ()
    """Devices on which any of it was measured."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """An arm that is still to run, with one seed."""

    preset: Preset
    arm: Arm
    seed: int
    seconds: float


def cover(tables: Iterable[Table], runs: Iterable[Run]) -> tuple[Coverage, ...]:
    """For each table what is there and what was measured, by the runs of today's definitions."""
    made: dict[tuple[str, str, str], set[Device]] = {}
    for run in runs:
        if run.whole:
            made.setdefault((run.preset, run.arm, run.definition), set()).add(run.device)
    return tuple(_cover(table, made) for table in tables)


def _cover(table: Table, made: Mapping[tuple[str, str, str], set[Device]]) -> Coverage:
    rows = [(preset, arm, reading) for preset in table.presets for arm, reading in preset.rows().values()]
    places = [made.get((preset.name, arm.name, definition_of(preset, arm)), set()) for preset, arm, _ in rows]
    there = [bool(place) for place in places]
    numbered = [reading.paper is not None for _, _, reading in rows]
    device = table.presets[0].device
    return Coverage(
        table=table,
        cells=sum(numbered),
        measured=sum(a and b for a, b in zip(numbered, there, strict=True)),
        rows=len(rows),
        rows_measured=sum(there),
        seconds=sum(preset.cost(device).seconds for preset in table.presets),
        device=device,
        measured_on=tuple(sorted(set[Device]().union(*places))),
    )


def plan(
    presets: Sequence[Preset], runs: Iterable[Run], *, budget: float, device: Device, seeds: int | None = None
) -> tuple[Item, ...]:
    """Arms not yet run on ``device`` that fit in ``budget`` seconds, in the order in which to run them.

    Presets made for the device come first, and of those the cheapest, so that whole tables are finished before more
    seeds or longer ones are begun. An arm counts at what its network is known to take (`estimate`).
    """
    made = {(run.preset, run.arm, run.definition, run.seed) for run in runs if run.whole and run.device == device}
    waiting = [
        Item(preset=preset, arm=arm, seed=seed, seconds=estimate(arm, preset.setting, device))
        for preset in presets
        for arm in preset.arms
        for seed in range(preset.seeds if seeds is None else seeds)
        if (preset.name, arm.name, definition_of(preset, arm), seed) not in made
    ]
    waiting.sort(key=lambda item: (item.preset.device != device, item.seed, item.seconds, item.preset.name))
    found, left = [], budget
    for item in waiting:
        if item.seconds <= left:
            found.append(item)
            left -= item.seconds
    return tuple(found)
