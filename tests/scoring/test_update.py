"""After the scan: new images against a saved audit; an audit that follows its dataset for the price of the change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scored_folders import put

from labelaudit.audit import run
from labelaudit.audit.document import Audit
from labelaudit.data.source import Source
from labelaudit.judge.judge import Judge
from labelaudit.machine import Machine
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scoring import update as updating
from labelaudit.scoring.update import update
from labelaudit.types import Finding, Floats


@pytest.fixture
def no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Audit:
        raise AssertionError("a full scan")

    monkeypatch.setattr(updating, "scan_source", refuse)


def follow(place: Path, **options: object) -> Audit:
    machine = Machine(cache=place / "cache", device="cpu", **options)  # type: ignore[arg-type]
    return update(run.read(place / "run"), Source(data=place / "data"), machine)


def rows_of(audit: Audit) -> dict[str, dict[str, object]]:
    return {row["path"]: row for row in audit.table("samples")}


def test_an_unchanged_dataset_keeps_its_audit(place: Path, no_scan: None) -> None:
    audit, before = follow(place), run.read(place / "run")
    assert audit.table("samples") == before.table("samples")
    assert audit.findings == before.findings
    assert audit.decision.noise_rate == pytest.approx(before.decision.noise_rate, abs=1e-12)
    assert audit.decision.noise_matrix == pytest.approx(before.decision.noise_matrix, abs=1e-5)
    assert audit.decision.recipe["update"] == {"scanned": 90, "judged": 0, "removed": 0, "now": 0}


def test_only_what_changed_is_judged_anew(place: Path, no_scan: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows_of(run.read(place / "run"))
    data = place / "data"
    assert before["cat/10.png"]["is_label_issue"]
    (data / "cat" / "10.png").rename(data / "bee" / "10.png")  # relabelled, rightly
    (data / "ant" / "3.png").rename(data / "ant" / "three.png")  # renamed only
    (data / "ant" / "6.png").unlink()
    put(data, 0, "new.png", 300, given=1)
    embedded: list[int] = []
    whole = updating.embed_new
    monkeypatch.setattr(updating, "embed_new", lambda some, *rest: (embedded.append(len(some)), whole(some, *rest))[1])
    heard: list[dict[str, Floats]] = []
    read = Judge.read
    monkeypatch.setattr(Judge, "read", lambda *some, **more: (heard.append(more["held_out"]), read(*some, **more))[1])
    audit = follow(place)
    after = rows_of(audit)
    scanned = run.read(place / "run")
    blind = scanned.evidence["ridge"].probs
    assert blind is not None
    relabelled, new = heard[0]["ridge"]
    assert np.array_equal(relabelled, blind[scanned.samples.ids.index("cat/10.png")])
    assert np.isnan(new).all()
    assert after["ant/three.png"]["label_score"] == before["ant/3.png"]["label_score"]
    assert after["cat/2.png"] == {**before["cat/2.png"], "rank": after["cat/2.png"]["rank"]}
    assert after["bee/new.png"]["is_label_issue"]
    assert after["bee/new.png"]["predicted_label"] == "ant"
    assert not after["bee/10.png"]["is_label_issue"]
    assert not {"ant/6.png", "cat/10.png"} & set(after)
    counts = audit.decision.recipe["update"]
    assert counts["now"] == embedded[0] == counts["judged"] == 2
    assert counts["scanned"] + counts["judged"] == len(audit.samples) == 90
    assert any(note.startswith("Updated without training: ") for note in audit.notes)
    assert audit.judge is not None
    assert [d.decode() for d in audit.judge.memory.digests.tolist()] == list(audit.samples.digests)
    assert np.array_equal(audit.judge.memory.labels, audit.samples.labels)


def test_updates_add_up(place: Path, no_scan: None) -> None:
    put(place / "data", 0, "one.png", 301)
    first = follow(place)
    run.write(first, place / "run")
    put(place / "data", 1, "two.png", 302)
    (place / "data" / "ant" / "0.png").unlink()
    second = follow(place)
    assert second.decision.recipe["update"] == {"scanned": 89, "judged": 2, "removed": 1, "now": 1}
    assert sum(note.startswith("Updated without") for note in second.notes) == 1
    assert Judge.load(run.write(second, place / "run")["judge.npz"]).memory.scanned.sum() == 89


def test_a_conflict_appears_and_goes_with_its_copy(place: Path, no_scan: None) -> None:
    copy = place / "data" / "bee" / "copy.png"
    shutil.copy(place / "data" / "cat" / "2.png", copy)
    audit = follow(place)
    assert {finding.kind for finding in audit.findings} == {"conflict"}
    assert rows_of(audit)["bee/copy.png"]["is_label_issue"]
    assert "also carries another label" in str(rows_of(audit)["bee/copy.png"]["reason"])
    assert audit.decision.recipe["update"]["now"] == 2, "the copy, and what it is a copy of"
    run.write(audit, place / "run")
    copy.unlink()
    audit = follow(place)
    assert not audit.findings
    assert audit.decision.recipe["update"] == {"scanned": 89, "judged": 1, "removed": 1, "now": 1}


def test_a_near_duplicate_appears_and_stays(place: Path, no_scan: None) -> None:
    pixels = np.asarray(Image.open(place / "data" / "ant" / "0.png")).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(place / "data" / "bee" / "near.png")
    first = follow(place)
    assert [(f.kind, {f.path, f.partner}) for f in first.findings] == [
        ("near_duplicate", {"bee/near.png", "ant/0.png"})
    ]
    run.write(first, place / "run")
    put(place / "data", 2, "other.png", 303)
    assert follow(place).findings == first.findings


def test_a_shortcut_and_what_was_found_of_two_stay_with_what_did_not_change(place: Path, no_scan: None) -> None:
    audit = run.read(place / "run")
    first, second, third = audit.samples.ids[:3]
    scenes = [Finding(kind="same_scene", path=path, detail=f"as '{third}'", partner=third) for path in (first, second)]
    cue = Finding(kind="shortcut", path=".", detail="the frame alone tells the given class")
    run.write(replace(audit, findings=(*scenes, cue)), place / "run")
    (place / "data" / first).unlink()
    (place / "data" / third).rename(place / "data" / third.replace(".", "-renamed."))
    told = [(one.kind, one.path, one.detail) for one in follow(place).findings]
    renamed = third.replace(".", "-renamed.")
    assert told == [("same_scene", second, f"as '{renamed}'"), ("shortcut", ".", cue.detail)]


def test_new_blank_images_are_not_judged(place: Path, no_scan: None) -> None:
    for name in ("ant", "bee"):
        Image.new("L", (16, 16)).save(place / "data" / name / "black.png")
    audit = follow(place)
    assert {finding.kind for finding in audit.findings} == {"uniform"}
    rows = [rows_of(audit)[path] for path in ("ant/black.png", "bee/black.png")]
    assert {row["reason"] for row in rows} == {"not judged: all of its pixels are alike"}


def test_a_broken_new_file_is_a_finding(place: Path, no_scan: None) -> None:
    whole = (place / "data" / "ant" / "0.png").read_bytes()
    (place / "data" / "ant" / "cut.png").write_bytes(whole[: len(whole) - 40])
    audit = follow(place)
    assert [(finding.kind, finding.path) for finding in audit.findings] == [("truncated", "ant/cut.png")]
    assert len(audit.samples) == 90


def new_class(place: Path) -> None:
    (place / "data" / "dog").mkdir()
    put(place / "data", 1, "b.png", 201).rename(place / "data" / "dog" / "b.png")


def no_class(place: Path) -> None:
    shutil.rmtree(place / "data" / "cat")


def many_changes(place: Path) -> None:
    for i in range(400, 419):
        put(place / "data", i % 3, f"{i}.png", i)


def older_version(place: Path) -> None:
    audit = run.read(place / "run")
    run.write(replace(audit, versions={**audit.versions, "labelaudit": "0.0.1"}), place / "run")


def no_judge(place: Path) -> None:
    (place / "run" / "judge.npz").unlink()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (new_class, "the class 'dog' is new"),
        (no_class, "the class 'cat' is gone"),
        (many_changes, "19 of 90 images changed since the last full scan"),
        (older_version, "labelaudit 0.0.1 made the earlier audit"),
        (no_judge, "kept no judge"),
    ],
)
def test_what_an_update_cannot_do_is_scanned_and_said(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], reason: str
) -> None:
    calls: list[dict[str, object]] = []
    before = run.read(place / "run")

    def remember(_: object, settings: ScanSettings, *machine: object, **options: object) -> Audit:
        calls.append(vars(settings) | options)
        return before

    monkeypatch.setattr(updating, "scan_source", remember)
    change(place)
    (place / "run" / "verdicts.csv").write_text("path\n", encoding="utf-8")
    heard: list[str] = []
    assert follow(place, notice=heard.append) is before
    assert heard[0].startswith("Scanning everything: ")
    assert reason in heard[0]
    assert calls[0]["verdicts"] == place / "run" / "verdicts.csv", "what people said counts"
    assert {name: calls[0][name] for name in ("methods", "train", "effort", "seed")} == {
        "methods": ("limit",),
        "train": "features",
        "effort": "quick",
        "seed": 0,
    }
