"""The way back from a cleaned dataset: quarantines, links, files that were never scanned."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import make_samples
from cleaned_folders import rows
from cleaning import IDS, contents, png

from labelaudit.audit.document import Audit
from labelaudit.clean import CorrectionPlan, Destination, apply_plan, restore
from labelaudit.errors import OptionError, RunError


@pytest.mark.parametrize("form", ["folders", "hf", "parquet"])
@pytest.mark.parametrize("gone", [False, True])
def test_the_way_back(audit: Audit, plan: CorrectionPlan, tmp_path: Path, form: str, gone: bool) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out", form=form))
    expected = {name: png(number) for number, name in enumerate(IDS)}
    if gone:
        (tmp_path / "pets").rename(tmp_path / "nowhere")
        del expected["dog/b.png"]
    back = restore(audit, tmp_path / "out", Destination(tmp_path / "back", form="folders"))
    assert contents(tmp_path / "back") == expected
    told = "1 of 6 images could not be restored, first 'dog/b.png' (dropped, so only the source had them: 1)"
    assert back.lost.startswith(told) if gone else back.lost == ""
    *lost, passed_over = back.notes
    assert lost == ([f"{back.lost}."] if gone else [])
    assert passed_over.startswith("1 file of the source was never part of the scan and is not here: cat/broken.png.")
    if gone:  # what came back in part is not called done
        (tmp_path / "nowhere").rename(tmp_path / "pets")
        with pytest.raises(RunError, match="use `replace`"):
            restore(audit, tmp_path / "out", Destination(tmp_path / "back", form="folders"))
        restore(audit, tmp_path / "out", Destination(tmp_path / "back", form="folders", replace=True))
        assert len(contents(tmp_path / "back")) == 6
    assert restore(audit, tmp_path / "out", Destination(tmp_path / "back", form="folders")).unchanged


def test_the_way_back_from_tables(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    for form in ("csv", "patch"):
        apply_plan(plan, audit, Destination(tmp_path / form, form=form))
        restore(audit, tmp_path / form, Destination(tmp_path / f"{form}-back"))
        assert [row["label"] for row in rows(tmp_path / f"{form}-back" / "labels.csv")] == ["cat"] * 3 + ["dog"] * 2 + [
            "owl"
        ]


def test_the_way_back_is_refused_where_there_is_none(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    with pytest.raises(RunError, match="was not made by `labelaudit clean`"):
        restore(audit, tmp_path / "pets", Destination(tmp_path / "back"))
    with pytest.raises(OptionError, match="lies inside the cleaned dataset"):
        restore(audit, tmp_path / "out", Destination(tmp_path / "out" / "back"))
    other = replace(audit, samples=make_samples(labels=np.array([0, 1, 0, 1, 1, 2])))
    with pytest.raises(RunError, match="was made from another scan"):
        restore(other, tmp_path / "out", Destination(tmp_path / "back"))


def test_a_quarantine_is_found_when_the_cleaned_folder_alone_has_another_name(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path
) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    (tmp_path / "out").rename(tmp_path / "better")
    (tmp_path / "pets" / "cat" / "c.png").unlink()
    back = restore(audit, tmp_path / "better", Destination(tmp_path / "back"))
    assert (back.lost, contents(tmp_path / "back")["cat/c.png"]) == ("", png(2))


def test_what_is_lost_with_a_quarantine_is_called_so(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    (tmp_path / "out-quarantine").rename(tmp_path / "elsewhere")
    (tmp_path / "pets" / "cat" / "c.png").unlink()
    back = restore(audit, tmp_path / "out", Destination(tmp_path / "back"))
    assert f"(quarantined, but not in {tmp_path / 'out-quarantine'}: 1). The source has none of them" in back.lost
    assert len(contents(tmp_path / "back")) == 5


@pytest.mark.parametrize("link", ["hard", "symlink"])
@pytest.mark.parametrize("gone", [False, True])
def test_the_way_back_by_links(audit: Audit, plan: CorrectionPlan, tmp_path: Path, link: str, gone: bool) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    if gone:
        (tmp_path / "pets").rename(tmp_path / "nowhere")
    back = restore(audit, tmp_path / "out", Destination(tmp_path / "back", link=link))
    there = len(IDS) - gone  # dog/b.png was dropped, and only the source has it
    assert back.report["made_as"] == {"hard link" if link == "hard" else link: there}
    assert not any("copied" in note for note in back.notes)
    kept, again = tmp_path / "out-quarantine/cat/c.png", tmp_path / "back/cat/c.png"
    assert again.read_bytes() == png(2)
    assert again.samefile(kept)
    assert any("keep what they lead to" in note for note in back.notes) == (link == "symlink")


@pytest.mark.parametrize("gone", [False, True])
def test_files_that_were_never_scanned_are_said_not_to_come_back(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path, gone: bool
) -> None:
    (tmp_path / "pets/cat/d.txt").write_text("a picture under a wrong name")
    (tmp_path / "pets/.hidden").write_text("")
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    if gone:
        (tmp_path / "pets").rename(tmp_path / "nowhere")
    notes = restore(audit, tmp_path / "out", Destination(tmp_path / "back")).notes
    if gone:
        assert any(
            "1 file of the source was never part of the scan and is not here: cat/broken.png." in n for n in notes
        )
    else:
        told = "2 files of the source were never part of the scan and are not here: cat/broken.png, cat/d.txt."
        assert any(told in note for note in notes)
        for file in ("broken.png", "d.txt"):
            (tmp_path / "pets/cat" / file).unlink()
        assert restore(audit, tmp_path / "out", Destination(tmp_path / "whole")).notes == ()


def test_a_killed_run_leaves_no_dataset_and_the_next_one_names_what_it_left(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from cleaning import *\n"
        "from labelaudit.clean import Destination, applying, apply_plan, make_plan\n"
        "from labelaudit.verdicts import match\n"
        "applying.write_report = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "audit = make_dataset(Path(sys.argv[2]) / 'pets')\n"
        "apply_plan(make_plan(audit, match(audit, [])), audit, Destination(Path(sys.argv[2]) / 'out'))\n"
    )
    before = contents(tmp_path / "pets")
    killed = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[1]), str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert contents(tmp_path / "pets") == before
    (left,) = (path for path in tmp_path.iterdir() if path.name != "pets")
    assert left.name.startswith(".out.")
    made = apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert made.notes[-1] == f"A run that was killed left a hidden folder here: delete {left}."
    assert left.is_dir()
    assert str(left) not in json.dumps(dict(made.report))
