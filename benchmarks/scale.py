"""How time and memory of a scan grow with the number of samples: python benchmarks/scale.py --samples 10000,100000

Synthetic data with planted noise, each size in a process of its own: features (n x d, around C centres) as
`scan --features`, or with --probs given probabilities (n x C) as `scan --probs`, there beside cleanlab's
`find_label_issues` and `get_label_quality_scores` on the same file. Printed for every stage: wall seconds, and the
exponent of growth between neighbouring sizes (1 = linear, 2 = quadratic); CPU seconds of the whole, which hold on a
busy machine too; peak memory; whether rate and ranking (AP) hold; and how far the forecast was off. ``--cpu`` times
the stages and the forecast by the CPU clock as well; ``--plot FILE.svg`` draws the growth of every stage. ``--results
FILE.json`` keeps each size as soon as it is measured: what the file has is shown too and not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

NOISE = 0.1


def plant(n: int, classes: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """True classes (n,) and given labels (n,), `NOISE` of them uniformly wrong."""
    true = rng.integers(0, classes, n)
    wrong = rng.random(n) < NOISE
    return true, np.where(wrong, (true + rng.integers(1, classes, n)) % classes, true)


def make_features(place: Path, n: int, width: int, classes: int) -> None:
    """``x.npy`` (n, width) and ``labels.npy``, block by block."""
    rng = np.random.default_rng(0)
    true, given = plant(n, classes, rng)
    centres = rng.normal(size=(classes, width)).astype(np.float32)
    x = np.lib.format.open_memmap(place / "x.npy", mode="w+", dtype=np.float32, shape=(n, width))
    for start in range(0, n, 65_536):
        rows = slice(start, start + 65_536)
        x[rows] = centres[true[rows]] + 2 * rng.standard_normal((len(true[rows]), width), dtype=np.float32)
    x.flush()
    save_labels(place, given, given != true, classes)


def make_probs(place: Path, n: int, classes: int) -> None:
    """``x.npy`` (n, classes) of a model that is right in about nine of ten cases, and ``labels.npy``."""
    rng = np.random.default_rng(0)
    true, given = plant(n, classes, rng)
    x = np.lib.format.open_memmap(place / "x.npy", mode="w+", dtype=np.float32, shape=(n, classes))
    for start in range(0, n, 65_536):
        rows = slice(start, start + 65_536)
        logits = rng.standard_normal((len(true[rows]), classes), dtype=np.float32)
        surer = rng.normal(4.5 + 0.3 * math.log(classes / 10), 1.5, len(logits))
        logits[np.arange(len(logits)), true[rows]] += surer.astype(np.float32)
        x[rows] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    x.flush()
    save_labels(place, given, given != true, classes)


def save_labels(place: Path, given: Any, wrong: Any, classes: int) -> None:
    np.save(
        place / "labels.npy", np.array([f"c{number:0{len(str(classes - 1))}d}" for number in range(classes)])[given]
    )
    np.save(place / "wrong.npy", wrong)


def run(place: Path, kind: str, methods: list[str], *, cpu: bool) -> dict[str, Any]:
    """One scan in this process, and what it cost; its clocks show CPU seconds with ``cpu``."""
    from labelaudit import machine, read_audit, scan
    from labelaudit.reports import html
    from labelaudit.reports.review_state import read_review_state
    from labelaudit.scanning import plan

    if cpu:
        machine.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[attr-defined]
        plan.Plan.__init__.__kwdefaults__["timer"] = time.process_time  # type: ignore[index]
    if cpu and kind == "features":  # the forecast of trainings loads PyTorch, which given probabilities do without
        from labelaudit.training import forecast

        forecast.time = machine.time  # type: ignore[attr-defined]
    said: list[str] = []
    started, used = time.perf_counter(), time.process_time()
    audit = scan(
        labels=place / "labels.npy",
        output=place / "run",
        effort="quick",
        methods=methods or None,
        workers=1 if cpu else 2,  # the forecast of CPU seconds is that of one core
        notice=said.append,
        **{kind: place / "x.npy"},
    )
    found = {stage.name: stage.seconds for stage in audit.stages}
    whole, whole_cpu = time.perf_counter() - started, time.process_time() - used
    found["whole"], found["whole, CPU"] = whole, whole_cpu
    wrong, flagged = np.load(place / "wrong.npy"), audit.decision.is_issue
    gigabytes = machine.peak_memory() / 1e9
    clock = time.process_time if cpu else time.perf_counter
    from sklearn.metrics import average_precision_score  # after the peak of memory was read

    started = clock()
    audit = read_audit(place / "run")
    found["read back"] = clock() - started
    html.render(audit, checked=read_review_state(audit, place / "run"))
    found["read back and shown as a report"] = clock() - started
    return {
        "seconds": found,
        "gigabytes": gigabytes,
        "AP": float(average_precision_score(wrong, audit.decision.suspicion)),
        "rate": audit.decision.noise_rate,
        "precision of flags": float(wrong[flagged].mean()) if flagged.any() else math.nan,
        "recall of flags": float(flagged[wrong].mean()),
        "forecast": next((one for one in said if one.startswith("Took ")), ""),
    }


def run_cleanlab(place: Path) -> dict[str, Any]:
    """What cleanlab needs for the same probabilities."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from sklearn.metrics import average_precision_score

    from labelaudit.machine import peak_memory

    probs, labels = np.load(place / "x.npy"), np.unique(np.load(place / "labels.npy"), return_inverse=True)[1]
    started, used = time.perf_counter(), time.process_time()
    find_label_issues(labels, probs)
    scores = get_label_quality_scores(labels, probs)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return {
        "seconds": {
            "whole": time.perf_counter() - started,
            "whole, CPU": time.process_time() - used + children,
        },
        "gigabytes": peak_memory() / 1e9,
        "AP": float(average_precision_score(np.load(place / "wrong.npy"), 1 - scores)),
    }


def apart(place: Path, *arguments: str) -> dict[str, Any]:
    """The result of this script on ``place`` in a process of its own, so that peak memory is that of one run."""
    line = [sys.executable, __file__, "--at", str(place), *arguments]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


def show(name: str, found: dict[int, dict[str, Any]]) -> None:
    """A Markdown table: a row per stage, a column per size, exponents of growth between them."""
    sizes = sorted(found)
    print(f"\n| {name} | " + " | ".join(f"{n:,}" for n in sizes) + " | growth |\n|" + "---|" * (len(sizes) + 2))
    for stage in found[sizes[-1]]["seconds"]:
        seconds = [found[n]["seconds"][stage] for n in sizes]
        pairs = zip(sizes, sizes[1:], seconds, seconds[1:], strict=False)
        growth = [
            f"{math.log(late / early) / math.log(more / n):.2f}" for n, more, early, late in pairs if early > 0.05
        ]
        print(f"| {stage}, s | " + " | ".join(f"{one:.1f}" for one in seconds) + f" | {', '.join(growth)} |")
    for key, form in (
        ("gigabytes", ".2f"),
        ("AP", ".4f"),
        ("rate", ".4f"),
        ("precision of flags", ".3f"),
        ("recall of flags", ".3f"),
    ):
        if key in found[sizes[-1]]:
            print(f"| {key} | " + " | ".join(format(found[n][key], form) for n in sizes) + " | |")
    for n in sizes:
        if told := found[n].get("forecast"):
            print(f"\n{n:,}: {told}")


def read_results(kept: Path | None) -> dict[str, dict[int, dict[str, Any]]]:
    """Tool -> size -> result that an earlier run left in the file ``kept``."""
    found: dict[str, dict[int, dict[str, Any]]] = {"labelaudit": {}, "cleanlab": {}}
    if kept is not None and kept.is_file():
        read = json.loads(kept.read_text(encoding="utf-8"))
        found = {name: {int(n): one for n, one in read[name].items()} for name in found}
    return found


def draw(found: dict[int, dict[str, Any]]) -> str:
    """An SVG of seconds against samples, both on logarithmic scales, a line for each stage of more than a tenth of a
    second; dotted lines grow in proportion to the samples.
    """
    sizes = sorted(found)
    stages = [name for name, seconds in found[sizes[-1]]["seconds"].items() if seconds > 0.1]
    if "whole, CPU" in stages:
        stages.remove("whole")
    seconds = {name: [found[n]["seconds"][name] for n in sizes] for name in stages}
    ends = [
        math.floor(math.log10(min(map(min, seconds.values())))),
        math.ceil(math.log10(max(map(max, seconds.values())))),
    ]
    left, top, width, height = 66, 12, 420, 300
    across = math.log10(sizes[-1] / sizes[0]) or 1.0

    def x(n: float) -> float:
        return left + width * math.log10(n / sizes[0]) / across

    def y(power: float) -> float:
        return top + height * (ends[1] - power) / (ends[1] - ends[0])

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {top + height + 56}" font-family="sans-serif" '
        'font-size="12">',
        f'<clipPath id="frame"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath>',
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="#fff" stroke="#ccc"/>',
    ]
    for power in range(math.floor(ends[0] - across), ends[1] + 1):
        slope = f"M{left},{y(power):.1f}L{left + width},{y(power + across):.1f}"
        lines.append(f'<path d="{slope}" stroke="#bbb" stroke-dasharray="2 4" clip-path="url(#frame)"/>')
    for power in range(ends[0], ends[1] + 1):
        lines.append(
            f'<text x="{left - 8}" y="{y(power) + 4:.1f}" text-anchor="end" fill="#555">{10.0**power:,g} s</text>'
        )
    below = -math.inf
    for number, name in enumerate(sorted(stages, key=lambda name: -seconds[name][-1])):
        colour = f"hsl({360 * number // len(stages)} 60% 40%)"
        points = " ".join(f"{x(n):.1f},{y(math.log10(one)):.1f}" for n, one in zip(sizes, seconds[name], strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        below = max(y(math.log10(seconds[name][-1])) + 4, below + 14)  # names that end at one place stay legible
        lines.append(f'<text x="{left + width + 6}" y="{below:.1f}" fill="{colour}">{name}</text>')
    for n in sizes:
        lines.append(f'<text x="{x(n):.1f}" y="{top + height + 18}" text-anchor="middle" fill="#555">{n:,}</text>')
    caption = "samples; a dotted line grows as they do"
    lines.append(f'<text x="{left + width / 2}" y="{top + height + 42}" text-anchor="middle">{caption}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", default="2000,8000,32000", help="sizes, separated by commas")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--width", type=int, default=512, help="of the features")
    parser.add_argument("--methods", default="", help="trained on the features, separated by commas; none by default")
    parser.add_argument("--probs", action="store_true", help="given probabilities in place of features")
    parser.add_argument("--cpu", action="store_true", help="time by the CPU clock, on a busy machine")
    parser.add_argument("--plot", type=Path, help="an SVG file of the growth of each stage")
    parser.add_argument("--results", type=Path, help="a JSON file that sizes are kept in, and not measured again")
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cleanlab", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    kind = "probs" if options.probs else "features"
    if options.at is not None:
        methods = [name for name in options.methods.split(",") if name]
        print(
            json.dumps(
                run_cleanlab(options.at) if options.cleanlab else run(options.at, kind, methods, cpu=options.cpu)
            )
        )
        return
    clock = ("--cpu",) if options.cpu else ()
    found = read_results(options.results)
    for n in map(int, options.samples.split(",")):
        if n in found["labelaudit"]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            if options.probs:
                make_probs(place, n, options.classes)
                found["cleanlab"][n] = apart(place, "--cleanlab")
                found["labelaudit"][n] = apart(place, "--probs", *clock)
            else:
                make_features(place, n, options.width, options.classes)
                found["labelaudit"][n] = apart(place, "--methods", options.methods, *clock)
        if options.results is not None:
            options.results.write_text(json.dumps(found, indent=1), encoding="utf-8")
    for name, results in found.items():
        if results:
            show(f"{name}, {options.classes} classes", results)
    if options.plot is not None:
        options.plot.write_text(draw(found["labelaudit"]), encoding="utf-8")


if __name__ == "__main__":
    main()
