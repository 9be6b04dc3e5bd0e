"""``labelaudit score``: the labels of new data, judged by a saved audit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labelaudit.machine import Machine, available_cores
from labelaudit.text import count, interval, says_little

from .console.options import (
    CacheFolder,
    ColorOption,
    DeviceOption,
    Moved,
    NoCache,
    QuietButResult,
    Workers,
    choose_cache,
    option,
)
from .console.reading import UNSAID, takes_source
from .console.streams import Color, open_console, report_progress, say, tell

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit

Format = Literal["csv", "json"]
_ENDINGS: Mapping[str, Format] = {".csv": "csv", ".json": "json"}
_FINDINGS = 20
"""Findings shown on stderr."""


@takes_source
def score(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `labelaudit scan` wrote.")],
    new_data: Annotated[
        Path | None,
        typer.Argument(
            metavar="NEW_DATA", help="The new images and labels: a folder, table, archive or address, as for scan."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("-o", "--output", metavar="FILE|DIR", help="A .csv or .json file, or a folder for the whole result."),
    ] = None,
    format: Annotated[Format | None, option(help="Output format; default: by the ending of FILE, else csv.")] = None,
    how: Mapping[str, Any] = UNSAID,
    features: Annotated[
        Path | None, option(metavar="X.npy", help="Features of the new data, where the scan had --features.")
    ] = None,
    data: Moved = None,
    device: DeviceOption = "auto",
    workers: Workers = None,
    cache: CacheFolder = None,
    no_cache: NoCache = False,
    quiet: QuietButResult = False,
    verbose: Annotated[bool, option("-v", "--verbose", help="Show every stage and finding.")] = False,
    color: ColorOption = "auto",
) -> None:
    """Judge the labels of NEW_DATA by the audit in RUN, without training anything.

    Example: `labelaudit score RUN ./incoming -o suspects.csv`

    The suspects go to stdout or FILE, with the columns of suspects.csv; a summary goes to stderr.

    Classes that the audit does not know, and images that it knows under another label, are named there and in the JSON.
    """
    from labelaudit.audit import csv, json
    from labelaudit.audit.run import check_file
    from labelaudit.data.source import Source
    from labelaudit.errors import DataError, writing
    from labelaudit.files import write_bytes
    from labelaudit.outputs import format_by_ending
    from labelaudit.scoring.score import score as judge_labels

    if new_data is None and how["labels"] is None:
        raise DataError("nothing to score: name a folder or table after RUN, such as `labelaudit score RUN ./incoming`")
    kind, to_file = format, output is not None and format is not None
    ending = "" if output is None else output.suffix.lower()
    if output is not None and kind is None and ending and (ending in _ENDINGS or not output.is_dir()):
        advice = "or say which with --format, or name a folder without an ending for the whole result"
        kind, to_file = format_by_ending(f"-o {output}", output, _ENDINGS, advice), True
    if output is not None and to_file:
        check_file("-o", output, run, new_data)
    with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):
        where = choose_cache(cache, use=not no_cache, notice=notice)
        audit = judge_labels(
            run,
            Source(data=new_data, **how),
            Machine(device=device, workers=workers or available_cores(), cache=where, progress=progress),
            features=features,
            originals=data,
            output=None if to_file else output,
        )
    text = (json if kind == "json" else csv).render_suspects(audit).encode("utf-8", "backslashreplace")
    if output is None:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    elif to_file:
        with writing(output, "choose another file with -o"):
            write_bytes(text, output)
    if not quiet:
        _summarize(audit, color, None if verbose else _FINDINGS)
        if to_file:
            tell(f"Written to {output}")
    if not audit.decision.judged.any():
        raise DataError(f"no new label could be judged: '{run}' knows none of their classes well enough")


def _summarize(audit: Audit, color: Color, top: int | None) -> None:
    """Print on stderr what a person wants to know at once."""
    console = open_console(sys.stderr, color)
    decision, flagged = audit.decision, len(audit.suspects)
    low, high = decision.noise_interval
    line = f"{count(len(audit.samples), 'new label')}: {count(flagged, 'suspect')}"
    if decision.judged.any():
        few = "too few to tell how many are wrong"
        line += "; " + (few if says_little(low, high) else f"{interval(low, high)} of all are wrong (90% interval)")
    unjudged = int((~decision.judged).sum())
    if unjudged:
        line += f"; {unjudged:,} not judged, of classes with too few audited images or with nothing to see"
    shown = audit.findings[:top]
    say(console, line, *audit.notes, *(f"{finding.path}: {finding.detail}" for finding in shown))
    if len(audit.findings) > len(shown):
        say(console, f"and {len(audit.findings) - len(shown):,} more findings; --format json lists all")
    if audit.folder:
        say(console, f"Written to {audit.folder}")
