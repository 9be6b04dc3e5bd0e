"""Tables of leading classes: what they keep, and a scan that holds its class probabilities in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labelaudit
from labelaudit import leading
from labelaudit.audit import run as runs
from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.blocks import blocks_of, work_on_blocks
from labelaudit.errors import DataError
from labelaudit.judge.belief import believe, judge_groups_together
from labelaudit.judge.consensus import set_suspicion
from labelaudit.judge.decide import decide
from labelaudit.judge.noise_model import UNKNOWN, NoiseModel, apply_noise_model
from labelaudit.judge.pool import pool
from labelaudit.judge.scores import sum_by_label
from labelaudit.judge.standing_out import share_standing_out
from labelaudit.judge.transition import even
from labelaudit.leading import KEPT, Leading, Reordered, Table, find_leading, join_tables, make_table, take_rows
from labelaudit.scoring.rerank import rerank
from labelaudit.types import Samples
from labelaudit.verdicts import Verdict

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
    assert table.values.sum(axis=1) + table.rest == pytest.approx(np.ones(40), abs=1e-6)
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


def test_suspicion_is_set_as_in_a_whole_table(table: Leading, labels: np.ndarray) -> None:
    suspicion = np.linspace(0, 1, 40)
    table[np.array([7])] = np.eye(CLASSES, dtype=np.float32)[labels[[7]]]  # nothing is left for other classes
    moved = table.with_suspicion(suspicion)
    whole = set_suspicion(table[:], labels, suspicion)
    assert moved[:] == pytest.approx(whole, abs=1e-6)
    assert np.array_equal(moved.argmax()[:-1], whole.argmax(axis=1)[:-1])
    assert (np.diff(moved.values, axis=1) <= 0).all()


def test_one_model_of_leading_classes_is_judged_as_its_whole_table(table: Leading, labels: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    matrix = even(0.2, CLASSES)
    some = np.flatnonzero(rng.random(CLASSES) < 0.5)
    matrix[some] = even(0.05, CLASSES)[some]
    known = np.full(40, UNKNOWN)
    known[3], known[4] = labels[3], (labels[4] + 1) % CLASSES
    for slope in (0.0, 0.4):
        found, whole = (
            apply_noise_model({"a": 1.3}, matrix, {"a": one}, labels, known=known, slope=slope, mean_difficulty=-1.0)
            for one in (table, table[:])
        )
        assert isinstance(found.posterior, Leading)
        assert found.probs[:] == pytest.approx(whole.probs, abs=1e-6)
        assert found.posterior[:] == pytest.approx(whole.posterior, abs=2e-3), "others than the kept ones err alike"
        assert found.loss == pytest.approx(whole.loss, abs=2e-3)
        assert np.array_equal(found.posterior[np.array([3, 4]), known[3:5]], np.ones(2))
    pooled = [pool({"a": one}, labels).probs[:] for one in (table, table[:])]
    assert pooled[0] == pytest.approx(pooled[1], abs=1e-6)


def test_tables_are_joined_as_the_first_one_is(table: Leading, probs: np.ndarray) -> None:
    more = np.random.default_rng(2).dirichlet(np.ones(CLASSES), 5).astype(np.float32)
    given = np.arange(5)
    joined = join_tables(table, more, given)
    assert isinstance(joined, Leading)
    assert np.array_equal(joined[:40], table[:])
    assert np.array_equal(joined[np.arange(40, 45), given], more[given, given])
    assert np.array_equal(join_tables(table, joined.take(np.arange(40, 45)), given)[:], joined[:])
    assert np.array_equal(join_tables(probs, more, given), np.concatenate([probs, more]))


def test_an_audit_in_leading_classes_stays_so_when_it_is_ranked_anew(
    table: Leading, labels: np.ndarray, tmp_path: Path
) -> None:
    names = tuple(f"class {number:03d}" for number in range(CLASSES))
    samples = Samples(
        ids=tuple(f"{row}.png" for row in range(40)),
        labels=labels,
        classes=names,
        digests=tuple(f"{row:032x}" for row in range(40)),
    )

    def audit_of(probs: Table) -> Audit:
        noise = NoiseModel(weights={}, transition=np.eye(CLASSES), probs=probs, posterior=probs, loss=0.0)
        counts = np.full(CLASSES, 9)
        decision = decide(believe(noise, labels, digests=samples.digests, counts=counts), names, threshold=0.5)
        return Audit(samples=samples, decision=decision, evidence={})

    def judge(row: int, right: str) -> Verdict:
        about = {"path": samples.ids[row], "digest": samples.digests[row], "given_label": names[labels[row]]}
        return Verdict(**about, verdict="other", new_label=right, reviewer="ann")

    said = [judge(row, names[(labels[row] + 1) % CLASSES]) for row in range(3)]
    sparse, whole = (rerank(audit_of(probs), said).audit for probs in (table, table[:]))
    assert isinstance(sparse.decision.probs, Leading)
    assert sparse.decision.suspicion == pytest.approx(whole.decision.suspicion, abs=1e-5)
    assert np.array_equal(sparse.decision.predicted, whole.decision.predicted)
    assert sparse.decision.noise_matrix == pytest.approx(whole.decision.noise_matrix, abs=1e-4)
    assert np.array_equal(sparse.decision.probs[:3], whole.decision.probs[:3]), "what people said is certain"
    runs.write(sparse, tmp_path / "run")
    back = labelaudit.read_audit(tmp_path / "run")
    assert isinstance(back.evidence[BEFORE_REVIEW].probs, Leading)
    assert back.evidence[BEFORE_REVIEW].probs[:] == pytest.approx(table[:], abs=1e-6)
    again = rerank(back, said).audit
    assert again.decision.suspicion == pytest.approx(sparse.decision.suspicion, abs=1e-6)


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


@pytest.mark.parametrize("classes", [64, 1000])
def test_the_leading_classes_are_those_of_a_stable_sort(classes: int) -> None:
    block = np.random.default_rng(0).dirichlet(np.full(classes, 0.2), 50).astype(np.float32)
    block[:, ::3] = block[:, ::3].round(2)  # many are equal
    order = np.argsort(-block, axis=1, kind="stable")[:, :KEPT]
    found, values = find_leading(block)
    assert np.array_equal(found, order)
    assert np.array_equal(values, np.take_along_axis(block, order, axis=1))


def test_the_mean_of_two_tables_is_that_of_whole_ones(table: Leading, labels: np.ndarray) -> None:
    raised = np.exp(2 * np.random.default_rng(2).normal(size=(40, CLASSES)).astype(np.float32))
    other = Leading(labels, CLASSES)
    other[:] = raised / raised.sum(axis=1, keepdims=True)
    wrong = np.linspace(0.01, 0.99, 40)
    blended = Leading(labels, CLASSES)
    for rows in slice(0, 25), slice(25, 40):
        blended.blend(rows, table, other, 0.3, wrong[rows])
    whole = set_suspicion(table[:] ** 0.7 * other[:] ** 0.3, labels, wrong)
    wanted = Leading(labels, CLASSES)
    wanted[:] = whole
    assert blended[:] == pytest.approx(wanted[:], abs=1e-6)
    assert np.array_equal(blended.argmax(), whole.argmax(axis=1))


def test_a_label_and_all_others_are_told_apart_to_the_last_digit(table: Leading, labels: np.ndarray) -> None:
    asked = np.where(np.arange(40) % 2, labels, table.classes[:, 0])
    asked[:3] = [np.setdiff1d(np.arange(CLASSES), table.classes[row])[0] for row in range(3)]
    own, others = table.others(asked)
    assert own == pytest.approx(table[np.arange(40), asked], rel=1e-6)
    assert own + others == pytest.approx(table.values.sum(axis=1) + table.rest, abs=1e-6)


def test_equal_classes_are_kept_in_their_order() -> None:
    table = Leading(np.array([3, 149]), CLASSES)
    table[:] = np.full((2, CLASSES), 1 / CLASSES, dtype=np.float32)
    assert table.classes.tolist() == [list(range(KEPT)), [*range(KEPT - 1), 149]]


def test_labels_stand_out_as_in_a_whole_table(table: Leading) -> None:
    labels = np.where(np.arange(40) % 4, table.argmax(), table.labels)
    for planted in (0.25, 0.5):
        assert share_standing_out(table, labels, planted) == share_standing_out(table[:], labels, planted)


def test_rows_in_another_order_are_those_of_the_array(probs: np.ndarray) -> None:
    order = np.random.default_rng(3).permutation(40)
    view = Reordered(order, probs)
    assert (len(view), view.shape) == (40, probs.shape)
    assert np.array_equal(view[5:9], probs[order[5:9]])
    assert np.array_equal(view[np.array([7, 1])], probs[order[[7, 1]]])


def test_groups_and_copies_are_judged_together_as_in_whole_tables(probs: np.ndarray, labels: np.ndarray) -> None:
    kept = Leading(labels, CLASSES)
    kept[:] = probs
    labels[1::2] = labels[::2]
    labels[1] = (labels[0] + 1) % CLASSES
    groups = np.arange(40) // 2
    whole, part = (judge_groups_together(table, labels, groups, table) for table in (kept[:], kept))
    assert part[:].argmax(axis=1).tolist() == whole.argmax(axis=1).tolist()
    assert part[:] == pytest.approx(whole, abs=0.02)
    digests = ["twice", "twice", *map(str, range(38))]
    for table in (kept, probs):
        noise = NoiseModel(weights={}, transition=even(0.1, CLASSES), probs=table, posterior=table, loss=0.0)
        decision = decide(believe(noise, labels, digests=digests), [str(name) for name in range(CLASSES)])
        assert decision.probs[0] == pytest.approx(decision.probs[1], abs=1e-6)


@pytest.mark.parametrize("rows", [0, 1, 7, 40])
def test_every_row_is_worked_on_once(rows: int) -> None:
    table, seen = np.zeros((rows, 3), dtype=np.float32), np.zeros(rows, dtype=np.int64)

    def work(some: slice) -> None:
        seen[some] += 1

    work_on_blocks(work, table, 21)
    assert (seen == 1).all()


def test_an_error_in_a_block_is_not_lost() -> None:
    def work(some: slice) -> None:
        if some.start:
            raise ValueError("the second block")

    with pytest.raises(ValueError, match="the second block"):
        work_on_blocks(work, np.zeros((40, 3), dtype=np.float32), 21)
