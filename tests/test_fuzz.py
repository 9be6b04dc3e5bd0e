"""Tampered files are read or refused in one line, whatever reads them; benchmarks/fuzz.py does it for longer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz import TARGETS, attack, prepared
from fuzz_targets import CLASSES, audit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelaudit.check.baseline_file import read as read_baseline
from labelaudit.clean.plan_file import read_plan
from labelaudit.data.given import given_features
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, LabelAuditError
from labelaudit.review.exchange import read_answers

SEEDS = 6


@pytest.mark.parametrize("name", TARGETS)
def test_the_untouched_file_is_read(name: str) -> None:
    TARGETS[name].read(prepared(name)[1])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("ignore")  # Pillow and NumPy may warn about damage; what matters is how it ends
def test_a_tampered_file_is_read_or_refused_in_one_line(name: str) -> None:
    faults = {seed: outcome for seed in range(SEEDS) if (outcome := attack(name, seed)) not in ("read", "refused")}
    assert faults == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=12), inside, max_size=4),
    max_leaves=12,
)
READERS: dict[str, Callable[[Path], object]] = {
    "plan.json": lambda file: read_plan(file, audit()),
    "baseline.json": read_baseline,
    "done.json": lambda file: read_answers(audit(), file, file.parent),
    "done.jsonl": lambda file: read_answers(audit(), file, file.parent),
    "rows.jsonl": open_source,
}


@pytest.mark.parametrize("name", READERS)
@given(document=JSON, kept=st.sets(st.integers(0, 6)), value=JSON)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, document: Any, kept: set[int], value: Any
) -> None:
    """Any document, and the right one with one of its values replaced by anything."""
    file = tmp_path_factory.mktemp("json") / name
    if name in TARGETS and document is not None:
        whole = json.loads(prepared(name)[2][prepared(name)[1]])
        for number, key in enumerate(list(whole)):
            if number in kept:
                whole[key] = value
        document = whole
    file.write_text(json.dumps(document), encoding="utf-8")
    with suppress(LabelAuditError):
        READERS[name](file)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((6, 4), 1e38, np.float32), "scale them to at most 1e\\+12"),
        (np.zeros((6, 20_001), np.float32), "20,001 columns are over the limit"),
        (np.full((6, 4), np.nan), "NaN"),
        (np.zeros((6, 4), complex), "real numbers"),
    ],
)
def test_features_that_models_cannot_hold_are_refused(values: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        given_features(values, 6, np.arange(6))


def test_a_header_that_promises_terabytes_is_refused(tmp_path: Path) -> None:
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000), }"
    head = head.ljust(117) + b"\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    with pytest.raises(DataError, match=r"no \.npy file that can be read"):
        given_features(tmp_path / "x.npy", 6, np.arange(6))


def test_a_table_of_two_hundred_thousand_columns_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(",".join(f"c{n}" for n in range(200_000)) + "\n" + "," * 199_999 + "\n")
    with pytest.raises(DataError, match=r"labels\.csv"):
        open_source(tmp_path / "labels.csv")


def test_an_object_of_a_hundred_thousand_keys_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text(json.dumps({f"c{n}": n for n in range(300_000)}) + "\n")
    with pytest.raises(DataError, match=r"labels\.jsonl"):
        open_source(tmp_path / "labels.jsonl")


@pytest.mark.parametrize("name", ["data", "labels.csv", "data.npz", "data.parquet", "x.zip"])
def test_a_pipe_as_a_dataset_hangs_nobody(tmp_path: Path, name: str) -> None:
    import os

    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is a pipe, socket or device"):
        open_source(tmp_path / name)
    assert CLASSES
