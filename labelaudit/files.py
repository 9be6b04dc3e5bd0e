"""Writes a file or a folder whole or not at all.

What is new is written to a hidden sibling first and takes its place by renaming; what was there before comes back where
that is cut off. Two writers of one folder take turns; the later one wins, whole.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BufferedReader, TextIOWrapper
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import BinaryIO, TextIO

from labelaudit.errors import RunError

if sys.platform == "win32":
    from filelock import FileLock
else:
    import fcntl

_LONGEST = 120
"""Bytes of a name to which more is added: names have 255 at most, and 143 in some encrypted folders."""


@contextmanager
def sibling(place: Path) -> Iterator[Path]:
    """A new hidden folder beside ``place``, gone at the end unless it was moved."""
    fresh = _partial(place)
    with locked(place):  # nobody sweeps it before it is held
        fresh.mkdir()
        held = _hold(fresh)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if held is not None:
            os.close(held)


def sweep(place: Path) -> None:
    """Delete the `partials` of ``place`` that no run is at work on. On Windows it cannot be known, and all stay."""
    with locked(place):
        for left in partials(place):
            if (held := _hold(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(held)


def not_written(
    shown: Path | str, place: Path, error: OSError, earlier: str, *, folder: Path | None = None
) -> RunError:
    """The error for what should have been written at ``place``, where there is still an ``earlier`` one, or nothing.

    ``folder`` is where it has to lie, if it may not be written elsewhere.
    """
    left = f"{earlier} is untouched" if place.exists() else "nothing was written"
    said = "" if folder is None else use_copy(error, folder)
    return RunError(f"cannot write {shown} ({error.strerror or error}): {left}{said}")


def use_copy(error: OSError, folder: Path) -> str:
    """The end of an error about a file that always lies in ``folder``, where nothing may be written to that folder.

    >>> use_copy(PermissionError(13, "Permission denied"), Path("run"))
    '; copy run to where you may write, and name the copy'
    >>> use_copy(OSError(28, "No space left on device"), Path("run"))
    ''
    """
    if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ""
    return f"; copy {folder} to where you may write, and name the copy"


def partials(place: Path) -> tuple[Path, ...]:
    """Folders of `sibling` beside ``place``: of runs that were killed, or are at work."""
    ending = re.compile(rf"{re.escape(_hidden(place, '').name)}[0-9a-f]{{8}}\.partial")
    return tuple(sorted(path for path in place.parent.iterdir() if ending.fullmatch(path.name) and path.is_dir()))


def is_partial(path: Path) -> bool:
    """Whether ``path`` is what a killed run left of a `sibling` or a fresh file, or one at work is writing."""
    return re.fullmatch(r"\..+\.[0-9a-f]{8}\.partial", path.name) is not None


@contextmanager
def fresh_text(path: Path, *, errors: str = "strict") -> Iterator[TextIO]:
    """`fresh_bytes` for UTF-8 text.

    Line ends stay as they are written; ``errors`` is what becomes of characters that UTF-8 does not have.
    """
    with fresh_bytes(path) as file:
        text = TextIOWrapper(file, encoding="utf-8", errors=errors, newline="")
        yield text
        text.detach()


@contextmanager
def fresh_bytes(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when all of it is written; raises `OSError` where it cannot.

    A link keeps leading to the file, and the file keeps who may read it. What is not a regular file, such as a
    terminal, a pipe or /dev/stdout, gets what is written as it comes.
    """
    is_stream = os.path.abspath(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))  # noqa: PTH100  links stay links
    path = path if is_stream else Path(os.path.realpath(path))
    if is_stream or (path.exists() and not path.is_file()):
        with path.open("wb") as file:
            yield file
        return
    fresh = _partial(path)
    try:
        with fresh.open("wb") as file:
            if path.exists():
                fresh.chmod(path.stat().st_mode & 0o7777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_bytes(data: bytes, path: Path) -> None:
    """`fresh_bytes` for bytes that are there already."""
    with fresh_bytes(path) as file:
        file.write(data)


def open_regular(path: Path) -> BufferedReader:
    """A regular file, to be read; raises `OSError` for anything else, so that a pipe without a writer hangs nobody."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device", str(path))
    return os.fdopen(opened, "rb")


def map_regular(path: Path) -> mmap | bytearray:
    """The bytes of a regular file, which are read where they are looked at; changes of them stay in memory.

    They are read at once where that is not possible, and on Windows, where a file in use cannot be replaced. Raises
    `OSError` as `open_regular` does.
    """
    with open_regular(path) as file:
        if sys.platform != "win32":
            with suppress(OSError, ValueError):  # some file systems cannot, and there is nothing in an empty file
                return mmap(file.fileno(), 0, access=ACCESS_COPY)
        return bytearray(file.read())


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file; raises `OSError` as `open_regular` does."""
    with open_regular(path) as file:
        return file.read()


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8, without a byte order mark; raises `OSError` for anything else."""
    data = read_regular(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8", str(path)) from None


def write_text(text: str, path: Path, *, errors: str = "strict") -> None:
    """`fresh_text` for a text that is there already."""
    with fresh_text(path, errors=errors) as file:
        file.write(text)


def swap(*pairs: tuple[Path, Path], first: Callable[[], None] = lambda: None) -> None:
    """Let each new folder take the place of its pair, which may not be there yet; all of them, or none.

    Old folders are moved away first and deleted at the end, so that `recover` can tell at any moment how far it came.
    All of it happens under the lock of the last place; ``first`` is called when that is held.
    """
    with locked(pairs[-1][1]):
        first()
        for _, place in pairs:
            shutil.rmtree(_previous(place), ignore_errors=True)
        try:
            for _, place in pairs:
                if place.exists():
                    place.rename(_previous(place))
            for fresh, place in pairs:
                fresh.rename(place)
        except BaseException:
            for fresh, place in pairs:
                if place.exists() and not fresh.exists():
                    place.rename(fresh)
                _restore(place)
            raise
        for _, place in pairs:
            shutil.rmtree(_previous(place), ignore_errors=True)


def recover(*places: Path) -> None:
    """Put the old folders back where a `swap` of ``places`` was cut off: all of them are then old, or all new.

    A new folder that came without the others becomes a hidden sibling, as a killed run leaves them.
    """
    if any(not place.exists() and _previous(place).is_dir() for place in places):
        with locked(places[-1]):  # a swap that is still at work holds it
            _restore(*places)


def _restore(*places: Path) -> None:
    last = places[-1]
    cut = not last.exists() and _previous(last).is_dir()
    for place in places:
        previous = _previous(place)
        if not previous.is_dir():
            continue
        if cut and place.exists():
            place.rename(_partial(place))
        if not place.exists():
            previous.rename(place)


@contextmanager
def locked(place: Path, *, seconds: float = 30.0) -> Iterator[None]:
    """Hold the lock of a file or folder that is replaced or appended to: ``.NAME.lock`` beside it, while it is held.

    It lies beside the folder and not in it, so that a folder can be replaced under it. Where nothing may be written
    there, nothing can be replaced either, and the lock is inside.

    Raises:
        LockedError: another process holds it for longer than ``seconds``.
    """
    lock = _hidden(place, "lock") if place.name else place / ".lock"
    if place.is_dir() and not os.access(lock.parent, os.W_OK):
        lock = place / ".lock"
    with _held(lock, time.monotonic() + seconds):
        yield


if sys.platform == "win32":

    def _held(lock: Path, until: float) -> FileLock:
        """filelock deletes its file there when it lets go."""
        return FileLock(lock, timeout=max(0.0, until - time.monotonic()))

    def _hold(_: Path) -> int | None:
        """None: folders cannot be held there."""
        return None

else:

    def _hold(folder: Path) -> int | None:
        """A descriptor that holds ``folder`` until it is closed, at the latest when this process ends; ``None`` where
        another process holds it, it is gone or another person's, or the file system knows no locks.
        """
        try:
            opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            return None
        return opened

    @contextmanager
    def _held(lock: Path, until: float) -> Iterator[None]:
        held = _acquire(lock, until)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # before it is let go: who waits for it sees that it is gone, and makes one
            os.close(held)

    def _acquire(lock: Path, until: float) -> int:
        """The descriptor of ``lock``, held."""
        while True:
            opened = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(opened), os.stat(lock)):  # noqa: PTH116  nobody deleted it meanwhile
                    return opened
            except FileNotFoundError:
                pass
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(opened)
                    raise LockedError(errno.EAGAIN, "another process is writing there") from None
                time.sleep(0.01)
            os.close(opened)


class LockedError(OSError):
    """Another process holds a lock for too long."""


def _partial(place: Path) -> Path:
    return _hidden(place, f"{secrets.token_hex(4)}.partial")


def _previous(place: Path) -> Path:
    return _hidden(place, "previous")


def _hidden(place: Path, ending: str) -> Path:
    """The hidden sibling of ``place`` with an ``ending``, by a digest where its name leaves no room for more."""
    name = os.fsencode(place.name)
    return place.with_name(f".{place.name if len(name) <= _LONGEST else sha256(name).hexdigest()}.{ending}")
