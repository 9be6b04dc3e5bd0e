"""A set of flags with a stated share of false ones: conformal p-values, Benjamini-Hochberg, Storey's correction.

A sample is called a label error when too few *verified-clean* samples look as suspicious as it does (Bates et al. 2023,
"Testing for outliers with conformal p-values", Annals of Statistics 51). The clean ones come from the review. They were
drawn by strata, so each stands for (N - m)/m unreviewed samples of its cell, and the p-value is the weighted one for a
calibration set with known shift (Tibshirani et al. 2019, "Conformal prediction under covariate shift")::

    p(s) = (sum of w_j over clean j with suspicion >= s, + w*) / (sum of w_j, + w*)

with w* the greatest weight of any cell that reaches up to s, so that p never falls as s falls. Oversampling the
suspects thus pays: p-values can be small exactly where flags are. Benjamini and Hochberg (1995) with Storey's (2002)
share of clean samples, itself from the review, then reads: flag down to s while (clean ones expected down to s, plus
w*) / (samples down to s) is at most the target.

Guaranteed for one stratum, by Bates et al.; with several the weighted p-values are not exactly independent of the
choice of threshold, and the rate is held by measurement: simulated on every set, benchmarks/estimate.py. Samples that
a person has judged are never guessed at: a verified-wrong one is listed with q = 0, a verified-right one is not listed,
and the stated rate is that of the others. Left out: a cell with no verdict; all of it counts as clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.errors import OptionError
from labelaudit.estimate.cells import count_cells
from labelaudit.estimate.sampling import ReviewPlan, align_plan
from labelaudit.text import count, spell_path
from labelaudit.types import Bools, Floats, Ints
from labelaudit.verdicts import Reviewed


@dataclass(frozen=True, kw_only=True, eq=False)
class FdrFlags:
    """Flags at a stated false-discovery rate."""

    target: float
    """Share of false flags asked for, among flags that nobody has reviewed."""
    rows: Ints
    """Flagged rows, by q-value; those that a person found wrong first."""
    verified: int
    """Number of them that a person found wrong."""
    p_values: Floats
    """(n,) in (0, 1]; 1 where a person has judged the label right, 0 where wrong."""
    q_values: Floats
    """(n,) smallest target at which the sample is flagged; 1 and 0 as above."""
    clean: int
    """Verified-clean samples that calibrate."""
    clean_share: float
    """Storey's pi0: share of clean among the unreviewed, from the review."""
    reachable: float
    """Smallest target at which any unreviewed sample is flagged; 1 when none is at any."""
    more_reviews: int | None
    """Further reviews from which flags at the target are to be expected; 0 when there are some, None when no number
    of reviews is expected to help."""
    left: int
    """Samples that may be flagged and that nobody has reviewed."""
    advice: str = ""
    """The next step where no image was verified clean."""

    @property
    def sentence(self) -> str:
        """The above for a person."""
        verified, rate = self.verified, f"a false-discovery rate of {100 * self.target:.3g}%"
        said = f"{verified:,} found wrong by a person {'is' if verified == 1 else 'are'} listed" if verified else ""
        if not self.left:
            alone = f" {said}." if said else ""
            return (
                f"No suspects at {rate}: every image that the scan could judge is reviewed, so nothing is left to "
                f"suspect.{alone}"
            )
        besides = f" {said} besides." if said else ""
        if not self.clean:
            return (
                f"No suspects at {rate}: no image was verified clean yet, which is what the rate is measured against. "
                f"{self.advice}{besides}"
            )
        if flags := len(self.rows) - verified:
            most = f"{100 * self.target:.3g}%"
            return f"{count(flags, 'suspect')} of which at most {most} are expected to be false.{besides}"
        clean = count(self.clean, "verified-clean image")
        if self.reachable < 1:
            why = f"the ranking and {clean} allow {100 * self.reachable:.3g}% at best."
        else:
            why = f"the ranking does not set errors apart from the {clean}."
        if self.more_reviews is None:
            hope = "More reviews are not expected to help: too many of even the worst unreviewed images are clean."
        else:
            hope = f"About {count(self.more_reviews, 'more review')} should make some possible."
        return f"No {'further ' if said else ''}suspects are possible at {rate}: {why} {hope}{besides}"

    def record(self) -> dict[str, Any]:
        """As JSON-able values; the list itself is in fdr.csv."""
        return {
            "target": self.target,
            "flags": len(self.rows),
            "verified_wrong": self.verified,
            "calibrated_on": self.clean,
            "clean_share": self.clean_share,
            "reachable": self.reachable,
            "more_reviews": self.more_reviews,
            "sentence": self.sentence,
        }


def fdr_flags(audit: Audit, plan: ReviewPlan, reviewed: Reviewed, *, target: float) -> FdrFlags:
    """The largest set of flags of which at most the share ``target`` is expected to be false.

    Args:
        audit: the scan.
        plan: of `plan_reviews`.
        reviewed: verdicts matched to ``audit``.
        target: false-discovery rate, above 0 and below 1.

    Raises:
        OptionError: ``target`` is out of range.
    """
    if not 0 < target < 1:
        raise OptionError(f"`fdr` {target:g}: give a rate between 0 and 1, such as 0.1")
    plan = align_plan(plan, audit)
    cells = count_cells(audit, plan, reviewed)
    n = len(audit.samples)
    answers = reviewed.answers(n)
    known, known_wrong = answers >= 0, answers == 1
    weights = cell_weights(cells.size, cells.judged)
    clean = cells.counts & ~cells.is_wrong
    tested = ~known & audit.decision.judged
    blind = (weights[cells.cell_of] == np.inf) & ~known
    curve = null_curve(
        audit.blind[0],
        tested=tested,
        calibration=np.r_[np.flatnonzero(clean), np.flatnonzero(blind)],
        weights=np.r_[weights[cells.cell_of[clean]], np.ones(int(blind.sum()))],
        reach=np.where(np.isfinite(weights), weights, 0.0)[cells.cell_of],
    )
    p_values, q_values = np.ones(n), np.ones(n)
    p_values[curve.rows], q_values[curve.rows] = curve.p_values, curve.q_values
    p_values[known_wrong] = q_values[known_wrong] = 0.0
    rows = np.flatnonzero(q_values <= target)
    rows = rows[np.lexsort((audit.rank[rows], q_values[rows]))]
    reachable = float(curve.q_values.min()) if len(curve.rows) else 1.0
    share = float(curve.total / max(int(tested.sum()), 1))
    return FdrFlags(
        target=target,
        rows=rows,
        verified=int(known_wrong.sum()),
        p_values=p_values,
        q_values=q_values,
        clean=int(clean.sum()),
        clean_share=min(1.0, share),
        reachable=reachable,
        more_reviews=more_reviews(curve, int(cells.judged.sum()), target),
        left=len(curve.rows),
        advice="" if clean.any() else _advise(audit, plan, reviewed),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class NullCurve:
    """The tested samples worst first, and how many clean ones to expect down to each."""

    rows: Ints
    """(m,) rows, worst first."""
    expected: Floats
    """(m,) clean samples expected down to the row, from the calibration weights."""
    reach: Floats
    """(m,) w*: greatest weight of a cell down to the row."""
    total: float
    """Clean samples expected among all tested."""
    places: Ints
    """(m,) tested samples down to the row, equal suspicions included."""

    @property
    def p_values(self) -> Floats:
        """(m,) weighted conformal p-values."""
        return np.asarray(np.minimum((self.expected + self.reach) / np.maximum(self.total + self.reach, 1e-12), 1.0))

    @property
    def q_values(self) -> Floats:
        """(m,) Benjamini-Hochberg with Storey's share: non-decreasing down the list, in (0, 1]."""
        ratio = (self.expected + self.reach) / self.places
        return np.asarray(np.minimum(np.minimum.accumulate(ratio[::-1])[::-1], 1.0))


def null_curve(suspicion: Floats, *, tested: Bools, calibration: Ints, weights: Floats, reach: Floats) -> NullCurve:
    """Put the verified-clean images' weights beside the tested samples.

    Args:
        suspicion: (n,) higher = worse.
        tested: (n,) samples that may be flagged.
        calibration: (k,) rows of verified-clean images, drawn at random within cells.
        weights: (k,) unreviewed samples that each stands for.
        reach: (n,) the weight of each sample's cell.
    """
    rows = np.flatnonzero(tested)
    rows = rows[np.argsort(-suspicion[rows], kind="stable")]
    scores = suspicion[rows]
    order = np.argsort(-suspicion[calibration], kind="stable")
    sums = np.r_[0.0, np.cumsum(weights[order])]
    expected = sums[np.searchsorted(-suspicion[calibration][order], -scores, side="right")]
    return NullCurve(
        rows=rows,
        expected=expected,
        reach=np.maximum.accumulate(reach[rows]) if len(rows) else np.zeros(0),
        total=float(sums[-1]),
        places=np.searchsorted(-scores, -scores, side="right"),
    )


def cell_weights(size: Ints, judged: Ints) -> Floats:
    """(c,) unreviewed samples per reviewed one; infinite where nothing is reviewed."""
    return np.where(judged > 0, (size - judged) / np.maximum(judged, 1), np.inf)


def more_reviews(curve: NullCurve, judged: int, target: float) -> int | None:
    """Further reviews from which flags are to be expected, if the clean share down the list is as it looks now.

    Twice the reviews halve w*, the price of not knowing; the share of clean ones stays, taken as what the reviewed
    stand for and half a verdict more, as none among few is not a promise. Down to some rank R flags are to be expected
    when (clean + w*/2 + w* judged / (judged + more)) / R <= target; the rank that asks for least counts. None where
    that is more than there is to review.
    """
    if len(curve.rows) and float(curve.q_values.min()) <= target:
        return 0
    margin = target * curve.places - curve.expected - curve.reach / 2
    possible = margin > 0
    if not possible.any() or not judged:
        return None
    needed = max(1, int(np.ceil((judged * (curve.reach[possible] / margin[possible] - 1)).min())))
    return needed if needed <= len(curve.rows) else None


def _advise(audit: Audit, plan: ReviewPlan, reviewed: Reviewed) -> str:
    """The next step where no image was verified clean."""
    run = "RUN" if audit.folder is None else spell_path(audit.folder)
    if {*plan.rows} - {*reviewed.settled, *reviewed.skipped, *reviewed.disputed}:
        return f"Review the planned sample: `labelaudit review {run} --order sample`."
    if len(plan.rows) < plan.drawable:
        more = f"`labelaudit estimate {run} --reviews {2 * len(plan.rows)}`"
        return f"The planned sample is reviewed: plan more with {more}."
    if reviewed.disputed or reviewed.skipped:
        return "Everything was looked at: what is left was skipped, or reviewers disagree on it."
    return "The planned sample is reviewed, and there is no more to plan."
