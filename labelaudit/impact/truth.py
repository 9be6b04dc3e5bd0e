"""Labels that people stand for: the reviewed samples of a RUN. What is supplied comes from `measuring`.

Left out: reviewed images that no class is right for; a model cannot be right about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.errors import DataError
from labelaudit.estimate.estimate_file import load_plan
from labelaudit.text import count
from labelaudit.types import Floats, Ints
from labelaudit.verdicts import Reviewed

FEWEST = 20
"""Test images below which nothing can be told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Images whose labels people stand for."""

    labels: Ints
    """(m,) indices into the classes of the training."""
    weights: Floats
    """(m,) samples that each image stands for."""
    kind: str
    """As `Impact.test`."""
    rows: Ints | None = None
    """(m,) rows of the training samples that they are; None where they are other images."""
    notes: tuple[str, ...] = ()


def reviewed_truth(audit: Audit, reviewed: Reviewed, run: Path) -> Truth:
    """The samples whose right class a person named; drawn by a plan, each stands for its share of the dataset."""
    code = {name: number for number, name in enumerate(audit.samples.classes)}
    known = {row: code[v.right] for row, v in reviewed.settled.items() if v.right is not None}
    plan = load_plan(run, audit)
    planned = [] if plan is None else [row for row in plan.rows if row in known]
    none = len(reviewed.settled) - len(known)
    notes = [f"{count(none, 'reviewed image')} of no class: not tested on."] if none else []
    if plan is None or len(planned) < FEWEST:
        notes.append(
            "The reviewed images are not a random sample of the dataset: this is how the models do on them. "
            "`labelaudit estimate RUN` plans a review that stands for all of it; `test` takes labels of your own."
        )
        rows = np.array(sorted(known), dtype=np.int64)
        weights, kind = np.ones(len(rows)), "reviewed"
    else:
        rows = np.array(planned, dtype=np.int64)
        stratum = plan.stratum_of[rows].astype(np.int64)
        sizes = np.array([part.size for part in plan.strata], dtype=np.float64)
        weights, kind = sizes[stratum] / np.bincount(stratum, minlength=len(sizes))[stratum], "reviewed sample"
    labels = np.array([known[row] for row in rows.tolist()], dtype=np.int64)
    return Truth(labels=labels, weights=weights, kind=kind, rows=rows, notes=tuple(notes))


def require_images(test: Truth) -> None:
    if len(test.labels) < FEWEST:
        supplied = test.kind == "supplied"
        where = "supplied" if supplied else "reviewed"
        advice = (
            "give `test` images that the scan has not seen"
            if supplied
            else ("review more, or give `test` DATA with labels that are right")
        )
        why = f" ({' '.join(test.notes).rstrip('.')})" if supplied and test.notes else ""
        raise DataError(f"too few test images: {len(test.labels)} {where}, {FEWEST} is the least{why}: {advice}")
