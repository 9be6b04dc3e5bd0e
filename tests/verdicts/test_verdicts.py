"""The log of people's verdicts: nothing lost by a crash, a second writer, a spreadsheet or a changed dataset."""

from __future__ import annotations

from dataclasses import replace

import pytest
from audits import IDS, make_audit, make_samples
from made_verdicts import make

from labelaudit.verdicts import Replay, Verdict, match, merge, now, overtaken
from labelaudit.verdicts.matching import agreed
from labelaudit.verdicts.verdict import VERDICTS


def test_the_last_verdict_of_a_reviewer_counts_and_undo_takes_it_back() -> None:
    first, second = make(1, time="2026-11-21T06:00:00Z"), make(1, verdict="none", time="2026-11-21T06:01:00Z")
    undo = replace(first, verdict="undo", new_label="", time="2026-11-21T06:02:00Z")
    audit = make_audit()
    assert match(audit, [first, second]).settled == {1: second}
    assert match(audit, [first, second, undo]).settled == {1: first}
    assert match(audit, [first, second, undo, undo, undo]).settled == {}
    assert match(audit, [second, first]).settled == {1: first}  # by the order of the lines: a clock may be wrong
    assert merge([second, first]) == (second, first)
    assert Replay([first, undo, replace(undo, reviewer="bob")]).in_force() == {}


def test_a_verdict_without_a_time_follows_the_one_before_it() -> None:
    dated, later = make(1), make(1, verdict="none", time="")
    assert match(make_audit(), [dated, later]).settled == {1: later}
    assert merge([dated, later], [make(1, time="2026-11-21T07:00:00Z")])[:2] == (dated, later)


def test_what_comes_from_elsewhere_does_not_overrule_what_was_said_since() -> None:
    early, mine, late = (make(1, new_label="dog", time=f"2026-11-21T0{hour}:00:00Z") for hour in (6, 7, 8))
    now = "2026-11-22T00:00:00Z"
    assert overtaken([mine], [early, late], now=now) == ([late], [early])
    assert overtaken([mine], [replace(early, reviewer="bob"), replace(early, time="")], now=now)[1] == []
    ahead = replace(mine, time="2099-01-01T00:00:00Z")  # says nothing about which came first
    assert overtaken([ahead], [early], now=now) == ([early], [])


def test_reviewers_who_disagree_settle_nothing() -> None:
    ann, bob = make(1), make(1, new_label="cat", reviewer="bob")
    reviewed = match(make_audit(), [ann, bob])
    assert reviewed.settled == {}
    assert reviewed.disputed == {1: (ann, bob)}
    assert reviewed.notes == ("Reviewers disagree on 1 image, first cat/b.png (ann: dog, bob: cat).",)
    agreed = match(make_audit(), [ann, make(1, verdict="suggested", reviewer="bob")])
    assert agreed.settled == {1: make(1, verdict="suggested", reviewer="bob")}
    assert agreed.disputed == {}
    assert match(make_audit(), [ann, make(1, verdict="skip", reviewer="bob")]).settled == {1: ann}
    assert match(make_audit(), [make(1, verdict="skip", reviewer="bob")]).skipped == (1,)


def test_copies_of_an_image_share_the_verdict_and_other_labels_do_not() -> None:
    samples = make_samples(digests=("0" * 32,) * 4 + ("1" * 32, "2" * 32))
    said = make(0, digest="0" * 32)
    assert match(make_audit(samples=samples), [said]).settled == {0: said, 1: said, 2: said}


def test_a_renamed_file_keeps_its_verdict() -> None:
    samples = make_samples(ids=("cat/a.png", "cat/new name.png", *IDS[2:]))
    reviewed = match(make_audit(samples=samples), [make(1)])
    assert reviewed.settled == {1: make(1)}
    assert reviewed.notes == ()


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (
            make(1, digest="f" * 32),
            "1 verdict on images that were changed since the review, first cat/b.png: left out.",
        ),
        (
            make(1, path="x.png", digest="f" * 32),
            "1 verdict on images that the audit does not have, first x.png: left out.",
        ),
        (
            make(1, new_label="bird"),
            "1 verdict for a class that the audit does not have, first cat/b.png ('bird'): left out.",
        ),
        (
            make(1, given_label="kitty"),
            "1 verdict on images whose label has changed since, first cat/b.png ('kitty' then, 'cat' now): left out.",
        ),
        (
            make(3, given_label="owl"),
            "1 verdict on labels that have been corrected as they said, "
            "first dog/d.png ('owl' then, 'dog' now): left out.",
        ),
    ],
)
def test_verdicts_that_cannot_count_are_named(said: Verdict, note: str) -> None:
    if said.given_label == "owl":
        said = replace(said, verdict="other", new_label="dog")
    reviewed = match(make_audit(), [said])
    assert reviewed.settled == {}
    assert reviewed.strangers == (said,)
    assert reviewed.notes == (note,)


def test_a_class_unknown_to_the_audit_does_not_bring_an_older_verdict_back() -> None:
    reviewed = match(make_audit(), [make(1), make(1, new_label="bird", time=now())])
    assert reviewed.settled == {}


def test_merging_copies_of_a_log_counts_what_they_share_once() -> None:
    base = (make(1), make(1, verdict="undo"), make(1))  # the same twice within a second is meant
    ann = (*base, make(3, verdict="none", time="2026-11-21T08:00:00Z"))
    bob = (*base, make(4, verdict="none", reviewer="bob", time="2026-11-21T07:00:00Z"))
    assert merge(ann, bob) == (*base, bob[-1], ann[-1])
    assert merge(ann, ann) == ann
    assert merge() == ()


def test_choosing_the_given_label_is_the_verdict_given() -> None:
    said = Verdict(path="a", digest="0", given_label="cat", verdict="suggested", new_label="cat")
    assert (said.verdict, said.right, said.wrong) == ("given", "cat", False)
    assert [make(1, verdict=word).wrong for word in VERDICTS] == [False, True, True, True, False, False]


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ([make(1)], {f"{1:032x}": "dog"}),
        ([make(1, verdict="none")], {f"{1:032x}": None}),
        ([make(1), make(1, verdict="skip", reviewer="bob")], {f"{1:032x}": "dog"}),
        ([make(1), make(1, new_label="owl", reviewer="bob")], {}),
        ([make(1), make(1, new_label="bird", reviewer="bob")], {f"{1:032x}": "dog"}),
        ([make(1, digest="f" * 32)], {}),
        ([make(1, verdict="skip")], {}),
    ],
)
def test_what_reviewers_agree_on_is_the_same_by_image_and_by_sample(
    said: list[Verdict], right: dict[str, str | None]
) -> None:
    audit = make_audit()
    assert agreed(audit.samples, said) == right
    settled = match(audit, said).settled.values()
    assert {verdict.digest: verdict.right for verdict in settled} == right


def test_answers_on_copies_under_two_labels_have_to_agree() -> None:
    same = "a" * 32
    digests = (same, *(f"{row:032x}" for row in (1, 2)), same, *(f"{row:032x}" for row in (4, 5)))
    audit = make_audit(samples=make_samples(digests=digests))
    as_cat, as_dog = make(0, new_label="cat", digest=same), make(3, new_label="dog", digest=same)
    assert agreed(audit.samples, [as_cat]) == {same: "cat"}
    assert agreed(audit.samples, [as_cat, as_dog]) == {}
