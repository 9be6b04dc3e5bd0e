"""Datasets whose splits are labelled in different ways: class folders beside a table about the images of a split."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of, labels_of
from layouts_met import Files

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

KINDS = {"n01443537": "goldfish", "n01629819": "salamander", "n01641577": "bullfrog"}
SIGNS = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2"


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


def flat(folder: str, n: int, ending: str = ".jpg") -> Files:
    return {f"{folder}/{number}{ending}": PIXEL for number in range(n)}


def test_annotations_in_the_folder_of_a_split_label_it(tmp_path: Path) -> None:
    rows = [f"{n}.JPEG\t{[*KINDS][n % 3]}\t0\t32\t44\t62" for n in range(6)]
    files: Files = {f"train/{name}/images": 4 for name in KINDS}
    files |= flat("val/images", 6, ".JPEG") | flat("test/images", 6, ".JPEG")
    names = lines(*(f"{one}\t{name}" for one, name in KINDS.items()))
    listing = open_source(build(tmp_path, {**files, "val/val_annotations.txt": lines(*rows), "words.txt": names}))
    assert counts_of(listing) == dict.fromkeys(KINDS.values(), 6)
    assert labels_of(listing)["val/images/4.JPEG"] == "salamander"
    assert listing.splits == ("train",) * 12 + ("val",) * 6
    assert listing.images is not None
    assert listing.images.encoded(17) == PIXEL
    assert not listing.findings
    passed = [note for note in listing.notes if "Passed over" in note]
    assert passed == ["Passed over 6 images in 'test/': no class folders in it."]


def test_numbers_of_classes_may_differ_in_leading_zeros(tmp_path: Path) -> None:
    files: Files = {f"Final_Training/Images/{n:05d}": 3 for n in range(3)} | flat("Final_Test/Images", 6, ".ppm")
    boxes = [f"{n}.ppm;30;30;5;5;25;25" for n in range(6)]
    table = lines(f"{SIGNS};ClassId", *(f"{row};{n % 3}" for n, row in enumerate(boxes)))
    build(tmp_path, {**files, "Final_Test/Images/GT-final_test.csv": table})
    for _ in range(2):
        listing = open_source(tmp_path)
        assert counts_of(listing) == {f"{n:05d}": 5 for n in range(3)}
        assert listing.splits == ("train",) * 9 + ("test",) * 6
        build(tmp_path, {"Final_Test/Images/GT-final_test.test.csv": lines(SIGNS, *boxes)})  # without labels


def test_classes_of_other_names_are_not_joined(tmp_path: Path) -> None:
    table = lines("filename,label", *(f"{n}.jpg,{n % 2}" for n in range(6)))
    files: Files = {"train/cat": 3, "train/dog": 3} | flat("test", 6)
    with pytest.raises(DataError, match="two sources of labels that are about different images"):
        open_source(build(tmp_path, {**files, "test_labels.csv": table}))


def test_images_of_one_split_are_not_joined(tmp_path: Path) -> None:
    table = lines("filename,label", *(f"{n}.jpg,{('cat', 'dog')[n % 2]}" for n in range(6)))
    files: Files = {"train/cat": 3, "train/dog": 3} | flat("train", 6)
    listing = open_source(build(tmp_path, {**files, "labels.csv": table}))
    assert len(listing.ids) == 6


def test_images_in_no_list_of_a_split_are_for_training(tmp_path: Path) -> None:
    files: Files = {f"{word}/{n}_nohash_0.png": PIXEL for word in ("bed", "cat") for n in range(10)}
    lists = {
        f"{name}_list.txt": lines(*(f"{word}/{n}_nohash_0.wav" for word in ("bed", "cat")))
        for n, name in enumerate(("validation", "testing"))
    }
    listing = open_source(build(tmp_path, {**files, **lists}))
    assert listing.splits is not None
    assert [listing.splits.count(split) for split in ("train", "val", "test")] == [16, 2, 2]
    assert any("taken for 'train'" in note for note in listing.notes)


@pytest.mark.parametrize("name", ["{0} a.png", "{0}a.png", "{0} (1).png"])
def test_a_number_before_a_path_in_a_list_is_no_part_of_it(name: str, tmp_path: Path) -> None:
    files: Files = {f"train/{name.format(n)}": PIXEL for n in range(8)}
    rows = [f"{n} {name.format(n)} {('positive', 'negative')[n % 2]}" for n in range(8)]
    build(tmp_path, {**files, "train.txt": lines(*rows)})
    for how in ({}, {"labels": tmp_path / "train.txt", "label_column": "column 3"}):
        assert counts_of(open_source(tmp_path, **how)) == {"positive": 4, "negative": 4}


def test_a_word_at_the_end_of_all_names_may_be_left_away_in_rows(tmp_path: Path) -> None:
    files: Files = {f"aligned/{part}_{n:04d}_aligned.jpg": PIXEL for part in ("train", "test") for n in range(4)}
    rows = [f"{part}_{n:04d}.jpg {n % 2 + 1}" for part in ("train", "test") for n in range(4)]
    listing = open_source(build(tmp_path, {**files, "labels/list_label.txt": lines(*rows)}))
    assert counts_of(listing) == {"1": 4, "2": 4}
    assert labels_of(listing)["aligned/test_0003_aligned.jpg"] == "2"
    assert any("8 by name without '_aligned'" in note for note in listing.notes)


def test_words_in_the_second_place_of_names_are_offered(tmp_path: Path) -> None:
    names = [f"{who}.{what}{n}.{n}{place}.tiff" for place, who in enumerate(("KA", "KL")) for what in ("AN", "DI")
             for n in range(4)]  # fmt: skip
    with pytest.raises(DataError, match=r"\(2 classes: KA, KL\); or .*\(2 classes: AN, DI\)"):
        open_source(build(tmp_path, dict.fromkeys(names, PIXEL)))


def test_two_folders_of_the_same_classes_can_be_scanned_alone(tmp_path: Path) -> None:
    files: Files = {f"{kind}/{name}": 3 for kind in ("EuroSAT", "EuroSATallBands") for name in ("Forest", "River")}
    with pytest.raises(DataError, match=r"labelaudit scan [^`]*/EuroSATallBands` \(2 classes: Forest, River\)"):
        open_source(build(tmp_path, files))


def test_a_table_whose_columns_make_up_the_paths_is_told(tmp_path: Path) -> None:
    files: Files = {f"patches/patient_{n % 2}/patch_{n % 2}_x_{n}_y_7.png": PIXEL for n in range(6)}
    rows = [f"{n % 2},{n},7,{n % 3 % 2}" for n in range(6)]
    table = lines("patient,x_coord,y_coord,tumor", *rows)
    with pytest.raises(DataError, match=r"'metadata\.csv' has 6 rows: add a column with the path of the image of each"):
        open_source(build(tmp_path, {**files, "metadata.csv": table}))


def test_a_number_of_each_row_says_not_whose_label_it_is(tmp_path: Path) -> None:
    rows = [f"{n // 2}.jpg,{('cat', 'dog')[n in (1, 4, 5)]},{n + 70}" for n in range(8)]
    build(tmp_path, {**flat("photos", 4), "labels.csv": lines("image,choice,annotation_id", *rows)})
    notes = " ".join(open_source(tmp_path).notes)
    assert "left out because" in notes
    assert "annotation_id" not in notes
