"""Reads what a container gives its processes: cores and memory by control groups (version 1 and 2), not those of the
host.

Without this a scan in a container of two cores would start the 64 threads of its host and be throttled, or be killed
for memory that the host has. Left out: limits of single processes (``ulimit``), which show as errors of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 2**60
"""Bytes; version 1 says nearly 2**63 where there is no limit."""


def core_quota(root: Path = Path("/")) -> float | None:
    """Cores' worth of time that the group of this process gets, such as 1.5; None where nothing limits it."""
    found = []
    for folder in _folders(root, "cpu"):
        told = _numbers(folder / "cpu.max", 2)
        told = told or _numbers(folder / "cpu.cfs_quota_us", 1) + _numbers(folder / "cpu.cfs_period_us", 1)
        if len(told) == 2 and min(told) > 0:
            found.append(told[0] / told[1])
    return min(found, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the group of this process may use; None where nothing limits it."""
    found = []
    for folder in _folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            found += [limit for limit in _numbers(folder / name, 1) if 0 < limit < _UNLIMITED]
    return min(found, default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the group of this process and of the groups around it, where they are mounted.

    In a container the group's own folder is often mounted as the top one, under a path that the host alone knows.
    """
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    tops = {mounted: "/", mounted / controller: "/", mounted / "unified": "/"}
    for line in lines:
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if not names:
            tops |= {mounted: path, mounted / "unified": path}
        elif controller in names.split(","):
            tops |= {mounted / controller: path, mounted / names: path}
    for top, path in tops.items():
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for depth in range(len(parts), -1, -1):
            yield top.joinpath(*parts[:depth])


def _numbers(file: Path, most: int) -> tuple[int, ...]:
    """The whole numbers in a small file; none where there is no such file, or it says ``max``."""
    try:
        return tuple(int(word) for word in file.read_text(encoding="ascii").split()[:most])
    except (OSError, ValueError):
        return ()
