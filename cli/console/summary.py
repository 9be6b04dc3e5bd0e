"""Prints a finished scan to a terminal or a pipe.

The order is that of a reader's questions: how bad is it, which images, which classes, what else is wrong, what was
chosen, what did it cost, what to do next; with ``-v`` also where the files are. Every name from the data goes through
`printable`. Left out: thumbnails, which are the HTML report's.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from labelaudit.audit.chance import is_estimated, is_measured, name_share, say_chance, tell_chance
from labelaudit.audit.document import Audit, has_images
from labelaudit.audit.groups import list_worst_groups
from labelaudit.audit.run import REPORT
from labelaudit.reports.figures import adds_nothing
from labelaudit.text import count, count_kind, duration, interval, name_some, name_subject, printable, size

from .parameters import learn_run
from .streams import as_typed, brief, make_table, spell_path, trimmed

if TYPE_CHECKING:
    from rich.console import JustifyMethod
    from rich.table import Table

_SUSPECTS, _PAIRS, _FINDINGS = 10, 5, 3
"""Rows shown of each; four times as many with ``-v``."""
_SHORTEST = 0.05
"""Seconds from which a stage is listed."""
_INDENT = 2
"""Columns before what stands under a heading."""


def render(audit: Audit, console: Console, *, verbose: bool = False) -> None:
    """Print ``audit``: without lines wider than the console and without spaces at line ends."""
    with trimmed(console):
        _render(audit, console, verbose=verbose)
    console.file.flush()


def _render(audit: Audit, console: Console, *, verbose: bool) -> None:
    more = 4 if verbose else 1
    if audit.folder is not None:
        learn_run(spell_path(audit.folder))
    _headline(audit, console)
    _suspects(audit, console, _SUSPECTS * more)
    _concentrations(audit, console, _FINDINGS * more)
    _groups(audit, console, _PAIRS * more)
    _pairs(audit, console, _PAIRS * more)
    if verbose:
        _classes(audit, console)
    _findings(audit, console, _FINDINGS * more)
    if audit.notes:
        _section(console, "Notes")
        for note in audit.notes:
            _line(console, "- ", as_typed(note))
    _costs(audit, console, verbose=verbose)
    if verbose:
        _files(audit, console)
    _next_steps(audit, console)


def _headline(audit: Audit, console: Console) -> None:
    decision, n = audit.decision, len(audit.samples)
    (low, high), flagged = decision.noise_interval, len(audit.suspects)
    line = Text()
    kind = "image" if has_images(audit) else "sample"
    line.append(count(n, kind), style="bold").append(f" in {count(len(audit.samples.classes), 'class', 'classes')}: ")
    line.append(count(flagged, "suspect"), style="bold red" if flagged else "bold green")
    if flagged and decision.sure_threshold is not None:
        sure = int(decision.is_sure.sum())
        line.append(f", {'all' if sure == flagged > 1 else f'{sure:,}'} of them sure")
    line.append(". ")
    if not is_estimated(decision):
        line.append("The share of wrong labels cannot be estimated.")
    elif is_measured(decision):
        line.append("About ").append(f"{decision.noise_rate:.1%}", style="bold")
        line.append(f" of all labels are wrong (90% interval {low:.1%} to {high:.1%}).")
    else:
        share = interval(low if flagged else 0.0, high)
        line.append(share[0].upper() + share[1:], style="bold").append(" of all labels are wrong (90% interval).")
    console.print()
    console.print(line)
    if advice := _advise(audit):
        _line(console, "", advice)


def _advise(audit: Audit) -> str:
    """The command that tells where in the list to stop; empty where all suspects are sure, or verdicts have told."""
    doubtful = len(audit.suspects) - int(audit.decision.is_sure.sum())
    run = audit.folder
    if not doubtful or run is None or is_measured(audit.decision):
        return ""
    many = f"{doubtful:,} {'is' if doubtful == 1 else 'are'} doubtful: wrong or hard, which models cannot tell apart"
    return f"{many}. 20 verdicts tell where to stop: labelaudit tune {spell_path(run)}"


def _suspects(audit: Audit, console: Console, top: int) -> None:
    _section(console, "Worst suspects")
    rows = audit.suspects[:top]
    if not len(rows):
        if judged := int(audit.decision.judged.sum()):
            where = audit.files.get("samples.csv")
            ranked = f" {printable(str(where))} ranks all of them, the worst first." if where else ""
            _line(console, "", f"None among {judged:,}: no label looks wrong enough.{ranked}", style="green")
        else:
            _line(console, "", "None: no label could be judged.")
        return
    columns = audit.columns(rows)
    names = ("rank", "path", "given_label", "predicted_label", "reason")
    told = list(zip(rows.tolist(), *(columns[name] for name in names), strict=True))
    whys = ["" if adds_nothing(reason, better) else printable(reason) for *_, better, reason in told]
    headings: list[tuple[str, JustifyMethod]] = [("", "right"), ("image", "left"), ("given", "left")]
    table = make_table(*headings, ("suggested", "left"), ("likely wrong", "left"))
    if any(whys):
        table.add_column("", style="dim")
    stacked = Text()
    for (row, rank, path, given, better, _), why in zip(told, whys, strict=True):
        place, chance = Text(str(rank), style="dim"), say_chance(audit.decision, row)
        was, should = Text(brief(given), style="red"), Text(brief(better), style="green")
        table.add_row(place, Text(printable(path)), was, should, chance, *([why] if any(whys) else []))
        stacked += Text.assemble(place, " ", printable(path), "\n", was, " given, ", should, " suggested, ")
        stacked += Text.assemble(
            tell_chance(audit.decision, row), "\n", Text(why, style="dim"), "\n" if why else "", "\n"
        )
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
        _line(console, "- ", as_typed(one.sentence()))


def _groups(audit: Audit, console: Console, top: int) -> None:
    if not (groups := list_worst_groups(audit, top)):
        return
    _section(console, "Groups most in doubt")
    table = make_table(
        ("group", "left"), ("given", "left"), ("suggested", "left"), ("suspects", "right"), ("of", "right")
    )
    for row in groups:
        table.add_row(
            Text(printable(row["group"])),
            Text(brief(row["given_label"]), style="red"),
            Text(brief(row["predicted_label"]), style="green"),
            f"{row['flagged']:,}",
            f"{row['samples']:,}",
        )
    console.print(_indented(table))


def _pairs(audit: Audit, console: Console, top: int) -> None:
    pairs = audit.confused_pairs(top)
    if not pairs:
        return
    _section(console, "Most confused classes")
    table = make_table(("given", "left"), ("probably", "left"), ("expected", "right"), ("suspects", "right"))
    for pair in pairs:
        table.add_row(
            Text(brief(pair["given_label"]), style="red"),
            Text(brief(pair["true_label"]), style="green"),
            f"{pair['expected']:,.0f}",
            f"{pair['flagged']:,}",
        )
    console.print(_indented(table))


def _classes(audit: Audit, console: Console) -> None:
    _section(console, "Classes")
    share = name_share(audit.decision)
    table = make_table(("class", "left"), ("images", "right"), ("suspects", "right"), (share, "right"))
    for row in audit.class_table():
        noise = "cannot judge" if row["noise_rate"] is None else f"{row['noise_rate']:.1%}"
        table.add_row(Text(brief(row["label"])), f"{row['samples']:,}", f"{row['flagged']:,}", noise)
    console.print(_indented(table))


def _findings(audit: Audit, console: Console, top: int) -> None:
    if not audit.findings:
        return
    _section(console, "Files and rows with a problem")
    by_kind = sorted(audit.findings, key=lambda finding: finding.kind)
    for kind, group in groupby(by_kind, key=lambda finding: finding.kind):
        found = list(group)
        _line(console, "", printable(count_kind(len(found), kind)), style="bold")
        for finding in found[:top]:
            partner = f" and {finding.partner}" if finding.partner and finding.partner not in finding.detail else ""
            _line(console, "  ", f"{printable(name_subject(finding.path) + partner)}: {as_typed(finding.detail)}")
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
    _line(console, "", f"Took {duration(total)} on {printable(audit.device)}, at most {size(peak)} of memory")
    if verbose:
        long = [stage for stage in audit.stages if stage.seconds >= _SHORTEST]
        for stage in long:
            _line(console, f"{printable(stage.name)} ", duration(stage.seconds))
        _line(console, "", ", ".join(printable(f"{name} {version}") for name, version in audit.versions.items()))


def _files(audit: Audit, console: Console) -> None:
    if not audit.files:
        return
    _section(console, "Files")
    folders = groupby(audit.files.values(), key=lambda path: path.parent)
    for folder, paths in folders:
        _line(console, "", f"{printable(str(folder))}/  {name_some([printable(path.name) for path in paths], 99)}")


def _next_steps(audit: Audit, console: Console) -> None:
    """Print the report's address and the command to type next."""
    report, run = audit.files.get(REPORT), audit.folder
    if run is None:
        return
    console.print()
    steps = []
    if report is not None:
        address = report.resolve().as_uri()
        steps.append(("Look", Text(address, style=f"link {address}")))
    if len(audit.suspects) and has_images(audit):
        steps.append(("Judge", Text(f"labelaudit review {spell_path(run)}")))
    elif has_images(audit):
        steps.append(("Check", Text(f"labelaudit review {spell_path(run)} --order sample")))
    for word, step in steps:
        console.print(Text.assemble((f"{word:<7}", "bold"), step), soft_wrap=True)


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _indented(block: Table | Text) -> Padding:
    return Padding(block, (0, 0, 0, _INDENT), expand=False)


def _line(console: Console, lead: str, text: str, style: str = "") -> None:
    """One paragraph under a heading, its further lines below the first one's text."""
    lines = Text(text, style=style).wrap(console, max(1, console.width - _INDENT - len(lead)))
    for number, line in enumerate(lines):
        console.print(_indented(Text(" " * len(lead) if number else lead) + line))
