"""Where does a scan fail? Every pack, spoiled in seven ways or with people's labels, at three sizes and in three
shapes, beside the ten lines.

    python benchmarks/sweep.py [PACK …] [--sizes 100 300 1000] [--draw 0] [--table]

Images of a pack, whose true labels are spoiled as in spoil.py or, as "people", given as people gave them, are drawn in
these shapes:

    balanced    as many of each class
    fivefold    five times as many of one class
    eight       eight of one class, and as many of each other

Of many classes as many are drawn as leave ten images each. Models and features are those that `quick` takes of so many
images, without networks. A cell fails where average precision is .03 behind the ten lines, F1 of the flags is below .6
of the best that any threshold reaches, the interval of the rate misses the truth, or a clean set is flagged beyond 2 %.
Rows go to benchmarks/results/sweep.json. In benchmarks/RESULTS.md the failures are counted, and cells that are behind,
or whose interval misses the truth, are listed.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from material import Material, fit
from measures import Labels, flags, ranking
from packs import embed_as_scanned, embed_by, ten_lines
from results_section import CACHE, DATA, HERE, make_parser, read_rows, write_rows, write_section
from sets import load
from spoil import spoil

from labelaudit.machine import Machine
from labelaudit.scanning.settings import ScanSettings
from labelaudit.text import markdown_table
from labelaudit.types import Features, Samples

ROWS = HERE / "results" / "sweep.json"
PACKS = (
    *("outdoor", "trashnet", "bloodcells8", "signdigits", "cifar10n-clean@3000", "caltech20", "clothes"),
    *("mnist@2000", "plankton118", "omniglot136", "tinyphotos"),
)
SPOILED = ("clean", "rare", "symmetric5", "symmetric20", "symmetric40", "pair20", "usual")
ERRED = ("cifar10n-aggre@3000", "cifar10n-random1@3000", "cifar10n-worse@3000")
HOWS = {
    **dict.fromkeys(PACKS, SPOILED),
    **dict.fromkeys(("outdoor", "clothes"), (*SPOILED, "people")),
    **dict.fromkeys(ERRED, ("people",)),
}
"""Pack -> what its labels are; those of `ERRED` are not spoiled, as others of the same images are."""
SHAPES = ("balanced", "fivefold", "eight")
SIZES = (100, 300, 1000)
BEHIND, SHARE, ALARMS = 0.03, 0.6, 0.02
"""Average precision behind the ten lines, share of the best F1, and share of a clean set flagged, from which a cell
fails."""
SETTINGS = ScanSettings(effort="quick", train="features", methods=(), precision="float32")
_EACH, _WHOLE = 10, 0.7  # images of a class at least; share of the size that a pack must have


def draw(truth: Labels, size: int, shape: str, generator: np.random.Generator) -> Labels | None:
    """Rows of about ``size`` samples in this shape, ``None`` where there are too few."""
    names = np.unique(truth[truth >= 0])
    names = generator.permutation(names)[: max(2, size // _EACH)]
    each = size // len(names)
    counts = dict.fromkeys(names.tolist(), each)
    first = names.tolist()[0]
    if shape == "fivefold":
        counts = dict.fromkeys(names.tolist(), max(2, size // (len(names) + 4)))
        counts[first] *= 5
    elif shape == "eight":
        counts = dict.fromkeys(names.tolist(), (size - 8) // (len(names) - 1))
        counts[first] = 8
    rows = [generator.permutation(np.flatnonzero(truth == name))[:count] for name, count in counts.items()]
    found = np.sort(np.concatenate(rows))
    return found if len(found) >= _WHOLE * size else None


def measure(
    samples: Samples, truth: Labels, size: int, shape: str, how: str, number: int, machine: Machine
) -> dict[str, Any] | None:
    """Figures of one cell, of the draw with this ``number``."""
    generator = np.random.default_rng([number, size, zlib.crc32(shape.encode())])
    rows = draw(truth, size, shape, generator)
    if rows is None:
        return None
    names = np.unique(truth[rows])
    rows = rows[np.isin(samples.labels[rows], names)] if how == "people" else rows
    right, named = np.searchsorted(names, truth[rows]), tuple(samples.classes[name] for name in names.tolist())
    some = replace(samples.take(rows), labels=np.searchsorted(names, samples.labels[rows]), classes=named)
    if how != "people":
        some, right = spoil(replace(some, labels=right), right, how, number)
    fitted = fit(some, embed_as_scanned(some, SETTINGS, machine), SETTINGS, machine)
    material = Material(name=how, fitted=fitted, truth=right)
    wrong = material.wrong
    row = {"n": len(rows), "classes": len(some.classes), "wrong": float(wrong.mean()), **material.figures()}
    if wrong.any():
        row["ten"] = by_ten_lines(embed_by(some, ["lite0@224"], machine), some.labels, wrong)
    return row


def by_ten_lines(features: Features, labels: Labels, wrong: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Figures of the ten lines on these ``features`` (n, d)."""
    from cleanlab.filter import find_label_issues

    probs = ten_lines(features, labels)
    found = flags(find_label_issues(labels, probs, n_jobs=1), wrong)
    return ranking(1 - probs[np.arange(len(labels)), labels], wrong) | found


def failures(row: Mapping[str, Any]) -> list[str]:
    """What fails in a cell, in words."""
    said, (low, high) = [], row["interval"]
    if "ten" in row:
        if row["ten"]["ap"] - row["ap"] > BEHIND:
            said.append("behind")
        if row["f1"] < SHARE * row["best_f1"]:
            said.append("flags")
    elif row["flagged"] > ALARMS:
        said.append("alarms")
    if not low - 1e-9 <= row["wrong"] <= high + 1e-9:
        said.append("interval")
    return said


def render(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Means and failures by way and size, and a line for each cell that is behind or whose interval misses the
    truth."""
    failed = {name: failures(row) for name, row in rows.items()}
    kinds = ("behind", "flags", "interval", "alarms")
    lines = []
    for how in (*SPOILED, "people"):
        for size in sorted({int(name.split()[1]) for name in rows}):
            some = [name for name in rows if name.split()[1] == str(size) and name.split()[3] == how]
            if some:
                counts = [sum(kind in failed[name] for name in some) for kind in kinds]
                said = _average([rows[name] for name in some])
                lines.append((how, str(size), str(len(some)), *said, *(str(count) for count in counts)))
    worst = []
    for name, row in rows.items():
        if {"behind", "interval"} & {*failed[name]}:
            pack, size, shape, how, number = name.split()
            ten = f"{row['ten']['ap']:.3f}" if "ten" in row else ""
            low, high = row["interval"]
            found = (f"{row['ap']:.3f}", ten, f"{row['f1']:.2f} / {row['best_f1']:.2f}") if ten else ("", "", "")
            read = f"{low:.1%} to {high:.1%}"
            about = (pack, size, shape, how, number, f"{row['wrong']:.1%}", *found, f"{row['flagged']:.1%}", read)
            worst.append((*about, ", ".join(failed[name])))
    means = ("AP", "ten lines", "F1 / best", "flagged", "sure: right / all")
    first = markdown_table(("labels", "size", "cells", *means, *kinds), lines)
    head = ("pack", "size", "shape", "labels", "draw", "wrong", "AP", "ten lines", "F1 / best", "flagged", "interval")
    return f"{first}\n\n{markdown_table((*head, 'fails'), worst)}"


def _average(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Means of some cells, and the sure labels of all of them; those with wrong labels alone have an order to judge."""
    wrong = [row for row in rows if "ten" in row]
    found = [(row["ap"], row["ten"]["ap"], row["f1"] / row["best_f1"]) for row in wrong]
    judged = [f"{mean:.3f}" for mean in np.mean(found, axis=0)] if found else ["", "", ""]
    sure, right = (sum(row[key] for row in rows) for key in ("sure", "sure_right"))
    return (*judged, f"{np.mean([row['flagged'] for row in rows]):.1%}", f"{right:,} / {sure:,}")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("packs", nargs="*", default=list(HOWS), metavar="PACK")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--table", action="store_true", help="measure nothing, write the table anew")
    args = parser.parse_args()
    rows = read_rows(args.rows, empty={})
    machine = Machine(device="cpu", cache=args.cache, workers=1)
    for pack in () if args.table else args.packs:
        with tempfile.TemporaryDirectory() as folder:
            samples, truth = load(pack, args.data, Path(folder))
            for size, shape, how in product(args.sizes, args.shapes, HOWS[pack]):
                row = measure(samples, truth, size, shape, how, args.draw, machine)
                if row is not None:
                    name = f"{pack} {size} {shape} {how} {args.draw}"
                    rows[name] = row
                    print(name, failures(row), json.dumps(row), flush=True)
                    write_rows(rows, args.rows)
    if args.rows == ROWS:
        write_section("sweep", render(rows), title="Where a scan fails (`benchmarks/sweep.py`)")


if __name__ == "__main__":
    main()
