"""``labelaudit bench``: the papers' tables and effects, run here, beside the papers' values."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import OptionError
from labelaudit.text import count, rough_duration

from .console.coverage import show_coverage, show_plan
from .console.options import ColorOption, DeviceOption, QuietButResult, option, parse_share
from .console.streams import Color, make_table, open_console, report_progress, say, say_json, trimmed

if TYPE_CHECKING:
    from rich.console import Console

    from labelaudit.bench import Preset, Run
    from labelaudit.bench.tables import Row


_of_cells = partial(option, panel="Which cells")
_WAVES = "waves"


def bench(
    preset: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A table, or one preset of it; see --list.")
    ] = None,
    list_them: Annotated[
        bool, option("--list", help="List all tables, or NAME's: what covers what, what was measured.")
    ] = False,
    plan: Annotated[
        bool, option("--plan", help="Run what fits in --budget, cheapest first, of NAME or all; with --list, say it.")
    ] = False,
    budget: Annotated[str, option(metavar="TIME", help="For --plan, such as 8m, 2h or 90s.")] = "8m",
    data: Annotated[
        Path | None,
        option(
            metavar="DATA",
            help="MNIST, CIFAR-10 or CIFAR-100 as you have it: Parquet files or folders with a train and a test split.",
        ),
    ] = None,
    output: Annotated[
        Path, option("-o", "--output", metavar="FILE", help="Markdown file whose bench section is written anew.")
    ] = Path("benchmarks/PAPERS.md"),
    arms: Annotated[
        list[str] | None, _of_cells("--arm", metavar="ARM", help="Only this row, such as CE; repeatable.")
    ] = None,
    noise: Annotated[
        list[float] | None, _of_cells(metavar="40%", parser=parse_share, help="Only this noise level; repeatable.")
    ] = None,
    n: Annotated[
        list[int] | None, _of_cells(metavar="N", help="Only the presets of so many training samples; repeatable.")
    ] = None,
    seeds: Annotated[
        int | None, option(min=1, max=100, metavar="N", help="Number of seeds; default: that of the preset.")
    ] = None,
    epochs: Annotated[
        int | None,
        option(min=1, metavar="N", help="Epochs of every run, for trying out: the table marks such a slice."),
    ] = None,
    samples: Annotated[
        int | None, option(min=100, metavar="N", help="Images of each part at most, for trying out: a slice as well.")
    ] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, option("--json", help="With --list or a finished run: JSON for programs.")] = False,
    quiet: QuietButResult = False,
    color: ColorOption = "auto",
) -> None:
    """Reproduce a table or a figure of one of the five papers: their values beside ours.

    Example: `labelaudit bench digits`, which needs no data; `labelaudit bench --list` shows all tables

    Nothing is downloaded: --data says where MNIST or CIFAR-10 are. digits, and waves (which frequencies are learned),
    need no data.

    Runs are kept in results/bench.jsonl beside FILE as they finish, and never made twice: after Ctrl-C, or with more
    --seeds, only what is missing is run, and a run that was cut off goes on where it was.
    """
    from labelaudit.bench import coverage, narrow, run_preset
    from labelaudit.bench.presets import get_preset, get_presets, get_tables, list_presets, list_tables
    from labelaudit.bench.runs import read
    from labelaudit.bench.tables import rows_of, section, write_section
    from labelaudit.machine import find_device
    from labelaudit.scanning.plan import parse_budget

    if output.is_dir():
        raise OptionError(f"'{output}' (-o) is a folder: name the Markdown file that is to hold the table")
    runs = output.parent / "results" / "bench.jsonl"
    if preset == _WAVES and not (list_them or plan):
        unused = {"--arm": arms, "--noise": noise, "--n": n, "--samples": samples, "--data": data}
        _run_waves(output.parent, seeds or 3, epochs, unused, as_json=as_json, quiet=quiet, color=color)
        return
    if list_them and not plan:
        covered = coverage.cover(list_tables() if preset is None else get_tables(preset), read(runs))
        show_coverage(covered, as_json=as_json, color=color)
        return
    if preset is None and not plan:
        raise OptionError("name a table or a preset, such as digits; all of them: labelaudit bench --list")
    there = list_presets() if preset is None else get_presets(preset)
    chosen = narrow(there, arms=arms or (), noise=noise or (), n=n or ())
    where = "cuda" if list_them and device == "cuda" else find_device(device)  # a plan can be made elsewhere
    items = coverage.plan(chosen, read(runs), budget=parse_budget(budget), device=where, seeds=seeds) if plan else ()
    jobs: list[tuple[Preset, Sequence[int] | None]] = (
        [(replace(item.preset, arms=(item.arm,)), [item.seed]) for item in items]
        if plan
        else [(one, None if seeds is None else range(seeds)) for one in chosen]
    )
    if plan and not items:
        raise OptionError(f"nothing that is not measured yet fits in {budget} on {where}: give a larger --budget")
    if list_them:
        show_plan(items, where, as_json=as_json, color=color)
        return
    found: list[Run] = []
    with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):

        def tell(run: Run, known: bool) -> None:
            found.append(run)
            if not known:
                write_section(output, section(list_presets(), read(runs)))
            values = ", ".join(f"{name} {_number(value)}" for name, value in run.values.items())
            took = "known" if known else rough_duration(run.seconds)
            notice(f"{run.preset}, {run.arm}, seed {run.seed}: {values} ({took})")

        for one, numbers in jobs:
            run_preset(
                one,
                data=data,
                runs=runs,
                seeds=numbers,
                epochs=epochs,
                samples=samples,
                device=where,
                progress=progress,
                told=tell,
            )
    write_section(output, section(list_presets(), read(runs)))
    ran = {one.name: get_preset(one.name) for one, _ in jobs}
    figures = [name for one in ran.values() for name in _draw(one, read(runs), output.parent / "figures")]
    groups = [(one, group) for one in ran.values() for group in rows_of(one, found)]
    if as_json:
        say_json([_row_to_json(one, row) for one, group in groups for row in group])
        return
    console = open_console(sys.stdout, color)
    _show(console, groups)
    if not quiet:
        if figures:
            say(console, f"Figures in {output.parent / 'figures'}: {', '.join(figures)}.")
        say(console, f"Written to {output}; runs kept in {runs}.")


def _show(console: Console, groups: Sequence[tuple[Preset, list[Row]]]) -> None:
    """Tables, whether their rows are in the paper's order, and where their set-up is not the paper's."""
    from labelaudit.bench.tables import agreement_of, orders_of

    for one, group in groups:
        with trimmed(console):
            console.print(_table(one, group))
        if group[0].runs[0].whole:
            say(console, *filter(None, (*orders_of(one, group), agreement_of(group))))
    differing = dict.fromkeys(one.differs for one, _ in groups if one.differs)
    say(console, *(f"Differs from the paper: {differs}." for differs in differing))


def _run_waves(
    place: Path,
    seeds: int,
    steps: int | None,
    unused: Mapping[str, object],
    *,
    as_json: bool,
    quiet: bool,
    color: Color,
) -> None:
    """Fit waves under every regulariser, show what was learned, and write ``waves.json`` and the figures.

    Raises `OptionError` where one of the ``unused`` options is given, by its name.
    """
    from labelaudit.bench import waves
    from labelaudit.files import write_text
    from labelaudit.machine import list_versions

    if given := [name for name, value in unused.items() if value]:
        raise OptionError(f"{_WAVES} takes no {given[0]}: it fits all its arms, to data of its own")
    steps = steps or waves.STEPS
    with report_progress(quiet=quiet, verbose=True, color=color) as (_, notice):
        found = waves.run(
            seeds=range(seeds),
            steps=steps,
            told=lambda one: notice(f"waves, {one.arm}, noise {one.noise:g}, seed {one.seed}: error {one.error:.3f}"),
        )
    rows = waves.summarize(found)
    kept = {"steps": steps, "versions": list_versions(), "rows": rows, "fits": [asdict(one) for one in found]}
    for folder in ("results", "figures"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    write_text(json.dumps(kept, indent=1) + "\n", place / "results" / "waves.json")
    for name, drawing in waves.draw(found).items():
        write_text(drawing, place / "figures" / name)
    if as_json:
        say_json(rows)
        return
    heads = ("noise on the targets", "learned of the target", "beyond the target", "error")
    table = make_table(("arm", "left"), *((name, "right") for name in heads))
    table.title, table.title_justify = f"{count(seeds, 'seed')}, {steps:,} steps", "left"
    for row in rows:
        table.add_row(row["arm"], f"{row['noise']:g}", *(f"{row[name]:.3f}" for name in ("within", "beyond", "error")))
    console = open_console(sys.stdout, color)
    with trimmed(console):
        console.print(table)
    if not quiet:
        say(console, f"Written to {place}: results/waves.json, figures/waves-….svg.")


def _draw(preset: Preset, runs: Sequence[Run], folder: Path) -> list[str]:
    """Write the figures of ``preset``, where its arms have any, and name their files."""
    from labelaudit.bench.figures import draw_fano, draw_series
    from labelaudit.files import write_text

    drawn = draw_series(preset, runs)
    if preset.paper.startswith("LIMIT") and preset.setting.level:
        drawn["limit-fano.svg"] = draw_fano()
    if drawn:
        folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawn.items():
        write_text(drawing, folder / name)
    return list(drawn)


def _table(preset: Preset, rows: list[Row]) -> Any:
    first = rows[0].runs[0]
    seeds = count(len(rows[0].runs), "seed")
    title = f"{preset.name} ({preset.paper}): {first.samples:,} samples, {seeds}, {first.machine}"
    title += "" if first.whole else "\nA slice: it compares with nothing."
    heads = ("paper", "ours", "difference", "epochs", "s", "core s")
    table = make_table(("row", "left"), *((name, "right") for name in heads))
    table.title, table.title_justify = title, "left"
    for row in rows:
        name, paper, ours, difference, _, _, epochs, seconds, core_seconds, _ = row.cells()
        table.add_row(name, paper, ours, difference, epochs, seconds, core_seconds)
    return table


def _row_to_json(preset: Preset, row: Row) -> dict[str, Any]:
    return {
        "preset": preset.name,
        "row": row.name,
        "paper": row.reading.paper,
        "values": row.values,
        "slice": not row.runs[0].whole,
        "epochs": row.runs[0].epochs,
        "samples": row.runs[0].samples,
        "seconds": [run.seconds for run in row.runs],
        "core_seconds": [run.core_seconds for run in row.runs],
        "machine": row.runs[0].machine,
        "versions": dict(row.runs[0].versions),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
