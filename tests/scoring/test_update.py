"""After the scan: new images against a saved audit; an audit that follows its dataset for the price of the change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.audit import run
from labelaudit.audit.document import Audit
from labelaudit.data.source import Source
from labelaudit.errors import DataError, RunError
from labelaudit.judge.judge import Judge
from labelaudit.machine import Machine
from labelaudit.scanning.scan import scan
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scoring import kept
from labelaudit.scoring import update as updating
from labelaudit.scoring.kept import scan_or_update
from labelaudit.scoring.score import score
from labelaudit.scoring.update import NeedsScan, try_update, update

NAMES = ("ant", "bee", "cat")
SHORT = {"limit": {"epochs": "2"}, "ce": {"epochs": "2"}}
OPTIONS = {"effort": "quick", "train": "features", "methods": ["limit"], "options": SHORT, "device": "cpu"}


def picture(label: int, rng: np.random.Generator) -> Image.Image:
    """A 16-pixel image whose stripes run as its class says."""
    grey = rng.normal(128, 20, (16, 16))
    if label == 0:
        grey[::4] += 90
    elif label == 1:
        grey[:, ::4] += 90
    else:
        grey += 90 * np.eye(16)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def put(folder: Path, label: int, name: str, seed: int, given: int | None = None) -> Path:
    """Save picture ``seed`` of class ``label`` into the class folder of ``given``."""
    path = folder / NAMES[label if given is None else given] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(label, np.random.default_rng(seed)).save(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data`` (90 images, two wrong labels), ``run``, the audit of it, and ``cache``."""
    place = tmp_path_factory.mktemp("made")
    for i in range(90):
        put(place / "data", i % 3, f"{i}.png", i, given=(i % 3 + 1) % 3 if i in (10, 41) else None)
    scan(place / "data", output=place / "run", cache=place / "cache", **OPTIONS)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of `made` whose audit was made where the data lies."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Audit:
        raise AssertionError("a full scan")

    monkeypatch.setattr(updating, "scan", refuse)


def follow(place: Path, **options: object) -> Audit:
    machine = Machine(cache=place / "cache", device="cpu", **options)  # type: ignore[arg-type]
    return update(run.read(place / "run"), Source(data=place / "data"), machine)


def follow_kept(data: Path, cache: Path | None, *, seed: int = 0, verdicts: Path | None = None) -> Audit:
    settings = ScanSettings(effort="quick", train="features", methods=("limit",), options=SHORT, seed=seed)
    return scan_or_update(Source(data=data), settings, Machine(cache=cache, device="cpu"), verdicts=verdicts)


def rows_of(audit: Audit) -> dict[str, dict[str, object]]:
    return {row["path"]: row for row in audit.table("samples")}


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
    assert len(score(place / "run", Source(data=place / "new"), Machine(device="cpu")).samples) == 0


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


def test_what_cannot_be_scored_is_one_line(place: Path, tmp_path: Path) -> None:
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
    scan(labels=tmp_path / "labels.npy", features=x, methods=["limit"], output=tmp_path / "run", device="cpu")
    np.save(tmp_path / "new.npy", np.array(["a", "b", "b"]))
    with pytest.raises(DataError, match="--features"):
        score(tmp_path / "run", Source(labels=tmp_path / "new.npy"))
    audit = score(tmp_path / "run", Source(labels=tmp_path / "new.npy"), features=x[[0, 1, 2]])
    assert audit.decision.suspicion.argmax() == 2
    previous = run.read(tmp_path / "run")
    again = replace(previous, settings={**previous.settings, "features": True})
    with pytest.raises(NeedsScan, match="brought"):
        try_update(again, previous.samples, Machine())


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
    audit = follow(place)
    after = rows_of(audit)
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


def test_a_broken_new_file_is_a_finding(place: Path, no_scan: None) -> None:
    whole = (place / "data" / "ant" / "0.png").read_bytes()
    (place / "data" / "ant" / "cut.png").write_bytes(whole[: len(whole) - 40])
    audit = follow(place)
    assert [(finding.kind, finding.path) for finding in audit.findings] == [("truncated", "ant/cut.png")]
    assert len(audit.samples) == 90


def new_class(place: Path) -> None:
    (place / "data" / "dog").mkdir()
    put(place / "data", 1, "b.png", 201).rename(place / "data" / "dog" / "b.png")


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

    def remember(data: Path, **options: object) -> Audit:
        calls.append(options)
        return before

    monkeypatch.setattr(updating, "scan", remember)
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


def keep(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a full scan of `saved` give the audit of `made`; returns the places that were scanned."""
    scanned: list[str] = []
    audit = run.read(place / "run")
    audit = replace(audit, judge=Judge.load(place / "run"))

    def remember(data: Path, **options: object) -> Audit:
        scanned.append(Path(data).parent.name)
        return audit

    monkeypatch.setattr(updating, "scan", remember)
    return scanned


def test_current_scans_once_and_then_follows(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    first = follow_kept(place / "data", place / "cache")
    assert "judge.npz" in first.files
    put(place / "data", 0, "new.png", 300, given=1)
    second = follow_kept(place / "data", place / "cache")
    third = follow_kept(place / "data", place / "cache")
    assert scanned == ["copy"]
    assert len(second.samples) == 91
    assert third.table("samples") == second.table("samples")
    assert third.decision.recipe["update"]["now"] == 0
    follow_kept(place / "data", place / "cache", seed=1)
    assert scanned == ["copy", "copy"], "other settings are another audit"


def test_current_scans_again_when_people_said_more(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    said = place / "said.csv"
    for text in ("one", "one", "two"):
        said.write_text(text, encoding="utf-8")
        follow_kept(place / "data", place / "cache", verdicts=said)
    assert scanned == ["copy", "copy"]


def test_current_serves_another_checkout(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    follow_kept(place / "data", place / "cache")
    shutil.copytree(place / "data", tmp_path / "elsewhere" / "data")
    audit = follow_kept(tmp_path / "elsewhere" / "data", place / "cache")
    assert scanned == ["copy"]
    assert audit.samples.root == str(tmp_path / "elsewhere" / "data")
    assert audit.settings["source"]["data"] == (tmp_path / "elsewhere" / "data").as_posix()


def test_a_damaged_saved_audit_is_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    first = follow_kept(place / "data", place / "cache")
    first.files["evidence.npz"].write_bytes(b"nothing")
    follow_kept(place / "data", place / "cache")
    assert scanned == ["copy", "copy"]


def test_the_audits_used_longest_ago_go(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(place, monkeypatch)
    monkeypatch.setattr(kept, "KEPT", 2)
    for seed in range(4):
        audit = follow_kept(place / "data", place / "cache", seed=seed)
    folders = [folder for folder in (place / "cache" / "audits").iterdir() if folder.is_dir()]
    assert len(folders) == 2
    assert audit.files["audit.json"].parent in folders


def test_only_what_this_tool_saved_is_deleted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten folders of others, one of which looks like ours, and one of ours into which somebody put a file."""
    keep(place, monkeypatch)
    monkeypatch.setattr(kept, "KEPT", 1)
    audits = place / "cache" / "audits"
    for number in range(9):
        (audits / f"my-holiday-{number}").mkdir(parents=True)
        (audits / f"my-holiday-{number}" / "a.png").write_bytes(b"a")
    shutil.copytree(place / "run", audits / f"{'a' * 16}-{'b' * 16}")
    follow_kept(place / "data", place / "cache", seed=0)
    (own,) = (folder for folder in audits.iterdir() if (folder / kept.MARK).exists())
    (own / "notes.txt").write_text("mine")
    for seed in range(1, 4):
        follow_kept(place / "data", place / "cache", seed=seed)
    names = {folder.name for folder in audits.iterdir() if folder.is_dir()}
    assert {own.name, f"{'a' * 16}-{'b' * 16}", *(f"my-holiday-{number}" for number in range(9))} <= names
    assert len(names) == 12


def test_without_a_cache_current_is_a_scan(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    follow_kept(place / "data", None)
    assert scanned == ["copy"]
    assert not (place / "cache" / "audits").exists()
