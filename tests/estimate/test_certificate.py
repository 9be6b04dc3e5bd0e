"""A certificate says what the review carries, and is refused where that is too little."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from audits import IDS, make_audit
from commands import call

from labelaudit.audit import run as runs
from labelaudit.estimate import estimate_record, plan_reviews, save
from labelaudit.verdicts import Verdict, append, verdicts_file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN with a plan of all six images, and no verdict."""
    runs.write(make_audit(), tmp_path / "run")
    audit = make_audit()
    save(tmp_path / "run", estimate_record(audit, plan_reviews(audit, reviews=10, seed=0)))
    return tmp_path / "run"


def judge(run: Path, rows: range) -> None:
    audit = make_audit()
    for row in rows:
        digest, label = audit.identity(row)
        kind = "none" if row == 1 else "given"
        append(verdicts_file(run), Verdict(path=IDS[row], digest=digest, given_label=label, verdict=kind))


def test_a_reviewed_dataset_gets_a_badge_and_a_paragraph(run: Path, tmp_path: Path) -> None:
    judge(run, range(6))
    code, out, _ = call("estimate", run, "--certificate", tmp_path / "badge.svg")
    assert code == 0
    badge = ElementTree.parse(tmp_path / "badge.svg").getroot()
    assert badge.attrib["aria-label"].startswith("labels: 16.7% wrong (16.7% to 16.7%)")
    paragraph = (tmp_path / "badge.md").read_text(encoding="utf-8")
    assert "Of the 6 labels of this dataset 16.7% are wrong" in paragraph
    assert f"`{make_audit().fingerprint}`" in paragraph
    assert "6 verdicts" in paragraph
    assert "badge.svg" in out


def test_too_little_review_gets_none(run: Path, tmp_path: Path) -> None:
    code, _, err = call("estimate", run, "--certificate", tmp_path / "badge.svg")
    assert (code, err.count("\n")) == (2, 1)
    judge(run, range(1))
    code, _, err = call("estimate", run, "--certificate", tmp_path / "badge.svg")
    assert code == 2
    assert "too little is reviewed for a certificate" in err
    code, _, err = call("estimate", run, "--certificate", run / "verdicts.csv")
    assert (code, "lies inside the RUN" in err) == (2, True)
    assert b"<svg" not in (run / "verdicts.csv").read_bytes()
    assert not (tmp_path / "badge.svg").exists()
