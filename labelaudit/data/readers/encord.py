"""Exports of Encord in JSON: the classifications of whole images.

Left out: boxes and shapes, and classifications of frames of videos.
"""

from __future__ import annotations

from typing import Any

from labelaudit.data.table import DocumentError, Table, parse_export


def tabulate(name: str, data: bytes) -> Table | None:
    """A list of label rows with ``data_units`` as a table of titles and answers.

    Answers to several questions have a column each, called as the question is. Several answers to one have ``|``
    between them. Raises `DocumentError` where no image is classified.
    """
    rows = parse_export(name, data, "data_units", "classification_answers")
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "data_units" in row for row in rows):
        return None
    units = [(row, unit) for row in rows for unit in row["data_units"].values()]
    told = [_answers(row["classification_answers"], unit.get("labels") or {}) for row, unit in units]
    questions = list(dict.fromkeys(question for answers in told for question in answers))
    if not questions:
        raise DocumentError(f"'{name}' holds no classification of a whole image: boxes and shapes are not read")
    cells = {"path": [str(unit.get("data_title", "")) for _, unit in units]}
    for question in questions:
        column = "label" if len(questions) == 1 else question
        cells[column] = [answers.get(question, "") for answers in told]
    return Table(name=name, cells=cells, lines=range(1, len(units) + 1))


def _answers(known: dict[str, Any], labels: dict[str, Any]) -> dict[str, str]:
    """Question -> answers about one image."""
    asked = [known.get(one.get("classificationHash"), {}) for one in labels.get("classifications", [])]
    return {
        str(one.get("name", "")): "|".join(str(answer.get("name", "")) for answer in one["answers"])
        for answer in asked
        for one in answer.get("classifications", [])
        if isinstance(one.get("answers"), list)
    }
