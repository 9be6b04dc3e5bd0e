"""The noise channel: recovers planted noise, never loses likelihood, needs no truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from labelaudit import channel
from labelaudit.errors import DataError

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
    fitted = channel.fit({"m": probs}, given)
    expected = (1 - rate) * np.eye(4) + rate * np.roll(np.eye(4), 1, axis=1)
    assert np.abs(fitted.transition - expected).max() < 0.04
    wrong = 1 - fitted.posterior[np.arange(len(given)), given]
    assert abs(wrong.mean() - (given != truth).mean()) < 0.02


def test_a_calibrated_model_keeps_its_sharpness() -> None:
    probs, given, _ = planted(1, 0.0)
    assert channel.fit({"m": probs}, given).weights["m"] == pytest.approx(1.0, abs=0.1)


def test_the_pool_prefers_the_informative_model() -> None:
    probs, given, _ = planted(2, 0.1)
    useless = np.random.default_rng(0).dirichlet(np.ones(4), len(given))
    both = channel.fit({"good": probs, "useless": useless}, given)
    assert both.weights["good"] > 10 * both.weights["useless"]
    assert both.loss <= channel.fit({"good": probs}, given).loss + 1e-6


def test_loss_is_the_mean_negative_log_likelihood() -> None:
    probs, given, _ = planted(3, 0.2)
    fitted = channel.fit({"m": probs}, given)
    by_hand = 0.0
    for q, j in zip(fitted.probs, given, strict=True):
        by_hand -= np.log(sum(float(q[k]) * fitted.transition[k, j] for k in range(4)))
    assert fitted.loss == pytest.approx(by_hand / len(given), rel=1e-4)
    assert np.allclose(fitted.transition.sum(axis=1), 1)
    assert np.allclose(fitted.posterior.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("verified", [0, 60])
def test_the_weights_gradient_is_the_derivative_of_the_loss(verified: int) -> None:
    probs, given, truth = planted(4, 0.2, n=200)
    known = np.where(np.arange(200) < verified, truth, channel.UNKNOWN)
    logs = np.log(np.stack([probs, np.roll(probs, 1, axis=0)]))
    transition = channel.fit({"m": probs}, given).transition

    def loss(weights: Array) -> float:
        pooled = channel._pool(logs, weights)
        return float(-np.log(channel._posterior(pooled, transition, given, known)[1]).mean())

    best = channel._reweigh(logs, given, known, transition, np.array([0.5, 0.5]))
    for step in np.eye(2) * 1e-3:
        assert loss(best) <= loss(best + step) + 1e-9
        assert loss(best) <= loss(np.maximum(best - step, 0)) + 1e-9


def test_rare_classes_borrow_the_overall_error_rate() -> None:
    probs, given, _ = planted(5, 0.1)
    given = np.concatenate([given, [4, 4, 4]])
    wide = np.full((len(given), 5), 1e-3)
    wide[: len(probs), :4] = probs
    wide[len(probs) :] = [0.05, 0.05, 0.05, 0.05, 0.8]
    fitted = channel.fit({"m": wide / wide.sum(axis=1, keepdims=True)}, given)
    assert fitted.transition[4, 4] > 0.8


def test_renaming_classes_renames_the_answer() -> None:
    probs, given, _ = planted(6, 0.2)
    order = np.array([2, 0, 3, 1])
    a = channel.fit({"m": probs}, given)
    b = channel.fit({"m": probs[:, order]}, np.argsort(order)[given])
    assert np.allclose(a.posterior[:, order], b.posterior, atol=1e-4)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="at least one model"):
        channel.fit({}, np.array([0]))
    with pytest.raises(DataError, match="2 labels"):
        channel.fit({"m": np.ones((3, 2)) / 2}, np.array([0, 1]))


def test_verified_labels_are_certain_and_teach_the_transition() -> None:
    probs, given, truth = planted(5, 0.2, skill=1.5)
    known = np.full(len(given), channel.UNKNOWN)
    known[:900] = truth[:900]
    blind, told = channel.fit({"m": probs}, given), channel.fit({"m": probs}, given, known=known)
    assert (told.posterior[:900].argmax(axis=1) == truth[:900]).all()
    np.testing.assert_allclose(told.posterior[:900].max(axis=1), 1.0)
    expected = 0.8 * np.eye(4) + 0.2 * np.roll(np.eye(4), 1, axis=1)
    assert np.abs(told.transition - expected).max() < np.abs(blind.transition - expected).max()
    rest = slice(900, None)
    wrong = given[rest] != truth[rest]

    def missed(fitted: channel.Channel) -> float:
        suspicion = 1 - fitted.posterior[np.arange(900, len(given)), given[rest]]
        return float(np.square(suspicion - wrong).mean())

    assert missed(told) < missed(blind)


def test_nothing_known_changes_nothing() -> None:
    probs, given, _ = planted(6, 0.1)
    unknown = channel.fit({"m": probs}, given, known=np.full(len(given), channel.UNKNOWN))
    assert unknown.posterior.tobytes() == channel.fit({"m": probs}, given).posterior.tobytes()
