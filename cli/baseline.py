"""``labelaudit baseline``: what a baseline holds, without what is stale, against another, joined with another."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelaudit.text import interval

from .console.options import option
from .console.streams import open_console, say, say_json

if TYPE_CHECKING:
    from labelaudit.check.baseline import Known

baseline = typer.Typer(
    name="baseline",
    no_args_is_help=True,
    help="Look at, prune, compare and merge baselines of `labelaudit check`.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_File = Annotated[Path, typer.Argument(metavar="FILE", help="A baseline.")]
_Format = Annotated[Literal["table", "json"], option("--format", help="table for people, or json for programs.")]


@baseline.command()
def show(file: _File, format: _Format = "table") -> None:
    """Show what FILE knows: counts, noise, settings, and every entry.

    Example: `labelaudit baseline show known.json`
    """
    from labelaudit.check.baseline_file import dumps, read

    known = read(file)
    if format == "json":
        _print(dumps(known).removesuffix("\n"))
        return
    verdicts = Counter(f"verdict {said}" if (said := one.verdict) else "without verdict" for one in known.suspects)
    kinds = Counter(finding.kind for finding in known.findings)
    said = ", ".join(f"{number:,} {kind}" for kind, number in [*sorted(verdicts.items()), *sorted(kinds.items())])
    _print(f"{len(known.suspects):,} suspects and {len(known.findings):,} findings" + (f": {said}" if said else ""))
    _print(
        *(f"wrong labels in {name}: {interval(n.low, n.high)} (90% interval)" for name, n in known.noise.items()),
        *(f"{name}: {said if isinstance(said, str) else json.dumps(said)}" for name, said in known.settings.items()),
        *(_line("", entry) for entry in known.entries),
    )


@baseline.command()
def prune(
    file: _File,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `labelaudit scan` wrote for the data.")],
    dry_run: Annotated[bool, option("--dry-run", "-n", help="Only say what would be removed.")] = False,
) -> None:
    """Remove the entries of FILE that match nothing in RUN any more, verdicts on images that are gone included.

    Example: `labelaudit baseline prune known.json RUN --dry-run`
    """
    from labelaudit.audit import run as runs
    from labelaudit.check import prune_baseline
    from labelaudit.check.baseline_file import read, write

    known = read(file)
    kept, stale = prune_baseline(known, runs.read(run))
    for entry in stale:
        label = f", labelled {entry.given_label}" if entry.given_label else ""
        _print(f"{'would remove' if dry_run else 'removed'}  {entry.path}{label}: {entry.why}")
    if stale and not dry_run:
        write(kept, file)
    _print(f"{len(stale):,} of {len(known):,} entries stale, {len(kept):,} kept")


@baseline.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A baseline.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    format: _Format = "table",
) -> None:
    """Show what NEW knows and OLD does not, and the other way round. Ends with 0 whether or not they differ.

    Example: `labelaudit baseline diff old.json new.json`
    """
    from labelaudit.check.baseline import changed_settings, compare
    from labelaudit.check.baseline_file import read

    one, other = read(old), read(new)
    changes, settings = compare(one, other), changed_settings(one.settings, other.settings)
    if format == "json":
        records = [{"change": kind, **asdict(entry)} for kind, entry in changes]
        say_json({"changes": records, "changed_settings": list(settings)})
        return
    _print(*(_line(kind, entry) for kind, entry in changes), *(f"setting  {line}" for line in settings))
    counts = Counter(kind for kind, _ in changes)
    _print(f"{counts['added']:,} added, {counts['removed']:,} removed, {counts['verdict']:,} with another verdict")


@baseline.command()
def merge(
    one: Annotated[Path, typer.Argument(metavar="ONE", help="A baseline.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Another one; its settings are kept.")],
    output: Annotated[
        Path, option("-o", "--output", metavar="FILE", help="Where the joined one is written; may be ONE.")
    ],
    base: Annotated[
        Path | None, option(metavar="FILE", help="What both came from: what either dropped since stays dropped.")
    ] = None,
) -> None:
    """Write what either of two baselines knows, with the later of two verdicts on one image.

    Example: `labelaudit baseline merge ours.json theirs.json -o known.json`

    As a merge driver of Git: labelaudit baseline merge %A %B --base %O -o %A
    """
    from labelaudit.check.baseline import merge as join
    from labelaudit.check.baseline_file import ConflictError, read, write

    first, second = read(one), read(other)
    ancestor = read(base) if base is not None and not _is_empty(base) else None
    if output.is_file() and not _is_empty(output):
        with suppress(ConflictError):  # that the two sides solve
            read(output)  # which refuses a file that is none: it would be lost
    joined = join(first, second, ancestor)
    write(joined, output)
    _print(f"{output} written: {len(joined):,} entries from {len(first):,} and {len(second):,}")


def _is_empty(file: Path) -> bool:
    """Git brings an empty file where two branches added theirs with nothing before them."""
    return file.is_file() and not file.stat().st_size


def _line(kind: str, entry: Known) -> str:
    from labelaudit.check.baseline import KnownSuspect

    head = f"{kind:<8}  " if kind else ""
    if not isinstance(entry, KnownSuspect):
        return f"{head}{entry.path}: {entry.kind}" + (f" with {entry.partner}" if entry.partner else "")
    found = f"{entry.given_label} -> {entry.suggested_label or '?'}, suspicion {entry.suspicion:.2f}"
    words = [entry.verdict and f"verdict {entry.verdict}", entry.reviewer and f"by {entry.reviewer}", entry.note]
    return f"{head}{entry.path}: {', '.join([found, *filter(None, words)])}"


def _print(*texts: str) -> None:
    say(open_console(sys.stdout, "never"), *(line for text in texts for line in text.split("\n")))
