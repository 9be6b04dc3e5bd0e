"""Thumbnails are read once: within a scan, and by the next one from where they were kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelaudit.data.images import encode, thumbnail
from labelaudit.data.ingest import digest
from labelaudit.features.store import FeatureStore
from labelaudit.features.thumbnails import Thumbnails
from labelaudit.machine import Machine
from labelaudit.types import Samples

FILES = [encode(np.random.default_rng(row).integers(0, 256, (20, 24, 3), dtype=np.uint8)) for row in range(6)]
SQUARES = np.stack([thumbnail(data, 16) for data in FILES])


class Counted:
    """Images that note which of them were asked for; those of ``broken`` rows fail."""

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.asked: list[int] = []
        self.broken = broken

    def __len__(self) -> int:
        return len(FILES)

    def encoded(self, row: int) -> bytes:
        self.asked.append(row)
        return b"no image" if row in self.broken else FILES[row]


def thumbnails(images: Counted, cache: Path | None = None) -> Thumbnails:
    samples = Samples(
        ids=tuple(map(str, range(len(FILES)))),
        labels=np.zeros(len(FILES), dtype=np.int64),
        classes=("a",),
        digests=tuple(digest(data) for data in FILES),
        images=images,
    )
    return Thumbnails(samples, Machine(cache=cache))


def test_each_image_is_read_once() -> None:
    images = Counted()
    read = thumbnails(images)
    np.testing.assert_array_equal(read.read(np.array([4, 1])), SQUARES[[4, 1]])
    np.testing.assert_array_equal(read.read(np.array([0, 1, 4])), SQUARES[[0, 1, 4]])
    assert sorted(images.asked) == [0, 1, 4]


def test_the_next_scan_reads_only_what_was_not_kept(tmp_path: Path) -> None:
    thumbnails(Counted(), tmp_path).read(np.array([0, 2, 5]))
    images = Counted()
    np.testing.assert_array_equal(thumbnails(images, tmp_path).read(np.arange(6)), SQUARES)
    assert sorted(images.asked) == [1, 3, 4]


def test_an_image_that_fails_is_black_and_not_kept(tmp_path: Path) -> None:
    squares = thumbnails(Counted(broken=(2,)), tmp_path).read(np.arange(6))
    assert not squares[2].any()
    assert squares[1].any()
    images = Counted()
    np.testing.assert_array_equal(thumbnails(images, tmp_path).read(np.arange(6)), SQUARES)
    assert images.asked == [2]


def test_where_all_images_fail_nothing_is_kept(tmp_path: Path) -> None:
    assert not thumbnails(Counted(broken=(2, 4)), tmp_path).read(np.array([2, 4])).any()


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    np.testing.assert_array_equal(thumbnails(Counted(), tmp_path / "file").read(np.arange(6)), SQUARES)

    def fill_up(self: Path, *args: object) -> None:
        raise OSError(28, "No space left on device")

    full = thumbnails(Counted(), tmp_path / "full")
    assert isinstance(full._store, FeatureStore)
    monkeypatch.setattr(Path, "open", fill_up)
    np.testing.assert_array_equal(full.read(np.arange(6)), SQUARES)
