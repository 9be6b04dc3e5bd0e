"""The two methods that score with a constrained network: what their columns are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fits import begun

from labelaudit.methods import cross_entropy
from labelaudit.methods.gaussian import Gaussian
from labelaudit.methods.spectral import Spectral
from labelaudit.networks import build
from labelaudit.networks.injection import inject_noise, injected
from labelaudit.networks.spectra import lipschitz_scale
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings

LABELS = torch.arange(12) % 3


def test_the_margin_is_in_units_of_what_the_network_can_stretch() -> None:
    network = build("mlp", (5,), 3, copies=2)
    method = begun(Spectral(), LABELS, 3, networks=[network], folds=2)
    logits = torch.randn(1, 2, 12, 3, generator=torch.Generator().manual_seed(0))
    found = method.sample_statistics(logits)["lipschitz_margin"]
    stretch = lipschitz_scale(network, 2)
    for f in range(2):
        for i in range(12):
            others = max(float(logits[0, f, i, c]) for c in range(3) if c != LABELS[i])
            expected = (others - float(logits[0, f, i, LABELS[i]])) / float(stretch[f])
            assert float(found[f, i]) == pytest.approx(expected, rel=1e-4)


def test_the_noisy_loss_is_the_mean_loss_under_noise_and_the_network_is_left_as_it_was() -> None:
    network, generator = build("mlp", (5,), 3, copies=2), torch.Generator().manual_seed(0)
    method = begun(Gaussian(draws=400), LABELS, 3, networks=[network], folds=2)
    inject_noise(network, 0.25, kind="additive", layers="all", generator=generator)
    x = torch.randn(2, 12, 5, generator=generator)
    network.eval()
    with torch.no_grad():
        logits = method.predict([network], x)
        assert not any(source.training for source in injected(network))
        torch.testing.assert_close(logits[0], network(x))
        network.train()
        draws = torch.stack([cross_entropy(network(x), LABELS) for _ in range(2000)])
    noise = draws.std(0) / 400**0.5
    assert ((method.sample_statistics(logits)["noisy_loss"] - draws.mean(0)).abs() < 5 * noise).all()


def test_without_noise_the_noisy_loss_is_the_loss() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    evidence = crossfit(
        CrossfitSettings(method="gaussian", folds=2, epochs=2, options={"variance": 0.0, "draws": 2}),
        x,
        np.arange(30) % 3,
        3,
    )
    np.testing.assert_allclose(evidence.columns["noisy_loss"], evidence.columns["loss"], rtol=1e-5)
