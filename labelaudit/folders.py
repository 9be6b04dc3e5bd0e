"""A folder, or a file, that is written whole or not at all.

What is new is written to a hidden sibling first and takes its place by renaming; what was there before comes back where
that is cut off. Left out: locking two writers against each other; the later one wins, whole.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO


@contextmanager
def sibling(place: Path) -> Iterator[Path]:
    """A new hidden folder beside ``place``, gone at the end unless it was moved."""
    fresh = _partial(place)
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def partials(place: Path) -> tuple[Path, ...]:
    """Folders of `sibling` beside ``place``: of runs that were killed, or are at work."""
    ending = re.compile(rf"\.{re.escape(place.name)}\.[0-9a-f]{{8}}\.partial")
    return tuple(sorted(path for path in place.parent.iterdir() if ending.fullmatch(path.name) and path.is_dir()))


@contextmanager
def fresh_text(path: Path, *, errors: str = "strict") -> Iterator[TextIO]:
    """`fresh_bytes` for UTF-8 text.

    Line ends stay as they are written; ``errors`` is what becomes of characters that UTF-8 does not have.
    """
    with fresh_bytes(path) as file:
        text = TextIOWrapper(file, encoding="utf-8", errors=errors, newline="")
        yield text
        text.detach()


@contextmanager
def fresh_bytes(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when all of it is written; raises `OSError` where it cannot."""
    fresh = _partial(path)
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(text: str, path: Path, *, errors: str = "strict") -> None:
    """`fresh_text` for a text that is there already."""
    with fresh_text(path, errors=errors) as file:
        file.write(text)


def swap(*pairs: tuple[Path, Path]) -> None:
    """Let each new folder take the place of its pair, which may not be there yet; all of them, or none.

    Old folders are moved away first and deleted at the end, so that `recover` can tell at any moment how far it came.
    """
    for _, place in pairs:
        shutil.rmtree(_previous(place), ignore_errors=True)
    try:
        for _, place in pairs:
            if place.exists():
                place.rename(_previous(place))
        for fresh, place in pairs:
            fresh.rename(place)
    except BaseException:
        for fresh, place in pairs:
            if place.exists() and not fresh.exists():
                place.rename(fresh)
            recover(place)
        raise
    for _, place in pairs:
        shutil.rmtree(_previous(place), ignore_errors=True)


def recover(*places: Path) -> None:
    """Put the old folders back where a `swap` of ``places`` was cut off: all of them are then old, or all new.

    A new folder that came without the others becomes a hidden sibling, as a killed run leaves them.
    """
    *others, last = places
    cut = not last.exists() and _previous(last).is_dir()
    for place in (*others, last):
        previous = _previous(place)
        if not previous.is_dir():
            continue
        if cut and place.exists():
            place.rename(_partial(place))
        if not place.exists():
            previous.rename(place)


def _partial(place: Path) -> Path:
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")


def _previous(place: Path) -> Path:
    return place.with_name(f".{place.name}.previous")
