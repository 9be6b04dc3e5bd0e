"""Weight files of PyTorch are read without PyTorch, and nothing that they ask for is run."""

from __future__ import annotations

import pickle
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


def test_the_embedded_networks_are_built_without_torch() -> None:
    line = "import sys; from labelaudit.features.lite_int8 import build_graph; build_graph('lite0', 64); "
    subprocess.run([sys.executable, "-c", line + "assert 'torch' not in sys.modules"], check=True)
