"""Refuses outputs that would overwrite what is read, lie in it, or have an ending that says no format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from labelaudit.errors import OptionError, RunError

_Format = TypeVar("_Format", bound=str)


def find_beside(source: Path | str, output: Path | str) -> str:
    """A path of the last name of ``output`` beside the folder ``source``, as a person writes it.

    >>> find_beside(".", "labelaudit-run"), find_beside("data/images", "data/images/run")
    ('../labelaudit-run', 'data/run')
    """
    return os.path.normpath(os.path.join(source, "..", Path(output).name))  # noqa: PTH118


def check_apart(output: Path | str, sources: Mapping[str, Path | str | None]) -> None:
    """Refuse a folder or file ``output`` that is one of the ``sources``, lies inside it, or holds it.

    ``sources`` are files and folders that are only read, by what they are called; ``None`` is passed over.

    Raises:
        OptionError: with the two places.
    """
    place = Path(output).resolve()
    for what, source in sources.items():
        if source is None:
            continue
        own = Path(source).resolve()
        if place == own or (own.is_dir() and own in place.parents):
            where, such = ("is", "") if place == own else ("lies inside", f", such as {find_beside(source, output)}")
            raise OptionError(
                f"the output {output} {where} the {what} {source}: choose a folder outside with `output`{such}"
            )
        if place in own.parents and place.exists():
            raise OptionError(f"the output {output} holds the {what} {source}: choose another folder with `output`")


def check_outputs(
    outputs: Iterable[tuple[str, Path]], inputs: Mapping[str, Path | None], folders: Mapping[str, Path | None]
) -> None:
    """Refuse ``outputs``, pairs of option and file, that would overwrite what is read, or each other.

    ``inputs`` are files and ``folders`` places in which nothing is written, by what they are called. What is not a
    regular file, such as a terminal or pipe, loses nothing and may stand twice.

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


def format_by_ending(named: str, file: Path, formats: Mapping[str, _Format], advice: str = "") -> _Format:
    """The one of ``formats`` (by ending, with its dot) that ``file`` gets.

    Raises:
        OptionError: beginning with ``named``, the option and the file; with the endings known, and the ``advice``.
    """
    kind = formats.get(file.suffix.lower())
    if kind is None:
        known = ", ".join(formats)
        raise OptionError(f"{named}: the ending says no format (known: {known}){advice and '; ' + advice}")
    return kind
