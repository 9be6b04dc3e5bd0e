"""What is changed and why: people first, nothing unreviewed unless asked for, and a plan that can be edited."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import make_audit, make_samples
from cleaning import IDS, make_dataset, said

from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import Audit
from labelaudit.clean import Change, choose_actions, choose_flags, make_plan, read_plan, write_plan
from labelaudit.clean.plan_file import dumps, plan_id
from labelaudit.errors import OptionError, RunError
from labelaudit.estimate import fdr_flags, plan_reviews
from labelaudit.estimate.estimate_file import estimate_record, save
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, match


def brief(changes: tuple[Change, ...]) -> list[tuple[str, str, str, str, str]]:
    return [(c.path, c.action, c.new_label, c.source, c.reason) for c in changes]


SURE = np.array([0.1, 0.97, 0.2, 0.99, 0.3, 0.4])
"""Suspicion of which one is sure from .98."""
BROKEN = ("cat/broken.png", "drop", "", "finding", "unreadable")


def test_nothing_unreviewed_is_changed_unless_asked_for(audit: Audit) -> None:
    plan = make_plan(audit, match(audit, []))
    assert brief(plan.changes) == [BROKEN]
    assert plan.kept == {"suspect": 2}
    assert plan.notes == ()


def test_sure_suspects_are_meant_and_doubtful_ones_only_where_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = make_dataset(tmp_path / "pets", decision={"sure_threshold": 0.98, "suspicion": SURE})
    plan = make_plan(audit, match(audit, []), actions={"suspect": "drop"})
    assert brief(plan.changes) == [("dog/b.png", "drop", "", "threshold", "suspect"), BROKEN]
    assert plan.kept == {"suspect": 1}
    assert plan.notes[1].startswith("Suspects that stay as they are because they are doubtful, not sure: 1.")
    assert "; 20 verdicts tell where to stop" in plan.notes[1]
    monkeypatch.setattr("labelaudit.clean.plan.scale_of", lambda *_: "outdated")  # twenty verdicts need more images
    later = make_plan(audit, match(audit, []), actions={"suspect": "drop"}).notes[1]
    assert "; verdicts tell where to stop once the list knows them: Rerank" in later
    both = make_plan(audit, match(audit, []), actions={"suspect": "drop"}, tier="doubtful")
    assert [change.path for change in both.changes] == ["dog/b.png", "cat/b.png", "cat/broken.png"]
    judged = make_plan(audit, match(audit, [said(audit, 1, "given")]), actions={"suspect": "drop"})
    assert "suspect" not in judged.kept, "a person has settled the doubtful one"
    kept = make_plan(audit, match(audit, []))
    assert (kept.kept, kept.notes) == ({"suspect": 2}, ())


def test_verdicts_come_first(audit: Audit) -> None:
    verdicts = [said(audit, 1, "given"), said(audit, 2, "none"), said(audit, 4, "other", "owl")]
    plan = make_plan(audit, match(audit, verdicts), actions={"suspect": "drop"})
    assert brief(plan.changes) == [
        ("dog/b.png", "drop", "", "threshold", "suspect"),
        ("dog/e.png", "relabel", "owl", "verdict", "wrong"),
        ("cat/c.png", "quarantine", "", "verdict", "no_class"),
        BROKEN,
    ]
    assert plan.changes[1].detail == "reviewed by ann on 2026-11-21"
    assert plan.changes[0].label_score == pytest.approx(0.03)
    verdicts = [said(audit, 4, "other", "owl", reviewer=name) for name in ("ann", "bo", "", "čeněk", "dan")]
    change = make_plan(audit, match(audit, verdicts)).changes[0]
    assert change.detail == "reviewed by ann, bo, čeněk and 1 more on 2026-11-21", "all who agree"
    assert plan.notes == (
        "Suspects that are changed though nobody has reviewed them: 1. "
        "How many have a correct label nobody knows until 20 verdicts have set the scale: `labelaudit tune RUN`.",
    )


def test_disputed_and_skipped_samples(audit: Audit) -> None:
    verdicts = [said(audit, 1, "given"), said(audit, 1, "none", reviewer="bob"), said(audit, 3, "skip")]
    plan = make_plan(audit, match(audit, verdicts), actions={"suspect": "drop"})
    assert brief(plan.changes) == [("dog/b.png", "drop", "", "threshold", "suspect"), BROKEN]
    assert "Reviewers disagree" in plan.notes[0]


def test_suspects_are_relabelled_only_where_another_class_is_more_probable(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path, decision={"predicted": np.array([0, 0, 0, 0, 1, 2])})
    plan = make_plan(audit, match(audit, []), actions=choose_actions(["suspect=relabel"]))
    assert brief(plan.changes) == [("dog/b.png", "relabel", "cat", "threshold", "suspect"), BROKEN]
    assert plan.kept == {"suspect": 1}
    assert plan.notes[-1] == "Not relabelled because the given label is still the most probable one: 1."


def test_weights_are_the_probability_that_the_label_is_right(audit: Audit) -> None:
    plan = make_plan(audit, match(audit, [said(audit, 1, "none")]), actions=choose_actions(["weight"]))
    assert [(c.path, c.weight) for c in plan.changes if c.action == "weight"] == [
        ("cat/b.png", 0.0),
        ("dog/b.png", pytest.approx(0.03)),
    ]


def test_copies_take_the_verdict_of_the_one_that_was_reviewed(tmp_path: Path) -> None:
    digests = make_samples().digests
    audit = make_dataset(tmp_path, samples={"digests": (*digests[:4], digests[1], digests[5])})  # cat/b is dog/e
    conflict = Finding(kind="conflict", path="cat/b.png", detail="the same bytes", partner="dog/e.png")
    audit = make_dataset(tmp_path, samples={"digests": audit.samples.digests}, findings=(conflict,))
    untouched = make_plan(audit, match(audit, []))
    assert (untouched.changes, untouched.kept) == ((), {"conflict": 2, "suspect": 2})
    both = make_plan(audit, match(audit, []), actions={"conflict": "quarantine"})
    assert brief(both.changes) == [
        ("cat/b.png", "quarantine", "", "finding", "conflict"),
        ("dog/e.png", "quarantine", "", "finding", "conflict"),
    ]
    settled = make_plan(audit, match(audit, [said(audit, 1, "given")]), actions={"conflict": "quarantine"})
    assert brief(settled.changes) == [("dog/e.png", "relabel", "cat", "verdict", "wrong")]
    assert settled.changes[0].detail == "reviewed of its copy cat/b.png by ann on 2026-11-21"


def test_a_leak_is_taken_out_whatever_its_label(tmp_path: Path) -> None:
    for kind in ("leak", "same_scene"):
        found = Finding(kind=kind, path="cat/b.png", detail="the same bytes as", partner="dog/e.png")
        audit = make_dataset(tmp_path / kind, findings=(found,))
        plan = make_plan(audit, match(audit, [said(audit, 1, "given")]), actions={kind: "drop"})
        assert brief(plan.changes) == [("cat/b.png", "drop", "", "finding", kind)]


def test_what_the_scan_left_out_is_said(tmp_path: Path) -> None:
    gone = Finding(kind="unlabelled", path="x.png", detail="it has no label")
    cue = Finding(kind="shortcut", path="the dataset", detail="the frame alone tells the given class")
    plan = make_plan(audit := make_dataset(tmp_path, findings=(gone, cue)), match(audit, []))
    assert plan.notes == ("What the scan left out is not in the new dataset either: 1 unlabelled.",)


def test_choosing_actions() -> None:
    assert choose_actions([])["suspect"] == "keep"
    plain = choose_actions(["relabel"])
    assert (plain["wrong"], plain["no_class"], plain["suspect"], plain["conflict"]) == (
        "relabel",
        "quarantine",
        "relabel",
        "keep",
    )
    assert choose_actions(["near-duplicate=drop", "near_duplicate=weight"])["near_duplicate"] == "weight"
    for setting, message in [
        ("burn", "unknown action 'burn'"),
        ("suspect=burn", "unknown action 'burn'"),
        ("supect=drop", "unknown reason 'supect': did you mean 'suspect'"),
        ("no_class=relabel", "for no_class there is keep, drop, quarantine, weight"),
        ("unreadable=keep", "for unreadable there is drop, quarantine"),
    ]:
        with pytest.raises(OptionError, match=message):
            choose_actions([setting])


def test_flags_at_a_stated_rate(audit: Audit, tmp_path: Path) -> None:
    reviewed = match(audit, [said(audit, row, "given" if row != 3 else "none") for row in range(6)])
    assert choose_flags(audit, reviewed, tmp_path) is None
    for options, error, message in [
        ({"choice": "fdr"}, OptionError, "no false-discovery rate is set"),
        ({"choice": "threshold", "target": 0.1}, OptionError, "leave one away"),
        ({"choice": "all"}, OptionError, "unknown choice of flags"),
        ({"target": 0.1}, RunError, "rests on a review"),
    ]:
        with pytest.raises(error, match=message):
            choose_flags(audit, reviewed, tmp_path, **options)
    plan = plan_reviews(audit, reviews=10)
    save(tmp_path, estimate_record(audit, plan, fdr=fdr_flags(audit, plan, reviewed, target=0.25)))
    stored = choose_flags(audit, reviewed, tmp_path)
    assert stored is not None
    assert stored.target == 0.25
    chosen = choose_flags(audit, reviewed, tmp_path, target=0.5)
    assert chosen is not None
    assert chosen.target == 0.5
    assert choose_flags(audit, reviewed, tmp_path, choice="threshold") is None
    made = make_plan(audit, reviewed, actions={"suspect": "drop"}, flags=stored)
    assert made.flags == {"source": "fdr", "target": 0.25}
    assert brief(made.changes) == [("dog/b.png", "quarantine", "", "verdict", "no_class"), BROKEN]


def test_a_plan_round_trips_and_has_one_change_a_line(audit: Audit, tmp_path: Path) -> None:
    plan = make_plan(audit, match(audit, [said(audit, 4, "other", "owl")]), actions=choose_actions(["weight"]))
    file = tmp_path / "plan.json"
    write_plan(plan, file)
    assert read_plan(file, audit) == plan
    write_plan(plan, file)  # nobody edited it
    lines = file.read_text(encoding="utf-8").splitlines()
    assert sum('"path"' in line for line in lines) == len(plan.changes) == 4
    assert not list(tmp_path.glob(".*"))


def test_a_plan_of_hostile_names_round_trips(tmp_path: Path) -> None:
    ids = ("cat/\u2028.png", "cat/b\n.png", 'cat/".png', "dog/\u202e.png", "dog/e.png", "owl/f.png")
    audit = make_dataset(tmp_path / "pets", ids)
    plan = make_plan(audit, match(audit, []), actions={"suspect": "drop"})
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json", audit) == plan
    assert len((tmp_path / "plan.json").read_text(encoding="utf-8").splitlines()) == dumps(plan).count("\n")


def edit(file: Path, change: Any) -> None:
    parts = json.loads(file.read_text(encoding="utf-8"))
    change(parts)
    file.write_text(json.dumps(parts), encoding="utf-8")


def first(**values: Any) -> Any:
    return lambda parts: parts["changes"][0].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (first(colour="red"), r"change 1 \('cat/b.png'\): unknown field \"colour\""),
        (lambda parts: parts.update(speed=1), 'unknown field "speed"'),
        (first(digest="0" * 32), r"change 1 \('cat/b.png'\): its digest is [0-9a-f]{32} in the audit, not '0000"),
        (first(given_label="owl"), "its given label is 'cat' in the audit, not 'owl'"),
        (first(path="cat/x.png"), "the audit has no such image"),
        (first(path="cat/broken.png"), "a file that cannot be read can only be dropped or quarantined"),
        (first(action="burn"), "action 'burn' is none of drop, relabel"),
        (first(action="keep", new_label=""), "action 'keep' is none of"),
        (first(new_label=""), "action 'relabel' needs a \"new_label\""),
        (first(action="drop"), "remove \"new_label\": action 'drop' takes none"),
        (first(weight=0.5), "remove \"weight\": action 'relabel' takes none"),
        (first(new_label="cat"), "\"new_label\" 'cat' is the given label: take the change out"),
        (lambda parts: parts.update(fingerprint="f" * 32), "was made for a dataset with other images or labels"),
        (lambda parts: parts.update(fingerprint="", root="elsewhere"), "was made for 'elsewhere', the RUN is about"),
        (lambda parts: parts.update(new_classes=["clean-report.json"]), "a file that is written beside the class"),
        (lambda parts: parts.update(new_classes=["WEIGHTS.csv"]), "a file that is written beside the class"),
        (lambda parts: parts.update(new_classes=[".."]), "a new class cannot be called '..': no folder"),
        (lambda parts: parts.update(new_classes=["a/b"]), "a new class cannot be called 'a/b': no folder"),
        (lambda parts: parts.update(new_classes=["end."]), "a new class cannot be called 'end.': no folder"),
        (lambda parts: parts.update(new_classes=["Aux.txt"]), "Windows keeps that name for a device"),
        (lambda parts: parts.update(new_classes=["Cat"]), "differs from the class 'cat' in upper and lower case only"),
        (first(action="weight", new_label=""), 'needs a "weight" from 0 to 1'),
        (first(action="weight", new_label="", weight=1.5), 'needs a "weight" from 0 to 1'),
        (first(new_label="../x"), "'../x' is not a class of the audit: write it into \"new_classes\""),
        (first(source="luck"), "source 'luck' is none of"),
        (first(new_label=3), '"new_label" is 3: write text'),
        (first(label_score="high"), '"label_score" is "high": write a number'),
        (first(action=""), '"action" is missing'),
        (lambda parts: parts["changes"].append("x"), "change 3 must be an object"),
        (lambda parts: parts["changes"].append(parts["changes"][0]), r"change 3 .*: change 1 is on the same image"),
        (lambda parts: parts.update(changes={}), '"changes" must be a list'),
        (lambda parts: parts.update(new_classes="x"), '"new_classes" must be a list of names'),
        (lambda parts: parts.update(schema_version=2), r"newer labelaudit \(schema 2\)"),
        (lambda parts: parts.update(kind="shopping list"), "is not a plan of labelaudit clean"),
    ],
)
def test_an_edited_plan_that_cannot_be_done_is_refused(audit: Audit, tmp_path: Path, change: Any, message: str) -> None:
    file = tmp_path / "plan.json"
    write_plan(make_plan(audit, match(audit, [said(audit, 1, "other", "owl")])), file)
    edit(file, change)
    with pytest.raises(RunError, match=message):
        read_plan(file, audit)


def test_a_plan_that_was_edited_by_hand_is_not_written_over(audit: Audit, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan = make_plan(audit, match(audit, [said(audit, 1, "other", "owl")]))
    write_plan(plan, file)
    edit(file, first(new_label="dog"))
    with pytest.raises(RunError, match="was edited by hand: apply it with `plan`"):
        write_plan(plan, file)
    read = read_plan(file, audit)
    assert read.changes[0].new_label == "dog"
    assert plan_id(read) != plan_id(plan)
    file.write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="was edited by hand"):
        write_plan(plan, file)
    with pytest.raises(RunError, match="cannot be read"):
        read_plan(file, audit)
    with pytest.raises(RunError, match="there is no plan"):
        read_plan(tmp_path / "no.json", audit)


def test_a_run_that_may_only_be_read_is_to_be_copied(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunError, match=r"nothing was written; copy .* to where you may write, and name the copy"):
        write_plan(make_plan(audit, match(audit, [])), tmp_path / "plan.json")


def test_a_full_disk_keeps_the_earlier_plan(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plan.json"
    write_plan(make_plan(audit, match(audit, [])), file)
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"No space left on device\): an earlier plan is untouched"):
        write_plan(make_plan(audit, match(audit, [said(audit, 1, "none")])), file)
    with pytest.raises(RunError, match=r"No space left on device\): nothing was written"):
        write_plan(make_plan(audit, match(audit, [])), tmp_path / "first.json")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["plan.json"]


def test_new_classes_are_named_in_the_plan(audit: Audit, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(make_plan(audit, match(audit, [said(audit, 1, "other", "owl")])), file)
    edit(file, lambda parts: (parts["changes"][0].update(new_label="fox"), parts.update(new_classes=["fox"])))
    assert read_plan(file, audit).changes[0].new_label == "fox"


def test_hand_written_changes_need_little(audit: Audit, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(make_plan(audit, match(audit, [])), file)
    row = {"path": IDS[0], "digest": audit.samples.digests[0], "given_label": "cat", "action": "drop"}
    edit(file, lambda parts: parts.update(changes=[row]))
    assert brief(read_plan(file, audit).changes) == [("cat/a.png", "drop", "", "hand", "")]


def test_the_surest_suspects_and_what_they_cost() -> None:
    audit = make_audit()
    actions = choose_actions(["suspect=relabel"])
    plan = make_plan(audit, match(audit, ()), actions=actions, surest=1)
    (change,) = (change for change in plan.changes if change.reason == "suspect")
    assert (change.path, change.new_label) == ("cat/b.png", "dog")
    assert any("nobody knows until 20 verdicts have set the scale" in note for note in plan.notes)
    measured = replace(audit, decision=replace(audit.decision, recipe={"scale": MEASURED}))
    notes = make_plan(measured, match(measured, ()), actions=actions, surest=1).notes
    assert any("about 0.3 of them get a wrong label, with 90% at most 1" in note for note in notes)
    (digest, label), said = audit.identity(1), "given"
    judged = match(audit, [Verdict(path="cat/b.png", digest=digest, given_label=label, verdict=said)])
    plan = make_plan(audit, judged, actions=actions, surest=1)
    assert [change.path for change in plan.changes if change.reason == "suspect"] == ["dog/d.png"]
