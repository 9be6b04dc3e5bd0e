"""Simulated annotators: they see shapes and colours, confuse what looks alike, and never know an image by heart."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.corrupt.annotators import SIDE, STRENGTHS, doubt, see

EACH = 40


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Upright bars, bars that lean a little, and bars that lie; the first two look alike."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    labels = np.repeat([0, 1, 2], EACH)
    angles = np.array([0.0, 0.25, np.pi / 2])[labels] + rng.normal(0, 0.12, len(labels))
    waves = np.sin(20 * (np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y) + 6 * rng.random())
    grey = np.clip(128 + 60 * waves + rng.normal(0, 25, waves.shape), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3), labels


def test_what_looks_alike_is_confused(scene: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = scene
    probs = doubt(see(pixels), labels, 3, examples=8, generator=np.random.default_rng(0))
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    leaning = probs[labels == 1].mean(axis=0)
    assert leaning[0] > 5 * leaning[2]
    assert (probs.argmax(axis=1) == labels).mean() > 0.7


def test_more_examples_make_better_annotators(scene: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = scene
    x = see(pixels)
    right = []
    for examples in (1, 30):
        runs = [doubt(x, labels, 3, examples=examples, generator=np.random.default_rng(seed)) for seed in range(5)]
        right.append(np.mean([(probs.argmax(axis=1) == labels).mean() for probs in runs]))
    assert right[0] < right[1]
    counts = [strength.examples for strength in STRENGTHS.values()]
    assert counts == sorted(counts, reverse=True)


def test_an_image_is_not_known_by_heart() -> None:
    """Of noise nothing can be learned, though every image is among the examples."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    probs = doubt(rng.normal(size=(60, 8)), labels, 2, examples=60, generator=rng)
    assert abs((probs.argmax(axis=1) == labels).mean() - 0.5) < 0.25


def test_a_class_with_one_image_is_never_recognised_and_breaks_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 10 + [1] * 10 + [2])
    probs = doubt(rng.normal(size=(21, 4)), labels, 3, examples=5, generator=rng)
    assert np.isfinite(probs).all()
    assert probs[-1].argmax() != 2


def test_contrast_and_brightness_do_not_change_what_is_seen() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 120, (4, SIDE, SIDE, 3)).astype(np.uint8)
    shapes = see(pixels)[:, : 16 * 9]
    np.testing.assert_allclose(shapes, see(2 * pixels)[:, : 16 * 9], atol=1e-9)
