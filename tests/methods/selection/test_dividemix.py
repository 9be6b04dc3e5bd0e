"""DivideMix: the mixture against scikit-learn's, targets and losses against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fits import batch_of, begun
from sklearn.mixture import GaussianMixture
from torch import Tensor

from labelaudit.methods import cross_entropy
from labelaudit.methods.selection.dividemix import DivideMix, class_balance_penalty, clean_posterior

Y = torch.arange(20).view(2, 10) % 4  # (F, B)
PROBS = (2 * torch.randn(2, 2, 10, 4, generator=torch.Generator().manual_seed(5))).softmax(-1)  # (K, F, B, C)


def test_the_mixture_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.gamma(2, 0.1, 300), rng.normal(2.5, 0.4, 100)])
    loss = torch.tensor(values, dtype=torch.float32).expand(1, 1, 400)
    scaled = ((values - values.min()) / (values.max() - values.min()))[:, None]
    mixture = GaussianMixture(2, means_init=[[0.0], [1.0]], reg_covar=5e-4, max_iter=200, tol=1e-8).fit(scaled)
    expected = mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
    found = clean_posterior(loss, torch.ones(1, 400, dtype=torch.bool))[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_mixture_learns_from_training_samples_alone_and_survives_equal_losses() -> None:
    loss = torch.tensor([0.1, 0.2, 0.15, 2.0, 2.1, 50.0, -1.0]).expand(1, 1, 7)
    trained = torch.tensor([[True] * 5 + [False] * 2])
    found = clean_posterior(loss, trained)[0, 0]
    assert torch.equal(found.round(), torch.tensor([1.0, 1, 1, 0, 0, 0, 1]))
    assert clean_posterior(torch.ones(2, 1, 5), torch.ones(1, 5, dtype=torch.bool)).isfinite().all()


def test_kept_labels_are_refined_and_the_others_guessed_then_sharpened() -> None:
    trust = torch.rand(2, 2, 10, generator=torch.Generator().manual_seed(1))
    target, labelled = DivideMix(threshold=0.4, temperature=0.5).targets(PROBS, Y, trust)
    for k in range(2):
        for f in range(2):
            for b in range(10):
                w = float(trust[k, f, b])
                if w > 0.4:
                    soft = w * torch.eye(4)[Y[f, b]] + (1 - w) * PROBS[k, f, b]
                else:
                    soft = (PROBS[0, f, b] + PROBS[1, f, b]) / 2
                torch.testing.assert_close(target[k, f, b], soft**2 / (soft**2).sum())
                assert bool(labelled[k, f, b]) == (w > 0.4)


def test_the_loss_is_a_mean_over_the_labelled_and_one_over_the_others() -> None:
    method, labelled = DivideMix(lambda_u=25.0), torch.arange(20).view(2, 10) % 3 == 0
    logits = PROBS[0].log() * 2
    target = PROBS[1]
    found = method._mixed_loss(logits, target, labelled).mean(-1)
    for f in range(2):
        p = logits[f].softmax(-1)
        entropy = [-float((target[f, b] * p[b].log()).sum()) for b in range(10) if labelled[f, b]]
        error = [float((target[f, b] - p[b]).square().mean()) for b in range(10) if not labelled[f, b]]
        expected = sum(entropy) / len(entropy) + 25 * sum(error) / len(error)
        assert float(found[f]) == pytest.approx(expected, rel=1e-4)


def test_balanced_predictions_cost_nothing() -> None:
    assert float(class_balance_penalty(torch.eye(4).unsqueeze(0))[0]) == pytest.approx(0, abs=1e-6)
    mean = torch.tensor([0.7, 0.1, 0.1, 0.1])
    expected = sum(0.25 * np.log(0.25 / float(value)) for value in mean)
    assert float(class_balance_penalty(mean.expand(1, 6, 4))[0]) == pytest.approx(expected, rel=1e-5)


def test_each_network_is_told_by_its_peer() -> None:
    """A label that only network 0 finds easy is trusted by network 1 alone."""
    method = begun(DivideMix(warmup=0.0), Y[0], 4)
    z = torch.zeros(2, 1, 10, 4)
    z[:, 0, torch.arange(10), Y[0]] = 8.0
    z[1, 0, 3] *= -1
    z[:, 0, 7] *= -1  # somebody whom both distrust
    method.sample_weights(1, lambda: z)
    seen: list[Tensor] = []

    def targets(probs: Tensor, y: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(trust)
        return DivideMix.targets(method, probs, y, trust)

    method.targets = targets  # type: ignore[method-assign]
    loss = method.step(method.fit.networks, batch_of(Y[:1], torch.randn(1, 10, 3)))
    assert loss.isfinite()
    assert (seen[0][:, 0, 3] > 0.5).tolist() == [False, True]
    assert (seen[0][:, 0, 7] > 0.5).tolist() == [False, False]
    distrust = method.sample_statistics(z)["distrust"][0]
    assert float(distrust[7]) > float(distrust[3]) > float(distrust[0])


def test_it_is_cross_entropy_until_the_warm_up_is_over() -> None:
    method = begun(DivideMix(warmup=0.5), Y[0], 4, epochs=4)
    x = torch.randn(1, 10, 3, generator=torch.Generator().manual_seed(0))
    assert method.sample_weights(1, PROBS[:, :1].log) is None
    expected = sum(cross_entropy(network(x), Y[:1]).mean() for network in method.fit.networks)
    torch.testing.assert_close(method.step(method.fit.networks, batch_of(Y[:1], x)), expected)
