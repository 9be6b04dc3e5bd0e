"""Answers of other tools that are taken or refused: by name, without stopping the others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from commands import call
from exported import bring, export, told

import labelaudit
from labelaudit import verdicts
from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import NO_CLASS
from labelaudit.verdicts import Verdict, verdicts_file

# answers that cannot be taken


def label_studio(*entries: tuple[dict[str, str], str]) -> str:
    """An export with one annotation an entry, all by one person."""
    tasks = [
        {
            "id": number,
            "data": data,
            "annotations": [{"completed_by": 1, "result": [{"type": "choices", "value": {"choices": [choice]}}]}],
        }
        for number, (data, choice) in enumerate(entries, start=1)
    ]
    return json.dumps(tasks)


def test_each_unusable_entry_is_named_and_nothing_is_half_imported(run: Path, tmp_path: Path) -> None:
    audit = labelaudit.read_audit(run)
    digests = audit.samples.digests
    file = tmp_path / "done.json"
    file.write_text(
        label_studio(
            ({"path": "cat/0.png", "digest": digests[0], "given_label": "cat"}, "dog"),
            ({"path": "cat/99.png", "digest": "f" * 32, "given_label": "cat"}, "dog"),
            ({"path": "dog/1.png", "digest": "f" * 32, "given_label": "dog"}, "owl"),
            ({"path": "owl/2.png", "digest": digests[2], "given_label": "cat"}, "owl"),
            ({"path": "cat/3.png", "digest": digests[3], "given_label": "cat"}, "lynx"),
            ({"path": "renamed.png", "digest": digests[4], "given_label": "dog"}, "dog"),
            ({"path": "dog/4.png", "digest": digests[4], "given_label": "dog"}, "owl"),
            ({"path": "cat/0.png", "digest": digests[0], "given_label": "cat"}, "dog"),
            ({}, "dog"),
        )
    )
    code, out, err = call("verdicts", "import", str(run), str(file))
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "task 8 ('cat/0.png') says 'dog', as task 1 does: counted once",
        "task 2 ('cat/99.png') is not in the audit",
        "task 3 ('dog/1.png') is another image now than when it was exported: scan and export again",
        "task 4 ('owl/2.png') is labelled 'owl' now, 'cat' when it was exported",
        "task 5 ('cat/3.png') says 'lynx', which is not a class of the audit (cat, dog, owl)",
        "task 7 ('dog/4.png') says 'owl', but task 6 says 'dog'",
        "task 9 ('') names neither path nor digest",
        f"labelaudit: nothing was imported: 6 entries of '{file}' cannot be, see above; --partly imports the rest",
    ]
    assert not verdicts_file(run).exists()
    code, _, err = call("verdicts", "import", str(run), str(file), "--partly", "--reviewer", "bob")
    assert (code, err.splitlines()[-1]) == (0, f"2 verdicts of bob imported: {verdicts_file(run)}")
    assert [(v.path, v.reviewer) for v in verdicts.read(verdicts_file(run))] == [
        ("cat/0.png", "bob"),
        ("dog/4.png", "bob"),
    ]


def test_the_path_finds_what_lost_its_digest(run: Path, tmp_path: Path) -> None:
    root = ElementTree.fromstring("<annotations><version>1.1</version></annotations>")
    for number, (path, choice) in enumerate([("cat/0.png", "dog"), ("dog/1.png", "dog"), ("owl/2.png", NO_CLASS)]):
        image = ElementTree.SubElement(root, "image", id=str(number), name=path)
        ElementTree.SubElement(image, "tag", label=choice)
    (tmp_path / "done.xml").write_bytes(ElementTree.tostring(root))
    found = bring(run, tmp_path / "done.xml", reviewer="ann")
    assert told(found) == [("cat/0.png", "suggested", "dog"), ("dog/1.png", "given", "dog"), ("owl/2.png", "none", "")]


def test_two_people_may_disagree(run: Path, tmp_path: Path) -> None:
    data = {"path": "cat/0.png"}
    (tmp_path / "done.json").write_text(label_studio((data, "dog")))
    verdicts.append(verdicts_file(run), *bring(run, tmp_path / "done.json", reviewer="ann").verdicts)
    (tmp_path / "done.json").write_text(label_studio((data, "owl")))
    verdicts.append(verdicts_file(run), *bring(run, tmp_path / "done.json", reviewer="bob").verdicts)
    reviewed = verdicts.match(labelaudit.read_audit(run), verdicts.read(verdicts_file(run)))
    assert list(reviewed.disputed) == [0]


def test_a_change_of_mind_is_a_new_verdict(run: Path, tmp_path: Path) -> None:
    old = Verdict(
        path="cat/0.png",
        digest=labelaudit.read_audit(run).samples.digests[0],
        given_label="cat",
        verdict="none",
        reviewer="ann",
        time="2020-01-01T00:00:00Z",
    )
    verdicts.append(verdicts_file(run), old)
    (tmp_path / "done.json").write_text(label_studio(({"path": "cat/0.png"}, "dog")))
    found = bring(run, tmp_path / "done.json", reviewer="ann")
    assert (found.known, told(found)) == (0, [("cat/0.png", "suggested", "dog")])


def _annotated(*results: dict[str, Any]) -> str:
    """One task of Label Studio with one annotation."""
    return json.dumps([{"id": 4, "data": {"path": "x"}, "annotations": [{"result": list(results)}]}])


TWO_CHOICES = json.dumps(
    [
        {
            "id": 4,
            "data": {"path": "x"},
            "annotations": [{"result": [{"type": "choices", "value": {"choices": ["a", "b"]}}]}],
        }
    ]
)


TWO_TAGS = '<annotations><image id="3" name="x"><tag label="a"/><tag label="b"/></image></annotations>'


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", '{"a": 1}', "not a list of Label Studio tasks"),
        ("a.json", '[{"data": 3, "annotations": [{"result": [{"type": "choices"}]}]}]', "is not an export"),
        ("a.json", '[{"a": 1}]', "task 1 is not a Label Studio task"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.jsonl", "[" * 100_000, "line 1 is not JSON"),
        ("a.xml", "<annotations><track/></annotations>", "about a video"),
        ("a.jsonl", "\n{", "line 2 is not JSON"),
        ("a.xml", "<annotations>", "not XML"),
        ("a.xml", "<html/>", "<html>, not CVAT's"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "document type"),
        ("a.zip", "PK", "the ZIP is damaged"),
        ("a.csv", "a,b\n1,2\n", "neither a column 'path' nor 'digest'"),
        ("a.csv", "p\xe4th", "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_named(run: Path, tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=reason) as caught:
        bring(run, tmp_path / name)
    assert "nothing was imported" in str(caught.value)
    with pytest.raises(DataError, match="cannot be read"):
        bring(run, tmp_path / f"missing-{name}")


MINIMAL = {"path": "cat/0.png", "annotation_id": 1, "annotator": 1}


COLUMNS = "path,verdict,new_label,suggested_label,given_label"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", TWO_CHOICES, "task 4 ('x') has 2 choices instead of one"),
        ("a.json", _annotated({"type": "rectanglelabels"}), "has rectanglelabels in place of one choice"),
        ("a.json", _annotated(), "has nothing in place of one choice"),
        ("a.json", _annotated(*[{"type": "choices", "from_name": c} for c in "ab"]), "has 2 controls with choices"),
        ("a.json", json.dumps([MINIMAL]), "task 1 ('cat/0.png') has no choices instead of one"),
        ("a.json", json.dumps([{**MINIMAL, "boxes": [{"x": 1}]}]), "something else than a choice in 'boxes'"),
        ("a.xml", TWO_TAGS, "image 3 ('x') has 2 classes instead of one: a, b"),
        ("a.xml", '<annotations><image name="x"><box label="a"/></image></annotations>', "has a box in place of a tag"),
        ("a.jsonl", '{"answer": "accept"}', "line 1 ('') holds no 'labelaudit' part"),
        ("a.jsonl", '{"answer": "accept", "labelaudit": {"path": "x"}}', "line 1 ('x') has 0 choices instead of one"),
        ("a.jsonl", '{"answer": "yes", "labelaudit": {"path": "x"}}', "line 1 ('x') has no choices"),
        ("a.csv", f"{COLUMNS}\nx,maybe,,,\n", "line 2 ('x') has verdict 'maybe'"),
        ("a.csv", f"{COLUMNS}\nx,other,,,\n", "line 2 ('x') says 'other' and names no class"),
        ("a.csv", f"{COLUMNS}\nx,suggested,dog,cat,\n", "says 'suggested' (cat) and 'dog': leave one of them"),
        ("a.csv", f"{COLUMNS}\nx,given,three,,cat\n", "says 'given' (cat) and 'three': leave one of them"),
        ("a.csv", f"{COLUMNS}\nx,none,three,,cat\n", "says 'none' and 'three': leave one of them"),
        ("a.csv", f"{COLUMNS}\nx,skip,three,,cat\n", "says 'skip' and 'three': leave one of them"),
        ("a.csv", f"{COLUMNS}\nx,given\n", "line 2 ('x') has not the 5 cells of the header"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_taken_is_refused_and_stops_no_other(
    run: Path, tmp_path: Path, name: str, text: str, reason: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    (problem,) = bring(run, file).problems
    assert reason in problem
    code, _, err = call("verdicts", "import", str(run), str(file))
    assert code == 2
    assert reason in err
    assert "nothing was imported" in err
    assert not verdicts_file(run).exists()
    if name == "a.csv":
        file.write_text(text + "dog/1.png,,dog,,\n")
        assert call("verdicts", "import", str(run), str(file), "--partly")[0] == 0
        assert [said.path for said in verdicts.read(verdicts_file(run))] == ["dog/1.png"]


def test_the_table_of_label_studio_is_read_and_a_lone_control_may_have_any_name(run: Path, tmp_path: Path) -> None:
    head = "image,path,digest,given_label,id,{},annotator,annotation_id,created_at,updated_at,lead_time"
    line = ',{},,,{},"{}",ann@example.org,5,2026-11-21T06:30:00Z,2026-11-21T06:31:00Z,4.2'
    for control in ("label", "choice"):
        rows = [head.format(control), line.format("cat/0.png", 1, "dog"), line.format("dog/1.png", 2, NO_CLASS)]
        (tmp_path / "done.csv").write_text("\n".join(rows) + "\n")
        found = bring(run, tmp_path / "done.csv")
        assert told(found) == [("cat/0.png", "suggested", "dog"), ("dog/1.png", "none", "")]
        assert {verdict.reviewer for verdict in found.verdicts} == {"ann@example.org"}
    (tmp_path / "done.csv").write_text(f"{head.format('label')}\n{line.format('[1] cat.png', 1, '[unknown]')}\n")
    assert bring(run, tmp_path / "done.csv").problems == ("line 2 ('[1] cat.png') is not in the audit",)
    several = line.format("cat/0.png", 1, '{""choices"": [""cat"", ""dog""]}')
    (tmp_path / "done.csv").write_text(f"{head.format('label')}\n{several}\n")
    assert bring(run, tmp_path / "done.csv").problems == ("line 2 ('cat/0.png') has 2 choices instead of one",)
    named = _annotated({"type": "choices", "from_name": "choice", "value": {"choices": ["dog"]}})
    (tmp_path / "done.json").write_text(named.replace('"x"', '"cat/0.png"'))
    assert told(bring(run, tmp_path / "done.json")) == [("cat/0.png", "suggested", "dog")]


def test_an_old_answer_does_not_overrule_what_its_reviewer_said_since(run: Path, tmp_path: Path) -> None:
    (tmp_path / "done.csv").write_text("path,new_label,reviewer,time\ncat/0.png,dog,ann,2026-11-21T06:30:00Z\n")
    newer = bring(run, tmp_path / "done.csv").verdicts[0]
    verdicts.append(verdicts_file(run), replace(newer, verdict="none", new_label="", time="2026-11-21T06:31:00Z"))
    code, _, err = call("verdicts", "import", str(run), str(tmp_path / "done.csv"))
    assert (code, err.partition(":")[0]) == (
        0,
        "0 verdicts imported, 1 left out that their reviewers have changed since",
    )


def test_a_file_in_which_nobody_answered_says_so(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "queue.csv")
    code, _, err = call("verdicts", "import", str(run), str(tmp_path / "queue.csv"))
    assert (code, err.partition(":")[0]) == (0, "0 verdicts imported, because nothing in it is judged yet")


def test_a_table_may_name_just_the_right_class_and_use_semicolons(run: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path;new_label\ncat/0.png;dog\ndog/1.png;dog\nowl/2.png;\n")
    assert told(bring(run, tmp_path / "a.csv")) == [("cat/0.png", "suggested", "dog"), ("dog/1.png", "given", "dog")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("path,verdict,new_label\ncat/0.png,given,dog\n", "cat/0.png"),
        ("path,verdict,new_label\ncat/0.png,none,dog\n", "says 'none' and 'dog': leave one of them"),
        (
            "path,verdikt\ncat/0.png,none\n",
            "it has neither a column 'verdict' (given, suggested, other, none or skip) nor 'new_label'",
        ),
    ],
)
def test_a_table_that_contradicts_itself_or_says_nothing_is_refused(
    run: Path, tmp_path: Path, line: str, words: str
) -> None:
    (tmp_path / "done.csv").write_text(line)
    for more in ([], ["--partly"]):
        code, _, err = call("verdicts", "import", str(run), str(tmp_path / "done.csv"), *more)
        assert (code, words in err, "nothing was imported" in err) == (2, True, True)
    assert verdicts.read(verdicts_file(run)) == ()
