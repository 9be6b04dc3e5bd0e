"""LIMIT's formulas: what reaches the classifier, what reaches q, and where q settles."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fits import batch_of, begun
from torch import Tensor
from torch.nn import functional

from labelaudit.methods import Batch, cross_entropy
from labelaudit.methods.limit import Limit
from labelaudit.methods.limit_soft import SoftLimit
from labelaudit.networks import build
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings

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
    before, after = method.sample_statistics(views), method.sample_statistics(moved)
    for name in ("limit_residual", "limit_l1"):
        assert torch.equal(before[name], after[name])
    onehot, s = functional.one_hot(labels()[0], CLASSES), views[0].softmax(-1)
    torch.testing.assert_close(before["limit_residual"], (onehot - s).norm(dim=-1))
    torch.testing.assert_close(before["limit_l1"], (onehot - s).abs().sum(-1) / 2)


def projected(v: Tensor) -> Tensor:
    """The nearest point of the simplex, by bisection of its threshold."""
    low, high = v.min() - 1, v.max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float((v - middle).clamp(min=0).sum()) > 1 else (low, middle)
    return (v - high).clamp(min=0)


def test_laplace_q_settles_on_the_simplex_where_the_pull_would_leave_it() -> None:
    """s = Proj(p + e_y / β): a small β saturates at the label, and no entry becomes negative."""
    y, p = torch.tensor([[1]]), torch.tensor([0.30, 0.20, 0.02, 0.48])
    for beta in (1.0, 5.0):
        r = p.log().view(1, 1, 4).clone().requires_grad_()
        optimizer = torch.optim.Adam([r], lr=0.05)
        for _ in range(1500):
            optimizer.zero_grad()
            Limit(beta=beta).loss(torch.stack([p.log().view(1, 1, 4), r]), batch(y))[1].sum().backward()
            optimizer.step()
        expected = projected(p + functional.one_hot(y[0, 0], 4) / beta)
        torch.testing.assert_close(r.softmax(-1).detach()[0, 0], expected, atol=0.01, rtol=0)


def test_init_trains_q_alone_by_cross_entropy_before_the_classifier_starts() -> None:
    y = torch.arange(12) % 3
    method = begun(Limit(init=2), y, 3)
    classifier, q = method.fit.networks
    one = batch_of(y[None], torch.randn(1, 12, 3, generator=torch.Generator().manual_seed(0)))
    method.sample_weights(1, lambda: pytest.fail("nobody asks for predictions"))
    total = method.step([classifier, q], one)
    torch.testing.assert_close(total, cross_entropy(q(one.x), one.y).mean())
    total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in classifier.parameters())
    assert all(parameter.grad is not None for parameter in q.parameters())
    method.sample_weights(2, lambda: pytest.fail("nobody asks for predictions"))
    torch.testing.assert_close(method.step([classifier, q], one), Limit().step([classifier, q], one))


def test_a_cross_fit_with_init_leaves_the_classifier_as_it_was_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limit, "check_epochs", lambda *_: None)  # which refuses a run that ends before the classifier
    x = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    options = {"init": 3, "batch": 10}
    evidence = crossfit(CrossfitSettings(method="limit", folds=2, epochs=3, options=options), x, np.arange(40) % 2, 2)
    begins = evidence.columns["limit_classifier"]
    again = crossfit(CrossfitSettings(method="limit", folds=2, epochs=2, options=options), x, np.arange(40) % 2, 2)
    assert np.allclose(begins, again.columns["limit_classifier"])
    assert not np.allclose(evidence.columns["limit_l1"], again.columns["limit_l1"])


def test_the_soft_form_is_equation_11() -> None:
    y, x = torch.arange(12)[None] % 4, torch.randn(1, 12, 3, generator=torch.Generator().manual_seed(0))
    networks = [build("mlp", (3,), 4, seed=seed) for seed in (0, 1)]
    method = begun(SoftLimit(strength=0.3, beta=0.2), y[0], 4, networks=networks)
    total = method.step(networks, batch_of(y, x))
    expected = 0.0
    for i in range(12):
        z = networks[0].body(x)[0, i]
        p, s = networks[0](x)[0, i].softmax(-1), networks[1](x)[0, i].softmax(-1)
        e_y = functional.one_hot(y[0, i], 4)
        expected += -p[y[0, i]].log() + z.square().sum() * (
            0.3 * (e_y - s).square().sum() + 0.2 * (p - s).square().sum()
        )
    torch.testing.assert_close(total, expected / 12)
    gradient = torch.autograd.grad(method.step(networks, batch_of(y, x)), networks[0].last.bias)[0]
    assert gradient.any()


def test_what_the_soft_form_pays_for_is_the_distance_between_true_and_predicted_weight_gradients() -> None:
    """‖z(p - e_y)ᵀ - z(p - s)ᵀ‖_F² = ‖z‖²·‖e_y - s‖²."""
    z, p, s = torch.randn(7), torch.randn(4).softmax(-1), torch.randn(4).softmax(-1)
    e_y = functional.one_hot(torch.tensor(2), 4)
    apart = torch.outer(z, p - e_y) - torch.outer(z, p - s)
    torch.testing.assert_close(apart.square().sum(), z.square().sum() * (e_y - s).square().sum())
