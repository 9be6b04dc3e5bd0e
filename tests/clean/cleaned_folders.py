"""What a cleaned folder holds."""

from __future__ import annotations

import csv
from pathlib import Path


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))
