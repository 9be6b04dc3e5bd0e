"""Only what this tool made for this very dataset is ever deleted, whatever a report says and whoever renamed what."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cleaning import contents, make_dataset, png, said

from labelaudit.audit.document import Audit
from labelaudit.clean import CorrectionPlan, Destination, apply_plan, make_plan, quarantine_of
from labelaudit.errors import RunError
from labelaudit.verdicts import match


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return make_dataset(tmp_path / "images")


@pytest.fixture
def plan(audit: Audit) -> CorrectionPlan:
    """cat/c.png goes to quarantine."""
    return make_plan(audit, match(audit, [said(audit, 2, "none")]))


@pytest.fixture
def other(audit: Audit) -> CorrectionPlan:
    """Nothing goes to quarantine."""
    return make_plan(audit, match(audit, [said(audit, 1, "suggested", "dog")]))


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


NAMED = ("images", "..", ".", "/", "victim", "victim-quarantine", "../a/x-quarantine", 5, None)


@pytest.mark.parametrize("name", NAMED)
def test_a_report_cannot_name_a_folder_to_delete(
    audit: Audit, plan: CorrectionPlan, other: CorrectionPlan, tmp_path: Path, name: object
) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim-quarantine"
    apply_plan(plan, audit, Destination(out))
    shutil.copytree(tmp_path / "images", victim)
    shutil.copytree(tmp_path / "images", tmp_path / "victim")
    edit(out / "clean-report.json", quarantine=name)
    before = {place.name: contents(place) for place in (tmp_path / "images", victim, tmp_path / "victim")}
    try:
        apply_plan(other, audit, Destination(out, replace=True))
    except RunError as error:
        assert "did not make" in str(error)  # noqa: PT017
    assert {place: contents(tmp_path / place) for place in before} == before


def test_the_quarantine_of_a_renamed_dataset_is_not_replaced(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    apply_plan(plan, audit, Destination(out))
    out.rename(tmp_path / "january")
    with pytest.raises(RunError, match="out-quarantine is the quarantine of another cleaned dataset"):
        apply_plan(plan, audit, Destination(out))
    assert contents(quarantine_of(out)) == {"cat/c.png": png(2)}
    assert not out.exists()
    quarantine_of(out).rename(quarantine_of(tmp_path / "january"))
    assert apply_plan(plan, audit, Destination(out)).quarantine == quarantine_of(out)
    assert contents(quarantine_of(tmp_path / "january")) == {"cat/c.png": png(2)}


def test_replacing_a_copy_leaves_the_quarantine_of_the_original(
    audit: Audit, plan: CorrectionPlan, other: CorrectionPlan, tmp_path: Path
) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    made = apply_plan(other, audit, Destination(tmp_path / "copy", replace=True))
    assert contents(tmp_path / "out-quarantine") == {"cat/c.png": png(2)}
    assert any(f"stays in {tmp_path / 'out-quarantine'}" in note for note in made.notes)
    assert apply_plan(plan, audit, Destination(tmp_path / "out")).unchanged


@pytest.mark.parametrize("place", ["out", "out-quarantine"])
def test_what_somebody_put_there_is_not_deleted(
    audit: Audit, plan: CorrectionPlan, other: CorrectionPlan, tmp_path: Path, place: str
) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    (tmp_path / place / "cat").mkdir(exist_ok=True)
    (tmp_path / place / "cat" / "mine.png").write_bytes(png(9))
    again = make_plan(audit, match(audit, [said(audit, 2, "none"), said(audit, 1, "suggested", "dog")]))
    with pytest.raises(RunError, match=f"{place} holds 1 file that `labelaudit clean` did not put there"):
        apply_plan(again, audit, Destination(tmp_path / "out", replace=True))
    if place == "out-quarantine":  # the next dataset has no quarantine: the old one stays, with a word
        made = apply_plan(other, audit, Destination(tmp_path / "out", replace=True))
        assert any("stays in" in note for note in made.notes)
    assert (tmp_path / place / "cat" / "mine.png").read_bytes() == png(9)


STOPS = ("1st rename", "2nd rename", "3rd rename", "4th rename", "1st deletion")


def test_a_kill_between_any_two_renames_loses_no_image(audit: Audit, plan: CorrectionPlan, tmp_path: Path) -> None:
    """The old dataset and its quarantine, or the new ones: never a mixture, and the next run goes on."""
    for stop in STOPS:
        apply_plan(plan, audit, Destination(tmp_path / stop / "out"))
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from cleaning import *\n"
        "from labelaudit.clean import Destination, apply_plan, make_plan; from labelaudit.verdicts import match\n"
        "import labelaudit.files as folders, pathlib\n"
        "audit = make_dataset(Path(sys.argv[2]) / 'images')\n"
        "count = [0]\n"
        "def watch(name, function):\n"
        "    def watched(self, *rest, **more):\n"
        "        if '.previous' in str(self) or '.previous' in str(rest) or '.partial' in str(self):\n"
        "            if count[0] == wanted: os.kill(os.getpid(), signal.SIGKILL)\n"
        "            count[0] += 1\n"
        "        return function(self, *rest, **more)\n"
        "    return watched\n"
        "plan = make_plan(audit, match(audit, [said(audit, 2, 'none'), said(audit, 1, 'none')]))\n"
        "def begin(*pairs):\n"
        "    pathlib.Path.rename = watch('rename', pathlib.Path.rename)\n"
        "    real = folders.shutil.rmtree\n"
        "    def deleting(place, **more):\n"
        "        if count[0] == 4 and wanted == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return real(place, **more)\n"
        "    folders.shutil.rmtree = deleting\n"
        "    return swapping(*pairs)\n"
        "from labelaudit.clean import applying; swapping = applying.swap; applying.swap = begin\n"
        "for wanted, stop in enumerate(sys.argv[3:]):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        apply_plan(plan, audit, Destination(Path(sys.argv[2]) / stop / 'out', replace=True))\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == signal.SIGKILL, stop\n"
    )
    tests = os.fspath(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", code, tests, str(tmp_path), *STOPS], check=True)
    for stop in STOPS:
        done, place = stop == "1st deletion", tmp_path / stop
        again = make_plan(audit, match(audit, [said(audit, 2, "none")]))
        made = apply_plan(again, audit, Destination(place / "out", replace=done))
        assert made.unchanged != done, stop
        assert contents(place / "out-quarantine") == {"cat/c.png": png(2)}, stop
        assert sorted(contents(place / "out")) == sorted({*audit.samples.ids} - {"cat/c.png"}), stop


def test_a_quarantine_whose_dataset_never_appeared_is_replaced(
    audit: Audit, plan: CorrectionPlan, tmp_path: Path
) -> None:
    apply_plan(plan, audit, Destination(tmp_path / "out"))
    (tmp_path / "out").rename(tmp_path / ".out.0123abcd.partial")  # as a kill before the last rename leaves it
    made = apply_plan(plan, audit, Destination(tmp_path / "out"))
    assert not made.unchanged
    assert contents(tmp_path / "out-quarantine") == {"cat/c.png": png(2)}
