"""The comparison of two trainings: its interval, its answers, how many images would tell."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.impact.comparison import compare


def test_the_interval_covers_what_it_says() -> None:
    rng = np.random.default_rng(5)
    seeds, images, gain, covered, rounds = 6, 150, 0.03, 0, 60
    for number in range(rounds):
        hard = rng.random(images)  # images differ, and so do trainings
        skill = rng.normal(0, 0.03, seeds)
        before = rng.random((seeds, images)) < np.clip(hard[None] + skill[:, None], 0, 0.9)
        now = before | (rng.random((seeds, images)) < gain / np.maximum(1 - before.mean(), 0.1))
        truth = gain / max(1 - before.mean(), 0.1) * (1 - before.mean())
        low, high = compare(before, now, np.ones(images), seed=number).interval
        covered += low <= truth <= high
    assert covered / rounds >= 0.8  # 90 %, less three standard errors


def test_answers() -> None:
    rng = np.random.default_rng(0)
    before = rng.random((4, 500)) < 0.6
    same = compare(before, before, np.ones(500))
    assert same.difference == 0
    assert same.interval == pytest.approx((-0.006, 0.006))  # the rule of three, not a width of zero
    assert same.answer == "cannot tell"
    assert compare(np.tile(before, 2), np.tile(before, 2), np.ones(1000)).answer == "no difference"
    better = before.copy()
    better[:, :6] = True
    unsure = compare(before, better, np.ones(500))
    assert unsure.interval[0] <= unsure.difference <= unsure.interval[1]
    weights = np.where(np.arange(500) < 6, 1000.0, 1e-9)
    weighted = compare(before, better, weights)
    assert weighted.cleaned == pytest.approx(1)
    worse = compare(better, before & (rng.random((4, 500)) < 0.5), np.ones(500))
    assert worse.answer == "harmed"
    assert "made the model worse" in worse.sentence


def test_few_images_cannot_tell_and_say_how_many_would() -> None:
    before = np.tile(np.arange(40) % 2 == 0, (4, 1))
    after = before.copy()
    after[:, :3] = True  # two of forty better, and one as it was
    found = compare(before, after, np.ones(40))
    assert found.difference == pytest.approx(1 / 40)
    assert found.answer == "cannot tell"
    (note,) = found.notes
    number = note.removeprefix("If the difference is what it looks like, about ").removesuffix(
        " test images would tell."
    )
    assert 60 <= int(number) <= 120
    assert "Cannot tell whether cleaning helped" in found.sentence
