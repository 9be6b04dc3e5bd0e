"""The coverage of the papers' tables, and the runs of a plan, as tables and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labelaudit.text import count, rough_duration

from .streams import Color, make_table, open_console, say, say_json, trimmed

if TYPE_CHECKING:
    from labelaudit.bench import Preset
    from labelaudit.bench.coverage import Coverage, Item
    from labelaudit.bench.preset import Device

_DEVICES: tuple[Device, ...] = ("cpu", "cuda")
_TITLES = {"cpu": "CPU", "cuda": "GPU"}


def show_coverage(covered: Sequence[Coverage], *, as_json: bool, color: Color) -> None:
    """Each table with how many of its numbers have a preset and were measured, and what nothing covers and why."""
    if as_json:
        say_json([_coverage_to_json(one) for one in covered])
        return
    console = open_console(sys.stdout, color)
    heads = ("table or figure", "paper", "data", "cells", "measured", "a seed takes", "what it shows")
    table = make_table(*((name, "left") for name in heads))
    table.columns[0].no_wrap = True
    for one in covered:
        data = ", ".join(dict.fromkeys(preset.setting.dataset for preset in one.table.presets))
        cells, measured = (one.cells, one.measured) if one.cells else (f"{one.rows} rows", one.rows_measured)
        found = " ".join([str(measured), *(_TITLES[device] for device in one.measured_on)])
        takes = f"{_TITLES[one.device]} {rough_duration(one.seconds)}"
        table.add_row(one.table.name, one.table.paper, data, str(cells), found, takes, one.table.shows)
    with trimmed(console):
        console.print(table)
    whole, small = ([one for one in covered if one.table.miniature == kind] for kind in (False, True))
    cells, measured = sum(one.cells for one in whole), sum(one.measured for one in whole)
    again, made = sum(one.cells for one in small), sum(one.measured for one in small)
    numbers = (
        f"Measured: {measured} of the {count(cells, 'number')} of the papers that have a preset; "
        f"in miniature, where only orders compare, {made} of {again}."
    )
    say(
        console,
        "waves: SN, Fig. 2 and GNI, Fig. 2, functions of one variable: labelaudit bench waves",
        *([numbers] if cells or again else []),
        *(f"Not in {one.table.name}: {one.table.missing}." for one in covered if one.table.missing),
        "The presets of a table: labelaudit bench --list --json.",
    )


def show_plan(items: Sequence[Item], device: Device, *, as_json: bool, color: Color) -> None:
    """The runs of a plan in their order, and how long each is expected to take."""
    if as_json:
        named = ({"preset": one.preset.name, "arm": one.arm.name, "seed": one.seed} for one in items)
        say_json([told | {"seconds": round(one.seconds)} for told, one in zip(named, items, strict=True)])
        return
    table = make_table(*((name, "left") for name in ("preset", "arm", "seed", "takes")))
    for one in items:
        table.add_row(one.preset.name, one.arm.name, str(one.seed), rough_duration(one.seconds))
    console = open_console(sys.stdout, color)
    with trimmed(console):
        console.print(table)
    whole = rough_duration(sum(one.seconds for one in items))
    say(console, f"{len(items)} runs on one {_TITLES[device]}, {whole} as estimated.")


def _coverage_to_json(one: Coverage) -> dict[str, Any]:
    return {
        "table": one.table.name,
        "paper": one.table.paper,
        "shows": one.table.shows,
        "cells": one.cells,
        "measured": one.measured,
        "measured_on": list(one.measured_on),
        "rows": one.rows,
        "rows_measured": one.rows_measured,
        "missing": one.table.missing,
        "miniature": one.table.miniature,
        "presets": [_preset_to_json(preset) for preset in one.table.presets],
    }


def _preset_to_json(preset: Preset) -> dict[str, Any]:
    costs = {name: preset.cost(name) for name in _DEVICES}
    return {
        "preset": preset.name,
        "paper": preset.paper,
        "shows": preset.shows,
        "dataset": preset.setting.dataset,
        "samples": preset.setting.samples,
        "noise": preset.setting.noise,
        "level": preset.setting.level,
        "seeds": preset.seeds,
        "device": preset.device,
        "seconds_a_seed": {name: {"seconds": round(cost.seconds), "known": cost.known} for name, cost in costs.items()},
        "rows": {name: reading.paper for name, (_, reading) in preset.rows().items()},
        "differs": preset.differs,
    }
