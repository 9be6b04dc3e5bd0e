"""Decides where colour and progress may go, and makes text from data safe to print.

Results go to stdout; progress, forecasts and errors go to stderr. Colour needs a terminal unless it is asked for:
``--color``, then NO_COLOR, then FORCE_COLOR, then TERM=dumb, then whether the stream is a terminal.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from labelaudit.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from labelaudit.types import Progress

__all__ = ["Color", "open_console", "printable", "report_progress", "trimmed", "wants_color"]

Color = Literal["auto", "always", "never"]

_TRAILING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_PIPE_WIDTH = 120
"""Columns where nothing says how wide the output is."""


def wants_color(choice: Color, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether ``stream`` gets colour; empty variables count as unset (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return environment.get("TERM") != "dumb" and stream.isatty()


def open_console(stream: TextIO, color: Color) -> Console:
    """A console on ``stream``: with ``never``, or off a terminal, it writes no escape sequence at all."""
    from rich.console import Console

    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")  # an ASCII terminal shows \u2192 and does not fail
    colored = wants_color(color, stream, os.environ)
    columns = os.environ.get("COLUMNS", "")
    return Console(
        file=stream,
        color_system="standard" if colored else None,
        force_terminal=colored or (stream.isatty() and color != "never"),
        force_jupyter=False,
        no_color=not colored,
        width=None if stream.isatty() else int(columns) if columns.isdecimal() and int(columns) else _PIPE_WIDTH,
        emoji=False,
        markup=False,
        highlight=False,
        legacy_windows=False,
    )


@contextmanager
def trimmed(console: Console) -> Iterator[None]:
    """Strips the padding of lines printed inside, which rich puts before the codes that reset a colour."""
    with console.capture() as captured:
        yield
    console.file.write(_TRAILING.sub(r"\1", captured.get()))


@contextmanager
def report_progress(*, quiet: bool, verbose: bool, color: Color) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Yield the callbacks that the library reports to while it works: (progress, notice), both on stderr.

    Bars on a terminal; one line per stage elsewhere, and only when ``verbose``; nothing when ``quiet``.
    """
    if quiet:
        from labelaudit.types import silent

        yield silent, _ignore
        return
    console = open_console(sys.stderr, color)

    def notice(line: str) -> None:
        console.print(printable(line), soft_wrap=True)

    if not console.is_terminal or console.is_dumb_terminal or not sys.stderr.isatty():
        begun: set[str] = set()

        def say(stage: str, done: int, total: int | None) -> None:  # noqa: ARG001  the signature of Progress
            if verbose and stage not in begun:
                begun.add(stage)
                notice(f"{stage} …" if total is None else f"{stage} ({total:,}) …")

        yield say, notice
        return

    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(printable(stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show, notice


def _ignore(line: str) -> None:
    """The notice of a quiet run."""
