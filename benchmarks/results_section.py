"""Reads and writes the section of one benchmark in RESULTS.md, between its marks; the rest of the page stays."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def read_section(name: str) -> str:
    """The text between the marks of ``name``; empty where there are none."""
    start, end = _marks(name)
    return RESULTS.read_text(encoding="utf-8").partition(start)[2].partition(end)[0].strip()


def write_section(name: str, text: str, *, title: str, path: Path = RESULTS) -> None:
    """Put ``text`` between the marks of ``name``; where there are none yet, at the end of the page below ``title``."""
    start, end = _marks(name)
    page = path.read_text(encoding="utf-8") if path.exists() else "# Measured results\n"
    if start not in page:
        page = f"{page.rstrip()}\n\n## {title}\n\n{start}{end}\n"
    before, _, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"{path} has {start} without {end} after it")
    path.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- /{name} -->"
