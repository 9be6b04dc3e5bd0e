"""Where a command writes: nothing that it reads, and no file twice. Asked before the long work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from labelaudit.errors import OptionError, RunError


def check_outputs(
    outputs: Iterable[tuple[str, Path]], inputs: Mapping[str, Path | None], folders: Mapping[str, Path | None]
) -> None:
    """Refuse ``outputs``, pairs of option and file, that would overwrite what is read, or each other.

    ``inputs`` are files and ``folders`` places in which nothing is written, by what they are called. What is no regular
    file, such as a terminal or pipe, loses nothing and may stand twice.

    Raises:
        OptionError: an output is an input, lies in one of the folders, or stands twice.
        RunError: it is a folder, or lies in none.
    """
    earlier: list[tuple[str, Path]] = []
    for option, file in outputs:
        if file.is_dir():
            raise RunError(f"{option}: cannot write '{file}', which is a folder: name a file")
        if not file.absolute().parent.is_dir():
            raise RunError(f"{option}: cannot write {file}: the folder {file.parent} does not exist")
        if file.exists() and not file.is_file():
            continue
        for what, path in [*inputs.items(), *earlier]:
            if path is not None and _is_same(file, path):
                raise OptionError(f"{option} {file} would overwrite {what}: name another file")
        for what, folder in folders.items():
            if folder is not None and Path(os.path.realpath(folder)) in Path(os.path.realpath(file)).parents:
                raise OptionError(f"{option} {file} lies inside {what}, {folder}: name a file elsewhere")
        earlier.append((f"what {option} writes", file))


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
