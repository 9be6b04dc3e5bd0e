"""The csv format: one row for the verdict, then one for every rule, suspect, finding and note.

The column ``record`` tells them apart: ``verdict``, ``rule``, ``suspect``, ``finding``, ``note``. A spreadsheet filters
by it; a file of suspects alone would be silent about the conflicts and the verdict. Cells are neutralised as in
``suspects.csv``. Left out: the baseline's stale entries, which ``json`` and ``table`` have.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from labelaudit.check import wording
from labelaudit.check.outcome import Outcome
from labelaudit.text import Lines, cell, encodable

ENDING = ".csv"

COLUMNS = (
    *("record", "status", "name", "path", "partner", "given_label", "suggested_label", "label_score"),
    *("measured", "limit", "message", "note", "digest"),
)
"""``status``: passed or failed for the verdict and rules, else that of the suspect or finding. ``name``: of the rule,
or kind of the finding. ``label_score``: 0 to 1, lower = worse."""


def render(outcome: Outcome) -> str:
    """All rows under one header, ``\\n`` at line ends."""
    record = outcome.record()
    rows: list[dict[str, Any]] = [
        {"record": "verdict", "status": _ended(outcome.passed), "message": wording.verdict(outcome)}
    ]
    for rule, entry in zip(outcome.rules, record["rules"], strict=True):
        rows.append({"record": "rule", "status": _ended(rule.passed), "name": rule.name} | _known(entry))
    for entry in record["suspects"]:
        rows.append({"record": "suspect", "message": entry["reason"]} | _known(entry))
    for entry in record["findings"]:
        rows.append({"record": "finding", "name": entry["kind"], "message": entry["detail"]} | _known(entry))
    rows += [{"record": "note", "message": note} for note in outcome.notes]
    buffer = io.StringIO(newline="")
    writer = csv.writer(Lines(buffer))
    writer.writerow(COLUMNS)
    writer.writerows([cell(row.get(name, "")) for name in COLUMNS] for row in rows)
    return encodable(buffer.getvalue())


def _ended(passed: bool) -> str:
    return "passed" if passed else "failed"


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    """The parts of ``entry`` that have a column of their own name and a value."""
    return {name: value for name, value in entry.items() if name in COLUMNS and value is not None}
