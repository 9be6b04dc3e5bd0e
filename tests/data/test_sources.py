"""Every kind of dataset a person may point at, and every way in which it may be broken."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.data.images import ImageError, decode, encode
from labelaudit.data.listing import Files, Listing, split_of
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

PIXEL = encode(np.zeros((2, 2), np.uint8))


def plant(root: Path, *names: str, data: bytes = PIXEL) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")
    return path


def kinds(listing: Listing) -> dict[str, str]:
    return {finding.path: finding.kind for finding in listing.findings}


def labelled(listing: Listing) -> dict[str, str | None]:
    return dict(zip(listing.ids, listing.labels, strict=True))


# --- folders ---------------------------------------------------------------------------------------------------


def test_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, "dog/b.JPG", "cat/deep/er/a.png", "cat/z.webp", "3/x.bmp")
    listing = open_source(tmp_path)
    assert listing.ids == ("3/x.bmp", "cat/z.webp", "cat/deep/er/a.png", "dog/b.JPG")
    assert listing.labels == ("3", "cat", "cat", "dog")
    assert listing.splits is None
    assert listing.rows == (0, 1, 2, 3)
    assert listing.total == 4
    assert listing.images is not None
    assert listing.images.encoded(2) == PIXEL


def test_split_level_above_the_classes(tmp_path: Path) -> None:
    plant(tmp_path, "Train/cat/1.png", "Train/dog/1.png", "val/cat/2.png", "test/dog/9.png", "val/stray.png")
    listing = open_source(str(tmp_path))
    assert labelled(listing) == {
        "Train/cat/1.png": "cat",
        "Train/dog/1.png": "dog",
        "test/dog/9.png": "dog",
        "val/cat/2.png": "cat",
    }
    assert listing.splits == ("Train", "Train", "test", "val")
    assert kinds(listing) == {"val/stray.png": "unlabelled"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "bus/2.png", "car/2.png", "ship/2.png", "plane/2.png")
    assert open_source(tmp_path).labels == ("bus", "car", "plane", "ship", "train")


def test_splits_beside_something_else_are_not_guessed_at(tmp_path: Path) -> None:
    plant(tmp_path, "train/cat/1.png", "test/cat/1.png", "extra/1.png")
    with pytest.raises(DataError, match=r"beside 'extra'\. Say which"):
        open_source(tmp_path)


def test_splits_without_classes(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "test/1.png")
    with pytest.raises(DataError, match="they lie in no class folders"):
        open_source(tmp_path)


def test_hidden_and_foreign_files_are_skipped_and_counted(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png", "a/.DS_Store", "a/._1.png", ".git/x.png", "__MACOSX/a/1.png")
    plant(tmp_path, "a/Thumbs.db", "README.txt", "b/notes.txt", "loose.png")
    write(tmp_path / "b" / "noending", "text")
    listing = open_source(tmp_path)
    assert labelled(listing) == {"a/1.png": "a", "b/1.png": "b"}
    assert listing.skipped == {"without an ending": 1, ".db": 1, ".txt": 2}
    assert listing.junk == {"__MACOSX": 1}
    assert kinds(listing) == {"loose.png": "unlabelled"}


def test_links_are_followed_once_and_loops_are_findings(tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "1.png", "inner/2.png")
    data = plant(tmp_path / "data", "cat/1.png", "dog/1.png")
    (data / "fox").symlink_to(outside, target_is_directory=True)
    (data / "cat" / "up").symlink_to(data, target_is_directory=True)
    (data / "dog" / "peer").symlink_to(data / "cat", target_is_directory=True)
    (data / "cat" / "file.png").symlink_to(data / "dog" / "1.png")
    (data / "cat" / "gone.png").symlink_to(data / "nowhere.png")
    (data / "owl").symlink_to(data / "nowhere", target_is_directory=True)
    (data / "self").symlink_to(data / "self")
    listing = open_source(data)
    assert listing.ids == ("cat/1.png", "cat/file.png", "dog/1.png", "fox/1.png", "fox/inner/2.png")
    assert kinds(listing) == {
        "cat/gone.png": "missing",
        "cat/up": "link_loop",
        "dog/peer": "link_loop",
        "owl": "missing",
        "self": "missing",
    }


def test_folders_linking_to_each_other_end(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(12)]
    plant(tmp_path, *(f"{name}/1.png" for name in names))
    for name in names:
        for other in names:
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other, target_is_directory=True)
    listing = open_source(tmp_path)
    assert len(listing.ids) == 12
    assert len(listing.findings) == 144


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_are_findings(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png")
    bad = os.fsencode(tmp_path) + b"/a/caf\xe9.png"
    Path(os.fsdecode(bad)).write_bytes(PIXEL)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/kl\xe4sse")).mkdir()
    listing = open_source(tmp_path)
    assert listing.ids == ("a/1.png", "b/1.png")
    assert kinds(listing) == {"a/caf\\xe9.png": "bad_name", "kl\\xe4sse": "bad_name"}
    for finding in listing.findings:
        finding.path.encode("utf-8")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_a_finding_and_is_never_read(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert kinds(open_source(tmp_path)) == {"a/pipe.png": "unreadable"}
    with pytest.raises(ImageError, match="not a regular file"):
        Files(tmp_path, ["a/pipe.png"]).encoded(0)


def test_a_folder_named_like_an_image(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/x.png/2.png")
    assert open_source(tmp_path).ids == ("a/1.png", "b/x.png/2.png")
    with pytest.raises(OSError, match="directory"):
        Files(tmp_path, ["b/x.png"]).encoded(0)


def test_a_folder_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "a/1.png", "b/1.png", "locked/1.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = open_source(tmp_path)
    assert listing.ids == ("a/1.png", "b/1.png")
    assert "Permission denied" in listing.findings[0].detail


def test_nothing_to_audit_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "missing")
    with pytest.raises(DataError, match=r"no images in .*--labels"):
        open_source(tmp_path)
    plant(tmp_path, "cat/1.mp4", "cat/2.mp4", "cat/3.txt")
    with pytest.raises(DataError, match=r"left out: 2 \.mp4, 1 \.txt"):
        open_source(tmp_path)
    plant(tmp_path, "1.png", "2.png")
    with pytest.raises(DataError, match=r"2 images in .* have no labels: they lie in no class folders"):
        open_source(tmp_path)
    with pytest.raises(DataError, match="one image"):
        open_source(tmp_path / "1.png")
    with pytest.raises(DataError, match="not a readable tar file"):
        open_source(plant(tmp_path, "x.tar") / "x.tar")
    with pytest.raises(DataError, match="not a kind of dataset"):
        open_source(plant(tmp_path, "x.pdf") / "x.pdf")
    with pytest.raises(DataError, match="no table for --path-column"):
        open_source(tmp_path, label_column="label")
    with pytest.raises(DataError, match="give DATA"):
        open_source(None)


def test_every_message_is_one_line(tmp_path: Path) -> None:
    for call in (lambda: open_source(tmp_path), lambda: open_source(tmp_path / "x"), lambda: open_source(None)):
        with pytest.raises(DataError) as refused:
            call()
        assert "\n" not in str(refused.value)


# --- tables ----------------------------------------------------------------------------------------------------


def test_folder_with_a_table_of_labels(tmp_path: Path) -> None:
    plant(tmp_path / "images", "a.png", "sub/b.png", "c.png")
    table = write(
        tmp_path / "labels.csv",
        '\ufefffile,given,site,score\nsub/b.png, 3 ,x,1.50\n.\\a.png,cat,"y, z",\ngone.png,cat,,\n',
    )
    listing = open_source(tmp_path / "images", labels=table)
    assert labelled(listing) == {"sub/b.png": "3", "a.png": "cat"}
    assert listing.extra == {"site": ("x", "y, z"), "score": ("1.50", "")}
    assert kinds(listing) == {"c.png": "unlabelled", "gone.png": "missing"}
    assert listing.total == 3
    assert listing.images is not None
    assert listing.images.encoded(0) == PIXEL


def test_a_table_alone_is_relative_to_itself(tmp_path: Path) -> None:
    plant(tmp_path, "img/a.png", "img/b.png", "img/unlisted.png")
    listing = open_source(write(tmp_path / "t.tsv", f"image\tclass\nimg/a.png\tx\n{tmp_path}/img/b.png\ty\n"))
    assert labelled(listing) == {"img/a.png": "x", "img/b.png": "y"}
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
    assert labelled(listing) == {"a.png": "x"}


def test_columns_can_be_named(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "file,label,fine,copy\na.png,x,x1,b.png\n")
    assert labelled(open_source(table, label_column="fine")) == {"a.png": "x1"}
    assert labelled(open_source(table, path_column="copy")) == {"b.png": "x"}
    for option in ("path_column", "label_column"):
        with pytest.raises(DataError, match=r"no column 'nope' \(--.*: it has file, label, fine, copy"):
            open_source(table, **{option: "nope"})


def test_columns_that_cannot_be_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="aa, bb may each be it; name it with --label-column"):
        open_source(write(tmp_path / "t.csv", "file,aa,bb\n1.png,2,3\n"))
    with pytest.raises(DataError, match=r"surely the label|no column of image paths"):
        open_source(write(tmp_path / "t.csv", "label,aa,bb\n1,2,3\n"))


def test_duplicate_rows(tmp_path: Path) -> None:
    text = "path,label\na.png,x\nb.png,x\na.png,x\n./b.png,y\nc.png,y\nb.png,z\n"
    listing = open_source(write(tmp_path / "t.csv", text))
    assert labelled(listing) == {"a.png": "x", "c.png": "y"}
    assert listing.rows == (0, 4)
    assert listing.total == 6
    assert [(finding.kind, finding.path) for finding in listing.findings] == [
        ("duplicate_row", "a.png"),
        ("conflict", "b.png"),
        ("conflict", "b.png"),
    ]
    assert "'x' in line 3 and 'y'" in listing.findings[1].detail


def test_missing_cells_are_no_labels(tmp_path: Path) -> None:
    listing = open_source(write(tmp_path / "t.csv", "path,label,note\na.png,,n\nb.png\n,x,\n\nc.png,y,m\n"))
    assert labelled(listing) == {"a.png": None, "b.png": None, "c.png": "y"}
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


def test_encodings_and_separators(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        listing = open_source(write(tmp_path / "t.csv", "pfad;label\r\nä.png;größe, 1\r\n", encoding))
        assert labelled(listing) == {"ä.png": "größe, 1"}
    with pytest.raises(DataError, match=r"UTF-16 without its mark.*save it as UTF-8"):
        open_source(write(tmp_path / "t.csv", "path,label\na.png,a\n", "utf-16-le"))
    with pytest.raises(DataError, match="line 2 is not UTF-8: save it as UTF-8"):
        open_source(write(tmp_path / "t.csv", "path,label\na.png,größe\n", "latin-1"))


def test_json_lines(tmp_path: Path) -> None:
    rows = [{"image": "a.png", "label": 3, "extra": [1, "é"]}, {"image": "b.png", "label": None}]
    listing = open_source(write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n"))
    assert labelled(listing) == {"a.png": "3", "b.png": None}
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


def test_labels_option_is_checked(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png")
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path, labels=tmp_path / "no.csv")
    with pytest.raises(DataError, match="is a folder"):
        open_source(tmp_path, labels=tmp_path / "a")
    np.save(tmp_path / "y.npy", np.array([0]))
    with pytest.raises(DataError, match="names no files"):
        open_source(tmp_path, labels=tmp_path / "y.npy")
    table = write(tmp_path / "t.csv", "path,label\na,b\n")
    with pytest.raises(DataError, match="holds labels itself"):
        open_source(table, labels=table)


def test_hugging_face_image_folder(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "train/2.png", "test/3.png", "test/4.png")
    write(tmp_path / "train" / "metadata.csv", "file_name,label,text\n1.png,cat,hello\n2.png,dog,\n")
    write(tmp_path / "test" / "metadata.jsonl", '{"file_name": "3.png", "label": "cat"}\n')
    listing = open_source(tmp_path)
    assert labelled(listing) == {"test/3.png": "cat", "train/1.png": "cat", "train/2.png": "dog"}
    assert listing.splits == ("test", "train", "train")
    assert set(listing.extra) == {"text"}
    assert kinds(listing) == {"test/4.png": "unlabelled"}


def test_metadata_without_labels_leaves_it_to_the_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, "cat/1.png", "dog/2.png")
    write(tmp_path / "metadata.csv", "file_name,width\ncat/1.png,2\n")
    assert open_source(tmp_path).labels == ("cat", "dog")
    assert open_source(tmp_path, label_column="width").labels == ("2",)


# --- Parquet ---------------------------------------------------------------------------------------------------

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NAMES = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}, "image": {"_type": "Image"}}


def parquet(path: Path, columns: dict[str, pa.Array], features: object = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **options)
    return path


def pictures(n: int, *, paths: bool = True) -> pa.Array:
    rows = [{"bytes": encode(np.full((1, 1), i, np.uint8)), "path": f"{i}.png" if paths else None} for i in range(n)]
    return pa.array(rows, STRUCT)


def test_parquet_in_the_hugging_face_convention(tmp_path: Path) -> None:
    columns = {"image": pictures(7), "label": pa.array([0, 1, 1, 0, -1, None, 1]), "site": pa.array(list("abcdefg"))}
    listing = open_source(parquet(tmp_path / "x.parquet", columns, NAMES, row_group_size=3))
    assert listing.ids == tuple(f"{i}.png" for i in range(7))
    assert listing.labels == ("cat", "dog", "dog", "cat", None, None, "dog")
    assert listing.extra == {"site": tuple("abcdefg")}
    assert listing.images is not None
    for row in (6, 0, 3, 2, 5):
        assert decode(listing.images.encoded(row))[0, 0, 0] == row


def test_parquet_integers_without_names_stay_text(tmp_path: Path) -> None:
    columns = {"img": pictures(2, paths=False), "y": pa.array([3.0, None])}
    listing = open_source(parquet(tmp_path / "x.parquet", columns))
    assert listing.ids == ("x.parquet#0", "x.parquet#1")
    assert listing.labels == ("3", None)


def test_parquet_shards_and_their_splits(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        parquet(tmp_path / "data" / f"{name}.parquet", {"image": pictures(3), "label": pa.array([0, 1, 0])}, NAMES)
    listing = open_source(tmp_path)
    assert listing.splits == ("test",) * 3 + ("train",) * 6
    assert listing.ids[3] == "data/train-00000-of-00002.parquet#0"
    assert listing.images is not None
    assert [int(decode(listing.images.encoded(row))[0, 0, 0]) for row in range(9)] == [0, 1, 2] * 3


def test_parquet_of_plain_bytes_and_of_paths(tmp_path: Path) -> None:
    data = pa.array([PIXEL, PIXEL])
    listing = open_source(parquet(tmp_path / "b.parquet", {"jpeg": data, "label": pa.array(["x", "y"])}))
    assert listing.images is not None
    assert listing.images.encoded(1) == PIXEL
    plant(tmp_path, "img/a.png")
    columns = {"path": pa.array(["img/a.png", "img/none.png"]), "label": pa.array(["x", "y"]).dictionary_encode()}
    listing = open_source(parquet(tmp_path / "p.parquet", columns))
    assert labelled(listing) == {"img/a.png": "x", "img/none.png": "y"}
    assert listing.images is not None
    assert listing.images.encoded(0) == PIXEL
    with pytest.raises(FileNotFoundError):
        listing.images.encoded(1)
    empty = {"image": pa.array([{"bytes": None, "path": None}], STRUCT), "label": pa.array(["x"])}
    listing = open_source(parquet(tmp_path / "e.parquet", empty))
    assert listing.images is not None
    with pytest.raises(ImageError, match="neither bytes nor a path"):
        listing.images.encoded(0)


def test_parquet_from_many_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    columns = {"image": pictures(200), "label": pa.array([0, 1] * 100)}
    images = open_source(parquet(tmp_path / "x.parquet", columns, NAMES, row_group_size=9)).images
    assert images is not None
    rows = np.random.default_rng(0).permutation(200).tolist()
    with ThreadPoolExecutor(8) as pool:
        assert [int(decode(data)[0, 0, 0]) for data in pool.map(images.encoded, rows)] == rows


def test_broken_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x\.parquet' is not a readable Parquet file"):
        open_source(tmp_path / "x.parquet")
    columns = {"image": pictures(1), "label": pa.array([[1, 2]]), "b": pa.array([5])}
    with pytest.raises(DataError, match="must be one name or number"):
        open_source(parquet(tmp_path / "x.parquet", columns))
    columns = {"image": pictures(1), "aa": pa.array([1]), "b": pa.array([5])}
    with pytest.raises(DataError, match="aa, b may each be it; name it with --label-column"):
        open_source(parquet(tmp_path / "x.parquet", columns))
    with pytest.raises(DataError, match="no column 'nope'"):
        open_source(tmp_path / "x.parquet", label_column="nope")
    with pytest.raises(DataError, match="has label 7, but its schema names 2 classes"):
        open_source(parquet(tmp_path / "x.parquet", {"image": pictures(1), "label": pa.array([7])}, NAMES))
    shards = tmp_path / "shards"
    parquet(shards / "a.parquet", {"image": pictures(1), "label": pa.array([0])})
    parquet(shards / "b.parquet", {"image": pictures(1), "tag": pa.array([0])})
    with pytest.raises(DataError, match=r"b\.parquet' has no column 'label' \(in another shard\)"):
        open_source(shards)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("test/0000.parquet", "test"),
        ("cifar10-test.parquet", "test"),
        ("my_val.parquet", "val"),
        ("trainings.parquet", None),
        ("x.parquet", None),
    ],
)
def test_split_of_a_file_name(name: str, split: str | None) -> None:
    assert split_of(name) == split


# --- arrays ----------------------------------------------------------------------------------------------------

BATCH = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)


def archive(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_npz_with_class_names(tmp_path: Path) -> None:
    listing = open_source(
        archive(tmp_path / "d.npz", images=BATCH, labels=[[1], [0], [1], [-1]], classes=["cat", "dog"])
    )
    assert listing.ids == ("d.npz#0", "d.npz#1", "d.npz#2", "d.npz#3")
    assert listing.labels == ("dog", "cat", "dog", None)
    assert listing.images is not None
    assert (decode(listing.images.encoded(2))[..., 1] == BATCH[2]).all()


def test_npz_labels_stay_text(tmp_path: Path) -> None:
    for labels in (
        np.array([3, 10, 3, 0]),
        np.array([3.0, 10.0, 3.0, 0.0]),
        ["3", "10", "3", "0"],
        [b"3", b"10", b"3", b"0"],
    ):
        assert open_source(archive(tmp_path / "d.npz", x=BATCH, y=labels)).labels == ("3", "10", "3", "0")


def test_npz_of_splits(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.npz", train_images=BATCH, train_labels=[0, 1, 0, 1], x_test=BATCH[:1], y_test=[1])
    listing = open_source(path)
    assert listing.splits == ("train",) * 4 + ("test",)
    assert listing.images is not None
    assert len(listing.images) == 5
    assert [int(decode(listing.images.encoded(row))[0, 0, 0]) for row in range(5)] == [0, 30, 60, 90, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16])
def test_numbers_are_brought_to_pixels(tmp_path: Path, dtype: type) -> None:
    images = open_source(archive(tmp_path / "d.npz", images=BATCH.astype(dtype), labels=list("abab"))).images
    assert images is not None
    assert (decode(images.encoded(3))[..., 0] == BATCH[3]).all()


def test_float_images_from_0_to_1_are_scaled(tmp_path: Path) -> None:
    unit = np.array([[[0.0, 0.5, 1.0]]] * 2, np.float32)
    images = open_source(archive(tmp_path / "d.npz", images=unit, labels=[0, 1])).images
    assert images is not None
    assert decode(images.encoded(0))[0, :, 0].tolist() == [0, 128, 255]
    for bad in (unit - 0.5, unit * 1.5, unit * 1000, unit * np.nan):
        with pytest.raises(DataError, match="store uint8, uint16, or floats from 0 to 1"):
            open_source(archive(tmp_path / "d.npz", images=bad, labels=[0, 1]))


@pytest.mark.parametrize("shape", [(2, 3, 8, 9), (2, 1, 8, 9), (2, 8, 9, 3), (2, 8, 9, 1), (2, 8, 9, 4)])
def test_channels_first_or_last(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = open_source(archive(tmp_path / "d.npz", images=np.zeros(shape, np.uint8), labels=[0, 1])).images
    assert images is not None
    assert decode(images.encoded(0)).shape == (8, 9, 3)


def test_npy_images_with_labels_beside(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", BATCH)
    np.save(tmp_path / "y.npy", np.array(["a", "b", "a", "b"]))
    listing = open_source(tmp_path / "x.npy", labels=tmp_path / "y.npy")
    assert labelled(listing) == {"x.npy#0": "a", "x.npy#1": "b", "x.npy#2": "a", "x.npy#3": "b"}
    with pytest.raises(DataError, match="needs arrays 'images' and 'labels'"):
        open_source(tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", np.array(["a", "b"]))
    with pytest.raises(DataError, match="4 images but 2 labels"):
        open_source(tmp_path / "x.npy", labels=tmp_path / "y.npy")


def test_broken_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", images=BATCH, labels=np.array(["a", None, 1, 2], dtype=object))
    with pytest.raises(DataError, match="holds Python objects"):
        open_source(tmp_path / "o.npz")
    (tmp_path / "j.npz").write_bytes(b"PK\x03\x04 junk")
    with pytest.raises(DataError, match=r"j\.npz' is"):
        open_source(tmp_path / "j.npz")
    with pytest.raises(DataError, match="holds a, b"):
        open_source(archive(tmp_path / "d.npz", a=[1], b=[2]))
    for labels, message in (
        (np.eye(4), r"argmax\(axis=1\)"),
        (np.full(4, 0.5), "probabilities"),
        ([0, 1, 2], "4 images but 3 labels"),
        ([0, 1, 2, 9], "label 9, but there are names of 3 classes"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(archive(tmp_path / "d.npz", images=BATCH, labels=labels, classes=list("abc")))
    for images in (BATCH[0], np.zeros((4, 5, 6, 7), np.uint8), np.array(["a"] * 4).reshape(4, 1, 1)):
        with pytest.raises(DataError, match="'images' of"):
            open_source(archive(tmp_path / "d.npz", images=images, labels=[0, 1, 0, 1]))


# --- labels alone, for features --------------------------------------------------------------------------------


def test_labels_alone(tmp_path: Path) -> None:
    table = open_source(None, labels=write(tmp_path / "y.csv", "label,site\ncat,1\n,2\ndog,3\n"))
    assert labelled(table) == {"y.csv#0": "cat", "y.csv#1": None, "y.csv#2": "dog"}
    assert table.images is None
    assert table.extra == {"site": ("1", "2", "3")}
    named = open_source(
        None, labels=write(tmp_path / "y.csv", "doc,label\nmail/7,ham\nmail/8,spam\n"), path_column="doc"
    )
    assert named.ids == ("mail/7", "mail/8")
    np.save(tmp_path / "y.npy", np.array([3, 1]))
    assert labelled(open_source(None, labels=tmp_path / "y.npy")) == {"y.npy#0": "3", "y.npy#1": "1"}
    pair = archive(tmp_path / "y.npz", labels=[0, 1], classes=["a", "b"])
    assert open_source(None, labels=pair).labels == ("a", "b")
    with pytest.raises(DataError, match="needs an array 'labels'"):
        open_source(None, labels=archive(tmp_path / "z.npz", q=[1]))
    columns = {"label": pa.array([0, 1]), "text": pa.array(["t", "u"])}
    rows = open_source(None, labels=parquet(tmp_path / "y.parquet", columns, NAMES))
    assert rows.labels == ("cat", "dog")
    assert rows.images is None
    for name in ("no.csv", "y.pdf"):
        (tmp_path / "y.pdf").touch()
        with pytest.raises(DataError, match=r"--labels|not a kind of labels"):
            open_source(None, labels=tmp_path / name)
