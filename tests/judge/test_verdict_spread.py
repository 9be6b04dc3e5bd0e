"""Verdicts tell on samples that look alike and carry the same label, and on no others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.judge.verdict_spread import spread

Array = npt.NDArray[np.float64]


def draw_clusters(per: int = 30) -> tuple[Array, Array]:
    """Unit vectors in two tight clusters under label 0, and again in the first under label 1; and the labels."""
    rng = np.random.default_rng(0)
    centers = np.eye(8)[:2]
    cluster = np.repeat([0, 1, 0], per)
    x = centers[cluster] + rng.normal(0, 0.05, (3 * per, 8))
    return x / np.linalg.norm(x, axis=1, keepdims=True), np.repeat([0, 0, 1], per)


def test_cleared_samples_clear_those_like_them_and_confirmed_ones_confirm_theirs() -> None:
    x, labels = draw_clusters()
    before, decided = np.zeros(90), np.full(90, -1)
    decided[:10], decided[30:40] = 0, 1  # of label 0 one cluster is right, the other wrong
    shift = spread(x, labels, before, decided)
    assert shift[10:30].max() < -1, "the rest of the cleared cluster is cleared"
    assert shift[40:60].min() > 1, "the rest of the other cluster is confirmed"
    assert np.abs(shift[60:]).max() == 0, "another label says nothing"


def test_verdicts_as_expected_move_nothing() -> None:
    x, labels = draw_clusters()
    before, decided = np.full(90, -6.0), np.full(90, -1)
    decided[:10] = 0
    assert np.abs(spread(x, labels, before, decided)).max() < 0.1
    assert np.abs(spread(x, labels, before, np.full(90, -1))).max() == 0, "no verdicts"


def test_verdicts_that_follow_no_likeness_cancel_out() -> None:
    x, labels = draw_clusters()
    decided = np.full(90, -1)
    decided[:20] = np.tile([0, 1], 10)
    assert np.abs(spread(x, labels, np.zeros(90), decided)[20:30]).max() < 0.6


def test_the_order_of_samples_and_the_names_of_labels_change_nothing() -> None:
    x, labels = draw_clusters()
    decided = np.full(90, -1)
    decided[:10], decided[30:40], decided[60:63] = 0, 1, 1
    order = np.random.default_rng(1).permutation(90)
    straight = spread(x, labels, np.zeros(90), decided)
    turned = spread(x[order], 7 - labels[order], np.zeros(90), decided[order])
    np.testing.assert_allclose(turned, straight[order], atol=1e-8)
