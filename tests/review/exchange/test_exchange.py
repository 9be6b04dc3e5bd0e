"""The queue goes out to other tools and comes back as verdicts: each round trip in the form that the tool exports."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import call
from exported import bring, export, told
from review_runs import write_run

from labelaudit import verdicts
from labelaudit.errors import OptionError, RunError
from labelaudit.review.exchange import FORMATS, format_of
from labelaudit.review.exchange.tasks import CANNOT_TELL, NO_CLASS, SUSPECT, writable
from labelaudit.verdicts import verdicts_file

ANSWERS = ("cat", "owl", "dog", NO_CLASS, None)
"""What a person chose for the first five images (given cat, dog, owl, cat, dog); None cancelled."""


EXPECTED = [
    ("cat/0.png", "given", "cat"),
    ("dog/1.png", "suggested", "owl"),
    ("owl/2.png", "other", "dog"),
    ("cat/3.png", "none", ""),
    ("dog/4.png", "skip", ""),
]


# what the tools make of the queue


def label_studio_export(queue: Path, answers: tuple[str | None, ...] = ANSWERS) -> bytes:
    """As Label Studio's JSON export: the task, its annotations, what the server added."""
    tasks = json.loads(queue.read_text())
    done = []
    for number, (task, choice) in enumerate(zip(tasks, answers, strict=False), start=1):
        value = {"value": {"choices": [choice]}, "from_name": "label", "to_name": "image", "type": "choices", "id": "x"}
        annotation = {
            "id": number,
            "completed_by": {"id": 1, "email": "ann@example.org"},
            "result": [] if choice is None else [value],
            "was_cancelled": choice is None,
            "created_at": "2026-11-21T06:30:00.728353Z",
            "updated_at": "2026-11-21T06:31:00.728353Z",
            "lead_time": 4.2,
        }
        done.append({**task, "id": 100 + number, "annotations": [annotation], "drafts": [], "meta": {}, "project": 3})
    left = [{**task, "id": 200 + n, "annotations": []} for n, task in enumerate(tasks[len(answers) :])]
    return json.dumps(done + left).encode()


def label_studio_minimal(queue: Path) -> bytes:
    """As its JSON-MIN export, which leaves out cancelled tasks."""
    tasks = json.loads(queue.read_text())
    lines = [
        {
            **task["data"],
            "id": n,
            "label": choice,
            "annotator": 1,
            "annotation_id": n,
            "created_at": "2026-11-21T06:30:00Z",
        }
        for n, (task, choice) in enumerate(zip(tasks, ANSWERS[:4], strict=False))
    ]
    return json.dumps(lines).encode()


def prodigy_export(queue: Path, answers: tuple[str | None, ...] = ANSWERS) -> bytes:
    """As ``prodigy db-out``."""
    lines = []
    for line, choice in zip(queue.read_text().splitlines(), answers, strict=False):
        task = {**json.loads(line), "_input_hash": 1, "_task_hash": 2, "_view_id": "choice", "_session_id": "db-ann"}
        task |= {"_annotator_id": "db-ann", "_timestamp": 1795242600, "config": {"choice_style": "single"}}
        task |= {"answer": "ignore"} if choice is None else {"accept": [choice], "answer": "accept"}
        lines.append(json.dumps(task))
    return ("\n".join(lines) + "\n").encode()


def cvat_export(queue: Path, answers: tuple[str | None, ...] = ANSWERS) -> bytes:
    """As "CVAT for images 1.1": everything that was uploaded, a meta part, the tags a person added."""
    root = ElementTree.fromstring(queue.read_text())
    chosen = dict(zip([path for path, _, _ in EXPECTED], answers, strict=False))
    meta = ElementTree.fromstring(
        "<meta><task><id>7</id><mode>annotation</mode><owner><username>ann</username><email/></owner></task>"
        "<dumped>2026-11-21 06:31:00.728353+00:00</dumped></meta>"
    )
    root.insert(1, meta)
    for image in root.iter("image"):
        if image.get("name") in chosen:
            choice = chosen[str(image.get("name"))] or CANNOT_TELL
            ElementTree.SubElement(image, "tag", label=choice, source="manual")
    return ElementTree.tostring(root)


def cvat_zip(queue: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("annotations.xml", cvat_export(queue))
    return packed.getvalue()


def table_export(queue: Path, answers: tuple[str | None, ...] = ANSWERS) -> bytes:
    """As a spreadsheet saves it again."""
    rows = list(csv.DictReader(io.StringIO(queue.read_text())))
    for row, (_, verdict, label) in zip(rows, EXPECTED, strict=False):
        row |= {"verdict": verdict, "new_label": label if verdict == "other" else "", "reviewer": "ann"}
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return ("\ufeff" + text.getvalue()).encode()


TRIPS: list[tuple[str, str, Callable[[Path], bytes], str, str]] = [
    ("queue.json", "done.json", label_studio_export, "ann@example.org", "2026-11-21T06:31:00Z"),
    ("queue.json", "done.json", label_studio_minimal, "label-studio 1", "2026-11-21T06:30:00Z"),
    ("queue.jsonl", "done.jsonl", prodigy_export, "db-ann", "2026-11-21T06:30:00Z"),
    ("queue.xml", "done.xml", cvat_export, "ann", "2026-11-21T06:31:00Z"),
    ("queue.xml", "done.zip", cvat_zip, "ann", "2026-11-21T06:31:00Z"),
    ("queue.csv", "done.csv", table_export, "ann", ""),
]


@pytest.mark.parametrize(("queue", "back", "tool", "reviewer", "time"), TRIPS, ids=[trip[2].__name__ for trip in TRIPS])
def test_round_trip(
    run: Path, tmp_path: Path, queue: str, back: str, tool: Callable[[Path], bytes], reviewer: str, time: str
) -> None:
    code, out, err = call("review", str(run), "--export", str(tmp_path / queue))
    assert (code, out) == (0, "")
    assert err.startswith("12 images in ")
    (tmp_path / back).write_bytes(tool(tmp_path / queue))
    expected = EXPECTED[: 4 if tool is label_studio_minimal else 5]
    code, out, err = call("verdicts", "import", str(run), str(tmp_path / back))
    assert (code, out) == (0, "")
    assert err == f"{len(expected)} verdicts of {reviewer} imported: {verdicts_file(run)}\n"
    log = verdicts.read(verdicts_file(run))
    assert sorted((v.path, v.verdict, v.new_label) for v in log) == sorted(expected)
    assert {v.reviewer for v in log} == {reviewer}
    assert not time or {v.time for v in log} == {time}
    code, _, err = call("verdicts", "import", str(run), str(tmp_path / back))
    assert err == f"0 verdicts imported, {len(expected)} were known: {verdicts_file(run)}\n"
    assert len(verdicts.read(verdicts_file(run))) == len(expected)
    settled = len([1 for _, verdict, _ in expected if verdict != "skip"])
    assert export(run, tmp_path / f"2{queue}").tasks == 12 - settled, "only what is still to be judged goes out again"
    assert export(run, tmp_path / f"3{queue}", again=True).tasks == 12


def test_label_studio_gets_predictions_a_setup_and_images(run: Path, tmp_path: Path) -> None:
    written = export(run, tmp_path / "queue.json")
    assert [path.name for path in written.files] == ["queue.json", "queue.config.xml"]
    first = json.loads(written.files[0].read_text())[0]
    assert first["data"]["image"] == "/data/local-files/?d=cat/0.png"
    prediction = first["predictions"][0]
    assert prediction["result"][0]["value"] == {"choices": ["dog"]}
    assert 0 <= prediction["score"] < 0.05, "lower is worse, and sorts first"
    setup = ElementTree.fromstring(written.files[1].read_text())
    assert [choice.get("value") for choice in setup.iter("Choice")] == ["cat", "dog", "owl", NO_CLASS]
    export(run, tmp_path / "queue.json", embed=True)
    first = json.loads(written.files[0].read_text())[0]
    kind, _, data = first["data"]["image"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == (tmp_path / "data/cat/0.png").read_bytes()
    export(run, tmp_path / "queue.json", prefix="s3://bucket/a b/")
    assert json.loads(written.files[0].read_text())[0]["data"]["image"] == "s3://bucket/a b/cat/0.png"


def test_cvat_gets_tags_sizes_and_labels_in_its_order(run: Path, tmp_path: Path) -> None:
    written = export(run, tmp_path / "queue.xml")
    root = ElementTree.fromstring(written.files[0].read_text())
    images = list(root.iter("image"))
    assert [image.get("name") for image in images] == sorted(str(image.get("name")) for image in images)
    assert [image.get("id") for image in images] == [str(n) for n in range(12)]
    assert (images[0].get("width"), images[0].get("height")) == ("32", "24")
    assert [tag.get("label") for tag in images[0].iter("tag")] == [SUSPECT]
    labels = json.loads(written.files[1].read_text())
    assert [label["name"] for label in labels] == [SUSPECT, "cat", "dog", "owl", NO_CLASS, CANNOT_TELL]
    names = {attribute["name"] for attribute in labels[0]["attributes"]}
    assert {attribute.get("name") for attribute in images[0].iter("attribute")} <= names, "CVAT drops unknown ones"
    assert bring(run, written.files[0]).verdicts == (), "an image that nobody looked at is not judged"


def test_prodigy_offers_few_classes_of_many(tmp_path: Path) -> None:
    classes = [f"class {c:02}" for c in range(40)]
    run = write_run(tmp_path, classes=classes)
    export(run, tmp_path / "queue.jsonl")
    first = json.loads((tmp_path / "queue.jsonl").read_text().splitlines()[0])
    offered = [option["id"] for option in first["options"]]
    assert offered[:2] == ["class 00", "class 01"]
    assert offered[-1] == NO_CLASS
    assert len(offered) == 8
    assert first["image"] == f"{tmp_path}/data/class 00/0.png"


@pytest.mark.parametrize("name", [*FORMATS])
def test_the_estimation_sample_goes_out_without_opinions(run: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "sample"
    written = export(run, file, format=name, order="sample")
    assert written.tasks == 12
    assert any(f"labelaudit verdicts import {run} " in line for line in written.advice)
    text = file.read_text()
    assert "looks like" not in text
    assert "predictions" not in text
    assert "0.98" not in text


def test_missing_and_changed_images_are_left_out_where_they_are_needed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data/cat/0.png").unlink()
    (tmp_path / "data/dog/1.png").write_bytes(b"changed")
    written = export(run, tmp_path / "queue.xml")
    assert written.tasks == 10
    assert "missing or changed since the scan: 2 images, first" in written.advice[-1]
    assert export(run, tmp_path / "queue.csv").tasks == 12
    for image in (tmp_path / "data").rglob("*.png"):
        image.write_bytes(b"changed")
    with pytest.raises(RunError, match="all 12 images of this queue are missing or were changed"):
        export(run, tmp_path / "none.xml")
    assert not (tmp_path / "none.xml").exists()


def test_an_address_before_the_paths_needs_no_advice_on_paths(run: Path, tmp_path: Path) -> None:
    assert "Browsers" in " ".join(export(run, tmp_path / "queue.jsonl").advice)
    assert "Browsers" not in " ".join(export(run, tmp_path / "queue.jsonl", prefix="s3://bucket/").advice)


def test_what_cannot_be_exported_is_said(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="the ending says no format"):
        export(run, tmp_path / "queue.txt")
    with pytest.raises(OptionError, match="did you mean 'cvat'"):
        format_of(tmp_path / "queue", "cvt")
    with pytest.raises(OptionError, match="csv cannot hold images"):
        export(run, tmp_path / "queue.csv", embed=True)
    with pytest.raises(RunError, match="cannot write"):
        export(run, tmp_path / "nowhere/queue.csv")
    with pytest.raises(OptionError, match="lies inside the RUN"):
        export(run, run / "verdicts.csv")
    with pytest.raises(OptionError, match="lies inside the data"):
        export(run, tmp_path / "data/queue.csv")
    with pytest.raises(OptionError, match="rename it"):
        export(write_run(tmp_path / "odd", classes=("a", NO_CLASS)), tmp_path / "queue.csv")
    (tmp_path / "queue.csv").write_text("filled in")
    with pytest.raises(OptionError, match="is there already and may hold answers"):
        export(run, tmp_path / "queue.csv")
    (tmp_path / "queue.jsonl").write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="No space left"):
            export(run, tmp_path / "queue.jsonl")
    assert (tmp_path / "queue.jsonl").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("name", [*FORMATS])
def test_hostile_names_survive_every_format(tmp_path: Path, name: str) -> None:
    classes = ("=cmd|' /C'", 'a"<&>\u202eb', "c\n\td;e,f")
    names = ["=x/=1+1.png", '<x>&"/<x>&".png', "ü\u202e'/ü\u202e'.png", "-x/-1.png"]
    run = write_run(tmp_path, names, classes=classes)
    file = tmp_path / f"queue{FORMATS[name].suffix}"
    assert export(run, file).tasks == 4
    if name == "csv":
        rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
        assert all(not row["path"].startswith(("=", "-")) for row in rows)
        lines = io.StringIO(newline="")
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows([row | {"verdict": "suggested"} for row in rows])
        data = lines.getvalue().encode()
    elif name == "cvat":
        root = ElementTree.fromstring(file.read_bytes())
        for image in root.iter("image"):
            told_ = {attribute.get("name"): attribute.text for attribute in image.iter("attribute")}
            ElementTree.SubElement(image, "tag", label=str(told_["suggested_label"]))
        data = ElementTree.tostring(root)
    else:
        labels = [classes[(row + 1) % 3] for row in range(4)]
        data = {"label-studio": label_studio_export, "prodigy": prodigy_export}[name](file, tuple(labels))
    file.write_bytes(data)
    found = bring(run, file, reviewer="ann")
    assert found.problems == ()
    assert {(v.path, v.new_label) for v in found.verdicts} == {(n, classes[(i + 1) % 3]) for i, n in enumerate(names)}


def test_writable_text_is_what_xml_can_hold() -> None:
    text = writable("".join(map(chr, range(0x20))) + "\ud800\uffff\U0001f600")
    assert ElementTree.fromstring(f"<a>{text}</a>").text
    assert "\U0001f600" in text
    assert text.encode("utf-8")


def test_a_suggestion_that_is_taken_stays_a_suggestion(tmp_path: Path) -> None:
    run = write_run(tmp_path, clean=12)  # no label is doubted, and yet the next likely class is handed out
    file = tmp_path / "queue.csv"
    export(run, file, order="all")
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert {row["suggested_label"] for row in rows if row["given_label"] == "cat"} == {"dog"}
    (tmp_path / "done.csv").write_text(
        "path,suggested_label,verdict\ncat/0.png,owl,suggested\ndog/1.png,owl,suggested\n"
    )
    assert told(bring(run, tmp_path / "done.csv")) == [
        ("cat/0.png", "suggested", "owl"),  # by another scan, maybe: the entry says so
        ("dog/1.png", "suggested", "owl"),
    ]
    (tmp_path / "bare.csv").write_text("path,new_label\ncat/0.png,dog\ndog/1.png,cat\n")
    assert told(bring(run, tmp_path / "bare.csv")) == [("cat/0.png", "suggested", "dog"), ("dog/1.png", "other", "cat")]
    assert call("verdicts", "import", str(run), str(tmp_path / "done.csv"))[0] == 0
    assert "2 suggested label correct, 0 another class" in call("verdicts", "show", str(run))[1]


def test_an_unfinished_line_is_told_where_verdicts_are_shown_and_imported(run: Path, tmp_path: Path) -> None:
    (tmp_path / "done.csv").write_text("path,new_label\ncat/0.png,dog\n")
    assert call("verdicts", "import", str(run), str(tmp_path / "done.csv"))[0] == 0
    with verdicts_file(run).open("a") as file:
        file.write("dog/1.png,00")
    for arguments in (("show", str(run)), ("import", str(run), str(tmp_path / "done.csv"))):
        assert call("verdicts", *arguments)[2].count("ends in an unfinished line (3)") == 1
