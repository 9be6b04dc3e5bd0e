"""Five kills and five full disks over the commands that write; benchmarks/faults.py does a hundred and more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_commands import make_world
from faults import campaign


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "world"
    make_world(folder)
    return folder


@pytest.mark.parametrize("kind", ["kill", "full"])
def test_nothing_is_lost(world: Path, kind: str) -> None:
    _, lost = campaign(kind, 5, 7, world)
    assert lost == []
