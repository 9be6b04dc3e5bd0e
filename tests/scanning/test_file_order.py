"""What a scan says of an image does not depend on the order or the names of files, nor on the names of groups."""

from __future__ import annotations

import csv
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelaudit import scan
from tests.scanning.small_scans import NAMES, picture

Row = tuple[str, str, str]  # file, label, patient


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """60 images of 4 patients who have images of all classes, some labels wrong, and 20 copies under another label."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(3)
    rows = []
    for number in range(60):
        truth = number % 3
        picture(truth, rng).save(folder / f"{number:02d}.png")
        given = (truth + 1) % 3 if number % 13 == 5 else truth
        rows.append((f"{number:02d}.png", str(NAMES[given]), f"patient {number % 4:02d}"))
    for number in range(0, 60, 3):
        name, label, patient = rows[number]
        shutil.copy(folder / name, folder / f"copy{number}.png")
        rows.append((f"copy{number}.png", "bee" if label == "cat" else "cat", patient))
    return folder, rows


def judge(
    folder: Path, rows: list[Row], rename: Callable[[str], str], place: Path
) -> dict[tuple[str, str], tuple[Any, ...]]:
    """File and label -> what a scan of the ``rows`` in ``place`` says, whose files and patients were ``rename``d."""
    place.mkdir()
    with (place / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient"))
        for name, label, patient in rows:
            shutil.copy(folder / name, place / rename(name))
            writer.writerow((rename(name), label, rename(patient) if patient else ""))
    audit = scan(
        place, labels=place / "labels.csv", group="patient", effort="quick", train="features", methods=["limit"]
    )
    known = {rename(name): name for name, _, _ in rows}
    return {
        (known[row["path"]], row["given_label"]): tuple(
            row[name] for name in ("label_score", "is_label_issue", "predicted_label", "tier", "limit", "neighbors")
        )
        for row in audit.table("samples")
    }


def test_neither_order_nor_names_of_files_and_groups_matter(images: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, rows = images
    said = judge(folder, rows, lambda name: name, tmp_path / "as they are")
    other = judge(folder, rows[::-1], lambda name: f"{zlib.crc32(name.encode())}.png", tmp_path / "turned and renamed")
    assert other.keys() == said.keys()
    for key, (score, *rest) in said.items():
        assert other[key][0] == pytest.approx(score, abs=1e-4), key
        assert other[key][1:4] == tuple(rest[:3]), key
        assert other[key][4:] == pytest.approx(rest[3:], abs=1e-6), key
