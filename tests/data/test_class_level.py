"""Where the class folders of a dataset are, among splits, containers, masks and whatever else lies beside them."""

from __future__ import annotations

from collections import Counter

import pytest

from labelaudit.data.class_level import find_classes
from labelaudit.data.folders import Undecided, plant, take_level
from labelaudit.data.parts import Part, are_dates, part_of

Spec = dict[str, int]


def files(spec: Spec) -> list[str]:
    return [f"{folder}/{n}.jpg" if folder else f"{n}.jpg" for folder, count in spec.items() for n in range(count)]


def counts(spec: Spec) -> dict[str | None, int]:
    """Label -> images, as found in a dataset of these folders with so many images each."""
    level = find_classes(plant(files(spec)), "d")
    return {} if level is None else dict(Counter(level.of(path).label for path in files(spec)))


CERTAIN: dict[str, tuple[Spec, dict[str | None, int]]] = {
    "class folders": ({"cat": 2, "dog": 3}, {"cat": 2, "dog": 3}),
    "examples beside": (
        {**{f"Dataset/{n}": 5 for n in range(10)}, "Examples": 3},
        {**{str(n): 5 for n in range(10)}, None: 3},
    ),
    "one folder below": ({"flowers/rose": 2, "flowers/tulip": 1}, {"rose": 2, "tulip": 1}),
    "assets beside": ({"flowers/rose": 2, "flowers/tulip": 1, "assets": 1}, {"rose": 2, "tulip": 1, None: 1}),
    "a container of classes": ({"images/a": 2, "images/b": 2}, {"a": 2, "b": 2}),
    "runs beside": ({"PlantVillage/a": 2, "PlantVillage/b": 2, "runs/exp/1": 1}, {"a": 2, "b": 2, None: 1}),
    "splits": ({"train/a": 2, "train/b": 1, "valid/a": 1, "valid/b": 1, "test/b": 1}, {"a": 3, "b": 3}),
    "splits in other words": ({"Training/a": 2, "Training/b": 1, "Validation/a": 1}, {"a": 3, "b": 1}),
    "a flat test part": ({"train/cat": 2, "train/dog": 2, "test1": 3}, {"cat": 2, "dog": 2, None: 3}),
    "splits one folder below": ({"d/train/cat": 1, "d/train/dog": 2, "d/test1": 1}, {"cat": 1, "dog": 2, None: 1}),
    "one of two splits without a word": (
        {f"{part}/{name}": 1 for part in ("rps", "rps-test-set") for name in ("rock", "paper")},
        {"rock": 2, "paper": 2},
    ),
    "classes that splits spell in two ways": (
        {"train/cat": 1, "train/ice cream": 1, "test/cat ": 1, "test/Ice_Cream": 1},
        {"cat": 1, "ice cream": 1, "cat ": 1, "Ice_Cream": 1},
    ),
    "a split twice": (
        {f"{part}_set/{part}_set/{name}": 1 for part in ("training", "test") for name in ("cats", "dogs")},
        {"cats": 2, "dogs": 2},
    ),
    "folds": ({"fold1/a": 1, "fold1/b": 1, "fold2/a": 1, "fold2/b": 1}, {"a": 2, "b": 2}),
    "pieces with classes of their own": (
        {"part_1/a": 1, "part_1/b": 1, "part_2/c": 1, "part_2/d": 2},
        {"a": 1, "b": 1, "c": 1, "d": 2},
    ),
    "letters above classes": ({"a/airfield": 1, "a/alley": 2, "b/bakery": 1}, {"airfield": 1, "alley": 2, "bakery": 1}),
    "masks beside": ({"images/a": 1, "images/b": 1, "masks/a": 1, "masks/b": 1}, {"a": 1, "b": 1, None: 2}),
    "masks in each class": (
        {"ill/images": 2, "ill/masks": 2, "well/images": 1, "well/masks": 1},
        {"ill": 2, "well": 1, None: 3},
    ),
    "splits in each class": ({"cat/train": 2, "cat/test": 1, "dog/train": 1, "dog/test": 1}, {"cat": 3, "dog": 2}),
    "days in each class": ({"cat/2021/01": 2, "dog/2022/02": 1}, {"cat": 2, "dog": 1}),
    "years above classes": ({"2021/a": 1, "2021/b": 1, "2022/a": 1, "2022/b": 1}, {"a": 2, "b": 2}),
    "a few screenshots beside": ({"a": 400, "b": 300, "screenshots": 2}, {"a": 400, "b": 300, None: 2}),
    "a class called train": (
        {"train": 5, "bus": 5, "car": 4, "ship": 5, "plane": 3},
        {"train": 5, "bus": 5, "car": 4, "ship": 5, "plane": 3},
    ),
    "a class called folder": (
        {**dict.fromkeys("abcdefgh", 5), "i": 3, "folder": 4},
        {**dict.fromkeys("abcdefgh", 5), "i": 3, "folder": 4},
    ),
    "one class in one split": ({"train/cat": 2, "train/dog": 1, "test/cat": 1}, {"cat": 3, "dog": 1}),
    "a class with a folder in it": ({"cat": 9, "cat/more": 2, "dog": 5}, {"cat": 11, "dog": 5}),
    "the same folder twice": ({"cat/cat": 2, "dog/dog": 1}, {"cat": 2, "dog": 1}),
    "splits with a name before": (
        {"asl_train/asl_train/A": 2, "asl_train/asl_train/B": 2, "asl_test/asl_test": 2},
        {"A": 2, "B": 2, None: 2},
    ),
    "patients above classes": (
        {"patient_1/ill": 1, "patient_2/well": 2, "patient_3/ill": 1},
        {"ill": 2, "well": 2},
    ),
    "a flat folder beside splits": (
        {"Training/a": 1, "Training/b": 1, "Test/a": 1, "Test/b": 1, "test-multiple_fruits": 3},
        {"a": 2, "b": 2, None: 3},
    ),
    "background": ({"101_Object/a": 1, "101_Object/BACKGROUND_Google": 2}, {"a": 1, "BACKGROUND_Google": 2}),
}


@pytest.mark.parametrize("name", CERTAIN)
def test_the_class_folders_are_found(name: str) -> None:
    spec, expected = CERTAIN[name]
    assert counts(spec) == expected


UNCERTAIN: dict[str, tuple[Spec, str]] = {
    "two datasets of classes": (
        {**{f"natural/{n}": 3 for n in "abcd"}, "lego/lego/lego_1": 2, "lego/lego/lego_2": 2, "lego/1": 1},
        "labelaudit scan d/natural",
    ),
    "one of classes, three of boxes": (
        {
            **{f"PBC_dataset/{n}": 3 for n in "abcd"},
            **{"unified_dataset/Images": 9, "BCCD_Dataset/BCCD/JPEGImages": 5},
            **{f"Complete-Cell-Dataset/{split}/Images": 2 for split in ("Training", "Testing")},
        },
        "labelaudit scan d/PBC_dataset",
    ),
    "an app beside the dataset": ({"dataset/a": 2, "dataset/b": 2, "app/uploads": 1}, "labelaudit scan d/dataset"),
    "sites or animals": ({"A/cat": 2, "A/dog": 1, "B/cat": 1, "B/dog": 1}, "`label_from` 'level 2'"),
    "kinds of kinds": ({"animals/cat": 1, "animals/dog": 1, "cars/bmw": 1, "cars/vw": 1}, "`label_from` top"),
    "one folder in each": ({"a/cat": 1, "b/dog": 1}, "`label_from` 'level 2'"),
    "what waits to be sorted": ({"cat": 5, "dog": 5, "_todo": 2, "unsorted": 3}, "`label_from` top"),
    "raw pictures beside many classes": ({**dict.fromkeys("abcdefgh", 5), "raw": 40}, "`label_from` top"),
    "a new folder beside many classes": ({**dict.fromkeys("abcdefgh", 5), "New folder": 5}, "`label_from` top"),
    "a test beside many classes": ({**dict.fromkeys("abcdefgh", 5), "test": 5}, "`label_from` top"),
    "samples as large as a class": ({"cat": 5, "dog": 5, "samples": 5}, "`label_from` top"),
    "a train folder beside one class": ({"train": 5, "bus": 5}, "`label_from` top"),
    "a stranger beside splits": ({"train/a": 2, "train/b": 2, "test/a": 1, "extra": 3}, "`label_from` 'level 2'"),
    "most images beside the folders": ({"": 40, "a": 2, "b": 3}, "`label_from` top"),
    "splits with nothing in common": (
        {"train/a": 1, "train/b": 1, "test/c": 1, "test/d": 1},
        "labelaudit scan d/train",
    ),
    "one folder in each split": ({"train/a": 1, "test/b": 1}, "`label_from` 'level 2'"),
    "a class of classes": ({"cat": 9, "dog": 9, "bird/owl": 2, "bird/crow": 2}, "`label_from` top"),
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_what_is_uncertain_stops_with_what_to_type(name: str) -> None:
    spec, typed = UNCERTAIN[name]
    with pytest.raises(Undecided) as refused:
        counts(spec)
    assert typed in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.candidates


@pytest.mark.parametrize(
    "spec",
    [
        {"train": 3, "test": 2},
        {"images": 4},
        {"": 3},
        {"images": 2, "masks": 2},
        {"HAM10000_images_part_1": 2, "HAM10000_images_part_2": 2},
        {"patient_1": 2, "patient_2": 3},
    ],
)
def test_images_without_class_folders_have_none(spec: Spec) -> None:
    assert counts(spec) == {}


def test_splits_and_where_labels_come_from_are_told() -> None:
    spec = {"train/cat": 1, "train/dog": 1, "val/cat": 1, "val/dog": 1}
    level = find_classes(plant(files(spec)), "d")
    assert level is not None
    assert level.describe() == "folder names below 'train/' and 'val/'"
    assert [level.of(path).split for path in files(spec)] == ["train", "train", "val", "val"]


def test_splits_have_plain_names_and_pieces_are_none() -> None:
    spec = {f"{part}/{name}": 1 for part in ("Training_Set", "validation_data") for name in "ab"}
    level = find_classes(plant(files(spec)), "d")
    assert level is not None
    assert [level.of(path).split for path in files(spec)] == ["train", "train", "val", "val"]
    pieces = {"part_1/a": 1, "part_1/b": 1, "part_2/a": 1, "part_2/b": 1}
    level = find_classes(plant(files(pieces)), "d")
    assert level is not None
    assert {level.of(path).split for path in files(pieces)} == {""}


def test_images_are_in_the_order_of_loaders() -> None:
    paths = ["cat-big/1.png", "cat/2.png", "cat/a b/1.png", "cat/a/x/1.png", "cat/a/3.png", "cat/10.png"]
    level = take_level(plant(paths), (1, 1))
    expected = ["cat/10.png", "cat/2.png", "cat/a/3.png", "cat/a b/1.png", "cat/a/x/1.png", "cat-big/1.png"]
    assert sorted(paths, key=level.order) == expected


def test_a_level_can_be_asked_for() -> None:
    root = plant(files({"A/cat": 1, "A/dog": 1, "B/cat/deep": 1, "docs/x": 1}))
    assert {*take_level(root, (2, 2)).classes.values()} == {"cat", "dog"}
    assert {*take_level(root, (1, 1)).classes.values()} == {"A", "B", "docs"}
    assert {*take_level(root, None).classes.values()} == {"cat", "dog", "deep"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(
            (name, Part.SPLIT)
            for name in ("train", "Training_Set", "val2017", "testing", "DEV", "seg_test", "images-val")
        ),
        *((name, Part.SERIES) for name in ("fold1", "Split 2", "part_a", "batch1")),
        *(
            (name, Part.DATA)
            for name in ("data", "JPEGImages", "imgs", "My_Dataset_v2", "resized", "images_background")
        ),
        *((name, Part.MASKS) for name in ("masks", "train_masks", "ground_truth", "Annotations", "SegmentationClass")),
        *(
            (name, Part.ASIDE)
            for name in ("docs", "Examples", "test_results", "sample_images", "Screenshots", "_duplicates")
        ),
        *(
            (name, None)
            for name in ("cat", "0", "a", "part", "class_a", "with_mask", "glass", "Group1", "cartoon", "猫")
        ),
    ],
)
def test_names_of_parts(name: str, part: Part | None) -> None:
    assert part_of(name) is part


def test_dates() -> None:
    assert are_dates(["2021", "2022-05", "20230131"])
    assert not are_dates(["2021", "31", "cat"])
