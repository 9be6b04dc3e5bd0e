"""Tables whose rows name folders of images: patients, films, slides."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.built import build, counts_of
from layouts_met import Files, P

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

FRAMES: Files = {f"frames/p{folder}/{n}.jpg": P for folder in range(6) for n in range(3)}
KINDS = ["cat", "dog"] * 3


def rows(head: str, text: str, count: int = 6) -> str:
    return head + "".join(f"{text.format(n=n, kind=KINDS[n])}\n" for n in range(count))


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("labels.csv", rows("patient_id,label\n", "p{n},{kind}"), "patient_id"),
        ("labels.csv", rows("label,slide\n", "{kind},p{n}.svs"), "slide"),
        ("trainlist.txt", rows("", "films/p{n}.avi {kind}"), "column 1"),
    ],
    ids=["patients", "slides", "films"],
)
def test_rows_that_name_folders_label_the_images_in_them(tmp_path: Path, name: str, table: str, column: str) -> None:
    build(tmp_path, {**FRAMES, name: table})
    for how in ({}, {"labels": tmp_path / name}):
        listing = open_source(tmp_path, **how)
        assert counts_of(listing) == {"cat": 9, "dog": 9}
        assert listing.origin.endswith("whose rows name folders of images")
        assert len({*listing.extra[column]}) == 6
        assert any(f"`group` {column}" in note.replace("'", "") for note in listing.notes)


def test_folders_without_a_row_and_with_several_are_findings(tmp_path: Path) -> None:
    build(tmp_path, {**FRAMES, "labels.csv": rows("patient,label\n", "p{n},{kind}", 5) + "p0,dog\np1,dog\n"})
    listing = open_source(tmp_path)
    assert counts_of(listing) == {"cat": 6, "dog": 6}
    kinds = [finding.kind for finding in listing.findings]
    assert {kind: kinds.count(kind) for kind in kinds} == {"conflict": 3, "duplicate_row": 3, "unlabelled": 3}


def test_a_column_of_folders_can_be_named(tmp_path: Path) -> None:
    build(tmp_path, {**FRAMES, "labels.csv": rows("BraTS21ID,MGMT\n", "p{n},{kind}")})
    assert open_source(tmp_path).origin == "folder names below 'frames/'"
    assert counts_of(open_source(tmp_path, path_column="BraTS21ID")) == {"cat": 9, "dog": 9}


def test_a_table_about_classes_is_none_about_folders_of_patients(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 3, "dog": 3, "classes.csv": "class,kind\ncat,pet\ndog,pet\n"})
    listing = open_source(tmp_path)
    assert (counts_of(listing), listing.extra) == ({"cat": 3, "dog": 3}, {})


def test_a_table_of_patients_without_labels_brings_its_columns_to_their_folders(tmp_path: Path) -> None:
    folders: Files = {f"{kind}/pat{n}/{image}.jpg": P for n, kind in enumerate(KINDS) for image in range(2)}
    build(tmp_path, {**folders, "patients.csv": rows("patient,age,sex\n", "pat{n},3{n},f")})
    with pytest.raises(DataError, match=r"Say which: (?!.*no column that looks like labels)"):
        open_source(tmp_path)
    listing = open_source(tmp_path, label_from="top")
    assert counts_of(listing) == {"cat": 6, "dog": 6}
    assert dict(zip(listing.ids, listing.extra["age"], strict=True))["dog/pat5/1.jpg"] == "35"


@pytest.mark.parametrize(
    "table",
    [
        "folder,category\ncat,animal\ndog,animal\nbus,vehicle\n",
        "animal,class\ncat,Mammalia\ndog,Mammalia\nbus,None\n",
        "sequence,label\ncat,10\ndog,11\nbus,12\n",
    ],
    ids=["folders", "animals", "numbers"],
)
def test_what_a_table_says_about_class_folders_is_no_label(tmp_path: Path, table: str) -> None:
    listing = open_source(build(tmp_path, {"cat": 3, "dog": 3, "bus": 3, "about.csv": table}))
    assert counts_of(listing) == {"cat": 3, "dog": 3, "bus": 3}
    assert table.partition(",")[0] in listing.extra
    assert not any("`group`" in note for note in listing.notes)


def test_models_with_numbers_are_classes_beside_a_table_of_their_makers(tmp_path: Path) -> None:
    makers = "folder,category\na3,Audi\na4,Audi\nx5,BMW\nx6,BMW\n"
    listing = open_source(build(tmp_path, {"a3": 3, "a4": 3, "x5": 3, "x6": 3, "cars.csv": makers}))
    assert counts_of(listing) == {"a3": 3, "a4": 3, "x5": 3, "x6": 3}


def test_ids_of_wordnet_are_classes_and_numbered_folders_have_the_label_of_their_row(tmp_path: Path) -> None:
    rows_of = "folder,label\n{0},dog\n{1},dog\n{2},fish\n"
    classes = ["n02085620", "n02085782", "n01440764"]
    listing = open_source(build(tmp_path / "a", {**dict.fromkeys(classes, 3), "meta.csv": rows_of.format(*classes)}))
    assert counts_of(listing) == dict.fromkeys(classes, 3)
    assert not any("which differ in numbers alone" in note for note in listing.notes)
    plots = ["plot 1", "plot 2", "plot 3"]
    listing = open_source(build(tmp_path / "b", {**dict.fromkeys(plots, 3), "meta.csv": rows_of.format(*plots)}))
    assert counts_of(listing) == {"dog": 6, "fish": 3}
    listing = open_source(
        build(tmp_path / "c", {**dict.fromkeys(plots, 3), "meta.csv": "folder,label\nplot 1,a\nplot 2,b\nplot 3,c\n"})
    )
    assert counts_of(listing) == {"a": 3, "b": 3, "c": 3}
    assert not any("`group`" in note for note in listing.notes), "each class would be one group"
