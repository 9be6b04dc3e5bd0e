"""The machine a command runs on and what it costs: device, versions, seconds and memory per stage."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from threadpoolctl import threadpool_limits

from labelaudit import container
from labelaudit.errors import OptionError, unknown_name

if TYPE_CHECKING:
    from labelaudit.types import Progress

__version__ = "0.1.0"

Device = Literal["auto", "cpu", "cuda"]
Engine = Literal["local", "ray"]

_PACKAGES = ("labelaudit", "numpy", "scipy", "torch", "scikit-learn", "onnxruntime", "faiss-gpu", "faiss-cpu", "pillow")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The device, threads and cache of a command, and the callbacks that hear how far it is."""

    device: Device = "auto"
    workers: int = 2
    """Threads that read, decode and compute."""
    cache: Path | None = None
    """Folder that keeps features and audits; none keeps nothing."""
    progress: Progress = lambda *_: None
    notice: Callable[[str], None] = lambda _: None
    """Hears what a person should know at once, one sentence at a time."""
    engine: Engine = "local"
    """The place of embedding and cross-fits: here, or a Ray cluster."""
    address: str | None = None
    """Address of the cluster; by default the one that runs on this machine, or else one of its cores."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", str(self.device))  # torch's own `torch.device` too
        for name, known in (("device", Device), ("engine", Engine)):
            if (value := getattr(self, name)) not in get_args(known):
                raise unknown_name(name, value, get_args(known))
        if self.address is not None and self.engine == "local":
            raise OptionError("`address` is that of a cluster, and `engine` is local: give `engine` ray too")
        if self.workers < 1:
            raise OptionError(f"`workers` {self.workers}: give a whole number from 1")

    def settled(self) -> Machine:
        """The same with `device` decided; raises `OptionError` where there is no such device."""
        return replace(self, device=find_device(self.device))


class Clock:
    """Seconds and peak memory per stage."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside the ``with``; nothing is kept of a stage that fails."""
        started = time.perf_counter()
        yield
        self.stages.append(Stage(name=name, seconds=time.perf_counter() - started, peak_bytes=peak_memory()))


def peak_memory() -> int:
    """Bytes that this process has had in memory at once at most.

    Asked of Linux itself, where it says them: by `resource` a new process begins with the memory of the one that
    started it, such as a notebook's ten gigabytes.
    """
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def find_device(device: str) -> Literal["cpu", "cuda"]:
    """``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``; raises `OptionError` where there is no CUDA device."""
    if device == "cpu" or (device == "auto" and not _has_driver()):
        return "cpu"
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise OptionError(
            "`device` cuda: torch sees no CUDA device; use `device` cpu, or install a CUDA build of torch"
        )
    return "cuda" if available else "cpu"


def _has_driver() -> bool:
    """Whether there may be a driver without which torch finds no CUDA device: its import alone takes seconds."""
    if sys.platform != "linux" or Path("/dev/kfd").exists():  # AMD's, which torch calls CUDA as well
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def find_precision(precision: str, device: str) -> Literal["float32", "int8"]:
    """The number format embedded backbones compute in: as asked, or for ``auto`` int8 on a CPU that gains from it."""
    if precision == "auto":
        return "int8" if device == "cpu" and multiplies_bytes() else "float32"
    return "int8" if precision == "int8" else "float32"


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's and SciPy's products of matrices stay on the thread that asks for them, while this lasts.

    More threads of theirs wait for work in loops, on cores that training and this library's own threads work on: a scan
    of 1,800 small images took a third longer with them.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def multiplies_bytes() -> bool:
    """Whether the CPU multiplies and adds up 8-bit integers in one instruction (VNNI); False where that is unknown."""
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(_read_cpu())


def multiplies_bfloat16() -> bool:
    """Whether the CPU multiplies and adds up numbers of 16 bits in one instruction; False where that is unknown."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(_read_cpu())


@cache
def _read_cpu() -> frozenset[str]:
    """All words in Linux's description of the CPU; none elsewhere."""
    try:
        return frozenset(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return frozenset()


def list_versions() -> dict[str, str]:
    """Software by name, what is installed of it."""
    return dict(_find_versions())


@cache
def _find_versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a scan and what it cost."""

    name: str
    """Such as ``ingest``, ``embed``, ``train``."""
    seconds: float
    """Wall-clock time."""
    peak_bytes: int
    """Peak resident memory of the process up to the end of the stage."""


def available_cores() -> int:
    """Cores that this process may use, by its affinity and by the quota of its container; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = container.core_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def available_memory() -> float:
    """Bytes of memory that programs may still take, at most what the container has; infinite where nothing says."""
    most = float(container.memory_limit() or math.inf)
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return min(most, 1024.0 * int(line.split()[1]))
        return min(most, float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    except (AttributeError, OSError, ValueError):
        return most
