"""Everything that a GPU is for, once, in under nine minutes: python benchmarks/gpu.py [--data ../shared/data]

The first thing to run wherever a GPU is at hand. In this order, each stage within its own time:

1. every CUDA path against its CPU twin on the same small data: features, neighbours, medoids, cross-fits, a scan and
   what its judge says, a trained model of every method, a benchmark run;
2. the training loop beside the usual PyTorch loop (goal: 5 times);
3. embedding: images a second, and what limits it, decoding or the network;
4. `scan --effort thorough` on the 10,000 images of CIFAR-10N (goal: AP .75 on the aggregate labels);
5. two epochs of a table for a GPU, marked as a slice, then what of the papers' tables fits in the time that is left.

A stage that fails is written down with its error and the next one runs. Results go to benchmarks/results/gpu.json as
they are made and to a section of RESULTS.md at the end. Without a GPU everything is cut to about a minute and says so:
that tests this file and measures nothing.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import sets
import torch
import training_speed
from results_section import DATA, HERE, make_parser, write_section
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, roc_auc_score

from labelaudit.bench import run_preset
from labelaudit.bench.coverage import plan
from labelaudit.bench.presets import get_preset, list_presets
from labelaudit.bench.runs import read
from labelaudit.data.images import decode, encode
from labelaudit.data.ingest import digest
from labelaudit.features import embed
from labelaudit.features.neighbors import nearest
from labelaudit.machine import Machine, list_versions
from labelaudit.methods import method_names
from labelaudit.methods._coresets import facility_location
from labelaudit.models.run import train
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.settings import ScanSettings
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings, ModelSettings
from labelaudit.types import Samples

GOALS = {"training loop, times the usual one": 5.0, "AP on CIFAR-10N aggre": 0.75}
SECONDS = {"twins": 120, "loop": 60, "embedding": 45, "scan": 180, "presets": 120}
"""What each stage may take on one H100-class GPU: 525 in all."""
SLICE = {"preset": "spectral-cifar10-30", "arms": ("l2", "l2 + SN")}
WHOLE = 530
"""Seconds of all stages: what the others leave is for presets."""


class Pictures:
    """Encoded digits, enlarged to a side in pixels: images that are there without any download."""

    def __init__(self, count: int, side: int) -> None:
        raw: Any = load_digits()
        rows = np.arange(count) % len(raw.images)
        scale = side // 8
        self.labels = raw.target[rows].astype(np.int64)
        self.pixels = np.minimum(raw.images[rows] * 16, 255).astype(np.uint8)
        larger = (np.kron(image, np.ones((scale, scale), np.uint8)) for image in self.pixels)
        self.files = [encode(np.repeat(image[..., None], 3, 2)) for image in larger]
        self.digests = [digest(file + str(row).encode()) for row, file in enumerate(self.files)]

    def __len__(self) -> int:
        return len(self.files)

    def encoded(self, index: int) -> bytes:
        return self.files[index]

    def samples(self, wrong: float) -> tuple[Samples, np.ndarray]:
        """Samples of which a share has a wrong label, and which."""
        rng = np.random.default_rng(0)
        flipped = rng.random(len(self)) < wrong
        given = np.where(flipped, (self.labels + rng.integers(1, 10, len(self))) % 10, self.labels)
        ids = tuple(f"{row}.png" for row in range(len(self)))
        classes = tuple(map(str, range(10)))
        return Samples(ids=ids, labels=given, classes=classes, digests=tuple(self.digests), images=self), flipped


def twins(device: str, small: bool) -> dict[str, Any]:
    """Largest difference between ``device`` and the CPU, path by path; ``ok`` where it is within rounding or noise."""
    pictures = Pictures(60 if small else 600, 64)
    samples, wrong = pictures.samples(0.2)
    fit = CrossfitSettings(folds=2, epochs=3) if small else CrossfitSettings(folds=3, epochs=8)
    found: dict[str, Any] = {}

    def note(name: str, value: float, limit: float) -> None:
        found[name] = {"difference": round(float(value), 6), "limit": limit, "ok": bool(value <= limit)}

    both = [
        embed(pictures, pictures.digests, backbones=["lite0@96"], machine=Machine(device=where))[0].values
        for where in ("cpu", device)
    ]
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in both)
    note("features: 1 - cosine", float((1 - (a * b).sum(1)).max()), 1e-2)
    near = [nearest(a, k=10, device=where)[1] for where in ("cpu", device)]
    kept = np.mean([len({*one} & {*two}) / 10 for one, two in zip(*near, strict=True)])
    note(f"neighbours, {_searches(device)}: share not found", 1 - kept, 0.02)
    cloud = torch.from_numpy(np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32))
    covered = [_cover(cloud, facility_location(cloud.to(where), 50).cpu()) for where in ("cpu", device)]
    note("medoids: relative cover", abs(covered[0] - covered[1]) / covered[0], 1e-4)
    x = (a - a.mean(0)).astype(np.float32)
    for method in ("crust", "limit", "sln", "ce"):
        scores = [
            roc_auc_score(wrong, crossfit(replace(fit, method=method), x, samples.labels, 10, device=where).suspicion)
            for where in ("cpu", device)
        ]
        note(f"cross-fit of {method}: AUROC", abs(scores[0] - scores[1]), 0.05)
    quick = ScanSettings(effort="quick", methods=("limit",)[small:])
    where_: tuple[Any, Any] = ("cpu", device)
    audits = [audit_samples(samples, quick, Machine(device=one)) for one in where_]
    note("scan: AUROC", abs(np.subtract(*[roc_auc_score(wrong, one.decision.suspicion) for one in audits])), 0.05)
    note("scan: noise rate", abs(audits[0].decision.noise_rate - audits[1].decision.noise_rate), 0.05)
    places = [one.rank for one in audits]
    note("scan: rank correlation lost", 1 - float(np.corrcoef(*places)[0, 1]), 0.2)
    shown = np.repeat(pictures.pixels[..., None], 1, 3)
    how = ModelSettings(network="cnn", epochs=1 if small else 6)
    models = [train(how, shown, pictures.labels, 10, device=where).model for where in ("cpu", device)]
    right = [float((one.predict(shown).argmax(1) == pictures.labels).mean()) for one in models]
    note("train: accuracy", abs(right[0] - right[1]), 0.1)
    for method in ("co_teaching",) if small else method_names():
        own = ModelSettings(method=method, network="mlp", epochs=2 if small else 20)
        probs = [train(own, x, samples.labels, 10, device=where).model.predict(x) for where in ("cpu", device)]
        right = [float((one.argmax(1) == pictures.labels).mean()) for one in probs]
        note(f"train by {method}: accuracy", abs(right[0] - right[1]), 0.15)
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / f"{number}.jsonl" for number in range(2)]
        digits = get_preset("digits")
        digits = replace(digits, arms=digits.arms[: 1 if small else None])
        runs = [
            run_preset(digits, data=None, runs=place, seeds=[0], epochs=2 if small else 8, device=one)
            for place, one in zip(places, ("cpu", device), strict=True)
        ]
        values = [[run.values["test accuracy"] or 0.0 for run in made] for made in runs]
        gaps = [abs(a - b) for a, b in zip(*values, strict=True)]
        note("bench digits: points of accuracy", max(gaps), 10.0)
    return found


def _searches(device: str) -> str:
    """Where faiss looks for neighbours: the package of PyPI knows no GPU, and then both twins are the CPU."""
    return "on the GPU" if device == "cuda" and hasattr(faiss, "StandardGpuResources") else "on the CPU"


def _cover(points: torch.Tensor, chosen: torch.Tensor) -> float:
    distance = torch.cdist(points, points)
    return float((distance.max() - distance)[:, chosen].amax(1).sum())


def loop(device: str, small: bool) -> dict[str, Any]:
    """Samples a second of the training loop and of the usual one, as training_speed.py measures them."""
    name = "cnn" if small else "resnet32"
    options = SimpleNamespace(device=device, batch=128, workers=0 if small else len(os.sched_getaffinity(0)))
    rng = np.random.default_rng(0)
    n = 256 if small else 25_000
    pixels, labels = rng.integers(0, 256, (n, 32, 32, 3), np.uint8), rng.integers(0, 10, n)
    epochs = {
        "ours": training_speed.ours(name, pixels, labels, options),
        "usual": training_speed.usual(name, pixels, labels, options, half=False),
        "usual, bf16": training_speed.usual(name, pixels, labels, options, half=device == "cuda"),
    }
    taken = {}
    for kind, epoch in epochs.items():
        epoch()  # warms up
        started = time.perf_counter()
        epoch()
        taken[kind] = time.perf_counter() - started
    rates = {kind: round(n / seconds) for kind, seconds in taken.items()}
    return {"network": name, "samples/s": rates, "times the usual one": round(taken["usual"] / taken["ours"], 2)}


def embedding(device: str, small: bool, data: Path) -> dict[str, Any]:
    """Images a second from encoded files to features, and of its two halves apart: the smaller one is the limit."""
    workers = len(os.sched_getaffinity(0))
    file = data / "cifar10-train.parquet"
    if file.exists() and not small:
        samples = sets.read_whole(file).take(np.arange(20_000))
        assert samples.images is not None
        files = [samples.images.encoded(row) for row in range(len(samples))]
        pictures: Any = SimpleNamespace(files=files, encoded=files.__getitem__)
        digests = list(samples.digests)
    else:
        pictures = Pictures(40 if small else 4000, 64)
        digests = pictures.digests
    count = len(digests)
    images: Any = type("Images", (), {"__len__": lambda _: count, "encoded": lambda _, row: pictures.encoded(row)})()
    embed(
        images, digests, backbones=["lite0@96"], machine=Machine(device=device, workers=workers)
    )  # loads and warms up
    started = time.perf_counter()
    embed(images, digests, backbones=["lite0@128"], machine=Machine(device=device, workers=workers))
    whole = count / (time.perf_counter() - started)
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda row: decode(pictures.encoded(row)), range(count)))
    decoded = count / (time.perf_counter() - started)
    limit = "decoding" if decoded < 1.5 * whole else "the network"
    return {"images/s": round(whole), "decoding alone, images/s": round(decoded), "cores": workers, "limit": limit}


def scan(device: str, small: bool, data: Path) -> dict[str, Any]:
    """Average precision of a scan at thorough effort, on human labels where CIFAR-10N is there."""
    found: dict[str, Any] = {}
    if small or not (data / "cifar10n-human-labels.csv").exists():
        samples, wrong = Pictures(80 if small else 1797, 64).samples(0.1)
        cases = {"digits, 10 % planted": (samples, wrong)}
    else:
        cases = {}
        for column in ("aggre", "worse"):
            given, truth = sets.cifar10n(column)(data)
            cases[f"CIFAR-10N {column}"] = (given, given.labels != truth)
    with tempfile.TemporaryDirectory() as cache:
        for name, (samples, wrong) in cases.items():
            started = time.perf_counter()
            settings = ScanSettings(effort="quick", methods=()) if small else ScanSettings(effort="thorough")
            cores = len(os.sched_getaffinity(0))
            audit = audit_samples(samples, settings, Machine(device=device, cache=Path(cache), workers=cores))
            found[name] = {
                "AP": round(float(average_precision_score(wrong, audit.decision.suspicion)), 4),
                "AUROC": round(float(roc_auc_score(wrong, audit.decision.suspicion)), 4),
                "seconds": round(time.perf_counter() - started, 1),
                "stages": {stage.name: round(stage.seconds, 1) for stage in audit.stages},
            }
    return found


def presets(device: str, small: bool, data: Path, record: Path, seconds: float) -> dict[str, Any]:
    """`SLICE` (digits without CIFAR-10), then the cheapest whole arms that fit in ``seconds``, kept in ``record``."""
    left = time.perf_counter() + seconds
    real = (data / "cifar10-train.parquet").exists()
    preset = get_preset(str(SLICE["preset"]) if real else "digits")
    with tempfile.TemporaryDirectory() as folder:
        how: dict[str, Any] = {"seeds": [0], "device": device, "runs": Path(folder) / "runs.jsonl"}
        how |= {"epochs": 1, "samples": 100} if small else {"epochs": 2}
        arms = tuple(arm for arm in preset.arms if arm.name in SLICE["arms"] or not real)
        runs = run_preset(replace(preset, arms=arms), data=data if real else None, **how)
    found: dict[str, Any] = {f"slice of {preset.name}": {run.arm: {**run.values, "s": run.seconds} for run in runs}}
    if small:
        return found
    where: Any = device
    there = [preset for preset in list_presets() if (data / f"{preset.setting.dataset}-train.parquet").exists()]
    for item in plan(there, read(record), budget=left - time.perf_counter(), device=where):
        if time.perf_counter() + item.seconds > left:
            continue
        one = replace(item.preset, arms=(item.arm,))
        (run,) = run_preset(one, data=data, runs=record, seeds=[item.seed], device=where)
        found[f"{run.preset}, {run.arm}, seed {run.seed}"] = {**run.values, "seconds": run.seconds}
    return found


def measure(
    device: str, data: Path, stages: Sequence[str], record: Path, tell: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """All ``stages``, told after each; arms of presets go to ``record``, in what is left of the whole time."""
    small, begun = device == "cpu", time.perf_counter()
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "twins": lambda: twins(device, small),
        "loop": lambda: loop(device, small),
        "embedding": lambda: embedding(device, small, data),
        "scan": lambda: scan(device, small, data),
        "presets": lambda: presets(device, small, data, record, WHOLE - (time.perf_counter() - begun)),
    }
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU, cut short: {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: list_versions().get(name) for name in ("labelaudit", "torch", "numpy")},
        "stages": {},
    }
    for name in stages:
        started = time.perf_counter()
        try:
            result: dict[str, Any] = {"found": work[name]()}
        except Exception as error:  # what is still to come matters more
            result = {"error": f"{type(error).__name__}: {error}"}
        found["stages"][name] = {"seconds": round(time.perf_counter() - started, 1), "planned": SECONDS[name], **result}
        tell(found)
    return found


def render(found: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    seconds = sum(stage["seconds"] for stage in found["stages"].values())
    lines = [
        f"{found['device']}, {found['date']}, {seconds:.0f} s in all.",
        "",
        "| stage | s | what |",
        "|---|---|---|",
    ]
    for name, stage in found["stages"].items():
        if "error" in stage:
            said = f"failed: {stage['error']}"
        elif name == "twins":
            apart = [path for path, one in stage["found"].items() if not one["ok"]]
            said = f"{len(stage['found'])} paths, {'all alike' if not apart else 'apart: ' + ', '.join(apart)}"
        else:
            said = "; ".join(f"{key}: {_brief(value)}" for key, value in stage["found"].items())
        lines.append(f"| {name} | {stage['seconds']:.0f} | {said.replace('|', '/')} |")
    goals = "; ".join(f"{goal} {value:g}" for goal, value in GOALS.items())
    return "\n".join([*lines, "", f"Goals: {goals}."])


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_brief(one)}" for key, one in value.items() if key != "stages")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--stages", nargs="+", choices=list(SECONDS), default=list(SECONDS))
    parser.add_argument("-o", "--output", type=Path, default=HERE, help="folder of RESULTS.md and results/gpu.json")
    options = parser.parse_args(arguments)
    place = options.output / "results" / "gpu.json"
    place.parent.mkdir(parents=True, exist_ok=True)

    def tell(found: dict[str, Any]) -> None:
        place.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        name = [*found["stages"]][-1]
        print(f"{name}: {json.dumps(found['stages'][name])}", flush=True)

    found = measure(options.device, options.data, options.stages, place.with_name("bench.jsonl"), tell)
    title = "On a GPU, in one go (`benchmarks/gpu.py`)"
    write_section("gpu", render(found), title=title, path=options.output / "RESULTS.md")


if __name__ == "__main__":
    main()
