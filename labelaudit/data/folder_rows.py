"""Tables whose rows name folders of images: a patient, a film, a slide. Every image in a folder has what its row says.

Folders may also be classes, which a table describes; so the column must be called as what images are of, or be the one
that a person named. A column called ``animal`` or ``folder`` may hold either, and its names decide. Left out: names
that several folders have, where the paths do not tell which is meant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from labelaudit.data.cells import is_number
from labelaudit.data.column_names import is_label_name, plain_name
from labelaudit.data.formats import VIDEOS
from labelaudit.data.matching import FileIndex, path_steps
from labelaudit.data.table import Table
from labelaudit.data.tree import Tree, folders_above

_OWNERS = frozenset(
    """
    patient patientid subject subjectid caseid slide slideid wsi video videoid clip film movie study series session
    visit participant
    """.split()
)
"""Words in the name of a column that says of whom or of what images are."""
_MAYBE_CLASSES = frozenset("case scan sequence seq specimen animal person folder foldername dir directory".split())
"""Such words that a table about classes has too: folders of animals, ``cat`` and ``cow``, are classes, and ``A17`` and
``A18`` are none."""
_WORDNET = re.compile(r"n\d{8}")
FILM = re.compile(
    rf"\.({'|'.join(ending[1:] for ending in sorted(VIDEOS))}|svs|ndpi|mrxs|tiff?|dcm|nii(\.gz)?|zip)$", re.IGNORECASE
)
"""The ending of a file that is taken apart into images: a film, a slide, a scan of many layers."""
PATHS = "path of the image"
"""The column that is added: the path of each image."""


def spread_folders(table: Table, tree: Tree, asked: str | None = None) -> Table | None:
    """A table with a row for each image of the folders that its rows name; ``None`` where most rows name none.

    ``asked`` is the column of folders that a person named.
    """
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for path in tree.paths:
        for folder in folders_above(path):
            inside[folder].append(path)
    folders = FileIndex([*inside], tree.name)
    shares_words = asked is None and _shares_words(table)
    for name, cells in table.cells.items():
        numbered = shares_words and not is_label_name(name) and all(map(str.isdecimal, cells))
        if name == asked or (asked is None and (_names_owners(name, cells) or numbered)):
            called = [FILM.sub("", cell.strip()) for cell in cells]
            named = folders.match_best((called, ["".join(path_steps(cell)[-1:]) for cell in called])).files
            found = [inside[folder] if folder is not None else [] for folder in named]
            images = [image for some in found for image in some]
            if images and 2 * sum(map(bool, found)) >= len(found):
                rows = [row for row, some in enumerate(found) for _ in some]
                spread = {column: [values[row] for row in rows] for column, values in table.cells.items()}
                lines = [table.lines[row] for row in rows]
                return replace(table, cells={PATHS: images, **spread}, lines=lines, of_folders=name)
    return None


def may_be_classes(table: Table) -> bool:
    """Whether the folders that rows name may be classes, which the table is about, since their names differ in more
    than numbers.

    >>> rows = {"folder": ["cat", "dog"], "kind": ["pet", "pet"]}
    >>> may_be_classes(Table(name="a.csv", cells=rows, lines=[2, 3], of_folders="folder"))
    True
    """
    words = {*re.split(r"[\s_]+", plain_name(table.of_folders))}
    if not table.of_folders or not words & _MAYBE_CLASSES or words & _OWNERS:
        return False
    named = {*table.cells[table.of_folders]}
    forms = {name if _WORDNET.fullmatch(name) else re.sub(r"\d+", "0", name) for name in named}
    return 2 * len(forms) >= len(named) and not any(map(FILM.search, named))


def _names_owners(name: str, cells: Sequence[str]) -> bool:
    """Whether a column says of whom or of what images are, holds paths of folders, or has no name and holds files that
    are taken apart."""
    if all(cell.strip().endswith("/") for cell in cells):
        return True
    words = {*re.split(r"[\s_]+", plain_name(name))}
    return bool(words & (_OWNERS | _MAYBE_CLASSES)) or (
        words == {"column", "1"} and all(FILM.search(cell.strip()) for cell in cells)
    )


def _shares_words(table: Table) -> bool:
    """Whether a column called a label, or any without header, holds words that come again and again: then one of
    numbers may name films. Numbered classes have a word each, and numbered films share theirs."""
    labels = [cells for column, cells in table.cells.items() if is_label_name(column) or not table.has_header]
    return any(2 * len({*cells}) <= len(cells) and not any(map(is_number, cells)) for cells in labels)
