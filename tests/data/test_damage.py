"""Documents of any shape are read or refused, and a mistake of the program is not taken for damage of a file."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from built import PIXEL, build
from fuzz_targets import COCO, TASKS

from labelaudit.data import sources
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, LabelAuditError

ODD: tuple[Any, ...] = (None, 3, -1, 1.5, "x", True, [], {}, [3], [[]], [{}], {"a": 1}, {"0": {"1": "x"}})
"""What may stand in the place of anything."""
DATUMARO = {
    "categories": {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}},
    "items": [{"id": "0", "annotations": [{"type": "label", "label_id": 0}], "image": {"path": "0.png"}}],
}
DOCUMENTS = {
    "coco.json": json.loads(COCO),
    "tasks.json": json.loads(TASKS),
    "datumaro.json": DATUMARO,
    "labels.json": {"classes": ["cat", "dog"], "labels": {"0.png": 0, "1.png": {"label": "dog"}}},
}
NAMES = {
    "label_map.json": {"id2label": {"0": "cat", "1": "dog"}},
    "categories.json": {"categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]},
    "data.yaml": {"names": {"0": "cat", "1": "dog"}},
}


def variants(document: Any) -> Iterator[Any]:
    """The document with each of its parts replaced by each of `ODD`."""
    yield from ODD
    keys = list(document) if isinstance(document, dict) else range(min(len(document), 2))
    for key in keys:
        inside = document[key]
        for odd in variants(inside) if isinstance(inside, dict | list) else ODD:
            changed = copy.copy(document)
            changed[key] = odd
            yield changed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_export_of_any_shape_is_read_or_refused(tmp_path: Path, name: str) -> None:
    data = build(tmp_path / "d", {"0.png": PIXEL, "1.png": PIXEL})
    for document in variants(DOCUMENTS[name]):
        (tmp_path / name).write_text(json.dumps(document))
        with suppress(LabelAuditError):
            open_source(data, labels=tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_class_names_of_any_shape_stops_nothing(tmp_path: Path, name: str) -> None:
    data = build(tmp_path, {"0/a.png": PIXEL, "1/b.png": PIXEL})
    for document in variants(NAMES[name]):
        (data / name).write_text(json.dumps(document))
        assert len(open_source(data).ids) == 2


def test_features_of_a_parquet_file_may_have_any_shape(tmp_path: Path) -> None:
    told = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}}
    table = pa.table({"image": [PIXEL, PIXEL], "label": [0, 1]})
    for document in variants(told):
        metadata = {"huggingface": json.dumps(document)}
        pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "d.parquet")
        with suppress(LabelAuditError):
            open_source(tmp_path / "d.parquet")


def test_a_stray_document_of_an_odd_shape_does_not_stop_a_scan(tmp_path: Path) -> None:
    tasks = json.dumps([{"data": {"image": "a.png"}, "annotations": [3]}])
    listing = open_source(build(tmp_path, {"cat/a.png": PIXEL, "dog/b.png": PIXEL, "tasks.json": tasks}))
    assert listing.labels == ("cat", "dog")


@pytest.mark.parametrize("mistake", [AttributeError, TypeError, NameError, AssertionError])
def test_a_mistake_of_the_program_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: type[Exception]
) -> None:
    def choose(*_: object) -> None:
        raise mistake("ours")

    monkeypatch.setattr(sources, "choose", choose)
    with pytest.raises(mistake, match="ours"):
        open_source(build(tmp_path, {"cat/a.png": PIXEL}))


def test_an_error_of_a_library_at_damaged_data_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(*_: object) -> None:
        raise ValueError("bad magic")

    monkeypatch.setattr(sources, "choose", choose)
    with pytest.raises(DataError, match=r"is damaged or of another kind \(bad magic\): restore it, or give another"):
        open_source(build(tmp_path, {"cat/a.png": PIXEL}))


@pytest.mark.parametrize("name", ["data.zip", "data.tar", "data.npz", "train-00000-of-00001.parquet", "labels.csv"])
def test_a_file_that_git_lfs_has_not_fetched_is_said_to_be_one(tmp_path, name):
    (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(DataError, match=rf"{name}' is a Git LFS pointer, not the file itself: run `git lfs pull`$"):
        open_source(tmp_path)


def test_a_table_that_git_lfs_has_not_fetched_is_told_beside_class_folders(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\n"
    listing = open_source(build(tmp_path, {"cat/1.png": 1, "dog/2.png": 2, "labels.csv": pointer}))
    assert any("labels.csv' is a Git LFS pointer and was not read" in note for note in listing.notes)
