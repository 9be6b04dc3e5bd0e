"""``labelaudit report``: the audit of a RUN as a page to look at, or as Markdown."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from labelaudit.errors import OptionError, RunError
from labelaudit.machine import available_cores
from labelaudit.text import size

from .console.options import ColorOption, Moved, Quiet, Workers, option
from .console.runs import RUN, find_run
from .console.streams import report_progress

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit
    from labelaudit.images import Images

Format = Literal["html", "markdown"]
"""Every format, named as its file in `labelaudit/reports/`."""
_ENDINGS: Mapping[str, Format] = {".html": "html", ".md": "markdown", ".htm": "html", ".markdown": "markdown"}
"""Ending of a file -> its format; of each the first is written."""


def report(
    run: Annotated[Path | None, RUN] = None,
    output: Annotated[
        Path | None,
        option(
            "-o", "--output", metavar="FILE", help="File to write, - for stdout; default: report.html or .md in RUN."
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        option("--format", help="A page with pictures, or GitHub's Markdown; default: by the ending of FILE."),
    ] = None,
    data: Moved = None,
    most: Annotated[
        int | None, option(min=0, metavar="N", help="Suspects shown, worst first: 5000 on a page, 100 in Markdown.")
    ] = None,
    link: Annotated[bool, option("--link", help="Show the originals, as long as they stay where they are.")] = False,
    workers: Workers = None,
    quiet: Quiet = False,
    color: ColorOption = "auto",
) -> None:
    """Make the report of RUN again: after a review, with more suspects, or as Markdown.

    Example: `labelaudit report RUN -o report.md`

    The page is one file that loads nothing from the network. It counts the verdicts in RUN.
    """
    from labelaudit.audit.originals import open_originals
    from labelaudit.audit.run import REPORT, read
    from labelaudit.outputs import check_outputs, format_by_ending
    from labelaudit.reports import html
    from labelaudit.reports.review_state import read_review_state

    run = find_run(run)
    to_stdout = output is not None and str(output) == "-"
    if output is not None and output.is_dir():
        raise OptionError(f"-o {output} is a folder: name a file in it, such as {output / REPORT}")
    if format_ is None:
        advice = "or say which with --format"
        format_ = "html" if to_stdout or output is None else format_by_ending(f"-o {output}", output, _ENDINGS, advice)
    audit = read(run)
    if output is not None and not to_stdout:
        kept = {f"{file.name} of the RUN": file for file in run.iterdir() if file.suffix not in _ENDINGS}
        check_outputs([("-o", output)], kept, {} if output.suffix in _ENDINGS else {"the RUN": run})
    checked = read_review_state(audit, run)
    with report_progress(quiet=quiet, verbose=False, color=color) as (progress, notice):
        path = output or run / f"report{next(end for end, kind in _ENDINGS.items() if kind == format_)}"
        if format_ != "html":
            written = import_module(f"labelaudit.reports.{format_}")
            text = written.render(audit, checked=checked, most=written.MOST if most is None else most)
            said = ""
        else:
            images, trouble = None, ""
            try:
                images = open_originals(audit, data)
            except RunError as error:
                if data is not None:
                    raise
                trouble = str(error) if audit.source.get("data") else ""
                if trouble and not to_stdout and path.exists() and not html.has_no_pictures(path):
                    raise RunError(f"{error}; {path} is kept as it is: name another file with -o") from None
            page = html.render(
                audit,
                images=images,
                trouble=trouble,
                checked=checked,
                most=html.MOST if most is None else most,
                link=_link(audit, images) if link else None,
                workers=workers or available_cores(),
                progress=progress,
            )
            text = page.text
            said = ", ".join(page.account())
        if to_stdout:
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.buffer.flush()
        else:
            html.place(text, path)
        notice(f"{'stdout' if to_stdout else path}: {size(len(text.encode('utf-8')))}" + (f", {said}" if said else ""))
        if not to_stdout:
            notice(f"Look   {path.resolve().as_uri()}")


def _link(audit: Audit, images: Images | None) -> dict[int, str]:
    """Suspect -> address of its file, where it has one of its own."""
    from labelaudit.images import path_of

    places = {} if images is None else {row: path_of(images, row) for row in audit.suspects.tolist()}
    return {row: Path(place).resolve().as_uri() for row, place in places.items() if place is not None}
