"""The noise model: recovers planted noise, never loses likelihood, needs no truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from labelaudit.errors import DataError
from labelaudit.judge import noise_model
from labelaudit.judge.channel import Channel, difficulty, error_factors
from labelaudit.judge.noise_fit import _FitSubset, fit_noise_model

Array = npt.NDArray[np.float64]


def sharp_model(truth: npt.NDArray[np.int64], classes: int, skill: float, rng: np.random.Generator) -> Array:
    """Calibrated probabilities of a model that sees the truth through Gaussian noise."""
    evidence = np.eye(classes)[truth] * skill + rng.normal(size=(len(truth), classes))
    logits = evidence * skill  # Bayes posterior of a unit-variance Gaussian with means skill * e_k
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def planted(seed: int, rate: float, classes: int = 4, n: int = 3000, skill: float = 3.0) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    given = np.where(rng.random(n) < rate, (truth + 1) % classes, truth)
    return sharp_model(truth, classes, skill, rng), given, truth


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_recovers_the_transition_and_the_rate(rate: float) -> None:
    probs, given, truth = planted(0, rate)
    fitted = fit_noise_model({"m": probs}, given)
    expected = (1 - rate) * np.eye(4) + rate * np.roll(np.eye(4), 1, axis=1)
    assert np.abs(fitted.transition - expected).max() < 0.04
    wrong = 1 - fitted.posterior[np.arange(len(given)), given]
    assert abs(wrong.mean() - (given != truth).mean()) < 0.02


def test_a_calibrated_model_keeps_its_sharpness() -> None:
    probs, given, _ = planted(1, 0.0)
    assert fit_noise_model({"m": probs}, given).weights["m"] == pytest.approx(1.0, abs=0.1)


def test_the_pool_prefers_the_informative_model() -> None:
    probs, given, _ = planted(2, 0.1)
    useless = np.random.default_rng(0).dirichlet(np.ones(4), len(given))
    both = fit_noise_model({"good": probs, "useless": useless}, given)
    assert both.weights["good"] > 10 * both.weights["useless"]
    assert both.loss <= fit_noise_model({"good": probs}, given).loss + 1e-6


def test_loss_is_the_mean_negative_log_likelihood() -> None:
    probs, given, _ = planted(3, 0.2)
    fitted = fit_noise_model({"m": probs}, given)
    by_hand = 0.0
    for q, j, h in zip(fitted.probs, given, difficulty(fitted.probs) - fitted.mean_difficulty, strict=True):
        harder = np.where(np.eye(4), 1, np.exp(fitted.slope * h)) * fitted.transition
        by_hand -= np.log(sum(float(q[k]) * harder[k, j] / harder[k].sum() for k in range(4)))
    assert fitted.loss == pytest.approx(by_hand / len(given), rel=1e-4)
    assert np.allclose(fitted.transition.sum(axis=1), 1)
    assert np.allclose(fitted.posterior.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("verified", [0, 60])
def test_the_gradient_is_the_derivative_of_the_objective(verified: int) -> None:
    probs, given, truth = planted(4, 0.2, n=200)
    known = np.where(np.arange(200) < verified, truth, noise_model.UNKNOWN)
    models = {"one": probs, "other": np.roll(probs, 1, axis=0)}
    part = _FitSubset.of(models, np.arange(200), given, known, np.float64)
    rng = np.random.default_rng(0)
    hard, prior = rng.normal(size=200), rng.uniform(0, 3, (4, 4))
    point = np.concatenate([[0.6, 0.3], [0.4], rng.normal(size=16)])
    gradient = part.objective(point, hard, prior)[1]
    for i, step in enumerate(np.eye(len(point)) * 1e-5):
        slope = part.objective(point + step, hard, prior)[0] - part.objective(point - step, hard, prior)[0]
        assert gradient[i] == pytest.approx(slope / 2e-5, rel=1e-4, abs=1e-7)


def test_most_labels_wrong_is_not_taken_for_ignorance() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 4000)
    given = np.where(rng.random(4000) < 0.6, (truth + rng.integers(1, 4, 4000)) % 4, truth)
    sharp = sharp_model(truth, 4, 4.0, rng)
    timid = sharp**0.2
    fitted = fit_noise_model({"m": timid / timid.sum(axis=1, keepdims=True)}, given)
    wrong = 1 - fitted.posterior[np.arange(4000), given]
    assert abs(wrong.mean() - 0.6) < 0.02
    assert (fitted.probs.argmax(axis=1) == truth).mean() > 0.95


def test_of_few_images_with_mostly_wrong_labels_the_prior_does_not_choose_the_start() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 10, 1000)
    given = np.where(rng.random(1000) < 0.8, (truth + rng.integers(1, 10, 1000)) % 10, truth)
    fitted = fit_noise_model({"m": sharp_model(truth, 10, 3.0, rng)}, given)
    wrong = 1 - fitted.posterior[np.arange(1000), given]
    assert abs(wrong.mean() - 0.8) < 0.05
    assert wrong[given != truth].mean() > 0.9


def test_pairs_exchanged_by_many_are_not_taken_for_ignorance() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 10, 5000)
    given = np.where(rng.random(5000) < 0.4, (truth + 1) % 10, truth)
    timid = sharp_model(truth, 10, 4.0, rng) ** 0.2
    fitted = fit_noise_model({"m": timid / timid.sum(axis=1, keepdims=True)}, given)
    wrong = 1 - fitted.posterior[np.arange(5000), given]
    assert abs(wrong.mean() - 0.4) < 0.05
    assert wrong[given != truth].mean() > 0.8


def test_of_many_classes_pairs_that_are_exchanged_are_still_learned() -> None:
    probs, given, truth = planted(seed=5, rate=0.3, classes=60, n=1500, skill=5.0)
    fitted = fit_noise_model({"m": probs}, given)
    following = fitted.transition[np.arange(60), (np.arange(60) + 1) % 60]
    assert following.mean() > 0.15  # .3, but for the pseudo-counts beside 25 samples a class
    wrong = 1 - fitted.posterior[np.arange(1500), given]
    assert abs(wrong.mean() - 0.3) < 0.03
    assert wrong[given != truth].mean() > 0.9
    assert wrong[given == truth].mean() < 0.05


def test_where_nothing_can_be_told_few_labels_are_wrong() -> None:
    given = np.random.default_rng(4).integers(0, 3, 600)
    fitted = fit_noise_model({"m": np.full((600, 3), 1 / 3)}, given)
    assert (1 - fitted.posterior[np.arange(600), given]).max() < 0.2


def test_errors_that_grow_with_difficulty_give_a_slope_and_even_ones_none() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 6000)
    probs = sharp_model(truth, 4, 2.2, rng)
    hard = difficulty(probs)
    for slope in (0.0, 0.5):
        odds = 0.06 * np.exp(slope * (hard - hard.mean()))
        given = np.where(rng.random(6000) < odds / (1 + odds), (truth + 1) % 4, truth)
        fitted = fit_noise_model({"m": probs}, given)
        assert abs(fitted.slope - slope) < 0.15
        wrong = 1 - fitted.posterior[np.arange(6000), given]
        assert abs(wrong.mean() - (given != truth).mean()) < 0.02


def test_what_models_say_evenly_of_all_classes_stays_in_the_pool() -> None:
    probs, given, _ = planted(8, 0.3, skill=3.5)
    flat = 0.9 * probs + 0.1 / 4
    fitted = fit_noise_model({"m": flat}, given)
    power = fitted.weights["m"]
    assert np.allclose(fitted.probs, flat**power / (flat**power).sum(axis=1, keepdims=True), atol=1e-5)


def test_rare_classes_borrow_the_overall_error_rate() -> None:
    probs, given, _ = planted(5, 0.1)
    given = np.concatenate([given, [4, 4, 4]])
    wide = np.full((len(given), 5), 1e-3)
    wide[: len(probs), :4] = probs
    wide[len(probs) :] = [0.05, 0.05, 0.05, 0.05, 0.8]
    fitted = fit_noise_model({"m": wide / wide.sum(axis=1, keepdims=True)}, given)
    assert fitted.transition[4, 4] > 0.8


def test_renaming_classes_renames_the_answer() -> None:
    probs, given, _ = planted(6, 0.2)
    order = np.array([2, 0, 3, 1])
    a = fit_noise_model({"m": probs}, given)
    b = fit_noise_model({"m": probs[:, order]}, np.argsort(order)[given])
    assert np.allclose(a.posterior[:, order], b.posterior, atol=1e-4)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="at least one model"):
        fit_noise_model({}, np.array([0]))
    with pytest.raises(DataError, match="2 labels"):
        fit_noise_model({"m": np.ones((3, 2)) / 2}, np.array([0, 1]))


def test_verified_labels_are_certain_and_teach_the_transition() -> None:
    probs, given, truth = planted(5, 0.2, skill=1.5)
    known = np.full(len(given), noise_model.UNKNOWN)
    known[:900] = truth[:900]
    blind, told = fit_noise_model({"m": probs}, given), fit_noise_model({"m": probs}, given, known=known)
    assert (told.posterior[:900].argmax(axis=1) == truth[:900]).all()
    np.testing.assert_allclose(told.posterior[:900].max(axis=1), 1.0)
    expected = 0.8 * np.eye(4) + 0.2 * np.roll(np.eye(4), 1, axis=1)
    assert np.abs(told.transition - expected).max() < np.abs(blind.transition - expected).max()
    rest = slice(900, None)
    wrong = given[rest] != truth[rest]

    def missed(fitted: noise_model.NoiseModel) -> float:
        suspicion = 1 - fitted.posterior[np.arange(900, len(given)), given[rest]]
        return float(np.square(suspicion - wrong).mean())

    assert missed(told) < missed(blind)


def test_nothing_known_changes_nothing() -> None:
    probs, given, _ = planted(6, 0.1)
    unknown = fit_noise_model({"m": probs}, given, known=np.full(len(given), noise_model.UNKNOWN))
    assert unknown.posterior.tobytes() == fit_noise_model({"m": probs}, given).posterior.tobytes()


def test_a_dataset_in_which_no_label_is_right_is_still_fitted() -> None:
    probs, given, _ = planted(7, 0.1, n=60)
    fitted = fit_noise_model({"m": probs}, given, known=np.full(len(given), noise_model.NO_CLASS))
    assert np.isfinite(fitted.posterior).all()


def test_the_order_decides_who_speaks_for_a_group() -> None:
    probs, given, _ = planted(6, 0.1, n=400)
    groups = np.arange(400) // 2
    order = np.random.default_rng(0).permutation(400)
    found = fit_noise_model({"m": probs}, given, groups=groups, order=order)
    moved = fit_noise_model({"m": probs[order]}, given[order], groups=groups[order])
    first = fit_noise_model({"m": probs}, given, groups=groups)
    assert found.transition == pytest.approx(moved.transition, abs=1e-3)
    assert np.abs(first.transition - moved.transition).max() > 0.01


def test_the_channel_judges_and_counts_as_its_formula_says() -> None:
    rng = np.random.default_rng(0)
    matrix, probs = rng.dirichlet(np.ones(4), 4), rng.dirichlet(np.ones(4), 30)
    labels, hard = np.sort(rng.integers(0, 4, 30)), rng.normal(size=30)
    channel = Channel(matrix, error_factors(hard, 0.7))
    each = np.where(np.eye(4), 1, np.exp(0.7 * hard)[:, None, None]) * matrix
    each /= each.sum(axis=2, keepdims=True)  # (30, 4, 4) T of each sample
    joint = probs * each[np.arange(30), :, labels]
    posterior, likelihood = channel.judge(probs, labels)
    assert posterior == pytest.approx(joint / joint.sum(axis=1, keepdims=True))
    assert likelihood == pytest.approx(joint.sum(axis=1))
    counts, expected, errs = channel.count(posterior, labels)
    assert counts == pytest.approx(posterior.T @ np.eye(4)[labels])
    assert errs == pytest.approx(1 - np.einsum("nk,nkk->n", posterior, each))
    # what is expected of a cell is what its logit would take from the posterior: T times all that scales its row
    scale = each / matrix
    assert expected == pytest.approx(matrix * np.einsum("nk,nkj->kj", posterior, scale))
