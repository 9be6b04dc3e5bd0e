"""A damaged, foreign or newer RUN is refused by one line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import make_audit, make_decision

from labelaudit import read_audit
from labelaudit.audit import run
from labelaudit.data.ingest import digest, digest_file
from labelaudit.errors import RunError


def test_reading_what_is_no_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"not a RUN folder \(no audit.json\): make one with `labelaudit scan`"):
        read_audit(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("audit.json", b""),
        ("audit.json", b"[]"),
        ("audit.json", b"{}"),
        ("audit.json", b"\xff\xfe"),
        ("audit.json", b'{"schema_version": "1"}'),
        ("audit.json", b'{"schema_version": 2, "classes": 3}'),
        ("evidence.npz", b""),
        ("evidence.npz", b"PK\x03\x04 half"),
        ("evidence.npz", None),
    ],
)
def test_a_damaged_run_is_one_line(file: str, content: bytes | None, tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")[file]
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"run is damaged .*: run `labelaudit scan` again") as caught:
        read_audit(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_truncated_evidence_is_damage(tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["evidence.npz"]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RunError, match="damaged"):
        read_audit(tmp_path / "run")


def test_evidence_with_pickled_objects_is_damage(tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["evidence.npz"]
    with path.open("wb") as file:
        np.savez(file, **{"decision/suspicion": np.array([object()])})
    seal(tmp_path / "run")
    with pytest.raises(RunError, match=r"damaged .*is cut off or of Python objects"):
        read_audit(tmp_path / "run")


def seal(folder: Path) -> None:
    """Let audit.json vouch for whatever lies beside it, as who tampers with a RUN on purpose would."""
    path = folder / "audit.json"
    text = path.read_text(encoding="utf-8")
    there = {name: digest_file(folder / name) for name in ("evidence.npz", "judge.npz") if (folder / name).exists()}
    body = text[: text.index('"companions"')] + f'"companions": {json.dumps(there)}'
    path.write_text(f'{body},\n"checksum": "{digest(body.encode())}"\n}}\n', encoding="utf-8")


@pytest.mark.parametrize("name", ["evidence.npz", "judge.npz"])
def test_a_part_of_another_run_is_damage(name: str, tmp_path: Path) -> None:
    for place, seed in (("run", 0), ("other", 1)):
        suspicion = np.full(6, 0.1 + seed / 2)
        run.write(make_audit(decision=make_decision(suspicion=suspicion)), tmp_path / place)
        if place == "other" or name == "evidence.npz":
            (tmp_path / place / "judge.npz").write_bytes(b"no judge")
            seal(tmp_path / place)
    shutil.copy(tmp_path / "other" / name, tmp_path / "run" / name)
    with pytest.raises(RunError, match=rf"damaged .*{name} is not the file that was written with audit\.json"):
        read_audit(tmp_path / "run")


@pytest.mark.parametrize(("old", "new"), [("cat/z.png", "cat/x.png"), ('"dog"', '"cow"'), ("0.4", "0.0")])
def test_a_few_changed_characters_are_damage(old: str, new: str, tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["audit.json"]
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RunError, match=r"damaged .*audit\.json was changed since it was written"):
        read_audit(tmp_path / "run")


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        (
            {"schema_version": 1},
            "run was made by an earlier labelaudit: run .* again; its verdicts are kept$",
        ),
        ({"checksum": None}, r"damaged \(audit\.json was changed since it was written\)"),
    ],
)
def test_a_run_of_an_earlier_labelaudit_is_called_one(
    tmp_path: Path, earlier: dict[str, int | None], said: str
) -> None:
    path = run.write(make_audit(), tmp_path / "run")["audit.json"]
    parts = json.loads(path.read_text(encoding="utf-8")) | earlier
    path.write_text(json.dumps({name: part for name, part in parts.items() if part is not None}), encoding="utf-8")
    with pytest.raises(RunError, match=said):
        read_audit(tmp_path / "run")


def test_every_flipped_byte_of_a_run_is_damage(tmp_path: Path) -> None:
    files = run.write(make_audit(), tmp_path / "run")
    draw = np.random.default_rng(0)
    for name in ("audit.json", "evidence.npz"):
        whole = files[name].read_bytes()
        for place in draw.integers(0, len(whole), 60).tolist():
            files[name].write_bytes(
                whole[:place] + bytes([whole[place] ^ 1 << int(draw.integers(8))]) + whole[place + 1 :]
            )
            with pytest.raises(RunError, match=r"damaged|newer"):
                read_audit(tmp_path / "run")
        files[name].write_bytes(whole)
    read_audit(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("suspicion", np.full(6, np.nan)),
        ("suspicion", np.full(6, 2.0)),
        ("suspicion", np.zeros((6, 1))),
        ("probs", np.full((6, 3), np.inf, np.float32)),
        ("predicted", np.full(6, 7)),
        ("predicted", np.full(6, 0.5)),
        ("is_issue", np.full(6, "x")),
    ],
)
def test_numbers_that_pass_every_limit_are_damage(name: str, value: Any, tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["evidence.npz"]
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, allow_pickle=False, **{**arrays, f"decision/{name}": value})
    seal(tmp_path / "run")
    with pytest.raises(RunError, match=f"damaged .*decision: .*{name}"):
        read_audit(tmp_path / "run")


def test_a_pipe_in_a_run_is_damage_and_hangs_nobody(tmp_path: Path) -> None:
    for name in ("audit.json", "evidence.npz", "judge.npz"):
        path = run.write(make_audit(), tmp_path / name)["audit.json"].with_name(name)
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        with pytest.raises(
            RunError, match="not a RUN folder" if name == "audit.json" else "it is a folder, a pipe or a device"
        ):
            read_audit(tmp_path / name)


def test_a_run_from_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["audit.json"]
    path.write_text(
        path.read_text(encoding="utf-8").replace('"schema_version": 2', '"schema_version": 99'), encoding="utf-8"
    )
    with pytest.raises(RunError, match=r"newer labelaudit \(schema 99.*pip install -U labelaudit"):
        read_audit(tmp_path / "run")


def test_texts_that_are_cut_elsewhere_are_damage(tmp_path: Path) -> None:
    path = run.write(make_audit(), tmp_path / "run")["evidence.npz"]
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["samples/ids/lengths"][0] += 1
    np.savez(path, allow_pickle=False, **arrays)
    seal(tmp_path / "run")
    with pytest.raises(RunError, match=r"damaged .*texts of 55 bytes, but 54 are there"):
        read_audit(tmp_path / "run")


def test_a_mistake_of_the_program_is_not_called_damage_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise NameError("ours")

    run.write(make_audit(), tmp_path / "run")
    monkeypatch.setattr("labelaudit.audit.json.build_audit", build)
    with pytest.raises(NameError, match="ours"):
        read_audit(tmp_path / "run")
