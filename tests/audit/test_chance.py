"""How likely a label is wrong is said in one way: in words until people's verdicts have set the scale."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from audits import make_audit, make_decision, make_samples

from labelaudit.audit.chance import MEASURED, is_measured, say_chance, tell_chance, what_sets
from labelaudit.check import judge_gate
from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.policy import Policy
from labelaudit.check.wording import advice
from labelaudit.display.audit import Audit
from labelaudit.reports import html, markdown
from labelaudit.types import Decision
from labelaudit.verdicts import Reviewed, Verdict


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
    assert [tell_chance(made, row) for row in (first, second)] == ["sure", "doubtful"]


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


def test_after_ten_verdicts_no_gate_asks_for_twenty() -> None:
    """Neither about doubtful suspects nor about a limit that is open."""
    n = 40
    samples = make_samples(
        ids=tuple(f"{row}.png" for row in range(n)),
        labels=np.arange(n) % 2,
        digests=tuple(f"{row:032x}" for row in range(n)),
    )
    made = make_decision(
        suspicion=np.linspace(0, 0.95, n),
        is_issue=np.arange(n) >= n - 2,
        judged=np.ones(n, dtype=bool),
        probs=np.eye(3, dtype=np.float32)[samples.labels],
        predicted=1 - samples.labels,
        noise_interval=(0.0, 0.5),
        reasons=("",) * n,
        sure_threshold=0.98,
    )
    policy = Policy(max_noise=0.02)
    reviewed = Reviewed(
        settled={
            row: Verdict(path=samples.ids[row], digest=samples.digests[row], given_label="x", verdict="given")
            for row in range(20)
        }
    )

    def next_steps(decision: Decision, reviewed: Reviewed | None) -> str:
        outcome = judge_gate(
            make_audit(samples=samples, decision=decision, evidence={}),
            policy,
            reviewed=reviewed,
            today=date(2026, 11, 30),
        )
        assert outcome.counts()["doubtful"]
        assert outcome.open
        return " ".join(advice(outcome))

    assert next_steps(made, None).count("20 verdicts") == 2
    outdated = next_steps(made, reviewed)
    assert "20 verdicts" not in outdated
    assert outdated.count("Rerank in `labelaudit review RUN`") == 2
    settled = next_steps(replace(made, recipe=made.recipe | {"reviewed": 20}), reviewed)
    assert "20 verdicts" not in settled
    assert "Rerank" not in settled


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
