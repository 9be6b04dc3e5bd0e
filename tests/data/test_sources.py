"""Tables of labels: columns, encodings, rows that do not fit, and the folder of images beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from built import PIXEL, build, labels_of
from planted import NAMES, archive, kinds, parquet, plant, write

from labelaudit.data.sources import open_source
from labelaudit.data.table import parse_table
from labelaudit.errors import DataError

# --- tables ----------------------------------------------------------------------------------------------------


def test_folder_with_a_table_of_labels(tmp_path: Path) -> None:
    plant(tmp_path / "images", "a.png", "sub/b.png", "c.png")
    table = write(
        tmp_path / "labels.csv",
        '\ufefffile,given,site,score\nsub/b.png, 3 ,x,1.50\n.\\a.png,cat,"y, z",\ngone.png,cat,,\n',
    )
    listing = open_source(tmp_path / "images", labels=table)
    assert labels_of(listing) == {"sub/b.png": "3", "a.png": "cat"}
    assert listing.extra == {"site": ("x", "y, z"), "score": ("1.50", "")}
    assert kinds(listing) == {"c.png": "unlabelled", "gone.png": "missing"}
    assert listing.total == 3
    assert listing.images is not None
    assert listing.images.encoded(0) == PIXEL


def test_a_table_alone_is_relative_to_itself(tmp_path: Path) -> None:
    plant(tmp_path, "img/a.png", "img/b.png", "img/unlisted.png")
    listing = open_source(write(tmp_path / "t.tsv", f"image\tclass\nimg/a.png\tx\n{tmp_path}/img/b.png\ty\n"))
    assert labels_of(listing) == {"img/a.png": "x", "img/b.png": "y"}
    assert listing.findings == ()
    assert listing.images is not None
    assert listing.images.encoded(1) == PIXEL


@pytest.mark.parametrize(
    ("header", "path", "label"),
    [
        ("file_name,label", "file_name", "label"),
        ("Label,Image Path", "Image Path", "Label"),
        ("id,target,filename", "filename", "target"),
        ("photo,what", "photo", "what"),
    ],
)
def test_columns_are_guessed(tmp_path: Path, header: str, path: str, label: str) -> None:
    row = {path: "a.png", label: "x"}
    cells = ",".join(row.get(name, "7") for name in header.split(","))
    listing = open_source(write(tmp_path / "t.csv", f"{header}\n{cells}\n"))
    assert labels_of(listing) == {"a.png": "x"}


def test_columns_can_be_named(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "file,label,fine,copy\na.png,x,x1,b.png\n")
    assert labels_of(open_source(table, label_column="fine")) == {"a.png": "x1"}
    assert labels_of(open_source(table, path_column="copy")) == {"b.png": "x"}
    for option in ("path_column", "label_column"):
        with pytest.raises(DataError, match=r"no column 'nope' \(`.*: it has file, label, fine, copy"):
            open_source(table, **{option: "nope"})


def test_columns_that_cannot_be_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="labels in any of aa, bb: name the column, such as `label_column` 'aa'"):
        open_source(write(tmp_path / "t.csv", "file,aa,bb\n1.png,2,3\n"))
    with pytest.raises(DataError, match=r"no column of image paths"):
        open_source(write(tmp_path / "t.csv", "label,aa,bb\n1,2,3\n"))


def test_duplicate_rows(tmp_path: Path) -> None:
    text = "path,label\na.png,x\nb.png,x\na.png,x\n./b.png,y\nc.png,y\nb.png,z\n"
    listing = open_source(write(tmp_path / "t.csv", text))
    assert labels_of(listing) == {"a.png": "x", "c.png": "y"}
    assert list(listing.rows) == [0, 4]
    assert listing.total == 6
    assert [(finding.kind, finding.path) for finding in listing.findings] == [
        ("duplicate_row", "a.png"),
        ("conflict", "b.png"),
        ("conflict", "b.png"),
    ]
    assert "'x' in line 3 and 'y'" in listing.findings[1].detail


def test_missing_cells_are_no_labels(tmp_path: Path) -> None:
    listing = open_source(write(tmp_path / "t.csv", "path,label,note\na.png,,n\nb.png\n,x,\n\nc.png,y,m\n"))
    assert labels_of(listing) == {"a.png": None, "b.png": None, "c.png": "y"}
    assert kinds(listing) == {"t.csv#2": "missing"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "no rows"),
        ("", "no rows"),
        ("path,label\na.png,x,y\n", r"line 2 has 3 cells for 2 columns"),
        ("path,label,label\na,b,c\n", "two columns 'label'"),
        ('path,label\n"a.png,x\n', "line 2 cannot be parsed"),
    ],
)
def test_broken_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(write(tmp_path / "t.csv", text))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("path;label;seen, by\na.png;x;\n", ["a.png", "x", ""]),
        ("path;label;x, y\na.png;x;1,5\n", ["a.png", "x", "1,5"]),
        ("path,label;kind\na.png,x;y\n", ["a.png", "x;y"]),
        ("a.png,x,p|q\nb.png,y,r|s\n", ["a.png", "x", "p|q"]),
    ],
)
def test_the_sign_that_parts_all_rows_alike_parts_the_cells(text: str, row: list[str]) -> None:
    assert [cells[0] for cells in parse_table("t.csv", text.encode()).cells.values()] == row


def test_encodings_and_separators(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        listing = open_source(write(tmp_path / "t.csv", "pfad;label\r\nä.png;größe, 1\r\n", encoding))
        assert labels_of(listing) == {"ä.png": "größe, 1"}
    with pytest.raises(DataError, match=r"UTF-16 and UTF-32 without a mark do: save it as UTF-8"):
        open_source(write(tmp_path / "t.csv", "path,label\na.png,a\n", "utf-16-le"))
    (tmp_path / "t.csv").write_bytes("path,label\na.png,a\n".encode("utf-32")[:-1])
    with pytest.raises(DataError, match=r"is not UTF-32: save it as UTF-8"):
        open_source(tmp_path / "t.csv")
    with pytest.raises(DataError, match="line 2 is not UTF-8: save it as UTF-8"):
        open_source(write(tmp_path / "t.csv", "path,label\na.png,größe\n", "latin-1"))


def test_labels_that_may_be_missing_are_classes_and_said(tmp_path: Path) -> None:
    labels = ["cat", "nan", "NA", "NA", "", "None", "?"]
    rows = "".join(f"{number}.png,{label}\n" for number, label in enumerate(labels))
    listing = open_source(write(tmp_path / "t.csv", f"path,label\n{rows}0.png,cat\n"))
    assert list(listing.labels) == [label or None for label in labels]
    assert listing.notes == (
        "Labels of t.csv that may mean that there is none, but are read as classes: "
        "'?' (1 row), 'NA' (2 rows), 'None' (1 row), 'nan' (1 row). Empty them if so.",
    )


def test_json_lines(tmp_path: Path) -> None:
    rows = [{"image": "a.png", "label": 3, "extra": [1, "é"]}, {"image": "b.png", "label": None}]
    listing = open_source(write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n"))
    assert labels_of(listing) == {"a.png": "3", "b.png": None}
    assert listing.extra == {"extra": ('[1, "é"]', "")}
    for text, message in (("{", "line 1 is not JSON"), ("[1]", "must be an object")):
        with pytest.raises(DataError, match=message):
            open_source(write(tmp_path / "t.jsonl", text))


def test_names_are_matched_with_files(tmp_path: Path) -> None:
    images = plant(tmp_path / "images", "one/a.png", "two/b.jpg", "two/same.png", "one/same.png", "e\u0301.png")
    stems = open_source(images, labels=write(tmp_path / "t.csv", "image_id,class\na,x\nb,y\n"))
    assert stems.ids == ("one/a.png", "two/b.jpg")
    names = open_source(images, labels=write(tmp_path / "t.csv", "file,class\na.png,x\n\u00e9.png,y\n"))
    assert "e\u0301.png" in names.ids
    composed = open_source(images, labels=write(tmp_path / "t.csv", "file,class\n\u00e9.png,y\none/a.png,x\n"))
    assert composed.ids == ("e\u0301.png", "one/a.png")


def test_hugging_face_image_folder(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "train/2.png", "test/3.png", "test/4.png")
    write(tmp_path / "train" / "metadata.csv", "file_name,label,text\n1.png,cat,hello\n2.png,dog,\n")
    write(tmp_path / "test" / "metadata.jsonl", '{"file_name": "3.png", "label": "cat"}\n')
    listing = open_source(tmp_path)
    assert labels_of(listing) == {"test/3.png": "cat", "train/1.png": "cat", "train/2.png": "dog"}
    assert listing.splits == ("test", "train", "train")
    assert set(listing.extra) == {"text"}
    assert kinds(listing) == {"test/4.png": "unlabelled"}


def test_metadata_without_labels_leaves_it_to_the_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, "cat/1.png", "dog/2.png")
    write(tmp_path / "metadata.csv", "file_name,width\ncat/1.png,2\n")
    assert open_source(tmp_path).labels == ("cat", "dog")
    assert open_source(tmp_path, label_column="width").labels == ("2",)


# --- labels alone, for features --------------------------------------------------------------------------------


def test_labels_alone(tmp_path: Path) -> None:
    table = open_source(None, labels=write(tmp_path / "y.csv", "label,site\ncat,1\n,2\ndog,3\n"))
    assert labels_of(table) == {"y.csv#0": "cat", "y.csv#1": None, "y.csv#2": "dog"}
    assert table.images is None
    assert table.extra == {"site": ("1", "2", "3")}
    named = open_source(
        None, labels=write(tmp_path / "y.csv", "doc,label\nmail/7,ham\nmail/8,spam\n"), path_column="doc"
    )
    assert named.ids == ("mail/7", "mail/8")
    np.save(tmp_path / "y.npy", np.array([3, 1]))
    assert labels_of(open_source(None, labels=tmp_path / "y.npy")) == {"y.npy#0": "3", "y.npy#1": "1"}
    pair = archive(tmp_path / "y.npz", labels=[0, 1], classes=["a", "b"])
    assert open_source(None, labels=pair).labels == ("a", "b")
    with pytest.raises(DataError, match="needs an array 'labels'"):
        open_source(None, labels=archive(tmp_path / "z.npz", q=[1]))
    columns = {"label": pa.array([0, 1]), "text": pa.array(["t", "u"])}
    rows = open_source(None, labels=parquet(tmp_path / "y.parquet", columns, NAMES))
    assert rows.labels == ("cat", "dog")
    assert rows.images is None
    assert labels_of(open_source(None, labels=["cat", 2])) == {"row#0": "cat", "row#1": "2"}
    for name in ("no.csv", "y.pdf"):
        (tmp_path / "y.pdf").touch()
        with pytest.raises(DataError, match=r"`labels`|not a kind of labels"):
            open_source(None, labels=tmp_path / name)


def test_whole_numbers_with_a_fraction_of_nothing_are_the_same_classes(tmp_path: Path) -> None:
    listing = open_source(write(tmp_path / "t.csv", "file,label\na.png,1.0\nb.png,2.0\nc.png,\nd.png,1\n"))
    assert labels_of(listing) == {"a.png": "1", "b.png": "2", "c.png": None, "d.png": "1"}
    listing = open_source(write(tmp_path / "t.csv", "file,label\na.png,1.0\nb.png,v2\n"))
    assert labels_of(listing) == {"a.png": "1.0", "b.png": "v2"}


def test_truth_values_mark_a_class_as_0_and_1_do(tmp_path: Path) -> None:
    listing = open_source(write(tmp_path / "t.csv", "file,cat,dog\na.png,True,False\nb.png,False,True\n"))
    assert labels_of(listing) == {"a.png": "cat", "b.png": "dog"}


def test_columns_that_divide_the_rows_alike_are_one_choice_whatever_they_are_called(tmp_path: Path) -> None:
    rows = "".join(f"{n}.png,{n % 2},{('cat', 'dog')[n % 2]},https://x.org/{n % 3}\n" for n in range(6))
    listing = open_source(write(tmp_path / "t.csv", f"file,pets,pets-metadata.name,link\n{rows}"))
    assert set(listing.labels) == {"cat", "dog"}


def test_remarks_above_a_table_are_passed_over(tmp_path: Path) -> None:
    text = "# made by a tool, today, again\n# two classes\nfile,label\na.png,cat\nb.png,dog\n"
    table = write(tmp_path / "t.csv", text)
    assert labels_of(open_source(table)) == {"a.png": "cat", "b.png": "dog"}
    table = write(tmp_path / "t.csv", "#file,label\na.png,cat\nb.png,dog\n")
    assert labels_of(open_source(table, path_column="#file")) == {"a.png": "cat", "b.png": "dog"}
    with pytest.raises(DataError, match="line 5 has 3 cells"):
        open_source(write(tmp_path / "t.csv", text.replace(",cat", ",cat,x").replace("a.png", "a.png\nc.png")))


def test_numbers_that_lost_their_leading_zeros_name_most_files(tmp_path: Path) -> None:
    build(tmp_path, {f"images/{n:05}.png": PIXEL for n in range(1, 9)})
    (tmp_path / "l.csv").write_text("id,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(1, 9)))
    assert labels_of(open_source(tmp_path))["images/00002.png"] == "a"
    (tmp_path / "l.csv").write_text("id,category\n1,pet\n2,pet\n3,car\n")
    with pytest.raises(DataError, match="8 images without labels"):
        open_source(tmp_path)
