"""Python objects as datasets: frames, lists, arrays, torch and Hugging Face datasets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from data.built import PIXEL, build, counts_of, labels_of
from PIL import Image

from labelaudit.data.images import decode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return build(tmp_path, {"a.png": PIXEL, "b.png": PIXEL})


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_of_paths_or_of_labels(library: str, two: Path) -> None:
    frames = pytest.importorskip(library)
    whole = frames.DataFrame({"path": [str(two / "a.png"), str(two / "b.png")], "label": [1, 2], "site": ["x", "y"]})
    listing = open_source(whole)
    assert listing.labels == ("1", "2")
    assert listing.extra == {"site": ("x", "y")}
    assert listing.images is not None
    assert listing.images.encoded(1) == PIXEL
    named = frames.DataFrame({"file": ["a.png", "b.png"], "label": ["cat", None]})
    assert labels_of(open_source(two, labels=named)) == {"a.png": "cat", "b.png": None}


@pytest.mark.parametrize("labels", [np.arange(2), ["cat", "dog"]])
def test_bare_labels_do_not_say_which_file_of_a_folder_they_are_for(labels: Any, two: Path) -> None:
    np.savez(two.parent / "images.npz", images=np.zeros((2, 8, 8), np.uint8), labels=[0, 1])
    for data in (two, two.parent / "images.npz"):
        with pytest.raises(DataError, match=r"and says not which image of '.*' has which label: give a table or"):
            open_source(data, labels=labels)


def test_lists_of_paths(two: Path) -> None:
    paths = [two / "a.png", two / "b.png"]
    for listing in (open_source(paths, labels=["x", 2]), open_source(list(zip(paths, ["x", 2], strict=True)))):
        assert listing.labels == ("x", "2")
        assert listing.images is not None
        assert listing.images.encoded(0) == PIXEL
    for data, labels, message in (
        (paths, None, "needs labels="),
        (paths, ["x"], "2 images, but 1 labels"),
        ([], [], "is empty"),
        ([paths[0], paths[0]], ["x", "y"], "twice in the list"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(data, labels=labels)


def test_arrays() -> None:
    images = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5)
    listing = open_source(images, labels=np.array([3, 0]))
    assert listing.labels == ("3", "0")
    assert listing.images is not None
    assert (decode(listing.images.encoded(1))[..., 0] == images[1]).all()
    with pytest.raises(DataError, match="needs labels="):
        open_source(images)
    with pytest.raises(DataError, match="2 images, but 3 labels"):
        open_source(images, labels=[1, 2, 3])


class Pairs:
    """A torch-like dataset of (image, label)."""

    def __init__(self, *items: tuple[Any, Any], **attributes: Any) -> None:
        self.items = items
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.items[index]


def test_a_dataset_of_images_and_numbers() -> None:
    ramp = np.linspace(0, 1, 90, dtype=np.float32).reshape(3, 5, 6)
    data = Pairs((ramp, 1), (Image.new("L", (4, 4), 7), 0), classes=["cat", "dog"])
    listing = open_source(data)
    assert listing.labels == ("dog", "cat")
    assert listing.images is not None
    assert decode(listing.images.encoded(0)).shape == (5, 6, 3)
    assert decode(listing.images.encoded(1))[0, 0, 0] == 7
    with pytest.raises(DataError, match=r"label 5, but names 2 classes"):
        open_source(Pairs((ramp, 5), classes=["cat", "dog"]))
    with pytest.raises(DataError, match="must give"):
        open_source(Pairs(ramp))  # type: ignore[arg-type]


def test_torchvision_image_folder_keeps_the_files(tmp_path: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    build(tmp_path, {"cat": 1, "dog": 2})
    folder = datasets.ImageFolder(str(tmp_path))
    listing = open_source(folder)
    assert counts_of(listing) == {"cat": 1, "dog": 2}
    assert listing.images is not None
    assert listing.images.encoded(0) == PIXEL


def test_torch_subsets_and_joined_datasets_keep_names_and_files(tmp_path: Path) -> None:
    datasets, data = pytest.importorskip("torchvision.datasets"), pytest.importorskip("torch.utils.data")
    build(tmp_path / "a", {"cat": 1, "dog": 2})
    build(tmp_path / "b", {"bee": 1, "cat": 1})
    first, second = (datasets.ImageFolder(str(tmp_path / name)) for name in "ab")
    listing = open_source(data.Subset(first, [2, 0]))
    assert listing.labels == ("dog", "cat")
    assert listing.ids[1].endswith("a/cat/0.png")
    joined = open_source(data.ConcatDataset([data.Subset(first, [1]), second]))
    assert joined.labels == ("dog", "bee", "cat")
    assert joined.images is not None
    assert joined.images.encoded(2) == PIXEL
    twice = open_source(data.ConcatDataset([first, data.Subset(first, [0])]))
    assert twice.labels == ("cat", "dog", "dog", "cat")
    ramp = np.zeros((4, 4), np.uint8)
    assert open_source(data.Subset(Pairs((ramp, 1), (ramp, 0), classes=["cat", "dog"]), [1])).labels == ("cat",)


def test_parts_of_joined_torch_datasets_that_name_no_classes_or_hold_pixels_under_a_name_of_files() -> None:
    data = pytest.importorskip("torch.utils.data")
    ramp = np.zeros((4, 4), np.uint8)
    named, unnamed = Pairs((ramp, 0), (ramp, 1), classes=["cat", "dog"]), Pairs((ramp, 1), classes=None)
    assert open_source(data.ConcatDataset([named, unnamed])).labels == ("0", "1", "1")
    joined = data.ConcatDataset([named, Pairs((ramp, 1), (ramp, 0), classes=["eel", "fox"])])
    assert open_source(data.Subset(joined, [-1, 0])).labels == ("eel", "cat")
    unnamed.imgs = np.zeros((1, 4, 4), np.uint8)  # type: ignore[attr-defined]
    assert open_source(data.Subset(unnamed, [0])).labels == ("1",)


def test_a_hugging_face_dataset() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "site": datasets.Value("string"),
        }
    )
    pictures = [Image.new("RGB", (4, 4), (n, 0, 0)) for n in range(3)]
    data = datasets.Dataset.from_dict({"image": pictures, "label": [0, 1, -1], "site": list("xyz")}, features=features)
    listing = open_source(data)
    assert listing.labels == ("cat", "dog", None)
    assert listing.extra == {"site": ("x", "y", "z")}
    assert listing.images is not None
    assert decode(listing.images.encoded(2))[0, 0, 0] == 2
    both = open_source(datasets.DatasetDict({"train": data, "test": data.select([1])}))
    assert both.splits == ("train",) * 3 + ("test",)
    assert both.labels == ("cat", "dog", None, "dog")


def test_columns_of_paths_and_of_labels_as_they_come_out_of_a_frame(two: Path) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"path": [two / "a.png", two / "b.png"], "label": ["cat", "dog"]})
    for paths in (frame["path"], frame["path"].to_numpy(), frame["path"].map(str).to_numpy(dtype=object)):
        for labels in (frame["label"], frame["label"].to_numpy(dtype=object), frame["label"].to_numpy(dtype=str)):
            listing = open_source(paths, labels=labels)
            assert listing.labels == ("cat", "dog")
            assert listing.images is not None
            assert listing.images.encoded(1) == PIXEL
    pixels = np.zeros((2, 8, 8), np.uint8)
    assert open_source(pixels, labels=frame["label"].to_numpy(dtype=object)).labels == ("cat", "dog")


def test_a_column_of_an_arrow_table_is_one_of_labels(two: Path) -> None:
    table = pytest.importorskip("pyarrow").table({"label": ["cat", "dog"]})
    assert open_source([two / "a.png", two / "b.png"], labels=table["label"]).labels == ("cat", "dog")


def test_truth_values_have_the_same_names_in_a_list_and_in_an_array(two: Path) -> None:
    paths, labels = [two / "a.png", two / "b.png"], [True, False]
    assert open_source(paths, labels=np.asarray(labels)).labels == open_source(paths, labels=labels).labels


@pytest.mark.parametrize("labels", [3, {"a.png": "cat", "b.png": "dog"}, {"cat", "dog"}, iter("ab")])
def test_labels_without_an_order_are_refused(labels: Any, two: Path) -> None:
    with pytest.raises(DataError, match=rf"`labels` is of type {type(labels).__name__}: give a list"):
        open_source([two / "a.png", two / "b.png"], labels=labels)


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0]], [{"cat"}, {"dog"}]])
def test_several_labels_of_an_image_are_refused(labels: Any, two: Path) -> None:
    with pytest.raises(DataError, match="several labels for one image"):
        open_source([two / "a.png", two / "b.png"], labels=labels)


def test_labels_beside_those_of_a_dataset_are_refused_and_not_passed_over(two: Path) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"path": [two / "a.png", two / "b.png"], "label": ["cat", "dog"]})
    pairs = Pairs((np.zeros((4, 4)), 1))
    for data, what in ((frame, "a data frame"), (pairs, "a torch dataset"), ({"train": pairs}, "a mapping")):
        with pytest.raises(DataError, match=f"{what}.* holds labels itself: leave `labels` away"):
            open_source(data, labels=["dog", "cat"])


def test_missing_values_and_columns_of_one_name_in_a_frame(two: Path) -> None:
    frames = pytest.importorskip("pandas")
    frame = frames.DataFrame({"path": [str(two / "a.png"), str(two / "b.png")], "label": [1, None]}).convert_dtypes()
    assert open_source(frame).labels == ("1", None)
    with pytest.raises(DataError, match="several columns 'label'"):
        open_source(frames.concat([frame, frame["label"]], axis=1))


def test_a_column_of_images_in_a_frame_is_no_column_of_paths() -> None:
    frames = pytest.importorskip("pandas")
    for held in (Image.new("RGB", (2, 2)), PIXEL, {"bytes": PIXEL, "path": None}, np.zeros((2, 2), np.uint8)):
        frame = frames.DataFrame({"image": [held] * 3, "label": ["cat", "dog", "cat"]})
        with pytest.raises(DataError, match="column 'image' of the data frame holds images and not their paths"):
            open_source(frame)


def test_an_empty_path_is_not_the_working_folder() -> None:
    with pytest.raises(DataError, match="path of the dataset is empty"):
        open_source("")


def test_what_is_no_dataset() -> None:
    for data in (3, SimpleNamespace()):
        with pytest.raises(DataError, match="is not a dataset known here"):
            open_source(data)


def test_saved_hugging_face_datasets(tmp_path: Path) -> None:
    import json

    import pyarrow as pa

    images = pa.array([{"bytes": PIXEL, "path": None}] * 3, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    names = {
        "info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}, "image": {"_type": "Image"}}}
    }
    table = pa.table({"image": images, "label": pa.array([0, 1, 0])})
    table = table.replace_schema_metadata({"huggingface": json.dumps(names)})
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        file = str(tmp_path / split / "data-00000-of-00001.arrow")
        with pa.OSFile(file, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
        (tmp_path / split / "state.json").write_text(json.dumps(state))
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    both = open_source(tmp_path)
    assert both.labels == ("cat", "dog", "cat") * 2
    assert both.splits == ("train",) * 3 + ("test",) * 3
    assert both.images is not None
    assert [both.images.encoded(row) for row in (0, 2, 5)] == [PIXEL] * 3
    assert open_source(tmp_path / "train").labels == ("cat", "dog", "cat")
    (tmp_path / "train" / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    with pytest.raises(DataError, match="names no data files of this folder"):
        open_source(tmp_path / "train")
