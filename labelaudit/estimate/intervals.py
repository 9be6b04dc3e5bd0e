"""Precision and recall of the flags and the noise rate, with intervals that hold.

Wrong labels among the flagged (A) and the unflagged (B) each have a distribution for their lower and for their upper
limit (`labelaudit.estimate.cells`). They are melded (Fay, Proschan and Brittain 2015, "Combining one-sample confidence
procedures for inference in the two-sample case", Biometrics 71): recall = A/(A+B) takes A low and B high for its lower
limit and the reverse for its upper one. Left out: difference and regression estimators with normal intervals, which
have no width where no error was drawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.estimate.cells import Cells, count_cells, draw_unseen, expected_wrong
from labelaudit.estimate.sampling import UNPLANNED, ReviewPlan, align_plan
from labelaudit.text import count
from labelaudit.types import Floats
from labelaudit.verdicts import Reviewed

CONFIDENCE = 0.9
FEW = 10
"""Verdicts below which a best guess is the scan's opinion rather than the reviewer's: cells without a verdict are taken
at their suspicion."""
WIDEST = 0.3
"""Width of a 90 % interval of a share up to which the share is worth showing as a number."""
_DRAWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that is not known exactly."""

    value: float | None
    """Best guess; None where nothing says anything, such as a precision without flags."""
    low: float
    high: float
    """Ends of the 90 % interval, 5 % outside at each."""

    @property
    def is_precise(self) -> bool:
        """Whether a share is known, with an interval that is at most `WIDEST` wide."""
        return self.value is not None and self.high - self.low <= WIDEST

    def __str__(self) -> str:
        shown = "unknown" if self.value is None else f"{self.value:.1%}"
        return f"{shown} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Precision and recall of the flags and the noise rate of the dataset, estimated from a review."""

    precision: Quantity
    """Share of the flagged whose label is wrong."""
    recall: Quantity
    """Share of the wrong labels that are flagged."""
    noise_rate: Quantity
    """Share of the labels that are wrong."""
    wrong: Quantity
    """Number of wrong labels in the dataset."""
    samples: int
    flagged: int
    planned: int
    """Samples in the plan."""
    reviewed: int
    """Verdicts that count: in the plan's order without gaps, or worst-first from the top."""
    found: int
    """Wrong labels among them."""
    missing: int
    """Looked at without a verdict: could not be told, or reviewers disagree."""
    left: int
    """Samples in the plan that nobody has looked at."""
    strata: tuple[dict[str, Any], ...]
    """Per stratum: flagged, suspicion, size, reviewed, wrong."""
    notes: tuple[str, ...] = ()

    @property
    def is_opinion(self) -> bool:
        """Whether so little is reviewed that the best guesses are mostly the scan's: look at the intervals first."""
        return self.reviewed < min(FEW, self.samples)

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {**asdict(self), "confidence": CONFIDENCE, "strata": list(self.strata), "notes": list(self.notes)}


def melded_intervals(
    flagged: tuple[Floats, Floats], unflagged: tuple[Floats, Floats], flags: int, samples: int
) -> dict[str, tuple[Floats, Floats]]:
    """Limits (...,) of precision, recall, noise_rate and wrong from draws (..., draws) of total wrong labels."""
    tail = (1 - CONFIDENCE) / 2

    def ends(low: Floats, high: Floats) -> tuple[Floats, Floats]:
        return np.quantile(low, tail, axis=-1), np.quantile(high, 1 - tail, axis=-1)

    (a_low, a_high), (b_low, b_high) = flagged, unflagged
    wrong = ends(a_low + b_low, a_high + b_high)
    inside = ends(a_low, a_high)
    recall = ends(share_of(a_low, b_high, empty=0.0), share_of(a_high, b_low, empty=1.0))
    return {
        "precision": (inside[0] / max(flags, 1), inside[1] / flags if flags else np.ones_like(inside[1])),
        "recall": recall,
        "noise_rate": (wrong[0] / max(samples, 1), wrong[1] / max(samples, 1)),
        "wrong": wrong,
    }


def share_of(a: Floats | float, b: Floats | float, *, empty: float) -> Floats:
    """``a`` of ``a`` and ``b`` together, in [0, 1]; ``empty`` where both are 0."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return np.where(a + b > 0, a / np.maximum(a + b, 1e-12), empty)


def estimate(audit: Audit, plan: ReviewPlan, reviewed: Reviewed) -> Estimate:
    """Precision and recall of the flags and the noise rate, each with a 90 % interval.

    Deterministic. What could not be told is taken to be like what could, within its cell.

    Args:
        audit: the scan whose flags are in question; may be later than the plan.
        plan: of `plan_reviews`.
        reviewed: verdicts matched to ``audit``.
    """
    plan = align_plan(plan, audit)
    cells = count_cells(audit, plan, reviewed)
    generator = np.random.default_rng([plan.seed, 5])
    drawn, nothing = [], (np.zeros(_DRAWS), np.zeros(_DRAWS))
    for flagged in (True, False):
        mine = cells.flagged == flagged
        size, judged, wrong = cells.size[mine], cells.judged[mine], cells.wrong[mine]
        low, high = draw_unseen(size, judged, wrong, generator=generator, draws=_DRAWS) if mine.any() else nothing
        drawn.append((low + wrong.sum(), high + wrong.sum()))
    n, flags = len(audit.samples), int(audit.blind[1].sum())
    limits = melded_intervals(drawn[0], drawn[1], flags, n)
    each = expected_wrong(audit, cells)
    a, b = float(each[cells.flagged].sum()), float(each[~cells.flagged].sum())
    values = {
        "precision": a / flags if flags else None,
        "recall": a / (a + b) if a + b > 0 else None,
        "noise_rate": (a + b) / n if n else None,
        "wrong": a + b,
    }
    quantities = {name: quantity(values[name], *limits[name]) for name in values}
    return Estimate(
        **quantities,
        samples=n,
        flagged=flags,
        planned=len(plan.rows),
        reviewed=int(cells.judged.sum()),
        found=int(cells.wrong.sum()),
        missing=int(cells.missing.sum()),
        left=len(plan.rows) - int(cells.missing.sum()) - _settled(plan, reviewed),
        strata=_strata(plan, cells),
        notes=_notes(audit, plan, reviewed, cells),
    )


def _settled(plan: ReviewPlan, reviewed: Reviewed) -> int:
    """Planned samples that have a verdict."""
    return sum(row in reviewed.settled for row in plan.rows)


def quantity(value: float | None, low: Floats | np.floating, high: Floats | np.floating) -> Quantity:
    """A number between ``low`` and ``high``, which are moved where its best guess lies outside."""
    ends = float(low), float(high)
    if value is None:
        return Quantity(value=None, low=ends[0], high=ends[1])
    return Quantity(value=value, low=min(ends[0], value), high=max(ends[1], value))


def _strata(plan: ReviewPlan, cells: Cells) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            **stratum.record(),
            "reviewed": int(cells.judged[cells.stratum == index].sum()),
            "wrong": int(cells.wrong[cells.stratum == index].sum()),
        }
        for index, stratum in enumerate(plan.strata)
    )


def _notes(audit: Audit, plan: ReviewPlan, reviewed: Reviewed, cells: Cells) -> tuple[str, ...]:
    """Sentences for a person about verdicts that are few, missing, waiting or not counted."""
    notes = []
    if (judged := int(cells.judged.sum())) < min(FEW, len(audit.samples)):
        notes.append(
            f"With {count(judged, 'verdict')} the point values are mostly the scan's own opinion: rely on "
            f"the intervals, or review more; from {FEW} on they come first."
        )
    lost = int(cells.missing.sum())
    if lost:
        ends = []
        for wrong in (cells.wrong, cells.wrong + cells.missing):
            share = wrong / np.maximum(cells.judged + cells.missing, 1)
            measured = np.where(cells.judged + cells.missing > 0, share * cells.size, expected_wrong(audit, cells))
            ends.append(float(measured.sum()) / max(len(audit.samples), 1))
        notes.append(
            f"Reviewed without a verdict (could not be told, or reviewers disagree): {count(lost, 'image')}, taken to "
            "be like the others of the same part of the dataset; were they all right or all wrong, the noise rate "
            f"would read {ends[0]:.1%} or {ends[1]:.1%}."
        )
    unknown = {verdict.identity: verdict.right for verdict in reviewed.strangers}  # on an image here: its class is not
    strange = [row for row in plan.rows if audit.identity(row) in unknown and row not in reviewed.settled]
    if strange:
        right = unknown[audit.identity(strange[0])]
        notes.append(
            f"{count(len(strange), 'planned image counts', 'planned images count')} as not looked at, and those drawn "
            "afterwards in the same stratum wait: the verdict names a class that the audit does not have, first "
            f"{audit.samples.ids[strange[0]]} ('{right}'). Judge them again; \"no class fits\" counts as a wrong label."
        )
    new = int(((plan.stratum_of == UNPLANNED) & ~cells.seen[cells.cell_of]).sum())
    if new:
        left = count(new, "image is", "images are")
        notes.append(f"{left} not in the plan: the intervals allow for all of them right or all wrong.")
    blind = (cells.judged == 0) & (cells.stratum != UNPLANNED)
    if blind.any():
        notes.append(
            f"Without a verdict yet: {int(blind.sum())} of {len(blind)} parts of the dataset "
            f"({count(int(cells.size[blind].sum()), 'image')}); the intervals allow for all of them right or all wrong."
        )
    if plan.gone:
        notes.append(f"{count(plan.gone, 'image of the plan is', 'images of the plan are')} gone from the dataset.")
    waiting = _settled(plan, reviewed) - judged
    if waiting > 0:
        notes.append(
            f"{count(waiting, 'verdict waits', 'verdicts wait')} for planned images drawn before: in each stratum "
            "verdicts count in the order of the draw."
        )
    unused = len(reviewed.settled) - judged - max(waiting, 0)
    if unused > 0:
        many = f"{unused:,} verdicts on images" if unused > 1 else "1 verdict on an image"
        them = "them" if unused > 1 else "it"
        notes.append(
            f"{many} outside the plan {'do' if unused > 1 else 'does'} not count here: which images were picked for "
            f"{them} was not left to chance."
        )
    return tuple(notes)
