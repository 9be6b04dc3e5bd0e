"""What people decided: nothing confirmed is lost, nothing is taken for a verdict that is none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from audits import make_audit, make_samples
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import DataError, RunError
from labelaudit.verdicts import COLUMNS, Verdict, append, match, merge, read, render, verdicts_file

TIME = "2026-11-21T06:30:{:02d}Z"


def judged(row: int, verdict: str, new_label: str = "", *, by: str = "ann", at: int = 0) -> Verdict:
    samples = make_samples()
    return Verdict(
        path=samples.ids[row],
        digest=samples.digests[row],
        given_label=samples.classes[samples.labels[row]],
        verdict=verdict,
        new_label=new_label,
        reviewer=by,
        time=TIME.format(at),
    )


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = verdicts_file(tmp_path)
    assert read(path) == ()
    append(path)
    assert not path.exists()
    verdicts = (judged(1, "suggested", "dog"), judged(2, "given"), judged(3, "none", at=1))
    append(path, verdicts[0])
    append(path, *verdicts[1:])
    assert read(path) == verdicts
    assert path.read_text(encoding="utf-8") == render(verdicts)
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=3, max_size=3))
def test_any_name_comes_back_and_none_is_a_formula(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("run") / "verdicts.csv"
    verdict = replace(judged(0, "given"), path=names[0], given_label=names[1], reviewer=names[2])
    append(path, verdict)
    append(path, verdict)
    assert read(path) == (verdict, verdict)


@pytest.mark.parametrize(
    "name", ["=1+1", "'=1+1", "''=1", "-x", "@a", "\tb", "a,b", 'a"b', "a\nb", "a\rb", "'", "it's"]
)
def test_names_that_a_spreadsheet_or_a_reader_would_trip_over(tmp_path: Path, name: str) -> None:
    verdict = replace(judged(0, "given"), path=name)
    append(tmp_path / "v.csv", verdict)
    assert read(tmp_path / "v.csv") == (verdict,)
    cell = (tmp_path / "v.csv").read_text(encoding="utf-8").splitlines()[1].lstrip('"')
    assert not cell.startswith(("=", "+", "-", "@", "\t"))


def test_a_line_torn_by_a_crash_is_passed_over_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    append(path, judged(0, "given"), replace(judged(1, "given"), path="two\nlines"))
    whole = path.read_bytes()
    torn = replace(judged(2, "given"), path="more\nlines")
    for cut in range(1, len(render([torn]).split("\n", 1)[1])):
        path.write_bytes(whole + render([torn]).split("\n", 1)[1].encode()[:-cut])
        assert len(read(path)) == 2, cut
        append(path, judged(3, "given"))
        assert [verdict.path for verdict in read(path)] == ["cat/a.png", "two\nlines", "dog/d.png"]
        path.write_bytes(whole)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from labelaudit.verdicts import Verdict, append\n"
        "path, who = sys.argv[1:]\n"
        "for i in range(25):\n"
        "    append(path, Verdict(path=str(i), digest='d', given_label='g', verdict='given', reviewer=who))\n"
    )
    path = tmp_path / "verdicts.csv"
    running = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("ann", "bob")]
    assert [process.wait() for process in running] == [0, 0]
    found = read(path)
    assert len(found) == 50
    for name in ("ann", "bob"):
        assert [verdict.path for verdict in found if verdict.reviewer == name] == [str(i) for i in range(25)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,digest\na,b\n", "has no column 'given_label'"),
        ("path,digest,given_label,verdict\na,b,c\n", "line 2 has 3 cells for 4 columns"),
        ("path,digest,given_label,verdict\n\na,b,c,maybe\n", "line 3: verdict 'maybe' on 'a' is none of given,"),
        ("path,digest,given_label,verdict\na,b,c,other\n", "line 2: verdict 'other' on 'a' needs the right class"),
        ("path,digest,given_label,verdict,new_label\na,b,c,skip,d\n", "line 2: verdict 'skip' on 'a' has no new_label"),
        ("path,digest,given_label,verdict,new_label\na,b,c,given,d\n", "line 2: verdict 'given' on 'a' keeps 'c'"),
        ("path,digest,given_label,verdict,time\na,b,c,given,noon\n", "line 2: time 'noon' on 'a' must be like"),
        ('path,digest,given_label,verdict\n"a"x,b,c,given\n', "line 2 cannot be parsed"),
    ],
)
def test_a_damaged_file_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "v.csv")


def test_what_cannot_be_written_or_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "verdicts.csv"
    append(path, judged(0, "given"))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labelaudit.verdicts.os.fsync", full)
    with pytest.raises(RunError, match=r"No space left on device.*not kept"):
        append(path, judged(1, "given"))
    assert path.read_bytes() == before
    monkeypatch.undo()
    (tmp_path / "other.csv").write_text("path,digest,given_label,verdict,mood\n", encoding="utf-8")
    with pytest.raises(DataError, match="has other columns"):
        append(tmp_path / "other.csv", judged(1, "given"))
    (tmp_path / "latin.csv").write_bytes(b"path,\xe4\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path / "latin.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)


def test_the_last_verdict_of_each_reviewer_counts() -> None:
    audit = make_audit()
    log = (judged(1, "given"), judged(1, "suggested", "dog", at=1), judged(2, "skip"), judged(3, "none", at=2))
    reviewed = match(audit, log)
    assert {row: (verdict.right, verdict.wrong) for row, verdict in reviewed.settled.items()} == {
        1: ("dog", True),
        3: (None, True),
    }
    assert reviewed.skipped == (2,)
    assert not reviewed.disputed
    assert not reviewed.notes
    assert match(audit.samples, log) == reviewed


def test_undo_takes_back_one_verdict_at_a_time() -> None:
    log = [judged(1, "given"), judged(1, "none", at=1), judged(1, "undo", at=2)]
    assert match(make_audit(), log).settled[1].verdict == "given"
    assert not match(make_audit(), [*log, judged(1, "undo", at=3), judged(1, "undo", at=4)]).settled
    assert match(make_audit(), [*log, judged(1, "undo", by="bob", at=3)]).settled[1].verdict == "given"


def test_reviewers_who_disagree_settle_nothing_and_those_who_agree_do() -> None:
    log = [judged(1, "suggested", "dog"), judged(1, "other", "dog", by="bob"), judged(2, "given")]
    assert match(make_audit(), log).settled[1].right == "dog"
    torn = match(make_audit(), [*log, judged(2, "suggested", "owl", by="bob", at=1), judged(1, "skip", by="eve")])
    assert set(torn.settled) == {1}
    assert [verdict.reviewer for verdict in torn.disputed[2]] == ["ann", "bob"]
    assert torn.notes == ("Reviewers disagree on 1 image, first cat/c.png (ann: cat, bob: owl).",)


def test_verdicts_follow_the_content_and_not_the_name() -> None:
    samples = make_samples(digests=(*(f"{i:032x}" for i in range(5)), f"{1:032x}"), labels=[0, 0, 0, 1, 1, 0])
    renamed = replace(judged(1, "suggested", "dog"), path="somewhere/else.png")
    assert set(match(samples, [renamed]).settled) == {1, 5}


def test_strangers_are_told_apart() -> None:
    log = [
        replace(judged(0, "given"), path="gone.png", digest="f" * 32),
        replace(judged(1, "given"), digest="e" * 32),
        replace(judged(3, "given"), given_label="owl"),
        judged(4, "other", "wolf"),
        replace(judged(5, "skip"), digest="d" * 32),
    ]
    reviewed = match(make_audit(), log)
    assert reviewed.strangers == tuple(log[:3])
    assert set(reviewed.settled) == {4}
    assert reviewed.notes == (
        "1 verdict on images that the audit does not have, first gone.png.",
        "1 verdict on images that were changed since the review, first cat/b.png.",
        "1 verdict on images that had another label then (now 'dog'), first dog/d.png.",
        "1 verdict with a new label that is no class of the audit, first dog/e.png ('wolf').",
    )


def test_copies_of_a_file_merge_by_time() -> None:
    ann, bob = judged(0, "given", at=2), judged(1, "given", by="bob", at=1)
    assert merge((ann,), (bob, ann)) == (bob, ann)
