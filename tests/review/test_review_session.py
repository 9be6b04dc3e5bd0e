"""A review without a browser: who is asked about, what is shown, what is kept, what is refused."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import make_audit, make_decision
from review_pages import said
from review_runs import write_run
from review_sessions import ZOO, open_run

import labelaudit
from labelaudit import verdicts
from labelaudit.data.images import ImageError
from labelaudit.errors import DataError, NothingToDo, OptionError, RunError
from labelaudit.estimate import load_plan
from labelaudit.review.ledger import Ledger, StaleAnswer
from labelaudit.review.queue import ask, build_queue
from labelaudit.verdicts import Verdict
from labelaudit.verdicts.verdict import COLUMNS

# who is asked about


def test_worst_first_and_by_pair() -> None:
    audit = make_audit()
    assert build_queue(audit, "worst").rows == tuple(audit.suspects.tolist()) == (1, 3)
    assert build_queue(audit, "all").rows == tuple(audit.order.tolist())
    three = make_decision(
        is_issue=np.array([True, True, True, True, False, False]), predicted=np.array([1, 2, 1, 0, 1, 2])
    )
    assert build_queue(make_audit(decision=three), "pair").rows == (2, 0, 1, 3)


def test_copies_are_asked_about_once(tmp_path: Path) -> None:
    audit = labelaudit.read_audit(write_run(tmp_path))
    same = replace(audit.samples, digests=(audit.samples.digests[0],) * 12)
    assert build_queue(replace(audit, samples=same), "worst").rows == (0, 1, 2), "one for each label"


def test_unknown_order_and_nothing_to_review(run: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="did you mean 'worst'"):
        open_run(run, order="worts")
    with pytest.raises(RunError, match="no reviewers disagree"):
        open_run(run, order="disputes")
    clean = write_run(tmp_path / "clean", clean=12)
    with pytest.raises(RunError, match="found no suspect"):
        open_run(clean)


def test_the_question_offers_the_given_label_and_the_best_other_one() -> None:
    audit = make_audit()
    question = ask(audit, 1)
    assert (question.left, question.right, question.further) == (0, 1, (2,))
    unsuspected = ask(audit, 0)
    assert unsuspected.left == 0
    assert unsuspected.right == 1, "the most probable other class where the audit suggests none"


def test_the_estimation_sample_gives_nothing_away(tmp_path: Path) -> None:
    run = write_run(tmp_path, ZOO, clean=30)
    session = open_run(run, order="sample")
    plan = load_plan(run, session.audit)
    assert plan is not None, "the page makes the plan where there is none"
    assert session.queue.rows == plan.rows
    shown = session.questions(0, 100)
    hidden = {"path", "chance", "reason", "suggests", "said", "split"}
    assert not any(hidden & set(question) for question in shown)
    given = [int(session.audit.samples.labels[question["row"]]) for question in shown]
    left = sum(question["left"] == label for question, label in zip(shown, given, strict=True))
    assert 0.2 < left / len(shown) < 0.8, "the given label is on either side"
    assert all(question["further"] == sorted(question["further"]) for question in shown)
    assert open_run(run, order="sample").questions(0, 100) == shown


def test_verdicts_of_the_sample_are_those_of_the_list(tmp_path: Path) -> None:
    run = write_run(tmp_path, ZOO, clean=30)
    session = open_run(run, order="sample")
    for place in range(4):
        row = session.queue.rows[place]
        label = int(session.audit.samples.labels[row])
        session.judge(place, "class", (label + place % 3) % 3, 0)
    flags = session.audit.decision.is_issue[list(session.queue.rows[:4])].tolist()
    expected = ["given", "suggested" if flags[1] else "other", "other", "given"]
    assert [verdict for _, verdict, _ in said(run)] == expected


# what is kept


def test_each_answer_is_a_verdict(run: Path) -> None:
    session = open_run(run)
    for place, (answer, label) in enumerate([("class", 0), ("class", 2), ("class", 1), ("none", None), ("skip", None)]):
        shown = session.judge(place, answer, label, 0)
        assert shown["done"]
        assert shown["version"] == 1
        assert len(said(run)) == place + 1, "on disk when the answer comes back"
    assert said(run) == [
        ("cat/0.png", "given", "cat"),
        ("dog/1.png", "suggested", "owl"),
        ("owl/2.png", "other", "dog"),
        ("cat/3.png", "none", ""),
        ("dog/4.png", "skip", ""),
    ]
    assert session.progress() == {"done": 5, "right": 1, "wrong": 3, "skipped": 1}
    assert session.next_open(0) == 5


def test_undo_goes_back_and_an_earlier_verdict_counts_again(run: Path) -> None:
    session = open_run(run)
    session.judge(0, "class", 0, 0)
    session.judge(1, "none", None, 0)
    session.judge(0, "class", 1, 1)
    back = session.undo(None)
    assert (back["place"], back["verdict"], back["done"]) == (0, {"kind": "class", "label": 0}, True)
    assert session.undo(None)["place"] == 1
    assert session.undo(None)["verdict"] is None
    with pytest.raises(NothingToDo, match="nothing to undo"):
        session.undo(None)
    with pytest.raises(NothingToDo, match="nothing to undo"):
        session.undo(5)
    assert [verdict for _, verdict, _ in said(run)] == ["given", "none", "suggested", "undo", "undo", "undo"]


def test_a_restart_continues_where_it_was_with_its_history(run: Path) -> None:
    first = open_run(run)
    for place in (0, 1, 2):
        first.judge(place, "none", None, 0)
    first.undo(1)
    again = open_run(run)
    assert again.about()["next"] == 1
    assert again.questions(0, 3) == first.questions(0, 3)
    assert again.undo(None)["place"] == 2


def test_two_tabs_cannot_overwrite_each_other_unseen(run: Path) -> None:
    session = open_run(run)
    seen = session.questions(0, 1)[0]
    session.judge(0, "class", 0, seen["version"])
    with pytest.raises(StaleAnswer, match="another tab"):
        session.judge(0, "none", None, seen["version"])
    assert len(said(run)) == 1
    session.judge(0, "none", None, session.questions(0, 1)[0]["version"])
    assert session.progress()["wrong"] == 1


def test_two_servers_on_one_run_see_each_other(run: Path) -> None:
    ann, bob = open_run(run), open_run(run, reviewer="bob")
    ann.judge(0, "class", 0, 0)
    bob.judge(1, "class", 1, 0)
    ann.judge(2, "none", None, 0)
    bob.judge(3, "none", None, 0)
    assert ann.progress()["done"] == bob.progress()["done"] == 4
    twice = open_run(run, reviewer="bob", again=True)
    assert twice.progress()["done"] == 2, "with --again others' verdicts are not enough"
    assert twice.questions(0, 1)[0]["verdict"] is None


def test_a_dispute_of_others_is_neither_wrong_nor_right(run: Path) -> None:
    for name, label in (("ann", 0), ("bob", 1)):
        open_run(run, reviewer=name, again=True).judge(0, "class", label, 0)
    carol = open_run(run, reviewer="carol")
    assert carol.progress() == {"done": 1, "right": 0, "wrong": 0, "skipped": 1}
    open_run(run, reviewer="dave", again=True).judge(0, "class", 1, 0)
    assert carol.progress()["skipped"] == 0, "the majority settles it"


def test_two_who_judge_at_the_same_time_are_not_asked_the_same(run: Path) -> None:
    ann, bob = open_run(run, order="all"), open_run(run, order="all", reviewer="bob")
    at, asked = [0, 0], list[int]()
    while min(at) < 12:
        for number, session in enumerate((ann, bob)):
            if at[number] < 12:
                asked.append(at[number])
                session.judge(at[number], "class", 0, 0)
                at[number] = session.following(at[number])["next"]
    assert asked[:2] == [0, 0], "neither knows of the other yet"
    assert len(asked) <= 14, "the first and the last, which nobody else has left to do"
    assert set(asked) | {ann.next_open(0)} >= {*range(12)}, "what was left to one who went is asked at the end"


def test_a_verdict_of_a_clock_that_ran_ahead_can_be_corrected(run: Path) -> None:
    session = open_run(run)
    session.judge(0, "class", 0, 0)
    mine = verdicts.read(session.ledger.path)[0]
    verdicts.append(session.ledger.path, replace(mine, verdict="none", new_label="", time="2099-01-01T00:00:00Z"))
    shown = session.questions(0, 1)[0]
    assert shown["verdict"] == {"kind": "none", "label": None}
    assert session.judge(0, "class", 1, shown["version"])["verdict"] == {"kind": "class", "label": 1}
    assert open_run(run).questions(0, 1)[0]["verdict"] == {"kind": "class", "label": 1}
    assert session.undo(0)["verdict"] == {"kind": "none", "label": None}


def test_of_two_pages_of_one_reviewer_only_one_answers_first(run: Path) -> None:
    """Both have read the log; what the other one writes between reading and writing is noticed under the lock."""
    one, other = open_run(run), open_run(run)
    append = verdicts.append

    def overtake(path: Path, *said: Verdict, **options: Any) -> None:
        verdicts.append = append
        other.judge(0, "none", None, 0)
        append(path, *said, **options)

    verdicts.append = overtake
    with pytest.raises(StaleAnswer):
        one.judge(0, "class", 0, 0)
    assert [said.verdict for said in verdicts.read(one.ledger.path)] == ["none"]


def test_a_third_reviewer_settles_a_dispute_and_is_asked_once(run: Path) -> None:
    for name, label in (("ann", 0), ("bob", 1)):
        open_run(run, reviewer=name, again=True).judge(0, "class", label, 0)
    third = open_run(run, order="disputes", reviewer="carol")
    assert third.judge(0, "none", None, 0)["done"], "three answers settle nothing, but are not asked for twice"
    assert open_run(run, order="disputes", reviewer="carol").next_open(0) == 0
    assert third.judge(0, "class", 1, 1)["done"]
    assert verdicts.match(third.audit, third.ledger.log).settled[0].right == "dog"


def test_a_dispute_is_shown_and_settled(run: Path) -> None:
    ann, bob = open_run(run), open_run(run, reviewer="bob", again=True)
    ann.judge(2, "class", 2, 0)
    bob.judge(2, "class", 0, 0)
    disputes = open_run(run, order="disputes")
    shown = disputes.questions(0, 9)
    assert [(one["row"], one["said"], one["done"]) for one in shown] == [
        (2, [{"reviewer": "bob", "label": "cat", "kind": "class"}], False)
    ]
    assert disputes.judge(0, "class", 0, shown[0]["version"])["done"]
    assert verdicts.match(disputes.audit, disputes.ledger.log).disputed == {}


# what is refused


def test_a_changed_or_missing_image_takes_no_verdict(run: Path) -> None:
    session = open_run(run)
    data = run.parent / "data"
    (data / "cat/0.png").write_bytes((data / "dog/1.png").read_bytes())
    (data / "dog/1.png").unlink()
    for place, kind in ((0, "changed"), (1, "missing")):
        for answer in ("none", "skip"):
            with pytest.raises(ImageError) as caught:
                session.judge(place, answer, None, 0)
            assert caught.value.kind == kind
        with pytest.raises(ImageError):
            session.pictures.show(place)
    assert said(run) == []


@pytest.mark.parametrize(
    ("place", "answer", "label"),
    [(12, "none", None), (-1, "none", None), (0, "undo", None), (0, "class", 3), (0, "class", None)],
)
def test_what_is_no_answer_is_refused(run: Path, place: int, answer: str, label: int | None) -> None:
    with pytest.raises(OptionError):
        open_run(run).judge(place, answer, label, 0)
    assert said(run) == []


def test_a_full_disk_keeps_the_question_open(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_run(run)
    session.judge(0, "none", None, 0)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="No space left"):
            session.judge(1, "none", None, 0)
    assert len(said(run)) == 1
    assert not session.questions(1, 1)[0]["done"]
    assert session.judge(1, "none", None, 0)["done"]


def test_damaged_verdicts_stop_the_review(run: Path) -> None:
    verdicts.verdicts_file(run).write_text("path,digest,given_label,verdict\na,b,c,maybe\n")
    with pytest.raises(DataError, match="line 2"):
        open_run(run)


def test_a_log_with_a_persons_own_column_goes_on(run: Path) -> None:
    verdicts.verdicts_file(run).write_text(",".join((*COLUMNS, "remark")) + "\n")
    session = open_run(run)
    session.judge(0, "none", None, 0)
    assert session.judge(1, "none", None, 0)["version"] == 1
    assert open_run(run).progress()["done"] == 2


def test_own_lines_are_taken_in_without_reading_the_log_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(verdicts.verdicts_file(run), "ann")
    reads = []
    read = verdicts.read
    monkeypatch.setattr(verdicts, "read", lambda path: reads.append(path) or read(path))
    for row in range(4):
        verdict = Verdict(
            path="=x\n.png",
            digest=f"{row:032x}",
            given_label="cat",
            verdict="none",
            reviewer="ann",
            time=verdicts.now(),
        )
        ledger.add(verdict, 0)
    ledger.undo(verdict.identity)
    assert reads == []
    assert tuple(ledger.log) == read(ledger.path)


def test_a_damaged_plan_stops_only_the_order_that_needs_it(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "estimate.json").write_text("{", encoding="utf-8")
    session = open_run(run)
    assert "estimate.json cannot be read" in session.notes[0]
    session.judge(0, "none", None, 0)
    assert session.stop() == ""
    with pytest.raises(RunError, match=r"estimate\.json cannot be read"):
        open_run(run, order="sample")


@pytest.mark.parametrize(("order", "command"), [("worst", "clean"), ("tune", "tune"), ("sample", "estimate")])
def test_the_last_page_says_what_can_be_typed_next(tmp_path: Path, order: str, command: str) -> None:
    run = write_run(tmp_path).rename(tmp_path / "my run")
    assert open_run(run, order=order).about()["advice"] == f"labelaudit {command} '{run}'"


def test_a_page_begins_with_its_first_question(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    session = open_run(run)
    session.judge(0, "none", None, 0)
    session.prepare()
    assert session.notes == ()
    assert [one["place"] for one in session.about()["first"]] == [1]
