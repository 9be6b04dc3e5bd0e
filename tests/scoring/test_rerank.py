"""An audit ranked anew by verdicts: what people said holds, the rest follows, and the scan can be gone back to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judges import CLASSES, DECISION, JUDGE, SAMPLES, draw

from labelaudit import read_audit, verdicts
from labelaudit.audit import run as runs
from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.errors import NothingToDo
from labelaudit.scoring.rerank import rerank, rerank_run
from labelaudit.verdicts import Verdict, match, read_reviewed, tuning, verdicts_file

TRUTH = draw(len(SAMPLES), 0)[1]


def make_audit() -> Audit:
    return Audit(samples=SAMPLES, decision=DECISION, evidence={}, judge=JUDGE)


def say(audit: Audit, *rows: int, wrong: str | None = None) -> list[Verdict]:
    """The truth about ``rows``; ``wrong`` is said of all of them instead, where given."""
    said = []
    for row in rows:
        digest, given = audit.identity(row)
        right = CLASSES[TRUTH[row]] if wrong is None else wrong
        about = {"path": audit.samples.ids[row], "digest": digest, "given_label": given}
        said.append(Verdict(**about, verdict="other", new_label=right, reviewer="ann"))
    return said


def test_verdicts_are_final_and_counted() -> None:
    audit = make_audit()
    worst = audit.suspects[:8].tolist()
    log = say(audit, *worst[:4]) + [
        replace(one, verdict="given", new_label=one.given_label) for one in say(audit, *worst[4:])
    ]
    made = rerank(audit, log)
    flagged = made.audit.decision.is_issue
    assert not flagged[worst[4:]].any()
    assert (made.audit.decision.suspicion[worst[4:]] == 0).all()
    assert made.cleared == 4 + sum(TRUTH[row] == SAMPLES.labels[row] for row in worst[:4])
    assert made.verdicts == 8
    assert made.sentence.startswith(f"By 8 verdicts: {made.new} new suspect")
    assert f"{made.cleared + made.alike} cleared by what people said ({made.cleared} of them judged" in made.sentence
    assert all(made.audit.decision.reasons[row].startswith("reviewed: ") for row in made.audit.suspects if row in worst)


def test_verdicts_on_the_worst_alone_leave_the_scale_and_a_sample_sets_it() -> None:
    audit = make_audit()
    top = rerank(audit, say(audit, *audit.suspects[:12].tolist()))
    assert top.audit.decision.noise_interval == DECISION.noise_interval
    assert top.audit.decision.threshold == DECISION.threshold
    spread_out = say(audit, *tuning.ask(audit, match(audit, ()), 60).tolist())
    scaled = rerank(audit, spread_out).audit.decision
    fitted = tuning.tune(audit, match(audit, spread_out))
    assert fitted is not None
    assert scaled.noise_rate == fitted.rate.value, "one number, here and in `labelaudit tune`"
    wrong = SAMPLES.labels != TRUTH
    assert scaled.noise_interval[0] <= wrong.mean() <= scaled.noise_interval[1]


def test_ranking_anew_starts_from_the_scan_each_time() -> None:
    audit = make_audit()
    few, many = say(audit, *audit.suspects[:5].tolist()), say(audit, *tuning.ask(audit, match(audit, ()), 60).tolist())
    twice = rerank(rerank(audit, many).audit, few).audit
    once = rerank(audit, few).audit
    np.testing.assert_allclose(twice.decision.suspicion, once.decision.suspicion, atol=1e-6)
    assert twice.decision.threshold == once.decision.threshold
    assert twice.decision.noise_interval == once.decision.noise_interval
    assert len(twice.notes) == len(once.notes) == 1
    np.testing.assert_array_equal(twice.blind[0], once.blind[0])


def test_without_verdicts_or_with_one_column_alone_it_is_refused() -> None:
    audit = make_audit()
    skipped = [replace(one, verdict="skip", new_label="") for one in say(audit, 3)]
    with pytest.raises(NothingToDo, match="nothing to go by yet"):
        rerank(audit, skipped)
    with pytest.raises(NothingToDo, match="ranked by sln alone"):
        rerank(replace(audit, settings={"rank_by": "sln"}), say(audit, 3))


def test_without_a_judge_what_people_said_still_holds() -> None:
    audit = replace(make_audit(), judge=None)
    made = rerank(audit, say(audit, *audit.suspects[:5].tolist()))
    assert made.audit.judge is None
    assert made.verdicts == 5


def test_the_folder_is_written_whole_with_report_and_verdicts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    runs.write(make_audit(), run)
    audit = read_audit(run)
    verdicts.append(verdicts_file(run), *say(audit, *audit.suspects[:6].tolist()))
    made = rerank_run(audit, verdicts.read(verdicts_file(run)), run)
    back = read_audit(run)
    np.testing.assert_array_equal(back.decision.suspicion, made.audit.decision.suspicion)
    np.testing.assert_array_equal(back.suspects, made.audit.suspects)
    assert back.evidence[BEFORE_REVIEW].probs is not None
    assert "People judged 6 of" in (run / "report.html").read_text(encoding="utf-8")
    assert len(read_reviewed(back, run).settled) >= 6
    cleared = rerank_run(back, say(back, *back.suspects.tolist()), run)
    assert cleared.audit.decision.recipe["reviewed"] >= len(back.suspects)
