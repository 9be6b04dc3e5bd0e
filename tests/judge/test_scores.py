"""Scores from probabilities alone."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.judge.scores import self_confidence


def test_self_confidence_by_hand() -> None:
    probs = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]])
    assert self_confidence(np.array([0, 1]), probs) == pytest.approx([0.3, 0.7])


def test_certain_predictions_and_float32_stay_in_range() -> None:
    probs = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    score = self_confidence(np.array([0, 1, 1]), probs)
    assert score.dtype == np.float64
    assert score.tolist() == [0, 1, 0]
