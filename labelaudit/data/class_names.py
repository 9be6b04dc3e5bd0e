"""Names of numbered classes, from a file that lies beside the data: ``classes.txt``, ``label_map.json``, ``data.yaml``.

Labels that are numbers, or ids (``n01440764`` of WordNet, ``/m/01yrx`` of Open Images), are called by the names of such
a file where it is certain that it means them: it must name every number, begin and end with the same one as the labels
do, or be about ids, which mean the same everywhere; and no other file may name them otherwise. Labels that are words
beside them stay. Where the folder that was given is called as a part of a dataset (``images``, ``train``), the files
beside it count as well. Left out: files beside other folders, which may be another dataset's; superclasses, where
several numbers have one name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.data.formats import ImageError, ends_as_image
from labelaudit.data.listing import Listing, read_file
from labelaudit.data.order import sort_classes
from labelaudit.data.parts import Part, lies_in, part_of
from labelaudit.data.reader import Subject
from labelaudit.data.source import is_address
from labelaudit.data.spelling import LONGEST, plain_spelling
from labelaudit.data.table import MANY_COLUMNS, parse_table
from labelaudit.data.tree import ending_of, stem_of
from labelaudit.errors import DataError, damage_of
from labelaudit.text import count, name_some

_TOLD = re.compile(r"class|label|name|map|synset|categor|words|idx|index", re.IGNORECASE)
"""A word in the name of a file of text, CSV or JSON that names classes."""
_YAML = (".yaml", ".yml")
_ENDINGS = frozenset({".txt", ".json", ".csv", ".tsv", ".names", ".md", *_YAML})
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER, _ID = re.compile(r"\d{1,9}"), re.compile(r"n\d{8}|/[mg]/\w+")
_LINE = re.compile(r"(n\d{8}|/[mg]/\w+|\d{1,9})\s*[\s,;:=]\s*(\S.*)")
_TURNED = re.compile(r"(.*[^\s,;:=])[\s,;:=]+(n\d{8}|/[mg]/\w+|\d{1,9})")
_FIELDS = ("names", "id2label", "classes", "class_names", "label_names")
"""Keys of a document below which the names may be."""
_LARGEST, _LARGEST_YAML, _MOST, _MOST_NAMES = 5_000_000, 200_000, 40, 50_000
"""Bytes of such a file, of one that is slow to read, and how many are looked at."""
_SHOWN = 3

Names = Mapping[str, str]
"""Number or id, as a file writes it -> name of the class."""
NameFiles = Sequence[tuple[str, Sequence[Names]]]
"""Files, each with every way in which it may name classes."""


def name_classes(listing: Listing, subject: Subject) -> Listing:
    """``listing`` with the names of its numbered classes, where a file beside the data surely gives them."""
    labels = _codes_of(listing.held)
    if {*(subject.source.classes or ())} & labels:
        return listing
    read_of = {file: [*_read(file, data)] for file, data in _files(subject)}
    images = {stem_of(path) for path in listing.ids} if any(read_of.values()) else set[str]()
    files = [(file, _without_images(read, images)) for file, read in read_of.items()]
    if not labels:
        return listing.tell(*_note_unlike(listing, files))
    fits: dict[str, dict[str, str]] = {}
    for file, read in files:
        for names in read:
            found = _match(names, labels)
            if {*found.values()} & (listing.held - labels):
                continue
            if any(label != name for label, name in found.items()):
                fits.setdefault(file, found)
    if not fits:
        return listing.tell(*_note_short(labels, files))
    first, *others = fits
    if unlike := [file for file in others if fits[file] != fits[first]]:
        return listing.tell(f"'{first}' and '{unlike[0]}' name the classes differently, so these keep their numbers.")
    name_of = {label: fits[first][label] for label in sort_classes(labels)}
    named = use_names(listing, {name: label for label, name in name_of.items()})
    some = name_some([f"{label} is '{name}'" for label, name in name_of.items()], _SHOWN)
    told = f"Classes are called as in '{first}': {some}. If that file is about other classes, move it away."
    return named.tell(told, origin=f"{listing.origin}, called as in '{first}'")


def _without_images(read: Sequence[Names], images: Set[str]) -> list[Names]:
    """The ``read`` names but for those that are mostly names of ``images``, as in a table of labels."""
    return [names for names in read if 2 * len(images & {*names.values()}) <= len(names)]


def _note_unlike(listing: Listing, files: NameFiles) -> Iterator[str]:
    """Notes on files that name most classes of ``listing``, all of them words, and leave some out that no other file
    names, or number them otherwise than a column of the table does."""
    counts = Counter(label for label in listing.labels if label is not None)
    plain = {plain_spelling(label): label for label in counts}
    numbered = [_numbers_of(listing, column) for column in listing.extra.values()]
    words = {name for _, read in files for names in read for name in names.values()}
    known = {plain.get(plain_spelling(name)) for name in words}
    for file, read in files:
        told = [names for names in read if len({*names.values()}) == len(names)]
        ways = [{code: plain.get(plain_spelling(name), name) for code, name in names.items()} for names in told]
        named = set[str]().union(*(way.values() for way in ways[:1]))
        gone = counts.keys() - named
        lost = gone - known
        if ways and lost and 2 * len(gone) <= len(counts):
            images = count(sum(counts[label] for label in lost), "image has", "images have")
            yield f"'{file}' does not name class {name_some(sorted(lost), _SHOWN)}, which {images}."
        for codes in filter(None, numbered if not gone else ()):
            unlike = [[code for code in sorted(codes) if code in way and way[code] != codes[code]] for way in ways]
            if unlike and all(unlike) and all(codes.keys() <= way.keys() for way in ways[:1]):
                code = unlike[0][0]
                yield f"'{file}' calls {code} '{ways[0][code]}', and the table '{codes[code]}': the table counts."


def _numbers_of(listing: Listing, column: Sequence[str]) -> dict[str, str]:
    """Number -> label, where a column numbers the labels; else nothing."""
    pairs = {*zip(column, listing.labels, strict=True)}
    codes = {code: label for code, label in pairs if label is not None and _NUMBER.fullmatch(code)}
    return codes if len(codes) == len(pairs) == len({*codes.values()}) > 1 else {}


def _note_short(labels: Set[str], files: NameFiles) -> Iterator[str]:
    """A note on the first file that names most of the numbers ``labels``, and not all of them."""
    for file, read in files:
        for names in read:
            gone = labels - names.keys()
            if gone and 2 * len(gone) <= len(labels):
                some = name_some(sort_classes(gone), _SHOWN)
                yield f"'{file}' does not name class {some}, so classes keep their numbers."
                return


def use_names(listing: Listing, codes: Mapping[str, str]) -> Listing:
    """``listing`` with its labels called by the names whose number or id they are by ``codes``, name -> number or id.

    Labels that are already called by a name, or have none, stay. Classes are in the order of their numbers.
    """
    name_of = {code: name for name, code in codes.items()}
    used = {label for label in listing.labels if label in name_of}
    if not used or listing.codes:
        return listing
    order = sort_classes(listing.held)
    return replace(
        listing,
        labels=tuple([label if label is None else name_of.get(label, label) for label in listing.labels]),
        classes=listing.classes or tuple(dict.fromkeys(name_of.get(label, label) for label in order)),
        codes={name: code for name, code in codes.items() if code in used},
    )


def _codes_of(labels: set[str]) -> set[str]:
    """The ``labels`` that are numbers, each written in one way, or ids; empty unless there are several of
    one of these kinds."""
    numbers = {label for label in labels if _NUMBER.fullmatch(label)}
    ids = {label for label in labels if _ID.fullmatch(label)}
    found = numbers or ids
    return found if len(found) > 1 and not (numbers and ids) and len({*map(int, numbers)}) == len(numbers) else set()


def _match(names: Names, labels: set[str]) -> dict[str, str]:
    """Label -> its name, where it is certain that ``names`` are those of these ``labels``; empty elsewhere."""
    if _ID.fullmatch(next(iter(labels))):
        if not labels <= names.keys():
            return {}
        found = {label: names[label].partition(",")[0].strip() for label in labels}
        twice = Counter(found.values())  # such as the two cranes of ImageNet
        return {label: f"{name} ({label})" if twice[name] > 1 else name for label, name in found.items()}
    known = {int(code): name for code, name in names.items() if _NUMBER.fullmatch(code)}
    numbers = {label: int(label) for label in labels}
    if not {*numbers.values()} <= known.keys() or len({*known.values()}) < len(known):
        return {}
    if {min(known), max(known)} != {min(numbers.values()), max(numbers.values())}:
        return {}
    return {label: known[number] for label, number in numbers.items()}


def _files(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """The files that may name classes, with their bytes: in the folder, also beside its shards, and beside a table of
    labels, a file, or a folder that is called as a part of a dataset."""
    found: dict[str, Any] = {}
    if subject.is_folder:
        near = list(filter(_may_name, subject.tree.documents))
        found |= dict.fromkeys(sorted(near, key=lambda path: (path.count("/"), path)), subject.tree.storage.read)
    for given in (subject.source.labels, subject.source.data):
        if isinstance(given, str | Path) and not is_address(given) and not (found and Path(given).is_dir()):
            place = _whole(Path(given)) if Path(given).is_dir() else Path(given).parent
            with suppress(OSError):
                beside = [str(path) for path in place.iterdir() if _may_name(path.name) and path.is_file()]
                found |= dict.fromkeys(sorted(beside), read_file)
    for path in list(found)[:_MOST]:
        with suppress(ImageError, OSError, ValueError):
            data = found[path](path)
            if len(data) <= (_LARGEST_YAML if ending_of(path) in _YAML else _LARGEST):
                yield path, data


def _whole(folder: Path) -> Path:
    """The folder of the dataset that ``folder`` is a part of by its name, such as ``images``; or ``folder``."""
    while part_of(folder.absolute().name) in (Part.DATA, Part.SPLIT, Part.SERIES):
        folder = folder.absolute().parent
    return folder


def _may_name(path: str) -> bool:
    ending = ending_of(path)
    if ending not in _ENDINGS or lies_in(path, Part.ASIDE):
        return False
    return ending in (*_YAML, ".names") or path == "README.md" or _TOLD.search(stem_of(path)) is not None


def _read(file: str, data: bytes) -> Iterator[Names]:
    """The names that a file may give to numbers or ids; counted from 0 and from 1 where it only lists them."""
    with suppress(DataError), damage_of(f"'{file}'", "move it away", of_any_shape=True):
        for names in _parse(file, data):
            if len(names) > _MOST_NAMES:
                return
            told = {code.strip(): name.strip() for code, name in names.items()}
            words = told.values()
            short = all(0 < len(word) <= LONGEST for word in words)
            if short and any(map(_LETTER.search, words)) and not any(map(ends_as_image, words)):
                yield told


def _parse(file: str, data: bytes) -> Iterator[Names]:
    """Yield every way in which the content of a file may name classes."""
    ending, text = ending_of(file), data.decode("utf-8-sig")
    if ending == ".json":
        yield from _of_document(json.loads(text))
    elif ending in (*_YAML, ".md"):
        yield from (_of_card if ending == ".md" else _of_yaml)(text)
    elif ending in (".csv", ".tsv"):
        cells = list(parse_table(file, data).cells.values())
        for codes in cells if len(cells) <= MANY_COLUMNS else ():
            if len({*codes}) == len(codes) and all(map(_LINE.fullmatch, (f"{code} x" for code in codes))):
                yield from (dict(zip(codes, names, strict=True)) for names in cells if names is not codes)
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if any(len(line) > 2 * LONGEST for line in lines):  # a number and a name
            return
        if len(lines) > 2 and not _LINE.fullmatch(lines[0]) and all(map(_LINE.fullmatch, lines[1:])):
            lines = lines[1:]  # below a header
        told = [_LINE.fullmatch(line) for line in lines]
        turned = [_TURNED.fullmatch(line) for line in lines]
        if all(told) and "emnist" in file.lower():
            yield {one[1]: "".join(chr(int(sign)) for sign in one[2].split()) for one in told if one is not None}
        elif all(told):
            yield {one[1]: one[2] for one in told if one is not None}
        else:
            pairs = {one[2]: one[1] for one in turned if one is not None}
            if len(pairs) == len(lines):
                yield pairs
            yield from _counted(lines)


def _of_document(document: Any) -> Iterator[Names]:
    """The names in a document: a list, an object of names by number or the other way round, records of ``id`` and
    ``name``; or any of these one level below."""
    if isinstance(document, list):
        if document and all(isinstance(one, dict) and {"id", "name"} <= one.keys() for one in document):
            yield {str(one["id"]): str(one["name"]) for one in document}
        elif all(isinstance(one, str) for one in document):
            yield from _counted(document)
    elif isinstance(document, dict):
        values = list(document.values())
        if all(isinstance(value, str) for value in values):
            yield document
        elif all(isinstance(value, int) for value in values) and len({*values}) == len(values):
            yield {str(number): str(name) for name, number in document.items()}
        elif all(isinstance(value, list) and len(value) == 2 for value in values):  # number -> [id, name], of ImageNet
            yield {number: str(name) for number, (_, name) in document.items()}
            yield {str(code): str(name) for code, name in values}
        else:
            for key in (*_FIELDS, "categories"):
                if isinstance(document.get(key), list | dict):
                    yield from _of_document(document[key])


def _of_yaml(text: str) -> Iterator[Names]:
    """The ``names`` of a ``data.yaml``. Nothing below them is looked at: a few lines that refer to each other can stand
    for gigabytes."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict):
        names = {str(number): name for number, name in names.items()}
    if isinstance(names, list | dict):
        words = names.values() if isinstance(names, dict) else names
        yield from _of_document(names) if all(isinstance(word, str | int) for word in words) else ()


def _of_card(text: str) -> Iterator[Names]:
    """The names in the card of a dataset of Hugging Face, ``README.md``, where one column alone has such."""
    cards = re.findall(r"class_label:\s+names:((?:\s+'?\d+'?: .+)+)", text)
    if len(cards) == 1:
        yield dict(re.findall(r"(?m)(\d+)'?: ['\"]?(.+?)['\"]?\s*$", cards[0]))


def _counted(names: list[str]) -> Iterator[Names]:
    """The ``names`` of a list numbered from 0, then from 1."""
    yield from ({str(number): name for number, name in enumerate(names, start)} for start in (0, 1))
