"""Exports of CVAT in its own XML ("CVAT for images"): tags of whole images.

Left out: boxes and shapes, and tracks of videos. Documents that declare entities are refused unread.
"""

from __future__ import annotations

from xml.etree import ElementTree

from labelaudit.data.records import columns_of
from labelaudit.data.table import DocumentError, Table, parse_xml


def tabulate(name: str, data: bytes) -> Table | None:
    """The ``<image>`` elements of an ``annotations.xml`` as a table of paths, tags and their attributes, one row
    for each tag."""
    if not name.lower().endswith(".xml") or b"<annotations" not in data[:4096]:
        return None
    images = parse_xml(name, data).findall("image")
    rows, lines = [], []
    for number, image in enumerate(images, 1):
        for tag in image.findall("tag") or [ElementTree.Element("tag")]:
            told = {"path": image.get("name", ""), "label": tag.get("label", ""), "subset": image.get("subset", "")}
            rows.append({**told, **{one.get("name", ""): one.text or "" for one in tag.findall("attribute")}})
            lines.append(number)
    cells = columns_of(rows)
    if not any(cells.get("label", ())):
        shapes = sum(len(image) for image in images)
        held = f"{shapes:,} boxes or shapes, which are not read," if shapes else "no tags"
        raise DocumentError(f"'{name}' has {held} for {len(images):,} images: it needs a tag for each image")
    if len({*cells["label"]} - {""}) == 1 and len(cells) > 3:  # what the tag is about, and an attribute says which
        del cells["label"]
    return Table(name=name, cells=cells, lines=lines)
