"""Disputes end: by a third reviewer, by one person's word, or not before all agree; and namesakes are noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from audits import IDS, make_audit, make_samples
from made_verdicts import make

from labelaudit.errors import DataError, OptionError
from labelaudit.verdicts import Replay, Verdict, make_rule, match, merge, render
from labelaudit.verdicts.agreement import first_answers
from labelaudit.verdicts.matching import agreed
from labelaudit.verdicts.people import find_namesakes
from labelaudit.verdicts.settling import read_rule

ANN, BOB = make(1, reviewer="ann"), make(1, verdict="none", reviewer="bob")
CAROL, DAVE = replace(BOB, reviewer="carol"), make(1, verdict="other", new_label="owl", reviewer="dave")


def test_two_who_disagree_are_a_dispute_that_a_third_settles() -> None:
    audit = make_audit()
    assert match(audit, [ANN, BOB]).disputed == {1: (ANN, BOB)}
    settled = match(audit, [ANN, BOB, CAROL])
    assert (settled.disputed, settled.settled) == ({}, {1: CAROL})
    assert settled.overruled == (1,)
    assert settled.notes == (f"Reviewers disagree on 1 image where the majority settles it, first {IDS[1]}.",)


def test_half_is_no_majority() -> None:
    for log in ([ANN, BOB, DAVE], [ANN, BOB, CAROL, DAVE, replace(ANN, reviewer="eve"), replace(DAVE, reviewer="fay")]):
        assert list(match(make_audit(), log).disputed) == [1]


def test_the_word_of_one_person_counts_wherever_there_is_one() -> None:
    audit, rule = make_audit(), make_rule("adjudicator:dave")
    assert match(audit, [rule, ANN, BOB, CAROL, DAVE]).settled == {1: DAVE}
    without = match(audit, [rule, ANN, BOB, CAROL])
    assert list(without.disputed) == [1], "a majority is not what was asked for"
    assert "dave's word settles it" in match(audit, [rule, ANN, DAVE]).notes[0]
    skipped = replace(DAVE, verdict="skip", new_label="")
    assert list(match(audit, [rule, ANN, BOB, skipped]).disputed) == [1]


def test_agreement_needs_all_and_the_last_rule_holds() -> None:
    strict = [make_rule("agreement"), ANN, BOB, CAROL]
    assert list(match(make_audit(), strict).disputed) == [1]
    assert match(make_audit(), [*strict, make_rule("majority")]).settled == {1: CAROL}
    assert Replay().rule == "majority"


def test_a_scan_takes_what_the_rule_settles_as_known() -> None:
    samples = make_samples()
    assert agreed(samples, [ANN, BOB]) == {}
    assert agreed(samples, [ANN, BOB, CAROL]) == {samples.digests[1]: None}
    assert agreed(samples, [make_rule("adjudicator ann"), ANN, BOB, CAROL]) == {samples.digests[1]: ANN.new_label}


def test_a_rule_is_nobodys_verdict() -> None:
    rule = make_rule("majority")
    assert Replay([rule]).in_force() == {}
    assert first_answers([rule]) == {}
    assert match(make_audit(), [rule]).strangers == ()
    assert merge([rule, ANN], [rule]) == (ANN, rule) or merge([rule, ANN], [rule]) == (rule, ANN)
    assert "(rule),*,*,rule,majority" in render([rule])


@pytest.mark.parametrize("text", ["adjudicator", "adjudicator:", "vote", "", "adjudicator = "])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="settles nothing: give majority, adjudicator:NAME"):
        read_rule(text)


def test_a_name_may_be_written_in_several_ways() -> None:
    for text in ("adjudicator:carol", "adjudicator=carol", "adjudicator carol", " adjudicator: carol "):
        assert read_rule(text) == "adjudicator:carol"
    with pytest.raises(DataError):
        Verdict(path="a", digest="0", given_label="cat", verdict="ruling")


def test_two_people_of_one_name_are_noticed_and_a_copy_is_not() -> None:
    first, second = make(1, reviewer="user"), make(2, verdict="none", reviewer="user")
    both = replace(first, verdict="none", new_label="", time="2026-11-21T09:00:00Z")
    assert find_namesakes({"a": [first], "b": [first, second]}) == [], "a copy that was gone on with"
    assert find_namesakes({"a": [ANN], "b": [BOB]}) == []
    (line,) = find_namesakes({"a": [first, second], "b": [both]})
    assert line.startswith(
        "a and b both have verdicts by 'user', who counts as one person: on 1 image where they differ"
    )
    assert line.endswith("give one a name: NAME=b")
