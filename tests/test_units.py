"""Bytes are counted in one unit everywhere: thousands, millions and billions."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
OTHERS = {
    "labelaudit/scanning/plan.py",  # what a person may type
    "labelaudit/check/formats/markdown.py",  # GitHub's own words about its limit
    "docs/ci.md",
}


def test_sizes_are_said_in_thousands_of_bytes() -> None:
    files = [ROOT / "README.md", ROOT / "benchmarks" / "RESULTS.md"]
    for folder, pattern in (("labelaudit", "*.py"), ("labelaudit", "*.jinja"), ("cli", "*.py"), ("docs", "*.md")):
        files += (ROOT / folder).rglob(pattern)
    assert len(files) > 300
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        found = re.search(r"\b[KMGT]iB\b", file.read_text(encoding="utf-8"))
        assert name in OTHERS or not found, f"{name}: say {found and found[0]} in kB, MB or GB"
