"""Tables of leading classes: what they keep, and a scan that holds its class probabilities in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labelaudit
from labelaudit import leading
from labelaudit.errors import DataError
from labelaudit.leading import KEPT, Leading, blocks_of, make_table, sum_by_label, take_rows

CLASSES = 150


@pytest.fixture
def probs() -> np.ndarray:
    raised = np.exp(3 * np.random.default_rng(0).normal(size=(40, CLASSES)).astype(np.float32))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, CLASSES, 40)


@pytest.fixture
def table(probs: np.ndarray, labels: np.ndarray) -> Leading:
    made = Leading(labels, CLASSES)
    for rows in blocks_of(made, 7 * CLASSES):
        made[rows] = probs[rows]
    return made


def test_the_likeliest_classes_and_the_given_one_are_exact(
    table: Leading, probs: np.ndarray, labels: np.ndarray
) -> None:
    best = np.argsort(-probs, axis=1)[:, : KEPT - 1]
    rows = np.arange(len(probs))
    assert np.array_equal(np.take_along_axis(table[:], best, axis=1), np.take_along_axis(probs, best, axis=1))
    assert np.array_equal(table[rows, labels], probs[rows, labels])
    assert np.array_equal(table.argmax(axis=1), probs.argmax(axis=1))


def test_what_is_left_is_spread_evenly(table: Leading, probs: np.ndarray) -> None:
    assert table[:].sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert table.total() == pytest.approx(np.ones(40), abs=1e-6)
    row = table[3]
    others = np.setdiff1d(np.arange(CLASSES), table.classes[3])
    assert row[others] == pytest.approx(probs[3, others].mean(), rel=1e-4)
    assert table[3, others[0]] == row[others[0]]


def test_rows_can_be_taken_scaled_and_summed(table: Leading, labels: np.ndarray) -> None:
    some = np.array([5, 2, 9])
    assert np.array_equal(take_rows(table, some)[:], table[some])
    assert table.scaled(np.full(40, 0.5))[:] == pytest.approx(table[:] / 2)
    assert sum_by_label(table, labels) == pytest.approx(sum_by_label(table[:], labels), abs=1e-6)
    counted = np.arange(40) < 20
    assert sum_by_label(table, labels, counted) == pytest.approx(sum_by_label(table[:], labels, counted), abs=1e-6)
    assert np.array_equal(table.other(table.argmax()), table.classes[:, 1])


def test_parts_that_do_not_fit_are_refused(table: Leading, labels: np.ndarray) -> None:
    parts = {"classes": table.classes, "values": table.values, "rest": table.rest}
    assert np.array_equal(Leading.of(labels, CLASSES, **parts)[:], table[:])
    with pytest.raises(DataError, match="leading classes of shapes"):
        Leading.of(labels[1:], CLASSES, **parts)
    with pytest.raises(DataError, match="must index"):
        Leading.of(labels, CLASSES, **{**parts, "classes": table.classes + CLASSES})


def test_small_tables_are_arrays(labels: np.ndarray) -> None:
    assert isinstance(make_table(labels, CLASSES), np.ndarray)
    assert leading.is_large(1_000_000, 1_000)
    assert not leading.is_large(100_000_000, 10)


def test_a_scan_in_leading_classes_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, classes = np.random.default_rng(0), 70
    truth = rng.integers(0, classes, 1400)
    x = (rng.normal(size=(classes, 24))[truth] * 2 + rng.normal(size=(1400, 24))).astype(np.float32)
    wrong = rng.random(1400) < 0.08
    given = np.where(wrong, (truth + 1 + rng.integers(0, classes - 1, 1400)) % classes, truth)
    np.save(tmp_path / "labels.npy", np.array([f"class {label:02d}" for label in given]))

    def scan(name: str) -> labelaudit.Audit:
        return labelaudit.scan(
            labels=tmp_path / "labels.npy", features=x, output=tmp_path / name, methods=(), effort="quick", html=False
        )

    whole = scan("whole")
    monkeypatch.setattr(leading, "MOST_CELLS", 1000)
    large = scan("large")
    assert isinstance(large.decision.probs, Leading)
    worst = int(wrong.sum())
    found = [set(audit.order[:worst].tolist()) for audit in (whole, large)]
    assert len(found[0] & found[1]) > 0.95 * worst
    assert len(found[1] & set(np.flatnonzero(wrong).tolist())) > 0.9 * worst
    assert large.decision.noise_rate == pytest.approx(whole.decision.noise_rate, abs=0.01)
    again = labelaudit.read_audit(tmp_path / "large")
    assert isinstance(again.decision.probs, Leading)
    assert np.array_equal(again.decision.probs[:], large.decision.probs[:])
    assert again.table("suspects") == large.table("suspects")
