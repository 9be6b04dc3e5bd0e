"""``groups.csv``: one row per group, worst first, and no file where every sample stands alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from audits import make_audit, make_samples

from labelaudit.audit.groups import COLUMNS, list_groups
from labelaudit.audit.run import read, write


def test_a_row_per_group(tmp_path: Path) -> None:
    digests = make_samples().digests
    audit = make_audit(samples=make_samples(groups=("patient 1", "patient 1", digests[2], "=x", "=x", "=x")))
    rows = list_groups(audit)
    assert [(row["group"], row["samples"], row["flagged"], row["labels"]) for row in rows] == [
        ("=x", 3, 1, 2),
        ("patient 1", 2, 1, 1),
    ]
    assert rows[1]["label_score"] == pytest.approx(1 - (0.1 + 0.97) / 2)
    files = write(audit, tmp_path / "RUN")
    with files["groups.csv"].open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert tuple(written[0]) == COLUMNS
    assert written[0]["group"] == "'=x"
    back = read(tmp_path / "RUN")
    assert back.samples.groups == audit.samples.groups
    assert list_groups(back) == rows
    write(make_audit(), tmp_path / "RUN")
    assert not (tmp_path / "RUN" / "groups.csv").exists()


def test_a_group_of_copies_is_called_by_its_first_path() -> None:
    digest = make_samples().digests[3]
    groups = (*make_samples().digests[:3], digest, digest, make_samples().digests[5])
    assert [row["group"] for row in list_groups(make_audit(samples=make_samples(groups=groups)))] == ["dog/d.png"]


def test_samples_alone_make_no_groups() -> None:
    assert list_groups(make_audit()) == []
    twins = make_samples(digests=("0" * 32, "0" * 32, *make_samples().digests[2:]))
    assert list_groups(make_audit(samples=twins)) == []
