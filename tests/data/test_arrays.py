"""Arrays in npz and npy files: class names, splits, ranges and channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from built import labels_of
from planted import archive

from labelaudit.data.images import decode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

# --- arrays ----------------------------------------------------------------------------------------------------

BATCH = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)


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
    assert labels_of(listing) == {"x.npy#0": "a", "x.npy#1": "b", "x.npy#2": "a", "x.npy#3": "b"}
    with pytest.raises(DataError, match="needs arrays 'images' and 'labels'"):
        open_source(tmp_path / "x.npy")
    np.savez(tmp_path / "images.npz", BATCH)
    np.savez(tmp_path / "labels.npz", np.array(["a", "b", "a", "b"]))
    assert open_source(tmp_path / "images.npz", labels=tmp_path / "labels.npz").labels == listing.labels
    np.save(tmp_path / "y.npy", np.array(["a", "b"]))
    with pytest.raises(DataError, match="4 images but 2 labels"):
        open_source(tmp_path / "x.npy", labels=tmp_path / "y.npy")


def test_broken_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", images=BATCH, labels=np.array(["a", None, 1, 2], dtype=object))
    np.save(tmp_path / "x.npy", BATCH)
    (tmp_path / "l.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"l.csv' is not a readable NumPy file: it does not begin as one"):
        open_source(tmp_path / "x.npy", labels=tmp_path / "l.csv")
    with pytest.raises(DataError, match="holds Python objects"):
        open_source(tmp_path / "o.npz")
    (tmp_path / "j.npz").write_bytes(b"PK\x03\x04 junk")
    with pytest.raises(DataError, match=r"j\.npz' is"):
        open_source(tmp_path / "j.npz")
    with pytest.raises(DataError, match="holds a, b"):
        open_source(archive(tmp_path / "d.npz", a=[1], b=[2]))
    for labels, message in (
        (np.eye(4), r"argmax\(axis=1\)"),
        (np.full(4, 2**63 + 1, np.uint64), "beyond 9.2e18"),
        (np.full(4, 0.5), "probabilities"),
        ([0, 1, 2], "4 images but 3 labels"),
        ([0, 1, 2, 9], "label 9, but there are names of 3 classes"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(archive(tmp_path / "d.npz", images=BATCH, labels=labels, classes=list("abc")))
    for images in (BATCH[0], np.zeros((4, 5, 6, 7), np.uint8), np.array(["a"] * 4).reshape(4, 1, 1)):
        with pytest.raises(DataError, match="'images' of"):
            open_source(archive(tmp_path / "d.npz", images=images, labels=[0, 1, 0, 1]))


def test_an_array_alone_is_not_said_to_be_of_images(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.zeros(4, np.int64))
    with pytest.raises(DataError, match=r"y.npy' holds one array: it needs arrays 'images' and 'labels'"):
        open_source(tmp_path / "y.npy")
