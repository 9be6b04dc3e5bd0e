"""A table of labels and a folder of pictures to scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_scans import NAMES, blobs, picture


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    _, _, given = blobs()
    lines = "".join(f"s{i},{NAMES[g]},{i % 7}\n" for i, g in enumerate(given))
    (tmp_path / "labels.csv").write_text("path,label,shift\n" + lines)
    return tmp_path / "labels.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for i in range(90):
        label = i % 3
        where = tmp_path / "images" / str(NAMES[(label + 1) % 3 if i in (10, 41) else label])
        where.mkdir(parents=True, exist_ok=True)
        picture(label, rng).save(where / f"{i}.png")
    return tmp_path / "images"
