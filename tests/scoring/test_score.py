"""New images ranked by an audit without training."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scored_folders import NAMES, OPTIONS, put

import labelaudit
from labelaudit.audit import run
from labelaudit.data.source import Source
from labelaudit.errors import DataError, RunError
from labelaudit.machine import Machine
from labelaudit.scanning.scan import scan
from labelaudit.scoring.score import score
from labelaudit.scoring.update import NeedsScan, try_update


def test_new_images_are_ranked_by_the_audit(place: Path) -> None:
    for i in range(100, 130):
        put(place / "new", i % 3, f"{i}.png", i, given=(i % 3 + 1) % 3 if i in (105, 116) else None)
    audit = score(
        place / "run", Source(data=place / "new"), Machine(cache=place / "cache", device="cpu"), output=place / "scored"
    )
    wrong = {"bee/105.png": "ant", "ant/116.png": "cat"}
    worst = audit.table("samples")[:2]
    assert {str(row["path"]): row["predicted_label"] for row in worst} == wrong
    assert {row["path"] for row in audit.table("suspects")} >= set(wrong)
    columns = list(run.read(place / "run").table("suspects")[0])
    assert [name for name in columns if name in worst[0]] == list(worst[0]), "the same columns, but for the methods"
    assert audit.settings["scored_by"]["fingerprint"] == run.read(place / "run").fingerprint
    assert run.read(place / "scored").table("samples") == audit.table("samples")


def test_new_images_of_numbered_classes_go_by_the_names_of_the_scan(tmp_path: Path) -> None:
    for i in range(36):
        put(tmp_path / "old", i % 3, f"{i}.png", i)
    for number, name in enumerate(NAMES):
        (tmp_path / "old" / name).rename(tmp_path / "old" / str(number))
    (tmp_path / "old" / "classes.txt").write_text("ant\nbee\ncat\n", encoding="utf-8")
    before = scan(tmp_path / "old", output=tmp_path / "run", **OPTIONS)
    assert before.samples.classes == NAMES
    assert run.read(tmp_path / "run").samples.codes == {"ant": "0", "bee": "1", "cat": "2"}
    put(tmp_path / "new", 1, "a.png", 100).parent.rename(tmp_path / "new" / "1")
    audit = labelaudit.score(tmp_path / "run", tmp_path / "new")
    assert [row["given_label"] for row in audit.table("samples")] == ["bee"]
    assert not audit.findings
    assert isinstance(audit, labelaudit.Audit)


def test_one_class_is_enough_and_a_strange_one_is_a_finding(place: Path) -> None:
    put(place / "new", 2, "a.png", 200)
    strange = put(place / "new", 1, "b.png", 201)
    shutil.move(strange.parent, place / "new" / "dog")
    audit = score(place / "run", Source(data=place / "new"), Machine(device="cpu"))
    assert [(finding.kind, finding.path) for finding in audit.findings] == [("unknown_class", "dog/b.png")]
    assert "labelled 'dog'" in audit.findings[0].detail
    assert "looks like 'bee'" in audit.findings[0].detail
    assert audit.samples.ids == ("cat/a.png",)
    assert audit.samples.classes == NAMES
    shutil.rmtree(place / "new" / "cat")
    cache = place / "unused"
    with pytest.raises(DataError, match=r"none of the classes \(dog\) is one of"):
        score(place / "run", Source(data=place / "new"), Machine(device="cpu", cache=cache))
    assert not cache.exists(), "nothing was embedded"


def test_a_blank_image_is_not_judged(place: Path) -> None:
    for name in ("ant", "bee"):
        put(place / "new", 0, "black.png", 0, given=NAMES.index(name))
        Image.new("L", (16, 16)).save(place / "new" / name / "black.png")
    audit = score(place / "run", Source(data=place / "new"), Machine(device="cpu"))
    assert not audit.decision.judged.any()
    assert {finding.kind for finding in audit.findings} == {"uniform"}


@pytest.mark.parametrize("there", [True, False])
def test_an_audited_image_under_another_label_is_a_conflict(place: Path, there: bool) -> None:
    shutil.copy(place / "data" / "cat" / "2.png", put(place / "new", 1, "copy.png", 0))
    near = put(place / "new", 0, "near.png", 0, given=1)
    pixels = np.asarray(Image.open(place / "data" / "ant" / "0.png")).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(near)
    if not there:
        shutil.rmtree(place / "data")
    where = place / "data" if there else None
    audit = score(place / "run", Source(data=place / "new"), Machine(device="cpu"), originals=where)
    found = {finding.path: (finding.kind, finding.partner) for finding in audit.findings}
    root = run.read(place / "run").samples.root
    assert found["bee/copy.png"] == ("conflict", f"{root}/cat/2.png")
    assert found["bee/near.png"] == ("near_duplicate", f"{root}/ant/0.png")
    flagged = {row["path"]: row for row in audit.table("suspects")}
    assert flagged["bee/copy.png"]["predicted_label"] == "cat"
    assert "also carries another label" in str(flagged["bee/copy.png"]["reason"])


def test_images_of_the_audit_itself_keep_what_it_says_of_them(place: Path) -> None:
    for number in (0, 3):
        (place / "new" / "ant").mkdir(parents=True, exist_ok=True)
        shutil.copy(place / "data" / "ant" / f"{number}.png", place / "new" / "ant" / f"again{number}.png")
    put(place / "new", 1, "a.png", 5)
    audit = score(place / "run", Source(data=place / "new"), Machine(device="cpu"))
    assert any(note.startswith("2 images are in that audit under the same label") for note in audit.notes)
    scanned = run.read(place / "run")
    for number in (0, 3):
        then = scanned.samples.ids.index(f"ant/{number}.png")
        now = audit.samples.ids.index(f"ant/again{number}.png")
        assert audit.decision.suspicion[now] == scanned.decision.suspicion[then]
        assert audit.decision.is_issue[now] == scanned.decision.is_issue[then]
        assert (audit.decision.probs[now] == scanned.decision.probs[then]).all()


def test_the_interval_of_the_audited_images_is_no_narrower_than_that_of_the_scan(place: Path) -> None:
    scanned = run.read(place / "run").decision
    decision = replace(scanned, noise_interval=(0.0, 0.9))
    run.write(replace(run.read(place / "run"), decision=decision), place / "run")
    again = score(place / "run", Source(data=place / "data"), Machine(device="cpu")).decision
    assert again.noise_interval[0] == 0
    assert again.noise_interval[1] >= 0.9
    assert again.is_issue.sum() == scanned.is_issue.sum()


def test_what_cannot_be_scored_is_one_line(place: Path) -> None:
    put(place / "new", 1, "a.png", 5)
    with pytest.raises(RunError, match="is not a RUN folder"):
        score(place / "data", Source(data=place / "new"))
    (place / "run" / "judge.npz").unlink()
    with pytest.raises(RunError, match="keeps no model"):
        score(place / "run", Source(data=place / "new"))


def test_features_that_were_brought_must_be_brought_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    x = (3 * np.eye(2, 6)[truth] + rng.normal(size=(60, 6))).astype(np.float32)
    np.save(tmp_path / "labels.npy", np.array(["a", "b"])[truth])
    scan(
        labels=tmp_path / "labels.npy",
        features=x,
        methods=["limit"],
        options=OPTIONS["options"],
        output=tmp_path / "run",
        device="cpu",
    )
    np.save(tmp_path / "new.npy", np.array(["a", "b", "b"]))
    with pytest.raises(DataError, match="`features`"):
        score(tmp_path / "run", Source(labels=tmp_path / "new.npy"))
    audit = score(tmp_path / "run", Source(labels=tmp_path / "new.npy"), features=x[[0, 1, 2]])
    assert audit.decision.suspicion.argmax() == 2
    previous = run.read(tmp_path / "run")
    again = replace(previous, settings={**previous.settings, "features": True})
    with pytest.raises(NeedsScan, match="brought"):
        try_update(again, previous.samples, Machine())
