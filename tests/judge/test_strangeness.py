"""Strangeness: what lies far from every class stands out, whichever class is wide or narrow."""

from __future__ import annotations

import numpy as np

from labelaudit.judge.strangeness import measure_strangeness


def test_what_is_far_from_all_classes_stands_out_and_the_wide_class_does_not() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 3
    x = 6 * np.eye(8)[labels] + np.array([0.5, 1.0, 2.0])[labels][:, None] * rng.normal(size=(600, 8))
    x[:6] = 6 * np.eye(8)[3:6].repeat(2, axis=0)  # of three other kinds
    found = measure_strangeness(x.astype(np.float32), labels, 3, np.arange(600) // 3 % 5)
    assert found[:6].min() > np.quantile(found[6:], 0.97)
    assert found[6:].std() < 3
    medians = [np.median(found[labels == one]) for one in range(3)]
    assert np.abs(medians).max() < 0.3


def test_a_class_that_other_folds_lack_is_nobodys_nearest() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    x = np.concatenate([np.eye(3)[labels], np.ones((9, 1))], axis=1).astype(np.float32)
    found = measure_strangeness(x, labels, 3, np.array([0, 1, 2, 0, 1, 2, 0, 1, 2]))
    assert np.isfinite(found).all()
    assert found.argmax() == 8
