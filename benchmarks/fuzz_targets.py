"""The files that `fuzz.py` tampers with: a RUN and what lies in it, documents of other tools, datasets, images."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.check.baseline_file import read as read_baseline
from labelaudit.check.policy_file import read_policy
from labelaudit.clean.output import read_report
from labelaudit.clean.plan_file import read_plan
from labelaudit.data.given import given_features, given_probs
from labelaudit.data.images import decode, encode, preview
from labelaudit.data.ingest import digest, digest_file, ingest
from labelaudit.data.sources import open_source
from labelaudit.estimate import load_plan
from labelaudit.judge.judge import Judge
from labelaudit.judge.linear import Linear
from labelaudit.judge.memory import Memory
from labelaudit.review.exchange import read_answers
from labelaudit.types import Decision, Samples
from labelaudit.verdicts import read_reviewed


@dataclass(frozen=True)
class Target:
    """A file that is read."""

    make: Callable[[Path], Path]
    """Writes what is read into an empty folder; returns the file to tamper with."""
    read: Callable[[Path], object]
    """Reads it, or what it lies in; the argument is the file."""
    seal: Callable[[Path], object] = lambda _: None
    """Mends checksums after tampering, so that what lies behind them is reached."""


CLASSES = ("cat", "dog", "owl")


def picture(row: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(row).integers(0, 256, (6, 7, 3), dtype=np.uint8)


def audit() -> Audit:
    n, c = 6, 3
    suspicion = np.linspace(0.05, 0.95, n)
    labels = np.arange(n) % c
    samples = Samples(
        ids=tuple(f"{CLASSES[row % c]}/{row}.ppm" for row in range(n)),
        labels=labels,
        classes=CLASSES,
        digests=tuple(digest(encode(picture(row))) for row in range(n)),
        root="pets",
    )
    decision = Decision(
        suspicion=suspicion,
        is_issue=suspicion > 0.5,
        judged=np.ones(n, dtype=np.bool_),
        probs=np.full((n, c), 1 / c, dtype=np.float32),
        predicted=(labels + 1) % c,
        threshold=0.5,
        noise_rate=0.3,
        noise_interval=(0.1, 0.5),
        noise_matrix=np.eye(c),
        reasons=("",) * n,
    )
    return Audit(samples=samples, decision=decision, evidence={}, settings={"source": {"data": None}})


def a_run(folder: Path) -> Path:
    runs.write(audit(), folder / "run")
    return folder / "run"


def seal(file: Path) -> None:
    """Let audit.json vouch for its companions and for itself, as who tampers on purpose would."""
    place = file.parent / "audit.json"
    data = place.read_bytes()
    before, found, _ = data.rpartition(b'"companions"')
    if file.name != "audit.json" and found:
        there = {name: digest_file(file.parent / name) for name in ("evidence.npz",)}
        data = before + b'"companions": ' + json.dumps(there).encode() + data[data.rindex(b',\n"checksum"') :]
    body = data[: data.rindex(b',\n"checksum"')] if b',\n"checksum"' in data else data
    place.write_bytes(body + f',\n"checksum": "{digest(body)}"\n}}\n'.encode())


def text(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return make


def images(folder: Path, classes: Sequence[str] = CLASSES) -> Path:
    for row in range(6):
        file = folder / classes[row % 3] / f"{row}.ppm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(picture(row)))
    return folder


def beside_images(name: str, content: str, classes: Sequence[str] = CLASSES) -> Callable[[Path], Path]:
    return lambda folder: text(name, content)(images(folder, classes))


def dataset(data: Path, **how: Any) -> None:
    """What a scan does with a dataset before it needs torch."""
    ingest(open_source(data, **how), fewest_classes=1)


def in_run(name: str, content: Callable[[Audit], str]) -> Callable[[Path], Path]:
    return lambda folder: text(name, content(audit()))(a_run(folder))


def saved(name: str, **arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        if name.endswith(".npy"):
            np.save(folder / name, arrays["x"])
        else:
            np.savez(folder / name, **arrays)
        return folder / name

    return make


def parquet(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"bytes": encode(picture(row)), "path": f"{row}.ppm"} for row in range(6)]
    labels = [CLASSES[row % 3] for row in range(6)]
    pq.write_table(pa.table({"image": rows, "label": labels}), folder / "train.parquet")
    return folder / "train.parquet"


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for row in range(6):
            file.writestr(f"{CLASSES[row % 3]}/{row}.ppm", encode(picture(row)))
    return folder / "data.zip"


def an_image(kind: str, **options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        data = io.BytesIO()
        Image.fromarray(picture(0)).resize((40, 30)).save(data, kind, **options)
        (folder / "image").write_bytes(data.getvalue())
        return folder / "image"

    return make


def show(file: Path) -> None:
    data = file.read_bytes()
    decode(data, size=16)
    preview(data, 32)


def answers(name: str, content: str) -> Target:
    def make(folder: Path) -> Path:
        a_run(folder)
        return text(name, content)(folder)

    return Target(make, lambda file: read_answers(audit(), file, file.parent / "run"))


def a_judge(folder: Path) -> Path:
    """What a scan of six samples with features of its own would keep."""
    made, draw = audit(), np.random.default_rng(0)
    judge = Judge(
        features="given",
        version="",
        classes=CLASSES,
        widths=(4,),
        mean=np.zeros(4, np.float32),
        recall=np.eye(4, 2, dtype=np.float32),
        models={"ridge": Linear(directions=draw.normal(size=(4, 3)), offset=np.zeros(3))},
        weights={"ridge": 0.5, "neighbors": 0.5},
        transition=np.eye(3, dtype=np.float32),
        memory=Memory.of(draw.normal(size=(6, 2)), made.samples, made.decision, scanned=True),
    )
    judge.save(folder / "judge.npz")
    return folder / "judge.npz"


def verdict_lines(made: Audit) -> str:
    lines = ["path,digest,given_label,verdict,new_label,reviewer,time"]
    for row, name in enumerate(made.samples.ids):
        content, label = made.identity(row)
        lines.append(f"{name},{content},{label},none,,ann,2026-11-21T06:30:00Z")
    return "\n".join(lines) + "\n"


def plan(made: Audit) -> str:
    content, label = made.identity(0)
    change = {"path": made.samples.ids[0], "digest": content, "given_label": label, "action": "drop", "source": "hand"}
    parts = {"schema_version": 1, "kind": "labelaudit clean plan", "changes": [change], "new_classes": []}
    return json.dumps({**parts, "fingerprint": made.fingerprint, "root": "pets", "samples": 6}, indent=1)


def review_plan(folder: Path) -> Path:
    from labelaudit.estimate import estimate_record, plan_reviews, save

    run, made = a_run(folder), audit()
    save(run, estimate_record(made, plan_reviews(made, reviews=10)))
    return run / "estimate.json"


BASELINE = json.dumps(
    {
        "schema_version": 1,
        "kind": "labelaudit baseline",
        "dataset": {"fingerprint": "0" * 32, "samples": 6},
        "settings": {"seed": 0},
        "noise": {"dataset": [0.1, 0.0, 0.2]},
        "suspects": [{"path": "a", "digest": "0" * 32, "given_label": "cat", "suspicion": 0.9, "verdict": "none"}],
        "findings": [{"path": "b", "kind": "leak", "identity": "1" * 32}],
    },
    indent=1,
)
POLICY = 'max-noise = "2%"\nmax-new = 0\n[scan]\nseed = 3\nmethods = ["sln"]\n[[ignore]]\npath = "a/**"\nreason = "x"\n'
TABLE = "file,label,split,age\n" + "".join(
    f"{CLASSES[row % 3]}/{row}.ppm,{CLASSES[row % 3]},,{row}\n" for row in range(6)
)
LINES = "".join(json.dumps({"file": f"{CLASSES[r % 3]}/{r}.ppm", "label": CLASSES[r % 3]}) + "\n" for r in range(6))
TASKS = json.dumps(
    [
        {
            "id": row,
            "data": {"path": f"{CLASSES[row % 3]}/{row}.ppm"},
            "annotations": [
                {
                    "completed_by": 1,
                    "result": [{"type": "choices", "value": {"choices": ["cat"]}}],
                    "updated_at": "2026",
                }
            ],
        }
        for row in range(6)
    ]
)
TAGS = "<annotations>" + "".join(
    f'<image id="{r}" name="{CLASSES[r % 3]}/{r}.ppm"><tag label="cat"/></image>' for r in range(6)
)
DONE = "".join(
    json.dumps({"labelaudit": {"path": f"{CLASSES[r % 3]}/{r}.ppm"}, "answer": "accept", "accept": ["cat"]}) + "\n"
    for r in range(6)
)
FILLED = "path,given_label,verdict,new_label\n" + "".join(f"{CLASSES[r % 3]}/{r}.ppm,,other,cat\n" for r in range(6))
REPORT = {
    **{
        "kind": "labelaudit clean report",
        "id": "0" * 32,
        "plan": "1",
        "form": "folders",
        "quarantine": "out-quarantine",
    },
    **{"files": 1, "quarantine_files": 1, "samples": 1, "source": {"fingerprint": ""}, "changes": [], "classes": []},
}
COCO = json.dumps(
    {
        "images": [{"id": r, "file_name": f"{CLASSES[r % 3]}/{r}.ppm", "height": 6, "width": 7} for r in range(6)],
        "annotations": [{"id": r, "image_id": r, "category_id": r % 3, "bbox": [0, 0, 3, 3]} for r in range(6)],
        "categories": [{"id": c, "name": name} for c, name in enumerate(CLASSES)],
    }
)
NAMES = {
    "classes.txt": "".join(f"{number} {name}\n" for number, name in enumerate(CLASSES)),
    "label_map.json": json.dumps({"id2label": dict(enumerate(CLASSES)), "categories": [{"id": 0, "name": "cat"}]}),
    "data.yaml": "path: &here ../data\ntrain: *here\nnames:\n" + "".join(f"  {n}: {CLASSES[n]}\n" for n in range(3)),
}
STACK = {"images": np.stack([picture(row) for row in range(6)]), "labels": np.arange(6) % 3}
ROWS = np.arange(6)
LABELS = saved("labels.npy", x=ROWS % 3)

DOCUMENTS: Mapping[str, Target] = {
    "audit.json": Target(lambda folder: a_run(folder) / "audit.json", lambda file: runs.read(file.parent)),
    "audit.json, sealed": Target(
        lambda folder: a_run(folder) / "audit.json", lambda file: runs.read(file.parent), seal
    ),
    "evidence.npz": Target(lambda folder: a_run(folder) / "evidence.npz", lambda file: runs.read(file.parent)),
    "evidence.npz, sealed": Target(
        lambda folder: a_run(folder) / "evidence.npz", lambda file: runs.read(file.parent), seal
    ),
    "judge.npz": Target(a_judge, Judge.load),
    "verdicts.csv": Target(in_run("verdicts.csv", verdict_lines), lambda file: read_reviewed(audit(), file.parent)),
    "plan.json": Target(in_run("plan.json", plan), lambda file: read_plan(file, audit())),
    "estimate.json": Target(review_plan, lambda file: load_plan(file.parent, audit())),
    "clean-report.json": Target(text("clean-report.json", json.dumps(REPORT)), lambda file: read_report(file.parent)),
    "baseline.json": Target(text("baseline.json", BASELINE), read_baseline),
    "labelaudit.toml": Target(text("labelaudit.toml", POLICY), read_policy),
    "class folders": Target(lambda folder: images(folder) / "cat" / "0.ppm", lambda file: dataset(file.parents[1])),
    **{
        f"{name}, beside numbers": Target(beside_images(name, said, "012"), lambda file: dataset(file.parent))
        for name, said in NAMES.items()
    },
    "labels.csv": Target(beside_images("labels.csv", TABLE), lambda file: dataset(file.parent, labels=file)),
    "table alone": Target(beside_images("labels.csv", TABLE), dataset),
    "labels.jsonl": Target(beside_images("labels.jsonl", LINES), lambda file: dataset(file.parent, labels=file)),
    "metadata.csv": Target(
        beside_images("metadata.csv", TABLE.replace("file,", "file_name,", 1)), lambda file: dataset(file.parent)
    ),
    "coco.json": Target(beside_images("coco.json", COCO), lambda file: dataset(file.parent, labels=file)),
    "data.npz": Target(saved("data.npz", **STACK), dataset),
    "data.npy": Target(saved("data.npy", x=STACK["images"]), lambda file: dataset(file, labels=LABELS(file.parent))),
    "data.parquet": Target(parquet, dataset),
    "data.zip": Target(archive, dataset),
    "features.npy": Target(saved("x.npy", x=np.ones((6, 4))), lambda file: given_features(file, 6, ROWS)),
    "probs.npy": Target(
        saved("p.npy", x=np.full((6, 3), 0.2) + 0.4 * np.eye(3)[ROWS % 3]),
        lambda file: given_probs(file, 6, ROWS, CLASSES, ROWS % 3),
    ),
    "label-studio.json": answers("done.json", TASKS),
    "cvat.xml": answers("done.xml", f"{TAGS}</annotations>"),
    "prodigy.jsonl": answers("done.jsonl", DONE),
    "answers.csv": answers("done.csv", FILLED),
    **{f"image, {kind}": Target(an_image(kind), show) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")},
    "image, JPEG 2000": Target(an_image("JPEG2000"), show),
    "image, palette PNG": Target(an_image("PNG", optimize=True), show),
}
