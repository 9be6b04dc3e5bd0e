"""Parquet in the image convention of Hugging Face: ``image`` is ``struct{bytes, path}``, ``label`` a named class.

Row groups are small, because a reader that wants one image decompresses its whole group. Left out: compressing the
images once more, and writing in parallel; the images are read one after the other, a row group at a time in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.clean.transfer import Transfer, list_failures
from labelaudit.errors import DataError
from labelaudit.text import encodable

GROUP_ROWS = 100
"""Rows of a row group, as the `datasets` library writes image tables."""
SHARD_BYTES = 500 * 2**20
"""A file of at least this size is the last one that grows; the next row group begins a new file."""


def write_parquet(
    dataset: RelabelledDataset, further: Mapping[str, Sequence[str]], folder: Path, transfer: Transfer
) -> None:
    """Write ``data/<split>-<i>-of-<n>.parquet`` below ``folder``, ``train`` where there are no splits.

    Raises:
        DataError: images are gone or were changed.
        OSError: a file cannot be written.
    """
    schema = _schema(dataset, further)
    place = folder / "data"
    place.mkdir()
    done = 0
    code = {label: number for number, label in enumerate(dataset.classes)}

    def read(places: Sequence[int]) -> Iterator[dict[str, list[Any]]]:
        """Yield the columns of a row group after the other."""
        nonlocal done
        for start in range(0, len(places), GROUP_ROWS):
            group = places[start : start + GROUP_ROWS]
            columns: dict[str, list[Any]] = {
                "image": _read(dataset, [dataset.rows[at] for at in group], transfer),
                "label": [code[dataset.labels[at]] for at in group],
            }
            if dataset.weights is not None:
                columns["weight"] = [dataset.weights[at] for at in group]
            yield columns | {name: [encodable(values[at]) for at in group] for name, values in further.items()}
            done += len(group)
            transfer.progress("images", done, len(dataset))

    for split, places in dataset.split_rows().items() or {"": []}.items():
        parts = _write_parts(read(places), place, schema)
        for number, part in enumerate(parts):
            part.rename(place / f"{split or 'train'}-{number:05d}-of-{len(parts):05d}.parquet")


def _write_parts(groups: Iterator[dict[str, list[Any]]], folder: Path, schema: Any) -> list[Path]:
    """Write row ``groups`` to files that follow each other, each closed when it is big enough."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths: list[Path] = []
    columns = next(groups, None)
    while columns is not None:
        paths.append(folder / f"{len(paths)}.part")
        written = 0
        # images are compressed already: zstd gains nothing on them, and statistics of bytes are useless
        with pq.ParquetWriter(paths[-1], schema, compression="none", write_statistics=False) as writer:
            while columns is not None and written < SHARD_BYTES:
                writer.write_table(pa.table(columns, schema=schema), row_group_size=GROUP_ROWS)
                written += sum(len(image["bytes"]) for image in columns["image"])
                columns = next(groups, None)
    return paths


def _schema(dataset: RelabelledDataset, further: Mapping[str, Sequence[str]]) -> Any:
    import pyarrow as pa

    columns = [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())]
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": [encodable(label) for label in dataset.classes], "_type": "ClassLabel"},
    }
    if dataset.weights is not None:
        columns.append(("weight", pa.float64()))
        features["weight"] = {"dtype": "float64", "_type": "Value"}
    for name in further:
        columns.append((name, pa.string()))
        features[name] = {"dtype": "string", "_type": "Value"}
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _read(dataset: RelabelledDataset, rows: Sequence[int], transfer: Transfer) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = []
    failures: list[str] = []
    for row in rows:
        try:
            images.append({"bytes": transfer.read(row), "path": encodable(dataset.samples.ids[row])})
        except (DataError, ValueError) as error:
            failures.append(f"{dataset.samples.ids[row]}: {error}")
    if failures:
        raise DataError(list_failures(failures))
    transfer.how["copy"] += len(images)
    return images
