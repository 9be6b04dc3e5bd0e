"""What does each ingredient of a scan bring? The models of every pack fitted once, then decisions without each of them.

    python benchmarks/ablation.py [PACK …] [--effort quick] [--seed 0] [--methods crust limit sln] [--data FOLDER]

Average precision (AP), and F1 of the flags over the best F1 of the ranking; the first row is the tool as it is. What is
left out is left out of the pool and of all that follows. Networks are trained only where ``--methods`` are named. The
table in benchmarks/RESULTS.md is rewritten with the packs of this run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from material import CACHE, DATA, SETS, gather
from results_section import write_section

from labelaudit.judge import consensus
from labelaudit.judge.judge import CLOSED_FORMS
from labelaudit.judge.pool import Gain
from labelaudit.scanning import pool

VIEWS = {"the noise model": 0.0, "the pool": 1.0}
"""What is left out -> the noise model's say in the answer then."""


@contextmanager
def without(what: str, fitted: pool.ModelPool) -> Iterator[None]:
    """The models while ``what`` is left out of the pool and of the noise model."""
    kinds = ("models", "references", "trained")
    named = {kind: dict(getattr(fitted, kind)) for kind in kinds}
    left_out = {
        "trained networks": tuple(named["trained"]),
        "the closed forms": CLOSED_FORMS,
        **{name: (name,) for models in named.values() for name in models},
    }.get(what, ())
    patches: list[Any] = [patch.object(fitted, kind, _fewer(named[kind], left_out)) for kind in kinds]
    if what == "the test of trained networks":
        patches.append(patch.object(Gain, "earned", True))
    elif what == "the class none":
        patches.append(patch.object(pool, "find_open_set", lambda *_, **__: None))
    elif what in VIEWS:
        patches += [patch.object(consensus, "SAY", VIEWS[what]), patch.object(consensus, "COMMON", 1e-9)]
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def _fewer(models: dict[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    return {name: probs for name, probs in models.items() if name not in left_out}


def measure(pack: str, methods: tuple[str, ...], **how: Any) -> dict[str, dict[str, float]]:
    """What is left out -> figures, the whole first; ``how`` as in `gather`."""
    material = gather(pack, methods=methods, **how)
    fitted, found = material.fitted, dict[str, dict[str, float]]()
    networks = ("trained networks", "the test of trained networks", *fitted.trained) if methods else ()
    for what in (
        *("nothing", "the closed forms", *fitted.models, *fitted.references, *networks),
        *("the noise model", "the pool", "the class none"),
    ):
        with without(what, fitted):
            found[what] = material.figures()
        print(pack, what, {key: round(value, 4) for key, value in found[what].items()}, flush=True)
    return found


def render(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The Markdown table: mean and single packs."""
    lines = [
        "| without | mean AP | mean F1 / best | " + " | ".join(f"{pack} AP" for pack in found) + " |",
        "|---|" + "---|" * (len(found) + 2),
    ]
    for what in next(iter(found.values())):
        rows = [rows[what] for rows in found.values()]
        aps, shares = [row["ap"] for row in rows], [row["f1"] / row["best_f1"] for row in rows]
        cells = [f"{np.mean(aps):.4f}", f"{np.mean(shares):.3f}", *(f"{ap:.3f}" for ap in aps)]
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="*", default=list(SETS), metavar="PACK")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    args = parser.parse_args()
    how = {"effort": args.effort, "seed": args.seed, "data": args.data, "cache": args.cache}
    found = {pack: measure(pack, tuple(args.methods), **how) for pack in args.packs}
    said = f"Seed {args.seed}, effort {args.effort}, networks: {', '.join(args.methods) or 'none'}."
    write_section(
        "ablation", f"{said}\n\n{render(found)}", title="What each ingredient brings (`benchmarks/ablation.py`)"
    )


if __name__ == "__main__":
    main()
