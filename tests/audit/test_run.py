"""The RUN folder: round trip, whole or not at all, nobody's file lost."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from audits import make_audit, make_decision, make_samples

from labelaudit import read_audit
from labelaudit.audit import parquet, run
from labelaudit.audit.document import Audit
from labelaudit.errors import RunError
from labelaudit.files import sibling
from labelaudit.text import cell
from labelaudit.types import Evidence

NAMES = {"suspects.csv", "samples.csv", "summary.json", "audit.json", "evidence.npz"}
WRITERS = {"csv.write", "json.write_summary", "json.write_audit", "npz.write"}


def assert_same(left: object, right: object) -> None:
    """Equality of dataclasses that hold arrays: same dtypes, same bits."""
    for part in fields(left):  # type: ignore[arg-type]
        a, b = getattr(left, part.name), getattr(right, part.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, part.name
            np.testing.assert_array_equal(a, b)
        elif part.name == "columns":
            assert list(a) == list(b)
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])
        else:
            assert a == b, part.name


def assert_same_audit(left: Audit, right: Audit) -> None:
    assert_same(left.samples, right.samples)
    assert_same(left.decision, right.decision)
    assert list(left.evidence) == list(right.evidence)
    for name in left.evidence:
        assert_same(left.evidence[name], right.evidence[name])
    assert left.summary() == right.summary()
    assert left.table("samples") == right.table("samples")


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_round_trip(tmp_path: Path) -> None:
    extra = {"who": ("Ann", "Böb", "", "\n", '"', ",")}
    audit = make_audit(samples=make_samples(splits=tuple("ttvvee"), extra=extra))
    files = run.write(audit, tmp_path / "new" / "run")
    assert set(files) == entries(tmp_path / "new" / "run") == NAMES
    assert all(path.is_file() for path in files.values())
    assert entries(tmp_path / "new") == {"run"}
    back = read_audit(tmp_path / "new" / "run")
    assert_same_audit(audit, back)
    assert back.files == files


def test_round_trip_of_undecodable_names_and_unknown_rates(tmp_path: Path) -> None:
    name = os.fsdecode(b"cat/\xff.png")
    decision = make_decision(noise_rate=math.nan, noise_interval=(math.nan, math.nan))
    audit = make_audit(samples=make_samples(ids=(name, "b", "c", "d", "e", "f")), decision=decision)
    run.write(audit, tmp_path / "run")
    back = read_audit(tmp_path / "run")
    assert back.samples.ids[0] == name
    assert math.isnan(back.decision.noise_rate)
    assert json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))["noise"]["rate"] is None
    assert r"cat/\udcff.png" in (tmp_path / "run" / "samples.csv").read_text("utf-8")


def test_same_audit_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run.write(make_audit(), tmp_path / name)
    for file in NAMES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_csv_reads_back_as_the_table(tmp_path: Path) -> None:
    audit = make_audit()
    files = run.write(audit, tmp_path / "run")
    pd.testing.assert_frame_equal(
        pd.read_csv(files["samples.csv"], keep_default_na=False), audit.table("samples", as_="pandas"), rtol=1e-5
    )
    assert len(pd.read_csv(files["suspects.csv"])) == 2
    assert b"\r" not in files["samples.csv"].read_bytes()


def test_csv_in_blocks_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write(make_audit(), tmp_path / "a")
    monkeypatch.setattr("labelaudit.audit.csv._BLOCK", 2)
    run.write(make_audit(), tmp_path / "b")
    assert (tmp_path / "a" / "samples.csv").read_bytes() == (tmp_path / "b" / "samples.csv").read_bytes()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cells_that_a_spreadsheet_would_execute_are_neutralised(start: str, tmp_path: Path) -> None:
    danger = f"{start}cmd|' /C calc'!A0"
    audit = make_audit(
        samples=make_samples(
            ids=(danger, *"bcdef"), classes=(f"{start}cat", "dog", "owl"), extra={f"{start}note": (danger,) * 6}
        ),
        decision=make_decision(reasons=("", danger, "", "", "", "")),
    )
    files = run.write(audit, tmp_path / "run")
    with files["samples.csv"].open(encoding="utf-8", newline="") as file:
        cells = [value for row in csv.reader(file) for value in row]
    assert not any(value.startswith(start) for value in cells)
    assert cells.count(f"'{danger}") == 8
    assert read_audit(tmp_path / "run").samples.ids[0] == danger


def test_line_ends_inside_cells_stay_as_they_are(tmp_path: Path) -> None:
    audit = make_audit(samples=make_samples(extra={"note": ("a\r\nb", "a\rb", "a\nb", "c", "d", "e")}))
    files = run.write(audit, tmp_path / "run")
    with files["samples.csv"].open(encoding="utf-8", newline="") as file:
        notes = {row["note"] for row in csv.DictReader(file)}
    assert notes == {"a\r\nb", "a\rb", "a\nb", "c", "d", "e"}


@pytest.mark.parametrize("name", ['a, "b"', '"', "a,b", "a\r\nb", "a\nb", "a b", "'", ""])
def test_cells_stand_in_quotes_where_csv_wants_them(name: str, tmp_path: Path) -> None:
    audit = make_audit(samples=make_samples(extra={"note": (name, *"bcdef")}))
    run.write(audit, tmp_path / "run")
    columns = audit.columns(audit.order)
    with (tmp_path / "wanted.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    assert (tmp_path / "run" / "samples.csv").read_bytes() == (tmp_path / "wanted.csv").read_bytes()


def test_numbers_in_cells_are_left_alone() -> None:
    assert [cell(value) for value in (-1, "-1", "+2.5e-3", -0.5, 1e-9, False)] == [
        "-1",
        "-1",
        "+2.5e-3",
        "-0.5",
        "1e-09",
        "False",
    ]
    assert cell("-1+1") == "'-1+1"


def test_a_new_scan_replaces_ours_and_keeps_what_people_put_there(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run.write(make_audit(), folder)
    (folder / "verdicts.csv").write_text("path,verdict\n", encoding="utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("mine", encoding="utf-8")
    (folder / "link").symlink_to("nowhere")
    run.write(make_audit(seed=9), folder)
    assert read_audit(folder).seed == 9
    assert (folder / "verdicts.csv").read_text(encoding="utf-8") == "path,verdict\n"
    assert (folder / "notes" / "a.txt").read_text(encoding="utf-8") == "mine"
    assert (folder / "link").is_symlink()
    assert entries(tmp_path) == {"run"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize("writer", sorted(WRITERS))
def test_a_failed_write_leaves_the_earlier_run(
    writer: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    run.write(make_audit(), folder)
    before = {name: (folder / name).read_bytes() for name in NAMES}

    def fail(audit: Audit, *place: Any, **_: object) -> None:
        place[-1].write_text("half", encoding="utf-8")
        raise error

    monkeypatch.setattr(f"labelaudit.audit.{writer}", fail)
    with pytest.raises(RunError if isinstance(error, OSError) else type(error)):
        run.write(make_audit(seed=9), folder)
    assert {name: (folder / name).read_bytes() for name in NAMES} == before
    assert entries(tmp_path) == {"run"}


def test_a_failed_first_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(RunError, match=r"No space left on device\): nothing was written"):
        run.write(make_audit(), tmp_path / "run")
    assert entries(tmp_path) == set()


def test_a_failed_swap_puts_the_earlier_run_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    run.write(make_audit(), folder)
    rename = Path.rename

    def fail_second(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(RunError, match=r"Input/output error.*earlier result is untouched"):
        run.write(make_audit(seed=9), folder)
    assert read_audit(folder).seed == 3
    assert entries(tmp_path) == {"run"}


@pytest.mark.parametrize("then", ["read", "write"])
def test_a_swap_that_was_killed_in_the_middle_is_put_right(then: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run.write(make_audit(), folder)
    (folder / "verdicts.csv").write_text("mine", encoding="utf-8")
    folder.rename(tmp_path / ".run.previous")
    if then == "write":
        run.write(make_audit(seed=9), folder)
    assert read_audit(folder).seed == (9 if then == "write" else 3)
    assert (folder / "verdicts.csv").read_text(encoding="utf-8") == "mine"
    assert entries(tmp_path) == {"run"}


def test_what_killed_runs_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    (tmp_path / ".run.0123abcd.partial").mkdir()
    (tmp_path / ".run.0123abcd.partial" / "suspects.csv").write_text("path", encoding="utf-8")
    (tmp_path / ".other.0123abcd.partial").mkdir()
    with sibling(tmp_path / "run") as busy:
        run.write(make_audit(), tmp_path / "run")
        assert entries(tmp_path) == {"run", busy.name, ".other.0123abcd.partial"}
    assert entries(tmp_path) == {"run", ".other.0123abcd.partial"}


def test_a_folder_that_another_run_deletes_meanwhile_stops_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / ".run.0123abcd.partial"
    monkeypatch.setattr("labelaudit.files.partials", lambda place: (gone,))
    run.write(make_audit(seed=7), tmp_path / "run")
    assert read_audit(tmp_path / "run").seed == 7


def test_method_names_may_share_a_beginning(tmp_path: Path) -> None:
    audit = make_audit(
        evidence={
            name: Evidence(method=name, suspicion=np.full(6, value), columns={"omega": np.full(6, value)})
            for name, value in (("sln", 0.1), ("sln2", 0.2))
        }
    )
    run.write(audit, tmp_path / "run")
    assert_same_audit(audit, read_audit(tmp_path / "run"))


@pytest.mark.parametrize("block", [3, 65_536])
def test_a_large_run_holds_its_samples_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    audit = make_audit()
    monkeypatch.setattr(parquet, "MOST_AS_TEXT", len(audit.samples) - 1)
    monkeypatch.setattr(parquet, "_GROUP", block)
    files = run.write(audit, tmp_path / "run")
    assert list(files)[:2] == ["suspects.csv", "samples.parquet"]
    assert not (tmp_path / "run" / "samples.csv").exists()
    pd.testing.assert_frame_equal(
        pd.read_parquet(files["samples.parquet"]), audit.table("samples", as_="pandas"), check_dtype=False
    )
    assert read_audit(tmp_path / "run").files["samples.parquet"] == files["samples.parquet"]
    monkeypatch.setattr(parquet, "MOST_AS_TEXT", len(audit.samples))
    run.write(audit, tmp_path / "run")  # a smaller one in its place leaves nothing of it
    assert not (tmp_path / "run" / "samples.parquet").exists()


def test_what_was_not_measured_is_nothing_in_parquet(tmp_path: Path) -> None:
    found = Evidence(
        method="sln",
        suspicion=np.full(6, 0.25),
        columns={"omega": np.array([np.nan, *range(5)]), "medoid": np.arange(6) > 3},
        tables={"shown": {name: {"worse": "high", "says": ""} for name in ("omega", "medoid")}},
    )
    audit = make_audit(evidence={"sln": found})
    parquet.write_samples(audit, tmp_path / "samples.parquet")
    read = pq.read_table(tmp_path / "samples.parquet").to_pydict()
    assert read == audit.columns(audit.order)
    assert read["omega"].count(None) == 1


def test_a_name_that_is_no_valid_utf8_does_not_stop_a_large_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = make_audit(samples=make_samples(ids=["cat/\udcff.png", *make_samples().ids[1:]]))
    monkeypatch.setattr(parquet, "MOST_AS_TEXT", 1)
    files = run.write(audit, tmp_path / "run")
    assert r"cat/\udcff.png" in set(pd.read_parquet(files["samples.parquet"])["path"])
