"""Layouts that cannot be read: what is told of them, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from data.built import PIXEL, build, numbered, table
from layouts_met import Files

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

P = PIXEL


def test_a_table_that_cannot_be_used_is_told_beside_folders_that_cannot(tmp_path: Path) -> None:
    files: Files = {f"train/patient{i}/study1/view1_{('frontal', 'lateral')[i % 2]}.jpg": P for i in range(8)}
    rows = [f"{path},{(1, -1, '', 0)[i % 4]},{(-1, 1)[i % 2]}" for i, path in enumerate(files)]
    build(tmp_path, {**files, "train.csv": table("Path,Edema,Pneumonia", rows)})
    with pytest.raises(DataError, match="name one column with `label_column`"):
        open_source(tmp_path)


def test_a_list_of_labels_without_names_is_told(tmp_path: Path) -> None:
    labels = "".join(f"{n % 3}\n" for n in range(8))
    with pytest.raises(DataError, match=r"'devkit/truth\.txt' has a line for each image and no names"):
        open_source(build(tmp_path, {**numbered("val", 8), "devkit/truth.txt": labels}))


@pytest.mark.parametrize("file", ["pets.lance/data/a.lance", "train.beton", "AD/1.nii.gz"])
def test_stores_that_are_not_read_are_named(file: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"'{re.escape(file)}' is not read: save its images"):
        open_source(build(tmp_path, {file: b"x"}))


def test_tiles_of_scenes_and_labels_that_are_masks_are_told(tmp_path: Path) -> None:
    build(tmp_path / "a", {f"S2A_2017_{n}_45/{n}_{band}.tif": P for n in range(4) for band in ("B01", "B02")})
    assert any("differ in numbers alone" in note for note in open_source(tmp_path / "a").notes)
    build(tmp_path / "b", {f"{kind}/{n}{end}": P for kind in "ab" for n in range(3) for end in (".jpg", "_label.bmp")})
    assert "Passed over 6 images that are masks of others beside them." in open_source(tmp_path / "b").notes


def test_of_tables_that_cannot_be_used_the_widest_is_told(tmp_path: Path) -> None:
    wide = table("id,masterCategory,subCategory,colour", [f"{n},{n % 2},{n % 3},blue" for n in range(8)])
    links = table("filename,link", [f"{n}.jpg,http://x.org/{n}.jpg" for n in range(8)])
    with pytest.raises(DataError, match=r"'styles\.csv' has several columns of labels, masterCategory, subCategory"):
        open_source(build(tmp_path, {**numbered("images", 8), "images.csv": links, "styles.csv": wide}))


def test_numbers_of_votes_are_told_beside_classes_without_any(tmp_path: Path) -> None:
    rows = [f"{n}.png,{n % 4},{n % 3},{10 - n % 4 - n % 3},0,0,0" for n in range(8)]
    head = "Image name,neutral,happiness,surprise,fear,contempt,unknown"
    with pytest.raises(DataError, match="gives each image a share of 6 classes"):
        open_source(build(tmp_path, {**numbered("images", 8, ".png"), "fer.csv": table(head, rows)}))


def test_numbers_at_the_start_of_names_are_offered(tmp_path: Path) -> None:
    files: Files = {f"train/{n % 3}_{50000 + 37 * n}.jpg": P for n in range(12)}
    with pytest.raises(DataError, match=r"`label_from` name:'\(\\d\+\)\[\._ -\]\.\+' .3 classes: 0, 1, 2"):
        open_source(build(tmp_path, files))
