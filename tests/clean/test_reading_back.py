"""What `clean` writes is read whole by `datasets` and by a scan, whatever classes and files are called."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audits import make_audit, make_samples
from cleaning import contents, png

from labelaudit.audit.document import Audit
from labelaudit.clean import Destination, apply_plan, applying, make_plan
from labelaudit.clean.forms import keeps_text
from labelaudit.data.ingest import digest
from labelaudit.data.sources import open_source
from labelaudit.errors import RunError
from labelaudit.verdicts import match

LONG = "a" * 300
IDS = ("train/a.png", "train/test_1.png", "dog/.x.png", "dog/__MACOSX/b.png", "dog/my-val.2.png", "cat/latest.png")


class Pictures:
    """Six images that lie in no folder, so that they may have any name."""

    def __len__(self) -> int:
        return 6

    def encoded(self, index: int) -> bytes:
        return png(index)


def make_hostile(*classes: str, **changes: Any) -> Audit:
    digests = tuple(digest(png(row)) for row in range(6))
    labels = np.array([0, 0, 1, 1, 2, 2])
    samples = {"ids": IDS, "classes": classes, "labels": labels, "digests": digests, "images": Pictures(), **changes}
    return make_audit(samples=make_samples(**samples), findings=())


HOW = {
    "folders": {"format": "class_folders", "label_from": "top"},
    "hf": {"format": "label_table", "path_column": "file_name", "label_column": "label"},
    "parquet": {},
}
"""What a person says about a folder that could be read in several ways."""


def read(folder: Path, form: str) -> Counter[tuple[str, str | None]]:
    listing = open_source(folder, **HOW[form])
    assert listing.images is not None
    return Counter((digest(listing.images.encoded(row)), label) for row, label in enumerate(listing.labels))


@pytest.mark.parametrize("form", ["folders", "hf", "parquet"])
@pytest.mark.parametrize(
    "classes", [("cat", "dog", "train"), ("0", "007", "1"), ("NA", "null", LONG), ("a ", "b\nc", "d")]
)
def test_every_form_reads_back_whole(tmp_path: Path, form: str, classes: tuple[str, ...]) -> None:
    audit = make_hostile(*classes)
    apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out", form=form))
    found = read(tmp_path / "out", form)
    assert Counter(content for content, _ in found.elements()) == Counter(digest(png(row)) for row in range(6))
    if form != "folders":
        assert {label for _, label in found} == {name.strip() for name in classes}


@pytest.mark.parametrize("splits", [None, ("train", "test", "train", "test", "train", "test")])
@pytest.mark.parametrize("form", ["hf", "parquet"])
def test_datasets_loads_every_image_with_its_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, splits: tuple[str, ...] | None
) -> None:
    pytest.importorskip("datasets", reason="pip install datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    ids = IDS if splits is None else tuple(map("/".join, zip(splits, IDS, strict=True)))
    extra = {
        "a_file_name": tuple("abcdef"),
        "image": ("1", "2", "3", "4", "5", "x"),
        "who": ("", "7", "8", "", "", "x"),
    }
    audit = make_hostile("NA", "dog", "train", ids=ids, splits=splits, extra=extra)
    apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out", form=form))
    options: dict[str, Any] = {"cache_dir": str(tmp_path / "cache")}
    source = ["parquet"] if form == "parquet" else ["imagefolder"]
    loaded = load_dataset(*source, data_dir=str(tmp_path / "out"), **options)
    rows = [(name, row) for name, part in loaded.items() for row in part]
    assert len(rows) == 6
    assert {name for name, _ in rows} == ({"train"} if splits is None else {"train", "test"})
    names = next(iter(loaded.values())).features["label"]
    labels = [names.int2str(row["label"]) if form == "parquet" else row["label"] for _, row in rows]
    assert Counter(labels) == {"NA": 2, "dog": 2, "train": 2}


def test_what_does_not_read_back_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = make_hostile("cat", "dog", "owl")
    write = applying.IMAGE_FORMS["folders"]

    def lose_one(dataset: Any, folder: Path, transfer: Any) -> None:
        write(dataset, folder, transfer)
        next(folder.rglob("*latest.png")).write_bytes(png(0))

    monkeypatch.setitem(applying.IMAGE_FORMS, "folders", lose_one)
    with pytest.raises(RunError, match=r"does not read back as it was meant, first 'cat/latest\.png' under 'owl'"):
        apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_lost_its_images_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = make_hostile("cat", "dog", "owl")

    def lose_images(dataset: Any, folder: Path, _: Any) -> None:
        pq.write_table(pa.table({"label": dataset.labels}), folder / "train.parquet")

    monkeypatch.setitem(applying.IMAGE_FORMS, "parquet", lose_images)
    with pytest.raises(RunError, match="does not read back as it was meant, first 'train/a"):
        apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out", form="parquet"))
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_would_change_a_label_is_written_as_lines(tmp_path: Path) -> None:
    assert keeps_text({"label": ("cat", "1"), "age": ("1", "2")}, [(0, 1)])
    assert not keeps_text({"label": ("cat", "NA")}, [(0, 1)])
    assert not keeps_text({"label": ("True", "False")}, [(0, 1)])
    assert not keeps_text({"label": ("cat", "dog"), "age": ("1", "x")}, [(0,), (1,)])
    audit = make_hostile("cat", "dog", "owl")
    apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out", form="hf"))
    assert {name for name in contents(tmp_path / "out") if name.startswith("metadata")} == {"metadata.csv"}
