"""What does each ingredient of a scan bring? The models of every set fitted once, then decisions without each of them.

    python benchmarks/ablation.py [SET …] [--effort quick] [--methods crust limit sln] [--table]

Sets are named as in sets.py. They were divided by domain before anything was measured: what goes is chosen on one half
and confirmed on the other. A set is one observation; its draws are averaged first. Average precision (AP), F1 of the
flags over the best F1 of the ranking, and on clean sets the share flagged; each as the difference that leaving an
ingredient out makes, with its standard error over sets. Networks are trained only where ``--methods`` are named.
Figures go to benchmarks/results/ablation.json set by set; the table in benchmarks/RESULTS.md is rewritten from them,
with ``--table`` without measuring anything. A set of 1,000 images takes about 12 CPU seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ablation_table import render
from material import Material, gather, measure_curve
from results_section import CACHE, DATA, HERE, make_parser, read_rows, write_rows, write_section

from labelaudit.context import classes
from labelaudit.judge import consensus, decide, learning_curve, noise_fit, open_set, reading
from labelaudit.judge.judge import CLOSED_FORMS
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.open_set import find_open_set
from labelaudit.judge.pool import Gain
from labelaudit.scanning import pool, testimony

ROWS = HERE / "results" / "ablation.json"
SETS = (
    *("caltech20", "caltech20@400~pair20", "caltech20~strangers", "cifar10n-aggre@120", "cifar10n-aggre@250"),
    *("cifar10n-clean@1000", "cifar10n-clean@1000#1~pair20", "cifar10n-clean@1000#1~rare"),
    *("cifar10n-clean@1000~rare", "cifar10n-clean@120~usual", "cifar10n-clean@250", "cifar10n-clean@2500"),
    *("cifar10n-clean@3000~strangers", "cifar10n-clean@500", "cifar10n-random1@1000", "cifar10n-random1@120"),
    *("cifar10n-random1@500", "mnist@1000~symmetric80", "mnist@120~usual", "plankton118@1500~usual"),
    *("signdigits@1000", "signdigits@1000~strangers", "signdigits@1000~usual", "signdigits@250"),
    *("bloodcells8@1000", "bloodcells8@1000~strangers", "bloodcells8@200", "bloodcells8@400~pair20"),
    *("clothes@500", "imagenette_real@120", "imagenette_real@250", "outdoor", "outdoor@1000~clean"),
    *("outdoor@400~symmetric20", "outdoor@500~rare", "trashnet@1000", "trashnet@1000~hasty"),
    *("trashnet@1000~strangers", "trashnet@1000~usual", "trashnet@150", "trashnet@150~symmetric20"),
    *("trashnet@300", "trashnet@75~usual"),
)
"""Sets of all domains and sizes."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that leaves one ingredient out."""

    models: Sequence[str] = ()
    """Models that are not heard."""
    values: Sequence[tuple[Any, str, Any]] = ()
    """Owner, name and value of what is another then."""
    refit: bool = False
    """Whether the noise model and the class "none" are other ones then, though they hear the same models."""
    curve: Sequence[int] = ()
    """Parts that the learning curve is measured by."""


def _drop_reading(number: int) -> Any:
    """In place of `open_set._regress`: one reading is always 0."""
    regress = open_set._regress

    def fewer(readings: Any, *rest: Any) -> Any:
        some = readings.copy()
        some[:, number] = 0
        return regress(some, *rest)

    return fewer


ONE_BY_ONE = (*CLOSED_FORMS, "discriminant", "neighbors")
CHANGES = {
    "nothing": Change(),
    **{name: Change(models=(name,)) for name in ONE_BY_ONE},
    "the closed forms": Change(models=tuple(CLOSED_FORMS)),
    "the noise model": Change(values=[(consensus, "COMMON", 1e9)]),
    "the pool": Change(values=[(consensus, "SAY", 1.0), (consensus, "COMMON", 1e-9)]),
    "less say where errors are rare": Change(values=[(consensus, "COMMON", 1e-9)]),
    "less say where cells are many": Change(values=[(consensus, "PER_CELL", 1e-9)]),
    "the pull": Change(values=[(consensus, "PULL", 0.0)]),
    "slope": Change(values=[(noise_fit, "_STEEPEST", 0.0)], refit=True),
    "the start from few errors": Change(values=[(noise_fit, "_FEW_ERRORS", noise_fit._MANY_ERRORS)], refit=True),
    "the start from many errors": Change(values=[(noise_fit, "_MANY_ERRORS", noise_fit._FEW_ERRORS)], refit=True),
    "the second round": Change(values=[(noise_fit, "_ROUNDS", 1)], refit=True),
    "cells in the search": Change(values=[(noise_fit, "_SEARCHED", 0)], refit=True),
    "cells": Change(
        values=[(noise_fit, "_SEARCHED", 0), (noise_fit, "refine", lambda _, matrix, *__, **___: matrix)],
        refit=True,
    ),
    "the class none": Change(values=[(pool, "find_open_set", lambda *_, **__: None)]),
    **{
        f"its {name}": Change(values=[(open_set, "_regress", _drop_reading(number))], refit=True)
        for number, name in enumerate(("discriminant", "votes", "strangeness"))
    },
    "its rounds but one": Change(values=[(open_set, "_ROUNDS", 1)], refit=True),
    "the fit without its images": Change(),
    "the learning curve": Change(),
    "the curve that lasts": Change(),
    "its eighths": Change(curve=(4, 2, 1)),
    "its quarters and halves": Change(curve=(8, 1)),
    "labels that look plain": Change(values=[(reading, "HIDDEN", 0.0)]),
    "proof of what is sure": Change(values=[(decide, "bear_out", lambda sure, *_: sure)]),
    "twins": Change(values=[(testimony, "find_twins", lambda *_: [])]),
    "their two heaps": Change(values=[(classes, "_lie_in_two_heaps", lambda *_: False)]),
}
"""What is left out -> the change that makes."""
FIGURES = ("ap", "auroc", "f1", "best_f1", "flagged", "sure", "sure_right", "rate", "seconds")
WITH_NETWORKS = ("trained networks", "the test of networks", "crust", "limit", "sln", "cross_entropy")


@contextmanager
def without(what: str, fitted: pool.ModelPool, kept: dict[Any, Any]) -> Iterator[None]:
    """The models while ``what`` is left out; what that does not change is ``kept``."""
    change, kinds = CHANGES.get(what, Change()), ("models", "references", "trained")
    left_out = tuple(fitted.trained) if what == "trained networks" else change.models or (what,)
    patches: list[Any] = [patch.object(*one) for one in change.values]
    for kind in kinds:
        heard = {name: probs for name, probs in getattr(fitted, kind).items() if name not in left_out}
        patches.append(patch.object(fitted, kind, heard))
    if what == "the test of networks":
        patches.append(patch.object(Gain, "earned", True))
    curve = fitted._curve
    if what == "the learning curve":
        curve = None
    elif what == "the curve that lasts" and curve is not None:
        curve = replace(curve, told=0.0)
    elif change.curve:
        with patch.object(learning_curve, "PARTS", change.curve):
            curve = measure_curve(fitted)
    patches.append(patch.object(fitted, "_curve", curve))
    fit, search = fit_noise_model, find_open_set

    def once(key: Any, make: Any) -> Any:
        if key not in kept:
            kept[key] = make()
        return kept[key]

    def fit_once(models: Any, labels: Any, *, start: Any = None, **how: Any) -> Any:
        if what == "the fit without its images" and start is not None:
            return start
        key = (what if change.refit else "", tuple(models), start is None)
        return once(key, lambda: fit(models, labels, start=start, **how))

    def search_once(noise: Any, labels: Any, **how: Any) -> Any:
        key = ("none", what if change.refit else "", tuple(noise.weights))
        return once(key, lambda: search(noise, labels, **how))

    patches.append(patch.object(pool, "fit_noise_model", fit_once))
    if what != "the class none":
        patches.append(patch.object(pool, "find_open_set", search_once))
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def measure(material: Material, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is left out -> figures and the CPU seconds of the decision."""
    kept, found = dict[Any, Any](), dict[str, dict[str, Any]]()
    for what in names:
        started = time.process_time()
        with without(what, material.fitted, kept):
            found[what] = material.figures()
        found[what]["seconds"] = time.process_time() - started
    return found


def _round(figures: dict[str, Any]) -> dict[str, float]:
    """Those that the tables are made of."""
    return {name: round(float(figures[name]), 4) for name in FIGURES if name in figures}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("sets", nargs="*", default=[*SETS], metavar="SET")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--without", nargs="*", metavar="NAME", help="what is left out, one after the other")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    rows = read_rows(ROWS, empty={})
    names = [*CHANGES, *(WITH_NETWORKS if args.methods else ())]
    names = names if args.without is None else ["nothing", *args.without]
    for one in () if args.table else args.sets:
        how = {"effort": args.effort, "seed": args.seed, "methods": tuple(args.methods), "data": args.data}
        material = gather(one, cache=args.cache, **how)
        about = {"n": len(material.truth), "classes": len(material.fitted.samples.classes)}
        row = rows.setdefault(f"{one} {args.effort} {'+'.join(args.methods)}".strip(), {"without": {}})
        row |= {**about, "wrong": float(material.wrong.mean())}
        row["without"] |= {what: _round(figures) for what, figures in measure(material, names).items()}
        print(one, json.dumps(row["without"]["nothing"]), flush=True)
        write_rows(rows, ROWS)
    write_section("ablation", render(rows), title="What each ingredient brings (`benchmarks/ablation.py`)")


if __name__ == "__main__":
    main()
