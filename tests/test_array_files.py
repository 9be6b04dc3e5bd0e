"""Arrays come back bit for bit, mapped or read; files that are not what they say are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelaudit.arrays import map_arrays, read_arrays, write_arrays

ARRAYS: dict[str, Any] = {
    "a/b": np.arange(12, dtype=np.float32).reshape(3, 4),
    "é": np.array("text ü"),
    "nothing": np.zeros((0, 3)),
    "by column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "names": np.array([b"ab", b"c"]),
    "half": np.ones(3, np.float16),
    "flags": np.array([True, False]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "x.npz", ARRAYS)
    return tmp_path / "x.npz"


@pytest.mark.parametrize("how", [map_arrays, read_arrays, np.load])
def test_arrays_come_back_as_they_were(path: Path, how: Any) -> None:
    found = how(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_what_is_mapped_lies_as_processors_like_it_and_stays_as_it_was_in_the_file(path: Path) -> None:
    found = map_arrays(path)
    assert all(array.flags.aligned and not array.flags.owndata for array in found.values())
    before = path.read_bytes()
    found["a/b"][:] = 7.0
    assert path.read_bytes() == before
    assert np.array_equal(map_arrays(path)["a/b"], ARRAYS["a/b"])


def test_a_mapped_file_can_be_written_anew(path: Path) -> None:
    found = map_arrays(path)
    write_arrays(path, {"other": np.zeros(1)})
    assert np.array_equal(found["a/b"], ARRAYS["a/b"])
    assert list(map_arrays(path)) == ["other"]


def test_the_same_arrays_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_arrays(tmp_path / "y.npz", ARRAYS)
    assert path.read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_files_of_numpy_are_mapped_too(path: Path) -> None:
    np.savez(path, **ARRAYS)
    found = map_arrays(path)
    assert all(np.array_equal(found[name], array) and found[name].flags.aligned for name, array in ARRAYS.items())


def test_objects_are_neither_written_nor_mapped(path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(path, {"x": np.array([object()])})
    np.savez(path, x=np.array([object()]))
    with pytest.raises(ValueError, match="'x' is cut off or of Python objects"):
        map_arrays(path)


def test_what_is_compressed_is_not_mapped(path: Path) -> None:
    np.savez_compressed(path, x=np.zeros(9))
    with pytest.raises(ValueError, match="magic string"):
        map_arrays(path)


def test_a_head_that_promises_more_than_there_is_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"(3, 4)", b"(9, 4)"))
    with pytest.raises(ValueError, match="'a/b' is cut off"):
        map_arrays(path)
    path.write_bytes(whole[:-200])
    with pytest.raises(zipfile.BadZipFile):
        map_arrays(path)
