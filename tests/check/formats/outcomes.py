"""Outcomes of the gate to render: every verdict and status, hostile names, thousands of suspects, and any at all."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import strategies as st

from labelaudit.check.formats import GATE_FORMATS
from labelaudit.check.outcome import STATUSES, BaselineReport, CheckedFinding, Outcome, Rule, StaleEntry, Suspect
from labelaudit.check.policy import Where

HOSTILE = (
    "cat/=cmd|' /C calc'!A0.png",
    "cat/a\nb\r\n::error::x.png",
    "cat/\x1b[31m\x00\x07\ufffe.png",
    "caf\udce9/\ud800.png",
    "cat/a|b`c``d\\|e.png",
    "<img src=x onerror=alert(1)>&amp;]]>.png",
    "@team #1 www.evil.com https://x.y _a_ *b*.png",
    "cat/%2e%2e%0A::.png",
    "http:evil/..png",
    "\u202egnp.exe",
    "猫/ñ é.png",
    "FAILED: 9 of 9 rules broken: x",
    " a , b: ",
    "5 suspects: 9 new, 9 known, 9 accepted, 9 ignored, 9 uncertain",
    "x" * 4000,
)
"""Names that mean something to a spreadsheet, a terminal, a log, XML, Markdown, a URI or a reader of our own lines."""
CLASSES = ("cat", "dog", *HOSTILE[:6])


def make_suspect(i: int = 0, **changes: Any) -> Suspect:
    return Suspect(
        **{
            "path": f"cat/{i}.png",
            "digest": f"{i:032x}",
            "given_label": "cat",
            "suggested_label": "dog",
            "suspicion": max(0.5, 0.99 - i / 10_000),
            "chance": "sure",
            "reason": "looks like dog",
            "status": "new",
            **changes,
        }
    )


def make_problem(i: int = 0, **changes: Any) -> CheckedFinding:
    given_values = {"kind": "conflict", "path": f"cat/{i}.png", "detail": "Same bytes as dog/d.png.", "status": "new"}
    return CheckedFinding(**{**given_values, "partner": "dog/d.png", "identity": f"{i:032x}", **changes})


def make_rule(name: str = "max-new", **changes: Any) -> Rule:
    return Rule(**{"id": name, "measured": 3, "limit": 0, "passed": False, "message": "3 new suspects."} | changes)


def make_class_rule(label: str, **changes: Any) -> Rule:
    return make_rule("max-class-noise", where=Where(label=label), **changes)


def make_outcome(**changes: Any) -> Outcome:
    return Outcome(
        **{
            "root": "./pets",
            "fingerprint": "ab" * 16,
            "samples": 6,
            "judged": 6,
            "classes": dict.fromkeys(CLASSES, 3),
            "noise_rate": 0.04,
            "noise_interval": (0.036, 0.087),
            "threshold": 0.5,
            "counted_from": 0.5,
            "tolerance": 0.01,
            "rules": (make_rule(passed=True, message="0 new suspects, 0 allowed."),),
            "suspects": (),
            **changes,
        }
    )


RULES = (
    "max-noise",
    "max-class-noise",
    "noise-rise",
    "max-suspects",
    "max-new",
    "no-conflicts",
    "no-unreadable",
    "no-leaks",
)
OUTCOMES = {
    "pass": make_outcome(),
    "no rules": make_outcome(rules=()),
    "cannot be estimated": make_outcome(
        noise_rate=math.nan, noise_interval=(math.nan, math.nan), samples=0, classes={}
    ),
    "open": make_outcome(
        rules=(make_rule(passed=True, message="0 new."), make_rule("max-noise", passed=True, open=True, message="5%."))
    ),
    **{
        f"{name} broken": make_outcome(
            rules=(
                make_class_rule("cat") if name == "max-class-noise" else make_rule(name),
                make_rule("max-noise", passed=True),
            ),
            suspects=(make_suspect(), make_suspect(1, status="known")),
            findings=(make_problem(),),
        )
        for name in RULES
    },
    "every status": make_outcome(
        suspects=tuple(make_suspect(i, status=status, note=f"{status}!") for i, status in enumerate(STATUSES * 2)),
        findings=tuple(make_problem(i, status=s, note="?") for i, s in enumerate(("new", "known", "ignored"))),
        baseline=BaselineReport(
            path=".labelaudit-baseline.json",
            entries=3,
            stale=(StaleEntry(path="cat/old.png", digest="ff", given_label="cat", why="gone"),),
            changed=("effort: standard, now quick",),
        ),
        scope="3 changed files",
        notes=("An ignore has expired.",),
    ),
    "suspects allowed": make_outcome(suspects=tuple(make_suspect(i) for i in range(5))),
    "hostile names": make_outcome(
        root=HOSTILE[3],
        rules=tuple(make_class_rule(name, message=name) for name in CLASSES),
        suspects=tuple(
            make_suspect(
                i, path=name, given_label=CLASSES[i % len(CLASSES)], suggested_label=name, reason=name, note=name
            )
            for i, name in enumerate(HOSTILE)
        ),
        findings=tuple(make_problem(i, path=name, detail=name, partner=name) for i, name in enumerate(HOSTILE)),
        baseline=BaselineReport(path=HOSTILE[1], entries=1, changed=HOSTILE, stale=()),
        notes=HOSTILE,
        scope=HOSTILE[1],
    ),
    "3,000 suspects": make_outcome(
        rules=tuple(make_rule(where=Where(label=f"class {i}")) for i in range(300)),
        suspects=tuple(make_suspect(i, status=STATUSES[i % 2]) for i in range(3000)),
        findings=tuple(make_problem(i, status=("new", "known")[i % 2]) for i in range(1200)),
    ),
}


TEXTS: dict[tuple[str, str], str] = {}


def render(name: str, case: str) -> str:
    if (name, case) not in TEXTS:
        TEXTS[name, case] = GATE_FORMATS[name](OUTCOMES[case])
    return TEXTS[name, case]


every_case = pytest.mark.parametrize("case", OUTCOMES)


any_text = st.text(st.characters(), max_size=12) | st.sampled_from(HOSTILE)
any_suspect = st.builds(
    Suspect,
    path=any_text,
    digest=st.sampled_from(["", "0" * 32, "f" * 32]),
    given_label=any_text,
    suggested_label=any_text,
    suspicion=st.floats(0, 1),
    chance=st.sampled_from(["sure", "doubtful", "87% likely wrong"]),
    reason=any_text,
    status=st.sampled_from(STATUSES),
    note=any_text,
)
any_problem = st.builds(
    CheckedFinding,
    kind=st.sampled_from(["conflict", "truncated", "something_new"]),
    path=any_text,
    detail=any_text,
    partner=any_text,
    identity=st.just("0" * 32),
    status=st.sampled_from(["new", "known", "ignored"]),
    note=any_text,
)
any_rule = st.builds(
    Rule,
    id=st.sampled_from(RULES),
    where=st.builds(Where, path=any_text, label=any_text),
    measured=st.none() | st.floats(0, 1) | st.integers(0, 9),
    limit=st.floats(0, 1),
    passed=st.booleans(),
    message=any_text,
)
any_outcome = st.builds(
    Outcome,
    root=any_text,
    fingerprint=st.just("ab" * 16),
    samples=st.integers(0, 10**7),
    classes=st.dictionaries(any_text, st.integers(0, 99), max_size=4),
    noise_rate=st.floats(0, 1) | st.just(math.nan),
    noise_interval=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    threshold=st.floats(0, 1),
    counted_from=st.floats(0, 1),
    tolerance=st.floats(0, 0.1),
    rules=st.lists(any_rule, max_size=4).map(tuple),
    suspects=st.lists(any_suspect, max_size=6).map(tuple),
    findings=st.lists(any_problem, max_size=4).map(tuple),
    scope=any_text,
    baseline=st.none()
    | st.builds(BaselineReport, path=any_text, entries=st.integers(0, 9), changed=st.tuples(any_text)),
    notes=st.lists(any_text, max_size=3).map(tuple),
)
