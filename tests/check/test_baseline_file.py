"""The file of a baseline: one line for each entry, read back as it was, refused with the line where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from baselines import IDENTITY, refresh
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.check.baseline import (
    Baseline,
    KnownSuspect,
)
from labelaudit.check.baseline_file import dumps, read, write
from labelaudit.errors import RunError


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
    assert "`write_baseline`" in error(tmp_path / "nothing.json")
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


def test_a_label_found_right_is_not_repeated(tmp_path: Path) -> None:
    path = saved(tmp_path)
    said = '"suspicion": 0.97, "verdict": "given", "new_label": "dog"}\n'
    path.write_text(path.read_text(encoding="utf-8").replace('"suspicion": 0.97}\n', said), encoding="utf-8")
    known = read(path).suspects[1]
    assert (known.verdict, known.new_label) == ("given", "")


DOG = f'"dog/d.png", "digest": "{IDENTITY[3]}", "given_label": "dog"'
TWICE = f'"elsewhere", "digest": "{IDENTITY[1]}", "given_label": "cat"'
NEWER = "written by a newer labelaudit (schema 2, this one reads up to 1): pip install -U labelaudit"
CONFLICT = "a merge conflict (<<<<<<<): join the two with `labelaudit baseline merge`"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"schema_version": 1', '"schema_version": 2', f":2: {NEWER}"),
        ('  "suspects": [', '  "suspects" [', ":19: no JSON"),
        ('    {"path": "dog/d.png"', '<<<<<<< HEAD\n    {"path": "dog/d.png"', f":21: {CONFLICT}"),
        (DOG, TWICE, ":21: 'elsewhere' is the same entry as in line 20: keep one"),
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
