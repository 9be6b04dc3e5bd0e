"""Paths of the images of the new dataset, which stay below their folder whatever a label or a name holds.

A file keeps its path without the folders of its split and its class, wherever these were, and below class folders also
without those that all files lie in. A class that is new must have a name that every file system takes for a folder; one
that the dataset came with gets percent escapes where it is not a path part, is longer than a file system takes, or is
the name of a file that lies beside the class folders.
Names that a later scan passes over, and in the form of Hugging Face words that `datasets` takes for a split wherever
they stand, get percent escapes too. Left out: what only some file systems refuse about classes that are there already
(names of devices, letters that differ in case alone); they say so themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.data.images import SUFFIXES
from labelaudit.data.ingest import digest
from labelaudit.data.tree import is_passed_over
from labelaudit.errors import OptionError, RunError
from labelaudit.text import UNSEEN

NAMES = "class_names.json"
"""The file of the names of numbered classes."""
BESIDE = (NAMES, "clean-report.json", "clean-report.md", "weights.csv")
"""Files that may lie beside class folders."""
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}

_LONGEST = 200
"""Bytes of a path part; file systems take 255, and a name may still get an ending and digits of a digest."""
_SPLIT_WORD = re.compile(
    r"(?<![^-._ 0-9])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?![^-._ 0-9])"
)
"""Between separators or alone in a path part, `datasets` takes it for a split (datasets.data_files)."""

_UNSAFE = re.compile(f"[\x00-\x1f{UNSEEN}\ud800-\udfff]")
"""Characters that steer a terminal, turn a line around, or that no UTF-8 holds; wide and narrow spaces are none."""

Ending = Callable[[int], str]
"""Row of the audit -> the ending that its bytes ask for, such as ``.png``."""


def class_folder(label: str) -> str:
    """The folder of a class: its name, or where that is not a single visible path part, the name with percent escapes.

    >>> class_folder("tabby cat"), class_folder("../x"), class_folder("a/b"), class_folder("."), class_folder("50%")
    ('tabby cat', '%2E.%2Fx', 'a%2Fb', '%2E', '50%')
    """
    if _is_one_part(label) and label.casefold() not in BESIDE:
        return _fitted(_seen(label))
    if _is_one_part(label):
        return _escape(label[0]) + label[1:]
    escaped = "".join(_escape(c) if c in "/\\%" or _UNSAFE.match(c) else c for c in label)
    return _fitted(_escape(escaped[0]) + escaped[1:] if escaped.startswith((".", " ")) else escaped or "%")


def check_class(name: str, classes: Iterable[str], where: str) -> None:
    """Refuse a new class whose name cannot be that of a folder everywhere; raises `RunError`, naming ``where``."""
    fault = ""
    if not _is_one_part(name) or name != name.rstrip(" .") or set(name) & set('<>:"|?*'):
        fault = "no folder can be called so everywhere"
    elif name.partition(".")[0].rstrip().casefold() in _DEVICES:
        fault = "Windows keeps that name for a device"
    elif name.casefold() in BESIDE:
        fault = "a file that is written beside the class folders is called so"
    elif twins := [known for known in classes if known != name and known.casefold() == name.casefold()]:
        fault = f"it differs from the class '{twins[0]}' in upper and lower case only"
    if fault:
        raise RunError(f"{where}: a new class cannot be called '{name}': {fault}; choose another name")


def by_class(dataset: RelabelledDataset, ending: Ending) -> tuple[str, ...]:
    """(m,) ``[split/]class/name`` of each sample, all different.

    Where a relabelled image meets another one of its name, it is the one that gets eight digits of its digest.

    Raises:
        OptionError: two classes would share a folder.
    """
    folders = {label: class_folder(label) for label in {*dataset.classes, *dataset.labels}}
    counts = Counter(folders.values())
    if shared := [label for label in sorted(folders) if counts[folders[label]] > 1]:
        raise OptionError(
            f"the classes '{shared[0]}' and '{shared[1]}' would share a folder: use `format` hf or parquet"
        )
    return _unique(dataset, [folders[label] for label in dataset.labels], ending, _seen)


def as_given(dataset: RelabelledDataset, ending: Ending) -> tuple[str, ...]:
    """(m,) ``[split/]path`` of each sample as its id has it, less what would lead out of the folder or be misread."""

    def spell(part: str) -> str:
        return _seen(_without_split_words(part.replace("\\", _escape("\\"))))  # in a table it parts folders

    return _unique(dataset, [""] * len(dataset), ending, spell)


def _unique(
    dataset: RelabelledDataset, folder_of: Sequence[str], ending: Ending, spell: Callable[[str], str]
) -> tuple[str, ...]:
    """(m,) ``[split/]folder/name`` of each sample; ``spell`` writes each part so that it is read back alike."""
    samples, given = dataset.samples, dataset.samples.given()
    moved = [dataset.labels[place] != given[row] for place, row in enumerate(dataset.rows)]
    splits = [""] * len(given) if samples.splits is None else samples.splits
    insides = [
        _inside(samples.ids[row], splits[row], given[row] if folder else "")
        for row, folder in zip(dataset.rows, folder_of, strict=True)
    ]
    shared = _shared([inside[:-1] for inside in insides]) if all(folder_of) else 0
    found = [""] * len(dataset)
    taken: set[str] = set()
    for place in sorted(range(len(dataset)), key=lambda place: moved[place]):  # stable: what stays names itself first
        row = dataset.rows[place]
        inside = [_fitted(spell(part)) for part in insides[place][shared:]]
        path = PurePosixPath(*(part for part in (splits[row], folder_of[place]) if part), *inside)
        if path.suffix.lower() not in SUFFIXES:
            path = path.with_name(path.name + ending(row))
        name, number = path, 1
        while str(name) in taken:
            mark = samples.digests[row][:8] + (f"-{number}" if number > 1 else "")
            name, number = path.with_name(f"{path.stem}-{mark}{path.suffix}"), number + 1
        taken.add(str(name))
        found[place] = str(name)
    return tuple(found)


def _shared(paths: Sequence[list[str]]) -> int:
    """The number of folders with which all ``paths`` begin.

    >>> _shared([["pets", "a"], ["pets"], ["pets", "b"]]), _shared([[], ["pets"]]), _shared([])
    (1, 0, 0)
    """
    first, last = (min(paths), max(paths)) if paths else ((), ())
    differ = (n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return next(differ, min(len(first), len(last)))


def _inside(name: str, split: str, label: str) -> list[str]:
    """The parts of a sample's id without the folders of its split and its class.

    >>> _inside("train/cat/2021/1.png", "train", "cat"), _inside("b/bakery/shop/1.png", "", "bakery/shop")
    (['2021', '1.png'], ['b', '1.png'])
    """
    parts = [part.replace("\0", "%00") for part in name.split("/") if part not in ("", ".", "..")]
    folders = parts[:-1]
    for level in ([split], label.split("/")):
        places = range(len(folders) - len(level) + 1)
        at = next((at for at in places if folders[at : at + len(level)] == level), len(folders))
        del folders[at : at + len(level)]
    return [*folders, *parts[-1:]] or ["unnamed"]


def _seen(part: str) -> str:
    """``part`` with its first sign escaped where a scan would pass it over, as hidden or as left by other tools."""
    part = "".join(_escape(c) if "\ud800" <= c <= "\udfff" else c for c in part)
    return _escape(part[0]) + part[1:] if part and is_passed_over(part) else part


def _without_split_words(part: str) -> str:
    """``part`` without a word that `datasets` would take for a split.

    >>> _without_split_words("test_01.png"), _without_split_words("latest.png")
    ('%74est_01.png', 'latest.png')
    """
    return _SPLIT_WORD.sub(lambda found: _escape(found[0][0]) + found[0][1:], part)


def _fitted(part: str) -> str:
    """``part`` cut to a length that every file system takes; eight digits of its digest stand for the rest."""
    data = part.encode("utf-8", "surrogateescape")
    if len(data) <= _LONGEST:
        return part
    stem, dot, suffix = part.rpartition(".")
    suffix = dot + suffix if stem and len(suffix) < 10 else ""
    return f"{data[: _LONGEST - 20].decode('utf-8', 'ignore')}%{digest(data)[:8]}{suffix}"


def _is_one_part(label: str) -> bool:
    return bool(label) and not (_UNSAFE.search(label) or label.startswith((".", " ")) or set(label) & set("/\\"))


def _escape(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
