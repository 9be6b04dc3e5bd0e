"""The log of verdicts as a file: appended to, read back exactly, never torn, refused where damaged."""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from audits import make_audit
from hypothesis import given, settings
from hypothesis import strategies as st
from made_verdicts import make

from labelaudit import read_audit
from labelaudit.audit import run as runs
from labelaudit.errors import DataError, RunError
from labelaudit.verdicts import GrowingLog, Verdict, append, read, read_reviewed, render, verdicts_file
from labelaudit.verdicts.verdict import COLUMNS

HOSTILE = ["a,b.png", 'a"b.png', "a\nb.png", "a\rb.png", "a\r\nb.png", "=1+1.png", "'=1.png", "''@x", "-1", "'-1", "+x"]
HOSTILE += ["'quoted'", "ünï/ﷺ\u202e.png", " spaced ", "a\tb", "\tb", "\ud800.png", "a\x00b", "\u2028", "\x85\x0b"]


def test_a_missing_file_holds_no_verdicts(tmp_path: Path) -> None:
    assert read(verdicts_file(tmp_path)) == ()
    append(verdicts_file(tmp_path))
    assert not verdicts_file(tmp_path).exists()


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    said = [
        make(1),
        make(1, verdict="undo"),
        make(3, verdict="none"),
        make(0, new_label="cat"),
        make(4, verdict="skip", time="0001-01-01T00:00:00Z"),
    ]
    append(file, said[0])
    append(file, *said[1:])
    assert read(file) == tuple(said)
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.splitlines()[1] == f"cat/b.png,{1:032x},cat,other,dog,ann,,2026-11-21T06:30:00Z"
    assert text == render(said)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_back_exactly(tmp_path: Path, name: str) -> None:
    file = verdicts_file(tmp_path)
    said = make(path=name, given_label=name, reviewer=name)
    append(file, said)
    append(file, make(3))
    assert read(file) == (said, make(3))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_any_text_comes_back_exactly(names: list[str]) -> None:
    said = tuple(make(path=name, given_label=name, reviewer=name) for name in names)
    from labelaudit.verdicts.log import _parse

    assert tuple(_parse("x", render(said))) == said


def test_no_cell_is_executed_by_a_spreadsheet() -> None:
    text = render([make(path=name, reviewer=name) for name in HOSTILE])
    rows = list(csv.reader(iter(text.splitlines(keepends=True))))
    risky = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert risky == ["-1", "-1"]  # a number does nothing


def test_an_unfinished_last_line_is_passed_over_and_then_replaced(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    whole = render([make(1), make(3, path="a\nb.png")])
    for cut in range(len(whole) + 1):
        file.write_text(whole[:cut], encoding="utf-8")
        kept = read(file)
        assert kept == (make(1), make(3, path="a\nb.png"))[: len(kept)]
        assert len(kept) == whole[:cut].count("Z")  # the last letter of a line
        append(file, make(4, verdict="none"))
        assert read(file) == (*kept, make(4, verdict="none"))


def test_a_quote_that_never_ends_is_damage_and_loses_nothing(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    lines = render([make(1), make(3), make(4)]).splitlines(keepends=True)
    lines[2] = lines[2].replace("dog/d.png", '"dog/d.png')
    for whole in ("".join(lines), "".join(lines[:3])):
        file.write_text(whole, encoding="utf-8")
        for use in (read, lambda place: append(place, make(0))):
            with pytest.raises(DataError, match=r"line 3: a quote that never ends"):
                use(file)
        assert file.read_text(encoding="utf-8") == whole


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.png,00,cat,maybe,,ann,,", "line 3: verdict 'maybe' on 'a.png' is none of given, suggested"),
        ("a.png,00,cat,other,,ann,,", "line 3: verdict 'other' on 'a.png' needs the right class"),
        ("a.png,00,cat,none,dog,ann,,", "line 3: verdict 'none' on 'a.png' must leave new_label empty"),
        ("a.png,00,cat,given,dog,ann,,", "line 3: verdict 'given' on 'a.png' keeps 'cat'"),
        ("a.png,00,cat,given,,ann,,yesterday", "line 3: time 'yesterday'"),
        ("a.png,00,cat", "line 3 has 3 cells for 8 columns: complete it"),
        ("<<<<<<< HEAD", r"line 3 is of a merge conflict \(<<<<<<<\): take out its marks"),
        ("a.png,,cat,given,,,,", "line 3: verdict on 'a.png' names no digest"),
        ('a.png,"00"x,cat,given,,,', "line 3 cannot be parsed"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = verdicts_file(tmp_path)
    file.write_text(render([make(1)]) + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(file)


def test_files_of_spreadsheets_are_read(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    text = "\ufeffverdict,given_label,digest,path,my note,time\r\nnone,cat,00,a.png,hm,2026-11-21 07:30:00+01:00\r\n"
    file.write_bytes(text.encode())
    first = Verdict(path="a.png", digest="00", given_label="cat", verdict="none", time="2026-11-21T06:30:00Z")
    assert read(file) == (first,)
    with pytest.raises(DataError, match="has no column 'new_label'"):
        append(file, make(1))
    file.write_bytes(text.replace("my note", "my note,reviewer,new_label").replace(",hm", ",hm,,").encode())
    append(file, make(1))
    assert read(file) == (first, make(1))


def test_what_is_no_list_of_verdicts_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    for data, message in [(b"a,b\n1,2\n", "has no column 'path'"), (b"\xff\xfe", "is not UTF-8")]:
        file.write_bytes(data)
        for use in (read, lambda place: append(place, make(0))):
            with pytest.raises(DataError, match=message):
                use(file)
        assert file.read_bytes() == data
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(RunError, match="the verdict was not kept"):
        append(tmp_path / "no" / "folder.csv", make(0))


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = verdicts_file(tmp_path)
    append(file, make(1))
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"No space left on device\): the verdict was not kept"):
        append(file, make(3))
    assert file.read_bytes() == before


def test_processes_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    code = (
        "import sys; from pathlib import Path; from labelaudit.verdicts import GrowingLog, Verdict, append\n"
        "for i in range(40): append(Path(sys.argv[1]), Verdict(path=f'{i}\\n.png', digest=f'{i:02}', given_label='cat',"
        " verdict='none', reviewer=sys.argv[2]))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(file), who]) for who in ("ann", "bob")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    said = read(file)
    assert len(said) == 80
    for who in ("ann", "bob"):
        assert [v.digest for v in said if v.reviewer == who] == [f"{i:02}" for i in range(40)]


def test_no_verdict_is_lost_while_its_folder_is_replaced(tmp_path: Path) -> None:
    """A review goes on while scans end: the folder is swapped under it again and again."""
    run = tmp_path / "run"
    runs.write(make_audit(), run)
    append(verdicts_file(run), make(0, time="2026-11-21T06:00:00Z"))
    done = threading.Event()

    def scan() -> None:
        while not done.is_set():
            runs.write(make_audit(), run)

    thread = threading.Thread(target=scan)
    thread.start()
    for second in range(1, 40):
        append(verdicts_file(run), make(0, time=f"2026-11-21T06:00:{second:02}Z"))
    done.set()
    thread.join()
    assert [said.time[-3:-1] for said in read(verdicts_file(run))] == [f"{second:02}" for second in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert read_audit(run).samples.ids == make_audit().samples.ids


def test_two_scans_into_one_folder_take_turns(tmp_path: Path) -> None:
    """Each writes all of its files; the one that ends last is there, whole, and nothing is left beside it."""
    threads = [threading.Thread(target=runs.write, args=(make_audit(seed=seed), tmp_path / "run")) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert read_audit(tmp_path / "run").seed in range(6)


def test_a_last_line_without_its_end_counts_where_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    ann = Verdict(
        path="a", digest="00", given_label="cat", verdict="given", reviewer="ann", time="2026-11-21T06:30:00Z"
    )
    bob = replace(ann, reviewer="bob")
    append(path, ann, bob)
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert read(path) == (ann, bob)
    append(path, ann)
    assert read(path) == (ann, bob, ann)
    path.write_bytes(path.read_bytes().removesuffix(b"Z\n"))
    assert read(path) == (ann, bob)


def test_an_unfinished_last_line_is_told_once_and_then_replaced(tmp_path: Path) -> None:
    file = verdicts_file(tmp_path)
    append(file, make(1), make(3))
    file.write_bytes(file.read_bytes()[:-20])
    told: list[str] = []
    assert read(file, notice=told.append) == (make(1),)
    note = f"{file} ends in an unfinished line (3), which does not count: judge that image again."
    assert told == [note]
    assert read_reviewed(make_audit(), tmp_path).notes == (note,)
    append(file, make(4, verdict="none"))
    assert read_reviewed(make_audit(), tmp_path).notes == ()


def test_a_note_is_kept_and_old_files_have_none(tmp_path: Path) -> None:
    first = Verdict(path="a.png", digest="00", given_label="cat", verdict="none", note=" a \n drawing ")
    append(tmp_path / "new.csv", first)
    assert [verdict.note for verdict in read(tmp_path / "new.csv")] == ["a drawing"]
    old = tmp_path / "old.csv"
    old.write_text("path,digest,given_label,verdict,new_label,reviewer,time\nb.png,01,cat,given,,ann,\n")
    append(old, Verdict(path="c.png", digest="02", given_label="cat", verdict="none"))
    assert [(verdict.path, verdict.note) for verdict in read(old)] == [("b.png", ""), ("c.png", "")]
    with pytest.raises(DataError, match="no column 'note'"):
        append(old, first)


def test_a_log_that_grows_is_parsed_once(tmp_path: Path) -> None:
    """Whatever happens to the file, what was read is what it holds; lines that were only added come alone."""
    path, head = verdicts_file(tmp_path), render([])
    a, b, c = (render([make(row, path=name)])[len(head) :] for row, name in enumerate(("a", "b\n,", '"c\n')))
    saved = "\ufeff" + (head + a).replace("\n", "\r\n")
    log, held = GrowingLog(path), list[Verdict]()
    for text, grows in (
        ("", False),
        (head + a, False),
        (head + a, True),
        (head + a + b + c[:3], True),
        (head + a + b + c, True),
        (head + a + b + c[:-1], False),
        (head + a + b + c + a, False),
        (head + a + b + c + a + b, True),
        (head + b + b + c + a + b + c, False),
        (head + b, False),
        (saved, False),
        (saved + b, True),
    ):
        path.write_bytes(text.encode())
        found, grown = log.read()
        held = [*held, *found] if grown else list(found)
        assert (grown, held) == (grows, list(read(path))), text
    path.write_bytes((saved + b + "what is this\n").encode())
    with pytest.raises(DataError, match="line 5 has 1 cell"):
        log.read()
