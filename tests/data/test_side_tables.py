"""Tables that label nothing: their columns and splits belong to the images that folders or another table label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of, labels_of
from layouts_met import Files

from labelaudit.data.sources import open_source

PATHS = [f"{kind}/{kind}{n}.png" for kind in ("cat", "dog") for n in range(6)]
FOLDERS: Files = dict.fromkeys(PATHS, PIXEL)
TRAIN, TEST = PATHS[::2], PATHS[1::2]


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


def test_a_table_of_patients_beside_class_folders_brings_its_columns(tmp_path: Path) -> None:
    rows = [f"{path.rpartition('/')[2][:-4]},P{n // 2},L{n // 3}" for n, path in enumerate(PATHS)]
    build(tmp_path, {**FOLDERS, "metadata.csv": lines("isic_id,patient_id,lesion_id", *rows)})
    for how in ({}, {"label_from": "top"}):
        listing = open_source(tmp_path, **how)
        assert counts_of(listing) == {"cat": 6, "dog": 6}
        assert dict(zip(listing.ids, listing.extra["patient_id"], strict=True))["dog/dog0.png"] == "P3"
        assert "Read beside the labels, of metadata.csv: patient_id, lesion_id." in listing.notes
        assert not listing.skipped


@pytest.mark.parametrize(
    "files",
    [
        {"train.txt": lines(*TRAIN), "test.txt": lines(*TEST), "trainval.txt": lines(*PATHS)},
        {f"meta/{part}.txt": lines(*(path[:-4] for path in paths))
         for part, paths in (("train", TRAIN), ("test", TEST))},
        {"train.csv": lines("path", *TRAIN), "test.csv": lines("path", *TEST)},
        {f"{part}.csv": lines("path,label", *(f"{path},{path[:3]}" for path in paths))
         for part, paths in (("train", TRAIN), ("test", TEST))},
        {"splits.csv": lines("file,split", *(f"{path},{'test' if path in TEST else 'train'}" for path in PATHS))},
        {"splits.json": json.dumps({"train": TRAIN, "test": TEST})},
        {"split_zhou.json": json.dumps({part: [[path, int(path[0] == "d"), path[:3]] for path in paths]
                                        for part, paths in (("train", TRAIN), ("test", TEST))})},
    ],
    ids=["lists", "stems", "paths", "labels", "column", "json", "rows"],
)  # fmt: skip
def test_lists_of_splits_beside_class_folders_are_splits(tmp_path: Path, files: Files) -> None:
    listing = open_source(build(tmp_path, {**FOLDERS, **files}))
    assert counts_of(listing) == {"cat": 6, "dog": 6}
    assert listing.splits is not None
    assert listing.splits not in listing.extra.values() or "train.csv" in files
    assert {name for name, split in zip(listing.ids, listing.splits, strict=True) if split == "test"} == {*TEST}


def test_tables_of_labels_that_are_called_as_splits_are_splits(tmp_path: Path) -> None:
    tables = {f"{part}.csv": lines("file,label", *(f"{n}.png,{'ab'[n % 2]}" for n in some))
              for part, some in (("train", range(6)), ("val", range(6, 8)))}  # fmt: skip
    listing = open_source(build(tmp_path, {**{f"images/{n}.png": PIXEL for n in range(8)}, **tables}))
    assert counts_of(listing) == {"a": 4, "b": 4}
    assert listing.splits == ("train",) * 6 + ("val",) * 2


def test_images_in_two_lists_of_splits_are_told_and_one_list_is_no_split(tmp_path: Path) -> None:
    build(tmp_path, {**FOLDERS, "train.txt": lines(*TRAIN, TEST[0])})
    listing = open_source(tmp_path)
    assert (listing.splits, listing.extra) == (None, {})
    listing = open_source(build(tmp_path, {"test.txt": lines(*TEST)}))
    assert (listing.splits, listing.extra) == (None, {})
    assert f"Splits of test.txt, train.txt are not read: 1 image is in several, such as '{TEST[0]}'." in listing.notes


@pytest.mark.parametrize(
    "table",
    [
        lines("image,x1,y1,x2,y2", *(f"{path},{n},2,3,4" for path in PATHS for n in (0, 1))),
        lines("image,patient", *(f"{path},P1" for path in PATHS[:4])),
        lines(",".join(["image", *(f"f{n}" for n in range(64))]), *(",".join([path, *["0.5"] * 64]) for path in PATHS)),
    ],
    ids=["boxes", "few", "features"],
)
def test_what_says_several_things_or_little_of_the_images_is_not_read(tmp_path: Path, table: str) -> None:
    listing = open_source(build(tmp_path, {**FOLDERS, "other.csv": table}))
    assert (counts_of(listing), listing.extra) == ({"cat": 6, "dog": 6}, {})


def test_texts_beside_folders_that_may_only_divide_files_are_told(tmp_path: Path) -> None:
    texts = "".join(f"{kind}/{n}.png\tword{kind}{n}\n" for kind in "01" for n in range(6))
    listing = open_source(build(tmp_path, {"0": 6, "1": 6, "gt.txt": texts}))
    assert "What gt.txt says is not read: if folders only divide images, it may be labels." in listing.notes


def test_the_split_of_cub_is_read(tmp_path: Path) -> None:
    files: Files = {
        **{"images/a.jpg": PIXEL, "images/b.jpg": PIXEL, "images.txt": "1 a.jpg\n2 b.jpg\n"},
        **{"image_class_labels.txt": "1 1\n2 2\n", "classes.txt": "1 cat\n2 dog\n"},
        "train_test_split.txt": "1 0\n2 1\n",
    }
    listing = open_source(build(tmp_path, files))
    assert labels_of(listing) == {"images/a.jpg": "cat", "images/b.jpg": "dog"}
    assert listing.splits == ("test", "train")


def test_what_a_model_predicted_is_no_label_beside_another_source(tmp_path: Path) -> None:
    rows = [f"{path},{'dog' if n < 2 else path[:3]},0.{n}" for n, path in enumerate(PATHS)]
    listing = open_source(build(tmp_path / "a", {**FOLDERS, "out.csv": lines("image,predicted_class,score", *rows)}))
    assert (listing.origin, [*listing.extra]) == ("folder names", ["predicted_class", "score"])
    both = [f"{path},{path[:3]},dog" for path in PATHS]
    table = lines("image,true_label,predicted_label", *(row.replace("/", "-", 1) for row in both))
    files = {path.replace("/", "-"): PIXEL for path in PATHS}
    assert counts_of(open_source(build(tmp_path / "b", {**files, "out.csv": table}))) == {"cat": 6, "dog": 6}
