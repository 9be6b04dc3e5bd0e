"""The message for a dataset that no reader knows: what was looked for, and what to do."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from labelaudit.data.archive import is_archive
from labelaudit.data.formats import VIDEOS, ends_as_image
from labelaudit.data.images import ImageError, suffix
from labelaudit.data.reader import Subject, read_document
from labelaudit.data.table import MANY_COLUMNS
from labelaudit.data.tree import Tree, ending_of
from labelaudit.errors import DataError
from labelaudit.text import count, name_some

_CLOSED = re.compile(
    r".*\.(mat|xlsx?|ods|h5|hdf5|arrow|feather|pkl|pickle|db|sqlite3?|rds|sav|tfrecord|tfrec|mdb|bin|npy|lance|beton|ya?ml|zarr|rec|orc|avro|nii\.gz|(csv|tsv|txt|jsonl?)\.(gz|bz2|xz|zip))(-\d+-of-\d+)?",
    re.IGNORECASE,
)
"""Names of files that may hold labels or images and are not read, not alone at least."""
_TABLE = re.compile(r".*\.(csv|tsv|jsonl?|ndjson)|.*(split|partition|fold)[^/]*\.(txt|lst)", re.IGNORECASE)
_UNREAD = frozenset(
    """
    .jxl .svg .psd .exr .hdr .cr2 .cr3 .nef .arw .dng .orf .raf .nii .mha .nrrd .svs .ndpi .fits .xcf .eps .ai .pdf
    .tga .pcx .ico
    """.split()
)
"""Endings of pictures in formats that are not read."""
_FEW, _LOOKED_AT = 4, 20  # files that a message names, and that it looks into


def _stem_of_boxes(path: str) -> str | None:
    """The name of a file that may hold boxes of the image of that name."""
    stem, _, ending = path.rpartition("/")[2].rpartition(".")
    return stem if ending.lower() in ("xml", "txt", "json") else None


def tables_beside(tree: Tree) -> str:
    """The files of a folder that may be tables of labels, or the reason why one is none; empty where they are many."""
    tables = list(filter(_TABLE.fullmatch, tree.others))
    if not 0 < len(tables) <= _FEW:
        return ""
    for name in tables:
        try:
            table = read_document(name, tree.storage.read(name))
        except (ImageError, OSError, ValueError):
            continue
        except DataError as error:
            return str(error)
        if any(tree.index.names(cell) for cells in table.cells.values() for cell in cells[:_LOOKED_AT]):
            return f"'{name}' is called as examples, results or splits are: give it as `labels` if it holds labels"
        if len(table.columns) > MANY_COLUMNS:
            return f"'{name}' has {len(table.columns):,} columns: if these are pixels, give that file as DATA"
        if len(table) >= len(tree.paths):
            return f"'{name}' has {count(len(table), 'row')}: add a column with the path of the image of each"
    return name_some(tables)


def nothing_found(subject: Subject) -> str:
    """The message for a dataset that no reader recognised: what was looked for and what to do."""
    source = subject.source
    if source.labels is not None and source.label_from is not None:
        return f"'{subject.shown}': `labels` and `label_from` both say where the labels are: leave one out"
    if source.format is not None and (source.labels is not None or not subject.is_said_by_table):
        fault = "cannot be read" if source.labels is None else "and its table of `labels` cannot be read"
        return f"'{subject.shown}' {fault} as `format` {source.format}: leave it out, or name another"
    if not subject.is_folder:
        return _unknown_file(subject)
    tree = subject.tree
    columns = ("path_column", "label_column", "annotator")
    asked = [f"`{name}`" for name in columns if getattr(source, name) is not None]
    advice = "put images into <class>/ folders, or give a table of labels with `labels` FILE"
    if not asked and not tree.paths:
        return _no_images(tree, advice)
    tables = f" ({told})" if (told := tables_beside(tree)) else ""
    if asked:
        return f"'{tree.shown}' has no table for {' and '.join(asked)}{tables}: give one with `labels` FILE"
    names = [path.rpartition("/")[2] for path in tree.paths]
    stems = {*names, *(name.rpartition(".")[0] for name in names)}
    boxes = sum(_stem_of_boxes(other) in stems for other in tree.others)
    boxes = boxes if 2 * boxes > len(tree.paths) else 0
    closed = list(filter(_CLOSED.fullmatch, tree.others))
    flat = subject.path is not None and subject.path.is_dir() and not any("/" in path for path in tree.paths)
    alone = f", or `label_from` parent if all are of the class '{tree.name}'" if flat else ""
    beside = (
        f", {boxes:,} .xml, .txt or .json files of the same names may hold boxes, which are not read" if boxes else ""
    )
    if listed := _labels_in_order(tree):
        beside += f", '{listed}' has a line for each image and no names: write them beside its labels"
    elif closed:
        beside += f", '{closed[0]}' is not read: save it as a CSV of paths and labels if it holds them"
    where = f"they lie in no class folders, no table there was found to label them{tables}"
    return (
        f"'{tree.shown}' holds {count(len(tree.paths), 'image')} without labels: {where}, and their names show no "
        f"pattern{beside}: {advice}, or say `label_from` name:'REGEX'{alone}"
    )


def _labels_in_order(tree: Tree) -> str:
    """A list with as many lines as there are images, all of one word, some of them the same; empty if there is none."""
    lists = [other for other in tree.others if ending_of(other) in (".txt", ".csv", ".lst")]
    for name in lists[:_LOOKED_AT]:
        with suppress(ImageError, OSError, ValueError):
            lines = tree.storage.read(name).decode().strip().splitlines()
            if len({*lines}) < len(lines) == len(tree.paths) and not any(len(line.split()) > 1 for line in lines):
                return name
    return ""


def _unknown_file(subject: Subject) -> str:
    path = subject.path
    if path is not None and ends_as_image(path.name):
        return f"'{path}' is one image: give the folder of class folders above it"
    if path is not None and path.suffix.lower() in (".7z", ".rar"):
        return f"'{path}' is an archive of a kind that is not read: unpack it and give the folder, or a .zip"
    if path is not None and path.suffix == ".dvc":
        return f"'{path}' is a pointer of DVC: run `dvc pull` and give the folder '{path.with_suffix('')}'"
    if path is not None and _CLOSED.fullmatch(path.name):
        return f"'{path}' is not read: save its images and labels as one .npz, or as class folders"
    return (
        f"'{subject.shown}' is not a kind of dataset known here: give a folder, a table (.csv, .tsv, .jsonl, "
        ".json), .parquet, .npz, .npy, .zip or .tar"
    )


def _no_images(tree: Tree, advice: str) -> str:
    """The message for a folder or an archive in which there is no image."""
    packed = [f"'{tree.shown}/{other}'" for other in tree.others if is_archive(Path(other))]
    if packed and Path(tree.shown).is_file():
        return f"'{tree.shown}' holds no images but archives, which are not opened in an archive: unpack it"
    if packed:
        several = "; if each is a class or a split, unpack each into a folder of its own name" * (len(packed) > 1)
        return f"'{tree.shown}' holds no images but archives: give one of them, {name_some(packed, 4)}{several}"
    arrays = [other for other in tree.others if ending_of(other) in (".npz", ".npy")]
    by_dvc = any(re.search(r"\.dvc$|(^|/)dvc\.(yaml|lock)$", other) for other in tree.others)
    closed = [] if by_dvc else list(filter(_CLOSED.fullmatch, tree.others))
    alone = [other for other in tree.others if ending_of(other) in (".npz", ".csv", ".tsv", ".parquet") and not by_dvc]
    closed, alone = (arrays, []) if len(arrays) > 1 else (closed, alone)
    if 0 < len(alone) <= _FEW:
        named = " or ".join(f"'{tree.shown}/{other}'" for other in alone)
        unpack = "unpack it and " if Path(tree.shown).is_file() else ""
        also = f"; '{closed[0]}' is not read: save its images and labels as one .npz" if closed else ""
        return f"'{tree.shown}' holds no image files; if images are in {named}, {unpack}give that file as DATA{also}"
    if closed:
        otherwise = "give it as DATA with its labels as `labels` FILE" if len(arrays) > 1 else "as class folders"
        return (
            f"'{tree.shown}' holds no image files, and '{closed[0]}' is not read: save its images and labels as one "
            f".npz, or {otherwise}"
        )
    counted = [f"{n} {ending}" for ending, n in sorted(tree.skipped.items(), key=lambda pair: -pair[1])[:4]]
    if tree.findings:
        first = tree.findings[0]
        counted.append(f"{len(tree.findings)} that cannot be read, the first: '{first.path}', {first.detail}")
    left = f" (left out: {', '.join(counted)})" if counted else ""
    if kinds := VIDEOS & tree.skipped.keys():
        advice = (
            f"take frames out of the {min(kinds)} files as images into <class>/ folders, and name the film by `group`"
        )
    elif kinds := _UNREAD & tree.skipped.keys():
        advice = f"write the {min(kinds)} files as PNG, JPEG or TIFF"
    elif by_dvc:
        advice = "run `dvc pull` if they are kept by DVC"
    if (found := _called_otherwise(tree)) is not None:
        advice = f"'{found[0]}' is an image by its content: give such files the ending '{found[1]}'"
    return f"no images in '{tree.shown}'{left}: {advice}"


def _called_otherwise(tree: Tree) -> tuple[str, str] | None:
    """A file that is an image in spite of its ending, with the ending that it should have.

    Of each ending one is looked at. Raw photographs of many cameras begin as TIFF does and are none.
    """
    for name in list({ending_of(other): other for other in reversed(tree.others)}.values())[:_LOOKED_AT]:
        with suppress(ImageError, OSError, ValueError):
            if (ending := suffix(tree.storage.read(name))) not in ("", ".tif"):
                return name, ending
    return None
