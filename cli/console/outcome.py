"""The outcome of `labelaudit check` on stdout, in files, and in one line for a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labelaudit import shelf
from labelaudit.errors import writing

from .parameters import name_options
from .streams import Color, open_console, say

if TYPE_CHECKING:
    from labelaudit.check import Outcome

    Format = str
else:  # the names of the files, without importing any, so that `--help` costs no NumPy
    Format = Literal[tuple(shelf.list_files([str(Path(shelf.__file__).parent / "check" / "formats")]))]


def format_of(file: Path) -> Format:
    """The format that the ending of ``file`` stands for."""
    from labelaudit.check.formats import ENDINGS
    from labelaudit.outputs import format_by_ending

    return format_by_ending(f"--report {file}", file, ENDINGS)


def choose_format(asked: Format | None, output: Path | None) -> Format:
    """The format ``asked`` for, else the one of the ending of ``output``, else a table."""
    from labelaudit.check.formats import ENDINGS

    return asked or ENDINGS.get("" if output is None else output.suffix.lower(), "table")


def write_outcome(outcome: Outcome, kind: Format, output: Path | None, further: Mapping[Path, Format]) -> None:
    """Write the outcome as ``kind`` to ``output`` or stdout, and to ``further`` files, each in its own format."""
    from labelaudit.check.formats import GATE_FORMATS
    from labelaudit.check.formats.markdown import STEP, step_summary
    from labelaudit.files import write_bytes

    told = GATE_FORMATS[kind](outcome)
    text = (name_options(told) if kind == "table" else told).encode("utf-8")
    others = {file: GATE_FORMATS[other](outcome).encode("utf-8") for file, other in further.items()}
    for file, other in others.items():
        with writing(file):
            write_bytes(other, file)
    with writing(output or "the result"):
        _print(text) if output is None else write_bytes(text, output)
    if kind == "github" and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        with writing(summary), Path(summary).open("a", encoding="utf-8") as page:
            page.write(step_summary(outcome, room=STEP - page.tell()))


def _print(text: bytes) -> None:
    """To stdout; a reader that has seen enough, such as ``head``, does not change the exit code."""
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at the end


def tell_outcome(outcome: Outcome, kind: Format, output: Path | None, written: str, color: Color) -> None:
    """Print on stderr what a person wants to know at once, unless stdout just said it."""
    from labelaudit.check.wording import verdict

    said = "" if kind == "table" else verdict(outcome)
    if output is not None:
        said = f"{verdict(outcome)}; written to {output}"
    say(open_console(sys.stderr, color), *filter(None, (written, said)))
