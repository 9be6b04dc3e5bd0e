"""Annotations of Datumaro in JSON, which CVAT exports too: one label for each whole image.

Left out: boxes, shapes, captions and several labels for one image.
"""

from __future__ import annotations

from typing import Any

from labelaudit.data.table import DocumentError, Table, parse_export


def tabulate(name: str, data: bytes) -> Table | None:
    """A JSON document with ``categories`` and ``items`` as a table of paths and class names.

    Raises `DocumentError` where images have several labels, or annotations of another kind and no label.
    """
    document = parse_export(name, data, "items", "categories")
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(one, dict) and "id" in one for one in items):
        return None
    names = [one.get("name", "") for one in (document["categories"] or {}).get("label", {}).get("labels", [])]
    told = [_labels(item) for item in items]
    if several := sum(len({*labels}) > 1 for labels in told):
        raise DocumentError(
            f"'{name}' has several labels for {several:,} of {len(items):,} images: one for each image is read"
        )
    if not any(told) and any(item.get("annotations") for item in items):
        raise DocumentError(f"'{name}' holds no label for a whole image: boxes and shapes are not read")
    try:
        labels = [str(names[labels[0]]) if labels else "" for labels in told]
    except (IndexError, TypeError):
        raise DocumentError(f"'{name}' has labels beyond its {len(names):,} categories: export it again") from None
    cells = {"path": [_path(item) for item in items], "label": labels}
    return Table(name=name, cells=cells, lines=range(1, len(items) + 1))


def _labels(item: dict[str, Any]) -> list[Any]:
    """The class numbers of an item as a whole."""
    return [one.get("label_id") for one in item.get("annotations", []) if one.get("type") == "label"]


def _path(item: dict[str, Any]) -> str:
    return str((item.get("image") or {}).get("path") or item["id"])
