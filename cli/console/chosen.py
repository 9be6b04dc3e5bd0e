"""The files that `labelaudit check` is asked about: a list from a file or stdin, or what Git says has changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labelaudit.errors import OptionError, RunError

_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that Git sets for its hooks, relative to another folder than ours."""


def read_listed(source: Path) -> list[Path]:
    """The files that ``source`` (``-``: stdin) lists."""
    from labelaudit.check.changed import parse_list

    if str(source) == "-" and sys.stdin is None:
        raise OptionError("--files -: stdin is closed, so no list of files came")
    try:
        return parse_list(sys.stdin.buffer.read() if str(source) == "-" else _read(source))
    except OSError as error:
        raise RunError(f"cannot read the list of files {source} ({error.strerror}): name another") from None


def _read(source: Path) -> bytes:
    """A file, or what a shell's ``<(command)`` says; a named pipe, which may wait for ever, is refused."""
    from labelaudit.files import read_regular

    return source.read_bytes() if str(source).startswith(("/dev/fd/", "/dev/stdin", "/proc/")) else read_regular(source)


def leave_hook() -> None:
    """Forget what the Git that runs us as its hook says of its own repository: Git is asked about others too."""
    for name in _OF_HOOKS:
        os.environ.pop(name, None)
