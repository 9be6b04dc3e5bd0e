"""A verdict in one line."""

from __future__ import annotations

from pathlib import Path

from labelaudit.verdicts import Verdict


def verdict(row: int, kind: str, label: str, reviewer: str, run: Path) -> Verdict:
    from labelaudit import read_audit

    audit = read_audit(run)
    digest, given = audit.identity(row)
    time = f"2026-11-21T06:30:{row:02}Z"
    return Verdict(
        path=audit.samples.ids[row],
        digest=digest,
        given_label=given,
        verdict=kind,
        new_label=label,
        reviewer=reviewer,
        time=time,
    )
