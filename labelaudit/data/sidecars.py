"""Documents about one image each, as labelling tools write them: ``a.json`` or ``a.jpg.json`` for ``a.jpg``.

All of them are one table. A label is a class of the whole image: a tag among the annotations (Darwin of V7,
SuperAnnotate, Dataloop), a tag of the file (Supervisely), a flag that is set (LabelMe), a field that is called so, also
in plain XML (LifeCLEF), or the only line of ``a.cls`` (WebDataset) and ``a.txt``. Left out: boxes, shapes and captions.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labelaudit.data.column_names import is_label_name
from labelaudit.data.parts import Part, part_of
from labelaudit.data.records import columns_of, flatten, parse_json
from labelaudit.data.table import DocumentError, Table, parse_xml
from labelaudit.data.tree import Tree, ending_of, folders_above
from labelaudit.errors import DataError, damage_of
from labelaudit.text import count

_PATH, _LABEL, _SPLIT = "path", "label", "split"
_LINES = (".cls", ".txt")
"""Endings of files that hold the label alone."""
_ENDINGS = (".cls", ".json", ".txt", ".xml")
_NUMBERS = re.compile(r"[-+.\de]+(\s+[-+.\de]+)+")
"""A box: its class and corners."""
_LONGEST = 60  # characters of a label


def find_sidecars(tree: Tree) -> dict[str, str]:
    """Document -> the image that it is about, all of one kind, where half of the images or more have one; else nothing.

    Of several images of its name a document is about the one whose folders have most in common with its own.
    """
    kinds = {ending: [path for path in tree.others if ending_of(path) == ending] for ending in _ENDINGS}
    named: dict[tuple[str, str], str] = {}
    for path in tree.paths if any(kinds.values()) else ():
        name = posixpath.basename(path)
        for key in {name, posixpath.splitext(name)[0]}:
            for folder in ("", *folders_above(path)):
                named[folder, key] = "" if (folder, key) in named else path
    return next(filter(None, (_find(documents, named, len(tree.paths)) for documents in kinds.values())), {})


def _find(documents: Sequence[str], named: Mapping[tuple[str, str], str], images: int) -> dict[str, str]:
    """Document -> the image that it is about; nothing where fewer than half have one.

    ``named`` is the image of a name in or below a folder, empty where there are several.
    """
    found: dict[str, str] = {}
    for path in documents:
        name = posixpath.splitext(posixpath.basename(path))[0]
        nearest = (*folders_above(path)[::-1], "")
        if image := next((named[folder, name] for folder in nearest if (folder, name) in named), ""):
            found[path] = image
    several = Counter(found.values())
    found = {path: image for path, image in found.items() if several[image] == 1}
    return found if len(found) > 1 and 2 * len(found) >= images else {}


def tabulate(sidecars: Mapping[str, str], tree: Tree) -> Table | None:
    """The ``sidecars`` as a table with the whole path of each image; ``None`` where the first one holds no label.

    Raises `DocumentError` where they hold boxes or shapes alone, or one of them cannot be read.
    """
    records = []
    for path in sidecars:
        try:
            with damage_of(f"'{path}'", "export it again", of_any_shape=True):
                record = dict(_read(path, tree.storage.read(path)))
        except (DataError, OSError, ValueError) as error:
            raise DocumentError(str(error) if isinstance(error, DataError) else f"'{path}': {error}") from error
        if not record:
            return None
        records.append(record)
    first = next(iter(sidecars))
    if ending_of(first) in _LINES and 2 * len({record[_LABEL] for record in records}) > len(records):
        return None
    if not any(cell for record in records for name, cell in record.items() if name != _SPLIT):
        others = f" and {count(len(sidecars) - 1, 'file')} like it"
        raise DocumentError(f"'{first}'{others} hold no class for a whole image: boxes and shapes are not read")
    cells = columns_of(records)
    if not any(cells.get(_SPLIT, ())):
        cells.pop(_SPLIT, None)
    return Table(
        name=posixpath.join(posixpath.dirname(first), f"*{ending_of(first)}"),
        cells={**cells, _PATH: [*sidecars.values()]},
        lines=[1] * len(records),
    )


def _read(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the columns of a file and its cells; nothing of one of an unknown kind."""
    if ending_of(path) == ".xml":
        fields = [*parse_xml(path, data)]
        if not any(map(len, fields)):
            yield from ((field.tag, (field.text or "").strip()) for field in fields)
        return
    text = data.decode("utf-8-sig", "replace").strip()
    if ending_of(path) in _LINES:
        if len(text) <= _LONGEST and "\n" not in text and not _NUMBERS.fullmatch(text):
            yield _LABEL, text
    elif isinstance(document := parse_json(path, text), dict):
        yield from _cells(document)


def _cells(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the columns of a document and its cells; nothing of one of an unknown kind."""
    flags, tags = document.get("flags"), document.get("tags")
    listed = next((document[key] for key in ("annotations", "instances") if key in document), None)
    if isinstance(flags, dict) and "shapes" in document:
        yield _LABEL, "|".join(name for name, is_set in flags.items() if is_set is True and name != "__ignore__")
    elif isinstance(tags, list) and "objects" in document:
        yield from _of_tags([tag if isinstance(tag, dict) else {"name": str(tag)} for tag in tags])
    elif isinstance(listed, list):
        yield _LABEL, "|".join(dict.fromkeys(_name_of(one) for one in listed if _is_tag(one)))
    elif any(is_label_name(name) and isinstance(value, str | int) for name, value in document.items()):
        ((_, record),) = flatten([(1, document)])
        yield from record.items()


def _of_tags(tags: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the columns of tags of the whole image: those with a value are columns, the others are labels or splits."""
    plain = [str(tag.get("name", "")) for tag in tags if tag.get("value") is None]
    splits = [name for name in plain if part_of(name) is Part.SPLIT]
    yield _LABEL, "|".join(name for name in plain if name not in splits)
    yield _SPLIT, splits[0] if len(splits) == 1 else ""
    yield from ((str(tag.get("name", "")), str(tag["value"])) for tag in tags if tag.get("value") is not None)


def _is_tag(annotation: Any) -> bool:
    """Whether an annotation is a class of the whole image."""
    return isinstance(annotation, dict) and ("tag" in annotation or annotation.get("type") in ("tag", "class"))


def _name_of(annotation: Mapping[str, Any]) -> str:
    return str(next((annotation[key] for key in ("className", "name", "label") if key in annotation), ""))
