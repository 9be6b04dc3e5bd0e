"""How likely a label is wrong is said in one way: in words until people's verdicts have set the scale."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from audits import make_audit, make_decision

from labelaudit.audit.chance import MEASURED, is_measured, say_chance, tell_chance, what_sets
from labelaudit.check import judge_gate
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.policy import Policy
from labelaudit.display.audit import Audit
from labelaudit.reports import html, markdown
from labelaudit.types import Decision


def decision(scale: str = "scan") -> Decision:
    """Two suspects of suspicion .97, of which the first is sure."""
    made = make_decision(sure_threshold=0.96)
    suspicion = made.suspicion.copy()
    suspicion[np.flatnonzero(made.is_issue)[1]] = 0.955
    return replace(made, suspicion=suspicion, recipe={"scale": scale})


def test_no_percentage_before_verdicts_have_set_the_scale() -> None:
    made = decision()
    first, second = np.flatnonzero(made.is_issue).tolist()
    rest = int(np.flatnonzero(~made.is_issue)[0])
    assert [say_chance(made, row) for row in (first, second, rest)] == ["sure", "doubtful", "no suspect"]
    assert [tell_chance(made, row) for row in (first, second)] == ["surely wrong", "doubtful"]


def test_a_percentage_once_they_have() -> None:
    made = decision(MEASURED)
    first, second = np.flatnonzero(made.is_issue).tolist()
    assert is_measured(made)
    assert (say_chance(made, first), tell_chance(made, second)) == ("97%", "96% likely wrong")


def test_what_is_missing_for_a_percentage_depends_on_what_people_said() -> None:
    made = decision()
    assert "until 20 verdicts" in what_sets(made, 9)
    assert "ranked anew by the verdicts: Rerank" in what_sets(made, 20)
    known = replace(made, recipe=made.recipe | {"reviewed": 20})
    assert "until more verdicts set the scale" in what_sets(known, 20)
    assert "ranked anew" in what_sets(known, 21)


@pytest.mark.parametrize("scale", ["scan", MEASURED])
def test_every_screen_says_the_same(scale: str) -> None:
    audit = make_audit(decision=decision(scale))
    words = ("sure", "doubtful") if scale == "scan" else ("97%", "96%")
    screens = [
        markdown.render(audit),
        html.render(audit).text,
        Audit.of(audit)._repr_html_(),
        GATE_FORMATS["table"](judge_gate(audit, Policy(), None, None, today=date(2026, 1, 1))),
    ]
    for screen in screens:
        assert all(word in screen for word in words)
        assert ("97%" in screen) == (scale == MEASURED)
