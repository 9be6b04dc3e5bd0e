"""CVAT: "CVAT for images 1.1" with tags out and back, as XML or the ZIP that CVAT makes (docs.cvat.ai, XML format).

Each image carries one tag ``(suspect)`` whose attributes say what it is and what is suggested; a reviewer adds the tag
of the right class, or "no class fits". An image without such a tag was not judged, so that nothing unseen counts as
seen. Images are numbered as CVAT sorts them, by path. Left out: its server; files are uploaded by hand.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import (
    CANNOT_TELL,
    NO_CLASS,
    SUSPECT,
    Answer,
    Format,
    Refused,
    Task,
    answered,
    writable,
)

_ATTRIBUTES = ("digest", "given_label", "suggested_label", "label_score", "reason")
_LARGEST = 2**31
_SETUP = ".labels.json"


def write(tasks: Iterable[Task], file: TextIO) -> None:
    """The annotations to upload to a task of these images."""
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
    for number, task in enumerate(sorted(tasks, key=lambda task: task.path)):
        image = ElementTree.Element("image", id=str(number), name=writable(task.path))
        width, height = task.size or (0, 0)
        image.attrib |= {"width": str(width), "height": str(height)}
        tag = ElementTree.SubElement(image, "tag", label=SUSPECT, source="manual")
        told = {**task.identity(), **task.opinion()}
        for name in _ATTRIBUTES:
            if name in told:
                ElementTree.SubElement(tag, "attribute", name=name).text = writable(str(told[name]))
        file.write(f"  {ElementTree.tostring(image, encoding='unicode')}\n")
    file.write("</annotations>\n")


def setup(classes: Sequence[str]) -> str:
    """The labels of the task, for its Raw constructor."""
    text = {"mutable": False, "input_type": "text", "default_value": "", "values": [""]}
    about = [{"name": name, **text} for name in _ATTRIBUTES]
    labels = [{"name": SUSPECT, "type": "tag", "attributes": about}]
    labels += [{"name": writable(c), "type": "tag", "attributes": []} for c in (*classes, NO_CLASS, CANNOT_TELL)]
    return json.dumps(labels, indent=1) + "\n"


def advise(file: Path, back: str) -> tuple[str, ...]:
    """The next steps with the files, a sentence each; ``back`` begins the command that reads answers."""
    return (
        f"In CVAT: make a task, paste {file.with_suffix(_SETUP).name} under Labels > Raw, choose the images named in "
        f"{file.name} with their folders, then upload {file.name} as annotations, format CVAT 1.1.",
        "To judge an image, add the tag of its right class. Back: export as CVAT for images 1.1, then "
        f"{back} EXPORT.zip",
    )


def read(data: bytes) -> Iterator[Answer | Refused]:
    """The judged images of an export; raises `DataError` for what is none."""
    try:
        root = ElementTree.fromstring(_unpacked(data))
    except ElementTree.ParseError as error:
        raise DataError(f"it is not XML ({error})") from None
    if root.tag != "annotations":
        raise DataError(f"it is <{root.tag}>, not CVAT's <annotations>")
    reviewer = root.findtext(".//assignee/username") or root.findtext(".//owner/username") or ""
    time = (root.findtext(".//meta/dumped") or root.findtext(".//updated") or "").strip()
    if root.find("track") is not None:
        raise DataError("it is about a video (<track>): export the task as CVAT for images 1.1")
    for image in root.iter("image"):
        path = image.get("name", "")
        name = f"image {image.get('id', '?')}"
        tags = image.findall("tag")
        chosen = [tag.get("label", "") for tag in tags if tag.get("label") != SUSPECT]
        if len(set(chosen)) > 1:
            yield Refused(name, path, f"has {len(set(chosen))} classes instead of one: {', '.join(chosen)}")
            continue
        if not chosen:
            if drawn := [part.tag for part in image if part.tag != "tag"]:
                yield Refused(name, path, f"has a {drawn[0]} in place of a tag: add the tag of its right class")
            continue
        told = {a.get("name"): a.text or "" for tag in tags if tag.get("label") == SUSPECT for a in tag}
        kind, label = answered(chosen[0])
        yield Answer(
            entry=name,
            kind=kind,
            label=label,
            path=path,
            digest=told.get("digest", ""),
            given_label=told.get("given_label", ""),
            reviewer=reviewer,
            time=time,
        )


def _unpacked(data: bytes) -> bytes:
    """The XML, out of a ZIP where there is one; a document type could hold a bomb and has no business here."""
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entry = next((one for one in archive.infolist() if one.filename.endswith(".xml")), None)
                if entry is None or entry.file_size > _LARGEST:
                    raise DataError("the ZIP holds no annotations.xml")
                data = archive.read(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DataError(f"the ZIP is damaged ({error})") from None
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DataError("it has a document type: no export of CVAT does")
    return data


FORMAT = Format(suffix=".xml", write=write, read=read, advise=advise, setup=setup, setup_suffix=_SETUP, measures=True)
