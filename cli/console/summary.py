"""Prints a finished scan to a terminal or a pipe.

The order is that of a reader's questions: how bad is it, which images, which classes, what else is wrong, what was
chosen, what did it cost, where are the files. Every name from the data goes through `printable`. Left out: thumbnails,
which are the HTML report's.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labelaudit.audit.document import Audit, has_images
from labelaudit.text import count, duration, name_some

from .streams import printable, trimmed

if TYPE_CHECKING:
    from rich.console import JustifyMethod

_SUSPECTS, _PAIRS, _FINDINGS = 10, 5, 3
"""Rows shown of each; four times as many with ``-v``."""
_INDENT = 2
"""Columns before what stands under a heading."""


def render(audit: Audit, console: Console, *, verbose: bool = False) -> None:
    """Print ``audit``: without lines wider than the console and without spaces at line ends."""
    with trimmed(console):
        _render(audit, console, verbose=verbose)
    console.file.flush()


def _render(audit: Audit, console: Console, *, verbose: bool) -> None:
    more = 4 if verbose else 1
    _headline(audit, console)
    _suspects(audit, console, _SUSPECTS * more)
    _concentrations(audit, console, _FINDINGS * more)
    _pairs(audit, console, _PAIRS * more)
    if verbose:
        _classes(audit, console)
    _findings(audit, console, _FINDINGS * more)
    if audit.notes:
        _section(console, "Notes")
        for note in audit.notes:
            _line(console, "- ", printable(note))
    _costs(audit, console, verbose=verbose)
    _files(audit, console)


def _headline(audit: Audit, console: Console) -> None:
    decision, n = audit.decision, len(audit.samples)
    low, high = decision.noise_interval
    flagged = len(audit.suspects)
    line = Text()
    kind = "image" if has_images(audit) else "sample"
    line.append(count(n, kind), style="bold").append(f" in {count(len(audit.samples.classes), 'class', 'classes')}: ")
    line.append(count(flagged, "suspect"), style="bold red" if flagged else "bold green")
    line.append(f" ({flagged / max(n, 1):.1%}), ")
    if math.isfinite(decision.noise_rate):
        line.append("about ").append(f"{decision.noise_rate:.1%}", style="bold")
        line.append(f" of the labels wrong (90% interval {low:.1%} to {high:.1%})")
    else:
        line.append("the share of wrong labels cannot be estimated")
    console.print()
    console.print(line)
    unjudged = [row for row in audit.class_table() if row["samples"] and not row["judged"]]
    if unjudged:
        names = name_some([printable(row["label"]) for row in unjudged])
        _line(console, "", f"Cannot judge {count(len(unjudged), 'class', 'classes')} with too few images: {names}")


def _suspects(audit: Audit, console: Console, top: int) -> None:
    _section(console, "Worst suspects")
    rows = audit.suspects[:top]
    if not len(rows):
        _line(console, "", f"None among {len(audit.samples):,}.")
        return
    columns = audit.columns(rows)
    names = ("rank", "path", "given_label", "predicted_label", "predicted_prob", "label_score", "reason")
    table = _table(("", "right"), ("image", "left"), ("given", "left"), ("suggested", "left"), ("score", "right"))
    table.add_column("reason")
    stacked = Text()
    for rank, path, given, better, chance, score, reason in zip(*(columns[name] for name in names), strict=True):
        place, why = Text(str(rank), style="dim"), Text(printable(reason), style="dim")
        was = Text(printable(given), style="red")
        should = Text(printable(better), style="green").append(f" {chance:.0%}", style="dim")
        table.add_row(place, Text(printable(path)), was, should, f"{score:.3f}", why)
        stacked += Text.assemble(place, " ", printable(path), "\n", was, " given, ", should, f", score {score:.3f}\n")
        stacked += Text.assemble(why, "\n" if reason else "", "\n")
    stacked.rstrip()
    fits = console.measure(table).maximum + _INDENT <= console.width
    console.print(_indented(table if fits else stacked))
    if len(audit.suspects) > len(rows):
        where = audit.files.get("suspects.csv")
        rest = f"and {len(audit.suspects) - len(rows):,} more" + (f" in {printable(str(where))}" if where else "")
        _line(console, "", rest, style="dim")


def _concentrations(audit: Audit, console: Console, top: int) -> None:
    if not audit.concentrations:
        return
    _section(console, "Where the suspects lie")
    for one in audit.concentrations[:top]:
        _line(console, "- ", printable(one.sentence()))


def _pairs(audit: Audit, console: Console, top: int) -> None:
    pairs = audit.confused_pairs(top)
    if not pairs:
        return
    _section(console, "Most confused classes")
    table = _table(("given", "left"), ("in truth", "left"), ("expected", "right"), ("flagged", "right"))
    for pair in pairs:
        table.add_row(
            Text(printable(pair["given_label"]), style="red"),
            Text(printable(pair["true_label"]), style="green"),
            f"{pair['expected']:,.0f}",
            f"{pair['flagged']:,}",
        )
    console.print(_indented(table))


def _classes(audit: Audit, console: Console) -> None:
    _section(console, "Classes")
    table = _table(("class", "left"), ("images", "right"), ("flagged", "right"), ("noise", "right"))
    for row in audit.class_table():
        noise = "cannot judge" if row["noise_rate"] is None else f"{row['noise_rate']:.1%}"
        table.add_row(Text(printable(row["label"])), f"{row['samples']:,}", f"{row['flagged']:,}", noise)
    console.print(_indented(table))


def _findings(audit: Audit, console: Console, top: int) -> None:
    if not audit.findings:
        return
    _section(console, "Files and rows with a problem")
    by_kind = sorted(audit.findings, key=lambda finding: finding.kind)
    for kind, group in groupby(by_kind, key=lambda finding: finding.kind):
        found = list(group)
        _line(console, "", f"{len(found):,} {printable(kind).replace('_', ' ')}", style="bold")
        for finding in found[:top]:
            partner = f" and {finding.partner}" if finding.partner and finding.partner not in finding.detail else ""
            _line(console, "  ", printable(f"{finding.path}{partner}: {finding.detail}"))
        if len(found) > top:
            where = audit.files.get("summary.json")
            place = f", all in {printable(str(where))}" if where else ""
            _line(console, "  ", f"and {len(found) - top:,} more{place}", style="dim")


def _costs(audit: Audit, console: Console, *, verbose: bool) -> None:
    if not audit.stages:
        return
    _section(console, "Time")
    total = sum(stage.seconds for stage in audit.stages)
    peak = max(stage.peak_bytes for stage in audit.stages)
    parts = ", ".join(f"{printable(stage.name)} {duration(stage.seconds)}" for stage in audit.stages)
    _line(console, "", f"{duration(total)} on {printable(audit.device)}, peak memory {peak / 2**20:,.0f} MiB: {parts}")
    if verbose:
        _line(console, "", ", ".join(printable(f"{name} {version}") for name, version in audit.versions.items()))


def _files(audit: Audit, console: Console) -> None:
    if not audit.files:
        return
    _section(console, "Files")
    folders = groupby(audit.files.values(), key=lambda path: path.parent)
    for folder, paths in folders:
        _line(console, "", f"{printable(str(folder))}/  {name_some([printable(path.name) for path in paths], 99)}")


def _table(*headings: tuple[str, JustifyMethod]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, justify in headings:
        table.add_column(heading, justify=justify, overflow="fold")
    return table


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _indented(block: Table | Text) -> Padding:
    return Padding(block, (0, 0, 0, _INDENT), expand=False)


def _line(console: Console, lead: str, text: str, style: str = "") -> None:
    """One paragraph under a heading."""
    console.print(_indented(Text(lead + text, style=style)))
