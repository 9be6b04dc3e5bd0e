"""The stop rule of a worst-first review: wrong labels found, wrong labels left.

What is left is estimated from the random sample of the plan, on the part of the dataset that the reviewer has not
reached; what the reviewer has seen is known. That is the two-phase form of stopping criteria in document screening
(Callaghan and Mueller-Hansen 2020, "Statistical stopping criteria for automated screening", Systematic Reviews 9),
with the random sample drawn first and the intervals of `labelaudit.estimate.cells`.

The 90 % interval holds at a moment chosen beforehand. A reviewer who stops at the first moment at which its lower end
looks good chooses the moment by the data, which no interval at a fixed level allows for. No theorem is claimed for
that; but the sample stays the same all the while, so the looks are strongly dependent, and the share of false stops was
simulated (benchmarks/estimate.py): below the nominal 5 % on every set. Left out: a guess from the shape of the curve of
finds, which says nothing about errors that the model does not suspect.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.estimate.cells import count_cells, draw_unseen, expected_wrong
from labelaudit.estimate.intervals import CONFIDENCE, Quantity, quantity, share_of
from labelaudit.estimate.sampling import ReviewPlan, align_plan
from labelaudit.text import count, likely
from labelaudit.types import Floats, Ints
from labelaudit.verdicts import Reviewed

TARGET = 0.9
"""Share of the wrong labels that a review should find."""
_DRAWS = 2_000
_FACTOR, _FEW_LEFT = 4, 20
"""An interval of what is left says nothing once its ends are further apart than this factor, and than that many."""


@dataclass(frozen=True, kw_only=True)
class StopDecision:
    """Number of wrong labels a worst-first review has found, how many are probably left, and whether it may stop."""

    reviewed: int
    """Samples with a verdict."""
    found: int
    """Wrong labels among them."""
    left: Quantity
    """Wrong labels that nobody has looked at yet."""
    share_found: Quantity
    """Share of all wrong labels that is found."""
    safe: bool
    """The lower end of `share_found` reaches `TARGET`: 95 % confidence, under what the module says."""
    more: int | None
    """Further samples, worst first, after which `TARGET` is to be expected; 0 when it is already."""
    more_sampled: int | None
    """Further verdicts of the estimation sample that should make sure of a `TARGET` that is reached already; None where
    it is not, or where the sample cannot help."""

    @property
    def sentence(self) -> str:
        """The above for a person."""
        left, share = self.left, self.share_found
        assert left.value is not None
        if not self.safe and left.high - left.low > _FEW_LEFT and left.high > _FACTOR * left.low:
            return (
                f"{count(self.found, 'wrong label')} found. How many are left is not known yet: judge random "
                "images, `labelaudit review RUN --order sample`."
            )
        said = f"{count(self.found, 'wrong label')} found, "
        said += f"about {left.value:,.0f} left ({left.low:,.0f} to {left.high:,.0f})"
        if share.value is not None:
            said += f": {likely(share.value)} found ({share.low:.0%} to {share.high:.0%})"
        if self.safe:
            return f"{said}. You can stop: at least {TARGET:.0%} are found, at 95% confidence."
        if self.more:
            said += f". About {self.more:,} more down the list should bring it to {TARGET:.0%}"
        elif self.more_sampled:
            more = count(self.more_sampled, "more random review")
            said += f". {TARGET:.0%} are probably found; about {more} should make sure"
        return said + "."

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {**asdict(self), "target": TARGET, "sentence": self.sentence, "confidence": CONFIDENCE}


def stop_rule(audit: Audit, reviewed: Reviewed, plan: ReviewPlan) -> StopDecision:
    """Count the wrong labels found, estimate those left, and say whether to stop. Deterministic.

    Takes under 20 ms at 100,000 samples once the audit has been asked for its order and fingerprint.

    Args:
        audit: the scan.
        reviewed: verdicts so far, of the plan and of the list alike.
        plan: of `plan_reviews`; without any of its verdicts nothing is known about what is left.
    """
    plan = align_plan(plan, audit)
    cells = count_cells(audit, plan, reviewed)
    found = sum(verdict.wrong for verdict in reviewed.settled.values())
    counted = int(cells.wrong.sum())
    generator = np.random.default_rng([plan.seed, 6])
    low, high = draw_unseen(cells.size, cells.judged, cells.wrong, generator=generator, draws=_DRAWS)
    elsewhere = found - counted  # found outside the sample: part of what the sample speaks for
    low, high = np.maximum(low - elsewhere, 0), np.maximum(high - elsewhere, 0)
    each = expected_wrong(audit, cells)
    left_value = max(0.0, float(each.sum()) - found)
    tail = (1 - CONFIDENCE) / 2
    left = quantity(left_value, np.quantile(low, tail), np.quantile(high, 1 - tail))
    share = Quantity(
        value=found / (found + left_value) if found + left_value > 0 else None,
        low=float(share_of(found, left.high, empty=0.0)),
        high=float(share_of(found, left.low, empty=1.0)),
    )
    safe = float(share_of(found, left.high, empty=1.0)) >= TARGET
    unseen = int((~reviewed.seen(len(audit.samples))).sum())
    more = 0 if safe else _more(audit, reviewed, each / cells.size, cells.cell_of, found, left_value)
    return StopDecision(
        reviewed=len(reviewed.settled),
        found=found,
        left=left,
        share_found=share,
        safe=safe,
        more=more,
        more_sampled=0 if safe else _sampled(left, found, int(cells.judged[~cells.seen].sum()), unseen),
    )


def _more(audit: Audit, reviewed: Reviewed, rate: Floats, cell_of: Ints, found: int, left: float) -> int | None:
    """Unseen samples down the list until the finds are expected to reach `TARGET`; None without any errors."""
    if found + left <= 0:
        return None
    unseen = audit.blind_order[~reviewed.seen(len(audit.samples))[audit.blind_order]]
    gained = np.cumsum(rate[cell_of[unseen]])
    if not len(gained):
        return 0
    gained *= left / max(float(gained[-1]), 1e-12)
    wanted = TARGET * (found + left) - found
    return 0 if wanted <= 0 else min(int(np.searchsorted(gained, wanted)) + 1, len(unseen))


def _sampled(left: Quantity, found: int, judged: int, unseen: int) -> int | None:
    """More random verdicts until the upper end of `left` lets `TARGET` through, if its distance shrinks with them:
    no more than are ``unseen``."""
    assert left.value is not None
    allowed = found * (1 / TARGET - 1)
    if allowed <= left.value or not judged or not unseen:
        return None
    needed = int(np.ceil(judged * ((left.high - left.value) / (allowed - left.value) - 1)))
    return min(max(1, needed), unseen)
