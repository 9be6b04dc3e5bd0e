"""Kinds of classes that mislead an audit are named, and ordinary ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.context.classes import find_several, find_twins, is_left_over, note_classes, note_twins
from labelaudit.data.spelling import find_spellings
from labelaudit.types import Samples


def samples(sizes: dict[str, int]) -> Samples:
    labels = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    return Samples(
        ids=tuple(map(str, range(len(labels)))),
        labels=labels,
        classes=tuple(sizes),
        digests=tuple(map(str, range(len(labels)))),
    )


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (["1", "1.0", "01"], [("1", "1.0", "01")]),
        (["cat", "cat\u200b", "dog"], [("cat", "cat\u200b")]),
        (["Polar Bear", "polar_bear", "polar-bear"], [("Polar Bear", "polar_bear", "polar-bear")]),
        (["T-Shirt", "tshirt", "'cat'", "cat."], [("T-Shirt", "tshirt"), ("'cat'", "cat.")]),
        (
            ["caf\u00e9", "cafe\u0301", "\uff23\uff21\uff34", "cat"],
            [("caf\u00e9", "cafe\u0301"), ("\uff23\uff21\uff34", "cat")],
        ),
        (["a", "A", "-1", "1", "10", "1.5", "ox", "oxen"], []),
    ],
)
def test_spellings_of_one_class(classes: list[str], found: list[tuple[str, ...]]) -> None:
    assert find_spellings(classes) == found


def test_several_labels_in_a_cell() -> None:
    assert find_several(["cat", "dog", "cat,dog", "dog | cat", "cat and dog", "salt and pepper", "black, white"]) == [
        "cat,dog",
        "dog | cat",
        "cat and dog",
    ]


def test_what_is_left_over() -> None:
    assert [
        name
        for name in ("other", "Background", "00_unknown", "none", "N/A", "UNK", "mother", "brother", "otter", "NoMask")
        if is_left_over(name)
    ] == ["other", "Background", "00_unknown", "none", "N/A", "UNK"]


@pytest.mark.parametrize(
    ("names", "left_over"),
    [
        (("cat", "BACKGROUND_Google", "dog"), "'BACKGROUND_Google'"),
        (("hotdog", "not_hotdog"), "'not_hotdog'"),
        (("cat", "other animals", "Sonstiges"), "'other animals', 'Sonstiges'"),
        (("cat", "NoneOfTheAbove", "left-over", "other/unknown"), "'NoneOfTheAbove', 'left-over', 'other/unknown'"),
        (("none", "mild", "severe"), ""),
        (("pan", "non-stick"), ""),
    ],
)
def test_classes_of_what_is_left_over_are_named(names: tuple[str, ...], left_over: str) -> None:
    said = [note for note in note_classes(samples(dict.fromkeys(names, 40))) if "in no other class" in note]
    assert [note.partition(" holds ")[0] for note in said] == ([f"Class {left_over}"] if left_over else [])


def test_notes_say_what_to_do_and_ordinary_classes_have_none() -> None:
    assert note_classes(samples({"cat": 40, "dog": 60})) == []
    said = "\n".join(note_classes(samples({"1": 40, "1.0": 40, "other": 40, "rare": 6, "cat\u200b": 40, "cat": 40})))
    assert "Class 'other' holds what is in no other class" in said
    assert "Too few images to learn from: rare (6)" in said
    assert not any("Too few" in note for note in note_classes(samples({"cat": 6, "dog": 9})))  # said of the whole


def test_one_class_under_two_names_is_told_from_classes_that_are_hard() -> None:
    draw = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 60)
    logits = draw.normal(size=(240, 4)) + 3 * np.eye(4)[labels]
    logits[labels >= 2] = draw.normal(size=(120, 4)) + np.array([0, 0, 3, 3])  # 2 and 3 are one class
    logits[:120] += 1.5 * np.eye(4)[1 - labels[:120]]  # 0 and 1 are like each other
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert find_twins(probs, labels) == [(2, 3)]
    assert "Cannot be told apart: 'car', 'automobile'." in note_twins([(2, 3)], ["a", "b", "car", "automobile"])[0]
    few = np.flatnonzero((labels != 3) | (np.arange(240) % 4 == 0))
    assert find_twins(probs[few], labels[few]) == []


def _held_out(odds: np.ndarray, classes: int = 2) -> np.ndarray:
    """Probabilities (n, C) of the first two classes by their log-odds (n,), of the others hardly any."""
    logits = np.full((len(odds), classes), -6.0)
    logits[:, 0], logits[:, 1] = -odds / 2, odds / 2
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("share", [0.36, 0.42])
def test_even_errors_make_no_twins(share: float) -> None:
    draw = np.random.default_rng(1)
    truth = np.repeat([0, 1], 250)
    labels = np.where(draw.random(500) < share, 1 - truth, truth)
    probs = _held_out(0.6 * (2 * truth - 1) + draw.normal(0, 0.3, 500))
    assert find_twins(probs, labels) == []


@pytest.mark.parametrize("seed", [6, 18, 35])
def test_even_errors_among_few_images_make_no_twins(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = np.repeat([0, 1], 60)
    labels = np.where(draw.permutation(120) < 48, 1 - truth, truth)
    probs = _held_out(0.9 * (2 * truth - 1) + draw.normal(0, 0.6, 120))
    assert find_twins(probs, labels) == []


def test_classes_that_are_alike_are_twins_however_many_images_tell_them_apart() -> None:
    draw = np.random.default_rng(2)
    labels = np.repeat([0, 1], 2000)
    probs = _held_out(0.12 * (2 * labels - 1) + draw.normal(0, 0.55, 4000))
    assert find_twins(probs, labels) == [(0, 1)]


def test_labels_that_have_nothing_to_do_with_two_kinds_of_images_are_of_one_class() -> None:
    draw = np.random.default_rng(3)
    kind = np.repeat([0, 1], 250)
    probs = _held_out(0.6 * (2 * kind - 1) + draw.normal(0, 0.3, 500))
    assert find_twins(probs, np.arange(500) % 2) == [(0, 1)]


def test_images_of_other_classes_do_not_hide_that_errors_are_even() -> None:
    draw = np.random.default_rng(4)
    truth = np.repeat([0, 1, 2], 300)
    labels = np.where(draw.random(900) < 0.5, (truth + draw.integers(1, 3, 900)) % 3, truth)
    logits = 0.9 * np.eye(3)[truth] + draw.normal(0, 0.3, (900, 3))
    assert find_twins(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels) == []


@pytest.mark.parametrize("seed", range(3))
def test_few_images_that_look_like_either_make_no_twins(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = np.repeat(np.arange(10), 30)
    labels = np.where(draw.random(300) < 0.4, (truth + draw.integers(1, 10, 300)) % 10, truth)
    logits = 0.8 * np.eye(10)[truth] + draw.normal(0, 0.6, (300, 10))
    assert find_twins(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels) == []
