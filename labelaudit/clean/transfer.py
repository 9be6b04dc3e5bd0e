"""Links or copies images from the source to the new dataset, each checked against its digest.

A hard link shares the file with the source, so whoever edits one edits both; a symbolic link breaks when the source
moves. A reflink is a copy that takes no room until it is changed, on file systems that have it (Btrfs, XFS, ZFS).
Left out: owners, times and attributes of files.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from labelaudit.audit.originals import Originals
from labelaudit.data.images import ImageError, suffix
from labelaudit.data.ingest import digest
from labelaudit.errors import DataError
from labelaudit.images import Images, path_of
from labelaudit.types import Progress, Samples, no_progress

LINKS = ("auto", "hard", "symlink", "reflink", "copy")
"""auto is reflink where the file system has it, and copy elsewhere."""
_CHUNK = 64
_MOST_FAILURES = 100
_FICLONE = 0x40049409  # linux/fs.h: let a file share the blocks of another
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


@dataclass
class Transfer:
    """Brings images from the source to their place in the new dataset."""

    images: Images
    samples: Samples
    _: KW_ONLY
    link: str = "auto"
    workers: int = 2
    progress: Progress = no_progress
    how: Counter[str] = field(default_factory=Counter)
    """Way of transfer -> number of files: ``hard link``, ``symlink``, ``reflink``, ``copy``."""
    _no_reflinks: bool = False

    def read(self, row: int) -> bytes:
        """The bytes of a sample, as the scan saw them; raises `ImageError` where they are gone or others."""
        try:
            data = self.images.encoded(row)
        except OSError as error:
            raise ImageError("missing", f"the image cannot be read ({error.strerror or error})") from error
        if not isinstance(self.images, Originals) and digest(data) != self.samples.digests[row]:
            raise ImageError("changed", "the image was changed since the scan: scan again")
        return data

    def ending(self, row: int) -> str:
        """The usual file name ending for the bytes of a sample."""
        return suffix(self.read(row))

    def place(self, rows: Sequence[int], targets: Sequence[Path]) -> None:
        """Bring every sample to its target; the folders are made.

        Raises:
            DataError: images are gone or were changed; the first of them is named, once all were looked at.
            OSError: a target cannot be written.
        """
        for folder in {target.parent for target in targets}:
            folder.mkdir(parents=True, exist_ok=True)
        failures: list[str] = []

        def bring(start: int) -> tuple[list[str], Counter[str]]:
            missed, how = [], Counter[str]()
            for row, target in zip(rows[start : start + _CHUNK], targets[start : start + _CHUNK], strict=True):
                try:
                    data = self.read(row)
                except (DataError, ValueError) as error:
                    missed.append(f"{self.samples.ids[row]}: {error}")
                else:
                    if not failures:
                        how[self._put(data, row, target)] += 1
            return missed, how

        with ThreadPoolExecutor(max(1, self.workers), thread_name_prefix="clean") as pool:
            starts = range(0, len(rows), _CHUNK)
            try:
                for start, (missed, how) in zip(starts, pool.map(bring, starts), strict=True):
                    failures += missed
                    self.how += how
                    self.progress("images", min(start + _CHUNK, len(rows)), len(rows))
                    if len(failures) >= _MOST_FAILURES:
                        break
            finally:
                pool.shutdown(cancel_futures=True)
        if failures:
            raise DataError(list_failures(failures))

    def _put(self, data: bytes, row: int, target: Path) -> str:
        """Make ``target``, and say how."""
        source = None if self.link == "copy" else path_of(self.images, row)
        if source is not None:
            try:
                if self.link == "hard":
                    os.link(os.path.realpath(source), target)
                    return "hard link"
                if self.link == "symlink":
                    target.symlink_to(os.path.realpath(source))
                    return "symlink"
                if not self._no_reflinks and _reflink(source, target):
                    return "reflink"
                self._no_reflinks = True
            except OSError as error:
                if error.errno in _FULL:
                    raise
                target.unlink(missing_ok=True)
        target.write_bytes(data)
        return "copy"


def list_failures(failures: Sequence[str]) -> str:
    """One line for images that could not be had."""
    more = f"; and {len(failures) - 1:,} more" if len(failures) > 1 else ""
    return f"{failures[0]}{more}. Nothing was made"


def _reflink(source: str, target: Path) -> bool:
    """Let ``target`` share the blocks of ``source``; False where this system cannot."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    with open(source, "rb") as old, target.open("xb") as new:  # noqa: PTH123 (a path as the source has it)
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:
            pass
        else:
            return True
    target.unlink()
    return False
