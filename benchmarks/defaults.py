"""Would the defaults have been chosen on other sets? Each constant by leave-one-domain-out.

    python benchmarks/defaults.py [PACK …] [--effort quick] [--data ../shared/data] [--cache DIR]

The models of every pack are fitted once. Then each constant of `RANKING` and `FLAGS` takes every value of its grid, the
others as they are. For each domain the value is taken that is best on the mean of the other domains; the default's
score there less that value's is the cost: positive where the default, chosen on the set itself, flatters. Packs with
the same images are one domain. Constants of the ranking are judged by average precision (AP); those of the flags by
their F1 over the best F1 of the ranking, and on clean packs by one less ten times the share flagged. Scores go to
benchmarks/results/defaults.json pack by pack; the table in benchmarks/RESULTS.md is rewritten from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from material import CLEAN_SETS, SETS, Material, gather, measure_curve
from results_section import CACHE, DATA, HERE, make_parser, read_rows, write_rows, write_section

from labelaudit.judge import consensus, learning_curve, open_set, reading
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.open_set import find_open_set
from labelaudit.scanning import pool
from labelaudit.text import markdown_table

ROWS = HERE / "results" / "defaults.json"
Grids = Mapping[str, tuple[ModuleType, tuple[float, ...]]]
RANKING: Grids = {
    "PULL": (consensus, (0.003, 0.01, 0.03, 0.1, 0.3)),
    "SAY": (consensus, (0.2, 0.3, 0.4, 0.5)),
    "COMMON": (consensus, (0.001, 0.02, 0.05, 0.1, 0.2)),
    "EACH": (open_set, (0.05, 0.1, 0.2, 0.4)),
    "BY_CHANCE": (open_set, (2.0, 3.0, 5.0, 1e9)),
}
"""Constant of the ranking -> its module, and the values that are tried; the last of `BY_CHANCE` is no class "none"."""
FLAGS: Grids = {
    "HIDDEN": (reading, (1.0, 2.0, 2.5, 3.0)),
    "STANDING_OUT": (learning_curve, (0.15, 0.3, 0.5)),
    "FADING": (learning_curve, (0.3, 0.4, 0.5)),
    "FADING_CLEAR": (learning_curve, (0.5, 0.6, 0.8)),
    "TOLD": (learning_curve, (25.0, 35.0, 50.0, 100.0)),
    "THRICE": (reading, (2.0, 3.0, 4.0)),
    "ALIKE": (reading, (1.0, 2.0, 4.0, 8.0)),
}
"""Constant of the flags -> as above."""


def domain(pack: str) -> str:
    """The images of a pack, whatever their labels."""
    name = pack.partition("@")[0].partition("~")[0]
    return "cifar10n" if name.startswith("cifar10n") else name


def sweep(material: Material) -> dict[tuple[str, float], float]:
    """(constant, value) -> score of the pack."""
    found: dict[tuple[str, float], float] = {}
    with _fitted_once():
        for grids in (RANKING, FLAGS):
            for constant, (module, values) in grids.items():
                if grids is RANKING and not material.wrong.any():
                    continue
                for value in values:
                    with patch.object(module, constant, value), _curve_anew(material, module):
                        found[constant, value] = _score(material.figures(), flags=grids is FLAGS)
                tried = {value: round(found[constant, value], 4) for value in values}
                print(material.name, constant, tried, flush=True)
    return found


@contextmanager
def _fitted_once() -> Iterator[None]:
    """What a constant does not change is fitted once: noise models, the class "none", the parts of the curve."""
    fit, search, judge, kept = fit_noise_model, find_open_set, learning_curve._judge, dict[Any, Any]()

    def once(key: Any, make: Callable[[], Any]) -> Any:
        if key not in kept:
            kept[key] = make()
        return kept[key]

    def fit_once(models: Any, labels: Any, *, start: Any = None, **how: Any) -> Any:
        taken = None if start is None else (open_set.EACH, open_set.BY_CHANCE)
        return once(("noise", taken), lambda: fit(models, labels, start=start, **how))

    def search_once(*found: Any, **how: Any) -> Any:
        return once(("none", open_set.EACH, open_set.BY_CHANCE), lambda: search(*found, **how))

    def judge_once(*part: Any) -> Any:
        return once((part[-1], learning_curve.STANDING_OUT), lambda: judge(*part))

    with (
        patch.object(pool, "fit_noise_model", fit_once),
        patch.object(pool, "find_open_set", search_once),
        patch.object(learning_curve, "_judge", judge_once),
    ):
        yield


def _curve_anew(material: Material, module: ModuleType) -> Any:
    """The learning curve is part of the models: measured again where its own constants change."""
    fitted = material.fitted
    curve = measure_curve(fitted) if module is learning_curve else fitted._curve
    return patch.object(fitted, "_curve", curve)


def _score(figures: Mapping[str, float], *, flags: bool) -> float:
    if "ap" not in figures:
        return max(0.0, 1 - 10 * figures["flagged"])
    return figures["f1"] / figures["best_f1"] if flags else figures["ap"]


def compare(scores: Mapping[str, Mapping[tuple[str, float], float]]) -> Iterator[tuple[str, ...]]:
    """Cells of a line of the table for each constant."""
    for constant, (module, values) in {**RANKING, **FLAGS}.items():
        packs = [pack for pack in scores if (constant, values[0]) in scores[pack]]
        table = {pack: np.array([scores[pack][constant, value] for value in values]) for pack in packs}
        domains = sorted({domain(pack) for pack in packs})
        of = {one: np.mean([table[pack] for pack in packs if domain(pack) == one], axis=0) for one in domains}
        default = values.index(getattr(module, constant))
        chosen, costs = [], []
        for left_out in domains:
            best = int(np.mean([of[one] for one in domains if one != left_out], axis=0).argmax())
            chosen.append(values[best])
            costs.append(float(of[left_out][default] - of[left_out][best]))
        means = np.mean([of[one] for one in domains], axis=0)
        picked = ", ".join(f"{value:g} ({chosen.count(value)})" for value in sorted(set(chosen)))
        worst = max(range(len(domains)), key=lambda at: abs(costs[at]))
        yield (
            *(f"`{module.__name__.rpartition('.')[2]}.{constant}`", f"{values[default]:g}"),
            ", ".join(f"{value:g}: {mean:.3f}" for value, mean in zip(values, means.tolist(), strict=True)),
            *(picked, f"{np.mean(costs):+.4f}", f"{costs[worst]:+.3f} ({domains[worst]})"),
        )


def render(scores: Mapping[str, Mapping[tuple[str, float], float]]) -> str:
    """The Markdown table."""
    head = ("constant", "default", "mean score at each value", "chosen without a domain (how often)", "cost", "largest")
    return markdown_table(head, compare(scores))


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("packs", nargs="*", default=[*SETS, *CLEAN_SETS], metavar="PACK")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    args = parser.parse_args()
    how = {"effort": args.effort, "data": args.data, "cache": args.cache}
    kept = read_rows(ROWS, empty={})
    for pack in args.packs:
        kept[pack] = [[*key, score] for key, score in sweep(gather(pack, **how)).items()]
        write_rows(kept, ROWS)
    scores = {pack: {(name, value): score for name, value, score in rows} for pack, rows in kept.items()}
    write_section("defaults", render(scores), title="Defaults, chosen on other sets (`benchmarks/defaults.py`)")


if __name__ == "__main__":
    main()
