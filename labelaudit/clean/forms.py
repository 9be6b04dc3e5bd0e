"""The forms a new dataset can have, each written into an empty folder.

    folders   [split/]class/name          what torchvision's ImageFolder and Hugging Face's imagefolder read
    hf        [split/]path, metadata.csv  Hugging Face's imagefolder with a table of labels
    parquet   data/split-0000i-of-0000n   Hugging Face's image convention: image{bytes, path}, label
    csv       labels.csv                  path and label of what is in; paths are those of the source
    patch     relabel.csv                 only what changes, one change a line, sorted by path

Tables that programs read hold names exactly as they are; ``relabel.csv``, which people open, guards what a spreadsheet
would execute, as the files of a RUN do. Left out: anything that only one framework reads.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from labelaudit.clean.dataset import Dataset
from labelaudit.clean.names import as_given, by_class
from labelaudit.clean.parquet import write_parquet
from labelaudit.clean.plan import Plan
from labelaudit.clean.transfer import Transfer
from labelaudit.errors import RunError
from labelaudit.reports.csv import Lines, cell

PATCH = ("path", "digest", "given_label", "action", "new_label", "weight", "source", "reason", "label_score")

Writer = Callable[[Dataset, Plan, Path, Transfer | None], None]


def write_folders(dataset: Dataset, plan: Plan, folder: Path, transfer: Transfer | None) -> None:  # noqa: ARG001
    """Class folders; weights go to ``weights.csv``."""
    moving = _need(transfer)
    names = by_class(dataset, moving.ending)
    moving.place(dataset.rows, [folder / name for name in names])
    if dataset.weights is not None:
        rows = zip(names, dataset.weights, strict=True)
        _write(folder / "weights.csv", ("file_name", "weight"), ((name, str(weight)) for name, weight in rows))


def write_hf(dataset: Dataset, plan: Plan, folder: Path, transfer: Transfer | None) -> None:  # noqa: ARG001
    """An image folder with ``metadata.csv`` in each split."""
    moving = _need(transfer)
    names = as_given(dataset, moving.ending)
    moving.place(dataset.rows, [folder / name for name in names])
    columns = _columns(dataset, "file_name", names)
    for split, places in dataset.split_rows().items():
        inside = len(split) + 1 if split else 0
        columns["file_name"] = tuple(name[inside:] for name in names)
        _write(folder / split / "metadata.csv", columns, zip(*_take(columns, places), strict=True))


def write_csv(dataset: Dataset, plan: Plan, folder: Path, transfer: Transfer | None) -> None:  # noqa: ARG001
    """``labels.csv``, whose paths are those of the source."""
    columns = _columns(dataset, "path", dataset.ids)
    if dataset.splits is not None and "split" not in columns:
        columns["split"] = dataset.splits
    _write(folder / "labels.csv", columns, zip(*columns.values(), strict=True))


def write_patch(dataset: Dataset, plan: Plan, folder: Path, transfer: Transfer | None) -> None:  # noqa: ARG001
    """``relabel.csv``: the changes of ``plan``."""
    changes = sorted(plan.changes, key=lambda change: change.path)
    values = ([getattr(change, name) for name in PATCH] for change in changes)
    _write(folder / "relabel.csv", PATCH, ([cell("" if value is None else value) for value in row] for row in values))


def _write_parquet(dataset: Dataset, plan: Plan, folder: Path, transfer: Transfer | None) -> None:  # noqa: ARG001
    columns = _columns(dataset, "image", dataset.ids)
    further = {name: values for name, values in columns.items() if name not in ("image", "label", "weight")}
    write_parquet(dataset, further, folder, _need(transfer))


FORMS: Mapping[str, Writer] = {
    "folders": write_folders,
    "hf": write_hf,
    "parquet": _write_parquet,
    "csv": write_csv,
    "patch": write_patch,
}
"""Name -> what writes it."""
WITHOUT_IMAGES = ("csv", "patch")
"""Forms that hold no images, so none are read."""


def _need(transfer: Transfer | None) -> Transfer:
    if transfer is None:
        raise RunError("this audit has no images to write: use --format csv or patch")
    return transfer


def _columns(dataset: Dataset, path: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Path, label, weight where there are any, and the columns of the source's table."""
    columns = {path: tuple(names), "label": dataset.labels}
    if dataset.weights is not None:
        columns["weight"] = tuple(str(weight) for weight in dataset.weights)
    for name, values in dataset.extra.items():
        free = name
        while free in columns:
            free = f"extra_{free}"
        columns[free] = values
    return columns


def _take(columns: Mapping[str, Sequence[str]], places: Sequence[int]) -> list[list[str]]:
    return [[values[place] for place in places] for values in columns.values()]


def _write(path: Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(Lines(file))
        writer.writerow(header)
        writer.writerows(rows)
