"""Spectral normalisation: the norms it holds, what BatchNorm makes of them, and the bound without it."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from labelaudit.networks import Bodies, Network, StackedLinear, build
from labelaudit.networks.spectra import as_matrices, convolution_norm, layer_norms, lipschitz_scale
from labelaudit.regularizers.spectral import SpectralNormalisation, remove_batchnorm


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normalised(name: str, shape: tuple[int, ...], copies: int = 2, **options: object) -> Network:
    network = build(name, shape, 4, copies=copies)
    SpectralNormalisation(**options).attach([network], generator())  # type: ignore[arg-type]
    return network


def weighted_layers(network: nn.Module) -> list[nn.Module]:
    """The linear and convolutional layers, in order of definition."""
    return [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d | StackedLinear)]


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


def test_the_norm_of_the_convolution_itself_can_be_held() -> None:
    """The released code holds the reshaped kernel's, and the convolution may stretch up to k times more."""
    network, reshaped = (normalised("cnn", (8, 8, 1), scale=1.5, norm=norm) for norm in ("operator", "reshaped"))
    x = torch.randn(2, 4, 1, 8, 8, generator=generator())
    for _ in range(60):
        network(x)
    network.eval()
    found = layer_norms(network, x)
    assert [one.operator for one in found] == pytest.approx([1.5] * len(found), rel=0.02)
    assert max(one.operator for one in layer_norms(reshaped.eval(), x)) > 1.8
    torch.testing.assert_close(lipschitz_scale(network, 2), torch.full((2,), 1.5**4), rtol=0.02, atol=0)
    before = copy.deepcopy(network.state_dict())
    assert torch.equal(network(x), network(x))
    assert all(torch.equal(a, b) for a, b in zip(before.values(), network.state_dict().values(), strict=True))
    network(x).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


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


def test_what_replaces_batchnorm_keeps_its_activation_and_takes_vectors_too() -> None:
    """timm's BatchNorm ends in an activation: without it, a network would be linear."""
    network = nn.Sequential(nn.Conv2d(1, 3, 3), BatchNormAct2d(3), nn.Flatten(), nn.Linear(12, 5), nn.BatchNorm1d(5))
    remove_batchnorm(network)
    assert not any(isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) for module in network.modules())
    x = torch.randn(6, 1, 4, 4, generator=generator())
    torch.testing.assert_close(network[:2](x), network[0](x).relu())
    shift = network[4]
    with torch.no_grad():
        shift.get_parameter("bias").copy_(torch.arange(5.0))
    torch.testing.assert_close(network(x), network[:4](x) + torch.arange(5.0))


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


def dense(layer: nn.Conv2d, side: int) -> Tensor:
    """The matrix of a convolution on (c, side, side) inputs."""
    eye = torch.eye(layer.in_channels * side * side).view(-1, layer.in_channels, side, side)
    zero = layer(torch.zeros_like(eye[:1]))
    return (layer(eye) - zero).flatten(1).T.detach()


@pytest.mark.parametrize(
    "options",
    [
        {"padding": 1},
        {"padding": 0, "stride": 2},
        {"padding": 2, "dilation": 2},
        {"padding": 1, "groups": 2, "bias": False},
        {"padding": 1, "padding_mode": "circular"},
    ],
)
def test_the_norm_of_a_convolution_is_that_of_its_matrix(options: dict[str, Any]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Conv2d(4, 6, 3, **options)
    expected = float(torch.linalg.svdvals(dense(layer, 7))[0])
    assert convolution_norm(layer, 7, 7) == pytest.approx(expected, rel=1e-4)


def test_the_norm_on_a_torus_is_that_of_the_kernels_transform_and_bounds_the_zero_padded_one() -> None:
    """Sedghi, Gupta and Long, ICLR 2019, Theorem 6: the largest norm over the frequencies."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Conv2d(4, 6, 3, padding=1, bias=False, padding_mode="circular")
    found = convolution_norm(layer, 16, 16)
    transform = torch.fft.fft2(layer.weight.detach(), s=(16, 16)).permute(2, 3, 0, 1)
    assert found == pytest.approx(float(torch.linalg.matrix_norm(transform, ord=2).amax()), rel=1e-3)
    wide = torch.fft.fft2(layer.weight.detach(), s=(64, 64)).permute(2, 3, 0, 1)
    layer.padding_mode = "zeros"
    padded = convolution_norm(layer, 16, 16)
    assert 0.8 * found < padded <= float(torch.linalg.matrix_norm(wide, ord=2).amax()) * 1.01


def test_a_box_kernel_stretches_three_times_as_far_as_its_reshaped_norm_says() -> None:
    """(1 + 2cos(π / 65))² / 3 = 2.995 on 64 px, of the bound √(k·k) = 3; a random kernel lies between."""
    box, random = nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Conv2d(16, 16, 3, padding=1, bias=False)
    with torch.no_grad():
        box.weight.fill_(1 / 3)  # reshaped: one row of length 1
        random.weight.normal_(generator=generator())
        random.weight.div_(torch.linalg.matrix_norm(random.weight.flatten(1), ord=2))
    assert convolution_norm(box, 64, 64) == pytest.approx(2.995, rel=0.003)
    assert 1.2 < convolution_norm(random, 16, 16) < 3


def test_layer_norms_name_every_layer_with_both_norms() -> None:
    network = build("cnn", (8, 8, 1), 4, copies=2).train()
    before = copy.deepcopy(network.state_dict())
    found = layer_norms(network, torch.zeros(2, 1, 1, 8, 8))
    assert network.training
    assert all(torch.equal(a, b) for a, b in zip(before.values(), network.state_dict().values(), strict=True))
    convolutions = [norms for norms in found if norms.kind == "3x3 convolution"]
    assert all(0.5 * one.matrix < one.operator <= 3.001 * one.matrix for one in convolutions)
    assert found[-1].layer == "last"
    assert found[-1].matrix == found[-1].operator
    assert found[-1].matrix == pytest.approx(float(torch.linalg.svdvals(network.last.weight).amax().detach()), rel=1e-5)
    (norm,) = {one.operator for one in found if one.kind == "batchnorm"}
    assert norm == pytest.approx((1 + 1e-5) ** -0.5)
    assert len(found) == len(weighted_layers(network)) + sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())


def test_the_scale_of_a_body_that_serves_all_copies_counts_for_each() -> None:
    body = nn.Linear(5, 6)
    network = Network(body, 2, 6, 3)
    shared = torch.linalg.svdvals(body.weight.detach())[0]
    expected = shared * torch.linalg.svdvals(network.last.weight.detach())[:, 0]
    torch.testing.assert_close(lipschitz_scale(network, 2), expected)
