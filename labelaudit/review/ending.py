"""The summary on the last page of a review: counts, the pairs of classes, what to do next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from labelaudit import verdicts
from labelaudit.review.session import Session
from labelaudit.verdicts import tuning

_PAIRS = 5


def _set_scale(session: Session, reviewed: verdicts.Reviewed) -> str:
    """Say what the verdicts so far tell of the whole list; empty where they tell less than the scan does, as those on
    the worst suspects alone do. The images that are asked about for this purpose are always answered."""
    fitted = tuning.tune(session.audit, reviewed)
    low, high = session.audit.decision.noise_interval
    if fitted is None:
        return ""
    if session.queue.order != "tune" and fitted.rate.high - fitted.rate.low > high - low:
        return ""
    rate, flags = fitted.rate, int(fitted.flagged.sum())
    wrong = f"{rate.value:.1%} of all labels are wrong ({rate.low:.1%} to {rate.high:.1%})"
    return (
        f"By {fitted.verdicts:,} verdicts {wrong}; the {flags:,} worst are worth a look, and hold "
        f"{fitted.recall.value:.0%} of the wrong ones."
    )


def _tell_share(wrong: int, suspects: int) -> str:
    """The judged suspects that were wrong, of ten; empty for fewer than ten.

    >>> _tell_share(61, 103), _tell_share(20, 21)
    ('6 in 10 suspects were wrong.', 'More than 9 in 10 suspects were wrong.')
    """
    if suspects < 10:
        return ""
    tenths = round(10 * wrong / suspects)
    if tenths == 10 and wrong < suspects:
        return "More than 9 in 10 suspects were wrong."
    return "Fewer than 1 in 10 suspects were wrong." if wrong and not tenths else f"{tenths} in 10 suspects were wrong."


def conclude(session: Session) -> dict[str, Any]:
    """The counts of `Session.progress`, the sentence about suspects, and how often each pair's suggestion held.

    ``pairs`` are the given and the suggested class with how many of the judged suspects of that pair were wrong as
    suggested, most judged first; empty where the queue is blind.
    """
    audit = session.audit
    reviewed = verdicts.match(audit, session.ledger.log)
    told = session.progress() | {"total": len(session.queue.rows), "file": str(session.ledger.path)}
    told |= {"scale": _set_scale(session, reviewed)}
    if session.queue.blind:
        return told | {"share": "", "pairs": []}
    settled = reviewed.settled
    judged: Counter[tuple[int, int]] = Counter()
    held: Counter[tuple[int, int]] = Counter()
    wrong = suspects = 0
    for row in audit.suspects.tolist():
        if row not in settled:
            continue
        suspects += 1
        wrong += settled[row].wrong
        pair = int(audit.samples.labels[row]), int(audit.decision.predicted[row])
        judged[pair] += 1
        held[pair] += settled[row].right == audit.suggested(row) and settled[row].wrong
    pairs = [[given, better, held[given, better], count] for (given, better), count in judged.most_common(_PAIRS)]
    return told | {"share": _tell_share(wrong, suspects), "pairs": [pair for pair in pairs if pair[0] != pair[1]]}
