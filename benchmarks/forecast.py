"""Are the forecasts of a scan right, stage by stage? python benchmarks/forecast.py [SET …] [--data ../shared/data]

Each scan runs in a process of its own, cold (nothing in the cache) and where it embeds warm after it; forecast and
truth are CPU seconds of all threads, which hold on a busy machine too. Written into RESULTS.md, or of single sets
printed: seconds by the stages that a RUN names, memory at most, and bytes left on disk. ``--results FILE.json`` keeps
each set as soon as it is measured: what the file has is shown too and not measured again, and it has the counts and
unit costs beside, to fit by. Left out: whether the clock follows, which depends on who else is there.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from results_section import DATA, make_parser, write_section
from scale import make_features, make_probs

ROOT = Path(__file__).parents[1]
SETS = {
    "digits": "1,797 digits, quick",
    "fruit": "360 drawings, standard",
    "outdoor": "1,000 scenes, standard",
    "cifar": "2,500 of CIFAR-10, quick",
    "cifar-10000": "10,000 of CIFAR-10, quick",
    "cifar10n": "5,000 of CIFAR-10N, 40 % wrong, quick",
    "png": "120 PNG files of 2 megapixels, quick",
    "jpeg": "160 JPEG files of 12 megapixels, quick",
    "features 10000 512 100": "10,000 x 512 features, 100 classes, quick",
    "features 60000 768 2": "60,000 x 768 features, 2 classes, quick",
    "features 45000 96 7": "45,000 x 96 features, 7 classes, quick",
    "features 35000 10 3": "35,000 x 10 features, 3 classes, quick",
    "features 12000 300 1500": "12,000 x 300 features, 1,500 classes, quick",
    "features 2000 50 40": "2,000 x 50 features, 40 classes, quick",
    "features 900 3000 9": "900 x 3,000 features, 9 classes, quick",
    "features 3000 256 10 standard": "3,000 x 256 features, 10 classes, standard",
    "probs 100000 100": "100,000 x 100 probabilities",
    "probs 700000 3": "700,000 x 3 probabilities",
    "probs 60000 45": "60,000 x 45 probabilities",
}
GOAL = 0.3
"""Error of the seconds that the tool should keep to."""
STAGES = ("embed", "neighbours", "duplicates", "train", "decide", "write")


def prepare(name: str, data: Path, place: Path) -> dict[str, Any]:
    """What `scan` takes for the set ``name``, made below ``place`` where it has to be."""
    if name in ("digits", "fruit"):
        return {"data": ROOT / "sample_data" / name, "effort": "quick" if name == "digits" else "standard"}
    if name == "outdoor":
        subprocess.run(["tar", "xf", data / "outdoor.tar", "-C", place], check=True)
        rows = (place / "outdoor" / "labels.csv").read_text(encoding="utf-8").splitlines()
        pairs = [row.split(",")[:2] for row in rows[1:]]
        text = "".join(f"images/{file},{given}\n" for file, given in pairs)
        (place / "outdoor" / "given.csv").write_text(f"path,label\n{text}", encoding="utf-8")
        return {"data": place / "outdoor", "labels": place / "outdoor" / "given.csv"}
    if name.startswith("cifar"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    if name == "cifar10n":
        with (data / "cifar10n-human-labels.csv").open(encoding="utf-8") as file:
            given = {int(row["torchvision_index"]): row["worse"] for row in csv.DictReader(file)}
        chosen = sorted(given)[:5_000]
        rows = pq.read_table(data / "cifar10-train.parquet", columns=["image"]).take(chosen)
        named = {"image": rows["image"].combine_chunks(), "label": [given[row] for row in chosen]}
        pq.write_table(pa.table(named), place / "images.parquet")
        return {"data": place / "images.parquet", "effort": "quick"}
    if name.startswith("cifar"):
        rows = pq.read_table(data / "cifar10-test.parquet").slice(0, 10_000 if name.endswith("10000") else 2_500)
        pq.write_table(rows, place / "images.parquet")
        return {"data": place / "images.parquet", "effort": "quick"}
    if name in ("png", "jpeg"):
        draw_large(place / "images", name, data)
        return {"data": place / "images", "effort": "quick"}
    kind, *sizes = name.split()
    effort = sizes.pop() if sizes[-1].isalpha() else "quick"
    if kind == "features":
        make_features(place, *map(int, sizes))
    else:
        make_probs(place, *map(int, sizes))
    return {kind: place / "x.npy", "labels": place / "labels.npy", "effort": effort}


def draw_large(place: Path, form: str, data: Path) -> None:
    """Clean photographs of 2 or 12 megapixels in class folders: the first of Caltech's, enlarged."""
    from PIL import Image  # in here, as all libraries that would be loaded before the scan does so

    count, size = (120, (1600, 1200)) if form == "png" else (160, (4000, 3000))
    with tarfile.open(data / "caltech20.tar") as tar:
        table = tar.extractfile("caltech20/labels.csv")
        assert table is not None
        for line in table.read().decode().splitlines()[1 : count + 1]:
            name, _, given = line.split(",")
            file = place / given / f"{Path(name).stem}.{form}"
            file.parent.mkdir(parents=True, exist_ok=True)
            image = Image.open(tar.extractfile(f"caltech20/images/{name}"))
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, compress_level=1)


def measure(arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    """One scan in this process by the CPU clock: stage -> seconds forecast and taken; memory and disk likewise."""
    from labelaudit import machine, scan
    from labelaudit.features import embedding
    from labelaudit.scanning import forecast, plan
    from labelaudit.scanning import scan as scanning
    from labelaudit.scanning.workload import count_seconds

    clock = SimpleNamespace(perf_counter=time.process_time)
    machine.time = embedding.time = clock  # type: ignore[attr-defined]
    if "probs" not in arguments and arguments.get("effort") != "quick":
        from labelaudit.training import forecast as trial

        trial.time = clock  # type: ignore[attr-defined]
    forecast._THREADS = 1  # CPU seconds are those of all threads together
    plan.Plan.__init__.__kwdefaults__["timer"] = time.process_time  # type: ignore[index]
    plan.takes_a_moment = lambda *_: False  # type: ignore[attr-defined]
    told: dict[str, float] = {}
    plans: list[plan.Plan] = []
    count = count_seconds

    counted: dict[str, Any] = {}

    def count_and_tell(work: Any, costs: Any) -> dict[str, float]:
        counted.update(work=asdict(work), costs=asdict(costs))
        told.update(count(work, costs))
        return told

    class Kept(plan.Plan):
        def __init__(self, **limits: Any) -> None:
            super().__init__(**limits)
            plans.append(self)

    forecast.count_seconds = count_and_tell  # type: ignore[attr-defined]
    scanning.Plan = Kept  # type: ignore[attr-defined]
    before = _size(folder / "cache")
    images = "data" in arguments
    audit = scan(**arguments, cache=folder / "cache" if images else None, output=folder / "run")
    expected = plans[0].forecast
    assert expected is not None
    for what, seconds in expected.stages.items():
        name = what.split()[0]
        if name in ("embed", "train"):
            told[name] = told.get(name, 0.0) + seconds
    taken = {stage.name: stage.seconds for stage in audit.stages}
    return {
        "seconds": {name: (told[name], taken[name]) for name in STAGES if name in told},
        "memory": (expected.memory, float(machine.peak_memory())),
        "disk": (expected.disk, _size(folder / "run") + _size(folder / "cache") - before),
        "suspects": len(audit.suspects) / len(audit.samples),
        **counted,
    }


def _size(folder: Path) -> float:
    return float(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))


def render(found: dict[str, dict[str, Any]]) -> str:
    """The table of RESULTS.md: forecast / taken."""
    from labelaudit.text import markdown_table

    def pair(values: list[float], unit: float = 1.0, form: str = ".1f") -> str:
        return " / ".join(format(value / unit, form) for value in values)

    rows = []
    for name, one in found.items():
        seconds = one["seconds"]
        whole = np.sum(list(seconds.values()), axis=0)
        stages = [pair(seconds[stage]) if stage in seconds else "" for stage in STAGES]
        off = f"{whole[0] / whole[1] - 1:+.0%}"
        sizes = [pair(one["memory"], 1e9, ".2f"), pair(one["disk"], 1e6, ".0f")]
        rows.append([name, f"{one['suspects']:.0%}", f"**{pair(whole.tolist())}** ({off})", *stages, *sizes])
    head = ["scan", "suspects", "all, CPU s", *STAGES, "memory, GB", "disk, MB"]
    near = sum(abs(np.divide(*np.sum(list(one["seconds"].values()), axis=0)) - 1) <= GOAL for one in found.values())
    return f"Forecast / taken; {near} of {len(found)} within {GOAL:.0%}.\n\n{markdown_table(head, rows)}"


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--results", type=Path, help="a JSON file that sets are kept in, and not measured again")
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.at is not None:
        arguments = json.loads((options.at / "arguments.json").read_text(encoding="utf-8"))
        print(json.dumps(measure(arguments, options.at)))
        return
    kept = options.results
    found = json.loads(kept.read_text(encoding="utf-8")) if kept is not None and kept.is_file() else {}
    for name in options.sets or SETS:
        if any(row.startswith(SETS[name]) for row in found):
            continue
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            arguments = prepare(name, options.data, place)
            (place / "arguments.json").write_text(json.dumps(arguments, default=str), encoding="utf-8")
            for state in (", cold", ", warm") if "data" in arguments else ("",):
                line = [sys.executable, __file__, "--at", str(place)]
                ended = subprocess.run(line, capture_output=True, text=True, check=False)
                if ended.returncode:
                    sys.exit(ended.stderr)
                found[SETS[name] + state] = json.loads(ended.stdout.splitlines()[-1])
        if kept is not None:
            kept.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if options.sets:
        print(render(found))
    else:
        write_section("forecast", render(found), title="Forecasts by stage (`benchmarks/forecast.py`)")


if __name__ == "__main__":
    main()
