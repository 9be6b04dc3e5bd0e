"""Exports of CVAT in its own XML ("CVAT for images"): tags of whole images.

Left out: boxes and shapes, and tracks of videos. Documents that declare entities are refused unread.
"""

from __future__ import annotations

from xml.etree import ElementTree

from labelaudit.data.table import DocumentError, Table


def tabulate(name: str, data: bytes) -> Table | None:
    """The ``<image>`` elements of an ``annotations.xml`` as a table of paths and tags, one row for each tag."""
    if not name.lower().endswith(".xml") or b"<annotations" not in data[:4096]:
        return None
    if b"<!ENTITY" in data:
        raise DocumentError(f"'{name}' declares XML entities, which no export of CVAT does: it is not read")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise DocumentError(f"'{name}' is not XML: {error}") from error
    images = root.findall("image")
    cells: dict[str, list[str]] = {"path": [], "label": [], "subset": []}
    lines = []
    for number, image in enumerate(images, 1):
        tags = [tag.get("label", "") for tag in image.findall("tag")]
        for tag in tags or [""]:
            cells["path"].append(image.get("name", ""))
            cells["label"].append(tag)
            cells["subset"].append(image.get("subset", ""))
            lines.append(number)
    if not any(cells["label"]):
        shapes = sum(len(image) for image in images)
        held = f"{shapes:,} boxes or shapes, which are not read," if shapes else "no tags"
        raise DocumentError(f"'{name}' has {held} for {len(images):,} images: it needs a tag for each image")
    return Table(name=name, cells=cells, lines=lines)
