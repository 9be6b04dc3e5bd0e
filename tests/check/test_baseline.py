"""Baselines: the file, what is wrong with it and where, refreshing, pruning, comparing and merging."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import SUSPICION, make_audit, make_decision, make_samples
from hypothesis import given
from hypothesis import strategies as st

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
)
from labelaudit.check.baseline_file import dumps, read, write
from labelaudit.check.policy import Ignore, Policy, Where
from labelaudit.errors import RunError
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, match

DAY = date(2026, 11, 21)
IDENTITY = [f"{i:032x}" for i in range(6)]


def refresh(old: Baseline | None = None, policy: Policy | None = None, **changes: Any) -> Baseline:
    return refresh_baseline(make_audit(**changes), policy or Policy(), old, today=DAY)


def saved(tmp_path: Path, baseline: Baseline | None = None) -> Path:
    write(refresh() if baseline is None else baseline, tmp_path / "known.json")
    return tmp_path / "known.json"


def error(path: Path) -> str:
    with pytest.raises(RunError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edited(tmp_path: Path, before: str, after: str) -> str:
    """The error of a baseline in which ``before`` was replaced, without the file's name."""
    path = saved(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    return error(path).removeprefix(str(path))


# the file


def test_one_line_for_each_entry_sorted_and_stable(tmp_path: Path) -> None:
    text = saved(tmp_path).read_text(encoding="utf-8")
    suspects = [line for line in text.splitlines() if '"given_label"' in line]
    assert suspects == [
        f'    {{"path": "cat/b.png", "digest": "{IDENTITY[1]}", "given_label": "cat", "suggested_label": "dog", '
        '"suspicion": 0.97},',
        f'    {{"path": "dog/d.png", "digest": "{IDENTITY[3]}", "given_label": "dog", "suggested_label": "cat", '
        '"suspicion": 0.97}',
    ]
    assert '  "noise": {\n    "dataset": [0.4, 0.2, 0.6]\n  },\n' in text
    assert text == dumps(refresh())
    assert json.loads(text)["schema_version"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["known.json"]  # nothing left beside it


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read(saved(tmp_path)) == refresh()
    assert read(saved(tmp_path, Baseline())) == Baseline()


ODD = st.text(st.characters(exclude_categories=()), max_size=8)


@given(
    st.lists(
        st.builds(
            KnownSuspect,
            path=ODD.filter(bool),
            digest=st.integers(0, 2**128 - 1).map("{:032x}".format),
            given_label=ODD.filter(bool),
            suspicion=st.integers(0, 100).map(lambda n: n / 100),
            verdict=st.sampled_from(["", "given", "none"]),
            note=ODD,
        ),
        unique_by=lambda known: known.identity,
        max_size=4,
    )
)
def test_any_name_survives(tmp_path_factory: pytest.TempPathFactory, known: list[KnownSuspect]) -> None:
    place = tmp_path_factory.getbasetemp() / "odd.json"
    write(Baseline(suspects=tuple(known)), place)
    assert read(place).suspects == tuple(sorted(known, key=lambda k: (k.path, k.given_label, k.digest)))
    lines = place.read_text(encoding="utf-8").splitlines()
    assert sum('"digest"' in line for line in lines) == len(known)  # one line each, whatever the name


def test_a_formatter_may_lay_it_out_anew(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=8, sort_keys=True))
    assert read(path) == refresh()


def test_an_interrupted_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(RunError, match="No space left on device"):
        write(Baseline(), path)
    assert read(path) == refresh()
    assert [entry.name for entry in tmp_path.iterdir()] == ["known.json"]


# what is wrong, and where


def test_missing_and_unreadable(tmp_path: Path) -> None:
    assert "no baseline in" in error(tmp_path / "nothing.json")
    assert "--write-baseline" in error(tmp_path / "nothing.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    assert "UTF-8" in error(tmp_path / "bytes.json")
    for text in ("[]", "3", "{}", '{"kind": "else"}', "[" * 100_000, '{"kind": ' + "9" * 5000 + "}", '{"a": NaN}'):
        (tmp_path / "other.json").write_text(text)
        assert "other.json:1: " in error(tmp_path / "other.json")


def test_a_byte_order_mark_and_other_line_ends_are_accepted(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(path) == refresh()
    path.write_bytes(dumps(refresh()).replace("dog/d.png", "dög/d.png").encode("latin-1"))
    assert error(path).removeprefix(str(path)).startswith(":21: no UTF-8")


def test_a_time_is_read_as_utc(tmp_path: Path) -> None:
    path = saved(tmp_path)
    said = '"suspicion": 0.97, "verdict": "given", "time": "2026-05-05T02:00:00+02:00"}\n'
    path.write_text(path.read_text(encoding="utf-8").replace('"suspicion": 0.97}\n', said), encoding="utf-8")
    assert read(path).suspects[1].time == "2026-05-05T00:00:00Z"


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    said = edited(tmp_path, '"schema_version": 1', '"schema_version": 2')
    assert said.startswith(":2: written by a newer labelaudit (schema 2, this one reads up to 1)")
    assert "pip install -U" in said


def test_no_json_names_the_line(tmp_path: Path) -> None:
    assert edited(tmp_path, '  "suspects": [', '  "suspects" [').startswith(":19: no JSON")


def test_a_merge_conflict_names_the_line(tmp_path: Path) -> None:
    said = edited(tmp_path, '    {"path": "dog/d.png"', '<<<<<<< HEAD\n    {"path": "dog/d.png"')
    assert said.startswith(":21: a merge conflict")
    assert "baseline merge" in said


def test_an_entry_twice_names_both_lines(tmp_path: Path) -> None:
    said = edited(tmp_path, f'"dog/d.png", "digest": "{IDENTITY[3]}", "given_label": "dog"', TWICE)
    assert said == ":21: 'elsewhere' is the same entry as in line 20: keep one"


TWICE = f'"elsewhere", "digest": "{IDENTITY[1]}", "given_label": "cat"'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"suspicion": 0.97}\n', '"suspicion": 1.97}\n', ":21: suspicion 1.97 is not a number from 0 to 1"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "verdict": "ok"}\n', ":21: unknown verdict 'ok'"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "verdict": "other"}\n', ":21: verdict 'other' needs"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "verdct": "given"}\n', ":21: unknown key 'verdct'"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "note": 3}\n', ":21: note 3 is not a text"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "path": "b"}\n', ":21: 'path' stands twice"),
        ('"given_label": "dog", ', "", ":21: an entry without given_label"),
        ("[0.4, 0.2, 0.6]", "[0.4, 0.2]", ":17: noise of 'dataset'"),
        ('"schema_version": 1', '"schema_version": "1"', ":2: schema_version is missing or no number"),
        ('"kind": "labelaudit baseline"', '"kind": "else"', ":3: no baseline"),
        (f'"digest": "{IDENTITY[3]}"', '"digest": "../x"', ':21: digest "../x" is not 32 hexadecimal digits'),
        (f'"digest": "{IDENTITY[3]}"', f'"digest": "{"A" * 32}"', ":21: digest"),
        ('"identity": "', '"identity": "x', ":24: identity"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "verdict": "given", "time": "soon"}\n', ":21: time 'soon'"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "time": "2026-02-30"}\n', ":21: time '2026-02-30'"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "reviewer": "a\\nb"}\n', ":21: reviewer"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "reviewer": " "}\n', ":21: reviewer"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "new_label": "cat"}\n', ":21: new_label 'cat' without a verdict"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97, "verdict": "none", "new_label": "cat"}\n', ":21: verdict 'none'"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97,\n"note": 3}\n', ":22: note 3 is not a text"),
        ('"suspicion": 0.97}\n', '"suspicion": 0.97,\n"path": "b"}\n', ":22: 'path' stands twice"),
        ('"suspicion": 0.97}\n', '"suspicion": NaN}\n', ":21: NaN is not a number"),
        ('"suspicion": 0.97}\n', '"suspicion": -Infinity}\n', ":21: -Infinity is not a number"),
        ('"suspicion": 0.97}\n', '"suspicion": 1e999}\n', ":21: 1e999 is not a number"),
        ('"suspicion": 0.97}\n', f'"suspicion": {"9" * 5000}}}\n', f":21: {'9' * 18}… is not a number"),
        ('"suspicion": 0.97}\n', f'"suspicion": {"[" * 9999}{"]" * 9999}}}\n', ":21: brackets nested too deep"),
        ('"suspicion": 0.97}\n', '"note": "NaN {",\n"suspicion": NaN}\n', ":22: NaN"),
        ('"noise": {', '"noize": {', ":1: 'noise' is missing"),
        ('"findings": [', '"findings": [3, ', ":23: 'findings' holds 3"),
    ],
)
def test_a_wrong_entry_names_the_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert edited(tmp_path, before, after).startswith(said)


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "no" / "known.json", tmp_path / "file" / "known.json"):
        with pytest.raises(RunError, match="cannot write the baseline"):
            write(Baseline(), place)


# refreshing


def test_the_words_are_those_of_the_verdicts() -> None:
    from labelaudit.verdicts import VERDICTS

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


@pytest.mark.parametrize(
    ("features", "precision"),
    [("lite0@128-int8+lite1@160-int8", "int8"), ("lite0@128", "float32"), (None, "auto"), (7, "auto")],
)
def test_the_precision_is_that_of_the_features(features: object, precision: str) -> None:
    assert Baseline(settings={"features": features}).precision == precision
