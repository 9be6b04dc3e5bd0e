"""What does a change cost, and how well are new images ranked without training?

    python benchmarks/increment.py sample [--folds 5]
    python benchmarks/increment.py cifar [--effort quick] [--data ../shared/data] [--reuse FOLDER]

`sample` audits sample_data/digits but for a fifth, scores that fifth, and prints average precision against truth.csv
beside that of one scan of everything. `cifar` writes the 10,000 images of CIFAR-10's test file as PNG files with 5 %
planted flips, lets `current` make the audit of 9,900 of them, asks again, adds the last 100 and asks again,
in a process of its own each time; then it scores 2,000 images of the training file, which the audit has never seen.
With --reuse the folder stays, so that another run starts from its audit. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from results_section import DATA, make_parser
from sklearn.metrics import average_precision_score, roc_auc_score

from labelaudit import read_audit, scan
from labelaudit.audit.document import Audit
from labelaudit.corrupt import noise
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.machine import Machine
from labelaudit.scoring.score import score

ROOT = Path(__file__).parents[1]
FOLLOW = """
import json, sys
from pathlib import Path
from labelaudit.data.source import Source
from labelaudit.machine import Machine
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scoring.kept import current
machine = Machine(cache=Path(sys.argv[2]), device="cpu")
audit = current(Source(data=sys.argv[1]), ScanSettings(effort=sys.argv[3]), machine)
print(json.dumps({
    "run": str(audit.files["audit.json"].parent),
    "update": audit.decision.recipe.get("update"),
    "stages": {stage.name: round(stage.seconds, 1) for stage in audit.stages},
}))
"""


def follow(what: str, folder: Path, effort: str) -> Path:
    """`current` in a new process: prints its wall-clock seconds, imports included; returns the RUN."""
    started = time.perf_counter()
    command = [sys.executable, "-c", FOLLOW, str(folder / "images"), str(folder / "cache"), effort]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    seconds = time.perf_counter() - started
    print(f"{what}: {seconds:.1f} s ({found['stages']}, update {found['update']})", flush=True)
    return Path(found["run"])


def rank(what: str, audit: Audit, wrong: dict[str, bool], among: set[str]) -> None:
    rows = [row for row, name in enumerate(audit.samples.ids) if name in among]
    truth = np.array([wrong[audit.samples.ids[row]] for row in rows])
    suspicion, flagged = audit.decision.suspicion[rows], audit.decision.is_issue[rows]
    print(
        f"{what}: {len(rows)} images, {truth.sum()} wrong: AP {average_precision_score(truth, suspicion):.3f}, "
        f"AUROC {roc_auc_score(truth, suspicion):.3f}, flagged {flagged.sum()}, of them wrong {truth[flagged].sum()}",
        flush=True,
    )


def sample(folder: Path, folds: int) -> None:
    with (ROOT / "sample_data" / "truth.csv").open(encoding="utf-8") as file:
        wrong = {row["path"]: row["given_label"] != row["true_label"] for row in csv.DictReader(file)}
    whole = scan(ROOT / "sample_data" / "digits", cache=folder / "cache", device="cpu")
    order = np.random.default_rng(0).permutation(sorted(wrong)).tolist()
    for fold in range(folds):
        part = set(order[fold::5])
        for name in wrong:
            place = folder / str(fold) / ("new" if name in part else "old") / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "sample_data" / "digits" / name, place)
        run = folder / str(fold) / "run"
        scan(folder / str(fold) / "old", output=run, cache=folder / "cache", device="cpu")
        started = time.perf_counter()
        audit = score(run, Source(data=folder / str(fold) / "new"), Machine(cache=folder / "cache", device="cpu"))
        print(f"fold {fold}: scored in {time.perf_counter() - started:.1f} s")
        rank("  scored", audit, wrong, part)
        rank("  scanned with the others", whole, wrong, part)


def write_images(file: Path, rows: int, folder: Path) -> dict[str, bool]:
    """The first ``rows`` images of a Parquet file as class folders with 5 % planted flips; path -> label is wrong."""
    listing = open_source(file)
    names = sorted({str(label) for label in listing.labels})
    truth = np.array([names.index(str(label)) for label in listing.labels[:rows]])
    planted = noise.symmetric(truth, len(names), 0.05, generator=np.random.default_rng(0))
    assert listing.images is not None
    wrong = {}
    for row, (label, flipped) in enumerate(zip(planted.labels.tolist(), planted.wrong.tolist(), strict=True)):
        name = f"{names[label]}/{row:05d}.png"
        wrong[name] = flipped
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(listing.images.encoded(row))
    return wrong


def cifar(folder: Path, data: Path, effort: str) -> None:
    shutil.rmtree(folder / "images", ignore_errors=True)
    wrong = write_images(data / "cifar10-test.parquet", 10_000, folder / "images")
    late = {name for name in wrong if int(Path(name).stem) >= 9900}
    for name in late:
        (folder / "late" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).replace(folder / "late" / name)
    follow("9,900 images, first check", folder, effort)
    follow("nothing changed", folder, effort)
    for name in late:
        (folder / "late" / name).replace(folder / "images" / name)
    run = follow("100 images came", folder, effort)
    audit = read_audit(run)
    rank("the 100, judged from memory", audit, wrong, late)
    rank("the 9,900, scanned", audit, wrong, set(wrong) - late)
    unseen = write_images(data / "cifar10-train.parquet", 2000, folder / "unseen")
    started = time.perf_counter()
    scored = score(run, Source(data=folder / "unseen"), Machine(cache=folder / "cache", device="cpu"))
    print(f"2,000 unseen images scored in {time.perf_counter() - started:.1f} s, without a cache of their features")
    rank("the 2,000, scored", scored, unseen, set(unseen))


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("what", choices=("sample", "cifar"))
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--reuse", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.what == "sample":
            sample(Path(folder), args.folds)
        else:
            cifar(args.reuse or Path(folder), args.data, args.effort)


if __name__ == "__main__":
    main()
