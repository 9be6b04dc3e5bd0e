"""A gate does not blame images that did not change: what a baseline has seen is new only beyond a band."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from audits import make_audit, make_decision, make_samples

from labelaudit.audit.document import Audit
from labelaudit.check import judge_gate, refresh_baseline
from labelaudit.check.baseline import Baseline, merge, seen_key
from labelaudit.check.baseline_file import dumps, read, write
from labelaudit.check.policy import REFIT, TOLERANCE, Policy
from labelaudit.errors import RunError
from labelaudit.verdicts import Verdict, match

DAY = date(2026, 11, 28)


def audit_at(suspicion: float, **samples: object) -> Audit:
    """The first image, which the baseline saw at .1, at another suspicion."""
    values = np.array([suspicion, 0.97, 0.05, 0.97, 0.06, 0.07])
    decision = make_decision(suspicion=values, is_issue=values >= 0.2, threshold=0.2)
    return make_audit(decision=decision, samples=make_samples(**samples), findings=())


def baseline() -> Baseline:
    return refresh_baseline(audit_at(0.1), Policy(), today=DAY)


def status(audit: Audit, known: Baseline) -> str:
    found = judge_gate(audit, Policy(), known, today=DAY).suspects
    return next((suspect.status for suspect in found if suspect.path == "cat/a.png"), "")


@pytest.mark.parametrize(
    ("suspicion", "found"),
    [(0.1, ""), (0.2, "uncertain"), (0.2 + REFIT - 0.01, "uncertain"), (0.2 + REFIT + 0.01, "new"), (0.99, "new")],
)
def test_an_unchanged_image_is_new_only_beyond_the_band(suspicion: float, found: str) -> None:
    assert status(audit_at(suspicion), baseline()) == found


def test_a_new_image_or_label_has_no_band() -> None:
    digests = ("f" * 32, *make_samples().digests[1:])
    assert status(audit_at(0.6, digests=digests), baseline()) == "new"
    assert status(audit_at(0.6, labels=np.array([1, 0, 0, 1, 1, 2])), baseline()) == "new"
    assert status(audit_at(0.6), Baseline()) == "new"
    assert REFIT > TOLERANCE


def test_what_was_seen_survives_the_file_and_merging(tmp_path: Path) -> None:
    known = baseline()
    audit = audit_at(0.1)
    assert known.seen == {seen_key(audit.identity(row)) for row in (0, 2, 4)}  # judged, and not suspected
    write(known, tmp_path / "known.json")
    assert read(tmp_path / "known.json") == known
    assert dumps(read(tmp_path / "known.json")) == dumps(known)
    assert merge(known, Baseline(seen=frozenset({"0" * 10}))).seen == known.seen | {"0" * 10}
    text = (tmp_path / "known.json").read_text()
    for wrong in ("xyz", "0123456", "012345678"):
        (tmp_path / "wrong.json").write_text(re.sub(r'("[0-9a-f]{2}": )"[0-9a-f]{8}"', rf'\1"{wrong}"', text))
        with pytest.raises(RunError, match=r"wrong\.json:\d+: "):
            read(tmp_path / "wrong.json")


def test_a_verdict_of_the_future_in_the_baseline_can_be_corrected() -> None:
    audit = audit_at(0.1)
    content, label = audit.identity(1)
    said = {"path": "cat/b.png", "digest": content, "given_label": label, "reviewer": "ann"}
    ahead = Verdict(**said, verdict="none", time="2099-01-01T00:00:00Z")
    known = refresh_baseline(audit, Policy(), None, match(audit, [ahead]), today=DAY)
    now = Verdict(**said, verdict="given", time="2026-11-28T06:00:00Z")
    outcome = judge_gate(audit, Policy(), known, match(audit, [now]), today=DAY)
    assert next(suspect.status for suspect in outcome.suspects if suspect.path == "cat/b.png") == "accepted"
