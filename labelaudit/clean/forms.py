"""The forms a new dataset can have, each written into an empty folder.

    folders   [split/]class/name          what torchvision's ImageFolder and Hugging Face's imagefolder read
    hf        [split/]path, metadata.csv  Hugging Face's imagefolder with a table of labels; metadata.jsonl where the
                                          types that pandas guesses for a CSV would change a label
    parquet   data/split-0000i-of-0000n   Hugging Face's image convention: image{bytes, path}, label
    csv       labels.csv                  path and label of what is in; paths are those of the source
    patch     relabel.csv                 only what changes, one change a line, sorted by path

Tables that programs read hold names exactly as they are; ``relabel.csv``, which people open, guards what a spreadsheet
would execute, as the files of a RUN do. A table is read back as soon as it is written; images are by `reading_back`.
Left out: anything that only one framework reads.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.clean.names import as_given, by_class
from labelaudit.clean.parquet import write_parquet
from labelaudit.clean.transfer import Transfer
from labelaudit.errors import RunError
from labelaudit.text import Lines, cell, encodable, free_name

_CHUNK = 10_000
"""Rows that pandas guesses the types of at once, in `datasets`."""
_NOTHING = frozenset(
    {
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
        *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    }
)
"""Texts that pandas takes for a missing value."""
_NAMING = ("_file_name", "_file_names", "file_names")
PATCH = ("path", "digest", "given_label", "action", "new_label", "weight", "source", "reason", "label_score")


def write_folders(dataset: RelabelledDataset, folder: Path, transfer: Transfer) -> None:
    """Class folders; weights go to ``weights.csv``."""
    names = by_class(dataset, transfer.ending)
    transfer.place(dataset.rows, [folder / name for name in names])
    if dataset.weights is not None:
        rows = zip(names, dataset.weights, strict=True)
        _write(folder / "weights.csv", ("file_name", "weight"), ((name, str(weight)) for name, weight in rows))


def write_hf(dataset: RelabelledDataset, folder: Path, transfer: Transfer) -> None:
    """An image folder with ``metadata.csv`` in each split."""
    names = as_given(dataset, transfer.ending)
    transfer.place(dataset.rows, [folder / name for name in names])
    columns = {_plain_column(name): values for name, values in _columns(dataset, "file_name", names).items()}
    parts = dataset.split_rows()
    exact = keeps_text(columns, parts.values())
    for split, places in parts.items():
        inside = len(split) + 1 if split else 0
        columns["file_name"] = tuple(name[inside:] for name in names)
        rows = zip(*([values[place] for place in places] for values in columns.values()), strict=True)
        if exact:
            _write(folder / split / "metadata.csv", columns, rows)
        else:
            _write_lines(folder / split / "metadata.jsonl", columns, rows)


def write_csv(dataset: RelabelledDataset, folder: Path) -> None:
    """``labels.csv``, whose paths are those of the source."""
    columns = _columns(dataset, "path", dataset.ids)
    if dataset.splits is not None and "split" not in columns:
        columns["split"] = dataset.splits
    _write(folder / "labels.csv", columns, zip(*columns.values(), strict=True))


def write_patch(dataset: RelabelledDataset, folder: Path) -> None:
    """``relabel.csv``: the changes that led to the dataset."""
    changes = sorted(dataset.changes, key=lambda change: change.path)
    values = ([getattr(change, name) for name in PATCH] for change in changes)
    _write(folder / "relabel.csv", PATCH, ([cell("" if value is None else value) for value in row] for row in values))


def _write_parquet(dataset: RelabelledDataset, folder: Path, transfer: Transfer) -> None:
    own = ("image", "label") if dataset.weights is None else ("image", "label", "weight")
    further = {name: values for name, values in _columns(dataset, "image", dataset.ids).items() if name not in own}
    write_parquet(dataset, further, folder, transfer)


IMAGE_FORMS: Mapping[str, Callable[[RelabelledDataset, Path, Transfer], None]] = {
    "folders": write_folders,
    "hf": write_hf,
    "parquet": _write_parquet,
}
"""Name -> what writes it, images and all."""
TABLE_FORMS: Mapping[str, Callable[[RelabelledDataset, Path], None]] = {"csv": write_csv, "patch": write_patch}
"""Those that hold no images, so none are read."""
FORMS = (*IMAGE_FORMS, *TABLE_FORMS)


def _columns(dataset: RelabelledDataset, path: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Path, label, weight where there are any, and the columns of the source's table."""
    columns = {path: tuple(names), "label": dataset.labels}
    if dataset.weights is not None:
        columns["weight"] = tuple(str(weight) for weight in dataset.weights)
    for name, values in dataset.extra.items():
        columns[free_name(name, "extra_", columns)] = values
    return columns


def keeps_text(columns: Mapping[str, Sequence[str]], parts: Iterable[Sequence[int]]) -> bool:
    """Whether a CSV keeps the labels as they are written, and each column of one type in all ``parts`` of the rows.

    What reads metadata.csv guesses types, a chunk of rows at a time: 007 becomes 7, and NA nothing at all.

    >>> keeps_text({"label": ("0", "1")}, [(0, 1)]), keeps_text({"label": ("007", "1")}, [(0, 1)])
    (True, False)
    """
    chunks = [places[start : start + _CHUNK] for places in parts for start in range(0, len(places), _CHUNK)]
    for name, values in columns.items():
        kinds = {_guessed_type(values[place] for place in places) for places in chunks}
        if len(kinds) > 1 or (name == "label" and kinds & {"changed"}):
            return False
    return True


def _guessed_type(values: Iterable[str]) -> str:
    """``text``, ``number``, or ``changed`` where the guess would not give back what was written."""
    found = {_guess(value) for value in values}
    if found <= {"number"}:
        return "number"
    return "text" if not found & {"nothing", "changed"} or ("text" in found and "nothing" not in found) else "changed"


def _guess(value: str) -> str:
    if value.strip() in _NOTHING:
        return "nothing"
    if value.strip().lower() in ("true", "false"):
        return "changed"
    try:
        float(value)
    except ValueError:
        return "text"
    return "number" if value.lstrip("-").isdecimal() and str(int(value[:20])) == value else "changed"


def _plain_column(name: str) -> str:
    """A column name that imagefolder takes for no further image."""
    return f"extra_{name}_" if name == "image" or (name != "file_name" and name.endswith(_NAMING)) else name


def _write(path: Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    table = [[_writable(text) for text in row] for row in (tuple(header), *rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        csv.writer(Lines(file)).writerows(table)
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        _compare(path, list(csv.reader(file, strict=True)), table)


def _write_lines(path: Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    names = tuple(header)
    table = [dict(zip(names, map(encodable, row), strict=True)) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table), encoding="utf-8", newline="\n"
    )
    with path.open(encoding="utf-8", newline="\n") as file:
        _compare(path, [json.loads(line) for line in file], table)


def _compare(path: Path, found: Sequence[object], meant: Sequence[object]) -> None:
    if found != meant:
        raise RunError(f"{path.name} does not read back as it was written: nothing was made; try another `format`")


def _writable(text: str) -> str:
    """``text`` as UTF-8 can hold it; the bytes of an undecodable file name stay what they are."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return encodable(text)
    return text
