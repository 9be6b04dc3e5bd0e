"""Given probabilities: the answer rests on what rows hold, not on where they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pictures import jpeg

from labelaudit import Audit, scan
from labelaudit.judge import noise_fit
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.names import order_by_content

N, CLASSES = 6000, 20


def draw() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Probabilities of a model that is right in nine of ten cases, and labels of which one in ten is wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, N)
    given = np.where(rng.random(N) < 0.1, rng.integers(0, CLASSES, N), true)
    logits = rng.standard_normal((N, CLASSES))
    logits[np.arange(N), true] += rng.normal(4.5, 1.5, N)
    return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32), given


def audit_rows(place: Path, rows: npt.NDArray[np.int64]) -> Audit:
    """The audit of some rows of one set."""
    probs, given = draw()
    np.save(place / "labels.npy", given[rows])
    return scan(labels=place / "labels.npy", probs=probs[rows], effort="quick")


def test_where_cells_rest_on_few_samples_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    probs, given = draw()
    monkeypatch.setattr(noise_fit, "_CELLS", 2000 * CLASSES)
    monkeypatch.setattr(noise_fit, "_SWEPT", 2000 * CLASSES)
    orders = [np.random.default_rng(seed).permutation(N) for seed in range(2)]

    def apart() -> float:
        one, other = (fit_noise_model({"a": probs}, given, order=order).transition for order in orders)
        return float(np.abs(one - other).max())

    by_all = apart()
    monkeypatch.setattr(noise_fit, "TOLD", 0)
    assert by_all < 0.3 * apart()


def test_suspicions_do_not_depend_on_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_fit, "_CELLS", 3000 * CLASSES)  # so that the search sees a part of the samples
    monkeypatch.setattr(noise_fit, "_SWEPT", 4000 * CLASSES)
    rows = np.random.default_rng(1).permutation(N)
    before, after = (audit_rows(tmp_path, order).decision for order in (np.arange(N), rows))
    assert np.abs(after.suspicion - before.suspicion[rows]).max() < 1e-4
    assert (after.is_issue == before.is_issue[rows]).all()


def test_rows_of_one_kind_lie_scattered() -> None:
    labels = np.repeat(np.arange(4), 1000)
    values = np.random.default_rng(0).random((4000, 3), dtype=np.float32)
    order = order_by_content(values, labels)
    assert sorted(order.tolist()) == list(range(4000))
    assert np.bincount(labels[order[:400]], minlength=4).min() > 60
    twisted = np.random.default_rng(1).permutation(4000)
    again = order_by_content(values[twisted], labels[twisted])
    assert (twisted[again] == order).all()


def test_rows_of_images_that_break_while_they_are_embedded_go_with_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for row in range(12):
            pixels = rng.integers(0, 120, (40, 40, 3)) + 120 * (name == "dog")
            (tmp_path / name / f"{row:02}.jpg").write_bytes(jpeg(pixels.astype(np.uint8)))
    broken = tmp_path / "cat" / "03.jpg"
    broken.write_bytes(broken.read_bytes()[:400])
    probs = np.full((24, 2), 0.1, dtype=np.float32)
    probs[:12, 0] = probs[12:, 1] = 0.9 - 0.01 * np.arange(12)  # each row another, so that none takes another's place
    audit = scan(tmp_path, probs=probs / probs.sum(axis=1, keepdims=True), train="features", methods=[], effort="quick")
    assert [finding.path for finding in audit.findings if finding.kind == "truncated"] == ["cat/03.jpg"]
    given = audit.evidence["given"].suspicion
    assert len(given) == 23
    assert given[2:4] == pytest.approx([0.1 / 0.98, 0.1 / 0.96], abs=1e-6)
