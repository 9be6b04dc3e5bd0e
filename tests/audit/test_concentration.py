"""Where the suspects lie: a value that stands out is named, once, and chance is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import make_audit

from labelaudit.audit import document
from labelaudit.audit import run as runs
from labelaudit.audit.concentration import Concentration, find_attribute, find_concentrations, list_attributes
from labelaudit.audit.excess import Dealt
from labelaudit.audit.stretch import find_stretch
from labelaudit.types import Bools, Samples

N = 500
DRAW = np.random.default_rng(5)
PEOPLE = ("ann", "bob", "cyd", "dan", "eve")


def samples(*, label: object = None, **rest: object) -> Samples:
    people = tuple(PEOPLE[row // 100] for row in range(N))
    return Samples(
        ids=tuple(f"b{row // 100}/cat_{row:03}.png" for row in range(N)),
        labels=np.asarray(label if label is not None else DRAW.integers(0, 4, N)),
        classes=("a", "b", "c", "d"),
        digests=tuple(map(str, range(N))),
        extra={"annotator": people, "id": tuple(map(str, range(N))), "half": tuple("xy"[row % 2] for row in range(N))},
        **rest,  # type: ignore[arg-type]
    )


def flagged(eve: int, others: int) -> Bools:
    found = np.zeros(N, dtype=bool)
    for person in range(5):
        found[100 * person + np.arange(eve if person == 4 else others) * 37 % 100] = True
    return found


def concentrations(some: Samples, suspects: Bools) -> tuple[Concentration, ...]:
    return find_concentrations(some, suspects.astype(float), suspects, (some.labels + suspects) % 4)


def test_a_person_with_many_suspects_is_named_once() -> None:
    (found,) = concentrations(samples(), flagged(23, 5))
    assert found.sentence() == "column 'annotator', eve: 23 of 100 are suspects (others 5%)"
    assert found.p_value < 1e-4
    assert found.share == pytest.approx(0.23)


def test_chance_and_few_suspects_name_nobody() -> None:
    assert concentrations(samples(), flagged(8, 5)) == ()
    assert concentrations(samples(), flagged(2, 0)) == ()
    assert concentrations(samples(), np.zeros(N, dtype=bool)) == ()
    scattered = np.random.default_rng(0).random(N) < 0.1
    assert concentrations(samples(), scattered) == ()


def test_two_careless_people_are_both_named_though_each_hides_the_other() -> None:
    draw = np.random.default_rng(0)
    people, suspects = draw.permutation(np.arange(276) % 6), np.zeros(276, dtype=bool)
    for person, count in enumerate((15, 14, 3, 4, 2, 4)):
        suspects[draw.permutation(np.flatnonzero(people == person))[:count]] = True
    some = Samples(
        ids=tuple(map(str, range(276))),
        labels=np.arange(276) % 4,
        classes=("a", "b", "c", "d"),
        digests=tuple(map(str, range(276))),
        extra={"annotator": tuple(map(str, people.tolist()))},
    )
    assert sorted(one.value for one in concentrations(some, suspects)) == ["0", "1"]
    assert {one.others for one in concentrations(some, suspects)} == {(2 / 46, 4 / 46)}


def test_how_suspect_labels_are_names_a_person_whom_counts_do_not() -> None:
    suspects = flagged(15, 6)
    weak = np.where(suspects, 0.6, 0.1)
    strong = np.where(suspects & (np.arange(N) >= 400), 0.99, weak)
    some = samples()
    some = replace(some, extra={"annotator": some.extra["annotator"]}, ids=tuple(f"{row}.png" for row in range(N)))
    predicted = (some.labels + suspects) % 4
    assert find_concentrations(some, weak, suspects, predicted) == ()
    (found,) = find_concentrations(some, strong, suspects, predicted)
    assert found.value == "eve"


def test_labels_that_are_equally_good_name_somebody_in_one_of_hundred_sets_at_most() -> None:
    draw, named = np.random.default_rng(2), 0
    for _ in range(500):
        suspicion = draw.beta(0.1, 1, N)
        people = tuple(map(str, draw.choice(10, N, p=draw.dirichlet(np.full(10, 2.0))).tolist()))
        some = samples(label=draw.integers(0, 4, N))
        folders = tuple(f"{label}/{row}.png" for row, label in enumerate(some.labels))
        some = replace(some, ids=folders, extra={"annotator": people})
        suspects = suspicion > 0.5
        named += bool(find_concentrations(some, suspicion, suspects, (some.labels + suspects) % 4))
    assert named <= 5


def test_the_chance_of_a_sum_of_suspicions_is_that_of_deals() -> None:
    draw = np.random.default_rng(0)
    classes, code, suspicion = draw.integers(0, 3, 120), np.arange(120) % 5, draw.beta(0.3, 2, 120)
    suspicion[code == 0] *= 1.6
    chance = Dealt(classes, code, suspicion, suspicion > 0.5, 5).chance(np.ones(5, dtype=bool))
    dealt = np.zeros((4000, 5))
    for deal in range(len(dealt)):
        for label in range(3):
            inside = classes == label
            dealt[deal] += np.bincount(code[inside], draw.permutation(suspicion[inside]), minlength=5)
    assert chance == pytest.approx((dealt >= np.bincount(code, suspicion)).mean(axis=0), abs=0.02)
    among = np.arange(5) != 1
    assert Dealt(classes, code, suspicion, suspicion > 0.5, 5).chance(among)[1] == 1


def test_what_the_classes_explain_is_not_named() -> None:
    label = np.where(np.arange(N) >= 400, 3, DRAW.integers(0, 3, N))
    label[:60] = 3
    hard = (label == 3) & (np.arange(N) % 3 == 0)
    assert concentrations(samples(label=label), hard) == ()


def test_names_that_go_with_the_true_class_of_hard_images_are_not_named() -> None:
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 4, N)
    wrong = draw.random(N) < np.where(truth == 2, 0.3, 0.03)
    some = replace(samples(label=(truth + wrong * draw.integers(1, 4, N)) % 4), extra={})
    some = replace(some, ids=tuple(f"{'abcd'[kind]}_{row}.png" for row, kind in enumerate(truth.tolist())))
    assert find_concentrations(some, wrong.astype(float), wrong, truth) == ()


@pytest.mark.parametrize(("far", "rows"), [(1, "1 row"), (3, "3 rows")])
def test_a_stretch_of_rows_is_named_and_labels_that_slipped_are_told(far: int, rows: str) -> None:
    truth = np.random.default_rng(1).integers(0, 4, N)
    given = np.concatenate([truth[:270], truth[270 - far : -far]])
    some = replace(samples(label=given), ids=tuple(f"{row:03}.png" for row in range(N)), extra={})
    (found,) = find_concentrations(some, (given != truth) * 1.0, given != truth, truth)
    told = rf"order of the rows, 27\d.png to 49\d.png, as if labels had slipped by {rows}: .* \(others 0%\)"
    assert re.fullmatch(told, found.sentence())
    folders = replace(some, ids=tuple(f"{label}/{name}" for label, name in zip(given.tolist(), some.ids, strict=True)))
    assert find_concentrations(folders, (given != truth) * 1.0, given != truth, truth) == ()
    other = (truth + (given != truth) * 2) % 4
    (found,) = find_concentrations(some, (given != truth) * 1.0, given != truth, other)
    assert "slipped" not in found.value
    halves = {"half": tuple("ab"[row >= 260] for row in range(N))}
    (found,) = find_concentrations(replace(some, extra=halves), (given != truth) * 1.0, given != truth, truth)
    assert found.attribute == "column 'half'"


@pytest.mark.parametrize("sort", [False, True])
def test_hard_classes_are_no_stretch_of_rows(sort: bool) -> None:
    for seed in range(20):
        draw = np.random.default_rng(seed)
        labels = draw.integers(0, 8, 800)
        labels = np.sort(labels) if sort else labels
        hard = draw.random(800) < draw.beta(0.5, 5, 8)[labels]
        assert find_stretch(labels, labels, hard) is None, seed


def test_a_class_that_is_often_mislabelled_is_no_stretch_of_a_table_sorted_by_true_class() -> None:
    for seed in range(20):
        draw = np.random.default_rng(seed)
        truth = np.sort(draw.integers(0, 6, 600))
        wrong = draw.random(600) < np.where(truth == 2, 0.3, 0.04)
        given = np.where(wrong, (truth + draw.integers(1, 6, 600)) % 6, truth)
        assert find_stretch(given, truth, wrong) is None, seed


def test_members_of_a_group_count_once() -> None:
    groups = tuple(f"g{row // 25}" for row in range(N))
    assert concentrations(samples(groups=groups), np.arange(N) // 25 == 16) == ()


def test_what_spells_the_class_is_no_attribute() -> None:
    label = np.arange(N) // 125
    spelled = Samples(
        ids=tuple(f"{'abcd'[number]}/{row}.png" for row, number in enumerate(label.tolist())),
        labels=label,
        classes=("a", "b", "c", "d"),
        digests=tuple(map(str, range(N))),
        extra={"time": tuple(f"2024-03-{row % 28 + 1:02}T10:{row % 60:02}:{row % 59:02}" for row in range(N))},
    )
    assert set(list_attributes(spelled)) == {"day of 'time'"}
    assert find_attribute(spelled, "nothing") is None
    assert find_attribute(samples(), "annotator") == samples().extra["annotator"]
    assert find_attribute(samples(), "folder level 1") is not None


def test_they_are_looked_for_once_for_all_files_and_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(document, "find_concentrations", lambda *_: asked.append(1) or ())
    audit = make_audit()
    written = audit.with_files(runs.write(audit, tmp_path / "RUN"))
    assert written.concentrations == ()
    assert written.summary()["concentrations"] == []
    assert set(written.files) > {"audit.json", "summary.json"}
    assert not audit.files
    assert len(asked) == 1
