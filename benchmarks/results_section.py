"""Writes the section of one benchmark into RESULTS.md, between its marks, and leaves the rest of the page as it is."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write_section(name: str, text: str, *, title: str, path: Path = RESULTS) -> None:
    """Put ``text`` between the marks of ``name``; where there are none yet, at the end of the page below ``title``."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    page = path.read_text(encoding="utf-8") if path.exists() else "# Measured results\n"
    if start not in page:
        page = f"{page.rstrip()}\n\n## {title}\n\n{start}{end}\n"
    before, _, rest = page.partition(start)
    path.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
