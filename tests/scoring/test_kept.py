"""Audits kept in the cache: found again, followed, made anew where damaged, and cleared away."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scored_folders import SHORT, put

from labelaudit.audit import run
from labelaudit.audit.document import Audit
from labelaudit.data.source import Source
from labelaudit.judge.judge import Judge
from labelaudit.machine import Machine
from labelaudit.scanning.scan import accept_classes
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scoring import kept
from labelaudit.scoring import update as updating
from labelaudit.scoring.kept import scan_or_update


def follow_kept(
    data: Path, cache: Path | None, *, seed: int = 0, notice: Callable[[str], None] = lambda _: None
) -> Audit:
    settings = ScanSettings(effort="quick", train="features", methods=("limit",), options=SHORT, seed=seed)
    machine = Machine(cache=cache, device="cpu", notice=notice)
    return scan_or_update(Source(data=data), settings, machine, accept_classes)


def keep(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a full scan of `saved` give the audit of `made`; returns the places that were scanned."""
    scanned: list[str] = []
    audit = run.read(place / "run")
    audit = replace(audit, judge=Judge.load(place / "run"))

    def remember(source: Source, *settings: object, **options: object) -> Audit:
        scanned.append(Path(source.data).parent.name)
        return audit

    monkeypatch.setattr(updating, "scan_source", remember)
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


def test_current_serves_another_checkout(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = keep(place, monkeypatch)
    follow_kept(place / "data", place / "cache")
    shutil.copytree(place / "data", tmp_path / "elsewhere" / "data")
    audit = follow_kept(tmp_path / "elsewhere" / "data", place / "cache")
    assert scanned == ["copy"]
    assert audit.samples.root == str(tmp_path / "elsewhere" / "data")
    assert audit.settings["source"]["data"] == (tmp_path / "elsewhere" / "data").as_posix()


def test_nothing_is_said_of_the_audit_of_another_dataset(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned, heard = keep(place, monkeypatch), list[str]()
    follow_kept(place / "data", place / "cache", notice=heard.append)
    for i in range(20):
        put(tmp_path / "other" / "pets", i % 2, f"{i}.png", 500 + i)
    follow_kept(tmp_path / "other" / "pets", place / "cache", notice=heard.append)
    assert scanned == ["copy", "other"]
    assert not [line for line in heard if line.startswith("Scanning everything")]


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
