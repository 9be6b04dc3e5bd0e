"""The figures on record: rows in benchmarks/results, and a section of RESULTS.md for each benchmark."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
DATA = HERE.parents[1] / "shared" / "data"
"""The packs, unless a script is told another folder."""
CACHE = Path(tempfile.gettempdir()) / "labelaudit-benchmark" / "cache"
"""Features of all scripts, unless one is told another folder."""


def make_parser(about: str | None) -> argparse.ArgumentParser:
    """A parser whose help shows the docstring of a script as it is written."""
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def read_rows(file: Path, *, empty: Any) -> Any:
    """The rows of a JSON file; ``empty`` where there is none."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else empty


def write_rows(rows: list[Any] | dict[str, Any], file: Path) -> None:
    """A list with a value a line, a dictionary with an entry a line."""
    text = json.dumps(rows, indent=1)
    if isinstance(rows, dict):
        text = "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}"
    file.write_text(f"{text}\n", encoding="utf-8")


def read_section(name: str) -> str:
    """The text between the marks of ``name``; empty where there are none."""
    page = RESULTS.read_text(encoding="utf-8")
    return page.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip()


def write_section(name: str, text: str, *, title: str, path: Path = RESULTS) -> None:
    """Put ``text`` between the marks of ``name``; where there are none yet, at the end of the page below ``title``."""
    from labelaudit.bench.tables import write_between  # in here, as `forecast` loads nothing before it scans

    write_between(path, name, text, title=title)
