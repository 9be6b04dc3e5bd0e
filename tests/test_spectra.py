"""Spectral normalisation: the norms it holds, what BatchNorm makes of them, and the bound without it."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from labelaudit.networks import Bodies, Network, StackedLinear, build
from labelaudit.regularizers.spectral import SpectralNormalisation
from labelaudit.spectra import as_matrices, lipschitz_scale, weighted_layers


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normalised(name: str, shape: tuple[int, ...], copies: int = 2, **options: object) -> Network:
    network = build(name, shape, 4, copies=copies)
    SpectralNormalisation(**options).attach([network], generator())  # type: ignore[arg-type]
    return network


def norms(network: Network) -> list[Tensor]:
    """(G,) per layer, by singular value decomposition."""
    found = []
    for layer in weighted_layers(network):
        weight = torch.as_tensor(layer.weight).detach()
        found.append(torch.linalg.matrix_norm(as_matrices(weight, stacked=isinstance(layer, StackedLinear)), ord=2))
    return found


@pytest.mark.parametrize(("name", "shape"), [("mlp", (12,)), ("cnn", (8, 8, 1)), ("mnist_cnn", (28, 28, 1))])
def test_every_layer_of_every_copy_is_held_at_the_scale(name: str, shape: tuple[int, ...]) -> None:
    network = normalised(name, shape, scale=1.5)
    for layer in weighted_layers(network):
        for _ in range(300):
            torch.as_tensor(layer.weight)  # one power iteration each
    network.eval()
    for norm in norms(network):
        torch.testing.assert_close(norm, torch.full_like(norm, 1.5), rtol=0.01, atol=0)


def test_training_keeps_the_norms_and_evaluation_changes_nothing() -> None:
    network = normalised("mlp", (12,))
    optimizer = torch.optim.SGD(network.parameters(), 0.5)
    x = torch.randn(2, 16, 12, generator=generator())
    for _ in range(30):
        optimizer.zero_grad()
        network(x).logsumexp(-1).sum().backward()
        optimizer.step()
    network.eval()
    before = copy.deepcopy(network.state_dict())
    one, two = network(x), network(x)
    assert torch.equal(one, two)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), network.state_dict().values(), strict=True))
    for norm in norms(network):
        torch.testing.assert_close(norm, torch.ones_like(norm), rtol=0.05, atol=0)


def test_the_last_layer_can_be_exempt() -> None:
    plain, network = build("mlp", (12,), 4, copies=2), normalised("mlp", (12,), last=False)
    assert torch.equal(plain.last.weight, network.last.weight)
    assert not torch.equal(
        plain.body.get_parameter("0.weight"), torch.as_tensor(network.body.get_submodule("0").weight)
    )


def test_batchnorm_undoes_the_scaling_of_the_layer_before_it() -> None:
    """Relative change about 1e-3 for a layer whose norm is 3.5 times too large; without BatchNorm it is a factor."""
    x = 3 * torch.randn(64, 5, generator=generator())
    linear, norm = nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7)
    once = norm(linear(x))
    with torch.no_grad():
        linear.weight.div_(3.5)
    again = norm(linear(x))
    once, again = once.detach(), again.detach()
    assert float((again - once).norm() / once.norm()) < 1e-2


@pytest.mark.parametrize(
    ("option", "norms_left", "free_scales"), [("remove", 0, 0), ("unscaled", 4, 0), ("keep", 4, 4)]
)
def test_what_becomes_of_batchnorm(option: str, norms_left: int, free_scales: int) -> None:
    network = normalised("cnn", (8, 8, 1), copies=1, batchnorm=option)
    found = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(found) in (norms_left, norms_left - 1)  # a block per convolution
    assert bool(norms_left) == bool(found)
    assert sum(module.weight.requires_grad for module in found) == (len(found) if free_scales else 0)
    assert network(torch.zeros(1, 3, 1, 8, 8)).shape == (1, 3, 4)


def test_the_product_of_norms_bounds_how_far_a_network_without_batchnorm_stretches() -> None:
    network = build("mlp", (12,), 4, copies=3)
    bound = lipschitz_scale(network, 3)
    a, b = torch.randn(2, 3, 500, 12, generator=generator())
    stretch = ((network(a) - network(b)).norm(dim=-1) / (a - b).norm(dim=-1)).amax(1)
    assert (stretch <= bound).all()
    expected = [
        torch.linalg.svdvals(network.body.get_parameter("0.weight")[f])[0]
        * torch.linalg.svdvals(network.last.weight[f])[0]
        for f in range(3)
    ]
    torch.testing.assert_close(bound, torch.stack(expected).detach())


def test_the_scale_of_stacked_bodies_is_each_copys_own() -> None:
    network = build("cnn", (8, 8, 1), 4, copies=2)
    before = lipschitz_scale(network, 2)
    (bodies,) = (module for module in network.modules() if isinstance(module, Bodies))
    with torch.no_grad():
        next(p for p in bodies.copies[1].parameters() if p.ndim == 4).mul_(3)
    torch.testing.assert_close(lipschitz_scale(network, 2), before * torch.tensor([1.0, 3.0]))


def test_two_passes_before_one_backward_are_differentiable() -> None:
    network = normalised("mlp", (12,))
    x = torch.randn(2, 4, 12, generator=generator())
    (network(x) + network(-x)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert [len(pair) for pair in pairwise(weighted_layers(network))] == [2]
