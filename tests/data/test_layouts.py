"""Datasets as people have them: each is read right, or stops in one line that says what to type."""

from __future__ import annotations

import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from data.built import PIXEL, build, counts_of, labels_of

from labelaudit.data.listing import Listing
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

Files = dict[str, int | str | bytes]
P = PIXEL


def tasks(**choices: str) -> str:
    """An export of Label Studio."""
    return json.dumps(
        [
            {
                "id": number,
                "data": {"image": f"/data/upload/1/3f2a8b1{number}-{name}.jpg"},
                "annotations": [{"completed_by": 7, "result": [{"value": {"choices": [choice]}}]}],
            }
            for number, (name, choice) in enumerate(choices.items())
        ]
    )


def coco(*annotations: tuple[int, int]) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "images/a.jpg"}, {"id": 2, "file_name": "images/b.jpg"}],
            "annotations": [{"image_id": image, "category_id": category} for image, category in annotations],
            "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
        }
    )


def idx(*axes: int, values: bytes) -> bytes:
    return bytes([0, 0, 8, len(axes)]) + struct.pack(f">{len(axes)}I", *axes) + values


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


TWO: Files = {"a.jpg": P, "b.jpg": P}
CAT_DOG = {"cat": 1, "dog": 1}
CVAT = '<annotations><image id="0" name="a.jpg"><tag label="cat"/></image>'
CVAT += '<image id="1" name="b.jpg"><tag label="dog"/></image></annotations>'
READ: dict[str, tuple[Files, dict[str, int], str]] = {
    "a table of names without ending": (
        {
            "images/1a.jpg": P,
            "images/1b.jpg": P,
            "images/1c.jpg": P,
            "images.csv": "image,sender_id,label,kids\n1a,9,Not sure,False\n1b,9,Skip,True\n2x,9,Skip,True\n",
        },
        {"Not sure": 1, "Skip": 1},
        "column 'label' of images.csv",
    ),
    "one column for each class": (
        TWO | {"truth.csv": "image,MEL,NV\na,1.0,0.0\nb,0.0,1.0\n"},
        {"MEL": 1, "NV": 1},
        "2 columns of 0 and 1 of truth.csv",
    ),
    "a table of flags in each split": (
        {
            **{"train/a.jpg": P, "train/_classes.csv": "filename, cat, dog\na.jpg,1,0\n"},
            **{"valid/b.jpg": P, "valid/_classes.csv": "filename, cat, dog\nb.jpg,0,1\n"},
        },
        CAT_DOG,
        "2 columns of 0 and 1",
    ),
    "a list without header": (TWO | {"train.txt": "a.jpg cat\nb.jpg dog\n"}, CAT_DOG, "train.txt, which has no header"),
    "a list with spaces in names": (
        {"my cat.jpg": P, "my dog.jpg": P, "list.txt": "my cat.jpg cat\nmy dog.jpg dog\n"},
        CAT_DOG,
        "list.txt",
    ),
    "a headerless table": (TWO | {"labels.csv": "a.jpg,cat\nb.jpg,dog\n"}, CAT_DOG, "labels.csv, which has no header"),
    "a numbered list": (TWO | {"x.lst": "0\t1\ta.jpg\n1\t7\tb.jpg\n"}, {"1": 1, "7": 1}, "x.lst"),
    "lists joined by an id": (
        {
            **{"images/a.jpg": P, "images/b.jpg": P, "images.txt": "1 a.jpg\n2 b.jpg\n"},
            **{
                "image_class_labels.txt": "1 1\n2 2\n",
                "classes.txt": "1 cat\n2 dog\n",
                "train_test_split.txt": "1 0\n2 1\n",
            },
        },
        CAT_DOG,
        "image_class_labels.txt",
    ),
    "records in JSON": (
        TWO | {"l.json": '[{"path": "a.jpg", "label": "cat"}, {"path": "b.jpg", "label": "dog"}]'},
        CAT_DOG,
        "column 'label' of l.json",
    ),
    "paths and labels in JSON": (TWO | {"l.json": '{"a.jpg": "cat", "b.jpg": "dog"}'}, CAT_DOG, "l.json"),
    "COCO with one category each": (
        {"images/a.jpg": P, "images/b.jpg": P, "val.json": coco((1, 5), (2, 6))},
        CAT_DOG,
        "val.json",
    ),
    "Label Studio": (TWO | {"export.json": tasks(a="cat", b="dog")}, CAT_DOG, "export.json"),
    "CVAT": (TWO | {"annotations.xml": CVAT}, CAT_DOG, "annotations.xml"),
    "ImageNet's solution": (
        {
            **{"CLS/n1_7.JPEG": P, "CLS/n2_7.JPEG": P},
            "LOC_val_solution.csv": "ImageId,PredictionString\nn1_7,n1 1 2 3 4 n1 5 6 7 8 \nn2_7,n2 1 2 3 4 \n",
        },
        {"n1": 1, "n2": 1},
        "LOC_val_solution.csv",
    ),
    "Food-101": (
        {
            **{"images/pie/1.jpg": P, "images/soup/2.jpg": P, "meta/train.txt": "pie/1\n", "meta/test.txt": "soup/2\n"},
            **{"meta/classes.txt": "pie\nsoup\n", "meta/train.json": '{"pie": ["pie/1"], "soup": []}'},
        },
        {"pie": 1, "soup": 1},
        "folder names below 'images/'",
    ),
    "words before numbers": (
        {f"train/{name}.{n}.jpg": P for name in ("cat", "dog") for n in range(3)}
        | {"test1/1.jpg": P, "test1/2.jpg": P},
        {"cat": 3, "dog": 3},
        "file names",
    ),
    "words before numbers, beside trimaps": (
        {f"images/{name}_{n}.jpg": P for name in ("Abyssinian", "great_pyrenees") for n in (1, 2)}
        | {"annotations/trimaps/Abyssinian_1.png": P, "annotations/list.txt": "#Image CLASS\nAbyssinian_1 1 1 1\n"},
        {"Abyssinian": 2, "great_pyrenees": 2},
        "file names",
    ),
    "MNIST's idx files": (
        {
            **{
                "train-images-idx3-ubyte": idx(2, 2, 2, values=bytes(8)),
                "train-labels-idx1-ubyte": idx(2, values=b"\1\2"),
            },
            "t10k-images-idx3-ubyte.gz": gzip.compress(idx(1, 2, 2, values=bytes(4))),
            "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(1, values=b"\2")),
        },
        {"1": 1, "2": 2},
        "train-labels-idx1-ubyte",
    ),
    "CIFAR in bytes": (
        {"data_batch_1.bin": bytes(3073) + b"\1" + bytes(3072), "batches.meta.txt": "plane\ncar\n\n"},
        {"plane": 1, "car": 1},
        "data_batch_1.bin",
    ),
    "classes with splits of tables": (
        {
            **{"train/a.jpg": P, "test/b.jpg": P, "train.csv": "path,label\na.jpg,cat\n"},
            **{"test.csv": "path,label\nb.jpg,dog\n", "sample_submission.csv": "path,label\nb.jpg,cat\n"},
        },
        CAT_DOG,
        "column 'label' of test.csv and train.csv",
    ),
    "metadata without labels": (
        {"cat": 1, "dog": 1, "metadata.csv": "file_name,width\ncat/0.png,2\ndog/0.png,2\n"},
        CAT_DOG,
        "folder names",
    ),
    "metadata that corrects folders": (
        {
            "cat": 2,
            "dog": 2,
            "metadata.csv": "file_name,label\ncat/0.png,cat\ncat/1.png,dog\ndog/0.png,dog\ndog/1.png,dog\n",
        },
        {"cat": 1, "dog": 3},
        "column 'label' of metadata.csv",
    ),
    "a table that says what folders say": (
        {"cat": 1, "dog": 1, "labels.csv": "file,label\ncat/0.png,0\ndog/0.png,1\n"},
        CAT_DOG,
        "folder names",
    ),
    "folders of two datasets, a table for all": (
        {
            "x/m": 1,
            "x/n": 1,
            "y/o": 1,
            "y/p": 1,
            "l.csv": "file,label\n"
            + "".join(f"{f}/0.png,{c}\n" for f, c in zip(["x/m", "x/n", "y/o", "y/p"], "abab", strict=True)),
        },
        {"a": 2, "b": 2},
        "l.csv",
    ),
    "arrays side by side": (
        {"X_train.npy": npy(np.zeros((3, 4, 4), np.uint8)), "y_train.npy": npy(np.array(["cat", "dog", "cat"]))},
        {"cat": 2, "dog": 1},
        "y_train.npy",
    ),
    "files without ending": ({"cat/1": P, "dog/1": P, "dog/notes": b"hello"}, CAT_DOG, "folder names"),
}


@pytest.mark.parametrize("name", READ)
def test_a_layout_is_read_right(name: str, tmp_path: Path) -> None:
    files, expected, origin = READ[name]
    listing = open_source(build(tmp_path / "d", files))
    assert counts_of(listing) == expected
    assert origin in listing.origin


STOPPED: dict[str, tuple[Files, str]] = {
    "unlabelled images in splits": (
        {"train": 3, "test": 2},
        "no class folders, no table there names them, and their names",
    ),
    "images and boxes": (
        {"JPEGImages/1.jpg": P, "Annotations/1.xml": "<annotation><object/></annotation>"},
        r"1 \.xml or \.txt files of the same names may hold boxes",
    ),
    "COCO with boxes": (
        {"images/a.jpg": P, "images/b.jpg": P, "x.json": coco((1, 5), (1, 6))},
        "several categories for 1",
    ),
    "folders and a table that differ": (
        {"cat": 1, "dog": 2, "l.csv": "file,label\ncat/0.png,x\ndog/0.png,x\ndog/1.png,y\n"},
        "two sources of labels .* --format class-folders .* --labels .*l.csv",
    ),
    "a table of several labels": (
        TWO | {"l.csv": "file,fine_label,class\na.jpg,1,2\nb.jpg,1,3\n"},
        "choose with --label-column",
    ),
    "a table of splits": (TWO | {"l.csv": "filename,split\na.jpg,train\nb.jpg,test\n"}, "surely the label"),
    "a table of attributes": (TWO | {"l.csv": "f,hat,coat\na.jpg,1,1\nb.jpg,1,1\n"}, "several labels for one image"),
    "pictures of cameras": (
        {f"{name}_{n}.jpg": P for name in ("IMG", "DSC") for n in range(3)},
        "names show no pattern",
    ),
    "words before a common number": (
        {f"{name}_{n}.jpg": P for name, start in (("anna", 1), ("bert", 4)) for n in range(start, start + 3)},
        "--label-from name:",
    ),
    "YOLO": ({"train/images/1.jpg": P, "train/labels/1.txt": "0 .5 .5 .1 .1"}, "may hold boxes, which are not read"),
    "words and numbers without a sign between": (
        {f"{name}{n}.jpg": P for name in ("glass", "metal") for n in (1, 2)},
        "--label-from name:",
    ),
    "several labels in a cell": (
        {f"{n}.jpg": P for n in range(12)} | {"t.csv": "id,attributes\n" + "".join(f"{n},{n} 7\n" for n in range(12))},
        "surely the label",
    ),
    "pickled batches": (
        {"data_batch_1": b"\x80\2x", "batches.meta": b"\x80\2x"},
        "never opened: give the binary version",
    ),
    "metadata that cannot be read": ({"cat": 1, "dog": 1, "metadata.csv": 'file_name,x\n"a'}, "--ignore-metadata"),
    "names that say nothing": (
        {"train/1.jpg": P, "test/1.jpg": P, "l.csv": "file,label\n1.jpg,a\n"},
        "no class folders",
    ),
    "an entity in XML": (TWO | {"a.xml": '<!DOCTYPE x [<!ENTITY a "b">]><annotations/>'}, "declares XML entities"),
}


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


def test_rows_and_files_that_do_not_match_are_counted(tmp_path: Path) -> None:
    files, _, _ = READ["a table of names without ending"]
    listing = open_source(build(tmp_path, files))
    assert listing.notes == (
        "images.csv: 2 of 3 rows match a file (2 by name without ending), 1 match none; 1 files have no row.",
    )
    assert files_of(listing) == {"images/1c.jpg"}
    assert listing.extra == {"sender_id": ("9", "9"), "kids": ("False", "True")}


def test_a_class_of_background_gets_a_word(tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, {"101/BACKGROUND_Google": 1, "101/chair": 1}))
    assert any("'BACKGROUND_Google' may hold images of no class" in note for note in listing.notes)


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


def test_a_format_can_be_stated(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 1, "dog": 1, "labels.csv": "file,label\ncat/0.png,x\ndog/0.png,x\n"})
    assert counts_of(open_source(tmp_path, format="class-folders")) == {"cat": 1, "dog": 1}
    assert counts_of(open_source(tmp_path, format="label_table")) == {"x": 2}
    with pytest.raises(Exception, match="unknown format 'folders': did you mean"):
        open_source(tmp_path, format="folders")


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
    with pytest.raises(DataError, match="--label-column fine or --label-column coarse"):
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
    with pytest.raises(DataError, match=r"agree with 17% .* 0, 1, 10, 11, 2 .* with 100%: state .* --classes"):
        given_probs(probs, 60, np.arange(60), classes, labels)
    assert given_probs(np.eye(12)[labels], 60, np.arange(60), classes, labels).shape == (60, 12)
