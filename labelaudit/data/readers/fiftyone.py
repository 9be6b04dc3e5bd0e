"""Exports of FiftyOne for classification: ``labels.json`` with class names, and the class number of each image.

Left out: its exports of whole datasets (``samples.json``), which are records as any table of labels.
"""

from __future__ import annotations

from typing import Any

from labelaudit.data.table import DocumentError, Table, parse_export


def tabulate(name: str, data: bytes) -> Table | None:
    """``{"classes": [names], "labels": {image: number}}`` as a table of paths and class names.

    Without ``classes`` labels are names themselves. Raises `DocumentError` for numbers of no class.
    """
    document = parse_export(name, data, "labels", "classes")
    known = isinstance(document, dict) and {*document} == {"classes", "labels"} and isinstance(document["labels"], dict)
    if not known or not document["labels"] or not isinstance(document["classes"], list | None):
        return None
    cells = {
        "path": list(document["labels"]),
        "label": [_class(name, document["classes"] or [], told) for told in document["labels"].values()],
    }
    return Table(name=name, cells=cells, lines=range(1, len(cells["path"]) + 1))


def _class(name: str, classes: list[Any], told: Any) -> str:
    """The class of an image; empty where it has none."""
    told = told.get("label") if isinstance(told, dict) else told
    if told is None or isinstance(told, str):
        return told or ""
    if not isinstance(told, int) or not 0 <= told < len(classes):
        raise DocumentError(f"'{name}' has label {told} for {len(classes)} classes: it needs a number of one of them")
    return str(classes[told])
