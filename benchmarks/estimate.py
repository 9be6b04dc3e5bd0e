"""Do the intervals hold, is the false-discovery rate kept, may a reviewer stop when told so? Simulated on real scans.

    python benchmarks/estimate.py [SCORES.npz …] [--reviews 100 200 400] [--runs 1000] [--only intervals fdr stopping]

A score file holds what a scan said and what was true: suspicion (n,), is_issue (n,), wrong (n,); `packs.py --keep
FOLDER` writes them. From each come further sets: 1,000 of its samples, and its wrong labels thinned to 1 % and .2 %.
Synthetic sets join them that are nastier than any scan: half of the errors hidden in the bulk, a ranking that is no
better than chance, one that is perfect. Rows go to benchmarks/results/estimate.json, the tables of RESULTS.md are
rewritten from it.

Coverage is the share of simulated reviews whose 90 % interval holds the truth. Everything is seeded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from results_section import HERE, make_parser, write_rows, write_section

from labelaudit.audit.document import Audit
from labelaudit.estimate.cells import draw_unseen
from labelaudit.estimate.fdr import cell_weights, null_curve
from labelaudit.estimate.intervals import CONFIDENCE, melded_intervals
from labelaudit.estimate.sampling import ReviewPlan, plan_reviews
from labelaudit.types import Bools, Decision, Floats, Samples

ROWS = HERE / "results" / "estimate.json"
TARGETS = (0.05, 0.1, 0.2)
QUANTITIES = ("precision", "recall", "noise_rate")
_DRAWS = 400
_BLOCK = 200


@dataclass(frozen=True)
class Truth:
    """A scan whose wrong labels are known."""

    name: str
    suspicion: Floats
    flagged: Bools
    wrong: Bools

    def __post_init__(self) -> None:
        order = np.argsort(-self.suspicion, kind="stable")  # worst first, so that later sorts find their work done
        for name in ("suspicion", "flagged", "wrong"):
            object.__setattr__(self, name, getattr(self, name)[order])

    def take(self, name: str, rows: npt.NDArray[np.int64]) -> Truth:
        return Truth(name, self.suspicion[rows], self.flagged[rows], self.wrong[rows])


def truths(files: list[Path]) -> Iterator[Truth]:
    for path in files:
        with np.load(path, allow_pickle=False) as data:
            whole = Truth(path.stem, data["suspicion"], data["is_issue"], data["wrong"])
        rng = np.random.default_rng(0)
        yield whole
        if len(whole.wrong) > 1500:
            yield whole.take(f"{whole.name}, 1,000 samples", rng.permutation(len(whole.wrong))[:1000])
        for rate in (0.01, 0.002):
            wrong, right = np.flatnonzero(whole.wrong), np.flatnonzero(~whole.wrong)
            kept = int(rate / (1 - rate) * len(right))
            if 0 < kept < len(wrong):
                rows = np.sort(np.r_[right, rng.permutation(wrong)[:kept]])
                yield whole.take(f"{whole.name}, {rate:.1%} wrong", rows)
    rng, n = np.random.default_rng(5), 20_000
    for rate in (0.002, 0.02, 0.1, 0.4):
        wrong = rng.random(n) < rate
        seen = wrong & (rng.random(n) < 0.5)
        suspicion = np.where(seen, rng.beta(0.3, 0.6, n), rng.beta(0.1, 3, n))
        yield Truth(f"synthetic, half hidden, {rate:.1%} wrong", suspicion, suspicion >= 0.2, wrong)
    wrong = rng.random(n) < 0.1
    suspicion = np.where(wrong, rng.beta(8, 1, n), rng.beta(0.05, 5, n))
    yield Truth("synthetic, near perfect, 10 % wrong", suspicion, suspicion >= 0.2, wrong)
    wrong, suspicion = rng.random(n) < 0.05, rng.beta(0.3, 3, n)
    yield Truth("synthetic, no better than chance, 5 % wrong", suspicion, suspicion >= 0.2, wrong)


def as_audit(truth: Truth) -> Audit:
    """The scan as an audit of two classes, which is all that a plan looks at."""
    n = len(truth.wrong)
    samples = Samples(
        ids=tuple(f"{i:07d}" for i in range(n)),
        labels=np.zeros(n, dtype=np.int64),
        classes=("a", "b"),
        digests=tuple(f"{i:032x}" for i in range(n)),
    )
    decision = Decision(
        suspicion=truth.suspicion,
        is_issue=truth.flagged,
        judged=np.ones(n, dtype=np.bool_),
        probs=np.full((n, 2), 0.5, dtype=np.float32),
        predicted=np.zeros(n, dtype=np.int64),
        threshold=0.2,
        noise_rate=0.0,
        noise_interval=(0.0, 1.0),
        noise_matrix=np.zeros((2, 2)),
        reasons=("",) * n,
    )
    return Audit(samples=samples, decision=decision, evidence={})


def intervals(truth: Truth, plan: ReviewPlan, runs: int, seed: int) -> dict[str, Any]:
    """Coverage, mean width and misses on either side of the three intervals."""
    rng = np.random.default_rng([seed, 1])
    size = np.array([s.size for s in plan.strata])
    drawn = np.array([s.drawn for s in plan.strata])
    inside = np.array([s.flagged for s in plan.strata])
    bad = np.bincount(plan.stratum_of, weights=truth.wrong, minlength=256)[: len(size)].astype(np.int64)
    n, flags = len(truth.wrong), int(truth.flagged.sum())
    ends: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in QUANTITIES}
    for start in range(0, runs, _BLOCK):
        shape = (min(_BLOCK, runs - start), len(size))
        wrong = rng.hypergeometric(np.broadcast_to(bad, shape), np.broadcast_to(size - bad, shape), drawn)
        totals = []
        for domain in (True, False):
            mine = inside == domain
            if mine.any():
                low, high = draw_unseen(size[mine], drawn[mine], wrong[:, mine], generator=rng, draws=_DRAWS)
            else:
                low = high = np.zeros((shape[0], _DRAWS))
            known = wrong[:, mine].sum(axis=1)[:, None]
            totals.append((low + known, high + known))
        limits = melded_intervals(totals[0], totals[1], flags, n)
        for name in QUANTITIES:
            ends[name].append(np.stack(limits[name]))
    hit = int(truth.wrong[truth.flagged].sum())
    total = int(truth.wrong.sum())
    values = {"precision": hit / max(flags, 1), "recall": hit / max(total, 1), "noise_rate": total / n}
    row: dict[str, Any] = {}
    for name in QUANTITIES:
        low, high = np.concatenate(ends[name], axis=1)
        above, below = low > values[name] + 1e-9, high < values[name] - 1e-9
        row[name] = {
            "truth": values[name],
            "coverage": float(1 - (above | below).mean()),
            "too_high": float(above.mean()),
            "too_low": float(below.mean()),
            "width": float((high - low).mean()),
        }
    return row


def fdr(truth: Truth, plan: ReviewPlan, runs: int, seed: int) -> dict[str, Any]:
    """Realised false-discovery rate of the flags that nobody reviewed, and their recall, at each target."""
    rng = np.random.default_rng([seed, 2])
    size = np.array([s.size for s in plan.strata])
    drawn = np.array([s.drawn for s in plan.strata])
    weights = cell_weights(size, drawn)
    members = [np.flatnonzero(plan.stratum_of == index) for index in range(len(size))]
    found: dict[float, list[tuple[float, float, int]]] = {target: [] for target in TARGETS}
    for _ in range(runs):
        sample = np.concatenate([rng.choice(m, k, replace=False) for m, k in zip(members, drawn, strict=True)])
        tested = np.ones(len(truth.wrong), dtype=np.bool_)
        tested[sample] = False
        clean = sample[~truth.wrong[sample]]
        curve = null_curve(
            truth.suspicion,
            tested=tested,
            calibration=clean,
            weights=weights[plan.stratum_of[clean]],
            reach=weights[plan.stratum_of],
        )
        q = curve.q_values
        for target in TARGETS:
            rows = curve.rows[: int((q <= target).sum())]
            false = int((~truth.wrong[rows]).sum())
            recall = (len(rows) - false) / max(int(truth.wrong[tested].sum()), 1)
            found[target].append((false / max(len(rows), 1), recall, len(rows)))
    row = {}
    for target, results in found.items():
        rates, recalls, counts = np.array(results).T
        row[str(target)] = {
            "rate": float(rates.mean()),
            "error": float(rates.std() / len(rates) ** 0.5),
            "recall": float(recalls.mean()),
            "any": float((counts > 0).mean()),
        }
    return row


def stopping(truth: Truth, plan: ReviewPlan, audit: Audit, runs: int, seed: int, target: float = 0.9) -> dict[str, Any]:
    """How often a reviewer who stops as soon as told so has found less than the target, and when that is."""
    rng = np.random.default_rng([seed, 3])
    n, total = len(truth.wrong), int(truth.wrong.sum())
    members = [np.flatnonzero(plan.stratum_of == index) for index in range(len(plan.strata))]
    place = np.empty(n, dtype=np.int64)
    place[audit.order] = np.arange(n)
    sample = np.stack(
        [
            np.concatenate([rng.choice(m, s.drawn, replace=False) for m, s in zip(members, plan.strata, strict=True)])
            for _ in range(runs)
        ]
    )  # (runs, reviews), stratum by stratum
    starts = np.r_[0, np.cumsum([s.drawn for s in plan.strata])[:-1]]
    seen_wrong = np.r_[0, np.cumsum(truth.wrong[audit.order])]
    stopped, going, false = np.full(runs, n), np.ones(runs, dtype=np.bool_), np.zeros(runs, dtype=np.bool_)
    for step in np.unique(np.r_[0, np.geomspace(10, n, 20).astype(np.int64)]):
        ahead = place[sample] >= step
        size = np.array([int((place[rows] >= step).sum()) for rows in members])
        judged = np.add.reduceat(ahead, starts, axis=1, dtype=np.int64)
        wrong = np.add.reduceat(ahead & truth.wrong[sample], starts, axis=1, dtype=np.int64)
        _, high = draw_unseen(size, judged, wrong, generator=rng, draws=_DRAWS)
        found = seen_wrong[step] + wrong.sum(axis=1)
        left = np.quantile(high, (1 + CONFIDENCE) / 2, axis=1)
        share = np.where(found + left > 0, found / np.maximum(found + left, 1e-9), 1.0)
        now = going & (share >= target)
        stopped[now] = step
        false |= now & (found < target * total)
        going &= ~now
    return {
        "false_stops": float(false.mean()),
        "stopped_after": float(np.median(stopped) / n),
        "needed": float(np.searchsorted(seen_wrong, target * seen_wrong[-1]) / n),
    }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--reviews", nargs="+", type=int, default=[100, 200, 400])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--only", nargs="+", default=["intervals", "fdr", "stopping"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROWS)
    options = parser.parse_args()
    rows, started = [], time.process_time()
    for truth in truths(options.files):
        audit = as_audit(truth)
        for reviews in options.reviews:
            plan = plan_reviews(audit, reviews=reviews, seed=options.seed)
            row: dict[str, Any] = {"set": truth.name, "samples": len(truth.wrong), "reviews": reviews}
            if "intervals" in options.only:
                row["intervals"] = intervals(truth, plan, options.runs, options.seed)
            if "fdr" in options.only:
                row["fdr"] = fdr(truth, plan, min(options.runs, 200), options.seed)
            if "stopping" in options.only and reviews == 400:
                row["stopping"] = stopping(truth, plan, audit, min(options.runs, 100), options.seed)
            rows.append(row)
            print(shown(row), flush=True)
    print(f"{time.process_time() - started:.0f} CPU seconds")
    options.out.parent.mkdir(exist_ok=True)
    write_rows(rows, options.out)
    if options.out == ROWS:
        write_table(rows, options.runs)


def write_table(rows: list[dict[str, Any]], runs: int) -> None:
    """One row per set at 200 reviews into RESULTS.md, and the worst of everything."""
    lines = [
        "| set | wrong | precision | recall | noise rate | flags at 10 %: false, recall |",
        "|---|---|---|---|---|---|",
    ]
    for row in (row for row in rows if row["reviews"] == 200 and "intervals" in row and "fdr" in row):
        cells = [f"{row['intervals'][q]['coverage']:.0%} ±{row['intervals'][q]['width'] / 2:.3f}" for q in QUANTITIES]
        kept = row["fdr"]["0.1"]
        rate = f"{row['intervals']['noise_rate']['truth']:.1%}"
        lines.append(f"| {row['set']} | {rate} | {' | '.join(cells)} | {kept['rate']:.3f}, {kept['recall']:.2f} |")
    covered = [row["intervals"][q]["coverage"] for row in rows if "intervals" in row for q in QUANTITIES]
    over = [row["fdr"][str(t)]["rate"] - t for row in rows if "fdr" in row for t in TARGETS]
    false = [row["stopping"]["false_stops"] for row in rows if "stopping" in row]
    said = []
    if covered:
        said.append(f"Coverage of the 90 % intervals over all sets and sizes: at least {min(covered):.1%}.")
    if over:
        said.append(f"Realised false-discovery rate less its target, at 5, 10 and 20 %: at most {max(over):+.4f}.")
    if false:
        said.append(f"Reviewers who stopped before they had 90 % of the errors: at most {max(false):.1%} on any set.")
    about = f"Coverage of the 90 % interval and half its width, 200 reviews, {runs} simulated reviews each."
    write_section("estimate", "\n".join(["", about, "", *lines, "", *said, ""]), title="What a review says")


def shown(row: dict[str, Any]) -> str:
    """One line per set and size."""
    parts = [f"{row['set']:44s} {row['reviews']:4d}"]
    for name, value in row.get("intervals", {}).items():
        parts.append(f"{name[:4]} {value['truth']:.3f} {value['coverage']:.3f} ±{value['width'] / 2:.3f}")
    for target, value in row.get("fdr", {}).items():
        parts.append(f"q{target} {value['rate']:.3f}±{value['error']:.3f} r{value['recall']:.2f} any{value['any']:.2f}")
    if "stopping" in row:
        parts.append(" ".join(f"{name} {value:.3f}" for name, value in row["stopping"].items()))
    return " | ".join(parts)


if __name__ == "__main__":
    main()
