"""The search over T's diagonal alone: its objective is that of the whole search."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.judge.log_probs import LogProbs
from labelaudit.judge.noise_diagonal import _objective
from labelaudit.judge.noise_fit import _FitSubset, fit_noise_model
from labelaudit.judge.noise_sweeps import Prior

CLASSES, SAMPLES = 7, 60


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_loss_and_gradient_are_those_of_the_whole_search(models: int, slope: float) -> None:
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.ones(CLASSES), (models, SAMPLES))
    logs = LogProbs.of({str(number): table for number, table in enumerate(tables)}, slice(None)).astype(np.float64)
    labels, known = np.sort(rng.integers(0, CLASSES, SAMPLES)), np.full(SAMPLES, -1)
    known[3] = 2
    transition, difficulties = rng.dirichlet(np.ones(CLASSES), CLASSES), rng.normal(size=SAMPLES)
    prior = Prior.of(np.diagonal(transition), np.bincount(labels, minlength=CLASSES))
    begun = [*rng.random(models), slope]
    right = np.diagonal(transition)
    errors = transition * (1 - np.eye(CLASSES)) / (1 - right)[:, None]

    loss, gradient = _objective(_FitSubset(logs, labels, known), errors, difficulties, prior)(
        np.r_[begun, np.log(right / (1 - right))]
    )
    point = np.r_[begun, np.log(transition).ravel()]
    whole = _FitSubset(logs, labels, known).objective(point, difficulties, prior.matrix)

    moved = np.r_[: models + 1, models + 1 : models + 1 + CLASSES**2 : CLASSES + 1]
    fixed = (prior.matrix * np.log(errors, where=errors > 0, out=np.zeros_like(errors))).sum() / SAMPLES
    assert loss - fixed == pytest.approx(whole[0], rel=1e-12)
    assert gradient == pytest.approx(whole[1][moved], abs=1e-12)


def test_many_classes_of_many_samples_are_fitted_as_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(0, 60, 6000)
    wrong = rng.random(6000) < 0.1
    given = np.where(wrong, (true + 1) % 60, true)
    logits = rng.normal(size=(6000, 60)) + 5 * np.eye(60)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    whole = fit_noise_model({"a": probs}, given)
    monkeypatch.setattr("labelaudit.judge.noise_fit._CELLS", 60 * 3000)
    part = fit_noise_model({"a": probs}, given)
    assert part.weights["a"] == pytest.approx(whole.weights["a"], rel=0.05)
    assert np.diagonal(part.transition).mean() == pytest.approx(np.diagonal(whole.transition).mean(), abs=0.01)
    rows = np.arange(6000)
    found = [1 - np.asarray(fitted.posterior)[rows, given] for fitted in (whole, part)]
    assert np.abs(found[0] - found[1]).mean() < 0.01
