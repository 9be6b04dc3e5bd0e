"""Folds: stratified, copies together, deterministic."""

from __future__ import annotations

import numpy as np

from labelaudit.training.folds import stratified_folds


def test_class_counts_differ_by_at_most_one() -> None:
    labels = np.repeat([0, 1, 2], [50, 13, 3])
    folds = stratified_folds(labels, 5, seed=3)
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_copies_share_a_fold() -> None:
    labels = np.arange(200) % 4
    digests = [str(i // 2) for i in range(200)]
    folds = stratified_folds(labels, 5, seed=0, digests=digests)
    assert (folds[0::2] == folds[1::2]).all()
    assert len(set(folds.tolist())) == 5


def test_same_seed_same_folds_and_other_seed_others() -> None:
    labels = np.arange(60) % 3
    assert np.array_equal(stratified_folds(labels, 5, seed=1), stratified_folds(labels, 5, seed=1))
    assert not np.array_equal(stratified_folds(labels, 5, seed=1), stratified_folds(labels, 5, seed=2))


def test_more_folds_than_samples() -> None:
    assert sorted(stratified_folds(np.array([0, 1]), 5, seed=0).tolist()) == [0, 1]
