"""Networks as they are built by name, their folds, and their averages."""

from __future__ import annotations

import pytest
import torch

from labelaudit.errors import OptionError
from labelaudit.networks import Average, build, default_network, network_names


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_folds_of_a_network_are_independent() -> None:
    network = build("mlp", (6,), 3, copies=4)
    x = torch.randn(4, 5, 6, generator=generator())
    network(x)[2].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        reached = parameter.grad.flatten(1).any(1)
        assert reached.tolist() == [False, False, True, False]


def test_the_same_seed_builds_the_same_network_and_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    heads, cnns = (("linear", (6,)), ("mlp", (6,))), (("cnn", (8, 8, 1)), ("cnn", (33, 40, 3)))
    for name, shape in (*heads, *cnns, ("mnist_cnn", (28, 28, 1))):
        one, same, other = (build(name, shape, 4, copies=2, seed=seed) for seed in (1, 1, 2))
        pairs = list(zip(one.parameters(), same.parameters(), strict=True))
        assert all(torch.equal(a, b) for a, b in pairs)
        assert not torch.equal(one.last.weight, other.last.weight)
        x = torch.zeros(2, 3, *shape) if len(shape) == 1 else torch.zeros(2, 3, shape[2], *shape[:2])
        assert one(x).shape == (2, 3, 4)
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_mnist_network_has_the_parameters_of_limit_table_3() -> None:
    """218,122 in the paper, whose convolutions keep a bias (384 values) that BatchNorm makes redundant."""
    network = build("mnist_cnn", (28, 28, 1), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 218_122 - (32 + 32 + 64 + 256)


def test_default_networks_exist() -> None:
    assert default_network((64,)) in network_names(pixels=False)
    for side in range(8, 65):
        shape = (side, side, 1)
        x = torch.zeros(1, 2, 1, side, side)
        assert build(default_network(shape), shape, 3)(x).shape == (1, 2, 3), side
    with pytest.raises(OptionError, match="did you mean 'linear'"):
        build("linar", (6,), 2)
    with pytest.raises(OptionError, match="use 'cnn'"):
        build("mnist_cnn", (16, 16, 1), 2)


def test_average_of_a_constant_network_is_that_network_and_integers_are_copied() -> None:
    network = build("cnn", (8, 8, 1), 3)
    average = Average(network, momentum=0.999, steps=30)
    assert average.momentum == pytest.approx(1 - 10 / 30)
    network.train()
    with torch.no_grad():
        network(torch.randn(1, 16, 1, 8, 8, generator=generator()))  # moves BatchNorm's buffers
        network.last.weight.add_(1.0)
    for _ in range(60):
        average.update(network)
    for (name, ours), theirs in zip(average.network.state_dict().items(), network.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, msg=name)
    assert not average.network.training


def test_average_follows_its_recursion() -> None:
    network = build("linear", (2,), 2)
    average = Average(network, momentum=0.9, steps=10_000)
    expected = network.last.weight.detach().clone()
    for step in range(200):
        with torch.no_grad():
            network.last.weight.fill_(float(step % 7))
        average.update(network)
        momentum = min(0.9, (1 + step) / (10 + step))
        expected = momentum * expected + (1 - momentum) * (step % 7)
    torch.testing.assert_close(average.network.last.weight.detach(), expected)
