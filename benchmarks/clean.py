"""False alarms: what a scan says of datasets whose labels are right.

    python benchmarks/clean.py NAME=DATA[:LABELS:COLUMN] … [--sizes 50 100 250] [--seeds 0 1 2] [--effort quick]

DATA is what `labelaudit scan` reads, LABELS a table beside it, COLUMN its column of labels. Of every dataset N images a
class are drawn anew for each seed, a class that has fewer is taken whole; sizes at which no class has more images than
at the one before are passed over. Each draw is scanned from features by the backbones that a scan of so many images
takes, so cues beside the picture and pixels of near-copies are not looked at, and judged by `check --max-noise 2%`.
Beside it stands what cleanlab 2.9 flags by a cross-validated logistic regression on the same features. Rows go to
benchmarks/results/clean.json as they are made; the table in RESULTS.md is rewritten. Goals: at most one gate in twenty
fails, at most 1.5 % of the images are flagged, and fewer than cleanlab flags.
"""

from __future__ import annotations

import platform
import time
from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from packs import embed_as_scanned, flag, on_components
from results_section import HERE, make_parser, read_rows, write_rows, write_section

from labelaudit.audit.document import Audit
from labelaudit.check import judge_gate
from labelaudit.check.policy import Policy
from labelaudit.data.ingest import ingest
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.judge import probes
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Samples

ROWS = HERE / "results" / "clean.json"
LIMIT = 0.02
"""The noise that the gate allows."""


def load(case: str, machine: Machine) -> tuple[str, Samples]:
    """Name and samples of a dataset ``NAME=DATA[:LABELS:COLUMN]``."""
    name, _, rest = case.partition("=")
    data, _, table = rest.partition(":")
    labels, _, column = table.partition(":")
    source = Source(data=Path(data), labels=labels or None, label_column=column or None)
    return name, ingest(open_source(source), workers=machine.workers)[0]


def draw(samples: Samples, per_class: int, seed: int) -> np.ndarray[Any, Any]:
    """Rows of up to ``per_class`` samples of each class, in their order."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(samples.labels == label))[:per_class] for label in set(samples.labels)]
    return np.sort(np.concatenate(rows))


def measure(samples: Samples, settings: ScanSettings, machine: Machine) -> dict[str, Any]:
    """One scan and its gate."""
    features = embed_as_scanned(samples, replace(settings, train="features"), machine)
    started = time.process_time()
    audit = audit_samples(replace(samples, images=None), settings, machine, features=features)
    gate = judge_gate(audit, Policy(max_noise=LIMIT), today=date(2026, 1, 1))
    decision = audit.decision
    beside = flag(samples.labels, on_components(probes.principal_blocks(features), samples.labels))
    rule = next(rule for rule in gate.rules if rule.id == "max-noise")
    return {
        "n": len(samples),
        "classes": len(set(samples.labels.tolist())),
        "flagged": float(decision.is_issue.mean()),
        "sure": float(decision.is_sure.mean()),
        "cleanlab": float(beside.mean()),
        "rate": decision.noise_rate,
        "interval": list(decision.noise_interval),
        "by_model": _reading(audit, "noise model"),
        "by_curve": _reading(audit, "learning curve"),
        "passed": rule.passed,
        "cpu_seconds": round(time.process_time() - started, 1),
    }


def _reading(audit: Audit, who: str) -> str:
    """What one of the two readings of the rate says, as the recipe words it."""
    said = str(audit.decision.recipe["rate"]).partition(f"{who} reads ")[2]
    return said.partition(",")[0]


def write_table(rows: list[dict[str, Any]]) -> None:
    """Rewrite the table in RESULTS.md: a line for each dataset and effort, a column for each size, over its seeds."""
    cells = defaultdict(list)
    for row in rows:
        cells[row["dataset"], row["effort"], row["per_class"]].append(row)
    sizes = sorted({size for *_, size in cells})
    failed = sum(not row["passed"] for row in rows)
    flagged, sure, beside = (float(np.mean([row[key] for row in rows])) for key in ("flagged", "sure", "cleanlab"))
    fewer, more = (sum(np.sign(row["flagged"] - row["cleanlab"]) == sign for row in rows) for sign in (-1, 1))
    lines = [
        f"Python {platform.python_version()}, {platform.machine()}. {failed} of {len(rows)} gates at 2 % fail; "
        f"{flagged:.1%} of the images are flagged,",
        f"{sure:.1%} as sure, by cleanlab {beside:.1%} (means over the draws). A scan flags fewer than cleanlab on "
        f"{fewer} draws, more on {more}.",
        "Columns: images a class. Cells: images; flagged, sure; cleanlab flags; rate read.",
        "",
        "| dataset | effort | " + " | ".join(map(str, sizes)) + " |",
        "|" + "---|" * (len(sizes) + 2),
    ]
    for name, effort in sorted({(name, effort) for name, effort, _ in cells}):
        said = (_cell(cells[name, effort, size]) for size in sizes)
        lines.append(f"| {name} | {effort} | " + " | ".join(said) + " |")
    write_section("clean", "\n".join(lines), title="False alarms on clean labels (`benchmarks/clean.py`)")


def _cell(rows: list[dict[str, Any]]) -> str:
    """One size of one dataset, the mean over its draws; empty where there are none."""
    if not rows:
        return ""
    means = (np.mean([row[key] for row in rows]) for key in ("n", "flagged", "sure", "cleanlab", "rate"))
    n, flags, sures, beside, rates = means
    draws = f" in {len(rows)} draws" * (len(rows) > 1)
    failed = sum(not row["passed"] for row in rows)
    said = f"{n:,.0f}{draws}; {flags:.1%}, {sures:.1%}; {beside:.1%}; {rates:.1%}"
    return said + f"; {failed} gates fail" * (failed > 0)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("cases", nargs="+", metavar="NAME=DATA[:LABELS:COLUMN]")
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 100, 250])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--methods", nargs="*", default=["crust", "limit", "sln"])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    machine = Machine(workers=options.workers, cache=options.cache).settled()
    rows = read_rows(ROWS, empty=[])
    for case in options.cases:
        name, samples = load(case, machine)
        before = 0
        for size in options.sizes:
            if len(draw(samples, size, 0)) == before:
                continue
            before = len(draw(samples, size, 0))
            for seed in options.seeds if before < len(samples) else options.seeds[:1]:
                chosen = draw(samples, size, seed)
                settings = ScanSettings(
                    effort=options.effort, methods=tuple(options.methods), seed=seed, precision="float32"
                )
                key = {"dataset": name, "effort": options.effort, "per_class": size, "seed": seed}
                key["methods"] = ",".join(options.methods)
                row = key | measure(samples.take(chosen), settings, machine)
                print(row, flush=True)
                rows = [old for old in rows if any(old[part] != key[part] for part in key)] + [row]
                write_rows(rows, ROWS)
    write_table(rows)


if __name__ == "__main__":
    main()
