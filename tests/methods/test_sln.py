"""SLN's formulas: the gradient noise it causes, its momentum model, its label correction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from labelaudit.methods import Batch, FitContext, cross_entropy
from labelaudit.methods.sln import StochasticLabelNoise, dissect, given_share
from labelaudit.networks import build

CLASSES = 4


def started(n: int, **options: object) -> StochasticLabelNoise:
    method = StochasticLabelNoise(**options)  # type: ignore[arg-type]
    network = build("linear", (3,), CLASSES)
    labels = torch.arange(n) % CLASSES
    method.begin(
        FitContext(
            labels=labels,
            classes=CLASSES,
            trained=torch.ones(1, n, dtype=torch.bool),
            networks=[network],
            epochs=10,
            steps=100,
            generator=torch.Generator().manual_seed(0),
        )
    )
    return method


def batch(y: Tensor) -> Batch:
    one = torch.ones(y.shape)
    return Batch(x=one, y=y, index=torch.arange(y.shape[1]).expand(y.shape), weight=one, take=lambda index: index)


def noisy_gradients(z: Tensor, label: int, sigma: float, draws: int) -> Tensor:
    """(draws, C) logit gradients of one sample under fresh label noise."""
    method = started(draws, sigma=sigma)
    logits = z.expand(1, 1, draws, CLASSES).clone().requires_grad_()
    method.loss(logits, batch(torch.full((1, draws), label))).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return logits.grad[0, 0]


def test_gradient_noise_has_the_covariance_of_proposition_2_and_the_mean_of_cross_entropy() -> None:
    z, sigma = torch.tensor([1.0, 0.2, -0.5, 0.0]), 0.7
    gradients = noisy_gradients(z, 2, sigma, 200_000)
    s = z.softmax(-1)
    clean = s - torch.eye(CLASSES)[2]
    expected = CLASSES * torch.outer(s, s) - s[:, None] - s[None] + torch.eye(CLASSES)
    torch.testing.assert_close(gradients.mean(0), clean, atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cov(gradients.T), sigma**2 * expected, atol=0.02, rtol=0)
    assert float((gradients - clean).sum(1).abs().max()) < 1e-4  # noise sums to zero over the classes


def test_without_noise_it_is_cross_entropy() -> None:
    logits = torch.randn(1, 1, 8, CLASSES, generator=torch.Generator().manual_seed(0))
    y = torch.arange(8)[None] % CLASSES
    torch.testing.assert_close(started(8, sigma=0.0).loss(logits, batch(y)), cross_entropy(logits, y))


def test_loss_may_be_negative_and_stays_finite() -> None:
    y = torch.zeros(1, 4000, dtype=torch.int64)
    loss = started(4000, sigma=2.0).loss(torch.zeros(1, 1, 4000, CLASSES), batch(y))
    assert torch.isfinite(loss).all()
    assert float(loss.min()) < 0


def test_correction_keeps_labels_of_large_loss_replaces_those_of_small_loss_and_stops_the_noise() -> None:
    method = started(4, correction=0.5, sigma=0.5)
    logits = torch.zeros(2, 1, 4, CLASSES)
    logits[0, 0, 0, 0] = 5.0  # label 0, predicted 0: the smallest loss, ω = 0
    logits[0, 0, 1, 3] = 5.0  # label 1, predicted 3: the largest loss, ω = 1
    assert method.sample_weights(4, lambda: logits) is None
    assert method._omega is None
    method.sample_weights(5, lambda: logits)
    z = torch.randn(1, 1, 4, CLASSES, generator=torch.Generator().manual_seed(1))
    y = torch.arange(4)[None]
    loss = method.loss(z, batch(y))
    given = cross_entropy(z, y)
    torch.testing.assert_close(loss[..., :2], given[..., :2])
    omega = method._omega
    assert omega is not None
    assert 0 < float(omega[0, 2]) < 1
    corrected = omega * given[0] + (1 - omega) * cross_entropy(z, logits[0].argmax(-1))[0]
    torch.testing.assert_close(loss[0], corrected)


def test_the_weight_of_the_correction_can_be_reversed() -> None:
    losses = {}
    for reversed_weight in (False, True):
        method = started(4, sigma=0.0, correction=0.9, reversed_weight=reversed_weight)
        logits = torch.zeros(2, 1, 4, CLASSES)
        logits[..., 0] = torch.tensor([0.0, 1.0, 2.0, 3.0])
        method.sample_weights(5, logits.clone)
        losses[reversed_weight] = method._omega
    torch.testing.assert_close(losses[True], 1 - losses[False])
    assert losses[False].min() == 0.0
    assert losses[False].max() == 1.0


def test_soft_correction_mixes_all_probabilities_and_noise_may_go_on() -> None:
    method = started(4, correction=0.5, sigma=0.5, corrected_by="probabilities", keep_noise=True)
    logits = 2 * torch.randn(2, 1, 4, CLASSES, generator=torch.Generator().manual_seed(3))
    method.sample_weights(5, lambda: logits)
    z = torch.randn(1, 1, 4, CLASSES, generator=torch.Generator().manual_seed(1))
    y = torch.arange(4)[None]
    draws = torch.stack([method.loss(z, batch(y)) for _ in range(4000)])
    assert draws.std(0).min() > 0.1
    omega = method._omega
    assert omega is not None
    expected = omega * cross_entropy(z, y)[0] - (1 - omega) * (logits[0].softmax(-1) * z[0].log_softmax(-1)).sum(-1)
    torch.testing.assert_close(draws.mean(0)[0], expected, atol=0.1, rtol=0)
    quiet = started(4, correction=0.5, sigma=0.5, corrected_by="probabilities")
    quiet.sample_weights(5, lambda: logits)
    torch.testing.assert_close(quiet.loss(z, batch(y))[0], expected)


def test_correction_that_keeps_every_label_is_no_correction() -> None:
    method = started(6, correction=1.0, sigma=0.0)
    method.sample_weights(1, lambda: torch.randn(2, 1, 6, CLASSES, generator=torch.Generator().manual_seed(0)))
    method._omega = torch.ones(1, 6)
    z, y = torch.randn(1, 1, 6, CLASSES, generator=torch.Generator().manual_seed(1)), torch.arange(6)[None] % CLASSES
    loss = method.loss(z, batch(y))
    torch.testing.assert_close(loss, cross_entropy(z, y))
    assert loss.dtype == torch.float32


def test_given_share_is_min_max_over_the_training_fold_and_survives_equal_losses() -> None:
    loss, trained = torch.tensor([[1.0, 3.0, 2.0, 99.0]]), torch.tensor([[True, True, True, False]])
    assert given_share(loss, trained).tolist() == [[0.0, 1.0, 0.5, 1.0]]
    assert torch.isfinite(given_share(torch.ones(1, 4), trained)).all()


def test_dissection_covers_every_sample_once_and_loss_ascends() -> None:
    loss, agrees = np.random.default_rng(0).exponential(size=103), np.arange(103) % 2 == 0
    table = dissect(loss, agrees)
    assert sum(row["samples"] for row in table) == 103
    assert np.diff([row["mean_loss"] for row in table]).min() > 0
    assert sum(row["samples"] * row["agreement"] for row in table) == pytest.approx(agrees.sum())
