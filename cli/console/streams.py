"""Decides where colour and progress may go, and makes text from data safe to print.

Results go to stdout; progress, forecasts and errors go to stderr. Colour needs a terminal unless it is asked for:
``--color``, then NO_COLOR, then FORCE_COLOR, then TERM=dumb, then whether the stream is a terminal.
"""

from __future__ import annotations

import functools
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import typer

from labelaudit import text
from labelaudit.text import printable

from .parameters import name_options

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

    from labelaudit.types import Progress

Color = Literal["auto", "always", "never"]

_TRAILING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_MOST = 60  # characters of a class name in a table
_PIPE_WIDTH = 120
"""Columns where nothing says how wide the output is."""


def as_typed(line: str) -> str:
    """A line of the library as a person is told it: safe to print, with its parameters as options."""
    return printable(name_options(line))


def say(console: Console, *lines: str, style: str = "") -> None:
    """Print paragraphs of the library, or with names from the data, as `as_typed` makes them."""
    for line in lines:
        console.print(as_typed(line), soft_wrap=True, style=style)


def tell(*lines: str) -> None:
    """Say ``lines`` on stderr, as `as_typed` makes them."""
    for line in lines:
        typer.echo(as_typed(line), err=True)


def brief(name: str) -> str:
    """The name of a class in a table: safe to print, and a long one without its middle, as on the page.

    >>> brief("a" * 40 + "b" * 40).count("…"), len(brief("a" * 300)), brief("cat")
    (1, 59, 'cat')
    """
    half = (_MOST - 1) // 2
    return printable(name if len(name) <= _MOST else f"{name[:half]}…{name[-half:]}")


def say_json(document: Any, default: Callable[[Any], Any] | None = None) -> None:
    """Print a ``document`` for programs, in which no name from the data steers a terminal; ``default`` as in `json`."""
    typer.echo(text.shown_json(json.dumps(document, ensure_ascii=False, indent=2, default=default)))


class _Tolerant(io.FileIO):
    """A standard stream that never stops the work: what cannot be written is gone, and `failed` says why."""

    failed = ""
    """The reason that something somebody wanted to read is lost; a reader that went away wants nothing."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failed = self.failed or error.strerror or str(error)
        return memoryview(data).nbytes


def open_streams() -> Callable[[Any], Any]:
    """Let stdout and stderr survive whatever they lead to; returns what makes the exit code, at the end, of another."""
    opened = {name: _open_tolerant(name) for name in ("stdout", "stderr")}

    def close(code: Any) -> Any:
        for name in opened:
            getattr(sys, name).flush()
        result = opened["stdout"]
        if result is None or not result.failed:
            return code
        sys.stderr.write(f"labelaudit: cannot write the result to stdout ({result.failed})\n")
        sys.stderr.flush()
        return 2

    return close


def _open_tolerant(name: str) -> _Tolerant | None:
    """Put a tolerant stream in the place of ``sys.<name>``; nowhere, where the caller closed it."""
    old = getattr(sys, name)
    if old is None:
        setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  open to the end
        return None
    try:
        raw = _Tolerant(old.fileno(), "wb", closefd=False)
    except io.UnsupportedOperation:  # a stream of Python's own leads nowhere that could fail
        return None
    text = io.TextIOWrapper(
        io.BufferedWriter(raw), old.encoding, old.errors, line_buffering=old.line_buffering or name == "stderr"
    )
    setattr(sys, name, text)
    return raw


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


def make_table(*headings: tuple[str, JustifyMethod]) -> Table:
    """A table without lines; ``headings`` are those of its columns, with the side that a column is flush with."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, justify in headings:
        table.add_column(heading, justify=justify, overflow="fold")
    return table


@contextmanager
def trimmed(console: Console) -> Iterator[None]:
    """Strips the padding of lines printed inside, which rich puts before the codes that reset a colour."""
    with console.capture() as captured:
        yield
    console.file.write(_TRAILING.sub(r"\1", captured.get()))


def spell_path(path: Path) -> str:
    """``path``, which may be an address, as it is typed in a shell."""
    from labelaudit.data.source import address_of, is_address

    return text.spell_path(address_of(path) if is_address(path) else path)


@contextmanager
def report_progress(
    *, quiet: bool, verbose: bool, color: Color, trainings: int = 0
) -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Yield the callbacks that the library reports to while it works: (progress, notice), both on stderr.

    One bar on a terminal; one line per stage elsewhere, and only when ``verbose``; nothing when ``quiet``.
    ``trainings`` is how many methods a scan will train.
    """
    if quiet:
        from labelaudit.types import no_progress

        yield no_progress, lambda _: None
        return
    console = open_console(sys.stderr, color)

    notice = functools.partial(say, console)

    if console.is_terminal and not console.is_dumb_terminal and sys.stderr.isatty():
        from labelaudit.display.bar import draw_bar

        with draw_bar(console, trainings=trainings) as show:
            yield show, notice
        return

    from labelaudit.display.stages import Course

    course, told = Course(trainings), set[str]()

    def name_stage(stage: str, done: int, total: int | None) -> None:
        phrase = course.advance(stage, done, total).phrase
        if verbose and phrase not in told:
            told.add(phrase)
            notice(f"{phrase} …")

    yield name_stage, notice
