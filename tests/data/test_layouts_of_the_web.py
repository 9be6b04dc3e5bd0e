"""Further layouts of public datasets: of Kaggle, of labelling tools, of herbaria, of people's faces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of, table
from layouts_met import Files

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

P = PIXEL


def test_a_list_of_tests_alone_leaves_the_others_for_training(tmp_path: Path) -> None:
    names = "".join(f"{kind}/{i}.png\n" for kind in ("cat", "dog") for i in range(2))
    listing = open_source(build(tmp_path, {"images/cat": 6, "images/dog": 6, "test.txt": names}))
    assert listing.splits == (*(("test",) * 2 + ("train",) * 4) * 2,)
    assert "Images that no list of test.txt names are taken for 'train'." in listing.notes


def test_a_table_of_the_tests_does_not_hide_two_folders_of_class_folders(tmp_path: Path) -> None:
    rows = [f"{i}.png,{('cat', 'dog')[i % 2]}" for i in range(4)]
    files: Files = {f"{part}/{kind}": 3 for part in ("train", "extra") for kind in ("cat", "dog")}
    listing = open_source(build(tmp_path, {**files, "test": 4, "test.csv": table("file,label", rows)}))
    assert counts_of(listing) == {"cat": 8, "dog": 8}
    assert {*(listing.splits or ())} == {"extra", "train", "test"}


def test_all_columns_that_may_be_labels_are_named(tmp_path: Path) -> None:
    head = "id,gender,masterCategory,subCategory,articleType,season,year"
    rows = [
        f"{n},{'MW'[n % 2]},{'AF'[n % 2]},{'abc'[n % 3]},{'wxyz'[n % 4]},{'FS'[n // 3 % 2]},2011" for n in range(12)
    ]
    with pytest.raises(DataError, match="masterCategory, subCategory, gender, articleType: choose with `label_column`"):
        open_source(build(tmp_path, {"images": 12, "styles.csv": table(head, rows)}))


def test_a_grade_beside_columns_of_0_and_1_is_named_too(tmp_path: Path) -> None:
    rows = [f"{n}.png,{n % 3},{n % 2},{n // 2 % 2}" for n in range(12)]
    with pytest.raises(DataError, match="may have its labels in any of dr_grade, dme, usable"):
        open_source(build(tmp_path, {"IMAGES": 12, "messidor.csv": table("image,dr_grade,dme,usable", rows)}))


def labelbox(number: int, kind: str) -> dict[str, object]:
    """A row of an export of Labelbox, of which not all fields are here."""
    answer = {"feature_id": f"f{number}", "name": kind, "value": kind, "classifications": []}
    asked = {"feature_id": f"g{number}", "name": "animal", "value": "animal", "radio_answer": answer}
    label = {
        **{"label_kind": "Default", "id": f"l{number}", "label_details": {"created_by": "a@b.org", "reviews": []}},
        "performance_details": {"seconds_to_create": number, "seconds_to_review": 0, "skipped": False},
        "annotations": {"objects": [], "classifications": [asked], "relationships": []},
    }
    return {
        "data_row": {"id": f"c{number}", "external_id": f"{number}.png", "row_data": f"https://x.org/{number}.png"},
        "projects": {"p1": {"name": "Pets", "labels": [label], "project_details": {"priority": 5, "batch_id": "b"}}},
    }


def test_answers_of_labelbox_are_labels(tmp_path: Path) -> None:
    lines = [json.dumps(labelbox(n, ("cat", "dog")[n % 2])) for n in range(6)]
    listing = open_source(build(tmp_path, {"images": 6, "export.ndjson": "\n".join(lines)}))
    assert counts_of(listing) == {"cat": 3, "dog": 3}


def test_ids_and_names_of_a_herbarium_are_called_otherwise(tmp_path: Path) -> None:
    places = [f"00{k % 4 // 2}/0{k % 2}/{k}.jpg" for k in range(12)]
    document = {
        "annotations": [{"genus_id": 1, "category_id": k % 4, "image_id": f"i{k}"} for k in range(12)],
        "categories": [{"category_id": k, "scientificName": f"Abies {k}", "species": str(k)} for k in range(4)],
        "images": [{"image_id": f"i{k}", "file_name": place, "license": "x"} for k, place in enumerate(places)],
    }
    files: Files = {f"train_images/{place}": P for place in places}
    listing = open_source(build(tmp_path, {**files, "test_images/000": 2, "train_metadata.json": json.dumps(document)}))
    assert counts_of(listing) == {f"Abies {k}": 3 for k in range(4)}


def test_a_dataset_beside_the_same_zipped_in_itself_can_be_scanned_alone(tmp_path: Path) -> None:
    files: Files = {f"{above}Village/{kind}": 2 for above in ("", "village/") for kind in ("scab", "rust", "rot")}
    with pytest.raises(DataError, match=r"`labelaudit scan [^`]*/Village` .3 classes: rot, rust, scab"):
        open_source(build(tmp_path, files))


def pairs(folders: Sequence[str], names: Sequence[str], n: int) -> Files:
    return {f"{folder}/{name}": n for folder in folders for name in names}


BAD = ("broken_large", "contamination")
PICTURES = [f"{kind}/{n}_{kind[0]}.jpg" for kind in ("Akarna", "Boat") for n in range(6)]
PART = ("train", "train", "train", "train", "val", "test")
LAYOUTS: dict[str, tuple[Files, dict[str, int] | str]] = {
    "MVTec AD, one thing": (
        pairs(["bottle/test"], [*BAD, "good"], 3) | pairs(["bottle/ground_truth"], BAD, 3) | {"bottle/train/good": 8},
        {"broken_large": 3, "contamination": 3, "good": 11},
    ),
    "MVTec AD, several things": (
        {f"{thing}/{part}": 3 for thing in ("bottle", "cable") for part in ("train/good", "test/good", "test/cut")},
        "`label_from` 'level 3' .2 classes: cut, good.; or .*scan [^`]*/bottle",
    ),
    "DAGM": (
        pairs(["Class1", "Class2"], ["Train", "Test"], 3) | pairs(["Class1/Train", "Class2/Train"], ["Label"], 2),
        {"Class1": 6, "Class2": 6},
    ),
    "Fruits-360": (
        pairs(["f/Training", "f/Test"], ["Apple Braeburn", "Banana"], 3) | {"f/test-multiple_fruits": 4, "f/papers": 1},
        {"Apple Braeburn": 6, "Banana": 6},
    ),
    "BUSI": (
        {f"BUSI/{kind}/{kind} ({n}){end}.png": P for kind in "ab" for n in (1, 2, 3) for end in ("", "_mask")},
        {"a": 3, "b": 3},
    ),
    "COVID-19 Radiography": (
        pairs(["C/COVID", "C/Normal"], ["images", "masks"], 3) | {"C/COVID.metadata.xlsx": "x"},
        {"COVID": 3, "Normal": 3},
    ),
    "lists of each domain": (
        {
            f"{place}/{kind}/{place}_{n}.jpg": P
            for place in ("clipart", "real")
            for kind in ("axe", "bus")
            for n in "0123"
        }
        | {
            f"{place}_{part}.txt": "".join(
                f"{place}/{kind}/{place}_{n}.jpg {('axe', 'bus').index(kind)}\n"
                for kind in ("axe", "bus")
                for n in range(4)
                if (n == 0) == (part == "test")
            )
            for place in ("clipart", "real")
            for part in ("train", "test")
        },
        {"0": 8, "1": 8},
    ),
    "lists of three levels of one taxonomy": (
        {f"images/{name}": P for name in PICTURES}
        | {"train.txt": "".join(f"{name},{n // 6},{n // 6 + 3}\n" for n, name in enumerate(PICTURES) if n % 3)}
        | {"test.txt": "".join(f"{name},{n // 6},{n // 6 + 3}\n" for n, name in enumerate(PICTURES) if not n % 3)},
        {"Akarna": 6, "Boat": 6},
    ),
    "images in no class beside train": (
        pairs(["train"], ["cbb", "cgm"], 4) | {"test/0": 4, "extraimages": 9},
        "`labelaudit scan [^`]*/train` .2 classes: cbb, cgm",
    ),
    "a score of each image": (
        {"images": 12, "scores.csv": table("image,mos", [f"{n}.png,{1 + n * 7 % 5}.{n % 10}3" for n in range(12)])},
        "no column that looks like labels",
    ),
    "answers of faces": (
        {"val": 12}
        | {
            "f.csv": table(
                "file,age,gender,race", [f"val/{n}.png,{n % 3},{'MF'[n % 2]},{n // 2 % 3}" for n in range(12)]
            )
        },
        "may have its labels in any of gender, race",
    ),
    "masks beside folders of their own name": (
        {f"fish/{kind}/{kind}{end}": 3 for kind in ("Red Mullet", "Trout") for end in ("", " GT")},
        {"Red Mullet": 3, "Trout": 3},
    ),
    "how sure a label is, and of what kind the cell": (
        {"images": 12}
        | {
            "labels.csv": "".join(f"images/{n}.png  0.{'0369'[n % 4]}  {('mono', 'poly')[n // 6]}\n" for n in range(12))
        },
        "may have its labels in any of column 3, column 2",
    ),
    "ages of bones, and the sex": (
        {"bones": 12, "bones.csv": table("id,boneage,male", [f"{n},{90 + n},{bool(n % 2)}" for n in range(12)])},
        "no column that looks like labels",
    ),
    "a title above the header": (
        {"img": 4, "t.csv": table("Survey of 2021,", ["file,label", *(f"{n}.png,{'ab'[n % 2]}" for n in range(4))])},
        {"a": 2, "b": 2},
    ),
    "cells in single quotes": (
        {"img": 4, "t.csv": table("'file','label'", [f"'{n}.png','{'ab'[n % 2]}, x'" for n in range(4)])},
        {"a, x": 2, "b, x": 2},
    ),
    "a header with the sign of paths": (
        {"images/pie": 3, "images/soup": 3}
        | {
            "checked.tsv": table(
                "class/key\tchecked_label", [f"{kind}/{n}\t{n % 2}" for kind in ("pie", "soup") for n in range(3)]
            )
        },
        "checked.tsv .2 classes: 0, 1",
    ),
    "tracks of traffic signs in numbered classes, and a table of the tests": (
        {f"G/Training/Images/0000{k}/0000{t}_0000{n}.png": P for k in "012" for t in "012" for n in "0123"}
        | {f"G/Test/Images/0000{n}.png": P for n in range(6)}
        | {"G/Test/Images/GT-test.csv": table("Filename;ClassId", [f"0000{n}.png;{n % 3}" for n in range(6)])},
        {"00000": 14, "00001": 14, "00002": 14},
    ),
    "findings three levels below organs": (
        {
            f"{organ}/{kind}/{organ}{kind}{n}": 3
            for organ in ("lower", "upper")
            for kind in ("mark", "path")
            for n in "ab"
        },
        "`label_from` 'level 2' .2 classes: mark, path.; or `label_from` 'level 3' .8 classes",
    ),
    "annotations with a label and no category": (
        {f"train/{n}.jpg": P for n in range(1, 9)}
        | {
            "train.json": json.dumps(
                {
                    "images": [{"url": [f"https://x.org/{n}"], "image_id": n} for n in range(1, 9)],
                    "annotations": [{"label_id": n % 2, "image_id": n} for n in range(1, 9)],
                }
            )
        },
        {"0": 4, "1": 4},
    ),
    "lists of several levels of one taxonomy": (
        {f"data/images/{n}.jpg": P for n in range(24)}
        | {
            f"data/images_{level}_{part}.txt": "".join(f"{n} {level[0]}{n % 8 // size}\n" for n in range(*span))
            for level, size in (("variant", 1), ("family", 2), ("maker", 4))
            for part, span in (("train", (8,)), ("val", (8, 16)), ("trainval", (16,)), ("test", (16, 24)))
        },
        "images_family_trainval.txt .*images_maker_trainval.txt .*images_variant_trainval.txt",
    ),
    "lists of each camera, weather and split": (
        {f"P/{sky}{n}.jpg": P for sky in ("rain", "sun") for n in range(6)}
        | {
            f"L/{name}.txt": "".join(
                f"{sky}{n}.jpg {n % 2}\n" for sky in ("rain", "sun") for n in range(6) if name in (sky, "all", PART[n])
            )
            for name in ("all", "rain", "sun", "train", "val", "test")
        },
        {"0": 6, "1": 6},
    ),
    "a few rows of a list that a larger one explains": (
        {f"img/{n}.jpg": P for n in range(12)}
        | {
            f"{part}.txt": "".join(f"{n}.jpg {n % 3} {('cat', 'dog', 'fox')[n % 3]}\n" for n in range(*span))
            for part, span in (("train", (8,)), ("test", (8, 12)))
        },
        {"cat": 4, "dog": 4, "fox": 4},
    ),
    "numbered films and a list of what they show": (
        pairs(["films"], [str(n) for n in range(30, 38)], 2)
        | {"train.csv": "".join(f"{n};{('Thumb up', 'Swipe')[n % 2]}\n" for n in range(30, 38))},
        "train.csv .2 classes: Swipe, Thumb up.; or `data_format` class-folders .8 classes",
    ),
    "numbered scans and a table of patients": (
        pairs(["scans"], [str(n) for n in range(8)], 2)
        | {"t.csv": table("id,age,label", [f"{n},{40 + n},{('ill', 'well')[n % 2]}" for n in range(8)])},
        {"ill": 8, "well": 8},
    ),
    "lines of JSON in a file called .json": (
        {f"{n}.jpg": P for n in range(6)}
        | {
            "out.json": "".join(
                f'{{"content": "{n}.jpg", "told": {{"labels": ["{"ab"[n % 2]}"]}}}}\n' for n in range(6)
            )
        },
        {"a": 3, "b": 3},
    ),
    "a table of two folders with the same names": (
        {f"{folder}/{name}.jpg": P for folder in ("full", "cropped") for name in ("eye", "ear", "arm", "leg")}
        | {"t.csv": table("image,level", ["eye,0", "ear,1", "arm,0", "leg,1"])},
        "such as '[^']*/(full|cropped)' with `labels` '[^']*/t.csv'",
    ),
    "a table five folders deep, and its images four": (
        {f"a/b/c/d/{n}.jpg": P for n in range(6)}
        | {"a/b/c/d/e/t.csv": table("file,label", [f"{n}.jpg,{'xy'[n % 2]}" for n in range(6)])},
        {"x": 3, "y": 3},
    ),
    "names of classes five folders deep, as their images": (
        pairs(["a/b/c/d/train"], ["0", "1"], 3) | {"a/b/c/d/classes.txt": "cat\ndog\n"},
        {"cat": 3, "dog": 3},
    ),
    "results of a crowd": (
        {"img": 4, "Batch_results.csv": table("file,label", [f"{n}.png,{'ab'[n % 2]}" for n in range(4)])},
        "'Batch_results.csv' is called as examples, results or splits are: give it as `labels`",
    ),
    "pixels in a table beside a poster": (
        {"poster.png": P, "t.csv": table(",".join(map(str, range(60))), [",".join(["7"] * 60)])},
        "'t.csv' has 60 columns: if these are pixels, give that file as DATA",
    ),
    "captions of images": (
        {
            "train": 4,
            "train/metadata.jsonl": "".join(f'{{"file_name": "{n}.png", "text": "a {n}"}}\n' for n in range(4)),
        },
        "no column that looks like labels",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_the_web_is_read_right_or_stops(layout: str, tmp_path: Path) -> None:
    files, right = LAYOUTS[layout]
    build(tmp_path, files)
    if isinstance(right, str):
        with pytest.raises(DataError, match=right):
            open_source(tmp_path)
    else:
        assert counts_of(open_source(tmp_path)) == right


def test_folders_of_splits_below_others_are_splits_where_a_table_labels_them(tmp_path: Path) -> None:
    names = [f"images/{part}/{n}.png" for part in ("Training_Set", "val") for n in range(4)]
    rows = [f"{name},{'ab'[n % 2]}" for n, name in enumerate(names)]
    listing = open_source(build(tmp_path, {**dict.fromkeys(names, P), "labels.csv": table("path,label", rows)}))
    assert listing.splits == ("train",) * 4 + ("val",) * 4
