"""A group of copies or frames is one observation: every model and reading answers as if each group were there once."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from test_noise_model import planted

from labelaudit.judge import learning_curve, probes, prototypes, ridge, transition
from labelaudit.judge.consensus import agree
from labelaudit.judge.linear import find_sharpness, group_shares
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import UNKNOWN, NoiseModel
from labelaudit.judge.pool import measure_gain, pool
from labelaudit.judge.reading import read_rate
from labelaudit.judge.scores import odds_of_wrong
from labelaudit.judge.standing_out import share_standing_out
from labelaudit.types import Floats, Ints

COPIES = np.where(np.arange(240) % 3 == 1, 4, 1)
"""How often each sample lies there: those of one class four times."""
ROWS = np.repeat(np.arange(240), COPIES)


def draw(seed: int = 0) -> tuple[Floats, Ints]:
    """(240, 12) unit vectors around a mean per class, a tenth of the labels drawn anew."""
    rng = np.random.default_rng(seed)
    true = np.arange(240) % 3
    x = (2 * rng.normal(size=(3, 12))[true] + rng.normal(size=(240, 12))).astype(np.float32)
    labels = np.where(rng.random(240) < 0.1, rng.integers(3, size=240), true)
    return x / np.linalg.norm(x, axis=1, keepdims=True), labels


@pytest.mark.parametrize("model", [ridge, prototypes])
def test_closed_forms_answer_as_without_the_copies(model: ModuleType) -> None:
    x, labels = draw()
    once = model.fit(x, labels, 3)
    copied = model.fit(x[ROWS], labels[ROWS], 3, groups=ROWS)
    assert np.allclose(copied.probs, once.probs[ROWS], atol=1e-4)
    assert np.allclose(copied.model.apply(x), once.model.apply(x), atol=1e-4)
    counted = model.fit(x[ROWS], labels[ROWS], 3)
    assert np.abs(counted.probs - once.probs[ROWS]).max() > 0.01


def test_the_discriminant_of_folds_answers_as_without_the_copies() -> None:
    x, labels = draw()
    folds = np.arange(240) // 3 % 4
    once = probes.discriminant(x, labels, 3, folds)
    copied = probes.discriminant(x[ROWS], labels[ROWS], 3, folds[ROWS], shares=group_shares(ROWS))
    assert np.allclose(copied, once[ROWS], atol=5e-3)
    assert np.abs(probes.discriminant(x[ROWS], labels[ROWS], 3, folds[ROWS]) - once[ROWS]).max() > 0.02


def test_copies_of_a_neighbour_have_one_vote_together() -> None:
    labels, others = np.array([0, 0, 0, 0, 1]), np.array([[c for c in range(5) if c != row] for row in range(5)])
    votes = probes.neighbor_votes(np.full((5, 4), 0.9), others, labels, 2, digests=["a", "b", "b", "b", "c"])
    assert votes[0].tolist() == pytest.approx([0.5, 0.5])


def test_pool_noise_model_and_gain_are_fitted_to_groups() -> None:
    good, given, _ = planted(0, 0.1, skill=4.0)
    rng = np.random.default_rng(0)
    other = np.log(good) + rng.normal(size=good.shape)
    models = {"good": good, "other": np.exp(other) / np.exp(other).sum(axis=1, keepdims=True)}
    rows = np.repeat(np.arange(len(given)), np.where(given == 0, 5, 1))
    copied, labels = {name: probs[rows] for name, probs in models.items()}, given[rows]
    shares, folds = group_shares(rows), np.arange(len(given)) % 3
    once = pool(models, given)
    assert pool(copied, labels, shares=shares).weights == pytest.approx(once.weights, abs=2e-3)
    scores = np.log(good)
    assert find_sharpness(scores[rows], labels, shares)[0] == pytest.approx(find_sharpness(scores, given)[0], abs=2e-3)
    noise, counted = fit_noise_model(copied, labels, groups=rows), fit_noise_model(copied, labels)
    alone = fit_noise_model(models, given)
    assert np.allclose(noise.transition, alone.transition, atol=2e-3)
    assert np.abs(counted.transition - alone.transition).max() > 5e-3
    few = rows[rows < 900]
    one = measure_gain({"other": models["other"][:900]}, {"good": good[:900]}, given[:900], folds[:900])
    many = measure_gain({"other": models["other"][few]}, {"good": good[few]}, given[few], folds[few], groups=few)
    assert many.nats == pytest.approx(one.nats, rel=0.02)
    assert many.error == pytest.approx(one.error, rel=0.02)


def test_readings_of_the_rate_count_groups() -> None:
    probs, given, _ = planted(0, 0.2, skill=3.0)
    rows = np.repeat(np.arange(len(given)), np.where(probs.argmax(axis=1) != given, 4, 1))  # what looks wrong
    shares = group_shares(rows)
    once, copied = (
        share_standing_out(p, g, 0.3, s) for p, g, s in ((probs, given, None), (probs[rows], given[rows], shares))
    )
    assert copied == pytest.approx(once, abs=1e-9)
    suspicion = 1 - probs[np.arange(len(given)), given]
    alone = read_rate(suspicion, probs, given, None)
    found = read_rate(suspicion[rows], probs[rows], given[rows], None, shares=shares)
    assert (found.rate, found.low, found.high) == pytest.approx((alone.rate, alone.low, alone.high))
    odds = odds_of_wrong(probs, given)
    assert transition.find_factor(odds[rows], 0.1, shares) == pytest.approx(transition.find_factor(odds, 0.1))


def test_the_learning_curve_counts_groups() -> None:
    x, labels = draw(1)
    once = learning_curve.measure(x, labels, 3)
    copied = learning_curve.measure(x[ROWS], labels[ROWS], 3, groups=ROWS)
    assert once is not None
    assert copied is not None
    assert copied.errors == pytest.approx(once.errors, abs=0.01)
    assert copied.told == pytest.approx(once.told, abs=0.01)


def test_the_noise_model_is_heard_as_far_as_images_are_clear_and_in_groups_only_so() -> None:
    probs, given, _ = planted(0, 0.1, skill=3.0)
    doubt, clear = np.full(len(given), 0.4), np.linspace(0, 1, len(given))
    whole, half = (read_rate(doubt, probs, given, None, clear=some) for some in (None, clear))
    assert half.by_model == pytest.approx(whole.by_model / 2)
    assert half.rate == pytest.approx(whole.rate / 2)
    noise, known = fit_noise_model({"a": probs}, given), np.full(len(given), UNKNOWN)
    curve = learning_curve.Curve(errors=(0.5, 0.5, 0.5, 0.5), asymptote=0.4)
    pairs = np.arange(len(given)) // 2
    torn = replace(noise, probs=np.full_like(noise.probs, 1 / 3))

    def rate(one: NoiseModel, groups: Ints | None) -> float:
        return agree({"a": probs}, one, given, known=known, curve=curve, groups=groups).reading.rate

    assert rate(torn, pairs) < 0.8 * rate(noise, pairs)
    assert rate(torn, None) == rate(noise, None), "samples without companions are read as ever"
