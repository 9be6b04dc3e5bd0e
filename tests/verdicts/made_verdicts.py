"""A verdict with a few fields of its own."""

from __future__ import annotations

from audits import IDS

from labelaudit.verdicts import Verdict


def make(row: int = 1, verdict: str = "other", new_label: str = "dog", **changes: str) -> Verdict:
    """A verdict on a sample of `make_audit`."""
    given = ("cat", "cat", "cat", "dog", "dog", "owl")[row]
    verdict = "given" if new_label == given else verdict
    return Verdict(
        **{
            "path": IDS[row],
            "digest": f"{row:032x}",
            "given_label": given,
            "verdict": verdict,
            "new_label": new_label if verdict in ("suggested", "other") else "",
            "reviewer": "ann",
            "time": "2026-11-21T06:30:00Z",
            **changes,
        }
    )
