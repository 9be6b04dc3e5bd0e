"""How well does a scan find wrong labels on sets of many domains, beside what people would otherwise use?

    python benchmarks/packs.py [PACK …] [--data ../shared/data] [--cache DIR] [--effort standard] [--seeds 0] [--bare]

A pack is a TAR of images and a `labels.csv` with `file,given,truth`; `cifar10n-COLUMN` are the human labels of
CIFAR-10N, COLUMN `clean` the true ones; `mnist` are the first 10,000 of MNIST. `PACK@N` is N of its images, `PACK@N#D`
another draw of as many; `PACK~HOW` has the true labels spoiled (`spoil.py`), such as by usual annotators. The tool and
its columns see features of the effort's backbones. Its peers:

    ten lines      Lite0 at 224 pixels, standardised, 5-fold logistic regression (C = .01), cleanlab 2.9
    cleanlab       the same library on the tool's own cross-validated logistic regression
    AUM, loss      mean margin and mean loss of plain training, held out
    neighbours     vote of the 30 nearest
    SimiFeat       vote of the 10 nearest and the sample itself
    mixture        two-stage mixture as in FM-SRM: margin of the cosine to prototypes, 2 components, then 20 neighbours

Average precision and AUROC against the truth, F1 of the flags against the best that any threshold on the ranking
reaches, share flagged and surely flagged, the interval of the rate. Rows go to benchmarks/results/packs.json as they
are made, and the table in benchmarks/RESULTS.md is rewritten from that file. Features are cached: the second run takes
minutes. With ``--bare`` no network is trained, which leaves out AUM and loss where no earlier run had them; with
``--own`` the peers, which no change of the tool changes, keep the rows of an earlier run.
"""

from __future__ import annotations

import argparse
import csv
import json
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from detection import flags, ranking
from detection_settings import Labels, cifar10n, first
from results_section import write_section
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from spoil import spoil

from labelaudit.audit.document import Audit
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.features import embed
from labelaudit.features.neighbors import nearest
from labelaudit.judge import probes
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.choice import choose_training_input
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Features, Samples

HERE = Path(__file__).parent
ROWS = HERE / "results" / "packs.json"
SPOILT = ("signdigits~usual", "bloodcells8~usual", "caltech20~usual", "cifar10n-clean@2500~usual")
PACKS = ("outdoor", "imagenette_real", "clothes", "cifar10n-aggre", "cifar10n-random1", "cifar10n-worse")
CLEAN = ("caltech20", "tinyphotos", "signdigits", "bloodcells8")
PEERS = ("ten lines", "cleanlab", "AUM", "loss", "neighbours", "SimiFeat", "mixture")
Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def load(pack: str, data: Path, folder: Path) -> tuple[Samples, Labels]:
    """The samples with their given labels, and the true ones; -1 where the truth is none of the classes.

    Files are numbered: names of rubbish say its class (``glass12.jpg``), and a scan weighs what names begin with.
    """
    pack, _, how = pack.partition("~")
    pack, _, draw = pack.partition("#")
    pack, _, count = pack.partition("@")
    samples, truth = _load_whole(pack, data, folder)
    if count:
        rows = np.random.default_rng(int(draw or 0)).choice(len(samples), int(count), replace=False)
        samples, truth = samples.take(np.sort(rows)), truth[np.sort(rows)]
    return spoil(samples, truth, how, int(draw or 0)) if how else (samples, truth)


@lru_cache
def _cifar10n(column: str, data: Path) -> tuple[Samples, Labels]:
    return cifar10n(column)(data)


def _load_whole(pack: str, data: Path, folder: Path) -> tuple[Samples, Labels]:
    if pack.startswith("cifar10n-"):
        return _cifar10n(pack.partition("-")[2], data)
    if pack == "mnist":
        return first("mnist-train.parquet", 10_000)(data)
    with tarfile.open(data / f"{pack}.tar") as archive:
        archive.extractall(folder, filter="data")
    place = next(folder.glob("*/labels.csv")).parent
    with (place / "labels.csv").open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    table = folder / "given.csv"
    table.write_text("path,label\n" + "".join(f"{name},{row['given']}\n" for name, row in rows.items()))
    samples, _ = ingest(open_source(place / "images", labels=table))
    code = {name: number for number, name in enumerate(samples.classes)}
    truth = [code.get(rows[Path(name).name].get("truth") or rows[Path(name).name]["given"], -1) for name in samples.ids]
    return replace(samples, ids=tuple(f"{row}.jpg" for row in range(len(samples)))), np.array(truth)


def measure(
    pack: str,
    samples: Samples,
    truth: Labels,
    seeds: list[int],
    machine: Machine,
    effort: Any,
    methods: Any = None,
    *,
    own: bool = False,
) -> list[dict[str, Any]]:
    """One row per seed of the tool, and one per peer unless only its ``own`` are wanted."""
    features = embed_as_scanned(samples, ScanSettings(effort=effort, train="features", precision="float32"), machine)
    bare, wrong = replace(samples, images=None), samples.labels != truth
    about = {"pack": pack, "n": len(samples), "classes": len(samples.classes), "wrong": float(wrong.mean())}
    rows = []
    for seed in seeds:
        audit = audit_samples(bare, ScanSettings(effort=effort, seed=seed, methods=methods), machine, features=features)
        decision = audit.decision
        rows.append(
            {
                **about,
                "seed": seed,
                "by": "labelaudit",
                "rate": decision.noise_rate,
                "interval": decision.noise_interval,
                "sure": float(decision.is_sure.mean()),
                "sure_right": float(wrong[decision.is_sure].sum()),
                "networks": decision.recipe["networks"],
                "seconds": sum(stage.seconds for stage in audit.stages),
                **ranking(decision.suspicion, wrong),
                **flags(decision.is_issue, wrong),
                "columns": {name: ranking(one.suspicion, wrong).get("ap") for name, one in audit.evidence.items()},
            }
        )
        print(rows[-1], flush=True)
    if own:
        return rows
    detailed = embed_by(samples, ["lite0@224"], machine)
    for peer, (score, flagged) in by_peers(audit, bare, features, detailed).items():
        found = flags(flagged, wrong) if flagged is not None else {}
        rows.append({**about, "seed": seeds[-1], "by": peer, **ranking(score, wrong), **found})
        print(rows[-1], flush=True)
    return rows


def embed_as_scanned(samples: Samples, settings: ScanSettings, machine: Machine) -> Features:
    """Features by the backbones that a scan with these ``settings`` would take."""
    choice = choose_training_input(samples, settings, machine)
    specs = backbones_of(choice, settings, images=len(samples), device="cpu")
    return embed_by(samples, specs, machine)


def embed_by(samples: Samples, specs: Sequence[str], machine: Machine) -> Features:
    """Features by the backbones ``specs``."""
    assert samples.images is not None
    return embed(samples.images, samples.digests, backbones=specs, workers=machine.workers, cache=machine.cache)[0]


def by_peers(
    audit: Audit, samples: Samples, features: Features, detailed: Features
) -> dict[str, tuple[Scores, Flags | None]]:
    """Suspicion, and flags where the method has a rule for them, of each of `PEERS`."""
    from cleanlab.filter import find_label_issues

    labels, classes, rows = samples.labels, len(samples.classes), np.arange(len(samples))
    probs = ten_lines(detailed, labels)
    own = np.asarray(audit.evidence["logistic"].probs, dtype=np.float64)
    own /= own.sum(axis=1, keepdims=True)
    plain = audit.evidence.get("cross_entropy")
    trained = {} if plain is None else {"AUM": (plain.suspicion, None), "loss": (plain.columns["loss"], None)}
    joined = np.concatenate(probes.principal_blocks(features), axis=1)
    _, near = nearest(joined, k=20)
    onehot = np.eye(classes)[labels]
    votes = onehot[near[:, :10]].sum(axis=1) + onehot
    return {
        "ten lines": (1 - probs[rows, labels], find_label_issues(labels, probs, n_jobs=1)),
        "cleanlab": (1 - own[rows, labels], find_label_issues(labels, own, n_jobs=1)),
        **trained,
        "neighbours": (audit.evidence["neighbors"].suspicion, None),
        "SimiFeat": (1 - votes[rows, labels] / 11, votes.argmax(axis=1) != labels),
        "mixture": mix(joined, labels, classes, near),
    }


def ten_lines(detailed: Features, labels: Labels) -> Scores:
    """(n, C) cross-validated probabilities of a logistic regression on ``detailed`` features (n, d)."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    return np.asarray(cross_val_predict(line, detailed.values, labels, cv=folds, method="predict_proba"))


def mix(x: npt.NDArray[Any], labels: Labels, classes: int, near: npt.NDArray[Any]) -> tuple[Scores, Flags]:
    """A two-component mixture over the margin of the cosine to class means; what it keeps, neighbours then judge."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    means = np.stack([unit[labels == label].mean(axis=0) for label in range(classes)])
    cosines = unit @ (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).T
    rows = np.arange(len(labels))
    own = cosines[rows, labels].copy()
    cosines[rows, labels] = -np.inf
    margin = (own - cosines.max(axis=1))[:, None]
    mixture = GaussianMixture(2, random_state=0).fit(margin)
    right = mixture.predict_proba(margin)[:, int(mixture.means_[:, 0].argmax())]
    kept = right >= 0.8
    agreement = (kept[near] & (labels[near] == labels[:, None])).sum(axis=1) / np.maximum(kept[near].sum(axis=1), 1)
    return 1 - (right + agreement) / 2, ~kept & (agreement < 0.5)


def write(rows: list[dict[str, Any]]) -> None:
    """Keep the rows, and write the table anew."""
    known = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.is_file() else []
    done = {(row["pack"], row["by"]) for row in rows}
    kept = [row for row in known if (row["pack"], row["by"]) not in done] + rows
    ROWS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write_section("packs", render(kept), title="Sets of many domains (`benchmarks/packs.py`)")


def render(rows: list[dict[str, Any]]) -> str:
    """Two tables: sets with wrong labels, and clean ones."""
    by = {(row["pack"], row["by"]): row for row in rows if row["by"] != "labelaudit"}
    own: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["by"] == "labelaudit":
            own.setdefault(row["pack"], []).append(row)
    noisy: list[tuple[str, ...]] = []
    clean: list[tuple[str, ...]] = []
    for pack, scans in own.items():
        one, ten = scans[0], by[pack, "ten lines"]
        low, high = one["interval"]
        read = f"{one['rate']:.1%} ({low:.1%} to {high:.1%})"
        if not one["wrong"]:
            flagged = (f"{row['flagged']:.2%}" for row in (ten, by[pack, "cleanlab"]))
            about = (pack, f"{one['n']:,}", str(one["classes"]))
            clean.append((*about, f"{one['flagged']:.2%}", f"{one['sure']:.2%}", read, *flagged))
            continue
        found = np.array([scan["ap"] for scan in scans])
        name, best = max(one["columns"].items(), key=lambda item: item[1] or 0)
        noisy.append(
            (
                *(pack, f"{one['n']:,}", f"{one['wrong']:.1%}"),
                f"{found.mean():.3f}" + (f" ± {found.std():.3f}" if len(scans) > 1 else ""),
                f"{best:.3f} ({name})",
                *(f"{by[pack, peer]['ap']:.3f}" if (pack, peer) in by else "" for peer in PEERS),
                *(f"{one['f1']:.3f} / {one['best_f1']:.3f}", f"{ten['f1']:.3f}"),
                *(f"{one['sure_right']:.0f} / {one['sure'] * one['n']:.0f}", read),
            )
        )
    ends = ("F1 / best", "ten lines' F1", "sure: right / all", "rate read (90 %)")
    wide = ("pack", "n", "wrong", "labelaudit", "best own column", *PEERS, *ends)
    short = ("pack", "n", "classes", "flagged", "sure", "rate read (90 %)", "ten lines flag", "cleanlab flags")
    stands = "\n\n".join(_compare(own, by, measure) for measure in ("ap", "auroc"))
    return f"Average precision.\n\n{table(wide, noisy)}\n\n{stands}\n\nClean sets.\n\n{table(short, clean)}"


def _compare(own: dict[str, list[dict[str, Any]]], by: dict[tuple[str, str], dict[str, Any]], measure: str) -> str:
    """A sentence on means over the packs with wrong labels, and on the packs where a peer is ahead."""
    packs = [pack for pack, scans in own.items() if scans[0]["wrong"]]
    ours = {pack: float(np.mean([scan[measure] for scan in own[pack]])) for pack in packs}
    peers = [peer for peer in PEERS if all((pack, peer) in by for pack in packs)]
    theirs = {peer: float(np.mean([by[pack, peer][measure] for pack in packs])) for peer in peers}
    best = {pack: max((by[pack, peer][measure], peer) for peer in PEERS if (pack, peer) in by) for pack in packs}
    behind = sorted((ours[pack] - best[pack][0], pack) for pack in packs if ours[pack] < best[pack][0])
    means = ", ".join(f"{peer} {value:.3f}" for peer, value in theirs.items())
    losses = ", ".join(f"{pack} by {-gap:.3f} ({best[pack][1]})" for gap, pack in behind) or "none"
    mean = float(np.mean([*ours.values()]))
    return (
        f"{measure.upper()} on the mean of {len(packs)} sets: labelaudit {mean:.3f}, {means}. Ahead of every peer on "
        f"{len(packs) - len(behind)}; behind one on: {losses}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="*", default=[*PACKS, *CLEAN], metavar="PACK")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "labelaudit-benchmark" / "cache")
    parser.add_argument("--effort", default="standard", choices=("quick", "standard"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--bare", action="store_true", help="train no network")
    parser.add_argument("--own", action="store_true", help="measure the tool only, and keep the peers' rows")
    args = parser.parse_args()
    machine = Machine(device="cpu", cache=args.cache, workers=1)
    for pack in args.packs:
        with tempfile.TemporaryDirectory() as folder:
            samples, truth = load(pack, args.data, Path(folder))
            write(
                measure(pack, samples, truth, args.seeds, machine, args.effort, () if args.bare else None, own=args.own)
            )


if __name__ == "__main__":
    main()
