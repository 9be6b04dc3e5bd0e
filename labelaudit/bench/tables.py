"""Runs as a table for people: mean ± standard deviation over seeds beside the paper's value, and whether orders hold.

The section of a Markdown file between two marks is written anew from the record; the rest of the file stays. Runs whose
preset has changed since stay in the record and leave the table.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelaudit.bench.preset import Preset, Reading
from labelaudit.bench.runs import Run, definition_of
from labelaudit.errors import RunError, writing
from labelaudit.files import read_text, write_text
from labelaudit.text import markdown_table

COLUMNS = ("preset", "row", "paper", "ours", "difference", "seeds", "n", "epochs", "s", "core s", "machine")
_FEWEST = 4  # rows whose order says something
_BUSY = 0.75  # processes per core beside which seconds say little


@dataclass(frozen=True, kw_only=True)
class Row:
    """One reading of one arm over all its seeds."""

    name: str
    """``ARM: READING``."""
    reading: Reading
    runs: tuple[Run, ...]
    """Runs by seed; of equal epochs, samples, device and machine."""
    miniature: bool = False
    """Only orders compare with the paper's."""

    @property
    def values(self) -> dict[int, float]:
        """Seed -> value, where there is one."""
        found = {run.seed: run.values.get(self.reading.name) for run in self.runs}
        return {seed: value for seed, value in found.items() if value is not None}

    @property
    def ours(self) -> str:
        """Mean ± sample standard deviation."""
        values, digits = list(self.values.values()), self.reading.digits
        if not values:
            return "-"
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{statistics.fmean(values):.{digits}f}{spread}"

    @property
    def paper(self) -> str:
        """The paper's number, - if it has none."""
        return "-" if self.reading.paper is None else f"{self.reading.paper:.{self.reading.digits}f}"

    @property
    def difference(self) -> str:
        """Ours minus the paper's, - where only orders compare."""
        values, paper = list(self.values.values()), None if self.miniature else self.reading.paper
        return f"{statistics.fmean(values) - paper:+.{self.reading.digits}f}" if values and paper is not None else "-"

    def cells(self) -> tuple[str, ...]:
        """One for each of `COLUMNS` but the first."""
        first = self.runs[0]
        whole = first.whole
        seconds = statistics.fmean(run.seconds for run in self.runs)
        worked = [run.core_seconds for run in self.runs if run.core_seconds]
        busy = any(run.busy > _BUSY for run in self.runs)
        return (
            self.name,
            self.paper,
            self.ours,
            self.difference,
            str(len(self.runs)),
            f"{first.samples:,}" + ("" if whole else " (slice)"),
            str(first.epochs),
            f"{seconds:.0f}" + (" (busy)" if busy else ""),
            f"{statistics.fmean(worked):.0f}" if worked else "-",
            first.machine,
        )


def rows_of(preset: Preset, runs: Iterable[Run]) -> list[list[Row]]:
    """One group of rows for every slice and machine that the preset of today was run with; the whole one first."""
    groups: dict[tuple[Any, ...], list[Run]] = {}
    now = {(preset.name, arm.name, definition_of(preset, arm)): arm.epochs for arm in preset.arms}
    for run in runs:
        planned = now.get((run.preset, run.arm, run.definition))
        if planned is not None:
            share = (run.samples, run.cut or 0, run.epochs if run.epochs != planned else 0)
            groups.setdefault((bool(share[1] or share[2]), *share, run.data, run.device, run.machine), []).append(run)
    found = []
    for key in sorted(groups):
        group = []
        for name, (arm, reading) in preset.rows().items():
            mine = sorted((run for run in groups[key] if run.arm == arm.name), key=lambda run: run.seed)
            if mine:
                group.append(Row(name=name, reading=reading, runs=tuple(mine), miniature=preset.miniature))
        if group:
            found.append(group)
    return found


def orders_of(preset: Preset, rows: Sequence[Row]) -> list[str]:
    """One sentence for each order that the paper has: whether it holds, by how much, in how many seeds."""
    by_name: Mapping[str, Row] = {row.name: row for row in rows}
    found = []
    for above, below in preset.orders:
        if above not in by_name or below not in by_name:
            continue
        a, b = by_name[above].values, by_name[below].values
        gaps = [a[seed] - b[seed] for seed in sorted({*a} & {*b})]
        if gaps:
            mean = statistics.fmean(gaps)
            holds = sum(gap > 0 for gap in gaps)
            verdict = "holds" if mean > 0 else "does not hold"
            digits = by_name[above].reading.digits
            found.append(f"{above} > {below} {verdict}: {mean:+.{digits}f}, in {holds} of {len(gaps)} seeds")
    return found


def agreement_of(rows: Sequence[Row]) -> str:
    """A sentence on how alike our rows and the paper's are ordered; empty where fewer than four have its numbers."""
    from scipy.stats import rankdata

    numbered = [row for row in rows if row.values and row.reading.paper is not None and row.reading.digits == 1]
    if len(numbered) < _FEWEST:
        return ""
    ours = rankdata([statistics.fmean(row.values.values()) for row in numbered])
    theirs = rankdata([row.reading.paper for row in numbered])
    if min(len({*ours}), len({*theirs})) == 1:
        return ""
    correlation = statistics.correlation(ours.tolist(), theirs.tolist())
    return f"Ranks of {len(numbered)} rows, ours and the paper's, correlate by {correlation:.2f}"


def section(presets: Sequence[Preset], runs: Sequence[Run]) -> str:
    """The Markdown between the marks."""
    rows: list[tuple[str, ...]] = []
    notes = []
    for preset in presets:
        for group in rows_of(preset, runs):
            first = group[0].runs[0]
            rows += [(preset.name, *row.cells()) for row in group]
            slice_ = "" if first.whole else ", the slice"
            held = "".join(f" {line}." for line in (*orders_of(preset, group), agreement_of(group)) if line)
            versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
            wrong = statistics.fmean({run.seed: run.noise for row in group for run in row.runs}.values())
            notes.append(
                f"* **{preset.name}**{slice_} ({preset.paper}). {preset.shows}.{held} "
                f"Noise: {preset.setting.noise}; {wrong:.1%} of the labels are wrong. "
                f"Differs from the paper: {preset.differs}. {first.date}, {versions}."
            )
    about = (
        "Mean ± standard deviation over seeds; accuracies and shares in per cent. Seconds are of one run, *busy* where "
        "other work had the cores too; core seconds are the processor time that the run itself had. A *slice* is "
        "smaller than the preset and compares with nothing."
    )
    return "\n".join([about, "", markdown_table(COLUMNS, rows), "", *notes])


def write_between(path: Path, name: str, text: str, *, title: str) -> None:
    """Put ``text`` between the marks of section ``name`` in a file; where there are none, at its end below ``title``.

    Raises `RunError` where the file cannot be read or written, or has the first mark without the second.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    with writing(path, "choose another file with `output`"):
        old = read_text(path) if path.exists() else "# Measured results\n"
        before, found, rest = old.partition(start)
        if not found:
            before = f"{old.rstrip()}\n\n## {title}\n\n"
        elif end not in rest:
            raise RunError(f"{path} has {start} without {end} after it: add that where the table ends")
        after = rest.partition(end)[2] if found else "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(f"{before}{start}\n{text}\n{end}{after}", path)


def write_section(path: Path, text: str) -> None:
    """Put the table ``text`` into its section of the file, as `write_between` does."""
    write_between(path, "bench", text, title="The papers' tables (`labelaudit bench`)")
