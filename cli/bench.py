"""``labelaudit bench``: the papers' tables and effects, run here, beside the papers' values."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labelaudit.errors import OptionError

from .console.streams import Color, open_console, printable, report_progress, trimmed

if TYPE_CHECKING:
    from labelaudit.bench import Preset, Run
    from labelaudit.bench.tables import Row


def bench(
    preset: Annotated[str | None, typer.Argument(metavar="[PRESET]", help="What to reproduce; see --list.")] = None,
    list_them: Annotated[
        bool, typer.Option("--list", metavar="", help="List all presets: paper, effect, expected time per device.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="MNIST or CIFAR-10 as you have it: Parquet files or folders, with a train and a test split.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Markdown file whose bench section is written anew.")
    ] = Path("benchmarks/RESULTS.md"),
    seeds: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="How many; the preset's own number unless said.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of every run: a slice, marked as one in the table.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=100, metavar="N", help="Of training, validation and test, at most: a slice as well."),
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to train.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="With --list or a finished run: JSON for programs.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", metavar="", help="Print the table and errors only.")] = False,
    color: Annotated[
        Color, typer.Option(envvar="LABELAUDIT_COLOR", show_envvar=False, help="Colour in the output.")
    ] = "auto",
) -> None:
    """Reproduce a table or an effect of one of the five papers: their value beside ours.

    Nothing is downloaded: --data says where MNIST or CIFAR-10 are. Preset digits needs no data.

    Runs are kept in results/bench.jsonl beside FILE as they finish, and never made twice: after Ctrl-C, or with more
    --seeds, only what is missing is run.
    """
    from labelaudit.bench import run_preset
    from labelaudit.bench.presets import get_preset, list_presets
    from labelaudit.bench.runs import read
    from labelaudit.bench.tables import orders_of, rows_of, section, write_section
    from labelaudit.machine import find_device

    if list_them:
        _list(list_presets(), as_json=as_json, color=color)
        return
    if preset is None:
        raise OptionError("name a preset, such as digits; all of them: labelaudit bench --list")
    chosen = get_preset(preset)
    if output.is_dir():
        raise OptionError(f"'{output}' (-o) is a folder: name the Markdown file that is to hold the table")
    runs = output.parent / "results" / "bench.jsonl"
    found: list[Run] = []
    with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):

        def tell(run: Run, known: bool) -> None:
            found.append(run)
            if not known:
                write_section(output, section(list_presets(), read(runs)))
            values = ", ".join(f"{name} {_number(value)}" for name, value in run.values.items())
            notice(f"{run.arm}, seed {run.seed}: {values} ({'known' if known else _time(run.seconds)})")

        run_preset(
            chosen,
            data=data,
            runs=runs,
            seeds=None if seeds is None else range(seeds),
            epochs=epochs,
            samples=samples,
            device=find_device(device),
            progress=progress,
            told=tell,
        )
    groups = rows_of(chosen, found)
    write_section(output, section(list_presets(), read(runs)))
    if as_json:
        rows = [_row_to_json(chosen, row) for group in groups for row in group]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    console = open_console(sys.stdout, color)
    for group in groups:
        with trimmed(console):
            console.print(_table(chosen, group))
        for line in orders_of(chosen, group):
            console.print(printable(line), soft_wrap=True)
    if chosen.differs:
        console.print(f"Differs from the paper: {chosen.differs}.", soft_wrap=True)
    if not quiet:
        console.print(f"Written to {printable(str(output))}; runs kept in {printable(str(runs))}.", soft_wrap=True)


def _table(preset: Preset, rows: list[Row]) -> Any:
    from rich.table import Table

    first = rows[0].runs[0]
    seeds = f"{len(rows[0].runs)} seed{'s' if len(rows[0].runs) > 1 else ''}"
    title = f"{preset.name} ({preset.paper}): {first.samples:,} samples, {seeds}, {first.machine}"
    title += "" if first.whole else "\nA slice: it compares with nothing."
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("row")
    for name in ("paper", "ours", "difference", "epochs", "s", "core s"):
        table.add_column(name, justify="right")
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


def _list(presets: tuple[Preset, ...], *, as_json: bool, color: Color) -> None:
    from rich.table import Table

    if as_json:
        typer.echo(json.dumps([_preset_to_json(preset) for preset in presets], ensure_ascii=False, indent=2))
        return
    console = open_console(sys.stdout, color)
    table = Table(box=None, pad_edge=False)
    for name in ("preset", "paper", "data", "a seed takes", "what it shows"):
        table.add_column(name, overflow="fold", no_wrap=name == "preset")
    for preset in presets:
        times = "; ".join(
            f"{'GPU' if device == 'cuda' else 'CPU'} {_time(cost.seconds)} ({cost.known})"
            for device, cost in sorted(preset.costs.items())
        )
        table.add_row(preset.name, preset.paper, preset.setting.dataset, times, preset.shows)
    with trimmed(console):
        console.print(table)


def _preset_to_json(preset: Preset) -> dict[str, Any]:
    return {
        "preset": preset.name,
        "paper": preset.paper,
        "shows": preset.shows,
        "dataset": preset.setting.dataset,
        "samples": preset.setting.samples,
        "noise": preset.setting.noise,
        "seeds": preset.seeds,
        "device": preset.device,
        "seconds_a_seed": {name: {"seconds": cost.seconds, "known": cost.known} for name, cost in preset.costs.items()},
        "rows": {name: reading.paper for name, (_, reading) in preset.rows().items()},
        "differs": preset.differs,
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
