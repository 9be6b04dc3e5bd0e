"""What a cleaned folder holds."""

from __future__ import annotations

import csv
from pathlib import Path

from labelaudit.data.sources import open_source


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def labels(folder: Path) -> dict[str, str | None]:
    listing = open_source(folder)
    return dict(zip(listing.ids, listing.labels, strict=True))
