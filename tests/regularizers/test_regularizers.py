"""Regularisers: each against its formula, and all of them around any method."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from fits import batch_of
from steps import generator
from torch import Tensor, nn
from torch.nn.functional import one_hot

from labelaudit.errors import OptionError
from labelaudit.methods import Batch, cross_entropy, get_method
from labelaudit.networks import Network, StackedLinear, build
from labelaudit.networks.injection import GaussianNoise, injected
from labelaudit.regularizers import RegularizedStep, Regularizer, configure_all, get_regularizer
from labelaudit.regularizers.dropout import Dropped
from labelaudit.regularizers.explicit_gaussian import Hidden, trace
from labelaudit.regularizers.jacobian import squared_jacobian
from labelaudit.regularizers.label_smoothing import LabelSmoothing
from labelaudit.regularizers.min_entropy import MinimumEntropy
from labelaudit.regularizers.mixup import Mixup

Y = torch.tensor([[0, 1, 2, 3, 0, 1], [3, 2, 1, 0, 3, 2]])  # (F, B)


def step(regularizer: Regularizer | None, network: Network, batch: Batch) -> Tensor:
    """One training step of cross-entropy."""
    composition = RegularizedStep([] if regularizer is None else [regularizer], [network], generator(7))
    return composition.step(get_method("ce")(), [network], batch)


def smooth(copies: int = 1) -> Network:
    """Three features, a smooth hidden layer, four classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = nn.Sequential(StackedLinear(copies, 3, 5), nn.Softplus())
        return Network(body, copies, 5, 4)


def test_without_regularisers_a_step_is_the_methods_own() -> None:
    network, batch = build("mlp", (3,), 4, copies=2), batch_of(Y)
    assert torch.equal(step(None, network, batch), get_method("ce")().step([network], batch))
    assert not network._forward_hooks


def test_label_smoothing_is_cross_entropy_against_smooth_targets() -> None:
    network, batch = build("mlp", (3,), 4, copies=2), batch_of(Y, torch.randn(2, 6, 3, generator=generator()))
    target = 0.8 * one_hot(Y, 4) + 0.2 / 4
    expected = -(target * network(batch.x).log_softmax(-1)).sum(-1).mean(-1).sum()
    torch.testing.assert_close(step(LabelSmoothing(alpha=0.2), network, batch), expected)


def test_minimum_entropy_adds_the_mean_entropy() -> None:
    network, batch = build("mlp", (3,), 4, copies=2), batch_of(Y, torch.randn(2, 6, 3, generator=generator()))
    p = network(batch.x).softmax(-1).detach()
    entropies = [-float((p[f, b] * p[f, b].log()).sum()) for f in range(2) for b in range(6)]
    added = float((step(MinimumEntropy(coefficient=2.0), network, batch) - step(None, network, batch)).detach())
    assert added == pytest.approx(2 * sum(entropies) / 6, rel=1e-4)


def test_mixup_is_the_mixed_loss_of_both_labels_at_the_mixed_input() -> None:
    network, batch = build("linear", (3,), 4, copies=2), batch_of(Y, torch.randn(2, 6, 3, generator=generator()))
    mixing = Mixup(alpha=1.0)
    mixing.generator = generator(7)
    mixed = mixing.transform(batch)
    share, other = mixed.weight[:, :6] / 2, mixed.y[:, 6:]
    torch.testing.assert_close(mixed.weight[:, 6:] / 2, 1 - share)
    for f in range(2):
        assert sorted(mixed.index[f, 6:].tolist()) == list(range(6))  # everyone is somebody's partner
        for b in range(6):
            partner = int(mixed.index[f, 6 + b])
            expected = share[f, b] * batch.x[f, b] + (1 - share[f, b]) * batch.x[f, partner]
            torch.testing.assert_close(mixed.x[f, b], expected)
            assert other[f, b] == Y[f, partner]
    logits = network(mixed.x[:, :6])
    loss = share * cross_entropy(logits, Y) + (1 - share) * cross_entropy(logits, other)
    torch.testing.assert_close(step(Mixup(alpha=1.0), network, batch), loss.mean(-1).sum())


def test_the_jacobian_penalty_is_the_squared_frobenius_norm_on_average() -> None:
    network, x = smooth(2), torch.randn(2, 6, 3, generator=generator(), requires_grad=True)
    logits = network(x)
    exact = torch.zeros(2, 6)
    for c in range(4):
        (gradient,) = torch.autograd.grad(logits[..., c].sum(), x, retain_graph=True)
        exact += gradient.square().sum(-1)
    stream = generator()
    draws = torch.stack([squared_jacobian(network(x), x, stream).detach() for _ in range(4000)])
    torch.testing.assert_close(draws.mean(0), exact, rtol=0.1, atol=0)


def exact_trace(network: Network, x: Tensor, diagonal: bool) -> float:
    """Σ over samples of Tr(JᵀHJ), or Σ_cj p_c(1 - p_c) J_cj², with J from autograd and H written out."""
    total = 0.0
    for f in range(len(x)):
        for b in range(x.shape[1]):

            def logits(row: Tensor, f: int = f) -> Tensor:
                wide = row.expand(len(x), 1, -1)
                return network(wide)[f, 0]

            jacobian = torch.autograd.functional.jacobian(logits, x[f, b])  # (C, d)
            p = logits(x[f, b]).softmax(-1).detach()
            hessian = torch.diag(p * (1 - p)) if diagonal else torch.diag(p) - torch.outer(p, p)
            total += float(torch.trace(jacobian.T @ hessian @ jacobian))
    return total


def test_the_explicit_regulariser_is_the_trace_the_diagonal_or_an_unbiased_estimate() -> None:
    network, x = smooth(2), torch.randn(2, 6, 3, generator=generator(), requires_grad=True)
    heard = [Hidden(None, x)]
    for form, diagonal in (("trace", False), ("diagonal", True)):
        found = trace(network(x), heard, form=form, generator=None)  # type: ignore[arg-type]
        assert float(found.detach()) == pytest.approx(exact_trace(network, x.detach(), diagonal) / 6, rel=1e-4)
    stream = generator()
    estimates = [float(trace(network(x), heard, form="estimate", generator=stream).detach()) for _ in range(3000)]
    assert np.mean(estimates) == pytest.approx(exact_trace(network, x.detach(), False) / 6, rel=0.05)


def test_the_trace_is_the_mean_squared_gradient_under_labels_drawn_from_the_prediction() -> None:
    """Fisher's form: Σ_c p_c·‖∇_h CE(z, c)‖² = Tr(JᵀHJ), in every layer."""
    network, x = smooth(2), torch.randn(2, 6, 3, generator=generator(), requires_grad=True)
    hidden = network.body(x)
    logits = network.last(hidden)
    p, expected = logits.softmax(-1).detach(), 0.0
    for c in range(4):
        loss = cross_entropy(logits, torch.full((2, 6), c)).sum()
        gradients = torch.autograd.grad(loss, [x, hidden], retain_graph=True)
        expected += sum(float((p[..., c] * gradient.square().sum(-1)).sum()) for gradient in gradients)
    found = trace(logits, [Hidden(None, x), Hidden(None, hidden)], form="trace", generator=None)  # type: ignore[arg-type]
    assert float(found.detach()) == pytest.approx(expected / 6, rel=1e-4)


def test_noise_on_the_input_of_a_linear_map_costs_its_squared_norm() -> None:
    """GNI, Eq. 12: with ½‖·‖² as the loss the increment is ½σ²·‖J‖_F², exactly."""
    weight, x = torch.randn(3, 4, generator=generator()), torch.randn(3, generator=generator(1))
    noise = GaussianNoise(0.5, "additive", generator(2))
    target = torch.ones(4)
    noisy = 0.5 * (noise(x.expand(200_000, 3)) @ weight - target).square().sum(-1).mean()
    clean = 0.5 * (x @ weight - target).square().sum()
    assert float(noisy - clean) == pytest.approx(0.5 * 0.25 * float(weight.square().sum()), rel=0.05)


@pytest.mark.parametrize("form", ["trace", "diagonal", "estimate"])
@pytest.mark.parametrize(("name", "shape"), [("mlp", (12,)), ("cnn", (8, 8, 1))])
def test_the_explicit_regulariser_hears_every_layer_of_every_copy(form: str, name: str, shape: tuple[int, ...]) -> None:
    network = build(name, shape, 4, copies=2)
    x = torch.randn(2, 6, *(shape if len(shape) == 1 else (1, 8, 8)), generator=generator())
    values = []
    for layers in ("all", "input", "hidden", "0,1"):
        regularizer = get_regularizer("explicit_gaussian")(form=form, layers=layers)  # type: ignore[call-arg]
        values.append(float(step(regularizer, copy.deepcopy(network), batch_of(Y, x)).detach()))
    plain = float(step(None, copy.deepcopy(network), batch_of(Y, x)).detach())
    if form != "estimate":
        assert values[0] - plain == pytest.approx(values[1] + values[2] - 2 * plain, rel=1e-3)
    assert min(values) > plain


@pytest.mark.parametrize("form", ["trace", "diagonal"])
def test_multiplicative_noise_is_felt_in_proportion_to_the_activations(form: str) -> None:
    """N(0, h²σ²) is additive noise on log h: the Jacobian's columns times h."""
    network, x = smooth(2), torch.randn(2, 6, 3, generator=generator(), requires_grad=True)
    scaled = trace(network(x), [Hidden(None, x)], form=form, generator=None, scaled=True)  # type: ignore[arg-type]
    logarithm = x.detach().abs().log().requires_grad_()
    again = x.detach().sign() * logarithm.exp()
    expected = trace(network(again), [Hidden(None, logarithm)], form=form, generator=None)  # type: ignore[arg-type]
    torch.testing.assert_close(scaled, expected, rtol=1e-4, atol=0)
    stream = generator()
    if form == "trace":
        estimates = [
            float(trace(network(x), [Hidden(None, x)], form="estimate", generator=stream, scaled=True).detach())
            for _ in range(2000)
        ]
        assert np.mean(estimates) == pytest.approx(float(scaled.detach()), rel=0.1)


def test_second_order_rewards_the_confidence_that_noise_punishes() -> None:
    """Why the explicit regulariser does not calibrate where noise does (docs/papers.md)."""
    sigma, x = 0.75, torch.ones(1, 1, 1)
    regulariser, increment = {}, {}
    for scale in (2.4, 5.0, 10.0):
        network = build("linear", (1,), 2)
        with torch.no_grad():
            network.last.weight.copy_(torch.tensor([[[scale / 2, -scale / 2]]]))
            network.last.bias.zero_()
        (explicit,) = configure_all({"explicit_gaussian": {"variance": sigma**2, "form": "trace"}}).values()
        y = torch.zeros(1, 1, dtype=torch.long)
        own = step(explicit, copy.deepcopy(network), batch_of(y, x)) - step(None, network, batch_of(y, x))
        regulariser[scale] = float(own.detach())
        moved = x + sigma * torch.randn(1, 200_000, 1, generator=generator())
        losses = [cross_entropy(network(part), y.expand(1, part.shape[1])).mean() for part in (moved, x)]
        increment[scale] = float((losses[0] - losses[1]).detach())
    assert regulariser[2.4] > regulariser[5.0] > 10 * regulariser[10.0]
    assert increment[2.4] < increment[5.0] < increment[10.0]
    assert increment[5.0] / regulariser[5.0] == pytest.approx(4.85, rel=0.03)


def test_every_layer_may_have_a_variance_of_its_own() -> None:
    network, x = build("mlp", (3,), 4, copies=2), torch.randn(2, 6, 3, generator=generator())

    def rise(**options: object) -> float:
        regularizer = get_regularizer("explicit_gaussian")(form="trace", **options)  # type: ignore[arg-type]
        plain = float(step(None, copy.deepcopy(network), batch_of(Y, x)).detach())
        return float(step(regularizer, copy.deepcopy(network), batch_of(Y, x)).detach()) - plain

    apart = rise(layers="input", variance=0.8) + rise(layers="hidden", variance=0.2)
    assert rise(variances="0.8,0.2") == pytest.approx(apart, rel=1e-3)
    noisy = build("mlp", (3,), 4, copies=2)
    get_regularizer("gaussian")(variances="0.25,0.01").attach([noisy], generator())  # type: ignore[call-arg]
    assert [source.sigma for source in injected(noisy)] == pytest.approx([0.5, 0.1])
    for wrong, message in (("1,2,3", "has 3 numbers for 2 layers: give 2"), ("1,x", "give numbers from 0 to 100")):
        with pytest.raises(OptionError, match=message):
            get_regularizer("gaussian")(variances=wrong).attach([noisy], generator())  # type: ignore[call-arg]


def test_the_jacobian_penalty_may_begin_later() -> None:
    regularizer = configure_all({"jacobian": {"start": 2, "coefficient": 1.0}})["jacobian"]
    network, x = smooth(2), torch.randn(2, 6, 3, generator=generator())
    composition = RegularizedStep([regularizer], [network], generator())
    totals = []
    for epoch in range(4):
        composition.begin_epoch(epoch)
        totals.append(float(composition.step(get_method("ce")(), [network], batch_of(Y, x)).detach()))
    assert totals[0] == totals[1] < min(totals[2:])


def test_the_mean_increment_under_noise_is_the_trace_and_the_label_term() -> None:
    """Second order, smooth activations: ½σ²·[Tr(JᵀHJ) + Σ_c (p - e_y)_c·tr ∇²z_c] (dossier 5.3)."""
    network, sigma = smooth(), 0.05
    x, y = torch.randn(1, 1, 3, generator=generator()), torch.tensor([[2]])
    kept = exact_trace(network, x, False)

    def logits(row: Tensor) -> Tensor:
        return network(row.view(1, 1, 3))[0, 0]

    p = logits(x[0, 0]).softmax(-1).detach() - one_hot(y[0, 0], 4)
    curvature = torch.stack(
        [torch.trace(torch.autograd.functional.hessian(lambda r, c=c: logits(r)[c], x[0, 0])) for c in range(4)]
    )
    expected = 0.5 * sigma**2 * (kept + float((p * curvature).sum()))
    half = sigma * torch.randn(1, 200_000, 3, generator=generator(), dtype=torch.float32)
    noisy = cross_entropy(network(x + torch.cat([half, -half], 1)), y).double().mean()
    assert float((noisy - cross_entropy(network(x), y)).detach()) == pytest.approx(expected, rel=0.05)


def test_dropout_silences_hidden_units_in_training_only_and_keeps_their_mean() -> None:
    network = build("mlp_2x512", (4,), 3)
    (dropout,) = configure_all({"dropout": {"p": 0.25}}).values()
    dropout.attach([network], torch.Generator().manual_seed(0))
    dropped = [module for module in network.modules() if isinstance(module, Dropped)]
    assert len(dropped) == 2
    ones = torch.ones(1, 100, 512)
    hit = dropped[0](ones)
    assert float((hit == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(hit.mean()) == pytest.approx(1, abs=0.02)
    network.eval()
    assert torch.equal(dropped[0](ones), ones)
    assert copy.deepcopy(dropped[0]).training is False


def test_noise_hits_the_chosen_layers_in_training_only_and_never_the_logits() -> None:
    for layers, count in (("all", 2), ("input", 1), ("hidden", 1), ("1", 1)):
        network = build("mlp", (3,), 4, copies=2)
        clean = network(torch.ones(2, 6, 3))
        get_regularizer("gaussian")(layers=layers).attach([network], generator())  # type: ignore[call-arg]
        assert len(injected(network)) == count
        assert not torch.equal(network(torch.ones(2, 6, 3)), clean)
        network.eval()
        assert torch.equal(network(torch.ones(2, 6, 3)), clean)
    with pytest.raises(OptionError, match=r"layers '2': this network has layers 0 \(input\) to 1"):
        get_regularizer("gaussian")(layers="2").attach([build("mlp", (3,), 4)], generator())  # type: ignore[call-arg]
    with pytest.raises(OptionError, match="give all, input, hidden"):
        get_regularizer("gaussian")(layers="some").attach([build("mlp", (3,), 4)], generator())  # type: ignore[call-arg]


def test_additive_and_multiplicative_noise_have_their_size() -> None:
    h = torch.tensor([2.0, 0.0]).repeat(100_000, 1)
    additive = GaussianNoise(0.3, "additive", generator())(h) - h
    torch.testing.assert_close(additive.std(0), torch.tensor([0.3, 0.3]), rtol=0.02, atol=0)
    multiplied = GaussianNoise(0.3, "multiplicative", generator())(h) - h
    torch.testing.assert_close(multiplied.std(0), torch.tensor([0.6, 0.0]), rtol=0.02, atol=0)
    assert GaussianNoise(0.0, "additive", generator())(h) is h
    x = torch.randn(50, generator=generator(1))
    added, scaled = (GaussianNoise(0.3, kind, generator())(x) - x for kind in ("additive", "multiplicative"))
    torch.testing.assert_close(scaled, x * added)  # the same draws, in proportion
