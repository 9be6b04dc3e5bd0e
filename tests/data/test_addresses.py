"""Datasets at addresses, by fsspec's file system in memory and the local one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from commands import call
from data.built import PIXEL, build, counts_of, labels_of

from labelaudit.data.source import Source, address_of, is_address, refuse_missing
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        files.pipe_file(f"/pets/{name}", PIXEL)
    files.pipe_file("/pets/readme.md", b"")
    yield files
    files.store.clear()


def test_class_folders_at_an_address(memory: fsspec.AbstractFileSystem) -> None:
    for address in ("memory://pets", Path("memory://pets"), "memory://pets/"):
        listing = open_source(address)
        assert counts_of(listing) == {"cat": 2, "dog": 1}
        assert listing.images is not None
        assert listing.images.encoded(2) == PIXEL
    assert Source(data=Path("memory://pets")).settings()["data"] == "memory://pets"


def test_a_table_at_an_address(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.pipe_file("/tables/l.csv", b"file,label\ncat/1.png,x\ndog/1.png,y\n")
    expected = {"cat/1.png": "x", "dog/1.png": "y"}
    assert labels_of(open_source("memory://pets", labels="memory://tables/l.csv")) == expected
    build(tmp_path, {"cat/1.png": PIXEL, "dog/1.png": PIXEL})
    assert labels_of(open_source(tmp_path, labels="memory://tables/l.csv")) == expected
    memory.pipe_file("/pets/l.csv", b"file,label\ncat/1.png,x\ndog/1.png,y\n")
    assert labels_of(open_source("memory://pets/l.csv")) == expected


def test_files_that_are_fetched(memory: fsspec.AbstractFileSystem) -> None:
    file = io.BytesIO()
    np.savez(file, images=np.zeros((2, 3, 3), np.uint8), labels=["a", "b"])
    memory.pipe_file("/arrays/d.npz", file.getvalue())
    assert open_source("memory://arrays/d.npz").labels == ("a", "b")


def test_a_local_address(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 1, "dog": 1})
    assert counts_of(open_source(f"file://{tmp_path}")) == {"cat": 1, "dog": 1}


@pytest.mark.parametrize(
    ("address", "message"),
    [("memory://nowhere", "does not exist"), ("nosuch://x", "cannot be opened: Protocol not known")],
)
def test_addresses_that_cannot_be_read(address: str, message: str, memory: fsspec.AbstractFileSystem) -> None:
    with pytest.raises(DataError, match=message) as refused:
        open_source(address)
    assert "\n" not in str(refused.value)


def test_addresses_are_known_from_paths() -> None:
    assert is_address("s3://b/x")
    assert is_address(Path("hf://datasets/x"))
    assert not is_address("C:/x")
    assert not is_address("./a/b")
    assert address_of("gs:/b/x") == "gs://b/x"


def test_what_lies_at_an_address_is_not_looked_for_on_the_disk(memory: fsspec.AbstractFileSystem) -> None:
    refuse_missing(Path("memory://nowhere"), Path("memory://nowhere.csv"))
    done = call("check", "memory://nowhere", "--no-cache")
    assert done.code == 2
    assert done.err.endswith("labelaudit: 'memory://nowhere' does not exist: check the address\n")
    assert "Next: labelaudit scan memory://pets" in call("inspect", "memory://pets").out
