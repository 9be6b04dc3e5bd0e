"""Datasets as they are, end to end: what a scan of them must not say, and what it must find."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

from labelaudit.audit.document import Audit
from labelaudit.audit.groups import list_groups
from labelaudit.check import judge_gate
from labelaudit.check.policy import Policy
from labelaudit.scanning.scan import scan
from labelaudit.types import Bools, Floats, Ints

CLASSES = ("cat", "dog", "owl")
PATIENTS = 60


def patients(seed: int, spread: float, frames: int) -> tuple[Floats, Ints]:
    """Vectors of frames of patients of three classes, and the true class of each frame."""
    draw = np.random.default_rng(seed)
    truth = np.arange(PATIENTS) % 3
    center = 1.2 * draw.normal(size=(3, 24))[truth]
    own = np.repeat(center + draw.normal(size=center.shape), frames, axis=0)
    return np.float32(own + spread * draw.normal(size=own.shape)), np.repeat(truth, frames)


def audit(
    place: Path, values: Floats, labels: Ints, columns: dict[str, Sequence[object]] | None = None, **how: object
) -> Audit:
    """The scan of a table of labels with features."""
    table = place / "labels.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", *(columns or {})])
        for row, label in enumerate(labels.tolist()):
            writer.writerow(
                [f"x{row * 7919 % 100003}", CLASSES[label], *(column[row] for column in (columns or {}).values())]
            )
    return scan(labels=table, features=values, methods=(), effort="quick", **how)  # type: ignore[arg-type]


def misled(truth: Ints, frames: int) -> tuple[Ints, Bools]:
    """Labels of which those of every tenth patient are wrong."""
    wrong = np.arange(len(truth)) // frames % 10 == 0
    return np.where(wrong, (truth + 1) % 3, truth), wrong


def precision(found: Audit, wrong: Bools) -> float:
    return float(average_precision_score(wrong, found.decision.suspicion))


def test_each_image_twice_hides_no_wrong_label(tmp_path: Path) -> None:
    values, truth = patients(0, 0.01, 2)
    labels, wrong = misled(truth, 2)
    found = audit(tmp_path, values, labels)
    assert len(set(found.samples.groups)) <= PATIENTS
    assert precision(found, wrong) > 0.6
    assert found.decision.noise_interval[1] > wrong.mean()
    assert any("with the same label" in note for note in found.notes)


def test_a_wrong_patient_is_found_by_others_and_is_one_row(tmp_path: Path) -> None:
    values, truth = patients(1, 0.25, 4)
    labels, wrong = misled(truth, 4)
    found = audit(tmp_path, values, labels, {"case": [f"c{row // 4}" for row in range(len(truth))]}, group="case")
    assert precision(found, wrong) > 0.6
    assert found.decision.noise_interval[1] > wrong.mean()
    worst = [int(row["group"][1:]) for row in list_groups(found)[: PATIENTS // 10]]
    assert sum(patient % 10 == 0 for patient in worst) >= 4


def test_frames_that_only_a_column_tells_never_get_a_tight_interval(tmp_path: Path) -> None:
    values, truth = patients(2, 0.9, 4)
    labels, wrong = misled(truth, 4)
    found = audit(tmp_path, values, labels, {"case": [f"c{row // 4}" for row in range(len(truth))]})
    low, high = found.decision.noise_interval
    assert low == 0
    assert high > wrong.mean()
    assert any("scan again with `group` case" in note for note in found.notes)
    assert found.decision.recipe["blind"] > 0.1


def test_copies_of_the_same_bytes_have_no_siblings_in_each_other(tmp_path: Path) -> None:
    draw = np.random.default_rng(6)
    for number in range(90):
        picture = Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        for copy in range(4 if number % 2 else 1):
            path = tmp_path / "images" / CLASSES[number // 30] / f"x{number:02}_{copy}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    own = np.repeat(np.float32(draw.normal(size=(90, 16))), [4 if number % 2 else 1 for number in range(90)], axis=0)
    found = scan(tmp_path / "images", features=own, methods=(), effort="quick")
    assert len(set(found.samples.digests)) == 90
    assert "blind" not in found.decision.recipe
    assert not any("the most similar one has the same" in note for note in found.notes)


def test_single_wrong_frames_are_found_by_their_siblings(tmp_path: Path) -> None:
    values, truth = patients(3, 0.25, 6)
    wrong = np.arange(len(truth)) % 23 == 0
    found = audit(tmp_path, values, np.where(wrong, (truth + 1) % 3, truth))
    assert precision(found, wrong) > 0.95


def test_a_careless_annotator_is_named_and_weighed(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    truth = np.arange(300) % 3
    values = np.float32(2.2 * np.eye(3, 24)[truth] + 0.8 * draw.normal(size=(300, 24)))
    who = np.array(["ann", "bob", "cyd", "dan", "eve"])[draw.permutation(300) % 5]
    wrong = (who == "eve") & (draw.random(300) < 0.4)
    found = audit(tmp_path, values, np.where(wrong, (truth + 1) % 3, truth), {"annotator": who.tolist()})
    assert [(one.attribute, one.value) for one in found.concentrations] == [("column 'annotator'", "eve")]
    assert found.decision.recipe["source_prior"]["attribute"] == "column 'annotator'"
    assert precision(found, wrong) > 0.8


def test_a_set_without_groups_is_judged_as_if_nobody_looked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, truth = patients(0, 0.01, 1)
    labels, _ = misled(truth, 1)
    found = audit(tmp_path, values, labels)
    assert found.samples.groups == found.samples.digests
    for step in ("add_near_copies", "group_scenes"):
        monkeypatch.setattr(f"labelaudit.context.alike.{step}", lambda samples, *_: samples)
    plain = audit(tmp_path, values, labels)
    assert plain.decision.suspicion.tobytes() == found.decision.suspicion.tobytes()
    assert plain.decision.probs.tobytes() == found.decision.probs.tobytes()
    assert plain.decision.is_issue.tobytes() == found.decision.is_issue.tobytes()
    assert plain.decision.noise_interval == found.decision.noise_interval
    assert {name: one.suspicion.tobytes() for name, one in plain.evidence.items()} == {
        name: one.suspicion.tobytes() for name, one in found.evidence.items()
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_a_class_of_what_is_left_over_is_named_and_ranked_no_worse_than_by_any_column(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.CLASSES", ("cat", "dog", "other"))
    draw = np.random.default_rng(seed)
    truth, kind = np.arange(300) % 3, np.where(np.arange(300) % 3 < 2, np.arange(300) % 3, draw.integers(2, 9, 300))
    values = np.float32(1.6 * np.eye(9, 32)[kind] + 0.5 * draw.normal(size=(300, 32)))
    wrong = draw.random(300) < 0.08
    labels = np.where(wrong, np.where(truth == 2, draw.integers(0, 2, 300), 2), truth)
    found = audit(tmp_path, values, labels)
    columns = {name: average_precision_score(wrong, one.suspicion) for name, one in found.evidence.items()}
    assert precision(found, wrong) > max(columns.values()) - 0.05, columns
    assert any(note.startswith("Class 'other' holds what is in no other class") for note in found.notes)
    assert found.decision.recipe["strangers_gain"] is None, "what belongs to no other class belongs to that one"


@pytest.mark.parametrize("seed", [0, 1])
def test_doubt_about_hard_images_breaks_no_limit(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = np.arange(210) % 3
    values = np.float32(0.5 * draw.normal(size=(3, 16))[truth] + draw.normal(size=(210, 16)))
    found = audit(tmp_path, values, truth)
    agreed = (found.evidence["ridge"].probs.argmax(axis=1) == found.samples.labels).mean()  # type: ignore[union-attr]
    assert agreed < 0.85, "models doubt many of these labels, all of which are right"
    gate = judge_gate(found, Policy(max_noise=0.02), today=date(2026, 11, 28))
    assert gate.passed
    assert found.decision.noise_interval[0] < 0.02


def test_ordinary_images_are_in_no_groups_and_keep_their_interval(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    truth = np.arange(180) % 3
    values = np.float32(2 * np.eye(3, 24)[truth] + 0.8 * draw.normal(size=(180, 24)))
    found = audit(tmp_path, values, truth, {"batch": [row // 5 % 4 for row in range(180)]})
    assert found.samples.groups == found.samples.digests
    assert not found.decision.recipe.keys() & {"blind", "source_prior", "twins", "annotators"}
    assert found.concentrations == ()
