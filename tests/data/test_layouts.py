"""Datasets as people have them: each is read right, or stops in one line that says what to type."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.built import build, counts_of, labels_of
from layouts_met import READ, Files, P, idx
from layouts_stopped import STOPPED

from labelaudit.data.listing import Listing
from labelaudit.data.source import Source, notes_of
from labelaudit.data.sources import inspect_source, open_source
from labelaudit.data.table import parse_table
from labelaudit.errors import DataError, OptionError


@pytest.mark.parametrize("name", READ)
def test_a_layout_is_read_right(name: str, tmp_path: Path) -> None:
    files, expected, origin = READ[name]
    listing = open_source(build(tmp_path / "d", files))
    assert counts_of(listing) == expected
    assert origin in listing.origin


@pytest.mark.parametrize("name", STOPPED)
def test_a_layout_that_is_not_certain_stops(name: str, tmp_path: Path) -> None:
    files, message = STOPPED[name]
    with pytest.raises(DataError, match=message) as refused:
        open_source(build(tmp_path / "d", files))
    assert "\n" not in str(refused.value)


def files_of(listing: Listing) -> set[str]:
    return {one.path for one in listing.findings if one.kind == "unlabelled"}


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    layout: Files = {"Dataset/0": 2, "Dataset/1": 2, "Examples": 3, "README.md": "", "@eaDir": 2}
    listing = open_source(build(tmp_path, layout))
    assert counts_of(listing) == {"0": 2, "1": 2}
    assert "Passed over 3 images in 'Examples/': beside the data." in listing.notes
    assert listing.junk == {"@eaDir": 2}
    assert listing.skipped == {".md": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_thumbnails_of_network_drives_are_no_images_and_told(tmp_path: Path, packed: bool) -> None:
    made = (".thumbnails", ".@__thumb", "@__thumb", "@eaDir/0.png", "Thumbs", "_thumbs", "_vti_cnf")
    layout: Files = {f"{kind}/{place}".rstrip("/"): 2 for kind in ("cat", "owl") for place in ("", *made)}
    root = build(tmp_path / "data", {**layout, "#recycle/cat": 1, "Network Trash Folder": 1, ".git/x.txt": ""})
    listing = open_source(shutil.make_archive(str(tmp_path / "packed"), "zip", root) if packed else root)
    assert counts_of(listing) == {"cat": 2, "owl": 2}
    told = {".thumbnails": 4, ".@__thumb": 4, "@__thumb": 4, "@eaDir": 4, "_vti_cnf": 4, "#recycle": 1}
    assert listing.junk == {**told, "Network Trash Folder": 1}
    assert "Passed over 4 files in .thumbnails/, hidden." in notes_of(listing)
    assert "Passed over 4 images in 2 folders called '_thumbs': beside the data." in listing.notes


def test_rows_and_files_that_do_not_match_are_counted(tmp_path: Path) -> None:
    files, _, _ = READ["a table of names without ending"]
    listing = open_source(build(tmp_path, files))
    assert listing.notes == (
        "images.csv: 2 of 3 rows match a file (2 by name without ending), 1 match none; 1 file has no row.",
    )
    assert files_of(listing) == {"images/1c.jpg"}
    assert listing.extra == {"sender_id": ("9", "9"), "kids": ("False", "True")}


def test_a_first_row_whose_label_is_a_path_like_the_others_is_no_header() -> None:
    table = parse_table("list.txt", b"gone/x birds/owl\nin/a pets/cat\nin/b pets/dog\n")
    assert not table.has_header
    assert len(table) == 3
    assert parse_table("list.csv", b"image/name,kind\nin/a,cat\n").has_header is False
    assert parse_table("list.csv", b"file/path,label\nin/a,cat\n").has_header


def test_labels_can_be_asked_for(tmp_path: Path) -> None:
    build(tmp_path, {"A/cat_1.png": P, "A/dog_2.png": P, "B/deep/cat_3.png": P, "docs/x.png": P})
    assert counts_of(open_source(tmp_path, label_from=r"name:(\w+)_\d+")) == {"cat": 2, "dog": 1}
    assert counts_of(open_source(tmp_path, label_from="top")) == {"A": 2, "B": 1, "docs": 1}
    assert counts_of(open_source(tmp_path, label_from="level 2")) == {"deep": 1}
    assert counts_of(open_source(tmp_path, label_from="parent")) == {"A": 2, "deep": 1}
    for asked, message in (
        ("bottom", "must be parent, top"),
        ("level 9", "no images in folders"),
        ("name:(", "not a regular expression"),
        ("name:z+", "no name .* fits"),
    ):
        with pytest.raises(Exception, match=message):
            open_source(tmp_path, label_from=asked)


def test_a_class_folder_without_an_image_is_told(tmp_path: Path) -> None:
    build(tmp_path, {"train/cat": 1, "train/owl": 1, "train/yak/1.mp4": "", "train/docs/x.txt": "", "code/x.py": ""})
    (tmp_path / "train/dog").mkdir()
    listing = open_source(tmp_path)
    assert counts_of(listing) == {"cat": 1, "owl": 1}
    assert "No image is in 'train/dog/', 'train/yak/', beside the class folders." in listing.notes


def test_a_folder_of_images_alone_is_their_class_where_that_is_said(tmp_path: Path) -> None:
    place = build(tmp_path, {"cat": 2}) / "cat"
    with pytest.raises(DataError, match=r"or `label_from` parent if all are of the class 'cat'$"):
        open_source(place)
    listing = open_source(place, label_from="parent")
    assert labels_of(listing) == {"0.png": "cat", "1.png": "cat"}
    assert listing.origin == "the name of the folder"


def test_the_column_that_was_asked_for_chooses_the_table(tmp_path: Path) -> None:
    files: Files = {"list_attr.txt": "hat smile\na.jpg 1 -1\nb.jpg -1 1\n", "identity.txt": "a.jpg 7\nb.jpg 8\n"}
    build(tmp_path, {"img/a.jpg": P, "img/b.jpg": P, **files})
    assert counts_of(open_source(tmp_path, label_column="smile")) == {"1": 1, "-1": 1}
    with pytest.raises(DataError, match="has no column 'nose'"):
        open_source(tmp_path, label_column="nose")


def test_a_table_that_cannot_be_read_is_named_where_a_column_was_asked_for(tmp_path: Path) -> None:
    build(tmp_path, {"a.jpg": P, "b.jpg": P, "styles.csv": "id,article\na,Shirt\nb,Shoe,red\n"})
    with pytest.raises(DataError, match=r"no table for `label_column` \('styles.csv' line 3 has 3 cells"):
        open_source(tmp_path, label_column="article")


def test_labels_of_boxes_are_said_to_be_read_as_those_of_images(tmp_path: Path) -> None:
    rows = "filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,1,2,3,4\nb.jpg,dog,1,2,3,4\n"
    listing = open_source(build(tmp_path, {"a.jpg": P, "b.jpg": P, "_annotations.csv": rows}))
    assert counts_of(listing) == {"cat": 1, "dog": 1}
    assert listing.notes[0].startswith("The boxes of _annotations.csv (xmin, ymin, xmax, ymax) are not looked at")
    build(tmp_path, {"_annotations.csv": rows.replace("xmin,ymin,xmax,ymax", "x,y,width,height")})
    assert open_source(tmp_path).notes[0].startswith("The boxes of _annotations.csv (x, y) are not looked at")


def test_splits_are_the_column_that_holds_nothing_else(tmp_path: Path) -> None:
    build(tmp_path, {"a.jpg": P, "b.jpg": P, "import.csv": "TRAIN,a.jpg,cat\nTEST,b.jpg,dog\n"})
    assert open_source(tmp_path).splits == ("TRAIN", "TEST")
    build(tmp_path, {"import.csv": "split,file,label\ntrain,a.jpg,cat\nid_val,b.jpg,dog\n"})
    assert open_source(tmp_path).splits == ("train", "id_val")


def test_accents_of_two_kinds_are_one_class_in_every_count(tmp_path: Path) -> None:
    what, listing = inspect_source(Source(data=build(tmp_path, {"caf\u00e9": 1, "cafe\u0301": 1, "tea": 1})))
    assert (what, counts_of(listing)) == ("class folders (2 classes)", {"caf\u00e9": 2, "tea": 1})


def test_a_format_can_be_stated(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 1, "dog": 1, "labels.csv": "file,label\ncat/0.png,x\ndog/0.png,x\n"})
    assert counts_of(open_source(tmp_path, format="class-folders")) == {"cat": 1, "dog": 1}
    assert counts_of(open_source(tmp_path, format="label_table")) == {"x": 2}
    with pytest.raises(Exception, match="unknown format 'folders': did you mean"):
        open_source(tmp_path, format="folders")
    with pytest.raises(OptionError, match="unknown format 'cvat'"):  # of documents, which are told by what they hold
        open_source(tmp_path, format="cvat")
    with pytest.raises(DataError, match="cannot be read as `format` idx: leave it out, or name another"):
        open_source(tmp_path, format="idx")
    with pytest.raises(DataError, match="its table of `labels` cannot be read as `format` class-folders: leave it out"):
        open_source(tmp_path, labels=tmp_path / "labels.csv", format="class-folders")
    with pytest.raises(DataError, match="has no table for `label_column`"):
        open_source(tmp_path, label_column="label", format="class-folders")
    with pytest.raises(DataError, match="`labels` and `label_from` both say where the labels are: leave one out"):
        open_source(tmp_path, labels=tmp_path / "labels.csv", label_from="parent")


def test_a_table_of_another_split_labels_nothing(tmp_path: Path) -> None:
    build(tmp_path, {"test/7.png": P, "test/8.png": P, "train.csv": "file,label\ntrain/7.png,a\ntrain/8.png,b\n"})
    with pytest.raises(DataError, match="they may be of another folder or split"):
        open_source(tmp_path / "test", labels=tmp_path / "train.csv")


def test_a_table_alone_finds_its_images_below(tmp_path: Path) -> None:
    build(
        tmp_path, {"data/cat/1.png": P, "l.csv": "file,label\n/content/data/cat/1.png,x\n/content/data/cat/2.png,y\n"}
    )
    assert labels_of(open_source(tmp_path / "l.csv")) == {"data/cat/1.png": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "label," + ",".join(f"pixel{n}" for n in range(64)) + "\n1," + ",".join("0" * 64) + "\n2," + ",".join("9" * 64),
        "emotion,pixels,Usage\n1," + " ".join("0" * 64) + ",Training\n2," + " ".join("9" * 64) + ",Training",
        "1," + ",".join("0" * 64) + "\n2," + ",".join("9" * 64),
    ],
)
def test_pixels_in_a_table(text: str, tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, {"t.csv": text}) / "t.csv")
    assert listing.labels == ("1", "2")
    assert listing.images is not None
    assert listing.images.encoded(1).endswith(bytes([9]) * 64)
    assert listing.splits == (("Training",) * 2 if "Usage" in text else None)


def test_pixels_that_are_none(tmp_path: Path) -> None:
    header = "label," + ",".join(f"pixel{n}" for n in range(64))
    for row, message in (("1," + ",".join("x" * 64), "not a number"), ("1," + ",".join(["300"] * 64), "0 to 255")):
        with pytest.raises(DataError, match=message):
            open_source(build(tmp_path, {"t.csv": f"{header}\n{row}"}) / "t.csv")


def test_cifar_of_100_classes_asks_which(tmp_path: Path) -> None:
    files: Files = {
        "train.bin": b"\1\0" + bytes(3072),
        "fine_label_names.txt": "apple\nfish",
        "coarse_label_names.txt": "x\ny",
    }
    build(tmp_path, files)
    with pytest.raises(DataError, match="`label_column` fine or `label_column` coarse"):
        open_source(tmp_path)
    assert open_source(tmp_path, label_column="fine").labels == ("apple",)
    assert open_source(tmp_path, label_column="coarse").labels == ("y",)


def test_broken_idx_files(tmp_path: Path) -> None:
    build(
        tmp_path, {"x-images-idx3-ubyte": idx(2, 2, 2, values=bytes(7)), "x-labels-idx1-ubyte": idx(2, values=b"\1\2")}
    )
    with pytest.raises(DataError, match="ends early or is damaged"):
        open_source(tmp_path)
    (tmp_path / "x-images-idx3-ubyte").write_bytes(idx(2, 2, 2, values=bytes(8)))
    (tmp_path / "x-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="has no labels beside it"):
        open_source(tmp_path / "x-images-idx3-ubyte")


def test_numbers_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    from labelaudit.data.ingest import ingest

    build(tmp_path, {str(n): 1 for n in range(12)})
    samples, _ = ingest(open_source(tmp_path))
    assert samples.classes == tuple(map(str, range(12)))
    stated, _ = ingest(open_source(tmp_path, classes=("1", "0", "11")))
    assert stated.classes == ("1", "0", "11")
    assert sorted(stated.classes[label] for label in stated.labels) == ["0", "1", "11"]


def test_rows_follow_a_stated_order(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 2, "cat-big": 1, "rows.txt": "cat-big/0.png\ncat/1.png\ncat/0.png\n"})
    listing = open_source(tmp_path)
    assert listing.ids == ("cat/0.png", "cat/1.png", "cat-big/0.png")
    ordered = open_source(tmp_path, rows=tmp_path / "rows.txt")
    assert ordered.ids == ("cat-big/0.png", "cat/1.png", "cat/0.png")
    assert ordered.rows == (0, 1, 2)
    (tmp_path / "rows.txt").write_text("cat/0.png\n")
    with pytest.raises(DataError, match="leaves out 2 of 3 samples"):
        open_source(tmp_path, rows=tmp_path / "rows.txt")


def test_spellings_of_a_class_get_a_note(tmp_path: Path) -> None:
    table = "file,label\n" + "".join(
        f"{n}.png,{label}\n" for n, label in enumerate(["Cat", "cat", "01", "1", "e\u0301", "\u00e9"])
    )
    listing = open_source(build(tmp_path, {f"{n}.png": P for n in range(6)} | {"l.csv": table}))
    assert counts_of(listing)["\u00e9"] == 2
    notes = " ".join(listing.notes)
    assert "'Cat' (1) and 'cat' (1)" in notes
    assert "'01' (1) and '1' (1)" in notes


def test_columns_of_probabilities_in_another_order_are_refused() -> None:
    from labelaudit.data.given import given_probs

    classes = [str(n) for n in range(12)]
    labels = np.repeat(np.arange(12), 5)
    as_text = [classes.index(name) for name in sorted(classes)]
    probs = np.eye(12)[labels][:, as_text]
    with pytest.raises(DataError, match=r"agree with 17% .* 0, 1, 10, 11, 2 .* with 100%: state .* `classes`"):
        given_probs(probs, 60, np.arange(60), classes, labels)
    assert given_probs(np.eye(12)[labels], 60, np.arange(60), classes, labels).shape == (60, 12)
    frame = pd.DataFrame(probs, columns=sorted(classes))
    assert (given_probs(frame, 60, np.arange(60), classes, labels).argmax(axis=1) == labels).all()
    unnamed = pd.DataFrame(np.eye(12)[labels])  # its columns are numbers, and say nothing of other orders of classes
    assert (given_probs(unnamed, 60, np.arange(60), classes[::-1])[:, 0] == (labels == 0)).all()


def test_a_table_names_files_whose_accents_are_letters_of_their_own(tmp_path: Path) -> None:
    files: Files = {f"img/cafe\u0301{n}.png": P for n in range(4)}
    rows = "".join(f"caf\u00e9{n}.png,{'cat' if n % 2 else 'owl'}\n" for n in range(4))
    assert counts_of(open_source(build(tmp_path, {**files, "labels.csv": f"file,label\n{rows}"}))) == {
        "cat": 2,
        "owl": 2,
    }


def test_probabilities_of_more_classes_than_have_samples_ask_for_their_names() -> None:
    from labelaudit.data.given import given_probs

    with pytest.raises(DataError, match=r"not \(4, 3\): if some classes have no sample, name all of them"):
        given_probs(np.full((4, 3), 1 / 3), 4, np.arange(4), ("a", "b"))
    with pytest.raises(DataError, match=r"not \(3, 3\)$"):
        given_probs(np.full((3, 3), 1 / 3), 4, np.arange(4), ("a", "b"))


def test_an_idx_file_and_its_packed_copy_are_one(tmp_path: Path) -> None:
    images, labels = idx(2, 2, 2, values=bytes(8)), idx(2, values=b"\1\2")
    files = {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels}
    build(tmp_path, files | {f"{name}.gz": gzip.compress(data) for name, data in files.items()})
    assert counts_of(open_source(tmp_path)) == {"1": 1, "2": 1}


def test_the_same_idx_files_in_two_folders_are_two_datasets_or_splits(tmp_path: Path) -> None:
    files = {"images-idx3-ubyte": idx(2, 2, 2, values=bytes(8)), "labels-idx1-ubyte": idx(2, values=b"\1\2")}
    build(tmp_path / "a", {f"{kind}/raw/{name}": data for kind in ("MNIST", "Fashion") for name, data in files.items()})
    with pytest.raises(DataError, match=r"several datasets: scan one of them: `labelaudit scan .*Fashion/raw`"):
        open_source(tmp_path / "a")
    build(tmp_path / "b", {f"{part}/{name}": data for part in ("train", "test") for name, data in files.items()})
    listing = open_source(tmp_path / "b")
    assert listing.ids == tuple(f"{part}/images-idx3-ubyte#{row}" for part in ("test", "train") for row in range(2))
    assert listing.splits == ("test", "test", "train", "train")
