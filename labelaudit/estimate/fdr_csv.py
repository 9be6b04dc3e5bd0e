"""``fdr.csv``: the flags at a stated false-discovery rate, in the form of `labelaudit.audit.csv`.

Left out: the rate itself, which is in ``estimate.json``.
"""

from __future__ import annotations

import csv
from pathlib import Path

from labelaudit.audit.document import Audit
from labelaudit.errors import writing
from labelaudit.estimate import FdrFlags
from labelaudit.files import fresh_text
from labelaudit.judge.scores import strongest_other
from labelaudit.text import Lines, cell
from labelaudit.verdicts import Reviewed

COLUMNS = ("path", "given_label", "predicted_label", "p_value", "q_value")


def write_flags(audit: Audit, flags: FdrFlags, reviewed: Reviewed, path: Path) -> None:
    """One line per flag, by q-value; what a person found wrong comes first, with the person's label.

    ``predicted_label`` is the most probable class other than the given one; empty where a person said that no class
    is right.

    Raises:
        RunError: the file cannot be written.
    """
    classes, rows = audit.samples.classes, flags.rows
    others = strongest_other(audit.samples.labels[rows], audit.decision.probs[rows])
    with writing(path), fresh_text(path, errors="backslashreplace") as file:
        writer = csv.writer(Lines(file))
        writer.writerow(COLUMNS)
        for row, better in zip(rows.tolist(), others.tolist(), strict=True):
            claim = audit.samples.claim(row)
            verdict = reviewed.settled.get(row)
            suggested = classes[better] if verdict is None else verdict.right or ""
            values = (claim.path, claim.label, suggested)
            numbers = (float(flags.p_values[row]), float(flags.q_values[row]))
            writer.writerow([cell(value) for value in (*values, *numbers)])
