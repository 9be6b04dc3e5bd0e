"""How well does a scan find wrong labels on sets of many domains, beside what people would otherwise use?

    python benchmarks/packs.py [SET …] [--data ../shared/data] [--cache DIR] [--effort standard] [--seeds 0] [--bare]

Sets are named as in `sets.py`. The tool and its columns see features of the effort's backbones. Its peers:

    ten lines      Lite0's head at 224 pixels, standardised, 5-fold logistic regression (C = .01), cleanlab 2.9
    cleanlab       the same library on a cross-validated logistic regression of the tool's components
    AUM, loss      mean margin and mean loss of plain training, held out
    neighbours     vote of the 30 nearest
    SimiFeat       vote of the 10 nearest and the sample itself
    mixture        two-stage mixture as in FM-SRM: margin of the cosine to prototypes, 2 components, then 20 neighbours

Average precision and AUROC against the truth, F1 of the flags against the best that any threshold on the ranking
reaches, share flagged and surely flagged, the interval of the rate. With ``--bare`` no network is trained: the table of
many domains. Without it networks are, from features or from pixels as a scan chooses: the table of single methods. With
``--own`` the peers, which no change of the tool changes, keep the rows of an earlier run. Rows go to
benchmarks/results/packs.json as they are made, and both tables in benchmarks/RESULTS.md are rewritten from that file.
Features are cached: the second run takes minutes. ``--keep FOLDER`` writes suspicion, suspects and truth of each scan,
for `estimate.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from measures import Flags, Labels, Scores, flags, ranking
from results_section import CACHE, DATA, HERE, make_parser, read_rows, write_rows, write_section
from sets import load
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelaudit.audit.document import Audit
from labelaudit.features import embed
from labelaudit.features.lite import HEAD
from labelaudit.features.neighbors import nearest
from labelaudit.judge import probes
from labelaudit.machine import Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.choice import choose_training_input
from labelaudit.scanning.components import lead
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.settings import ScanSettings
from labelaudit.text import markdown_table
from labelaudit.types import Features, Samples

ROWS = HERE / "results" / "packs.json"
CLEAN = ("caltech20", "tinyphotos", "signdigits", "bloodcells8")
DOMAINS = (
    *("imagenette_real", "outdoor", "signdigits~usual", "bloodcells8~usual", "caltech20~usual", "clothes"),
    *("cifar10n-aggre@2500", "cifar10n-random1@2500", "cifar10n-worse@2500", "cifar10n-clean@2500~usual"),
    *("omniglot136~usual", "plankton118~usual", "cifar10n-clean@2500", *CLEAN),
)
PLANTED = (
    *("cifar10n-aggre", "cifar10n-random1", "cifar10n-worse", "digits"),
    *(f"cifar10n-clean@2500~{how}" for how in ("symmetric10", "symmetric20", "symmetric40", "pair20")),
    *(f"cifar10n-clean@2500~{how}" for how in ("asymmetric20", "instance20", "instance40", "strangers")),
    *(f"mnist@2500~{how}" for how in ("symmetric10", "symmetric40", "symmetric80", "pair20", "pair40")),
    *("trashnet~symmetric10", "trashnet~symmetric20"),
)
"""Sets of the two tables: of many domains, and of CIFAR-10N and planted errors."""
PEERS = ("ten lines", "cleanlab", "AUM", "loss", "neighbours", "SimiFeat", "mixture")
OTHERS = ("loss", "SimiFeat", "mixture", "cleanlab", "ten lines")
"""The peers that are no columns of the tool."""


def measure(
    pack: str,
    samples: Samples,
    truth: Labels,
    seeds: list[int],
    machine: Machine,
    effort: Any,
    *,
    bare: bool,
    own: bool = False,
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    """One row per seed of the tool, and one per peer unless only its ``own`` are wanted."""
    features = embed_as_scanned(samples, ScanSettings(effort=effort, train="features", precision="float32"), machine)
    blind, wrong = replace(samples, images=None), samples.labels != truth
    about = {"pack": pack, "n": len(samples), "classes": len(samples.classes), "wrong": float(wrong.mean())}
    about["bare"] = bare
    rows = []
    for seed in seeds:
        if bare:
            settings = ScanSettings(effort=effort, seed=seed, methods=())
            audit = audit_samples(blind, settings, machine, features=features)
        else:
            audit = audit_samples(samples, ScanSettings(effort=effort, seed=seed, precision="float32"), machine)
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
        if keep is not None:
            scores = {"suspicion": decision.suspicion, "is_issue": decision.is_issue, "wrong": wrong}
            np.savez(keep / f"{pack}-{seed}.npz", allow_pickle=False, **scores)
    if own:
        return rows
    detailed = embed_by(samples, ["lite0@224"], machine)
    for peer, (score, flagged) in by_peers(audit, blind, features, detailed).items():
        found = flags(flagged, wrong) if flagged is not None else {}
        rows.append({**about, "seed": seeds[-1], "by": peer, **ranking(score, wrong), **found})
        print(rows[-1], flush=True)
    return rows


def embed_as_scanned(samples: Samples, settings: ScanSettings, machine: Machine) -> Features:
    """Features by the backbones that a scan with these ``settings`` would take."""
    choice = choose_training_input(samples, settings)
    specs = backbones_of(choice, settings, images=len(samples), device="cpu")
    return embed_by(samples, specs, machine)


def embed_by(samples: Samples, specs: Sequence[str], machine: Machine) -> Features:
    """Features by the backbones ``specs``."""
    assert samples.images is not None
    return embed(samples.images, samples.digests, backbones=specs, machine=machine)[0]


def by_peers(
    audit: Audit, samples: Samples, features: Features, detailed: Features
) -> dict[str, tuple[Scores, Flags | None]]:
    """Suspicion, and flags where the method has a rule for them, of each of `PEERS`."""
    labels, classes, rows = samples.labels, len(samples.classes), np.arange(len(samples))
    probs = ten_lines(detailed, labels)
    blocks = probes.principal_blocks(features)
    own = on_components(blocks, labels)
    plain = audit.evidence.get("cross_entropy")
    trained = {} if plain is None else {"AUM": (plain.suspicion, None), "loss": (plain.columns["loss"], None)}
    joined = np.concatenate(blocks, axis=1)
    _, near = nearest(joined, k=20)
    onehot = np.eye(classes)[labels]
    votes = onehot[near[:, :10]].sum(axis=1) + onehot
    return {
        "ten lines": (1 - probs[rows, labels], flag(labels, probs)),
        "cleanlab": (1 - own[rows, labels], flag(labels, own)),
        **trained,
        "neighbours": (audit.evidence["neighbors"].suspicion, None),
        "SimiFeat": (1 - votes[rows, labels] / 11, votes.argmax(axis=1) != labels),
        "mixture": mix(joined, labels, classes, near),
    }


def ten_lines(detailed: Features, labels: Labels) -> Scores:
    """(n, C) cross-validated probabilities of a logistic regression on the head's part of ``detailed`` (n, d)."""
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    return cross_validate(line, detailed.values[:, -HEAD:], labels)


def on_components(blocks: Sequence[npt.NDArray[Any]], labels: Labels) -> Scores:
    """(n, C) cross-validated probabilities of a logistic regression on the leading components of all ``blocks``."""
    x = np.concatenate(lead(blocks, 256), axis=1)
    return cross_validate(LogisticRegression(C=1 / 300, max_iter=200), x, labels)


def flag(labels: Labels, probs: Scores) -> Flags:
    """(n,) whether cleanlab takes the label for wrong, by ``probs`` (n, C)."""
    from cleanlab.filter import find_label_issues

    return np.asarray(find_label_issues(labels, probs, n_jobs=1))


def cross_validate(model: Any, x: npt.NDArray[Any], labels: Labels) -> Scores:
    """(n, C) probabilities by five folds of ``model`` on ``x`` (n, d)."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, x, labels, cv=folds, method="predict_proba"))


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
    """Keep the rows, and write both tables anew."""
    known = read_rows(ROWS, empty=[])
    done = {(row["pack"], row["by"], row["bare"]) for row in rows}
    kept = [row for row in known if (row["pack"], row["by"], row["bare"]) not in done] + rows
    write_rows(kept, ROWS)
    write_tables(kept)


def write_tables(rows: list[dict[str, Any]]) -> None:
    """The table of many domains, without networks, and that of single methods, with them."""
    bare = [row for row in rows if row["bare"]]
    trained = [row for row in rows if not row["bare"]]
    write_section("packs", render(bare), title="Sets of many domains (`benchmarks/packs.py`)")
    write_section("methods", render_columns(trained), title="CIFAR-10N and planted errors (`benchmarks/packs.py`)")


def scans_of(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Set -> the rows of the tool, one for each seed, the sets in the order of ``rows``."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["by"] == "labelaudit":
            found.setdefault(row["pack"], []).append(row)
    return found


def render_columns(rows: list[dict[str, Any]]) -> str:
    """Two tables: the tool's answer on each set, and the AP of each column and peer by itself, the best in bold."""
    answers, alone = [], []
    peers = {(row["pack"], row["by"]): row["ap"] for row in rows if row["by"] in OTHERS and "ap" in row}
    own = scans_of(rows)
    columns = list(dict.fromkeys(name for scans in own.values() for name in scans[0]["columns"]))
    for pack in (pack for pack in PLANTED if pack in own):
        scans, one = own[pack], own[pack][0]
        means = {key: float(np.mean([scan[key] for scan in scans])) for key in ("auroc", "ap", "f1", "best_f1", "rate")}
        low, high = one["interval"]
        answers.append(
            (
                *(pack, f"{one['n']:,}", str(len(scans)), f"{one['wrong']:.1%}"),
                *(f"{means['auroc']:.3f}", f"{means['ap']:.3f}", f"{means['f1']:.3f} / {means['best_f1']:.3f}"),
                f"{one['sure_right']:.0f} / {one['sure'] * one['n']:.0f}",
                f"{means['rate']:.1%} ({low:.1%} to {high:.1%})",
            )
        )
        found = {"labelaudit": means["ap"]}
        found |= {name: float(np.mean([scan["columns"][name] for scan in scans])) for name in one["columns"]}
        found |= {peer: peers[pack, peer] for peer in OTHERS if (pack, peer) in peers}
        best = max(found.values())
        said = {name: f"**{ap:.3f}**" if ap == best else f"{ap:.3f}" for name, ap in found.items()}
        alone.append((pack, *(said.get(name, "") for name in ("labelaudit", *columns, *OTHERS))))
    head = ("set", "n", "seeds", "wrong", "AUROC", "AP", "F1 / best", "sure: right / all", "rate read (90 %)")
    wide = ("set", "labelaudit", *columns, *OTHERS)
    title = "Average precision of each column by itself."
    return "\n\n".join([markdown_table(head, answers), title, markdown_table(wide, alone)])


def render(rows: list[dict[str, Any]]) -> str:
    """Two tables: sets with wrong labels, and clean ones."""
    by = {(row["pack"], row["by"]): row for row in rows if row["by"] != "labelaudit"}
    own = scans_of(rows)
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
    last = markdown_table(short, clean)
    return "\n\n".join(["Average precision.", markdown_table(wide, noisy), stands, "Clean sets.", last])


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


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("packs", nargs="*", metavar="SET", help="those of the table, by default")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--effort", default="standard", choices=("quick", "standard"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--bare", action="store_true", help="train no network")
    parser.add_argument("--keep", type=Path, help="folder for the scores and the truth of each scan, as .npz")
    parser.add_argument("--own", action="store_true", help="measure the tool only, and keep the peers' rows")
    args = parser.parse_args()
    machine = Machine(device="cpu", cache=args.cache, workers=1)
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
    for pack in args.packs or (DOMAINS if args.bare else PLANTED):
        with tempfile.TemporaryDirectory() as folder:
            samples, truth = load(pack, args.data, Path(folder))
            how = {"bare": args.bare, "own": args.own, "keep": args.keep}
            write(measure(pack, samples, truth, args.seeds, machine, args.effort, **how))


if __name__ == "__main__":
    main()
