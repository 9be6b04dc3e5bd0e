"""Lists joined by an id, as CUB-200 and NABirds have them: ``images.txt`` (id, path), ``image_class_labels.txt`` (id,
class number) and ``classes.txt`` (class number, name). A list of 1 and 0 called ``train_test_split.txt`` says what is
for training.
"""

from __future__ import annotations

from functools import partial

from labelaudit.data.assembly import FoundTable, assemble
from labelaudit.data.columns import Columns
from labelaudit.data.formats import ends_as_image
from labelaudit.data.images import ImageError
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.table import Table
from labelaudit.data.tree import Tree, ending_of

_LONGEST = 10_000_000  # bytes of a list


def recognise(subject: Subject) -> list[Reading]:
    """A folder of images with a list of their ids and a list of the classes of these ids."""
    if subject.is_said_by_table or not subject.is_folder:
        return []
    if subject.source.labels is not None or subject.source.label_from is not None:
        return []
    tree = subject.tree
    lists = {path: found for path in _candidates(tree) if (found := _pairs(tree, path))}
    images = [path for path, found in lists.items() if all(map(tree.index.names, found.values()))]
    images = [path for path in images if not any(map(ends_as_image, lists[path]))]
    if len(images) != 1:
        return []
    ids = lists[images[0]]
    same = [path for path, found in lists.items() if path not in images and found.keys() == ids.keys()]
    telling = [path for path in same if _tells(path, "label")] or [
        path for path in same if _tells(path, "class", "target")
    ]
    if len(telling) != 1:
        return []
    classes = lists[telling[0]]
    names = next(
        (
            found
            for path, found in lists.items()
            if {*classes.values()} <= found.keys() and _tells(path, "class", "name")
        ),
        {},
    )
    cells = {"path": list(ids.values()), "label": [names.get(classes[key], classes[key]) for key in ids]}
    marks = next(
        (found for path in same if _tells(path, "split") and {*(found := lists[path]).values()} == {"0", "1"}), None
    )
    if marks is not None:
        cells["split"] = ["train" if marks[key] == "1" else "test" for key in ids]
    table = Table(name=telling[0], cells=cells, lines=range(1, len(ids) + 1))
    match, columns = tree.index.match([*ids.values()]), Columns(path="path", label="label")
    joined = FoundTable(table=table, columns=columns, match=match, names=tuple(lists))
    what = f"{images[0]} and {telling[0]}, joined by their ids"
    return [Reading(what=what, read=partial(assemble, joined, tree))]


def _candidates(tree: Tree) -> list[str]:
    return [path for path in tree.documents if ending_of(path) == ".txt"][:40]


def _tells(path: str, *words: str) -> bool:
    return any(word in path.rpartition("/")[2].lower() for word in words)


def _pairs(tree: Tree, path: str) -> dict[str, str]:
    """Id -> the rest of the line; empty where a line does not begin with an id of its own."""
    try:
        data = tree.storage.read(path)
        text = data.decode("utf-8-sig") if len(data) < _LONGEST else ""
    except (ImageError, OSError, ValueError):
        return {}
    lines = [line.strip().split(maxsplit=1) for line in text.splitlines() if line.strip()]
    if not lines or any(len(line) != 2 for line in lines):
        return {}
    found = dict(lines)
    return found if len(found) == len(lines) else {}
