"""LIMIT's formulas: what reaches the classifier, what reaches q, and where q settles."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from labelaudit.methods import Batch
from labelaudit.methods.limit import Limit

FOLDS, BATCH, CLASSES = 2, 5, 4


def batch(y: torch.Tensor) -> Batch:
    one = torch.ones(y.shape)
    return Batch(x=one, y=y, index=torch.zeros(y.shape, dtype=torch.int64), weight=one, take=lambda index: index)


def logits(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, FOLDS, BATCH, CLASSES, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def labels(seed: int = 0) -> torch.Tensor:
    return torch.randint(CLASSES, (FOLDS, BATCH), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
def test_classifier_gradient_is_that_of_soft_label_cross_entropy_and_never_sees_the_label(distribution: str) -> None:
    method, z = Limit(distribution=distribution), logits()
    gradients = [
        torch.autograd.grad(method.loss(z, batch(labels(seed)))[0].sum(), z, retain_graph=True)[0] for seed in (0, 1)
    ]
    soft = -(z[1].softmax(-1).detach() * z[0].log_softmax(-1)).sum()
    expected = torch.autograd.grad(soft, z)[0]
    torch.testing.assert_close(gradients[0], expected)
    assert torch.equal(gradients[0], gradients[1])
    assert not gradients[0][1].any()  # the cross-entropy term leaves q alone


@pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
def test_q_loss_is_the_papers_in_terms_of_gradients(distribution: str) -> None:
    """-log q(g) up to constants, plus β‖μ‖², with g = p - e_y and μ = p - s."""
    z, y, beta = logits(), labels(), 3.0
    loss = Limit(distribution=distribution, beta=beta).loss(z, batch(y))[1]
    p, s = z.softmax(-1)
    mu, g = p - s, p - functional.one_hot(y, CLASSES)
    distance = (mu - g).abs().sum(-1) if distribution == "laplace" else (mu - g).square().sum(-1)
    torch.testing.assert_close(loss, distance + beta * mu.square().sum(-1))
    gradient = torch.autograd.grad(loss.sum(), z)[0]
    assert not gradient[0].any()  # q's loss leaves the classifier alone
    assert gradient[1].any()


@pytest.mark.parametrize(("distribution", "beta"), [("gaussian", 3.0), ("laplace", 10.0)])
def test_q_settles_about_one_over_beta_from_the_classifier(distribution: str, beta: float) -> None:
    """Gaussian: s = (e_y + βp) / (1 + β). Laplace: s = p + (e_y - 1/C) / β while that stays inside the simplex."""
    y = torch.tensor([[1]])
    z = torch.log(torch.tensor([[[0.3, 0.2, 0.3, 0.2]]]))
    r = z.clone().requires_grad_()
    optimizer = torch.optim.Adam([r], lr=0.02)
    for _ in range(800):
        optimizer.zero_grad()
        Limit(distribution=distribution, beta=beta).loss(torch.stack([z, r]), batch(y))[1].sum().backward()
        optimizer.step()
    p, onehot = z.softmax(-1), functional.one_hot(y, CLASSES)
    expected = (onehot + beta * p) / (1 + beta) if distribution == "gaussian" else p + (onehot - 1 / CLASSES) / beta
    torch.testing.assert_close(r.softmax(-1).detach(), expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
def test_sampled_gradients_have_the_mean_and_the_standard_deviation_asked_for(distribution: str) -> None:
    method = Limit(distribution=distribution, sigma=0.3)
    method.fit = SimpleNamespace(generator=torch.Generator().manual_seed(0))  # type: ignore[assignment]
    p, s = torch.full((200_000, 2), 0.7), torch.full((200_000, 2), 0.4)
    drawn = method._gradient(p, s)
    assert float(drawn.mean()) == pytest.approx(0.3, abs=0.003)
    assert float(drawn.std()) == pytest.approx(0.3, rel=0.01)
    kurtosis = float(((drawn - drawn.mean()) / drawn.std()).pow(4).mean())
    assert kurtosis == pytest.approx(6.0 if distribution == "laplace" else 3.0, rel=0.1)


def test_score_depends_on_q_alone() -> None:
    method, z = Limit(), logits()
    n = BATCH
    method.fit = SimpleNamespace(labels=labels()[0])  # type: ignore[assignment]
    views = torch.stack([z[1], z[0]]).detach()  # q first, as `predict` gives them
    moved = views.clone()
    moved[1] += 5 * torch.randn(FOLDS, n, CLASSES, generator=torch.Generator().manual_seed(9))
    before, after = method.measure(0, views), method.measure(0, moved)
    for name in ("limit_residual", "limit_l1"):
        assert torch.equal(before[name], after[name])
    onehot, s = functional.one_hot(labels()[0], CLASSES), views[0].softmax(-1)
    torch.testing.assert_close(before["limit_residual"], (onehot - s).norm(dim=-1))
    torch.testing.assert_close(before["limit_l1"], (onehot - s).abs().sum(-1) / 2)
