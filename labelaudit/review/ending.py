"""The result of a review, as its last page says it: counts, the pairs of classes, what to do next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from labelaudit import verdicts
from labelaudit.review.session import Session

_PAIRS = 5


def conclude(session: Session) -> dict[str, Any]:
    """The counts of `Session.progress`, the sentence about suspects, and how often each pair's suggestion held.

    ``pairs`` are the given and the suggested class with how many of the judged suspects of that pair were wrong as
    suggested, most judged first; empty where the queue is blind.
    """
    audit = session.audit
    told = session.progress() | {"total": len(session.queue.rows), "file": str(session.ledger.path)}
    if session.queue.blind:
        return told | {"share": "", "pairs": []}
    settled = verdicts.match(audit, session.ledger.log).settled
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
        held[pair] += settled[row].right == audit.samples.classes[pair[1]] and settled[row].wrong
    share = f"{round(10 * wrong / suspects)} in 10 suspects were wrong." if suspects >= 10 else ""
    pairs = [[given, better, held[given, better], count] for (given, better), count in judged.most_common(_PAIRS)]
    return told | {"share": share, "pairs": [pair for pair in pairs if pair[0] != pair[1]]}
