"""A run of the zoo, and the review page that serves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from review_runs import Server, serving, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


@pytest.fixture
def server(run: Path) -> Iterator[Server]:
    with serving(run) as started:
        yield started
