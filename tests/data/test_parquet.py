"""Parquet files: the form of Hugging Face, plain bytes, paths, shards, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from built import PIXEL, labels_of
from planted import NAMES, parquet, plant

from labelaudit.data.images import ImageError, decode, encode
from labelaudit.data.listing import split_of
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

# --- Parquet ---------------------------------------------------------------------------------------------------

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


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
    assert labels_of(listing) == {"img/a.png": "x", "img/none.png": "y"}
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
    with pytest.raises(DataError, match="in any of aa, b: name the column, such as `label_column` 'aa'"):
        open_source(parquet(tmp_path / "x.parquet", columns))
    marks = {"image": pictures(2), "cat": pa.array([1, 0]), "dog": pa.array([0, 1])}
    with pytest.raises(DataError, match="a column of 0 and 1 for each class"):
        open_source(parquet(tmp_path / "marks.parquet", marks))
    with pytest.raises(DataError, match="no column 'nope'"):
        open_source(tmp_path / "x.parquet", label_column="nope")
    with pytest.raises(DataError, match="has label 7, but names 2 classes"):
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


def test_captions_beside_images_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    captions = pa.array([f"photo {n} of a cat" for n in range(12)])
    pq.write_table(pa.table({"image": pictures(12), "text": captions}), path)
    with pytest.raises(DataError, match="no column that looks like labels"):
        open_source(path)
