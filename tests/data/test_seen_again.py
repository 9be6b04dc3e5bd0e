"""Pictures of a dataset that are there twice, in one folder and in an altered form in another; owners of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data.built import PIXEL, build, counts_of
from layouts_met import Files

from labelaudit.data.images import encode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

KINDS = ("aloe", "birch")


def picture(seed: int, margin: int = 0, *, mirrored: bool = False) -> bytes:
    """A smooth picture of its own for each ``seed``, or a part of it."""
    coarse = np.random.default_rng(seed).random((6, 6, 3))
    place = np.linspace(0, 4.99, 64)
    low, share = place.astype(int), place % 1
    rows = coarse[low] * (1 - share)[:, None, None] + coarse[low + 1] * share[:, None, None]
    whole = rows[:, low] * (1 - share)[None, :, None] + rows[:, low + 1] * share[None, :, None]
    part = whole[margin : 64 - margin, margin : 64 - margin]
    return encode((part[:, :: -1 if mirrored else 1] * 255).astype(np.uint8))


def numbers(n: int) -> list[tuple[str, int]]:
    return [(kind, i) for kind in KINDS for i in range(n)]


@pytest.mark.parametrize(("name", "margin", "mirrored"), [("cropped", 9, False), ("dataset2", 0, True)])
def test_parts_and_mirrored_pictures_of_another_folder_are_seen(
    name: str, margin: int, mirrored: bool, tmp_path: Path
) -> None:
    files: Files = {f"original/{kind}/{i}.pnm": picture(7 * i + len(kind)) for kind, i in numbers(6)}
    files |= {f"{name}/{kind}/{i}.pnm": picture(7 * i + len(kind), margin, mirrored=mirrored) for kind, i in numbers(6)}
    with pytest.raises(DataError, match=rf"'{name}/' and 'original/' hold the same pictures under 12 names"):
        open_source(build(tmp_path, files))
    assert counts_of(open_source(tmp_path, format="class-folders")) == dict.fromkeys(KINDS, 12)


def test_a_table_in_each_of_two_folders_of_the_same_pictures_counts_none_twice(tmp_path: Path) -> None:
    files: Files = {}
    for root, margin in (("EuroSAT", 0), ("EuroSATall", 2)):
        files |= {f"{root}/{kind}/{kind}_{i}.pnm": picture(7 * i + len(kind), margin) for kind, i in numbers(6)}
        for part, rest in (("train", 0), ("test", 1)):
            rows = [f"{kind}/{kind}_{i}.pnm,{kind}" for kind, i in numbers(6) if i % 2 == rest]
            files[f"{root}/{part}.csv"] = "\n".join(["Filename,ClassName", *rows, ""])
    with pytest.raises(
        DataError, match=r"same pictures .* `labelaudit scan [^`]*EuroSATall`; or `data_format` label-t"
    ):
        open_source(build(tmp_path, files))


def test_names_of_images_in_two_folders_that_hold_the_same_pictures(tmp_path: Path) -> None:
    names = [f"{kind}_{i}.pnm" for kind, i in numbers(6)]
    files: Files = {f"{root}/{name}": picture(n) for root in ("images", "raw") for n, name in enumerate(names)}
    with pytest.raises(DataError, match=r"'images/' and 'raw/' hold the same pictures .* or `data_format` file-names"):
        open_source(build(tmp_path, files))


def test_folders_of_one_class_each_and_of_other_pictures_are_no_versions(tmp_path: Path) -> None:
    files: Files = {
        f"{k}/{kind}/{i}.pnm": picture(70 * k + 7 * i + len(kind)) for k in (1, 2) for kind, i in numbers(6)
    }
    build(tmp_path / "batches", {f"batch{path}": data for path, data in files.items()})
    assert counts_of(open_source(tmp_path / "batches")) == dict.fromkeys(KINDS, 12)
    days: Files = {
        f"{kind}/2021-0{d}-01/{i}.pnm": picture(9 * i + len(kind)) for kind in KINDS for d in (1, 2) for i in range(4)
    }
    assert counts_of(open_source(build(tmp_path / "days", days))) == dict.fromkeys(KINDS, 8)


def test_a_folder_of_altered_pictures_with_names_of_its_own_gets_a_note(tmp_path: Path) -> None:
    build(tmp_path, {f"OriginalDataset/{kind}": 2 for kind in KINDS})
    build(tmp_path, {f"AugmentedDataset/{kind}/{n}a-98.png": PIXEL for kind in KINDS for n in range(3)})
    notes = open_source(tmp_path).notes
    assert any(note.startswith("'AugmentedDataset/' may hold altered pictures") for note in notes)


def test_patients_in_paths_are_told_with_what_to_type(tmp_path: Path) -> None:
    places = [(kind, 4 * k + p) for k, kind in enumerate(KINDS) for p in range(4)]
    build(tmp_path / "a", {f"{kind}/patient{p:02}_slice{i}.png": PIXEL for kind, p in places for i in range(3)})
    notes = " ".join(open_source(tmp_path / "a").notes)
    assert "such as 'patient00' (8 such)" in notes
    assert "`group` name:'(patient[0-9]+)' judges them together" in notes
    build(tmp_path / "b", {f"specimen{n}": 3 for n in range(4)})
    assert not any("`group`" in note for note in open_source(tmp_path / "b").notes)
