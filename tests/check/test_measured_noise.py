"""The gate where people have reviewed a random sample: what they found counts, not what models read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audits import make_decision, make_samples
from gates import call, elsewhere

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.estimate import estimate_record, plan_reviews, save
from labelaudit.verdicts import Verdict, append, verdicts_file

__all__ = ["elsewhere"]
N = 200


def write_reviewed(place: Path, *, wrong: int, verdicts: int) -> None:
    """A RUN whose models read 20 to 60 % noise, and a review of its sample that finds ``wrong`` labels wrong."""
    suspicion = np.linspace(0, 0.99, N)
    probs = np.stack([1 - suspicion, suspicion], axis=1).astype(np.float32)
    audit = Audit(
        samples=make_samples(
            ids=tuple(f"{row:03}.png" for row in range(N)),
            labels=np.zeros(N, dtype=np.int64),
            classes=("cat", "dog"),
            digests=tuple(f"{row:032x}" for row in range(N)),
        ),
        decision=make_decision(
            suspicion=suspicion,
            is_issue=suspicion > 0.5,
            judged=np.ones(N, dtype=bool),
            probs=probs,
            predicted=probs.argmax(axis=1),
            noise_matrix=np.array([[N / 2, N / 2], [0.0, 0.0]]),
            reasons=("",) * N,
        ),
        evidence={},
    )
    runs.write(audit, place)
    plan = plan_reviews(audit, reviews=120, seed=0)
    save(place, estimate_record(audit, plan))
    for number, row in enumerate(plan.rows[:verdicts]):
        given = number >= wrong
        append(
            verdicts_file(place),
            Verdict(
                path=audit.samples.ids[row],
                digest=audit.samples.digests[row],
                given_label="cat",
                verdict="given" if given else "suggested",
                new_label="cat" if given else "dog",
                time=f"2026-11-20T10:{number // 60:02}:{number % 60:02}Z",
            ),
        )


@pytest.mark.usefixtures("elsewhere")
def test_a_review_that_finds_nothing_wrong_keeps_the_limit(tmp_path: Path) -> None:
    write_reviewed(tmp_path / "RUN", wrong=0, verdicts=0)
    before = call("check", "RUN", "--max-noise", "5%", "--allow-conflicts")
    assert before.code == 1
    write_reviewed(tmp_path / "MORE", wrong=0, verdicts=120)
    after = call("check", "MORE", "--max-noise", "5%")
    assert after.code == 0
    assert "by a review of a random sample" in after.out


@pytest.mark.usefixtures("elsewhere")
def test_a_review_that_finds_wrong_labels_breaks_it(tmp_path: Path) -> None:
    write_reviewed(tmp_path / "RUN", wrong=40, verdicts=120)
    ended = call("check", "RUN", "--max-noise", "5%")
    assert ended.code == 1
    assert "by a review of a random sample" in ended.out


@pytest.mark.usefixtures("elsewhere")
def test_a_handful_of_verdicts_leaves_the_reading_in_force(tmp_path: Path) -> None:
    write_reviewed(tmp_path / "RUN", wrong=0, verdicts=5)
    ended = call("check", "RUN", "--max-noise", "5%")
    assert "by a review of a random sample" not in ended.out


@pytest.mark.usefixtures("elsewhere")
def test_a_review_whose_interval_says_next_to_nothing_measures_nothing(tmp_path: Path) -> None:
    write_reviewed(tmp_path / "RUN", wrong=0, verdicts=11)
    ended = call("check", "RUN", "--max-noise", "5%")
    assert "by a review of a random sample" not in ended.out
