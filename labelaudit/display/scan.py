"""`labelaudit.scan` and `labelaudit.score`, as a person calls them: with a bar in a terminal or a notebook, and an
audit that shows itself.

The work is that of `labelaudit.scanning.scan` and `labelaudit.scoring.score`; programs that want no bar, or one of
their own, say so by ``progress``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, cast

from labelaudit.arguments import listed
from labelaudit.audit import document
from labelaudit.display.audit import Audit, at_home
from labelaudit.display.bar import draw_bar, draw_in_notebook
from labelaudit.machine import Machine
from labelaudit.scanning import scan as scanning
from labelaudit.scoring import score as scoring
from labelaudit.types import Progress, no_progress

_Arguments = ParamSpec("_Arguments")


def _as(work: Callable[_Arguments, document.Audit]) -> Callable[[Callable[..., Audit]], Callable[_Arguments, Audit]]:
    """Give a function the arguments of ``work``, for readers as for type checkers."""

    def give(shown: Callable[..., Audit]) -> Callable[_Arguments, Audit]:
        return cast("Callable[_Arguments, Audit]", wraps(work)(shown))

    return give


@_as(scanning.scan)
def scan(*sources: Any, progress: Progress | bool | None = None, **options: Any) -> Audit:
    """See `labelaudit.scanning.scan`; ``progress``: None for a bar where somebody looks, False for none. Paths may
    begin with ``~``."""
    sources, options = tuple(map(at_home, sources)), {name: at_home(value) for name, value in options.items()}
    methods = options.get("methods")
    trainings = 4 if methods is None else len({*listed(methods), "ce"})
    with _choose(progress, trainings) as told:
        return Audit.of(scanning.scan(*sources, progress=told, **options))


@_as(scoring.score)
def score(run: Any, source: Any, machine: Machine | None = None, **options: Any) -> Audit:
    """See `labelaudit.scoring.score`; a bar shows where somebody looks and no ``machine`` is given."""
    options = {name: at_home(value) for name, value in options.items()}
    with _choose(None if machine is None else machine.progress, 0) as told:
        where = Machine(progress=told) if machine is None else machine
        return Audit.of(scoring.score(at_home(run), at_home(source), where, **options))


@contextmanager
def _choose(progress: Progress | bool | None, trainings: int) -> Iterator[Progress]:
    """Choose who hears of the progress: the caller, nobody, or a bar."""
    if callable(progress):
        yield progress
    elif progress is False or (progress is None and not _is_watched()):
        yield no_progress
    elif _in_notebook():
        with draw_in_notebook(trainings=trainings) as bar:
            yield bar
    else:
        from rich.console import Console

        with draw_bar(Console(stderr=True), trainings=trainings) as bar:
            yield bar


def _is_watched() -> bool:
    return _in_notebook() or bool(getattr(sys.stderr, "isatty", lambda: False)())


def _in_notebook() -> bool:
    """Whether the caller is a Jupyter kernel."""
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()
    return running is not None and type(running).__name__ == "ZMQInteractiveShell"
