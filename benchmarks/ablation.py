"""What does each ingredient of a scan bring? One scan per setting, then the decision again without each of them.

    python benchmarks/ablation.py [SETTING …] [--seed 0] [--data ../shared/data]

Average precision (AP) and best F1 of the ranking, F1 of the flags and the estimated noise rate; the first row is the
tool as it is. The models are trained once per setting: what is left out is left out of the pool and of what follows.
The table in benchmarks/RESULTS.md is rewritten with the settings of this run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from detection import flags, ranking
from detection_settings import SETTINGS
from results_section import write_section

from labelaudit.features import embed
from labelaudit.judge import noise_model
from labelaudit.judge.judge import CLOSED_FORMS
from labelaudit.judge.pool import Gain
from labelaudit.machine import Machine
from labelaudit.scanning import pool
from labelaudit.scanning.assessment import decide_by
from labelaudit.scanning.choice import choose_training_input
from labelaudit.scanning.components import find_components
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Samples

DEFAULTS = ("cifar10n-aggre", "cifar10n-worse", "cifar10-symmetric-10", "cifar10-pair-20", "cifar10-openset-10")


def gather(samples: Samples, seed: int, cache: Path) -> pool.ModelPool:
    """Everything that is trained, as a standard scan trains it."""
    known = np.full(len(samples), noise_model.UNKNOWN)
    settings, machine = ScanSettings(seed=seed), Machine(device="cpu", cache=cache)
    choice = choose_training_input(samples, settings, machine)
    specs = backbones_of("standard", choice, settings, images=len(samples), device="cpu")
    assert samples.images is not None
    features, _ = embed(samples.images, samples.digests, backbones=specs, cache=cache)
    found = pool.ModelPool(samples=samples, known=known, settings=settings, machine=machine)
    found.add_probes(find_components(samples, features, machine, Unfinished(None)))
    if choice.pixels:
        found.add_pixels(choice.side)
    found.gather()
    return found


@contextmanager
def without(what: str, trained: pool.ModelPool) -> Iterator[None]:
    """The material while ``what`` is left out of the pool and of the noise model."""
    kinds = ("models", "references", "trained")
    named = {kind: dict(getattr(trained, kind)) for kind in kinds}
    left_out = {
        "trained networks": tuple(named["trained"]),
        "the closed forms": CLOSED_FORMS,
        "all references": tuple(named["references"]),
        **{name: (name,) for models in named.values() for name in models},
    }.get(what, ())
    patches: list[Any] = [patch.object(trained, kind, _fewer(named[kind], left_out)) for kind in kinds]
    if what == "the test of trained networks":
        patches.append(patch.object(Gain, "earned", True))
    elif what == "strangers":
        patches.append(patch.object(pool, "find_open_set", lambda *_, **__: None))
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def _fewer(models: dict[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
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
        *("nothing", "trained networks", "the closed forms", "all references"),
        *(*trained.models, *trained.references, *trained.trained, "the test of trained networks", "strangers"),
    ):
        with without(what, trained):
            consensus, strangers = trained.settle()
        outside = None if strangers is None else strangers.posterior(consensus.noise, samples.labels, trained.known)
        decision = decide_by(consensus, samples, known=trained.known, outside=outside, verdicts=None)
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
    table = "\n".join(lines)
    title = "What each ingredient brings (`benchmarks/ablation.py`)"
    write_section("ablation", f"Seed {args.seed}, effort standard.\n\n{table}", title=title)


if __name__ == "__main__":
    main()
