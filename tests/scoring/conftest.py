"""An audited folder of pictures, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from scored_folders import OPTIONS, put

from labelaudit.scanning.scan import scan


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data`` (90 images, two wrong labels), ``run``, the audit of it, and ``cache``."""
    place = tmp_path_factory.mktemp("made")
    for i in range(90):
        put(place / "data", i % 3, f"{i}.png", i, given=(i % 3 + 1) % 3 if i in (10, 41) else None)
    scan(place / "data", output=place / "run", cache=place / "cache", **OPTIONS)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of `made` whose audit was made where the data lies."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"
