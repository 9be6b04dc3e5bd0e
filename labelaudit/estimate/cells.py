"""The cells of a review, and what the judged in them say about those that nobody looked at.

The dataset falls into cells: stratum of the plan x flagged or not x already seen worst-first or not. In each, the
judged are a simple random sample of the cell, so k wrong among m judged of N is a hypergeometric count. A sum over
cells has rare events in huge cells, where the usual intervals fail: a normal one has no width at k = 0, and a Jeffreys
prior in each of a dozen cells adds up to errors that are not there (simulated: 90 % intervals that hold in 0 % of the
reviews at a noise rate of .2 %). What holds is the construction of Fay and Feuer (1997, "Confidence intervals for
directly standardized rates", Statistics in Medicine 16): each cell brings Beta(k, m - k), degenerate where k = 0 or
k = m, and *one* pseudo-verdict goes to the cell of greatest weight N/m, wrong for the upper limit and right for the
lower. Of the draws, three in four take the pseudo-verdict on the limit's own side and one on the other: between the
exact procedure (all) and mid-p (half, Fay and Kim 2017), the share at which simulated coverage stays above 88 % on
every set (benchmarks/estimate.py).

Left out: models that borrow strength from the suspicion. They narrow the intervals where the model is calibrated, and
break where it is not, which is what the review is there to find out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.estimate.sampling import UNPLANNED, ReviewPlan, reviewed_from_top
from labelaudit.types import Bools, Floats, Ints
from labelaudit.verdicts import Reviewed

_OWN_SIDE = 3 / 4
_FEW = 6
"""A cell with fewer verdicts gets a pseudo-verdict of its own: five equal verdicts are not a certainty."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Counts per cell; within a cell the judged are a simple random sample."""

    size: Ints
    """(c,) samples."""
    judged: Ints
    """(c,) of these with a verdict that counts."""
    wrong: Ints
    """(c,) of these with a wrong label."""
    missing: Ints
    """(c,) seen without a verdict."""
    flagged: Bools
    """(c,)"""
    seen: Bools
    """(c,) part of the worst-first run from the top."""
    stratum: Ints
    """(c,) index into the plan's strata, `UNPLANNED` for none."""
    counts: Bools
    """(n,) which samples' verdicts count."""
    is_wrong: Bools
    """(n,) judged wrong."""
    cell_of: Ints
    """(n,) index into the cells."""


def count_cells(audit: Audit, plan: ReviewPlan, reviewed: Reviewed) -> Cells:
    """Sort the verdicts into cells.

    A plan's verdict counts up to the first sample of its cell that nobody has looked at, in the order of the draw: what
    is judged by then is a random sample of the cell even when the queue was left early or jumped about in.
    """
    n = len(audit.samples)
    seen, answers = reviewed.seen(n), reviewed.answers(n)
    judged, is_wrong = answers >= 0, answers == 1
    top = np.zeros(n, dtype=np.bool_)
    top[audit.blind_order[: reviewed_from_top(audit, reviewed)]] = True
    code = (plan.stratum_of.astype(np.int64) * 2 + audit.blind[1]) * 2 + top
    used = np.flatnonzero(np.bincount(code, minlength=1024))
    compact = np.zeros(1024, dtype=np.int64)
    compact[used] = np.arange(len(used))
    cell_of = compact[code]
    counts = top & seen
    rows = np.array(plan.rows, dtype=np.int64)
    rows = rows[~top[rows] & (plan.stratum_of[rows] != UNPLANNED)]
    if len(rows):
        rows = rows[np.lexsort((plan.numbers[rows], cell_of[rows]))]
        cell = cell_of[rows]
        first = np.r_[True, cell[1:] != cell[:-1]]
        unseen = np.cumsum(~seen[rows])
        start = (unseen - ~seen[rows])[np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))]
        counts[rows[unseen == start]] = True

    def per_cell(mask: Bools) -> npt.NDArray[np.int64]:
        return np.bincount(cell_of[mask], minlength=len(used))

    return Cells(
        size=np.bincount(cell_of, minlength=len(used)),
        judged=per_cell(counts & judged),
        wrong=per_cell(counts & is_wrong),
        missing=per_cell(counts & ~judged),
        flagged=(used // 2 % 2).astype(np.bool_),
        seen=(used % 2).astype(np.bool_),
        stratum=used // 4,
        counts=counts & judged,
        is_wrong=is_wrong,
        cell_of=cell_of,
    )


def draw_unseen(
    size: Ints, judged: Ints, wrong: Ints, *, generator: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """Confidence distributions of the number of wrong labels that have not been judged, summed over cells.

    Args:
        size: (..., c) samples per cell.
        judged: (..., c) of these judged, chosen at random; a cell without any may be all right or all wrong.
        wrong: (..., c) of these wrong.
        generator: makes the draws.
        draws: how many.

    Returns:
        (..., draws) draws for lower limits and for upper limits: their 5 % and 95 % quantiles are the limits.
    """
    size, judged, wrong = np.broadcast_arrays(size, judged, wrong)
    weight = np.where((judged > 0) & (judged < size), size / np.maximum(judged, 1), 0.0)
    heaviest = np.arange(size.shape[-1]) == weight.argmax(axis=-1)[..., None]
    pseudo = ((heaviest | (judged < _FEW)) & (weight > 0)).astype(np.float64)
    rest = size - judged
    right = judged - wrong
    low = _draw(rest, wrong, right + pseudo, generator, draws)
    high = _draw(rest, wrong + pseudo, right, generator, draws)
    own = generator.random(low.shape) < _OWN_SIDE
    unknown = np.where(judged == 0, size, 0).sum(axis=-1)[..., None]
    return np.where(own, low, high), np.where(own, high, low) + unknown


def _draw(rest: Ints, wrong: Floats | Ints, right: Floats | Ints, generator: np.random.Generator, draws: int) -> Floats:
    """(..., draws) sums over cells of Binomial(rest, Beta(wrong, right)); no verdicts count as none wrong here."""
    shape = (*rest.shape[:-1], draws, rest.shape[-1])
    alpha, beta = (np.broadcast_to(x[..., None, :], shape).astype(np.float64) for x in (wrong, right))
    chance = generator.beta(np.maximum(alpha, 1e-9), np.maximum(beta, 1e-9))
    chance = np.where(alpha <= 0, 0.0, np.where(beta <= 0, 1.0, chance))
    return np.asarray(generator.binomial(np.broadcast_to(rest[..., None, :], shape), chance).sum(axis=-1), np.float64)


def expected_wrong(audit: Audit, cells: Cells) -> Floats:
    """(c,) wrong labels per cell: the judged share times its size (Horvitz and Thompson 1952).

    A cell without a verdict is taken at the model's suspicion.
    """
    opinion = np.bincount(cells.cell_of, weights=audit.blind[0], minlength=len(cells.size))
    measured = cells.size * cells.wrong / np.maximum(cells.judged, 1)
    return np.where(cells.judged > 0, measured, opinion)
