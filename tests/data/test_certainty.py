"""What looks like labels and is none stops in one line: no image gets a label that its owner did not give."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

Files = dict[str, int | str | bytes]


def table(column: str, *values: str) -> Files:
    """Eight images and a table that says ``values`` of them in turn."""
    rows = "".join(f"{row}.png,{values[row % len(values)]}\n" for row in range(8))
    return {**{f"images/{row}.png": PIXEL for row in range(8)}, "train.csv": f"image,{column}\n{rows}"}


def two_tables(first: str, second: str, *, shared: int) -> Files:
    """Ten images; two tables label the first and the last of them, ``shared`` images by both."""
    half = 5 + shared // 2
    rows = [f"{row}.png" for row in range(10)]
    tables = {"train.csv": (first, rows[:half]), "val.csv": (second, rows[10 - half :])}
    texts = {
        name: "image,label\n" + "".join(f"{row},{labels[int(row[0]) % 2]}\n" for row in named)
        for name, (labels, named) in tables.items()
    }
    return {**{f"images/{row}": PIXEL for row in rows}, **texts}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {
                f"{shop}/{kind}/{shop}_{n}.png": PIXEL
                for shop in ("amazon", "dslr")
                for kind in ("bike", "mug")
                for n in (0, 1)
            },
            "says nowhere for certain",
        ),
        ({f"{stack}_slice_{n}.png": PIXEL for stack in ("PA", "PB") for n in (1, 2, 3)}, "have no labels"),
        ({f"cam{side}_{n}.png": PIXEL for side in ("North", "South") for n in range(4)}, "have no labels"),
        (two_tables("ab", "ba", shared=8), "exchange the names of classes"),
        (two_tables("ab", "ab", shared=2), "have only 2 images in common"),
        (table("status", "ok", "failed"), "no column that is surely the label"),
        (table("mask", *(f"{row}_mask.png" for row in range(8))), "no column that is surely the label"),
        (table("camera", "north", "south"), "no column that is surely the label"),
        (table("price", *map(str, range(10, 18))), "no column that is surely the label"),
        (table("ClassId,EncodedPixels", "1,1 5", "2,7 3"), "holds shapes in column 'EncodedPixels'"),
    ],
    ids=["domains", "stacks", "cameras", "exchanged", "shared", "status", "masks", "camera", "numbers", "shapes"],
)
def test_what_is_no_label_stops(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        open_source(build(tmp_path / "data", files))
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_table_that_exchange_their_classes_are_asked_about(tmp_path: Path) -> None:
    images: Files = {f"{name}/{name}{n}.png": PIXEL for name in ("cat", "dog") for n in range(4)}
    rows = "".join(f"{path},{'dog' if path.startswith('cat') else 'cat'}\n" for path in images)
    with pytest.raises(DataError, match="exchange the names of classes, such as 'cat'"):
        open_source(build(tmp_path / "data", {**images, "labels.csv": f"file,label\n{rows}"}))


def test_masks_beside_their_images_are_not_images_of_the_class(tmp_path: Path) -> None:
    names = ("benign (1).png", "benign (1)_mask.png", "benign (1)_mask_1.png", "benign (2).png", "benign (2)_mask.png")
    files: Files = {f"{kind}/{name}": PIXEL for kind in ("benign", "malignant") for name in names}
    listing = open_source(build(tmp_path / "data", files))
    assert counts_of(listing) == {"benign": 2, "malignant": 2}
    assert "Passed over 6 images named as masks of others beside them." in listing.notes
    assert not listing.findings


def test_folders_of_the_same_names_may_be_versions_and_no_classes(tmp_path: Path) -> None:
    files: Files = {f"{kind}/{n:03}.png": PIXEL for kind in ("hazy", "clear") for n in range(4)}
    listing = open_source(build(tmp_path / "data", files))
    assert any(note.startswith("The same file names are in every class folder") for note in listing.notes)
