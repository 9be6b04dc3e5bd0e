"""Limits of a container, as version 1 and version 2 of control groups write them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelaudit import container, machine
from labelaudit.container import core_quota, memory_limit


def put(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_without_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert core_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_version_2_in_a_container(tmp_path: Path) -> None:
    files = {"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu_dot_max": "150000 100000\n"}
    put(tmp_path, **files, sys__fs__cgroup__memory_dot_max="2147483648\n")
    assert core_quota(tmp_path) == 1.5
    assert memory_limit(tmp_path) == 2**31


def test_version_2_without_limits(tmp_path: Path) -> None:
    files = {"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu_dot_max": "max 100000\n"}
    put(tmp_path, **files, sys__fs__cgroup__memory_dot_max="max\n")
    assert core_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_the_narrowest_of_nested_groups_counts(tmp_path: Path) -> None:
    put(tmp_path, proc__self__cgroup="0::/pods/mine\n", sys__fs__cgroup__pods__cpu_dot_max="200000 100000\n")
    put(tmp_path, sys__fs__cgroup__pods__mine__cpu_dot_max="400000 100000\n")
    put(tmp_path, sys__fs__cgroup__pods__mine__memory_dot_max="1000000\n")
    assert core_quota(tmp_path) == 2.0
    assert memory_limit(tmp_path) == 1_000_000


def test_version_1(tmp_path: Path) -> None:
    put(tmp_path, proc__self__cgroup="4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n0::/\n")
    put(tmp_path, sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us="50000\n")  # the container's own group, mounted on top
    put(tmp_path, sys__fs__cgroup__cpu__cpu_dot_cfs_period_us="100000\n")
    put(tmp_path, sys__fs__cgroup__memory__docker__ab__memory_dot_limit_in_bytes="536870912\n")
    put(tmp_path, sys__fs__cgroup__memory__memory_dot_limit_in_bytes="9223372036854771712\n")
    assert core_quota(tmp_path) == 0.5
    assert memory_limit(tmp_path) == 2**29


@pytest.mark.parametrize("text", ["-1\n", "0\n", "nonsense\n", ""])
def test_what_is_no_limit_is_none(tmp_path: Path, text: str) -> None:
    put(tmp_path, sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us=text)
    put(tmp_path, sys__fs__cgroup__cpu__cpu_dot_cfs_period_us="100000\n")
    put(tmp_path, sys__fs__cgroup__memory_dot_max=text)
    assert core_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_threads_follow_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for quota, cores in ((None, 64), (1.5, 2), (0.5, 1), (8.0, 8), (200.0, 64)):
        monkeypatch.setattr(container, "core_quota", lambda quota=quota: quota)
        assert machine.available_cores() == cores


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of what started a process too")
def test_the_memory_of_what_started_a_process_is_not_its_own() -> None:
    """A scan that a notebook of ten gigabytes started was refused under `max_memory` 4GB."""
    command = "from labelaudit.machine import peak_memory; print(peak_memory())"
    held = np.ones(400_000_000, dtype=np.uint8)
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert 1e6 < int(told) < len(held)
