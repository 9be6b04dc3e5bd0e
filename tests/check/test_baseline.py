"""Baselines: the file, what is wrong with it and where, refreshing, pruning, comparing and merging."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from audits import IDS, SUSPICION, make_audit, make_decision, make_samples
from baselines import DAY, IDENTITY, refresh

from labelaudit.check import judge_gate, prune_baseline, refresh_baseline
from labelaudit.check.baseline import (
    WORDS,
    Baseline,
    KnownFinding,
    KnownSuspect,
    Noise,
    changed_settings,
    compare,
    merge,
    seen_key,
)
from labelaudit.check.baseline_file import dumps
from labelaudit.check.policy import Ignore, Policy, Where
from labelaudit.errors import RunError
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, match

# refreshing


def test_the_words_are_those_of_the_verdicts() -> None:
    from labelaudit.verdicts.verdict import VERDICTS

    assert set(WORDS) == set(VERDICTS) - {"skip", "undo"}


def test_it_records_what_shapes_the_findings() -> None:
    baseline = refresh()
    assert baseline.settings == {
        "methods": ["sln"],
        "train": "features",
        "features": None,
        "seed": 3,
        "threshold": 0.5,
        "labelaudit": "0.1.0",
    }
    assert baseline.dataset == {"fingerprint": make_audit().fingerprint, "samples": 6}
    assert baseline.noise == {"dataset": Noise(0.4, 0.2, 0.6)}
    assert refresh(policy=Policy(max_class_noise={"cat": 0.5}, max_new=3)).noise.keys() == {"dataset", "class cat"}


def test_a_refresh_of_the_same_is_the_same() -> None:
    assert dumps(refresh(refresh())) == dumps(refresh())


def test_what_people_wrote_survives_a_refresh() -> None:
    by_hand = replace(refresh().suspects[0], verdict="given", reviewer="ana", time="2026-01-01T00:00:00Z", note="big")
    gone = KnownSuspect(path="cat/old.png", digest="ff", given_label="cat", verdict="none", reviewer="bo")
    noted = replace(gone, path="cat/noted.png", digest="fe", verdict="", note="why?")
    silent = replace(gone, path="cat/silent.png", digest="fd", verdict="")
    finding = replace(refresh().findings[0], note="twins")
    old = replace(refresh(), suspects=(by_hand, gone, noted, silent), findings=(finding,))
    new = refresh(old)
    assert new.suspects == (by_hand, noted, gone, refresh().suspects[1])
    assert new.findings == (finding, refresh().findings[1])


def test_verdicts_of_a_run_enter_and_the_later_one_counts() -> None:
    audit = make_audit()

    def said(verdict: str, time: str, new_label: str = "") -> Verdict:
        return Verdict(
            path="cat/b.png",
            digest=IDENTITY[1],
            given_label="cat",
            verdict=verdict,
            new_label=new_label,
            reviewer="ana",
            time=time,
        )

    old = replace(
        refresh(),
        suspects=(replace(refresh().suspects[0], verdict="given", time="2026-05-05T00:00:00Z", reviewer="bo"),),
    )
    for time, wins in (
        ("2026-06-06T00:00:00Z", ("suggested", "dog", "ana")),
        ("2026-04-04T00:00:00Z", ("given", "", "bo")),
    ):
        reviewed = match(audit, [said("suggested", time, "dog")])
        known = refresh_baseline(audit, Policy(), old, reviewed, today=DAY).suspects[0]
        assert (known.verdict, known.new_label, known.reviewer) == wins
    right = match(audit, [said("given", "2026-06-06T00:00:00Z")])
    new = refresh_baseline(audit, Policy(), old, right, today=DAY)
    assert new.suspects[0].new_label == "", "as where the verdict is from a baseline"
    assert refresh_baseline(audit, Policy(), new, None, today=DAY) == new


EARLY, LATE, LATEST = (f"2026-0{month}-01T00:00:00Z" for month in (1, 2, 3))


def spoken(verdict: str, time: str, reviewer: str = "ana") -> Verdict:
    label = "dog" if verdict == "suggested" else ""
    said = {"path": "cat/b.png", "digest": IDENTITY[1], "given_label": "cat", "reviewer": reviewer}
    return Verdict(verdict=verdict, new_label=label, time=time, **said)


@pytest.mark.parametrize(
    ("log", "now"),
    [
        ([spoken("given", LATE), spoken("undo", LATEST)], ("", "")),  # the log that the baseline was made from
        ([spoken("undo", LATEST)], ("", "")),  # a fresh RUN, whose log knows the verdict from the baseline only
        ([spoken("suggested", EARLY), spoken("given", LATE), spoken("undo", LATEST)], ("suggested", EARLY)),
        ([spoken("given", LATE), spoken("undo", LATEST), spoken("none", LATEST)], ("none", LATEST)),
        ([spoken("undo", LATEST, "bo")], ("given", LATE)),  # somebody else's undo
        ([spoken("undo", EARLY)], ("given", LATE)),  # before the verdict was given
        ([spoken("none", EARLY), spoken("undo", LATEST)], ("given", LATE)),  # the undo of an earlier verdict
    ],
)
def test_a_verdict_taken_back_in_the_run_is_taken_back_in_the_baseline(
    log: list[Verdict], now: tuple[str, str]
) -> None:
    audit = make_audit()
    entry = replace(refresh().suspects[0], verdict="given", new_label="", reviewer="ana", time=LATE)
    old = replace(refresh(), suspects=(entry, *refresh().suspects[1:]))
    reviewed = match(audit, log)
    new = refresh_baseline(audit, Policy(), old, reviewed, today=DAY)
    assert (new.suspects[0].verdict, new.suspects[0].time) == now
    outcome = judge_gate(audit, Policy(), old, reviewed, today=DAY)
    assert (outcome.suspects[0].status == "accepted") == (now[0] == "given")
    assert any("taken back since" in note for note in outcome.notes) == (now != ("given", LATE))


def test_a_verdict_taken_back_on_an_image_that_is_gone_goes() -> None:
    gone = replace(refresh().suspects[0], digest="f" * 32, verdict="given", reviewer="ana", time=EARLY)
    undo = replace(spoken("undo", LATE), digest="f" * 32)
    old = replace(refresh(), suspects=(*refresh().suspects, gone))
    assert gone in refresh_baseline(make_audit(), Policy(), old, None, today=DAY).suspects
    reviewed = match(make_audit(), [undo])
    assert gone.digest not in {
        k.digest for k in refresh_baseline(make_audit(), Policy(), old, reviewed, today=DAY).suspects
    }


def test_small_moves_of_a_suspicion_leave_the_line_alone() -> None:
    for moved, written in ((0.93, 0.97), (0.91, 0.91)):
        suspicion = np.where(SUSPICION == 0.97, moved, SUSPICION)
        assert refresh(refresh(), decision=make_decision(suspicion=suspicion)).suspects[0].suspicion == written


def test_what_is_ignored_does_not_become_known() -> None:
    policy = Policy(ignores=(Ignore(where=Where(path="cat/**"), reason="bought", expires=DAY),))
    new = refresh(policy=policy)
    assert [known.path for known in new.suspects] == ["dog/d.png"]
    assert new.findings == ()


def test_copies_share_an_entry() -> None:
    digests = (IDENTITY[0], IDENTITY[1], IDENTITY[1], *IDENTITY[3:])
    decision = make_decision(suspicion=np.array([0.1, 0.97, 0.97, 0.97, 0.3, 0.4]))
    assert [known.digest for known in refresh(samples=make_samples(digests=digests), decision=decision).suspects] == [
        IDENTITY[1],
        IDENTITY[3],
    ]


# pruning, comparing, merging


def test_pruning_removes_what_matches_nothing() -> None:
    entry = refresh().suspects[0]
    old = replace(
        refresh(),
        suspects=(
            *refresh().suspects,
            replace(entry, path="gone.png", digest="ff", verdict="given"),
            replace(entry, path="moved.png", given_label="owl"),
            replace(entry, path="cat/a.png", digest=IDENTITY[0]),
            replace(entry, path="cat/c.png", digest=IDENTITY[2], verdict="given"),  # a record about an image we have
        ),
        findings=(*refresh().findings, KnownFinding(path="x.png", kind="leak", identity="0")),
    )
    kept, stale = prune_baseline(old, make_audit())
    assert [(entry.path, entry.why) for entry in stale] == [
        ("cat/a.png", "no longer suspected"),
        ("gone.png", "gone"),
        ("moved.png", "relabelled as cat"),
        ("x.png", "solved"),
    ]
    assert [known.path for known in kept.suspects] == ["cat/b.png", "cat/c.png", "dog/d.png"]
    assert kept.findings == refresh().findings
    assert prune_baseline(kept, make_audit()) == (kept, ())


def test_a_baseline_of_another_dataset_is_not_emptied() -> None:
    other = make_samples(digests=tuple(f"{i:032x}" for i in range(100, 106)))
    with pytest.raises(RunError, match="none of the 2 images in the baseline is in 'pets'"):
        prune_baseline(refresh(), make_audit(samples=other))
    assert prune_baseline(Baseline(), make_audit(samples=other)) == (Baseline(), ())


def test_comparing() -> None:
    old = refresh()
    found = replace(old.suspects[0], verdict="given")
    new = replace(old, suspects=(found,), findings=(*old.findings, KnownFinding(path="a", kind="leak", identity="0")))
    assert [(kind, entry.path) for kind, entry in compare(old, new)] == [
        ("added", "a"),
        ("verdict", "cat/b.png"),
        ("removed", "dog/d.png"),
    ]
    assert compare(new, new) == []


def test_changed_settings() -> None:
    old: dict[str, Any] = {"effort": "standard", "methods": ["a", "b"], "seed": 0}
    assert changed_settings(old, {"methods": ["a"], "seed": 0, "threshold": 0.5}) == (
        "effort: standard, now none",
        "methods: a, b, now a",
        "threshold: none, now 0.5",
    )
    assert changed_settings(old, dict(old)) == ()


def test_the_threshold_is_a_setting_only_where_somebody_set_it() -> None:
    moved = make_audit(decision=make_decision(threshold=0.4))
    own = judge_gate(moved, Policy(), refresh(), today=DAY).baseline
    asked = judge_gate(moved, Policy(threshold=0.4), refresh(), today=DAY).baseline
    assert own is not None and own.changed == ()  # noqa: PT018
    assert asked is not None and asked.changed == ("threshold: 0.5, now 0.4",)  # noqa: PT018


def test_merging() -> None:
    known = refresh().suspects[0]
    early = replace(known, verdict="none", time="2026-01-01T00:00:00Z", note="blurred")
    late = replace(known, verdict="given", time="2026-02-02T00:00:00Z", note="fine")
    other = replace(known, path="x.png", digest="ff")
    one = Baseline(suspects=(late,), noise={"dataset": Noise(0.3, 0.2, 0.4), "class cat": Noise(0.1, 0.0, 0.2)})
    two = Baseline(suspects=(early, other), noise={"dataset": Noise(0.2, 0.1, 0.3)}, settings={"seed": 1})
    joined = merge(one, two)
    assert joined.suspects == (replace(late, note="fine; blurred"), other)
    assert joined.noise == one.noise
    assert joined.settings == {"seed": 1}
    assert merge(two, one).suspects == (replace(late, note="blurred; fine"), other)
    assert merge(one, one) == one
    assert merge(Baseline(suspects=(early,)), Baseline(suspects=(known,))).suspects == (early,)


def test_findings_are_the_same_after_renaming() -> None:
    ids = tuple(f"new/{i}.png" for i in range(6))
    finding = Finding(kind="conflict", path="new/1.png", detail="", partner="new/3.png")
    renamed = refresh(samples=make_samples(ids=ids), findings=(finding,))
    assert [f.identity for f in renamed.findings] == [f.identity for f in refresh().findings if f.kind == "conflict"]
    turned = Finding(kind="conflict", path="new/3.png", detail="", partner="new/1.png")
    assert (
        refresh(samples=make_samples(ids=ids), findings=(turned,)).findings[0].identity == renamed.findings[0].identity
    )


def test_a_conflict_is_told_by_the_file_that_is_new() -> None:
    """The baseline has seen every image but the dog."""
    said = "labelled 'cat', but the same bytes as 'dog/d.png', labelled 'dog'"
    finding = Finding(kind="conflict", path="cat/a.png", detail=said, partner="dog/d.png")
    audit = make_audit(findings=(finding,))
    known = [seen_key(audit.identity(row)) for row, name in enumerate(IDS) if name != "dog/d.png"]
    for seen, led in ((known, "dog/d.png"), ([], "cat/a.png")):
        (told,) = judge_gate(audit, Policy(), Baseline(seen=frozenset(seen)), today=DAY).findings
        assert (told.path, {told.path, told.partner}) == (led, {"cat/a.png", "dog/d.png"})
        assert told.detail == (
            said if led == "cat/a.png" else "labelled 'dog', but the same bytes as 'cat/a.png', labelled 'cat'"
        )


@pytest.mark.parametrize(
    ("features", "precision"),
    [("lite0@128-int8+lite1@160-int8", "int8"), ("lite0@128", "float32"), (None, "auto"), (7, "auto")],
)
def test_the_precision_is_that_of_the_features(features: object, precision: str) -> None:
    assert Baseline(settings={"features": features}).precision == precision
