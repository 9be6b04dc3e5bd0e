"""The source of a dataset, as settings and notes spell it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labelaudit.text import name_some


def name_source(
    data: Path | str | None, labels: Path | str | None, path_column: str | None, label_column: str | None
) -> dict[str, str | None]:
    """Where a dataset was read from, for `Audit.settings`: `open_originals` and later commands open it again."""
    return {
        "data": _absolute(data),
        "labels": _absolute(labels),
        "path_column": path_column,
        "label_column": label_column,
    }


def _absolute(path: Path | str | None) -> str | None:
    return None if path is None else Path(path).absolute().as_posix()


def note_skipped(skipped: Mapping[str, int]) -> tuple[str, ...]:
    """A note about the files that were passed over because they are no images."""
    if not skipped:
        return ()
    kinds = [f"{count} {ending}" for ending, count in skipped.items()]
    total = sum(skipped.values())
    files = f"{total} file{'s' * (total > 1)} that {'are' if total > 1 else 'is'} no image"
    return (f"Passed over {files}: {name_some(kinds)}.",)
