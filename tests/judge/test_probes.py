"""Closed-form models: equal to the obvious slow forms, blind to the sample's own label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from labelaudit.features.neighbors import nearest
from labelaudit.judge import probes
from labelaudit.judge.linear import SHRINKAGE
from labelaudit.training.folds import stratified_folds
from labelaudit.types import Features


def blobs(
    n: int = 300, classes: int = 3, d: int = 6, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    means = rng.normal(0, 2, (classes, d))
    return (means[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def test_discriminant_equals_sklearns_on_each_fold() -> None:
    x, labels = blobs()
    folds = stratified_folds(labels, 3, seed=0)
    ours = probes.discriminant(x, labels, 3, folds)
    for fold in range(3):
        train = folds != fold
        theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(x[train], labels[train])
        assert np.allclose(ours[~train], theirs.predict_proba(x[~train]), atol=0.02)
        assert (ours[~train].argmax(1) == theirs.predict(x[~train])).mean() > 0.99


@pytest.mark.parametrize("n", [2, 16])
def test_discriminant_of_equal_samples_says_that_it_does_not_know(n: int) -> None:
    """All images identical, or one image per class: nothing is left within the classes but rounding."""
    values = np.full((n, 300), np.random.default_rng(0).normal(0, 30, 300), dtype=np.float32)
    labels = np.arange(n) % 2
    (x,) = probes.principal_blocks(Features(values=values, name="given"))
    for features in (x, values, np.zeros_like(values)):
        probs = probes.discriminant(features, labels, 2, stratified_folds(labels, 5, seed=0))
        assert np.isfinite(probs).all()
        if n > 2:
            assert np.allclose(probs, 0.5, atol=0.1)


def test_discriminant_does_not_see_the_own_label() -> None:
    x, labels = blobs()
    folds = stratified_folds(labels, 5, seed=0)
    before = probes.discriminant(x, labels, 3, folds)
    changed = labels.copy()
    changed[7] = (changed[7] + 1) % 3
    after = probes.discriminant(x, changed, 3, folds)
    assert np.array_equal(before[folds == folds[7]], after[folds == folds[7]])
    assert not np.array_equal(before, after)


def test_discriminant_survives_a_class_of_one_and_constant_features() -> None:
    x, labels = blobs(60)
    labels[0] = 3
    found = probes.discriminant(x, labels, 4, stratified_folds(labels, 5, seed=0))
    assert np.isfinite(found).all()
    flat = probes.discriminant(np.ones_like(x), labels, 4, stratified_folds(labels, 5, seed=0))
    assert np.isfinite(flat).all()


def test_votes_equal_the_slow_loop() -> None:
    x, labels = blobs(80)
    similarities, indices = nearest(x, k=7)
    belief = probes.onehot(labels, 3)
    fast = probes.neighbor_votes(similarities, indices, labels, 3)
    for row in range(80):
        votes = np.full(3, 0.5 / 3)
        for similarity, other in zip(similarities[row], indices[row], strict=True):
            votes += np.exp(probes.SHARPNESS * (similarity - similarities[row, 0])) * belief[other]
        assert np.allclose(fast[row], votes / votes.sum(), atol=1e-5)


def test_a_copy_has_no_vote() -> None:
    x, labels = blobs(40)
    x[1] = x[0]
    labels[:2] = (0, 1)
    similarities, indices = nearest(x, k=5)
    digests = ["same", "same", *map(str, range(38))]
    heard = probes.neighbor_votes(similarities, indices, labels, 3)
    deaf = probes.neighbor_votes(similarities, indices, labels, 3, digests=digests)
    assert deaf[0, 1] < heard[0, 1]


def test_principal_blocks_keep_geometry_and_scale_blocks_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(5, 1, (100, 8)), rng.normal(0, 50, (100, 4))], axis=1).astype(np.float32)
    a, b = probes.principal_blocks(Features(values=values, name="x", blocks=(8, 4)))
    assert a.shape == (100, 8)
    assert b.shape == (100, 4)
    assert np.square(a).mean() == pytest.approx(1, rel=1e-3)
    assert np.square(b).mean() == pytest.approx(1, rel=1e-3)
    centred = values[:, 8:] - values[:, 8:].mean(0)
    assert np.corrcoef((centred @ centred.T).ravel(), (b @ b.T).ravel())[0, 1] > 0.9999
    monkeypatch.setattr(probes, "WIDTH", 3)
    narrow = probes.principal_blocks(Features(values=values, name="x"))
    assert narrow[0].shape == (100, 3)


@pytest.mark.parametrize("copies", [0, 5])
def test_fewer_rows_than_dimensions_are_rotated_by_their_inner_products(copies: int) -> None:
    values = np.random.default_rng(0).normal(3, 1, (20, 50)).astype(np.float32)
    values[:copies] = values[0]
    (rotation,) = probes.find_rotations(Features(values=values, name="x"))
    block, centred = rotation.apply(values), values - values.mean(axis=0)
    assert rotation.axes.shape == (50, 50)
    assert np.allclose(block @ block.T, rotation.scale**2 * centred @ centred.T, atol=1e-3)
    assert (np.diff(np.square(block).sum(axis=0)) <= 1e-3).all()  # the first has the most variance
    directions = rotation.axes / rotation.scale
    held = 19 - max(0, copies - 1)
    assert np.allclose(directions.T @ directions, np.diag([1] * held + [0] * (50 - held)), atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_models_for_later_are_those_of_one_fold(classes: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, min(classes, 3), 90)  # of four classes one has no samples
    x = (2 * np.eye(3, 8)[labels] + rng.normal(size=(90, 8))).astype(np.float32)
    one = np.zeros(90, dtype=np.int64)
    belief = probes.onehot(labels, classes)
    whole = probes.discriminant(x, labels, classes, one)
    assert probes.fit_discriminant(x, belief).apply(x) == pytest.approx(whole, abs=1e-4)
