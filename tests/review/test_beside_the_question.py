"""What a review shows beside its question: look-alikes, pictures, when to stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judges import DECISION, JUDGE, SAMPLES
from review_runs import png, write_run
from review_sessions import ZOO, open_run

import labelaudit
from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.data.images import decode
from labelaudit.errors import RunError
from labelaudit.review.likeness import STRIP, Likeness
from labelaudit.review.pictures import Pictures, media_type_of

# beside the image


def test_neighbours_without_a_judge_are_typical_images_of_the_class(tmp_path: Path) -> None:
    run = write_run(tmp_path, ZOO[:30], clean=15)
    audit = labelaudit.read_audit(run)
    likeness = Likeness(audit, run)
    for label in range(3):
        rows = likeness.find(0, label)
        assert rows, "some are believed right"
        assert likeness.kind == "typical"
        assert all(audit.samples.labels[row] == label and not audit.decision.is_issue[row] for row in rows)
        assert len({audit.samples.digests[row] for row in rows}) == len(rows)
    (run / "judge.npz").write_bytes(b"damaged")
    assert Likeness(audit, run).find(0, 1) == likeness.find(0, 1)


def test_neighbours_with_a_judge_are_its_look_alikes(run: Path, tmp_path: Path) -> None:
    judged = tmp_path / "judged"
    runs.write(Audit(samples=SAMPLES, decision=DECISION, evidence={}, judge=JUDGE), judged)
    likeness = Likeness(labelaudit.read_audit(judged), judged)
    assert likeness.find(3, 1) == JUDGE.memory.alike(3, 1, STRIP)
    assert (likeness.kind, len(likeness.find(3, 1))) == ("alike", STRIP)
    strange = replace(labelaudit.read_audit(run), files={"judge.npz": judged / "judge.npz"})
    other = Likeness(strange, judged)
    other.find(0, 1)
    assert other.kind == "typical", "a judge of other samples knows nothing about these"


def test_pictures_are_passed_on_under_their_own_type_only(run: Path) -> None:
    session = open_run(run)
    data = session.pictures.images.encoded(0)
    assert session.pictures.show(0) == (data, "image/png")
    safe = session.pictures.show(0, safe=True)
    assert safe[1] == "image/webp"
    assert np.array_equal(decode(safe[0]), decode(data)), "small images are shown exactly"
    assert session.pictures.thumbnail(0) == session.pictures.thumbnail(0)

    class Listed:
        def __len__(self) -> int:
            return 1

        def encoded(self, _: int) -> bytes:
            return b"P6 2 1 255\n" + bytes(range(6))

    assert Pictures(Listed()).show(0)[1] == "image/webp", "what no browser reads is translated"
    assert media_type_of(b"<svg onload='alert(1)'>") is None
    assert media_type_of(png(np.zeros((1, 1), np.uint8))) == "image/png"


def test_the_stop_rule_speaks_when_the_sample_does(tmp_path: Path) -> None:
    run = write_run(tmp_path, ZOO, clean=30)
    assert open_run(run).stop() == ""
    sample = open_run(run, order="sample")
    assert sample.stop() == "", "nothing is said before anything is known"
    for place in range(10):
        sample.judge(place, "none", None, 0)
    assert "10 wrong labels found" in sample.stop()
    assert open_run(run).stop() == sample.stop()


@pytest.mark.parametrize("damage", ["noise", "half"])
def test_a_judge_that_is_not_that_of_its_audit_stops_the_review(tmp_path: Path, damage: str) -> None:
    judged = tmp_path / "judged"
    runs.write(Audit(samples=SAMPLES, decision=DECISION, evidence={}, judge=JUDGE), judged)
    data = (judged / "judge.npz").read_bytes()
    (judged / "judge.npz").write_bytes(b"noise" if damage == "noise" else data[: len(data) // 2])
    with pytest.raises(RunError, match=r"judge\.npz is not the file that was written with audit\.json"):
        open_run(judged)
