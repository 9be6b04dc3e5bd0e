"""Zip and tar archives, and folders of tar shards as WebDataset writes them, read without unpacking.

In an archive of class folders the folders are the labels. In a shard the files of one sample have one name up to its
first dot, and the label is in the ``.cls`` or ``.json`` beside the image. Left out: captions (``.txt``).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from labelaudit.data.archive import JoinedStorage, TarStorage, is_archive, open_archive, tree_of
from labelaudit.data.column_names import LABEL_NAMES
from labelaudit.data.columns import choose_columns
from labelaudit.data.listing import Listing, split_of
from labelaudit.data.parts import Part, lies_in
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.records import columns_of
from labelaudit.data.tree import Disk, Storage, Tree, ending_of
from labelaudit.errors import DataError
from labelaudit.text import count, name_some
from labelaudit.types import Finding

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_PLAIN = ("cls", "cls.txt", "label", "class", "target", "label.txt")
"""Endings of files that hold a label and nothing else."""


def open_(subject: Subject) -> Subject | None:
    """The files of an archive, of several named by ``{000..012}``, or of a folder of tars without images."""
    path, source = subject.path, subject.source
    if path is None:
        return None
    if path.is_file() and is_archive(path):
        storage = open_archive(path)
        return Subject(source, tree_of(str(path), list(storage.sizes), storage, storage.lost))
    if _BRACES.search(path.name):
        return Subject(source, _join(str(path), _expand(path)))
    if path.is_dir():
        shards = sorted(path / one for one in subject.tree.others if ending_of(one) == ".tar")
        if shards and all(lies_in(image, Part.ASIDE) for image in subject.tree.paths):
            return Subject(source, _join(str(path), shards))
    return None


def recognise(subject: Subject) -> list[Reading]:
    """The samples of shards: images with a label of the same name beside them, inside of archives only."""
    if not subject.is_folder or isinstance(subject.tree.storage, Disk) or subject.source.label_from is not None:
        return []
    tree = subject.tree
    beside: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for path in tree.others:
        key, ending = _split(path)
        beside[key][ending] = path
    labelled = [path for path in tree.paths if beside.get(_split(path)[0])]
    endings = {ending for path in labelled for ending in beside[_split(path)[0]]}
    asked = subject.source.label_column
    kind = next((ending for ending in (asked, *_PLAIN, "json") if ending in endings), None)
    if kind is None or 2 * len(labelled) < len(tree.paths):
        return []
    read = partial(_list, tree, beside, kind, None if asked == kind else asked)
    return [Reading(what=f"samples of shards, labels in .{kind}", read=read)]


def _list(tree: Tree, beside: Mapping[str, Mapping[str, str]], kind: str, column: str | None) -> Listing:
    """The samples of shards whose label is in the file of the ending ``kind`` beside the image.

    ``beside`` is sample -> ending -> file, ``column`` the key of the label in a JSON file.
    """
    samples: defaultdict[str, list[str]] = defaultdict(list)
    for path in tree.paths:
        samples[_split(path)[0]].append(path)
    if several := [paths for paths in samples.values() if len(paths) > 1]:
        endings = [f".{_split(path)[1]}" for path in several[0]]
        raise DataError(
            f"samples of '{tree.shown}' have several images, {name_some(endings)}: keep one for each sample"
        )
    keys = [key for key in samples if kind in beside.get(key, {})]
    contents = [tree.storage.read(beside[key][kind]) for key in keys]
    if kind == "json":
        labels, origin = _of_json(tree, contents, column)
    else:
        labels, origin = [content.decode("utf-8", "replace").strip() for content in contents], f".{kind} files"
    splits = tuple(split_of(key) or "" for key in keys)
    ids = tuple(samples[key][0] for key in keys)
    return Listing(
        root=tree.shown,
        ids=ids,
        labels=tuple(label or None for label in labels),
        images=tree.storage.images(ids),
        splits=splits,
        findings=tree.findings,
        origin=f"{origin} of '{tree.shown}'",
        notes=(f"{count(len(tree.paths) - len(ids), 'image')} without a .{kind} beside.",)
        if len(ids) < len(tree.paths)
        else (),
    )


def _of_json(tree: Tree, contents: Sequence[bytes], column: str | None) -> tuple[list[str], str]:
    """The labels in records of JSON, and the name of their column."""
    records = []
    for content in contents:
        try:
            record = json.loads(content)
        except ValueError:
            record = {}
        scalars = record.items() if isinstance(record, dict) else ()
        records.append({name: str(value) for name, value in scalars if isinstance(value, str | int | float)})
    cells = columns_of(records)
    chosen = choose_columns(cells, where=f"'{tree.shown}'", label_column=column, without_path=True)
    if column is None and (chosen.label or "").lower() not in LABEL_NAMES:
        known = name_some([*cells])
        raise DataError(f"'{tree.shown}' has no label in its .json: choose of {known} with `label_column`")
    return chosen.labels(cells), f"'{chosen.label}' in the .json files"


def _split(path: str) -> tuple[str, str]:
    """The name of a sample, up to the first dot of the file's name, and what follows it."""
    folder, slash, name = path.rpartition("/")
    key, _, ending = name.partition(".")
    return folder + slash + key, ending.lower()


def _expand(path: Path) -> list[Path]:
    """The files that ``shard-{000..012}.tar`` stands for; raises `DataError` where one is missing."""
    found = _BRACES.search(path.name)
    if found is None:
        return [path]
    first, last = found.groups()
    numbers = [str(number).zfill(len(first)) for number in range(int(first), min(int(last), int(first) + 100_000) + 1)]
    files = [path.with_name(path.name[: found.start()] + number + path.name[found.end() :]) for number in numbers]
    if missing := [file for file in files if not file.is_file()]:
        raise DataError(f"'{missing[0]}' does not exist: '{path}' names {len(files):,} shards")
    return files


def _join(shown: str, shards: Sequence[Path]) -> Tree:
    """The files of several tars. Numbered ones are shards of one dataset; with names of their own they are folders.

    Numbered tars whose files bear their names (``n01440764.tar`` with ``n01440764_1.JPEG``) are folders too.
    """
    stores = [(shard, TarStorage(shard)) for shard in shards]
    numbered = len({re.sub(r"\d+", "", shard.stem) for shard in shards}) < len(shards) or len(shards) == 1
    named = all(path.rpartition("/")[2].startswith(shard.stem) for shard, store in stores for path in store.sizes)
    names = [name for _, store in stores for name in store.sizes]
    unique = len({*names}) == len(names)
    places: dict[str, tuple[Storage, str]] = {}
    lost = list[Finding]()
    for number, (shard, store) in enumerate(stores):
        if numbered and not named:
            below = shard.relative_to(shown) if Path(shown) in shard.parents else shard.name
            steps = [split_of(str(below)), None if unique else f"shard-{number}"]
        else:
            steps = [shard.stem]
        above = "".join(f"{step}/" for step in steps if step)
        places |= {f"{above}{name}": (store, name) for name in store.sizes}
        lost += [replace(one, path=f"{above}{one.path}") for one in store.lost]
    return tree_of(shown, list(places), JoinedStorage(places), lost)
