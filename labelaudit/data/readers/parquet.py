"""Parquet files in the Hugging Face image convention: ``struct{bytes, path}``, plain bytes or paths.

Labels and further columns are read whole, image bytes row group by row group when they are asked for. A file
written as one huge row group is therefore decompressed as a whole; write at most some thousand rows a group.
Left out: several labels for one image, images nested in lists.
"""

from __future__ import annotations

import bisect
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from labelaudit.data.cells import named_label, scalar_text
from labelaudit.data.column_names import LABEL_NAMES, PATH_NAMES, guess_column
from labelaudit.data.columns import choose_columns, require_column
from labelaudit.data.folders import Candidate, Undecided
from labelaudit.data.images import ImageError
from labelaudit.data.listing import Listing, read_file, split_of
from labelaudit.data.parts import part_of
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.source import Source
from labelaudit.data.table import Table
from labelaudit.errors import DataError, first_line
from labelaudit.text import name_some, size

GROUPS_KEPT = 2
_MOST_UNPACKED, _MOST_RATIO = 10**9, 100
"""Bytes that row groups may unpack to, and how often the size of the file: what is more than both is refused."""
_LARGE_VALUE = 1000
"""Bytes a row from which a few rows are unpacked at a time."""
_SAMPLE = 2000  # rows that a column of labels is known by


def recognise(subject: Subject) -> list[Reading]:
    """The one reading of a Parquet file, or of a folder that holds such files and no images."""
    path, source = subject.path, subject.source
    if path is None or source.label_from is not None or source.labels is not None:
        return []
    if subject.is_folder:
        shards = [other for other in subject.tree.others if other.lower().endswith(".parquet")]
        if subject.tree.paths or not shards or not path.is_dir():
            return []
    elif path.suffix.lower() != ".parquet":
        return []
    return [Reading(what="Parquet with images", read=partial(list_parquet, path, source))]


def recognise_labels(source: Source) -> Listing | None:
    """The labels of a Parquet file given with ``labels``; ``None`` for other files."""
    path = Path(source.labels)
    if not path.is_file() or path.suffix.lower() != ".parquet":
        return None
    return replace(list_parquet(path, source), images=None)


def tabulate(name: str, data: bytes) -> Table | None:
    """A Parquet file of paths and labels, without images, as a table."""
    if not name.lower().endswith(".parquet"):
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyarrow.types as kinds

    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"'{name}' is not a readable Parquet file: {first_line(error)}") from error
    columns = [field.name for field in table.schema if not kinds.is_nested(field.type) and not _is_binary(field.type)]
    cells = {column: [scalar_text(value) for value in table.column(column).to_pylist()] for column in columns}
    return Table(name=name, cells=cells, lines=range(1, len(table) + 1))


def list_parquet(path: Path, source: Source) -> Listing:
    """The rows of one Parquet file, or of all ``*.parquet`` below a folder in the order of their names."""
    root, files = path if path.is_dir() else path.parent, _files(path)
    _refuse_several(path, files)
    return list_shards(path, [Shard(file, file.relative_to(root).as_posix()) for file in files], source)


def list_shards(path: Path, shards: Sequence[Shard], source: Source) -> Listing:
    """The rows of ``shards``, one after the other, of the dataset at ``path``, with the columns that ``source`` names.

    Ids are the images' own paths where these are unique, ``file.parquet#12`` (rows from 0) otherwise. Integer
    labels get their names from the schema's ``huggingface`` metadata, and stay numbers written as text without.
    """
    image = shards[0].image_column(source.path_column)
    label = shards[0].label_column(source.label_column, image)
    further = shards[0].scalar_columns(image, label)
    for shard in shards:
        for column in (image, label, *further):
            if column is not None:
                require_column(column, shard.columns, option="in another shard", where=f"'{shard.path}'")
    paths = [text for shard in shards for text in shard.paths(image)]
    numbered = tuple(f"{shard.name}#{row}" for shard in shards for row in range(shard.rows))
    own = tuple(text.replace("\\", "/") for text in paths if text)
    splits = tuple(shard.split for shard in shards for _ in range(shard.rows))
    return Listing(
        root=str(path),
        ids=own if len(set(own)) == len(numbered) else numbered,
        labels=tuple(text for shard in shards for text in shard.labels(label)),
        images=None if image is None else _Rows(shards, image),
        splits=splits,
        extra={column: tuple(text for shard in shards for text in shard.texts(column)) for column in further},
        origin=f"column '{label}'" + (f" of {len(shards)} shards" if len(shards) > 1 else f" of {path.name}"),
    )


class Shard:
    """One Parquet file: its schema and its row groups."""

    def __init__(self, path: Path, name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path, memory_map=True) as file:
                self._metadata, schema = file.metadata, file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            reason = first_line(error)
            raise DataError(f"'{path}' is not a readable Parquet file: {reason}") from error
        self._describe(
            path, name, schema, [self._metadata.row_group(i).num_rows for i in range(self._metadata.num_row_groups)]
        )

    def _describe(self, path: Path, name: str, schema: Any, groups: Sequence[int]) -> None:
        self.path, self.name, self.schema = path, name, schema
        self.columns: tuple[str, ...] = tuple(schema.names)
        self.starts: list[int] = [0, *accumulate(groups)]
        self.rows: int = self.starts[-1]
        self.split = split_of(name) or ""
        self.features = _features(schema.metadata or {})

    def __getstate__(self) -> dict[str, Any]:
        """Another process may stand in another folder."""
        return {**self.__dict__, "path": self.path.absolute()}

    def read(self, column: str, group: int | None = None) -> Any:
        """One column (``image.path``: one field of it) as an Arrow chunked array, of one row group or of all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        groups = range(self._metadata.num_row_groups) if group is None else (group,)
        try:
            with pq.ParquetFile(self.path, memory_map=True, metadata=self._metadata) as file:
                batches = list(self._unpack(file, column, groups))
                return pa.Table.from_batches(batches, file.read_row_groups([], [column]).schema).column(0)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"'{self.path}' is damaged at column '{column}': {first_line(error)}") from error

    def _unpack(self, file: Any, column: str, groups: Sequence[int]) -> Iterator[Any]:
        """The record batches of one column; raises `DataError` as soon as they take far more memory than the file.

        A value that is stored once may be repeated in every row, which no size in the file tells. So large values are
        unpacked a few rows at a time. The sizes of single columns are not asked for: pyarrow 26 aborts where those are
        damaged.
        """
        parts = [self._metadata.row_group(number) for number in groups]
        told, rows = sum(part.total_byte_size for part in parts), sum(part.num_rows for part in parts)
        most = max(_MOST_UNPACKED, _MOST_RATIO * self.path.stat().st_size)
        too_much = DataError(
            f"'{self.path}' column '{column}' unpacks to more than {size(most)}: not read; write it with smaller row "
            "groups"
        )
        if told > most:
            raise too_much
        at_once = rows if told <= _LARGE_VALUE * rows else _MOST_UNPACKED // max(part.total_byte_size for part in parts)
        taken = 0
        for batch in file.iter_batches(max(1, at_once), row_groups=list(groups), columns=[column]):
            taken += batch.nbytes
            if taken > most:
                raise too_much
            yield batch

    def image_column(self, asked: str | None) -> str | None:
        if asked is not None:
            return require_column(asked, self.columns, option="`path_column`", where=f"'{self.path}'")
        declared = [name for name in self.columns if self.features.get(name, {}).get("_type") == "Image"]
        structs = [name for name in self.columns if self._field(name, "bytes") is not None]
        binary = [name for name in self.columns if _is_binary(self.schema.field(name).type)]
        text = [name for name in self.columns if _is_text(self.schema.field(name).type)]
        return next(iter(declared + structs + binary), None) or guess_column(text, PATH_NAMES)

    def label_column(self, asked: str | None, image: str | None) -> str:
        if asked is not None:
            return require_column(asked, self.columns, option="`label_column`", where=f"'{self.path}'")
        where = f"'{self.path}'"
        declared = [name for name in self.columns if self.features.get(name, {}).get("_type") == "ClassLabel"]
        if len(declared) == 1:
            return declared[0]
        if len(declared) > 1:
            raise DataError(f"{where} has several columns of labels, {name_some(declared)}: choose with `label_column`")
        others = self.scalar_columns(image)
        nested = guess_column([name for name in self.columns if name not in (image, *others)], LABEL_NAMES)
        if nested is not None:
            return nested
        texts = {name: self.texts(name)[:_SAMPLE] for name in others}
        label = choose_columns(texts, where=where, without_path=True).label
        if label is None:
            raise DataError(f"{where} has a column of 0 and 1 for each class: write the class of each image into one")
        return label

    def scalar_columns(self, *known: str | None) -> list[str]:
        """The further columns that fit in a cell of text."""
        import pyarrow.types as kinds

        typed = [(name, self.schema.field(name).type) for name in self.columns if name not in known]
        return [name for name, kind in typed if not kinds.is_nested(kind) and not _is_binary(kind)]

    def labels(self, column: str) -> list[str | None]:
        kind = self.schema.field(column).type
        if column not in self.scalar_columns():
            raise DataError(f"column '{column}' of '{self.path}' holds {kind}: a label must be one name or number")
        values = self.read(column).to_pylist()
        names = self.features.get(column, {}).get("names")
        return [named_label(value, names if isinstance(names, list) else (), f"'{self.path}'") for value in values]

    def texts(self, column: str) -> list[str]:
        return [scalar_text(value) for value in self.read(column).to_pylist()]

    def paths(self, image: str | None) -> list[str]:
        """The images' own paths, empty where they have none."""
        if image is None or _is_binary(self.schema.field(image).type):
            return [""] * self.rows
        column = self.read(image if self._field(image, "bytes") is None else f"{image}.path")
        return [scalar_text(value.get("path") if isinstance(value, dict) else value) for value in column.to_pylist()]

    def _field(self, column: str, name: str) -> Any:
        """A field of a struct column, ``None`` where there is none."""
        import pyarrow.types as kinds

        kind = self.schema.field(column).type
        return kind.field(name) if kinds.is_struct(kind) and kind.get_field_index(name) >= 0 else None


class _Rows:
    """`Images` of Parquet rows. Holds `GROUPS_KEPT` decompressed row groups."""

    def __init__(self, shards: Sequence[Shard], image: str) -> None:
        self._shards, self._image = shards, image
        self._starts = [0, *accumulate(shard.rows for shard in shards)]
        self._kept: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[_Rows], tuple[Sequence[Shard], str]]:
        """Another process reads the shards itself."""
        return _Rows, (self._shards, self._image)

    def __len__(self) -> int:
        return self._starts[-1]

    def encoded(self, index: int) -> bytes:
        number = bisect.bisect_right(self._starts, index) - 1
        shard, row = self._shards[number], index - self._starts[number]
        group = bisect.bisect_right(shard.starts, row) - 1
        value = self._group(number, group)[row - shard.starts[group]].as_py()
        data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if isinstance(data, str):
            data, path = None, data
        if data is not None:
            return bytes(data)
        if path:
            return read_file(str(shard.path.parent / path))
        raise ImageError("empty", "the row holds neither bytes nor a path")

    def _group(self, number: int, group: int) -> Any:
        with self._lock:
            key = (number, group)
            if key not in self._kept:
                self._kept[key] = self._shards[number].read(self._image, group)
                if len(self._kept) > GROUPS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _files(path: Path) -> list[Path]:
    found = sorted(file for file in path.rglob("*.parquet") if file.is_file()) if path.is_dir() else [path]
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts)]


def _features(metadata: Mapping[bytes, bytes]) -> Mapping[str, Mapping[str, Any]]:
    """``info.features`` of the schema's ``huggingface`` entry; empty where there is none or it is damaged."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return (
        {name: kind for name, kind in features.items() if isinstance(kind, dict)} if isinstance(features, dict) else {}
    )


def _refuse_several(path: Path, files: Sequence[Path]) -> None:
    """Refuse folders of shards that are not parts of one dataset."""
    above: dict[Path, int] = {}
    for file in files:
        place = file.parent
        while place not in (path, path.parent) and part_of(place.name) is not None:
            place = place.parent
        above[place] = above.get(place, 0) + 1
    if len(above) > 1:
        found = [Candidate(type_=f"`labelaudit scan {place}`", images=n) for place, n in above.items()]
        raise Undecided(f"'{path}' holds Parquet files of several datasets: scan one of them", found)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _is_binary(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind))
