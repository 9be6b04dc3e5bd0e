"""A cleaned dataset: in every form, whole or not at all, the source untouched, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cleaned_folders import labels, rows
from cleaning import IDS, contents, make_dataset, png, said

from labelaudit.audit.document import Audit
from labelaudit.clean import (
    CorrectionPlan,
    Destination,
    apply_plan,
    make_plan,
    quarantine_of,
    read_applied,
    restore,
)
from labelaudit.clean.names import class_folder
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.types import Finding
from labelaudit.verdicts import match


def report(folder: Path) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads((folder / "clean-report.json").read_text(encoding="utf-8"))
    return parts


def test_numbered_classes_keep_their_numbers_and_names(tmp_path: Path) -> None:
    ids = tuple(name.replace("cat", "0").replace("dog", "1").replace("owl", "2") for name in IDS)
    audit = make_dataset(tmp_path / "pets", ids, samples={"codes": {"cat": "0", "dog": "1", "owl": "2"}})
    plan = make_plan(audit, match(audit, [said(audit, 1, "suggested", "dog"), said(audit, 2, "none")]))
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert [name for name in contents(tmp_path / "out") if name.endswith(".png")] == [
        "0/a.png",
        "1/b-37d7a12c.png",
        "1/b.png",
        "1/e.png",
        "2/f.png",
    ]
    assert list(contents(tmp_path / "out-quarantine")) == ["0/c.png"]
    assert labels(tmp_path / "out")["0/a.png"] == "cat"
    assert {entry["label"] for entry in report(tmp_path / "out")["classes"]} == {"cat", "dog", "owl"}
    assert read_applied(tmp_path / "out", audit).changes == plan.changes
    apply_plan(plan, audit, Destination(tmp_path / "patch", form="patch"))
    assert next(row["new_label"] for row in rows(tmp_path / "patch" / "relabel.csv")) == "1"
    for form in ("hf", "parquet"):
        apply_plan(plan, audit, Destination(tmp_path / form, form=form))
        assert sorted({*labels(tmp_path / form).values()}, key=str) == ["cat", "dog", "owl"]
    apply_plan(plan, audit, Destination(tmp_path / "csv", form="csv"))
    read = open_source(tmp_path / "pets", labels=tmp_path / "csv" / "labels.csv")
    assert {label for label in read.labels if label} == {"cat", "dog", "owl"}
    restore(audit, tmp_path / "out", Destination(tmp_path / "back"))
    assert {name for name in contents(tmp_path / "back") if name.endswith(".png")} == set(ids)


def test_classes_below_another_folder_do_not_lie_in_each_other(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path / "pets", tuple(f"PetImages/{name}" for name in IDS))
    made = apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out"))
    assert not any("several ways" in note for note in made.notes)
    assert labels(tmp_path / "out")["cat/a.png"] == "cat"


def test_folders_that_a_scan_would_ask_about_say_the_answer(tmp_path: Path) -> None:
    ids = tuple(name.replace("dog", "cat_old") for name in IDS)
    source = {"data": str(tmp_path / "pets"), "label_from": "top"}
    classes = ("cat", "cat_old", "owl")
    audit = make_dataset(tmp_path / "pets", ids, samples={"classes": classes}, settings={"source": source})
    made = apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out"))
    assert "It can be read in several ways: to scan it, say `label_from` 'top'." in made.notes
    with pytest.raises(DataError, match="'cat_old' may be a class of its own"):
        open_source(tmp_path / "out")
    assert len(open_source(tmp_path / "out", label_from="top").ids) == len(ids)


def test_class_folders(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    before = contents(tmp_path / "pets")
    applied = apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert contents(tmp_path / "out") == {
        "cat/a.png": png(0),
        "dog/b.png": png(1),
        "dog/e.png": png(4),
        "owl/f.png": png(5),
    }
    assert applied.quarantine == quarantine_of(tmp_path / "out")
    assert contents(tmp_path / "out-quarantine") == {"cat/c.png": png(2)}
    assert contents(tmp_path / "pets") == before
    assert not applied.unchanged
    assert labels(tmp_path / "out") == {"cat/a.png": "cat", "dog/b.png": "dog", "dog/e.png": "dog", "owl/f.png": "owl"}
    said = report(tmp_path / "out")
    assert (said["samples"], said["files"], said["quarantine"]) == (4, 4, "out-quarantine")
    assert said["classes"][0] == {"label": "cat", "before": 3, "after": 1}
    assert [change["path"] for change in said["changes"]] == ["cat/b.png", "dog/b.png", "cat/c.png", "cat/broken.png"]
    page = (tmp_path / "out" / "clean-report.md").read_text(encoding="utf-8")
    assert "| `cat/b.png` | `cat` | `relabel to dog` | `wrong, verdict` | 0.030 |" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out-quarantine", "pets"]


def test_a_relabelled_image_does_not_take_the_name_of_another(audit: Audit, tmp_path: Path) -> None:
    plan = make_plan(audit, match(audit, [said(audit, 1, "suggested", "dog")]))
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    mark = audit.samples.digests[1][:8]
    assert contents(tmp_path / "out")["dog/b.png"] == png(3)
    assert contents(tmp_path / "out")[f"dog/b-{mark}.png"] == png(1)


def test_applying_twice_changes_nothing_and_says_so(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    again = apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert again.unchanged
    assert again.report == report(tmp_path / "out")
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == stamps


def test_images_that_came_since_the_scan_are_named(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    assert not any(
        "not part of the scan" in note for note in apply_plan(plan, audit, Destination(tmp_path / "out")).notes
    )
    (tmp_path / "pets" / "cat" / "new.png").write_bytes(png(9))
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("no image")
    (note,) = [
        note for note in apply_plan(plan, audit, Destination(tmp_path / "more")).notes if "not part of the scan" in note
    ]
    assert note.startswith("1 image of the source is not part of the scan and not here: cat/new.png.")


def test_another_plan_needs_a_word_to_replace(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    apply_plan(plan, audit, Destination(out))
    nothing = make_plan(audit, match(audit, []))
    with pytest.raises(RunError, match="holds another cleaned dataset"):
        apply_plan(nothing, audit, Destination(out))
    with pytest.raises(RunError, match="holds another cleaned dataset"):
        apply_plan(plan, audit, Destination(out, form="hf"))
    apply_plan(nothing, audit, Destination(out, replace=True))
    assert sorted(contents(out)) == sorted(IDS)
    assert not quarantine_of(out).exists()  # its content is in the dataset again
    (out / "cat" / "a.png").unlink()
    with pytest.raises(RunError, match="lacks files by now: use `replace`"):
        apply_plan(nothing, audit, Destination(out))
    apply_plan(nothing, audit, Destination(out, replace=True))
    assert sorted(contents(out)) == sorted(IDS)


def test_unreadable_files_can_be_kept_apart(audit: Audit, tmp_path: Path) -> None:
    plan = make_plan(audit, match(audit, []), actions={"unreadable": "quarantine"})
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert contents(tmp_path / "out-quarantine") == {"unreadable/cat/broken.png": b"\x89PNG\r\n\x1a\n"}
    note = "Unreadable files that cannot be kept apart, because they are in no folder of files: 1."
    assert apply_plan(plan, audit, Destination(tmp_path / "csv", form="csv")).notes == (note,)


def test_classes_without_samples_and_lost_columns_are_said(audit: Audit, tmp_path: Path) -> None:
    audit = replace(audit, samples=replace(audit.samples, extra={"who": ("x",) * 6}))
    plan = make_plan(audit, match(audit, [said(audit, 5, "none")]))
    assert apply_plan(plan, audit, Destination(tmp_path / "out")).notes == (
        "Class folders cannot hold the columns who: the formats hf, parquet and csv can.",
        "No image is left of owl.",
    )
    gone = make_plan(audit, match(audit, [said(audit, row, "none") for row in range(6)]))
    with pytest.raises(OptionError, match="the plan leaves nothing"):
        apply_plan(gone, audit, Destination(tmp_path / "none"))


def test_moved_data_is_named(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    (tmp_path / "pets").rename(tmp_path / "moved")
    with pytest.raises(RunError, match="name their place with `data`"):
        apply_plan(plan, audit, Destination(tmp_path / "out"))
    apply_plan(plan, audit, Destination(tmp_path / "out", data=tmp_path / "moved"))
    assert len(contents(tmp_path / "out")) == 4


def test_names_from_the_data_have_no_power_in_the_report(tmp_path: Path) -> None:
    ids = ("cat/<b>|x.png", "cat/[a](http:b).png", "cat/c.png", "dog/b.png", "dog/e.png", "owl/f.png")
    ids = tuple(name.replace("http:", "") for name in ids)
    finding = Finding(kind="unreadable", path="cat/\x1b[31m.png", detail="@everyone")
    audit = make_dataset(tmp_path / "pets", ids, findings=(finding,))
    plan = make_plan(audit, match(audit, []), actions={"suspect": "drop"})
    apply_plan(plan, audit, Destination(tmp_path / "out", form="csv"))
    page = (tmp_path / "out" / "clean-report.md").read_text(encoding="utf-8")
    assert "\x1b" not in page
    assert "`cat/[a](b).png`" in page


def test_a_class_called_like_a_file_beside_it_gets_a_folder_and_a_word(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path / "pets", samples={"classes": ("Clean-Report.json", "dog", "owl")})
    plan = make_plan(audit, match(audit, [said(audit, 2, "none")]))
    made = apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert class_folder("Clean-Report.json") == "%43lean-Report.json"
    assert "%43lean-Report.json/cat/a.png" in contents(tmp_path / "out")
    assert any("'Clean-Report.json' is in %43lean-Report.json; the formats hf and" in note for note in made.notes)
    assert report(tmp_path / "out")["samples"] == 5


def test_unreadable_files_never_meet_the_images_of_a_class(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path / "pets", samples={"classes": ("cat", "dog", "Unreadable")})
    plan = make_plan(audit, match(audit, []), actions={"unreadable": "quarantine"})
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert contents(tmp_path / "out-quarantine") == {"unreadable-files/cat/broken.png": b"\x89PNG\r\n\x1a\n"}


def test_copies_of_an_image_do_not_become_one_file(tmp_path: Path) -> None:
    audit = make_dataset(tmp_path / "pets")
    (tmp_path / "pets/cat/c.png").write_bytes(png(0))
    digests = (*audit.samples.digests[:2], audit.samples.digests[0], *audit.samples.digests[3:])
    audit = replace(audit, samples=replace(audit.samples, digests=digests))
    apply_plan(make_plan(audit, match(audit, [])), audit, Destination(tmp_path / "out"))
    restore(audit, tmp_path / "out", Destination(tmp_path / "back", link="hard"))
    assert not (tmp_path / "back/cat/a.png").samefile(tmp_path / "back/cat/c.png")
    (tmp_path / "out/cat/c.png").unlink()
    back = restore(audit, tmp_path / "out", Destination(tmp_path / "again", link="hard"))
    assert not (tmp_path / "again/cat/a.png").samefile(tmp_path / "again/cat/c.png")
    assert back.report["made_as"] == {"hard link": 5, "copy": 1}
