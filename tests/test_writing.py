"""Files that are written whole or not at all, and locks that outlive the folder they are about."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from labelaudit.files import (
    LockedError,
    fresh_bytes,
    is_partial,
    locked,
    open_regular,
    partials,
    read_regular,
    sibling,
    swap,
    write_bytes,
    write_text,
)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(b"new", file)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert file.read_bytes() == b"old"


def test_a_link_and_its_rights_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(file)
    write_bytes(b"new", link)
    assert link.is_symlink()
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o640)


def test_a_pipe_gets_what_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_bytes(b"all of it", tmp_path / "pipe")
    reader.join()
    assert got == [b"all of it"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write_bytes(b"nowhere", Path(os.devnull))
    with pytest.raises(OSError, match="space"):
        write_bytes(b"too much", Path("/dev/full"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"it is a folder, a pipe or a device|[Dd]irectory"):
            open_regular(place)
    (tmp_path / "file").write_bytes(b"text")
    assert read_regular(tmp_path / "file") == b"text"


def test_a_lock_is_held_by_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    place, order = tmp_path / "run", list[int]()

    def take(number: int) -> None:
        with locked(place):
            order.append(number)
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20)]
    with locked(place):
        for thread in threads:
            thread.start()
        with pytest.raises(LockedError), locked(place, seconds=0.05):
            pass
        assert order == []
    for thread in threads:
        thread.join()
    assert order[::2] == order[1::2]
    assert sorted(order[::2]) == list(range(20))
    assert list(tmp_path.iterdir()) == []


def test_what_is_half_written_is_known_by_its_name(tmp_path: Path) -> None:
    with fresh_bytes(tmp_path / "model.npz"):
        (half,) = tmp_path.iterdir()
        assert is_partial(half)
    assert not is_partial(tmp_path / ".notes.partial")


def test_a_name_of_any_length_that_a_folder_holds_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "\u00e9" * 127):
        place = tmp_path / name
        place.mkdir()
        with sibling(place) as fresh:
            (fresh / "file").write_text("new", encoding="utf-8")
            assert partials(place) == (fresh,)
            swap((fresh, place))
        write_text("text", place / name)
        assert {entry.name for entry in place.iterdir()} == {name, "file"}
    assert {entry.name for entry in tmp_path.iterdir()} == {"x" * 255, "\u00e9" * 127}
