"""A cleaned dataset is written whole or not at all, and touches nothing else."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cleaned_folders import rows
from cleaning import contents, make_dataset, png, said

from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.clean import CorrectionPlan, Destination, apply_plan, make_plan
from labelaudit.clean.names import check_class, class_folder
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.verdicts import match


@pytest.mark.parametrize("form", ["folders", "parquet"])
def test_changed_and_missing_images_stop_it_with_one_line(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, form: str
) -> None:
    (tmp_path / "pets/cat/a.png").write_bytes(png(9))
    (tmp_path / "pets/dog/e.png").unlink()
    with pytest.raises(DataError) as caught:
        apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    assert str(caught.value) == (
        "cat/a.png: the image was changed since the scan: scan again; and 1 more. Nothing was made"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("form", ["folders", "parquet", "csv"])
def test_a_broken_apply_leaves_nothing(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, form: str
) -> None:
    before = contents(tmp_path / "pets")

    def full(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("labelaudit.clean.applying.write_report", full)
    with pytest.raises(RunError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot write {tmp_path / 'out'} (No space left on device): nothing was made"
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]
    assert contents(tmp_path / "pets") == before


def test_a_full_disk_while_copying(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"No space left on device\): nothing was made"):
        apply_plan(plan, audit, Destination(tmp_path / "out", link="copy"))
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


def test_a_failed_replace_puts_both_folders_back(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    apply_plan(plan, audit, Destination(out))
    before = contents(tmp_path)
    rename, calls = Path.rename, []

    def fail_last(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 4:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    other = make_plan(audit, match(audit, [said(audit, 4, "none")]))
    monkeypatch.setattr(Path, "rename", fail_last)
    with pytest.raises(RunError, match="nothing was made"):
        apply_plan(other, audit, Destination(out, replace=True))
    monkeypatch.undo()
    assert contents(tmp_path) == before
    assert apply_plan(plan, audit, Destination(out)).unchanged


def test_the_output_may_not_touch_data_or_run(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for out, message in [
        (tmp_path / "pets", "is the data"),
        (tmp_path / "pets" / "new", "lies inside the data"),
        (tmp_path, "holds the data"),
        (run / "out", "lies inside the RUN"),
    ]:
        with pytest.raises(OptionError, match=message):
            apply_plan(plan, audit, Destination(out, run=run))
    other = tmp_path / "other"
    other.mkdir()
    (other / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="did not make"):
        apply_plan(plan, audit, Destination(other, replace=True))
    (tmp_path / "out-quarantine").mkdir()
    (tmp_path / "out-quarantine" / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="out-quarantine holds something"):
        apply_plan(plan, audit, Destination(tmp_path / "out"))
    with pytest.raises(OptionError, match="unknown form 'zip'"):
        apply_plan(plan, audit, Destination(tmp_path / "x", form="zip"))
    with pytest.raises(OptionError, match="unknown link 'soft'"):
        apply_plan(plan, audit, Destination(tmp_path / "x", link="soft"))


HOSTILE = ("../../x", "a/b", ".", "..", "", ".hidden", "/etc", "a\\b", "a\nb", "x" * 200, " cat", "%2F", "a\0b", "💥")


@pytest.mark.parametrize("label", HOSTILE)
def test_no_label_leads_out_of_the_folder(label: str) -> None:
    name = class_folder(label)
    assert name
    assert not name.startswith((".", " "))
    assert not set(name) & set("/\\\0\n")
    assert len({class_folder(other) for other in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("label", ["\u753b\u50cf\u3000\u72ac", "prix\u00a0fixe", "\U0001f468\u200d\U0001f467"])
def test_a_class_keeps_its_wide_space_or_joined_sign(label: str) -> None:
    assert class_folder(label) == label
    check_class(label, ["dog"], "here")


def test_hostile_classes_and_ids_stay_inside(tmp_path: Path) -> None:
    ids = ("cat/a.png", "cat/b.png", "cat/c.png", "dog/b.png", "dog/e.png", "owl/f.png")
    audit = make_dataset(tmp_path / "pets", ids, samples={"classes": ("../x", "a/b", "owl")})
    moved = replace(audit.samples, ids=("../../up.png", "/etc/b.png", "cat/./c.png", "d", "x/../../e.png", "owl/f.png"))
    audit = replace(audit, samples=replace(moved, images=open_originals(audit)))
    plan = make_plan(audit, match(audit, []), actions={"suspect": "relabel"})
    apply_plan(plan, audit, Destination(tmp_path / "deep" / "out"))
    assert sorted(contents(tmp_path / "deep" / "out")) == [
        "%2E.%2Fx/cat/c.png",
        "%2E.%2Fx/d.png",
        "%2E.%2Fx/up.png",
        "a%2Fb/etc/b.png",
        "a%2Fb/x/e.png",
        "owl/f.png",
    ]
    apply_plan(plan, audit, Destination(tmp_path / "deep" / "hf", form="hf"))
    assert {row["label"] for row in rows(tmp_path / "deep/hf/metadata.csv")} == {"../x", "a/b", "owl"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "pets"]
    clash = replace(audit, samples=replace(audit.samples, classes=("a%2Fb", "a/b", "owl")))
    with pytest.raises(OptionError, match="'a%2Fb' and 'a/b' would share a folder"):
        apply_plan(plan, clash, Destination(tmp_path / "deep" / "other"))
