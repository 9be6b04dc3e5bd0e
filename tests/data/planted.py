"""Small files of every kind of source, planted in a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from built import PIXEL

from labelaudit.data.listing import Listing


def plant(root: Path, *names: str, data: bytes = PIXEL) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")
    return path


def kinds(listing: Listing) -> dict[str, str]:
    return {finding.path: finding.kind for finding in listing.findings}


NAMES = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}, "image": {"_type": "Image"}}


def parquet(path: Path, columns: dict[str, pa.Array], features: object = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **options)
    return path


def archive(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)
    return path
