"""`labelaudit.scan`, as a person calls it: with a bar in a terminal or a notebook, and an audit that shows itself.

The work is `labelaudit.scanning.scan`; programs that want no bar, or one of their own, say so by ``progress``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from labelaudit.arguments import listed
from labelaudit.display.audit import Audit, at_home
from labelaudit.display.bar import draw_bar, draw_in_notebook
from labelaudit.scanning import scan as scanning
from labelaudit.types import Progress, no_progress


@wraps(scanning.scan)
def scan(*sources: Any, progress: Progress | bool | None = None, **options: Any) -> Audit:
    """See `labelaudit.scanning.scan`; ``progress``: None for a bar where somebody looks, False for none. Paths may
    begin with ``~``."""
    sources, options = tuple(map(at_home, sources)), {name: at_home(value) for name, value in options.items()}
    methods = options.get("methods")
    trainings = 4 if methods is None else len({*listed(methods), "ce"})
    with _choose(progress, trainings) as told:
        return Audit.of(scanning.scan(*sources, progress=told, **options))


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
