"""The gate about what lies beside the pictures: shortcuts, suspects by value of a column, scenes, blind models."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from audits import make_audit, make_decision, make_samples

from labelaudit.check import judge_gate
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.outcome import Outcome
from labelaudit.check.policy import Policy
from labelaudit.check.settings import resolve_settings
from labelaudit.errors import OptionError
from labelaudit.types import Finding


def judged(policy: Policy, **changes: Any) -> Outcome:
    return judge_gate(make_audit(**changes), policy, None, today=date(2026, 11, 21))


SHORTCUT = Finding(kind="shortcut", path=".", detail="the frame alone tells the given class of 100% of the images")
OFF = {"no_conflicts": False, "no_unreadable": False, "no_leaks": False}


def test_a_shortcut_fails_where_that_was_asked_for() -> None:
    assert [rule.name for rule in judged(Policy(**OFF), findings=(SHORTCUT,)).rules] == []
    (rule,) = judged(Policy(no_shortcuts=True, **OFF), findings=(SHORTCUT,)).rules
    assert not rule.passed
    assert rule.message == "1 shortcut past the picture."
    assert judged(Policy(no_shortcuts=True, **OFF), findings=()).passed


@pytest.mark.parametrize("form", ["table", "markdown", "github", "junit", "sarif"])
def test_a_shortcut_is_said_of_the_dataset(form: str) -> None:
    said = GATE_FORMATS[form](judged(Policy(no_shortcuts=True, **OFF), findings=(SHORTCUT,)))
    assert "the dataset" in said
    assert not re.search(r"(?<![\w/])\.: |`\.`", said)


def test_scenes_in_two_splits_are_counted_and_fail_nothing() -> None:
    scene = Finding(kind="same_scene", path="cat/a.png", detail="", partner="dog/d.png")
    (rule,) = judged(Policy(**{**OFF, "no_leaks": True}), findings=(scene,)).rules
    assert rule.passed
    assert "1 more that seem to show a scene of another split, which break no rule" in rule.message


def test_the_value_with_most_suspects_is_held_to_its_limit() -> None:
    samples = make_samples(extra={"annotator": ("ann", "eve", "ann", "eve", "ann", "ann")})
    (rule,) = judged(Policy(max_suspects_per={"annotator": 0.5}, **OFF), samples=samples).rules
    assert (rule.name, rule.passed, rule.measured) == ("max-suspects-per annotator", False, 1.0)
    assert rule.message == "By 'annotator' 'eve' has the most: 2 of 2 are new suspects (100.0%), at most 50% allowed."
    assert judged(Policy(max_suspects_per={"annotator": 1.0}, **OFF), samples=samples).passed
    with pytest.raises(OptionError, match=r"anotator.*annotator"):
        judged(Policy(max_suspects_per={"anotator": 0.5}, **OFF), samples=samples)


def test_models_that_saw_siblings_prove_nothing() -> None:
    decision = make_decision(noise_interval=(0.0, 0.4), recipe={"blind": 0.5})
    (rule,) = judged(Policy(max_noise=0.02, **OFF), decision=decision).rules
    assert rule.passed
    assert "prove nothing by it" in rule.message


def test_settings_take_groups_as_text_and_as_list() -> None:
    assert resolve_settings({"group": ["name:(a,b)", "patient"]}, {}, {}).scan_options()["group"] == (
        "name:(a,b)",
        "patient",
    )
    assert resolve_settings({}, {"LABELAUDIT_GROUP": "name:(a,b)"}, {}).scan_options()["group"] == ("name:(a,b)",)
    assert resolve_settings({"max-suspects-per": ["annotator=5%"]}, {}, {}).policy().max_suspects_per == {
        "annotator": 0.05
    }
