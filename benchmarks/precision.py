"""Does a scan in int8 find as much as one in float32? Whole scans of the same images in both, on sets of many domains.

    python benchmarks/precision.py [PACK …] [--data ../shared/data] [--cache DIR] [--effort quick] [--seeds 0 1 2]

Packs are named as in benchmarks/sets.py. Each seed draws 80 % of the images anew, of at most 1,875 of a pack unless
``PACK@N`` says how many, plants 10 % of even noise where the labels are right, and is the seed of the scan. With
``--bare`` no network is trained. A row goes to benchmarks/results/precision.json as soon as it is made; the table in
benchmarks/RESULTS.md is rewritten from that file; rows of an earlier version of int8 are dropped. The bar is a mean
difference of .003 in average precision on every pack. ``±`` is one standard error: that of a single draw, by a
bootstrap of its images, as draws overlap. How much the draws differ stands beside it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measures import Flags, Labels, Scores, flags, ranking
from packs import CLEAN
from results_section import CACHE, DATA, HERE, make_parser, read_rows, write_rows, write_section
from sets import load

from labelaudit.corrupt import noise
from labelaudit.features import lite_int8
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Samples

ROWS = HERE / "results" / "precision.json"
MOST, SHARE = 1875, 0.8
"""Images of a pack that are looked at, and what share of them each seed draws."""
NOISE = 0.1
"""Even noise that is planted where labels are right."""
RESAMPLED = 300
"""Bootstrap samples of the images of a draw."""
PACKS = (
    *("outdoor", "imagenette_real", "clothes", "cifar10n-aggre", "cifar10n-random1", "cifar10n-worse", *CLEAN),
    *("omniglot136", "plankton118", "trashnet"),
)


def measure(samples: Samples, truth: Labels, seed: int, machine: Machine, effort: Any, *, bare: bool) -> dict[str, Any]:
    """Average precision and flags of the same draw in both precisions, with no network trained where ``bare``."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(samples))[: round(SHARE * len(samples))])
    samples, truth = samples.take(rows), truth[rows]
    if not (samples.labels != truth).any():
        planted = noise.symmetric(truth, len(samples.classes), NOISE, generator=rng)
        samples = replace(samples, labels=planted.labels)
    how = f"{effort}, no networks" if bare else effort
    row: dict[str, Any] = {"seed": seed, "effort": how, "n": len(samples), "version": lite_int8.VERSION}
    counts = rng.multinomial(len(samples), np.full(len(samples), 1 / len(samples)), RESAMPLED)
    resampled = []
    for precision in ("float32", "int8"):
        settings = ScanSettings(effort=effort, seed=seed, precision=precision, methods=() if bare else None)
        decision = audit_samples(samples, settings, machine).decision
        wrong = samples.labels != truth
        row[precision] = {
            "ap": ranking(decision.suspicion, wrong)["ap"],
            "f1": flags(decision.is_issue, wrong)["f1"],
            "rate": decision.noise_rate,
        }
        resampled.append(resampled_ap(decision.suspicion, wrong, counts))
    apart = resampled[1] - resampled[0]
    if np.isfinite(apart).all():  # no sample without any wrong label
        row["error"] = float(np.std(apart))
    return row


def resampled_ap(suspicion: Scores, wrong: Flags, counts: Labels) -> Scores:
    """(k,) average precision where each image (n,) is there as often as ``counts`` (k, n) says."""
    order = np.argsort(-suspicion, kind="stable")
    there, found = counts[:, order], counts[:, order] * wrong[order]
    hits = found.cumsum(axis=1)
    sums = (found * hits / np.maximum(there.cumsum(axis=1), 1)).sum(axis=1)
    share: Scores = sums / np.where(hits[:, -1], hits[:, -1], np.nan)
    return share


def write(row: dict[str, Any]) -> None:
    """Keep the row, and write the table anew."""
    known = read_rows(ROWS, empty=[])
    known = [one for one in known if one["version"] == row["version"]]
    same = {name: row[name] for name in ("pack", "seed", "effort")}
    kept = [one for one in known if any(one[name] != value for name, value in same.items())] + [row]
    write_rows(kept, ROWS)
    write_section("precision", render(kept), title="int8 beside float32 (`benchmarks/precision.py`)")


def render(rows: list[dict[str, Any]]) -> str:
    """A row for each pack and effort: means over seeds, and the spread of the difference."""
    lines = [
        "| pack | effort | images | seeds | AP float32 | AP int8 | difference | between draws | F1 float32 | F1 int8 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for pack, effort in sorted({(row["pack"], row["effort"]) for row in rows}, key=lambda key: (key[1], key[0])):
        some = [row for row in rows if (row["pack"], row["effort"]) == (pack, effort)]
        ap, f1 = (np.array([[row[p][key] for p in ("float32", "int8")] for row in some]) for key in ("ap", "f1"))
        apart = ap[:, 1] - ap[:, 0]
        errors = [row["error"] for row in some if "error" in row]
        error = f" ± {np.sqrt(np.mean(np.square(errors))):.4f}" if errors else ""
        cells = [pack, effort, f"{some[0]['n']:,}", str(len(some)), *(f"{value:.4f}" for value in ap.mean(axis=0))]
        cells += [f"{apart.mean():+.4f}{error}", f"{apart.std():.4f}", *(f"{v:.3f}" for v in f1.mean(axis=0))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("packs", nargs="*", default=list(PACKS), metavar="PACK")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--effort", default="quick", choices=("quick", "standard"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--bare", action="store_true", help="train no network")
    args = parser.parse_args()
    machine = Machine(device="cpu", cache=args.cache, workers=1)
    for pack in args.packs:
        with tempfile.TemporaryDirectory() as folder:
            samples, truth = load(pack, args.data, Path(folder))
            most = None if "@" in pack else MOST
            rows = np.sort(np.random.default_rng(0).permutation(len(samples))[:most])
            for seed in args.seeds:
                made = measure(samples.take(rows), truth[rows], seed, machine, args.effort, bare=args.bare)
                row = {"pack": pack, **made}
                print(row, flush=True)
                write(row)


if __name__ == "__main__":
    main()
