"""One document for each image, as labelling tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from data.built import PIXEL, build, labels_of
from layouts_met import Files

from labelaudit.data.source import Source
from labelaudit.data.sources import inspect_source, open_source
from labelaudit.errors import DataError

LABELS = {f"{n}.jpg": "cat" if n % 2 else "dog" for n in range(6)}
NONE: dict[str, Any] = {"version": "5.0", "imageData": None, "shapes": []}


def write(folder: Path, place: str, make: Any, images: str = "images", whole: bool = False) -> Path:
    """Six images, and the document that ``make`` gives of (name, label) for each."""
    files: Files = {f"{images}/{name}": PIXEL for name in LABELS}
    for name, label in LABELS.items():
        files[f"{place}/{name if whole else name[:-4]}.json"] = json.dumps(make(name, label))
    return build(folder, files)


DOCUMENTS: dict[str, tuple[str, bool, Any]] = {
    "LabelMe": ("images", False, lambda name, label: {
        **NONE, "flags": {one: one == label for one in ("__ignore__", "cat", "dog")}, "imagePath": name}),
    "Darwin 2": ("annotations", False, lambda name, label: {
        "version": "2.0", "item": {"name": name, "path": "/"},
        "annotations": [{"name": label, "tag": {}}, {"name": "ear", "bounding_box": {"x": 1}}]}),
    "Darwin 1": ("annotations", False, lambda name, label: {
        "dataset": "d", "image": {"filename": name}, "annotations": [{"name": label, "tag": {}}]}),
    "Supervisely": ("ann", True, lambda name, label: {
        "size": {"width": 2}, "objects": [], "tags": [{"name": label, "value": None}, {"name": "train", "value": None},
                                                      {"name": "site", "value": "x"}]}),
    "SuperAnnotate": ("annotations", True, lambda name, label: {
        "metadata": {"name": name}, "instances": [{"type": "tag", "className": label, "attributes": []}]}),
    "Dataloop": ("json", False, lambda name, label: {
        "filename": f"/{name}", "annotations": [{"type": "class", "label": label, "coordinates": {}}]}),
    "a record": ("images", False, lambda name, label: {"label": label, "camera": {"model": "x"}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_for_each_image_holds_its_label(kind: str, tmp_path: Path) -> None:
    place, whole, make = DOCUMENTS[kind]
    listing = open_source(write(tmp_path, place, make, whole=whole))
    assert labels_of(listing) == {f"images/{name}": label for name, label in LABELS.items()}
    assert "*.json: 6 of 6 rows match a file (6 by their whole path)." in listing.notes
    assert not listing.skipped
    if kind == "Supervisely":
        assert (listing.splits, listing.extra["site"]) == (("train",) * 6, ("x",) * 6)


def test_documents_of_images_that_have_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    make = DOCUMENTS["Darwin 2"][2]
    write(tmp_path, "train/ann", make, "train/img")
    write(tmp_path, "val/ann", lambda name, label: make(name, "cow"), "val/img")
    found = labels_of(open_source(tmp_path))
    assert found == {
        **{f"train/img/{name}": label for name, label in LABELS.items()},
        **{f"val/img/{name}": "cow" for name in LABELS},
    }


def test_documents_of_boxes_label_no_image(tmp_path: Path) -> None:
    def boxes(name: str, label: str) -> dict[str, Any]:
        return {**NONE, "flags": {}, "imagePath": name, "shapes": [{"label": label, "points": [[1, 2], [3, 4]]}]}

    with pytest.raises(DataError, match=r"'images/0\.json' and 5 files like it hold no class for a whole image"):
        open_source(write(tmp_path / "a", "images", boxes))
    write(tmp_path / "b", "cat", boxes, "cat")
    build(tmp_path / "b", {"dog": 3})
    assert inspect_source(Source(data=tmp_path / "b"))[0] == "class folders (2 classes)"


def test_several_tags_of_an_image_stop_and_so_does_a_damaged_document(tmp_path: Path) -> None:
    make = DOCUMENTS["LabelMe"][2]
    write(tmp_path, "images", make)
    build(tmp_path, {"images/0.json": json.dumps(make("0.jpg", "cat") | {"flags": {"cat": True, "dog": True}})})
    with pytest.raises(DataError, match=r"several labels in a cell of 'label', such as 'cat\|dog'"):
        open_source(tmp_path)
    build(tmp_path, {"images/0.json": "{"})
    with pytest.raises(DataError, match=r"'images/0\.json' line 1 is not JSON"):
        open_source(tmp_path)


def test_documents_that_say_something_else_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "cat", lambda name, label: {"title": name, "photoTakenTime": {"timestamp": "1"}}, "cat")
    build(tmp_path, {"dog": 3})
    listing = open_source(tmp_path)
    assert (listing.origin, listing.extra, listing.skipped) == ("folder names", {}, {".json": 6})


@pytest.mark.parametrize(
    "label", [lambda name: "animal", lambda name: f"Product {name}"], ids=["one for all", "each its own"]
)
def test_documents_that_divide_no_images_leave_class_folders_their_labels(tmp_path: Path, label: Any) -> None:
    folders: Files = {"cat": 3, "dog": 3}
    documents: Files = {
        f"{path[:-4]}.json": json.dumps({"label": label(path)}) for path in open_source(build(tmp_path, folders)).ids
    }
    listing = open_source(build(tmp_path, documents))
    assert (listing.origin, {*listing.labels}) == ("folder names", {"cat", "dog"})
    assert any(note.startswith("Not read as labels") for note in listing.notes)
