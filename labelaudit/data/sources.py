"""Where samples come from, one file per kind: folder, table, parquet, arrays.

>>> open_source("no/such/folder")
Traceback (most recent call last):
    ...
labelaudit.errors.DataError: 'no/such/folder' does not exist: give a folder of images, a table or an array file
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labelaudit.data.arrays import ARRAY_SUFFIXES, list_array_labels, list_arrays
from labelaudit.data.folder import list_folder, walk
from labelaudit.data.images import SUFFIXES
from labelaudit.data.listing import SPLITS, Files, Joined, Listing
from labelaudit.data.parquet import list_parquet
from labelaudit.data.table import TABLE_SUFFIXES, list_labels, list_metadata, list_table
from labelaudit.errors import DataError

__all__ = ["Files", "Joined", "Listing", "open_source"]

METADATA = ("metadata.csv", "metadata.jsonl")
KINDS = "a folder, .csv, .tsv, .jsonl, .parquet, .npz or .npy"


def open_source(
    data: Path | str | None,
    *,
    labels: Path | str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
) -> Listing:
    """List the samples of a dataset of any kind, without reading an image.

    ``data`` is a folder (class folders, Hugging Face image folder, Parquet shards, or flat with ``labels``), a
    table, a Parquet file or a NumPy file. ``None`` lists ``labels`` alone, for samples that are only features.

    Raises `DataError`, in one line that says what to do, where there is nothing to list.
    """
    if data is None:
        return _open_labels(labels, path_column=path_column, label_column=label_column)
    path, table = Path(data), None if labels is None else Path(labels)
    if not path.exists():
        raise DataError(f"'{path}' does not exist: give a folder of images, a table or an array file")
    if table is not None and not table.is_file():
        raise DataError(f"'{table}' (--labels) {'is a folder' if table.is_dir() else 'does not exist'}: give a table")
    if path.is_dir():
        return _open_folder(path, table, path_column=path_column, label_column=label_column)
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        return list_arrays(path, labels=table)
    if table is not None:
        raise DataError(f"'{path}' holds labels itself: leave --labels away, or give a folder of images beside it")
    if suffix in TABLE_SUFFIXES:
        return list_table(path, path_column=path_column, label_column=label_column)
    if suffix == ".parquet":
        return list_parquet(path, path_column=path_column, label_column=label_column)
    if suffix in SUFFIXES:
        raise DataError(f"'{path}' is one image: give the folder of class folders above it")
    if suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        raise DataError(f"'{path}' is an archive: unpack it and give the folder")
    raise DataError(f"'{path}' is no kind of dataset known here: give {KINDS}")


def _open_folder(path: Path, table: Path | None, *, path_column: str | None, label_column: str | None) -> Listing:
    if table is not None:
        if table.suffix.lower() not in TABLE_SUFFIXES:
            raise DataError(f"'{table}' names no files of '{path}': give a .csv, .tsv or .jsonl of paths and labels")
        return list_table(table, root=path, path_column=path_column, label_column=label_column)
    walked = walk(path)
    folders = [path, *sorted(inside for inside in path.iterdir() if inside.name.lower() in SPLITS)]
    if found := [folder / name for folder in folders for name in METADATA if (folder / name).is_file()]:
        listing = list_metadata(path, found, path_column=path_column, label_column=label_column)
        if listing is not None:
            return listing
    if not walked.paths and ".parquet" in walked.skipped:
        return list_parquet(path, path_column=path_column, label_column=label_column)
    if path_column is not None or label_column is not None:
        raise DataError(f"'{path}' has no table for --path-column and --label-column: give one with --labels FILE")
    return list_folder(path, walked)


def _open_labels(labels: Path | str | None, *, path_column: str | None, label_column: str | None) -> Listing:
    if labels is None:
        raise DataError("no images and no labels: give DATA, or --labels FILE for features or probabilities alone")
    path = Path(labels)
    if not path.is_file():
        raise DataError(f"'{path}' (--labels) does not exist: give a table, .npy, .npz or .parquet of labels")
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return list_labels(path, path_column=path_column, label_column=label_column)
    if suffix in ARRAY_SUFFIXES:
        return list_array_labels(path)
    if suffix == ".parquet":
        return replace(list_parquet(path, path_column=path_column, label_column=label_column), images=None)
    raise DataError(f"'{path}' is no kind of labels known here: give .csv, .tsv, .jsonl, .npy, .npz or .parquet")
