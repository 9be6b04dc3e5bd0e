"""Exports of Prodigy (``db-out``): the class of an accepted task, one JSON object a line.

A task that was rejected or ignored has no label: its class is what the image was asked about, and not what it shows.
Left out: regions (``spans``).
"""

from __future__ import annotations

from typing import Any

from labelaudit.data.records import read_lines
from labelaudit.data.table import DocumentError, Table
from labelaudit.errors import DataError


def tabulate(name: str, data: bytes) -> Table | None:
    """Lines with an ``answer`` and a class, chosen (``accept``) or asked about (``label``), as a table.

    Raises `DocumentError` where no answer gives a class.
    """
    if not name.lower().endswith((".jsonl", ".ndjson")) or b'"_input_hash"' not in data or b'"answer"' not in data:
        return None
    try:
        tasks = list(read_lines(name, data.decode("utf-8-sig", "replace")))
    except DataError:
        return None
    if not all("answer" in task and {"accept", "label"} & task.keys() for _, task in tasks):
        return None
    cells = {
        "path": [_image(task) for _, task in tasks],
        "label": [_class(task) for _, task in tasks],
        "annotator": [str(task.get("_annotator_id") or task.get("_session_id") or "") for _, task in tasks],
    }
    if not any(cells["label"]):
        raise DocumentError(f"'{name}' holds no accepted answer: each label would be one that nobody gave")
    return Table(name=name, cells=cells, lines=[line for line, _ in tasks])


def _image(task: dict[str, Any]) -> str:
    """The path of a task's image, also where the image itself stands in its place."""
    image = str(task.get("image", ""))
    return str(task.get("path") or task.get("text") or "") if image.startswith("data:") or not image else image


def _class(task: dict[str, Any]) -> str:
    """The class that an answer gives; several ones with ``|`` between them."""
    if task["answer"] != "accept":
        return ""
    chosen = task["accept"] if isinstance(task.get("accept"), list) else [task.get("label") or ""]
    return "|".join(map(str, chosen))
