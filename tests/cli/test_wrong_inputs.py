"""A wrong value of any option of any command is refused in one line; benchmarks/wrong_inputs.py tries all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from wrong_inputs import BASES, campaign, list_cases, make_bad_world, sample_cases

EACH = 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "world"
    make_bad_world(folder)
    return folder


@pytest.mark.parametrize("name", BASES)
@pytest.mark.filterwarnings("ignore")  # of libraries, about damage
def test_a_wrong_value_is_refused_in_one_line(world: Path, name: str) -> None:
    _, faults = campaign(sample_cases(name, EACH), world)
    assert faults == []


def test_every_command_is_tried() -> None:
    assert all(any(True for _ in list_cases(name)) for name in BASES)
