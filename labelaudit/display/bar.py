"""One bar for the whole of a long piece of work, in a terminal or a notebook, that is gone when the work is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from labelaudit.display.stages import Course
from labelaudit.text import printable
from labelaudit.types import Progress

if TYPE_CHECKING:
    from rich.console import Console

_SURE = 0.04  # share of the work from which the time that is left is told
_PAUSE = 0.2  # seconds between two pictures of the bar in a notebook
_ROUND = ((90, 5, "s"), (5400, 60, "min"))  # up to so many seconds: told in steps of so many, in this unit


@contextmanager
def draw_bar(console: Console, *, trainings: int = 0) -> Iterator[Progress]:
    """A bar on ``console`` while the block runs; what it yields takes the reports of the library."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    left = TextColumn("{task.fields[left]}", markup=False)
    with Bars(*columns, TimeElapsedColumn(), left, console=console, transient=True) as bars:
        course, began = Course(trainings), time.monotonic()
        task = bars.add_task("Beginning", total=None, left="")

        def show(stage: str, done: int, total: int | None) -> None:
            phrase, share = course.advance(stage, done, total)
            told = "" if share is None else tell_left(time.monotonic() - began, share)
            bars.update(
                task,
                description=printable(phrase),
                completed=share or 0,
                total=None if share is None else 1.0,
                left=told,
            )

        yield show


@contextmanager
def draw_in_notebook(*, trainings: int = 0) -> Iterator[Progress]:
    """The same bar below a notebook's cell, by the kernel's own means: that of rich needs ipywidgets there."""
    from IPython.display import HTML, display

    course, began, drawn = Course(trainings), time.monotonic(), 0.0
    shown = display(HTML("<progress></progress> Beginning"), display_id=True)

    def show(stage: str, done: int, total: int | None) -> None:
        nonlocal drawn
        phrase, share = course.advance(stage, done, total)
        now = time.monotonic()
        if now - drawn >= _PAUSE:
            drawn, value = now, "" if share is None else f" value='{share:.3f}'"
            told = "" if share is None else tell_left(now - began, share)
            shown.update(HTML(f"<progress{value}></progress> {escape(printable(phrase))} {told}"))

    try:
        yield show
    finally:
        shown.update(HTML(""))


def tell_left(seconds: float, share: float) -> str:
    """Forecast the time left in round numbers when ``share`` took ``seconds``; empty as long as that says little.

    >>> tell_left(10, 0.25), tell_left(600, 0.5), tell_left(1, 0.01)
    ('about 30 s left', 'about 10 min left', '')
    """
    if share < _SURE or share >= 1:
        return ""
    left = seconds * (1 - share) / share
    for most, step, unit in _ROUND:
        if left <= most:
            return f"about {max(1, round(left / step)) * (step if unit == 's' else 1)} {unit} left"
    return f"about {left / 3600:.1f} h left"
