"""A folder that is written whole or not at all.

What is new is written to a hidden sibling first and takes its place by renaming; what was there before comes back where
that is cut off. Left out: locking two writers against each other; the later one wins, whole.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sibling(place: Path) -> Iterator[Path]:
    """A new hidden folder beside ``place``, gone at the end unless it was moved."""
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def swap(fresh: Path, place: Path) -> None:
    """Let ``fresh`` take the place of ``place``, which may not be there yet."""
    previous = _previous(place)
    shutil.rmtree(previous, ignore_errors=True)
    try:
        if place.exists():
            place.rename(previous)
        fresh.rename(place)
    except BaseException:
        recover(place)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def recover(place: Path) -> None:
    """Put the old folder back where a `swap` was cut off between its two renames."""
    previous = _previous(place)
    if not place.exists() and previous.is_dir():
        previous.rename(place)


def _previous(place: Path) -> Path:
    return place.with_name(f".{place.name}.previous")
