"""By how much do unchanged images move when one image is added and everything is fitted anew? For the gate's band.

    python benchmarks/gate.py DATA [--labels FILE] [--images 600] [--tries 10] [--wrong .1] [--effort quick] [--write]

Of DATA ``--images`` are drawn, and the labels of a share ``--wrong`` of them are exchanged at random. One fit is the
baseline; each try adds one further image and fits again, seeds and settings the same. Counted are images that did not
change and that the baseline had not suspected: how many each band above the threshold would let through as new
suspects, and the largest move. Features are embedded once; nothing else is kept between the fits. `check/policy.py`
holds the band, docs/check.md what came out; `--write` adds a line to RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from results_section import make_parser, read_section, write_section

import labelaudit
from labelaudit.audit.document import Audit
from labelaudit.check.policy import REFIT, TOLERANCE
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.types import Samples

BANDS = tuple(sorted({TOLERANCE, *(number / 10 for number in range(1, 9)), REFIT}))


class Move(NamedTuple):
    """What one image more did to the unchanged and unsuspected ones."""

    flagged: int
    """Of them above the threshold now."""
    excess: tuple[float, ...]
    """By how much, largest first."""
    largest: float
    """Largest change of a suspicion, either way."""


def write_images(samples: Samples, rows: list[int], labels: list[int], folder: Path) -> list[Path]:
    """One file for each row in the folder of its class; returns them."""
    files = []
    for row, label in zip(rows, labels, strict=True):
        file = folder / f"class {label:03}" / f"{row}.img"
        file.parent.mkdir(parents=True, exist_ok=True)
        data = samples.images.encoded(row)
        files.append(file.with_suffix(_ending(data)))
        files[-1].write_bytes(data)
    return files


def _ending(data: bytes) -> str:
    known = {b"\x89P": ".png", b"\xff\xd8": ".jpg", b"GI": ".gif", b"BM": ".bmp", b"RI": ".webp", b"II": ".tiff"}
    return known.get(data[:2], ".ppm")


def fit(folder: Path, cache: Path, effort: str) -> Audit:
    """A scan that keeps nothing but features."""
    unfinished = cache / "unfinished"
    audit = labelaudit.scan(folder, effort=effort, cache=cache, seed=0, workers=1)  # type: ignore[arg-type]
    assert not unfinished.exists() or not any(unfinished.glob("*.npz"))
    return audit


def compare(before: Audit, after: Audit) -> Move:
    """Unchanged images that ``before`` had not suspected, as ``after`` sees them."""
    old = {before.identity(row): row for row in range(len(before.samples))}
    pairs = [(old[key], row) for row in range(len(after.samples)) if (key := after.identity(row)) in old]
    was, now = (np.array(rows) for rows in zip(*pairs, strict=True))
    quiet = ~before.decision.is_issue[was] & before.decision.judged[was]
    moved = np.abs(after.decision.suspicion[now] - before.decision.suspicion[was])[quiet]
    above = (after.decision.suspicion[now] - after.decision.threshold)[quiet & after.decision.is_issue[now]]
    excess = tuple(sorted((float(value) for value in above), reverse=True))
    return Move(len(excess), excess, float(moved.max(initial=0.0)))


def measure(data: Path, labels: Path | None, chosen: argparse.Namespace, seed: int = 0) -> list[Move]:
    """All tries on one dataset."""
    samples, _ = ingest(open_source(data, labels=labels))
    draw = np.random.default_rng(seed)
    rows = draw.permutation(len(samples))[: chosen.images + chosen.tries].tolist()
    given = samples.labels[rows].copy()
    classes = len(samples.classes)
    wrong = draw.random(len(rows)) < chosen.wrong
    given[wrong] = (given[wrong] + draw.integers(1, classes, int(wrong.sum()))) % classes
    moves = []
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place) / "data", Path(place) / "cache"
        write_images(samples, rows[: chosen.images], given[: chosen.images].tolist(), folder)
        before = fit(folder, cache, chosen.effort)
        for number in range(chosen.tries):
            at = chosen.images + number
            (added,) = write_images(samples, [rows[at]], [int(given[at])], folder)
            moves.append(compare(before, fit(folder, cache, chosen.effort)))
            os.unlink(added)  # noqa: PTH108
            print(f"  {number + 1}: {moves[-1].flagged} flagged, by {moves[-1].excess[:3]}", flush=True)
    return moves


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--wrong", type=float, default=0.1)
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--write", action="store_true", help="a line into RESULTS.md")
    chosen = parser.parse_args()
    moves = measure(chosen.data, chosen.labels, chosen)
    counts = [sum(value >= band for move in moves for value in move.excess) for band in BANDS]
    tries = [sum(any(value >= band for value in move.excess) for move in moves) for band in BANDS]
    highest = max((value for move in moves for value in move.excess), default=0.0)
    setting = f"{chosen.data.stem}, {chosen.images:,} images, {chosen.wrong:.0%} exchanged, {chosen.effort}"
    blamed = " / ".join(f"{count} in {n}" for count, n in zip(counts, tries, strict=True))
    line = f"| {setting} | {chosen.tries} | {max(move.largest for move in moves):.2f} | {highest:.2f} | {blamed} |"
    bands = " / ".join(f"{band:g}" for band in BANDS)
    head = f"| data | tries | largest move | highest above the threshold | blamed at {bands} |"
    print(head, "|---|---|---|---|---|", line, sep="\n")
    if chosen.write:
        old = read_section("gate") or f"{head}\n|---|---|---|---|---|"
        write_section("gate", f"{old}\n{line}", title="One image more at a gate (`benchmarks/gate.py`)")


if __name__ == "__main__":
    main()
