"""How well does a scan find wrong labels? The tool, each method alone, each reference column, and cleanlab 2.9.

    python benchmarks/detection.py [SETTING …] [--seeds 0 1 2] [--effort standard] [--data ../shared/data]

Every setting has a known truth. cleanlab gets 5-fold cross-validated probabilities of a logistic regression on the same
features (the principal components that the tool's own probes use), and both its rankings and its flags are reported.
Rows go to benchmarks/results/detection.json as they are made, and the tables in benchmarks/RESULTS.md are rewritten
from that file. Settings marked "tuned" are the ones that defaults were chosen on.

Needs `pip install -e '.[bench]'` and the datasets (CIFAR-10 and MNIST as Hugging Face Parquet, CIFAR-10N's table,
TrashNet's archive); none of them is part of the project.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from detection_settings import SETTINGS
from results_section import write_section
from sklearn.metrics import average_precision_score, roc_auc_score

from labelaudit.audit.document import Audit
from labelaudit.features import embed
from labelaudit.features.neighbors import nearest
from labelaudit.judge import probes
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.settings import ScanSettings
from labelaudit.training.folds import stratified_folds
from labelaudit.types import Samples

HERE = Path(__file__).parent
ROWS = HERE / "results" / "detection.json"


def measure(
    name: str, seed: int, effort: str, data: Path, cache: Path, keep: Path | None = None
) -> list[dict[str, Any]]:
    """All rows of one setting and seed: the tool, its columns, cleanlab."""
    setting = SETTINGS[name]
    samples, truth = setting.load(data)
    samples, truth = setting.spoil(samples, truth, np.random.default_rng(1000 + seed), data)
    wrong = samples.labels != truth
    started = time.perf_counter()
    audit = audit_samples(samples, ScanSettings(effort=effort, seed=seed), Machine(cache=cache))  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    about = {"setting": name, "seed": seed, "effort": effort, "tuned": setting.tuned, "rate": float(wrong.mean())}
    decision = audit.decision
    tool = {
        **about,
        "column": "labelaudit",
        **ranking(decision.suspicion, wrong),
        **flags(decision.is_issue, wrong),
        "estimated_rate": decision.noise_rate,
        "interval": list(decision.noise_interval),
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6,
        "weights": dict(decision.recipe["pool_weights"]),
        "notes": list(audit.notes),
    }
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        scores = {"suspicion": decision.suspicion, "is_issue": decision.is_issue, "wrong": wrong}
        np.savez(keep / f"{name}-{seed}.npz", allow_pickle=False, **scores)
    rows = [tool]
    rows += [{**about, "column": key, **ranking(e.suspicion, wrong)} for key, e in audit.evidence.items()]
    rows += [{**about, "column": key, **ranking(suspicion, wrong)} for key, suspicion in by_loss(audit).items()]
    rows.append({**about, **by_simifeat(audit, samples, wrong, cache)})
    return rows + [{**about, **row} for row in by_cleanlab(audit, samples, wrong, seed, cache)]


def by_loss(audit: Audit) -> dict[str, npt.NDArray[Any]]:
    """Plain training's own scores: the margin AUM averages (column cross_entropy), and the small-loss criterion."""
    plain = audit.evidence.get("cross_entropy")
    return {} if plain is None else {"small loss": plain.columns["loss"]}


def by_simifeat(audit: Audit, samples: Samples, wrong: npt.NDArray[np.bool_], cache: Path) -> dict[str, Any]:
    """SimiFeat-V (Zhu et al. 2022) without its augmentation: majority of the 10 nearest and the sample itself."""
    specs = str(audit.decision.recipe["features"]).split("+")
    assert samples.images is not None
    features, _ = embed(samples.images, samples.digests, backbones=specs, cache=cache)
    _, near = nearest(np.concatenate(probes.principal_blocks(features), axis=1), k=10)
    votes = (
        np.eye(len(samples.classes))[samples.labels[near]].sum(axis=1) + np.eye(len(samples.classes))[samples.labels]
    )
    rows = np.arange(len(samples))
    vote = 1 - votes[rows, samples.labels] / 11
    return {"column": "simifeat vote", **ranking(vote, wrong), **flags(votes.argmax(1) != samples.labels, wrong)}


def by_cleanlab(
    audit: Audit, samples: Samples, wrong: npt.NDArray[np.bool_], seed: int, cache: Path
) -> list[dict[str, Any]]:
    """cleanlab 2.9 on cross-validated logistic regression over the features that the scan used."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_confidence_weighted_entropy_for_each_label as entropy
    from cleanlab.rank import get_normalized_margin_for_each_label as margin
    from cleanlab.rank import get_self_confidence_for_each_label as confidence

    assert samples.images is not None
    specs = str(audit.decision.recipe["features"]).split("+")
    features, _ = embed(samples.images, samples.digests, backbones=specs, cache=cache)
    x = np.concatenate(probes.principal_blocks(features), axis=1)
    fold_of = stratified_folds(samples.labels, 5, seed=seed, digests=samples.digests)
    probs = probes.logistic(x, samples.labels, len(samples.classes), fold_of).astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    rows = [
        {"column": f"cleanlab {kind}", **ranking(1 - score(samples.labels, probs), wrong)}
        for kind, score in (
            ("self-confidence", confidence),
            ("normalized margin", margin),
            ("weighted entropy", entropy),
        )
    ]
    rows[0] |= flags(find_label_issues(samples.labels, probs, n_jobs=1), wrong)
    return rows


def ranking(suspicion: npt.NDArray[Any], wrong: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """AUROC, average precision, precision among the first 100, best F1 of any threshold."""
    if not wrong.any():
        return {}
    order = np.argsort(-suspicion, kind="stable")
    hits = np.cumsum(wrong[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + wrong.sum())
    return {
        "auroc": float(roc_auc_score(wrong, suspicion)),
        "ap": float(average_precision_score(wrong, suspicion)),
        "p100": float(wrong[order[:100]].mean()),
        "best_f1": float(f1.max()),
    }


def flags(flagged: npt.NDArray[np.bool_], wrong: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Share flagged, precision, recall and F1 of a flag set."""
    hit = float((flagged & wrong).sum())
    return {
        "flagged": float(flagged.mean()),
        "precision": hit / max(float(flagged.sum()), 1.0),
        "recall": hit / max(float(wrong.sum()), 1.0),
        "f1": 2 * hit / max(float(flagged.sum() + wrong.sum()), 1.0),
    }


def render(rows: list[dict[str, Any]]) -> str:
    """Two Markdown tables, means ± standard deviations over seeds: the tool's answer beside what peers flag, and the AP
    of each column."""
    head = "| setting | seeds | AUROC | AP | P@100 | flagged | P | R | F1 | best F1 | wrong | est. | s | MB |"
    head += " cleanlab: flagged, F1 | SimiFeat: flagged, F1 |"
    answers = [head, "|" + "---|" * (head.count("|") - 1)]
    keys = (
        "auroc",
        "ap",
        "p100",
        "flagged",
        "precision",
        "recall",
        "f1",
        "best_f1",
        "rate",
        "estimated_rate",
        "seconds",
        "peak_mb",
    )
    columns = [*dict.fromkeys(row["column"] for row in rows)]
    alone = ["| setting | " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + 1)]
    for setting, effort in dict.fromkeys((row["setting"], row["effort"]) for row in rows):
        some = [row for row in rows if (row["setting"], row["effort"]) == (setting, effort)]
        name = setting + " (tuned)" * some[0]["tuned"] + f" ({effort})" * (effort != "standard")
        answer = [row for row in some if row["column"] == "labelaudit"]
        cells = [_cell([row[key] for row in answer if key in row], key) for key in keys]
        for peer in ("cleanlab self-confidence", "simifeat vote"):
            flags = [row for row in some if row["column"] == peer and "f1" in row]
            cells.append(", ".join(f"{np.mean([row[key] for row in flags]):.3f}" for key in ("flagged", "f1") if flags))
        answers.append(f"| {name} | {len(answer)} | " + " | ".join(cells) + " |")
        found = [[row["ap"] for row in some if row["column"] == column and "ap" in row] for column in columns]
        if any(found):
            means = [float(np.mean(values)) if values else -1.0 for values in found]
            said = [f"{mean:.3f}" if values else "" for mean, values in zip(means, found, strict=True)]
            said[means.index(max(means))] = f"**{max(means):.3f}**"
            alone.append(f"| {name} | " + " | ".join(said) + " |")
    return "\n".join([*answers, "", "Average precision of each column by itself; the best in bold.", "", *alone])


def _cell(values: list[float], key: str) -> str:
    if not values:
        return ""
    if key in ("seconds", "peak_mb"):
        return f"{np.mean(values):.0f}"
    spread = f" ± {np.std(values):.3f}" if len(values) > 1 and key in ("auroc", "ap", "f1", "estimated_rate") else ""
    return f"{np.mean(values):.3f}{spread}"


def write(rows: list[dict[str, Any]]) -> None:
    """Keep the rows, and put the table between its marks in RESULTS.md."""
    ROWS.parent.mkdir(exist_ok=True)
    ROWS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    machine = f"Python {platform.python_version()}, 2 CPU cores, {platform.machine()}; effort standard unless said."
    write_section("detection", f"{machine}\n\n{render(rows)}", title="Detection (`benchmarks/detection.py`)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", default=list(SETTINGS), metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--effort", default="standard")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "labelaudit-benchmark" / "cache")
    parser.add_argument("--keep", type=Path, help="folder for the scores and the truth of each run, as .npz")
    args = parser.parse_args()
    rows = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.exists() else []
    for seed in args.seeds:
        for name in args.settings:
            rows = [r for r in rows if (r["setting"], r["seed"], r["effort"]) != (name, seed, args.effort)]
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:  # its peak memory is its own
                found = alone.submit(measure, name, seed, args.effort, args.data, args.cache, args.keep).result()
            rows = sorted([*rows, *found], key=lambda r: (list(SETTINGS).index(r["setting"]), r["effort"]))
            write(rows)
            for row in found:
                print({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items() if key != "notes"})


if __name__ == "__main__":
    main()
