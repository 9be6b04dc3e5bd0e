"""The state of every row of a review, for the page that shows all suspects at once.

It needs no queue, only what people have decided about each. It judges through the same `Session` as the other page, so
that both are one record. Left out: pushing changes to pages that did not ask.
"""

from __future__ import annotations

from typing import Any

from labelaudit import verdicts
from labelaudit.review.session import Session


def state(session: Session) -> dict[str, Any]:
    """The decisions of people so far: ``rows`` (row -> kind, words, version) and ``counts`` over the suspects."""
    session.ledger.refresh()
    audit = session.audit
    kinds, words = verdicts.list_outcomes(verdicts.match(audit, session.ledger.log))
    version = session.ledger.version
    return {
        "rows": {row: [kinds[row], words[row], version(audit.identity(row))] for row in sorted(kinds)},
        "counts": verdicts.count_outcomes(audit, kinds),
    }
