"""A cleaned dataset in each form, and how its images come there."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cleaned_folders import labels, rows
from cleaning import IDS, make_dataset, png, said

from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.clean import (
    CorrectionPlan,
    Destination,
    apply_plan,
    make_plan,
    parquet,
)
from labelaudit.clean.dataset import cleaned
from labelaudit.clean.transfer import Transfer
from labelaudit.data.sources import open_source
from labelaudit.errors import RunError
from labelaudit.verdicts import match


def test_hugging_face_image_folder(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    extra = {"who": ("Ann", "Böb", ",", "=1", "", "x"), "label": ("1",) * 6}
    audit = replace(audit, samples=replace(audit.samples, extra=extra))
    apply_plan(plan, audit, Destination(tmp_path / "out", form="hf"))
    assert rows(tmp_path / "out" / "metadata.csv") == [
        {"file_name": "cat/a.png", "label": "cat", "who": "Ann", "extra_label": "1"},
        {"file_name": "cat/b.png", "label": "dog", "who": "Böb", "extra_label": "1"},
        {"file_name": "dog/e.png", "label": "dog", "who": "", "extra_label": "1"},
        {"file_name": "owl/f.png", "label": "owl", "who": "x", "extra_label": "1"},
    ]
    assert labels(tmp_path / "out") == {"cat/a.png": "cat", "cat/b.png": "dog", "dog/e.png": "dog", "owl/f.png": "owl"}


@pytest.mark.parametrize("form", ["hf", "csv"])
def test_tables_with_further_columns_of_labels_say_which_is_meant(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, form: str
) -> None:
    audit = replace(audit, samples=replace(audit.samples, extra={"diagnosis": ("x", "y", "x", "y", "x", "y")}))
    made = apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    assert "It can be read in several ways: to scan it, say `label_column` label." in made.notes


@pytest.mark.parametrize("form", ["folders", "hf", "parquet"])
def test_splits_are_kept(tmp_path: Path, form: str) -> None:
    ids = tuple(f"{'train' if number % 2 else 'test'}/{name}" for number, name in enumerate(IDS))
    splits = tuple(name.split("/")[0] for name in ids)
    audit = make_dataset(tmp_path / "pets", ids, samples={"splits": splits})
    plan = make_plan(audit, match(audit, [said(audit, 1, "suggested", "dog")]))
    apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    listing = open_source(tmp_path / "out")
    assert listing.splits is not None
    found = dict(zip(listing.ids, zip(listing.splits, listing.labels, strict=True), strict=True))
    if form == "folders":
        assert found[f"train/dog/b-{audit.samples.digests[1][:8]}.png"] == ("train", "dog")
        assert (tmp_path / "out/train/dog/b.png").read_bytes() == png(3)
    else:
        assert found["train/cat/b.png"] == ("train", "dog")
    assert sorted(split for split, _ in found.values()) == ["test"] * 3 + ["train"] * 3


def test_parquet_of_hugging_face(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    columns = {"who": ("Ann", "Böb", ",", "=1", "", "\ud800"), "weight": tuple("123456")}
    audit = replace(audit, samples=replace(audit.samples, extra=columns))
    apply_plan(plan, audit, Destination(tmp_path / "out", form="parquet"))
    file = tmp_path / "out" / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(file)
    assert table.column_names == ["image", "label", "who", "weight"]
    assert table["image"][1].as_py() == {"bytes": png(1), "path": "cat/b.png"}
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"] == {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}
    assert labels(tmp_path / "out") == {"cat/a.png": "cat", "cat/b.png": "dog", "dog/e.png": "dog", "owl/f.png": "owl"}


def test_parquet_in_shards(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SHARD_BYTES", 1)
    dataset, _ = cleaned(audit, CorrectionPlan(changes=()))
    numbered = replace(audit, samples=replace(audit.samples, classes=("2", "9", "10")))
    assert cleaned(numbered, CorrectionPlan(changes=()))[0].classes == ("2", "9", "10")
    transfer = Transfer(open_originals(audit), audit.samples)
    many = replace(dataset, rows=dataset.rows * 40, labels=dataset.labels * 40)
    parquet.write_parquet(many, {}, tmp_path, transfer)
    assert [file.name for file in sorted((tmp_path / "data").iterdir())] == [
        f"train-0000{number}-of-00003.parquet" for number in range(3)
    ]
    assert len(open_source(tmp_path / "data").ids) == 240


def test_tables_without_images(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    moved = replace(audit, settings={})  # nothing is read: there need not be any images
    apply_plan(plan, moved, Destination(tmp_path / "csv", form="csv"))
    assert [tuple(row.values()) for row in rows(tmp_path / "csv" / "labels.csv")] == [
        ("cat/a.png", "cat"),
        ("cat/b.png", "dog"),
        ("dog/e.png", "dog"),
        ("owl/f.png", "owl"),
    ]
    again = open_source(tmp_path / "pets", labels=tmp_path / "csv" / "labels.csv")
    assert again.labels == ("cat", "dog", "dog", "owl")
    apply_plan(plan, moved, Destination(tmp_path / "patch", form="patch"))
    lines = (tmp_path / "patch" / "relabel.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "path,digest,given_label,action,new_label,weight,source,reason,label_score"
    assert lines[1] == f"cat/b.png,{audit.samples.digests[1]},cat,relabel,dog,,verdict,wrong,0.03"
    assert [line.partition(",")[0] for line in lines[1:]] == ["cat/b.png", "cat/broken.png", "cat/c.png", "dog/b.png"]
    with pytest.raises(RunError, match="without images"):
        apply_plan(plan, moved, Destination(tmp_path / "folders"))
    assert not list(tmp_path.glob("*quarantine"))


@pytest.mark.parametrize(("form", "file"), [("folders", "weights.csv"), ("hf", "metadata.csv"), ("csv", "labels.csv")])
def test_weights(audit: Audit, tmp_path: Path, form: str, file: str) -> None:
    plan = make_plan(audit, match(audit, []), actions={"suspect": "weight"})
    apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    found = {next(iter(row.values())): row["weight"] for row in rows(tmp_path / "out" / file)}
    assert found == {name: "0.03" if name.endswith("b.png") else "1.0" for name in IDS}
    apply_plan(plan, audit, Destination(tmp_path / "parquet", form="parquet"))
    assert open_source(tmp_path / "parquet").extra["weight"] == ("1", "0.03", "1", "0.03", "1", "1")


@pytest.mark.parametrize("link", ["hard", "symlink", "copy", "reflink", "auto"])
def test_links(audit: Audit, tmp_path: Path, link: str) -> None:
    plan = make_plan(audit, match(audit, []))
    applied = apply_plan(plan, audit, Destination(tmp_path / "out", link=link))
    file, source = tmp_path / "out/cat/a.png", tmp_path / "pets/cat/a.png"
    assert file.read_bytes() == png(0)
    assert file.is_symlink() == (link == "symlink")
    assert (file.stat().st_ino == source.stat().st_ino) == (link in ("hard", "symlink"))
    name = {"hard": "hard link", "symlink": "symlink", "copy": "copy"}.get(link)
    if name:
        assert applied.report["made_as"] == {name: 6}
        assert applied.notes == ()


def test_what_cannot_be_linked_is_copied_and_reported(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    applied = apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out", link="hard"))
    assert applied.report["made_as"] == {"copy": 6}
    assert applied.notes == ("6 of 6 images were copied: no hard links could be made.",)
