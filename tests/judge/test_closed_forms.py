"""Ridge and prototypes: what they say of a left-out sample is what a fit without it, and without its group, says."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from labelaudit.blocks import spread_rows
from labelaudit.judge import prototypes, ridge
from labelaudit.judge.linear import find_sharpness, group_shares, softmax
from labelaudit.judge.vectors import find_directions
from labelaudit.types import Features, Floats, Ints

CLOSED_FORMS = [ridge, prototypes]


def blobs(n: int, d: int, classes: int = 3, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Unit vectors around a mean per class, a tenth of the labels drawn anew."""
    rng = np.random.default_rng(seed)
    true = np.arange(n) % classes
    x = rng.normal(size=(classes, d))[true] + rng.normal(size=(n, d))
    labels = np.where(rng.random(n) < 0.1, rng.integers(classes, size=n), true)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels


def ridge_without(
    x: npt.NDArray[np.float32], labels: Ints, classes: int, left: Ints, penalty: float, shares: Floats
) -> npt.NDArray[np.float64]:
    """Scores of the rows ``left`` by normal equations of all others, each counted for its share, intercept in an
    unpenalised column."""
    mean = np.average(x, axis=0, weights=shares)
    unit = float(np.average(np.square(x - mean).sum(axis=1), weights=shares))
    rest = np.setdiff1d(np.arange(len(x)), left)
    design = np.hstack([x.astype(np.float64), np.ones((len(x), 1))])
    penalties = np.diag([penalty * unit] * x.shape[1] + [0.0])
    wanted = np.eye(classes)[labels[rest]]
    counted = design[rest] * shares[rest, None]
    fitted = np.linalg.solve(counted.T @ design[rest] + penalties, counted.T @ wanted)
    return np.asarray(design[left] @ fitted)


def prototypes_without(
    x: npt.NDArray[np.float32], labels: Ints, classes: int, left: Ints, shares: Floats
) -> npt.NDArray[np.float64]:
    """Cosines of the rows ``left`` to the class sums of all others."""
    rest = np.setdiff1d(np.arange(len(x)), left)
    found = np.zeros((len(left), classes))
    for c in range(classes):
        total = (x * shares[:, None])[rest][labels[rest] == c].sum(axis=0)
        if np.linalg.norm(total) > 0:
            found[:, c] = x[left] @ (total / np.linalg.norm(total))
    return found


@pytest.mark.parametrize(("n", "d"), [(60, 8), (24, 40)], ids=["more samples", "more features"])
@pytest.mark.parametrize("size", [1, 3, 12], ids=["alone", "three together", "a dozen together"])
def test_ridge_equals_a_fit_without_the_group(n: int, d: int, size: int) -> None:
    x, labels = blobs(n, d)
    groups = np.random.default_rng(1).permutation(n) // size
    held = ridge.fit(x, labels, 3, groups=groups if size > 1 else None, penalties=(0.3,))
    shares = np.ones(n) if size == 1 else group_shares(groups)
    assert shares is not None
    scores = np.zeros((n, 3))
    for group in np.unique(groups):
        left = np.flatnonzero(groups == group)
        scores[left] = ridge_without(x, labels, 3, left, 0.3, shares)
    assert np.allclose(held.probs, softmax(find_sharpness(scores, labels, shares)[0] * scores), atol=2e-3)
    assert np.array_equal(held.probs.argmax(1), scores.argmax(1))


@pytest.mark.parametrize("size", [1, 3, 12], ids=["alone", "three together", "a dozen together"])
def test_prototypes_equal_those_without_the_group(size: int) -> None:
    x, labels = blobs(60, 8)
    groups = np.random.default_rng(1).permutation(60) // size
    held = prototypes.fit(x, labels, 3, groups=groups if size > 1 else None)
    shares = np.ones(60) if size == 1 else group_shares(groups)
    assert shares is not None
    cosines = np.zeros((60, 3))
    for group in np.unique(groups):
        left = np.flatnonzero(groups == group)
        cosines[left] = prototypes_without(x, labels, 3, left, shares)
    assert np.allclose(held.probs, softmax(find_sharpness(cosines, labels, shares)[0] * cosines), atol=2e-3)


@pytest.mark.parametrize("model", CLOSED_FORMS)
def test_the_order_of_the_samples_changes_nothing(model: ModuleType) -> None:
    x, labels = blobs(90, 12)
    order = np.random.default_rng(2).permutation(90)
    assert np.allclose(model.fit(x, labels, 3).probs[order], model.fit(x[order], labels[order], 3).probs, atol=2e-3)


@pytest.mark.parametrize("model", CLOSED_FORMS)
def test_a_sample_has_no_say_in_what_is_said_of_it(model: ModuleType) -> None:
    """Only by the sharpness, which all samples share, can the own label show; the order of the classes cannot."""
    x, labels = blobs(60, 8)
    other = labels.copy()
    other[7] = (labels[7] + 1) % 3
    first, second = model.fit(x, labels, 3).probs[7], model.fit(x, other, 3).probs[7]
    assert np.array_equal(first.argsort(), second.argsort())


@pytest.mark.parametrize("model", CLOSED_FORMS)
def test_copies_left_out_together_cannot_vouch_for_each_other(model: ModuleType) -> None:
    x, labels = blobs(60, 8)
    x, labels = np.concatenate([x, x[:5]]), np.concatenate([labels, (labels[:5] + 1) % 3])
    labels[:5] = labels[60:]
    groups = np.concatenate([np.arange(60), np.arange(5)])
    apart, together = model.fit(x, labels, 3), model.fit(x, labels, 3, groups=groups)
    wrong = np.r_[:5, 60:65]
    assert (together.probs[wrong, labels[wrong]] < apart.probs[wrong, labels[wrong]]).all()


@pytest.mark.parametrize("model", CLOSED_FORMS)
def test_the_model_kept_agrees_with_the_opinions_held_out(model: ModuleType) -> None:
    x, labels = blobs(400, 8)
    held = model.fit(x, labels, 3)
    fresh, truth = blobs(100, 8, seed=0)
    assert (held.model.apply(x).argmax(1) == held.probs.argmax(1)).mean() > 0.95
    assert np.abs(held.model.apply(x) - held.probs).mean() < 0.02
    assert (held.model.apply(fresh).argmax(1) == truth).mean() > 0.6


@pytest.mark.parametrize("model", CLOSED_FORMS)
@pytest.mark.parametrize("n", [2, 3, 16])
def test_equal_images_and_classes_of_one_are_judged_without_failing(model: ModuleType, n: int) -> None:
    x = np.full((n, 20), 1 / np.sqrt(20), dtype=np.float32)
    labels = np.arange(n) % 2
    held = model.fit(x, labels, 3)
    assert np.isfinite(held.probs).all()
    assert np.isfinite(held.model.apply(x)).all()
    zero = model.fit(np.zeros((n, 4), dtype=np.float32), labels, 2)
    assert np.isfinite(zero.probs).all()


def test_large_sets_choose_the_penalty_on_some_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    x, labels = blobs(120, 8)
    groups = np.arange(120) // 2
    whole = ridge.fit(x, labels, 3, groups=groups)
    monkeypatch.setattr(ridge, "some_rows", lambda n, _: spread_rows(n, 60))
    monkeypatch.setattr(ridge, "_CHUNK", 25)
    assert np.abs(ridge.fit(x, labels, 3, groups=groups).probs - whole.probs).mean() < 0.05


def test_joint_vectors_have_unit_length_whatever_the_scale_of_a_backbone() -> None:
    values = np.random.default_rng(0).normal(3, 1, (30, 7)).astype(np.float32)
    values[:, 4:] *= 1000
    directions = find_directions(Features(values=values, name="given", blocks=(4, 3)))
    x = directions.apply(values)
    assert np.allclose(np.linalg.norm(x, axis=1), 1)
    assert np.allclose(np.linalg.norm(x[:, :4], axis=1), np.sqrt(0.5))
    assert np.allclose(directions.apply(values[[3]]), x[[3]])
    assert not directions.apply(np.concatenate(directions.means)[None]).any()


def test_the_sharpness_is_the_likeliest() -> None:
    scores = np.random.default_rng(0).normal(size=(200, 4))
    labels = np.where(np.random.default_rng(1).random(200) < 0.7, scores.argmax(1), 0)
    best, loss = find_sharpness(scores, labels)
    for factor in (0.9 * best, best, 1.1 * best):
        logs = np.log(softmax(factor * scores))
        assert -(199 / 200 * logs[np.arange(200), labels] + logs.mean(axis=1) / 200).mean() >= loss - 1e-6


def test_scores_that_explain_every_label_keep_their_ranks() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    scores = np.eye(2)[labels] * rng.uniform(0.3, 1.0, size=300)[:, None]
    best, _ = find_sharpness(scores, labels)
    probs = softmax(best * scores).astype(np.float32)
    assert len(np.unique(probs.min(axis=1))) > 290
    assert probs.min() < 0.02
