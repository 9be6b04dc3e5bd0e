"""How fast a class is reduced to its medoids, beside two libraries made for it: python benchmarks/facility_location.py

5,000 points of one class, 2,500 of them to be chosen by lazy greedy facility location, from the points to the order of
selection, in turns, in this process. Points: p - e_y of a class with 40 % wrong labels (10 numbers each, what CRUST
selects in), and 64 normal numbers each, which have no clusters. apricot-select and submodlib-py are given the same
similarities d_max - d_ij, computed by scikit-learn's pairwise_distances within their time; a library that is not
installed (`pip install apricot-select submodlib-py`) is left out by name. Compilation and imports are not timed. Memory
is the peak of a process of its own, less what it held before the points were selected from. The objective is the sum of
similarities covered, recomputed here for everyone. With CUDA at hand, the same call is also timed there.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from results_section import make_parser, write_section

from labelaudit.methods._coresets import distances, facility_location

TARGET = 2.5  # seconds on 2 cores
Points = npt.NDArray[np.float32]
Select = Callable[[Points, int], npt.NDArray[np.integer]]


def gradients(m: int) -> Points:
    """(m, 10) p - e_0 of a class of which 40 % belong elsewhere."""
    rng = np.random.default_rng(0)
    true = np.where(rng.random(m) < 0.4, rng.integers(1, 10, m), 0)
    logits = rng.normal(size=(m, 10))
    logits[np.arange(m), true] += rng.gamma(4, 1.2, m)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[:, 0] -= 1
    return p.astype(np.float32)


def normal(m: int) -> Points:
    """(m, 64) independent normal numbers."""
    return np.random.default_rng(0).normal(size=(m, 64)).astype(np.float32)


POINTS = {"gradients": gradients, "normal": normal}


def similarities(points: Points) -> Points:
    from sklearn.metrics import pairwise_distances

    found = pairwise_distances(points)
    return np.subtract(found.max(), found, out=found)


def ours(points: Points, budget: int) -> npt.NDArray[np.integer]:
    return facility_location(torch.from_numpy(points), budget, greedy="lazy").numpy()


def on_cuda(points: Points, budget: int) -> npt.NDArray[np.integer]:
    return facility_location(torch.from_numpy(points).cuda(), budget, greedy="lazy").cpu().numpy()


def by_apricot(points: Points, budget: int) -> npt.NDArray[np.integer]:
    from apricot import FacilityLocationSelection

    selection = FacilityLocationSelection(budget, metric="precomputed", optimizer="lazy")
    return selection.fit(similarities(points)).ranking


def by_submodlib(points: Points, budget: int) -> npt.NDArray[np.integer]:
    from submodlib import FacilityLocationFunction

    function = FacilityLocationFunction(
        n=len(points), mode="dense", sijs=similarities(points), separate_rep=False, pybind_mode="array"
    )
    order = function.maximize(
        budget, "LazyGreedy", stopIfZeroGain=False, stopIfNegativeGain=False, verbose=False, show_progress=False
    )
    return np.array([index for index, _ in order])


CONTESTANTS: dict[str, tuple[str, Select]] = {
    "labelaudit": ("torch", ours),
    "labelaudit on CUDA": ("torch", on_cuda),
    "apricot": ("apricot", by_apricot),
    "submodlib": ("submodlib", by_submodlib),
}


def covered(points: Points, order: npt.NDArray[np.integer]) -> float:
    """Σ_i max_{j in S} (d_max - d_ij) of the chosen, in blocks."""
    x, chosen = torch.from_numpy(points), torch.from_numpy(points[order])
    blocks = list(torch.split(x, 1000))
    farthest = max(float(distances(block, x).max()) for block in blocks)
    return sum(float((farthest - distances(block, chosen).amin(1)).double().sum()) for block in blocks)


def peak(name: str, points: str, m: int, budget: int) -> float:
    """MB that one selection adds to a process that has done a small one."""
    command = [sys.executable, __file__, "--peak-of", name, "--points", points, "--m", str(m), "--budget", str(budget)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def measure_peak(name: str, points: str, m: int, budget: int) -> None:
    x, select = POINTS[points](m), CONTESTANTS[name][1]
    select(x[:100], 50)
    before = high_water()
    select(x, budget)
    print((high_water() - before) * 1024 / 1e6)


def high_water() -> int:
    """KiB that this process has held at most; what getrusage says is inherited from the one that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--m", type=int, default=5000)
    parser.add_argument("--budget", type=int, default=2500)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--points", choices=list(POINTS), nargs="+", default=list(POINTS))
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak_of:
        measure_peak(options.peak_of, options.points[0], options.m, options.budget)
        return
    present = {name: select for name, (module, select) in CONTESTANTS.items() if importlib.util.find_spec(module)}
    if not torch.cuda.is_available():
        del present["labelaudit on CUDA"]
    lines = [
        f"{options.m:,} points, budget {options.budget:,}, {options.threads} threads, {options.repeats} turns,"
        f" {platform.machine()}, torch {torch.__version__.split('+')[0]}. Target: {TARGET} s.",
        "",
        "| points | by | wall s | CPU s | peak MB | objective / ours |",
        "|---|---|---|---|---|---|",
    ]
    for kind in options.points:
        points = POINTS[kind](options.m)
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in present}
        orders = {}
        for select in present.values():
            select(points[:100], 50)  # compiled, imported
        for _ in range(options.repeats):
            for name, select in present.items():
                wall, cpu = time.perf_counter(), time.process_time()
                orders[name] = select(points, options.budget)
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
                print(f"{kind} {name}: {seconds[name][-1][0]:.2f} s, {seconds[name][-1][1]:.2f} CPU s", flush=True)
        reference = covered(points, orders["labelaudit"])
        for name, taken in seconds.items():
            wall, cpu = (statistics.median(values) for values in zip(*taken, strict=True))
            memory = "" if name.endswith("CUDA") else f"{peak(name, kind, options.m, options.budget):.0f}"
            ratio = covered(points, orders[name]) / reference
            lines.append(f"| {kind} | {name} | {wall:.2f} | {cpu:.2f} | {memory} | {ratio:.6f} |")
    lines += [
        f"\n{name} is not installed."
        for name, (module, _) in CONTESTANTS.items()
        if name not in present and module != "torch"
    ]
    write(lines)


def write(lines: list[str]) -> None:
    """Put the table between its marks in RESULTS.md, and print it."""
    write_section("facility_location", "\n".join(lines), title="Facility location (`benchmarks/facility_location.py`)")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
