"""Weight files of PyTorch are read without PyTorch, and nothing that they ask for is run."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from labelaudit.features.torch_file import read_torch_file


def write(path: Path, value: object) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=False)
    return path


def test_arrays_are_those_that_were_written(tmp_path: Path) -> None:
    numbers = torch.arange(24.0)
    state = OrderedDict(
        plain=numbers.reshape(2, 3, 4),
        turned=numbers.reshape(4, 6).T,  # other steps over the same storage
        part=numbers[5:9],
        count=torch.tensor(7),
    )
    found = read_torch_file(write(tmp_path / "weights.pth", state))
    assert list(found) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
        assert found[name].dtype == tensor.numpy().dtype


def test_a_damaged_file_and_one_of_more_than_arrays_are_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.pth", OrderedDict(x=torch.arange(1000.0))).read_bytes()
    file = tmp_path / "weights.pth"
    for damaged in (whole[:-100], whole[:60], b"", pickle.dumps(3)):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"."):
            read_torch_file(file)
    with pytest.raises(ValueError, match="it asks for pathlib"):
        read_torch_file(write(file, OrderedDict(x=Path("x"))))


class Attack:
    """What a pickle would run when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", range(5))
def test_what_a_file_asks_for_is_not_run(tmp_path: Path, protocol: int) -> None:
    ran, file = tmp_path / "ran", tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps(Attack(ran), protocol))
    with pytest.raises(ValueError, match=r"it asks for|it holds more than arrays"):
        read_torch_file(file)
    assert not ran.exists()
    pickle.loads(file.read_bytes())
    assert ran.exists()  # so opening it would have run it


@pytest.mark.parametrize("said", [b"M\xe9\x03", b"J\x00\x00\x00\x40", b"J\xff\xff\xff\xff"])
def test_an_array_beyond_what_the_file_holds_is_refused(tmp_path: Path, said: bytes) -> None:
    file = write(tmp_path / "weights.pth", OrderedDict(x=torch.arange(1000.0)))
    whole, thousand = file.read_bytes(), b"M\xe8\x03"
    assert whole.count(thousand) == 2  # the storage's length, and the array's
    at = whole.rindex(thousand)
    file.write_bytes(whole[:at] + said + whole[at + len(thousand) :])
    with pytest.raises(ValueError, match="lies outside"):
        read_torch_file(file)


def test_damage_anywhere_is_one_kind_of_error(tmp_path: Path) -> None:
    numbers = torch.arange(24.0)
    file = write(tmp_path / "weights.pth", OrderedDict(a=numbers.reshape(2, 3, 4), b=numbers.reshape(4, 6).T))
    whole, chance = file.read_bytes(), random.Random(0)
    refused = 0
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] = chance.randrange(256)
        file.write_bytes(damaged)
        try:
            read_torch_file(file)
        except ValueError:
            refused += 1
    assert refused > len(whole) / 3


def test_the_embedded_networks_are_built_without_torch() -> None:
    line = "import sys; from labelaudit.features.lite_int8 import build_graph; build_graph('lite0', 64); "
    subprocess.run([sys.executable, "-c", line + "assert 'torch' not in sys.modules"], check=True)
