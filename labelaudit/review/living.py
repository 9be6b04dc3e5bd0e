"""Verdicts given in the report itself, by row, and the state of every other row since.

The page that shows all suspects at once needs no queue, only what people have decided about each. It judges through the
same `Session`, so that both pages of one review are one record. Left out: pushing changes to pages that did not ask.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from labelaudit import verdicts
from labelaudit.review.session import Session


def state(session: Session) -> dict[str, Any]:
    """The decisions of people so far: ``rows`` (row -> kind, words, version) and ``counts`` over the suspects."""
    session.ledger.refresh()
    audit = session.audit
    kinds, words = verdicts.list_outcomes(verdicts.match(audit, session.ledger.log))
    suspects = Counter(kinds.get(row, "open") for row in audit.suspects.tolist())
    version = session.ledger.version
    return {
        "rows": {row: [kinds[row], words[row], version(audit.identity(row))] for row in sorted(kinds)},
        "counts": {name: suspects[name] for name in verdicts.OUTCOMES}
        | {"elsewhere": Counter(kinds.values())["wrong"] - suspects["wrong"]},
    }


def judge(session: Session, row: int, answer: str, label: int | None, version: int, note: str) -> dict[str, Any]:
    """Take a verdict on ``row``, as `Session.judge` does; returns the `state` after it."""
    session.take(row, answer, label, version, note)
    return state(session)


def undo(session: Session, row: int) -> dict[str, Any]:
    """Withdraw this reviewer's verdict on ``row``; returns the `state` after it."""
    session.ledger.undo(session.audit.identity(row))
    return state(session)
