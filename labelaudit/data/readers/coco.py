"""COCO-style JSON with one category for each image, as iNaturalist and image classification exports have it.

Left out: boxes and regions of several classes in one image, which are not a label of the image.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labelaudit.data.cells import scalar_text
from labelaudit.data.column_names import LABEL_NAMES, guess_column
from labelaudit.data.table import DocumentError, Table, parse_export

_NAMING = ("file_name", "path", "coco_url")
_OWN = frozenset(["id", "file_name", "path", "label", "coco_url", "flickr_url", "license", "height", "width"])
"""Keys of an image that are read already, or say nothing about what it shows."""


def tabulate(name: str, data: bytes) -> Table | None:
    """A JSON document with ``images``, ``annotations`` and ``categories`` as a table of paths and category names.

    Raises `DocumentError` where images have annotations of several categories.
    """
    document = parse_export(name, data, "images", "annotations")
    if not isinstance(document, dict) or not all(_is_records(document, key) for key in ("images", "annotations")):
        return None
    names = {_id(one, "category"): _name(one) for one in document.get("categories", [])}
    told: defaultdict[Any, set[str]] = defaultdict(set)
    for annotation in document["annotations"]:
        column = guess_column(annotation, ("category_id", *LABEL_NAMES))
        if column is not None and isinstance(category := annotation[column], str | int):
            told[annotation.get("image_id")].add(names.get(category, str(category)))
    if document["annotations"] and not told:
        raise DocumentError(f"'{name}' has annotations without categories, such as captions, which are not read")
    several = sum(len(labels) > 1 for labels in told.values())
    if several:
        raise DocumentError(
            f"'{name}' has several categories for {several:,} of {len(document['images']):,} images: boxes and several "
            "labels for one image are not read"
        )
    images = document["images"]
    if not images:
        raise DocumentError(f"'{name}' names no images")
    cells = {
        "path": [str(next(filter(None, map(one.get, _NAMING)), _id(one, "image"))) for one in images],
        "label": [next(iter(told.get(_id(one, "image"), ())), "") for one in images],
    }
    further = dict.fromkeys(key for one in images for key, value in one.items() if isinstance(value, str | int | float))
    boxes = {one.get("image_id"): one["bbox"] for one in document["annotations"] if "bbox" in one}
    if boxes:
        cells["bbox"] = [str(boxes.get(_id(one, "image"), "")) for one in images]
    for key in filter(lambda key: key not in _OWN, further):
        cells[key] = [scalar_text(one.get(key)) for one in images]
    return Table(name=name, cells=cells, lines=range(1, len(images) + 1))


def _id(record: dict[str, Any], kind: str) -> Any:
    """The id of an image or a category, which some files call as annotations do: ``image_id``."""
    return record.get("id", record.get(f"{kind}_id"))


def _name(category: dict[str, Any]) -> str:
    """The name of a category; its id where it has none."""
    column = guess_column(category, ["name", "scientific_name"])
    return str(category[column] if column else _id(category, "category"))


def _is_records(document: dict[str, Any], key: str) -> bool:
    value = document.get(key)
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
