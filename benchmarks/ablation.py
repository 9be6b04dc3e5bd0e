"""What does each ingredient of a scan bring? One scan per setting, then the decision again without each of them.

    python benchmarks/ablation.py [SETTING …] [--seed 0] [--data ../shared/data]

Average precision (AP) and best F1 of the ranking, F1 of the flags and the estimated noise rate; the first row is the
tool as it is. The models are trained once per setting: what is left out is left out of the pool and of what follows.
The table in benchmarks/RESULTS.md is rewritten with the settings of this run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from detection import RESULTS, SETTINGS, flags, ranking

from labelaudit.features import embed
from labelaudit.judge import noise_model
from labelaudit.judge.decide import decide
from labelaudit.scanning import pool
from labelaudit.scanning.choice import choose
from labelaudit.scanning.effort import FOLDS, backbones_of
from labelaudit.scanning.settings import METHODS
from labelaudit.types import Samples, silent

START, END = "<!-- ablation -->", "<!-- /ablation -->"
DEFAULTS = ("cifar10n-aggre", "cifar10n-worse", "cifar10-symmetric-10", "cifar10-pair-20", "cifar10-openset-10")


def gather(samples: Samples, seed: int, cache: Path) -> pool.Material:
    """Everything that is trained, as a standard scan trains it."""
    known = np.full(len(samples), noise_model.UNKNOWN)
    choice = choose(samples, "auto", image_size=None, device="cpu", workers=2, cache=cache, seed=seed)
    specs = backbones_of("standard", choice, asked=None, image_size=None)
    assert samples.images is not None
    features, _ = embed(samples.images, samples.digests, backbones=specs, cache=cache)
    found = pool.Material(
        samples=samples, known=known, seed=seed, device="cpu", progress=silent, folds=FOLDS["standard"]
    )
    found.add_probes(features)
    if choice.pixels:
        found.add_pixels(choice.side, workers=2)
    found.gather(METHODS, {})
    return found


@contextmanager
def without(what: str, trained: pool.Material) -> Iterator[None]:
    """The material and its channel while ``what`` is left out, of the refits too."""
    kept = dict(trained.models)
    probes = [name for name in kept if name.startswith("discriminant") or name == "neighbors"]
    single = [name for name in probes if name.startswith("discriminant")][:-1]
    left_out = {
        "the three methods": list(METHODS),
        "all networks": [name for name in kept if name not in probes and name != "logistic"],
        "the probes": probes,
        "discriminants of one backbone": single,
        "discriminant of all backbones": [name for name in probes if name.startswith("discriminant")][len(single) :],
        **{name: [name] for name in (*METHODS, "cross_entropy", "logistic", "neighbors")},
    }.get(what, [])
    patches: list[Any] = [
        patch.object(trained, "models", _fewer(kept, left_out)),
        patch.object(trained, "_probe", lambda belief: _fewer(probe(belief), left_out)),
    ]
    probe = trained._probe
    if what == "the slope":
        patches.append(patch.object(noise_model, "_STEEPEST", 0.0))
    elif what == "the floor":
        patches.append(patch.object(noise_model, "_MOST_DOUBT", 0.0))
    elif what == "the least noise":
        patches.append(patch.object(noise_model, "LEAST_NOISE", 0.0))
    elif what in ("refits", "the probes"):
        patches.append(patch.object(pool, "_REFITS", 0))
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def _fewer(models: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    return {name: probs for name, probs in models.items() if name not in left_out}


def measure(name: str, seed: int, data: Path, cache: Path) -> list[tuple[str, dict[str, float]]]:
    """(what is left out, figures), the whole first."""
    setting = SETTINGS[name]
    samples, truth = setting.load(data)
    samples, truth = setting.spoil(samples, truth, np.random.default_rng(1000 + seed), data)
    wrong = samples.labels != truth
    trained = gather(samples, seed, cache)
    rows = []
    for what in (
        *("nothing", "the three methods", *METHODS, "cross_entropy", "logistic", "neighbors", "all networks"),
        *("the probes", "discriminants of one backbone", "discriminant of all backbones"),
        *("refits", "the slope", "the floor", "the least noise", "strangers"),
    ):
        with without(what, trained):
            fitted, _ = trained.settle()
            strangers = None
            if what not in ("strangers", "the probes"):
                fitted, strangers = trained.set_apart(fitted)
        outside = None if strangers is None else strangers.posterior(fitted, samples.labels, trained.known)
        decision = decide(
            fitted, samples.labels, samples.classes, digests=samples.digests, known=trained.known, strangers=outside
        )
        figures = {**ranking(decision.suspicion, wrong), **flags(decision.is_issue, wrong), "rate": decision.noise_rate}
        rows.append((what, figures))
        print(name, what, {key: round(value, 4) for key, value in figures.items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", default=list(DEFAULTS), metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "labelaudit-benchmark" / "cache")
    args = parser.parse_args()
    found = {name: dict(measure(name, args.seed, args.data, args.cache)) for name in args.settings}
    lines = [
        "| without | " + " | ".join(f"{name} AP | F1 / best | rate" for name in found) + " |",
        "|---|" + "---|---|---|" * len(found),
    ]
    for what in next(iter(found.values())):
        cells = []
        for figures in (rows[what] for rows in found.values()):
            cells.append(
                f"{figures['ap']:.3f} | {figures['f1']:.3f} / {figures['best_f1']:.3f} | {figures['rate']:.3f}"
            )
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    text = RESULTS.read_text(encoding="utf-8")
    if START not in text:
        text += f"\n## What each ingredient brings (`benchmarks/ablation.py`)\n\n{START}\n{END}\n"
    before, after = text.split(START)[0], text.split(END)[1]
    table = "\n".join(lines)
    RESULTS.write_text(
        f"{before}{START}\nSeed {args.seed}, effort standard.\n\n{table}\n{END}{after}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
