"""Folders that `datasets.Dataset.save_to_disk` and `DatasetDict.save_to_disk` of Hugging Face wrote.

Left out: datasets saved with an index of rows of their own (``flatten_indices()`` before saving writes them plainly).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelaudit.data.listing import Listing
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.readers.parquet import Shard, list_shards
from labelaudit.errors import DataError, first_line, reason_of
from labelaudit.files import read_text


def recognise(subject: Subject) -> list[Reading]:
    """The one reading of a folder with ``state.json``, or with ``dataset_dict.json`` above such folders."""
    path, source = subject.path, subject.source
    if path is None or not path.is_dir() or source.labels is not None or source.label_from is not None:
        return []
    folders = _folders(path)
    if not folders:
        return []

    def read() -> Listing:
        shards = [shard for folder in folders for shard in _shards(folder, path)]
        return list_shards(path, shards, source)

    return [Reading(what="a saved Hugging Face dataset", read=read)]


class ArrowShard(Shard):
    """One Arrow file, mapped into memory; its record batches are its groups."""

    def __init__(self, path: Path, name: str) -> None:
        import pyarrow as pa

        try:
            with pa.memory_map(str(path)) as source:
                self._table = pa.ipc.open_stream(source).read_all()
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"'{path}' is not a readable Arrow file: {first_line(error)}") from error
        batches = [batch.num_rows for batch in self._table.to_batches()]
        self._describe(path, name, self._table.schema, batches)

    def read(self, column: str, group: int | None = None) -> Any:
        """One column (``image.path``: one field of it), of one batch or of all."""
        import pyarrow.compute as pc

        name, _, field = (column, "", "") if column in self.columns else column.partition(".")
        found = self._table.column(name)
        if group is not None:
            found = found.slice(self.starts[group], self.starts[group + 1] - self.starts[group])
        return pc.struct_field(found, field) if field else found


def _folders(path: Path) -> Sequence[Path]:
    """The saved datasets in ``path``: itself, or one for each split."""
    if (path / "state.json").is_file():
        return [path]
    if not (path / "dataset_dict.json").is_file():
        return []
    splits = _json(path / "dataset_dict.json").get("splits")
    names = [str(name) for name in splits if Path(str(name)).name == str(name)] if isinstance(splits, list) else []
    return [path / name for name in names if (path / name / "state.json").is_file()]


def _shards(folder: Path, root: Path) -> list[ArrowShard]:
    state = _json(folder / "state.json")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(f"'{folder}' was saved with an index of its rows: save it again after flatten_indices()")
    listed = state.get("_data_files")
    files = (
        [str(file.get("filename", "")) for file in listed if isinstance(file, dict)] if isinstance(listed, list) else []
    )
    if not files or any("/" in name or "\\" in name for name in files):
        raise DataError(f"'{folder}/state.json' names no data files of this folder")
    return [ArrowShard(folder / name, (folder / name).relative_to(root).as_posix()) for name in files]


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"'{path}' cannot be read: {reason_of(error)}") from None
    return document if isinstance(document, dict) else {}
