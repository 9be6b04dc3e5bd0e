"""People's verdicts on an audit, as a report shows them.

Counts need verdicts only; precision and recall need them on a planned sample (`labelaudit.estimate`), since people who
look at the worst suspects first learn nothing about the rest. Left out: the computation itself, and who decided what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labelaudit import verdicts
from labelaudit.audit.document import Audit
from labelaudit.errors import RunError
from labelaudit.estimate.intervals import WIDEST, Quantity
from labelaudit.text import count
from labelaudit.verdicts import Reviewed, Verdict

PACE = 20
"""Images that a person judges in a minute, for forecasts of a review."""


@dataclass(frozen=True, kw_only=True)
class Share(Quantity):
    """A share in [0, 1] that is not known exactly, by its name."""

    name: str

    @property
    def shown(self) -> str:
        """The best guess for a person."""
        return f"{self.value:.1%}" if self.value is not None and self.is_precise else "not known yet"

    @property
    def interval(self) -> str:
        """The interval for a person; empty where it says next to nothing."""
        return f"{self.low:.1%} to {self.high:.1%}" if self.is_precise else ""


@dataclass(frozen=True, kw_only=True)
class ReviewState:
    """The state of the review of one audit."""

    outcomes: Mapping[int, str]
    """Row -> one of `labelaudit.verdicts.OUTCOMES`, for what somebody has looked at."""
    words: Mapping[int, str]
    """Row -> what people decided about it, in words."""
    wrong: int
    """Suspects whose label people confirmed to be wrong."""
    cleared: int
    """Suspects whose label they found correct."""
    unclear: int
    """Suspects that they disagree on, or could not judge."""
    open: int
    """Suspects that nobody has looked at."""
    elsewhere: int
    """Wrong labels that people found among the samples that the scan had not flagged."""
    shares: tuple[Share, ...]
    """Precision, recall and noise rate; empty without a planned sample."""
    sentences: tuple[str, ...]
    """The basis of the numbers, and what to know before relying on them."""
    settled: Mapping[int, Verdict] = field(default_factory=dict)
    """Row -> the verdict in force."""

    @property
    def judged(self) -> int:
        """Suspects with a verdict that says something."""
        return self.wrong + self.cleared

    @property
    def sentence(self) -> str:
        """The finding of the reviewers, as the first thing to say."""
        total = self.judged + self.unclear + self.open
        said = f"People judged {self.judged:,} of {count(total, 'suspect')}: {self.wrong:,} confirmed wrong, "
        said += f"{self.cleared:,} cleared, {self.open + self.unclear:,} open"
        said += f", {self.unclear:,} of them unclear." if self.unclear else "."
        if self.elsewhere:
            said += f" They found {self.elsewhere:,} more wrong among images that were no suspects."
        return said


def read_review_state(audit: Audit, run: Path) -> ReviewState | None:
    """The review of ``audit`` in the folder ``run``; None where nobody has judged anything yet.

    Raises:
        DataError: a file of the review is damaged.
    """
    reviewed = verdicts.read_reviewed(audit, run)
    if not reviewed.settled and not reviewed.disputed and not reviewed.skipped:
        return None
    outcomes, words = verdicts.list_outcomes(reviewed)
    shares, basis = _estimate(audit, run, reviewed)
    return ReviewState(
        outcomes=outcomes,
        words=words,
        **verdicts.count_outcomes(audit, outcomes),
        shares=shares,
        sentences=(*basis, *reviewed.notes),
        settled=reviewed.settled,
    )


def _estimate(audit: Audit, run: Path, reviewed: Reviewed) -> tuple[tuple[Share, ...], tuple[str, ...]]:
    """Precision, recall and noise rate where a sample was planned, and what they rest on."""
    from labelaudit.estimate import estimate, load_plan

    try:
        plan = load_plan(run, audit)
    except RunError as error:
        return (), (f"Without precision and recall: {error}.",)
    if plan is None:
        return (), (
            "These verdicts are no random sample, so they do not give precision and recall: `labelaudit estimate RUN` "
            "draws one that does.",
        )
    known = estimate(audit, plan, reviewed)
    rows = (
        ("precision: suspects whose label is wrong", known.precision),
        ("recall: wrong labels that are suspects", known.recall),
        ("noise rate: labels that are wrong", known.noise_rate),
    )
    shares = tuple(Share(name=name, value=share.value, low=share.low, high=share.high) for name, share in rows)
    counting = f"{count(known.reviewed, 'verdict')} that {'counts' if known.reviewed == 1 else 'count'}"
    basis = [f"From {counting}; the planned sample has {known.planned:,} images."]
    if not all(share.is_precise for share in shares):
        basis.append(_advise(known.planned, known.left))
    return shares, (*basis, *known.notes)


def _advise(planned: int, left: int) -> str:
    """The step that brings the numbers that are not known yet: a number is shown once its interval is `WIDEST` or
    narrower."""
    step = f"`labelaudit estimate RUN --reviews {2 * planned}` draws more images to judge."
    if left:
        step = (
            f"judge the other {left:,} of the sample (`labelaudit review RUN --order sample`, about "
            f"{max(1, round(left / PACE)):,} minutes)."
        )
    return f"A number is shown once its 90% interval is {WIDEST:.0%} wide or narrower: {step}"
