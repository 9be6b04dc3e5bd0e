"""The tables of benchmarks/RESULTS.md are those that the scripts make of the rows kept in benchmarks/results."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")


def tables_of(text: str) -> list[str]:
    """The rows of all tables of a text."""
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", ["packs", "precision", "sweep", "ablation", "clean", "cases", "estimate"])
def test_tables_are_made_of_the_rows_on_record(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    rows = json.loads((BENCHMARKS / "results" / f"{name}.json").read_text(encoding="utf-8"))
    made: dict[str, str] = {}

    def keep(section: str, text: str, **_: Any) -> None:
        made[section] = text

    monkeypatch.setattr(module, "write_section", keep)
    if name == "estimate":
        module.write_table(rows, 500)
    elif name == "packs":
        module.write_tables(rows)
        assert "methods" in made
    elif hasattr(module, "write_table"):
        module.write_table(rows)
    else:
        made[name] = module.render(rows)
    assert name in made
    for section, text in made.items():
        on_page = PAGE.partition(f"<!-- {section} -->")[2].partition(f"<!-- /{section} -->")[0]
        assert tables_of(text) == tables_of(on_page)
