"""What does a whole `labelaudit scan` cost, and does it find the sample's planted flips?

    python benchmarks/scan.py sample
    python benchmarks/scan.py cifar [--effort quick] [--data ../shared/data]

`sample` scans sample_data/digits without a cache and prints AUROC, average precision and the flags' quality against
truth.csv. `cifar` scans the 10,000 images of CIFAR-10's test file twice, cold and warm. Both print seconds and peak
memory of the process, imports included. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results_section import DATA, make_parser
from sklearn.metrics import average_precision_score, roc_auc_score

ROOT = Path(__file__).parents[1]


def scan(*arguments: str) -> tuple[float, float]:
    """Wall-clock seconds and peak MB of one scan in a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "labelaudit", "scan", "-q", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the scan ended with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6


def sample(folder: Path) -> None:
    seconds, peak = scan(str(ROOT / "sample_data" / "digits"), "-o", str(folder / "run"), "--no-cache")
    with (ROOT / "sample_data" / "truth.csv").open(encoding="utf-8") as file:
        wrong = {row["path"]: row["given_label"] != row["true_label"] for row in csv.DictReader(file)}
    with (folder / "run" / "samples.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = [wrong[row["path"]] for row in rows]
    suspicion = [-float(row["label_score"]) for row in rows]
    hits = sum(wrong[row["path"]] for row in rows if row["is_label_issue"].lower() == "true")
    flagged = sum(row["is_label_issue"].lower() == "true" for row in rows)
    print(
        f"sample_data/digits: AUROC {roc_auc_score(truth, suspicion):.4f}, AP "
        f"{average_precision_score(truth, suspicion):.4f}, flagged {flagged}, of them planted {hits} of {sum(truth)}; "
        f"{seconds:.0f} s, {peak:.0f} MB"
    )


def cifar(folder: Path, data: Path, effort: str) -> None:
    for state in ("cold", "warm"):
        arguments = (str(data / "cifar10-test.parquet"), "-o", str(folder / "run"), "--cache", str(folder / "cache"))
        seconds, peak = scan(*arguments, "--effort", effort)
        summary = json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))
        stages = ", ".join(f"{stage['name']} {stage['seconds']:.0f} s" for stage in summary["stages"])
        print(f"10,000 CIFAR-10 images, {effort}, {state}: {seconds:.0f} s, {peak:.0f} MB ({stages})", flush=True)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("what", choices=("sample", "cifar"))
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.what == "sample":
            sample(Path(folder))
        else:
            cifar(Path(folder), args.data, args.effort)


if __name__ == "__main__":
    main()
