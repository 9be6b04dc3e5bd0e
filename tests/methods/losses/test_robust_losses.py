"""The losses of MAE, GCE, PHuber-CE, bootstrapping and noisy gradients against their formulas as plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from fits import batch_of, begun, logit_gradient
from torch import Tensor

from labelaudit.methods import Method, cross_entropy
from labelaudit.methods._draws import draw_noise
from labelaudit.methods.losses.bootstrapping import Bootstrapping
from labelaudit.methods.losses.gce import GeneralizedCrossEntropy
from labelaudit.methods.losses.gradient_noise import GradientNoise
from labelaudit.methods.losses.mae import MeanAbsoluteError
from labelaudit.methods.losses.phuber import PartiallyHuberised

CLASSES = 4
Y = torch.tensor([[0, 1, 2, 3, 0], [3, 2, 1, 0, 3]])  # (F, B)


def logits() -> Tensor:
    """(K, F, B, C), steep enough that p_y lies on both sides of every threshold."""
    return 3 * torch.randn(1, 2, 5, CLASSES, generator=torch.Generator().manual_seed(1))


def phuber(p: Tensor, y: int, tau: float) -> float:
    given = float(p[y])
    return -math.log(given) if given > 1 / tau else -tau * given + math.log(tau) + 1


def reed(p: Tensor, y: int, beta: float, form: str) -> float:
    own = p if form == "soft" else torch.eye(CLASSES)[p.argmax()]
    target = beta * torch.eye(CLASSES)[y] + (1 - beta) * own
    return -float((target * p.log()).sum())


@pytest.mark.parametrize(
    ("method", "formula"),
    [
        (MeanAbsoluteError(), lambda p, y: float((torch.eye(CLASSES)[y] - p).abs().sum())),
        (GeneralizedCrossEntropy(q=0.7), lambda p, y: (1 - float(p[y]) ** 0.7) / 0.7),
        (GeneralizedCrossEntropy(q=1.0), lambda p, y: 1 - float(p[y])),
        (PartiallyHuberised(tau=5.0), lambda p, y: phuber(p, y, 5.0)),
        (Bootstrapping(), lambda p, y: reed(p, y, 0.8, "hard")),
        (Bootstrapping(form="soft"), lambda p, y: reed(p, y, 0.95, "soft")),
        (Bootstrapping(form="soft", beta=0.3), lambda p, y: reed(p, y, 0.3, "soft")),
        (GradientNoise(sigma=0.0), lambda p, y: -math.log(float(p[y]))),
    ],
)
def test_loss_is_the_papers_formula(method: Method, formula: Callable[[Tensor, int], float]) -> None:
    z = logits()
    found = method.loss(z, batch_of(Y))
    expected = [[formula(z[0, f, b].softmax(-1), int(Y[f, b])) for b in range(5)] for f in range(2)]
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_the_gradient_of_mae_is_that_of_cross_entropy_times_twice_the_given_probability() -> None:
    z = logits()
    p = z.softmax(-1)
    onehot = torch.eye(CLASSES)[Y]
    expected = 2 * (p * onehot).sum(-1, keepdim=True) * (p - onehot)
    torch.testing.assert_close(logit_gradient(MeanAbsoluteError(), z, batch_of(Y)), expected)


def test_mae_summed_over_all_labels_is_constant() -> None:
    z = logits()
    total = sum(MeanAbsoluteError().loss(z, batch_of(torch.full_like(Y, c))) for c in range(CLASSES))
    torch.testing.assert_close(total, torch.full((1, 2, 5), 2.0 * (CLASSES - 1)))


def test_gce_nears_cross_entropy_as_q_nears_zero() -> None:
    z = logits()
    nearly = GeneralizedCrossEntropy(q=0.001).loss(z, batch_of(Y))
    torch.testing.assert_close(nearly, cross_entropy(z, Y), rtol=0.01, atol=1e-4)


def test_gce_leaves_out_improbable_samples_from_the_start_of_truncation_on() -> None:
    labels = torch.tensor([0, 0, 1, 2])  # the only sample of class 2 is improbable, and stays
    p = torch.tensor([[0.9, 0.1, 0.0], [0.3, 0.7, 0.0], [0.45, 0.55, 0.0], [0.5, 0.4, 0.1]])
    method = begun(GeneralizedCrossEntropy(truncation=0.5, start=0.5, every=3), labels, 3, epochs=10)
    calls = []

    def predict() -> Tensor:
        calls.append(len(calls))
        return p.log().view(1, 1, 4, 3)

    assert all(method.sample_weights(epoch, predict) is None for epoch in range(5))
    for epoch in range(5, 10):
        weights = method.sample_weights(epoch, predict)
        assert weights is not None
        assert weights.tolist() == [[1, 0, 1, 1]]
    assert len(calls) == 2  # epochs 5 and 8
    assert method.sample_statistics(predict())["pruned"].tolist() == [[0, 1, 0, 0]]
    never = begun(GeneralizedCrossEntropy(truncation=0.0), labels, 3)
    assert all(never.sample_weights(epoch, predict) is None for epoch in range(10))


def test_phuber_meets_its_tangent_with_equal_value_and_slope_and_bounds_the_gradient() -> None:
    tau = 5.0
    p_y = torch.tensor([0.2 - 1e-4, 0.2 + 1e-4, 1e-6])
    z = torch.stack([p_y.log(), torch.log1p(-p_y)], dim=-1).view(1, 1, 3, 2)
    y = torch.zeros(1, 3, dtype=torch.int64)
    below, above, _ = PartiallyHuberised(tau=tau).loss(z, batch_of(y))[0, 0].tolist()
    assert below == pytest.approx(above, abs=2e-3)
    gradient = logit_gradient(PartiallyHuberised(tau=tau), z, batch_of(y))[0, 0, :, 0]
    assert float(gradient[0]) == pytest.approx(float(gradient[1]), abs=2e-3)
    assert abs(float(gradient[2])) < 1e-5  # cross-entropy's is -1


def test_soft_bootstrapping_is_cross_entropy_with_minimum_entropy() -> None:
    z = logits().requires_grad_()
    p, log_p = z.softmax(-1), z.log_softmax(-1)
    expected = 0.9 * cross_entropy(z, Y) - 0.1 * (p * log_p).sum(-1)
    (wanted,) = torch.autograd.grad(expected.sum(), z)
    found = logit_gradient(Bootstrapping(form="soft", beta=0.9), z.detach(), batch_of(Y))
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("distribution", ["gaussian", "laplace"])
def test_noise_has_the_mean_and_moments_of_its_distribution(distribution: str) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = draw_noise(torch.empty(200_000), 0.3, distribution, generator)  # type: ignore[arg-type]
    assert abs(float(noise.mean())) < 0.003
    assert float(noise.std()) == pytest.approx(0.3, rel=0.02)
    kurtosis = float((noise / 0.3).pow(4).mean())
    assert kurtosis == pytest.approx(3 if distribution == "gaussian" else 6, rel=0.1)


@pytest.mark.parametrize(("scale", "times"), [("sample", 1), ("batch", 50_000)])
def test_logit_noise_is_added_to_each_samples_gradient(scale: str, times: int) -> None:
    y = torch.full((1, 50_000), 2)
    method = begun(GradientNoise(sigma=0.3, scale=scale), y[0], CLASSES)  # type: ignore[arg-type]
    z = torch.tensor([1.0, 0.2, -0.5, 0.0]).expand(1, 1, 50_000, CLASSES)
    noise = logit_gradient(method, z, batch_of(y))[0, 0] - (z[0, 0].softmax(-1) - torch.eye(CLASSES)[2])
    assert abs(float(noise.mean())) < 0.003 * times
    torch.testing.assert_close(torch.cov(noise.T) / times**2, 0.09 * torch.eye(CLASSES), atol=0.003, rtol=0)


def test_weight_noise_is_added_to_every_parameters_gradient() -> None:
    method = begun(GradientNoise(sigma=0.0, where="weights"), Y[0], CLASSES)
    network = method.fit.networks[0]
    x = torch.ones(1, 5, 3)

    def gradients() -> Tensor:
        network.zero_grad()
        method.step([network], batch_of(Y[:1], x)).backward()  # type: ignore[no-untyped-call]
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    clean = gradients()
    method.sigma = 0.5
    noise = torch.cat([gradients() - clean for _ in range(2000)])
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(0.5, rel=0.02)
