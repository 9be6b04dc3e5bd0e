"""A folder that holds another version of the pictures beside it stops; numbered classes do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data.built import Files, build, counts_of, pictures

from labelaudit.data.images import encode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError


def test_numbered_images_of_classes_are_no_versions(tmp_path: Path) -> None:
    assert counts_of(open_source(build(tmp_path, pictures("cat", "dog", "polar bear", "bear")))) == {
        "cat": 6, "dog": 6, "polar bear": 6, "bear": 6,
    }  # fmt: skip


@pytest.mark.parametrize("seed", [0, 12, 22])
def test_a_few_numbered_images_are_no_versions_where_they_are_a_little_alike_by_chance(
    tmp_path: Path, seed: int
) -> None:
    draw, block = np.random.default_rng(seed), np.ones((8, 8, 1), np.uint8)
    files: Files = {
        f"{label}/{n}.png": encode(np.kron(draw.integers(0, 256, (3, 3, 3), np.uint8), block))
        for label in "abcdefgh"
        for n in range(8)
    }
    assert counts_of(open_source(build(tmp_path, files))) == dict.fromkeys("abcdefgh", 8)


def test_numbered_versions_of_the_same_pictures_are_seen(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    files: Files = {}
    for n in range(6):
        image = draw.integers(0, 256, (4, 4, 3), np.uint8)
        files[f"wet/{n}.png"] = encode(np.kron(image, np.ones((4, 4, 1), np.uint8)))
        files[f"dry/{n}.png"] = encode(np.kron(image // 2 + 9, np.ones((2, 2, 1), np.uint8)))
    with pytest.raises(DataError, match="may hold versions of the same pictures"):
        open_source(build(tmp_path, files))


def two_folders(names: tuple[str, str], *, same: bool) -> Files:
    """Numbered images of two classes in each of two folders: in the second one the first ones at half their size, or
    others."""
    draw = np.random.default_rng(0)
    files: Files = {}
    for label in ("cat", "dog"):
        for n in range(6):
            image, another = draw.integers(0, 256, (2, 4, 4, 3), np.uint8)
            files[f"{names[0]}/{label}/{n}.png"] = encode(np.kron(image, np.ones((4, 4, 1), np.uint8)))
            version = image if same else another
            files[f"{names[1]}/{label}/{n}.png"] = encode(np.kron(version, np.ones((2, 2, 1), np.uint8)))
    return files


@pytest.mark.parametrize(
    "names",
    [("dataset", "dataset_v2"), ("images", "images_224"), ("part1", "part2"), ("dataset/train", "dataset_v2/train")],
)
def test_a_version_of_a_dataset_beside_it_stops(tmp_path: Path, names: tuple[str, str]) -> None:
    both = [name.partition("/")[0] for name in names]
    with pytest.raises(DataError) as caught:
        open_source(build(tmp_path / "data", two_folders(names, same=True)))
    said = str(caught.value)
    assert f"'{both[0]}/' and '{both[1]}/' hold the same pictures under 12 names" in said
    assert all(f"`labelaudit scan {tmp_path}/data/{name}`" in said for name in both)
    assert counts_of(open_source(tmp_path / "data", label_from="parent")) == {"cat": 12, "dog": 12}
    assert counts_of(open_source(tmp_path / "data" / both[1])) == {"cat": 6, "dog": 6}
    listing = open_source(build(tmp_path / "other", two_folders(names, same=False)))
    assert counts_of(listing) == {"cat": 12, "dog": 12}


def test_copies_in_another_split_are_left_to_the_search_for_leaks(tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, two_folders(("train", "test"), same=True)))
    assert counts_of(listing) == {"cat": 12, "dog": 12}
    assert {*listing.splits} == {"train", "test"}


def altered(*folders: str) -> Files:
    """Different images of the same names below each of the folders."""
    return pictures(*(f"{folder}/{kind}" for folder in folders for kind in ("cat", "dog")))


@pytest.mark.parametrize(
    "folders", [("images", "images_crop"), ("train", "train_augmented"), ("photos", "cropped_photos")]
)
def test_a_folder_that_is_called_as_altered_pictures_of_another_stops(tmp_path: Path, folders: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=f"'{folders[0]}/' and '{folders[1]}/' hold the same pictures under 12 names|"
                                        f"'{folders[1]}/' and '{folders[0]}/' hold the same"):  # fmt: skip
        open_source(build(tmp_path / "data", altered(*folders)))
