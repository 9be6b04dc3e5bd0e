"""What people's verdicts say about an audit, as a report shows it.

Counts need verdicts only; precision and recall need them on a planned sample (`labelaudit.estimate`), since people who
look at the worst suspects first learn nothing about the rest. Left out: the computation itself, and who decided what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labelaudit import verdicts
from labelaudit.document import Audit
from labelaudit.errors import RunError
from labelaudit.verdicts import Reviewed, Verdict


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share in [0, 1] that is not known exactly."""

    name: str
    value: float | None
    """Best guess; None where nothing says anything."""
    low: float
    high: float
    """Ends of the 90 % interval."""

    @property
    def shown(self) -> str:
        """The best guess for a person."""
        return "unknown" if self.value is None else f"{self.value:.1%}"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The state of the review of one audit."""

    words: Mapping[int, str]
    """Row -> what people decided about it."""
    shares: tuple[Share, ...]
    """Precision, recall and noise rate; empty without a planned sample."""
    sentences: tuple[str, ...]
    """What was reviewed, what it rests on, and what to know before relying on it."""


def read_checked(audit: Audit, run: Path) -> Checked | None:
    """The review of ``audit`` in the folder ``run``; None where nobody has judged anything yet.

    Raises:
        DataError: a file of the review is damaged.
    """
    reviewed = verdicts.read_reviewed(audit, run)
    if not reviewed.settled and not reviewed.disputed and not reviewed.skipped:
        return None
    words = {row: _describe(verdict) for row, verdict in reviewed.settled.items()}
    words |= dict.fromkeys(reviewed.disputed, "reviewers disagree") | dict.fromkeys(
        reviewed.skipped, "nobody could tell"
    )
    shares, basis = _estimate(audit, run, reviewed)
    return Checked(words=words, shares=shares, sentences=(_count(audit, reviewed), *basis, *reviewed.notes))


def _describe(verdict: Verdict) -> str:
    match verdict.verdict:
        case "given":
            return "given is right"
        case "suggested":
            return "suggested is right"
        case "other":
            return "another is right"
    return "none is right"


def _count(audit: Audit, reviewed: Reviewed) -> str:
    flagged = audit.decision.is_issue
    of_suspects = [verdict for row, verdict in reviewed.settled.items() if flagged[row]]
    wrong = Counter(verdict.wrong for verdict in of_suspects)[True]
    open_ = len(audit.suspects) - len(of_suspects)
    return (
        f"{len(of_suspects):,} of {len(audit.suspects):,} suspects are reviewed: {wrong:,} labels wrong, "
        f"{len(of_suspects) - wrong:,} right, {open_:,} suspects open."
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
            "Verdicts on the worst suspects alone say nothing about the rest: `labelaudit estimate RUN` draws a sample "
            "that does.",
        )
    known = estimate(audit, plan, reviewed)
    rows = (
        ("precision: suspects whose label is wrong", known.precision),
        ("recall: wrong labels that are suspects", known.recall),
        ("noise rate: labels that are wrong", known.noise_rate),
    )
    return tuple(Share(name=name, value=share.value, low=share.low, high=share.high) for name, share in rows), (
        f"From {known.reviewed:,} verdicts that count; the planned sample has {known.planned:,} images.",
        *known.notes,
    )
