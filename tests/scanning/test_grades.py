"""Classes that are grades: labels many steps off come first; the order is offered where names and models show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from labelaudit import Audit, OptionError, read_audit, scan
from labelaudit.context.grades import note_order, settle_order
from labelaudit.machine import Machine
from labelaudit.scoring.update import NeedsScan, try_update

FAST: dict[str, Any] = {"methods": [], "effort": "quick"}


def write_grades(folder: Path, names: tuple[str, ...], n: int = 300) -> tuple[Path, Any, Any]:
    """A table of grades that lie on a bow, features, and how many steps each label is off: every sixth by one, which
    is taste, every twentieth by more."""
    rng = np.random.default_rng(1)
    truth = np.arange(n) % len(names)
    angle = (truth + rng.normal(0, 0.35, n)) * np.pi / len(names)
    x = np.stack([np.cos(angle), np.sin(angle), *rng.normal(0, 0.3, (6, n))], axis=1).astype(np.float32)
    given = truth.copy()
    near, far = np.split(rng.permutation(n)[: n // 6 + n // 20], [n // 6])
    given[near] = np.clip(given[near] + rng.choice([-1, 1], len(near)), 0, len(names) - 1)
    given[far] = (given[far] + rng.integers(2, len(names) - 1, len(far))) % len(names)
    lines = "".join(f"s{row},{names[label]}\n" for row, label in enumerate(given))
    (folder / "labels.csv").write_text("path,label\n" + lines, encoding="utf-8")
    return folder / "labels.csv", x, np.abs(given - truth)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Audit, Audit, Path]:
    """How many steps each label is off, the plain audit, the one by grades, and the table."""
    folder = tmp_path_factory.mktemp("grades")
    labels, x, off = write_grades(folder, ("1", "2", "3", "4", "5"))
    plain = scan(labels=labels, features=x, **FAST)
    graded = scan(labels=labels, features=x, ordinal=True, output=folder / "RUN", html=False, **FAST)
    return off, plain, graded, folder


def test_gross_errors_come_first(made: tuple[Any, Audit, Audit, Path]) -> None:
    off, plain, graded, _ = made
    before, now = (average_precision_score(off > 1, audit.decision.suspicion) for audit in (plain, graded))
    assert now > 0.85
    assert now > before + 0.05


def test_the_order_is_offered_and_kept(made: tuple[Any, Audit, Audit, Path]) -> None:
    _, plain, graded, folder = made
    assert any("`ordinal`" in note for note in plain.notes)
    assert not any("`ordinal`" in note for note in graded.notes)
    assert "steps_off" not in plain.evidence
    again = read_audit(folder / "RUN")
    assert again.settings["ordinal"] is True
    assert again.order.tolist() == graded.order.tolist()
    sure = graded.decision.is_sure
    assert not (sure & ~plain.decision.is_sure).any(), "what is sure by steps is sure anyway"
    assert set(graded.order[: sure.sum()].tolist()) == set(np.flatnonzero(sure).tolist())
    assert "steps_off" in again.evidence


def test_an_update_does_not_mix_two_orders(made: tuple[Any, Audit, Audit, Path]) -> None:
    _, _, graded, folder = made
    seen = read_audit(folder / "RUN")
    with pytest.raises(NeedsScan, match="grades"):
        try_update(replace(seen, settings={**seen.settings, "features": False}), graded.samples, Machine())


def test_names_that_only_happen_to_be_numbers_are_not_offered_an_order() -> None:
    """Digits are not graded: models take 1 for 7, not for 2."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 5
    probs = np.full((200, 5), 0.02)
    probs[np.arange(200), labels] = 0.8
    probs[np.arange(200), (labels + 2) % 5] += 0.12
    assert not note_order(["0", "1", "2", "3", "4"], probs, labels)
    near = np.exp(-2.0 * np.abs(labels[:, None] - np.arange(5)) + rng.normal(0, 0.1, (200, 5)))
    near /= near.sum(axis=1, keepdims=True)
    assert note_order(["0", "1", "2", "3", "4"], near, labels)
    assert not note_order(["cat", "dog", "cow", "pig", "hen"], near, labels)


def test_three_indices_are_no_grades_by_chance() -> None:
    """One order in three fits: 0, 1 and 2 are what every program calls three classes."""
    labels = np.arange(90) % 3
    near = np.exp(-2.0 * np.abs(labels[:, None] - np.arange(3)))
    near /= near.sum(axis=1, keepdims=True)
    assert not note_order(["0", "1", "2"], near, labels)
    assert note_order(["grade 0", "grade 1", "grade 2"], near, labels)


@pytest.mark.parametrize(("count", "offered"), [(60, True), (300, False)])
def test_hundreds_of_classes_are_not_offered_as_grades(count: int, offered: bool) -> None:
    near = 0.8 * np.eye(count) + 0.2 * np.roll(np.eye(count), 1, axis=1)
    assert bool(note_order([str(number) for number in range(count)], near, np.arange(count))) == offered


@pytest.mark.parametrize("classes", [("cat", "dog", "pig"), ("1", "2")])
def test_classes_without_an_order_are_refused_with_what_to_do(classes: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match=r"`classes`|3 classes or more"):
        settle_order(classes)
