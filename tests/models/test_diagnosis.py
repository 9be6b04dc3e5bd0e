"""Diagnostics of a trained network against closed forms, and the summary of them all."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from labelaudit.methods import cross_entropy
from labelaudit.models.calibration import expected_calibration_error, reliability
from labelaudit.models.curvature import hessian_trace
from labelaudit.models.detection import auroc
from labelaudit.models.diagnosis import diagnose
from labelaudit.models.figures import draw_reliability
from labelaudit.models.information import check_memorisation, fano_bound, least_information, uniform_noise_entropy
from labelaudit.models.sensitivity import input_margins, squared_jacobian_norms
from labelaudit.networks import Network, build
from labelaudit.training.batches import DeviceDataset


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def linear(classes: int = 3) -> tuple[Network, Tensor]:
    """Logistic regression on 4 features, and its weight (4, C)."""
    network = build("linear", (4,), classes)
    return network, network.last.weight[0].detach()


def test_the_jacobian_of_a_linear_network_is_its_weight() -> None:
    network, weight = linear()
    found = squared_jacobian_norms(network, torch.randn(1, 5, 4, generator=generator()))
    torch.testing.assert_close(found, weight.square().sum().expand(1, 5))


def test_jacobian_norms_are_those_of_autograd_and_their_estimate_is_right_on_average() -> None:
    network, x = build("cnn", (8, 8, 1), 4, copies=2).eval(), torch.randn(2, 3, 1, 8, 8, generator=generator())
    exact = squared_jacobian_norms(network, x)
    for f in range(2):
        for b in range(3):

            def logits(image: Tensor, f: int = f) -> Tensor:
                return network(image.expand(2, 1, 1, 8, 8))[f, 0]

            jacobian = torch.autograd.functional.jacobian(logits, x[f, b])
            assert float(exact[f, b]) == pytest.approx(float(jacobian.square().sum()), rel=1e-4)
    same = x[:, :1].expand(2, 300, 1, 8, 8)
    estimated = squared_jacobian_norms(network, same, draws=10, generator=generator())
    torch.testing.assert_close(estimated.mean(1), exact[:, 0], rtol=0.1, atol=0)
    assert estimated.std() > 0
    assert not x.requires_grad


def test_the_trace_of_the_hessian_is_that_of_autograd_on_average() -> None:
    network, x = build("mlp_2x32_elu", (4,), 3).double(), torch.randn(1, 6, 4, generator=generator()).double()
    y = torch.tensor([[0, 1, 2, 0, 1, 2]])
    names = [name for name, _ in network.named_parameters()]

    def loss(*weights: Tensor) -> Tensor:
        logits = torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (x,))
        return cross_entropy(logits.float(), y).mean().double()

    weights = tuple(weight.detach() for weight in network.parameters())
    whole = torch.autograd.functional.hessian(loss, weights)
    exact = sum(float(whole[k][k].reshape(weight.numel(), weight.numel()).trace()) for k, weight in enumerate(weights))
    estimated = hessian_trace(network, x, y, draws=400, generator=generator())
    assert estimated == pytest.approx(exact, rel=0.1)
    assert exact > 0


def test_accuracy_under_noise_falls_with_the_noise() -> None:
    network, weight = linear()
    x = torch.randn(400, 4, generator=generator())
    y = (x @ weight + network.last.bias[0, 0].detach()).argmax(-1)
    inputs = DeviceDataset(x.numpy(), y.numpy(), 3, device="cpu", augment="none")
    found = diagnose(network, inputs, samples=400)["under_noise"]
    assert [*found] == ["0", "0.1", "0.3", "1"]
    assert found["0"] > found["0.3"] > found["1"] > 0.2


def test_a_reliability_picture_has_a_line_a_part_and_a_diagonal() -> None:
    rows = reliability(torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]), torch.tensor([0, 1, 0]), bins=5)
    drawn = draw_reliability("a < b", {"train": rows, "test": rows[:1]})
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == len(rows) + 1
    assert "stroke-dasharray" in drawn
    assert "a &lt; b" in drawn


def test_the_margin_of_a_linear_network_of_two_classes_is_the_distance_to_its_boundary() -> None:
    network, weight = linear(classes=2)
    x, y = torch.randn(1, 6, 4, generator=generator()), torch.tensor([[0, 1, 0, 1, 0, 1]])
    margins = input_margins(network, x, y)
    normal = weight[:, 0] - weight[:, 1]
    offset = (network.last.bias[0, 0, 0] - network.last.bias[0, 0, 1]).detach()
    signed = (x[0] @ normal + offset) / normal.norm() * torch.tensor([1.0, -1.0] * 3)
    torch.testing.assert_close(margins.distance[0], signed)
    moved = x - (margins.distance * torch.tensor([1.0, -1.0] * 3)).unsqueeze(-1) * normal / normal.norm()
    tied = network(moved).detach()
    torch.testing.assert_close(tied[..., 0], tied[..., 1])


def test_margins_are_positive_for_the_predicted_class_and_bounded_from_below() -> None:
    network, x = build("mlp", (4,), 5), torch.randn(1, 50, 4, generator=generator())
    logits = network(x).detach()
    margins = input_margins(network, x, logits.argmax(-1))
    top = logits.topk(2).values
    torch.testing.assert_close(margins.gap, top[..., 0] - top[..., 1])
    assert (margins.gap > 0).all()
    assert (margins.bound <= margins.distance * (1 + 1e-5)).all()
    norms = squared_jacobian_norms(network, x)
    torch.testing.assert_close(margins.bound, margins.gap / (2 * norms).sqrt())
    torch.testing.assert_close(input_margins(network, x, logits.argmax(-1), squared_norms=norms).bound, margins.bound)
    assert (input_margins(network, x, logits.argmin(-1)).distance < 0).all()


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 400)
    labels = rng.integers(0, 3, 400)
    expected, confidence, right = 0.0, probs.max(1), probs.argmax(1) == labels
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    found = expected_calibration_error(torch.from_numpy(probs), torch.from_numpy(labels))
    assert found == pytest.approx(expected)
    rows = reliability(torch.from_numpy(probs), torch.from_numpy(labels))
    assert sum(row["samples"] for row in rows) == 400
    assert all(row["low"] < row["confidence"] <= row["high"] for row in rows)


@pytest.mark.parametrize(("noise", "information", "error"), [(0.8, 1.0, 0.405), (0.8, 0.0, 0.8), (0.5, 0.5, 0.360)])
def test_the_bound_on_the_error_is_that_of_the_paper(noise: float, information: float, error: float) -> None:
    """0.405 is the paper's 40.5 % for one bit per label at 80 % noise."""
    assert fano_bound(uniform_noise_entropy(noise, 10), 10, information) == pytest.approx(error, abs=5e-4)


def test_the_bound_and_the_information_are_each_others_inverse() -> None:
    entropy = uniform_noise_entropy(0.6, 5)
    for information in (0.0, 0.3, 1.0):
        error = fano_bound(entropy, 5, information)
        assert least_information(error, entropy, 5) == pytest.approx(information, abs=1e-9)
    assert fano_bound(entropy, 5, information=9.0) == 0.0
    assert least_information(0.0, entropy, 5) == pytest.approx(entropy)
    assert least_information(0.95, entropy, 5) == 0.0
    assert uniform_noise_entropy(0.8, 5) == pytest.approx(math.log2(5))
    assert fano_bound(math.log2(5), 5) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("fit", "memorising"), [(0.60, False), (0.64, False), (0.66, True), (0.2, False)])
def test_memorising_is_a_fit_beyond_three_standard_errors(fit: float, memorising: bool) -> None:
    found = check_memorisation(fit, 0.6, 1000)
    assert found["standard_error"] == pytest.approx((0.6 * 0.4 / 1000) ** 0.5)
    assert found["memorising"] is memorising
    assert found["excess"] == pytest.approx(fit - 0.6)


def memoriser(n: int = 40) -> tuple[Network, DeviceDataset]:
    """A network that predicts every label of as many orthogonal inputs, and the inputs."""
    inputs = DeviceDataset(np.eye(n, dtype=np.float32), np.arange(n) % 4, 4, device="cpu", augment="none")
    network = build("linear", (n,), 4)
    with torch.no_grad():
        network.last.weight.zero_()[0, torch.arange(n), inputs.y] = 10.0
    return network, inputs


def test_a_network_that_fits_noise_is_told_so() -> None:
    network, inputs = memoriser()
    network.train()
    found = diagnose(network, inputs, noise=0.5, samples=16)
    assert network.training
    assert json.loads(json.dumps(found)) == found
    assert found["memorisation"]["memorising"] is True
    assert found["memorisation"]["fit"] == found["calibration"]["accuracy"] == 1.0
    assert found["fano"]["least_error_without_memorising"] == pytest.approx(0.5)
    assert found["fano"]["least_bits_memorised_per_label"] == pytest.approx(uniform_noise_entropy(0.5, 4))
    assert found["margin"]["share_positive"] == 1.0
    assert (found["samples"], found["looked_at"]) == (40, 16)
    (layer,) = found["layers"]
    assert layer["operator"] == pytest.approx(10 * 10**0.5, rel=1e-5)  # 10 orthogonal rows of 10 for each class
    assert found["jacobian"]["mean_squared_norm"] == pytest.approx(40 * 100, rel=1e-5)
    assert diagnose(network, inputs, held_out=0.5)["memorisation"]["against"] == "held-out labels"
    assert {"fano", "memorisation"}.isdisjoint(diagnose(network, inputs))
    inputs.y = (inputs.y + 1) % 4
    other = diagnose(network, inputs, held_out=0.3)
    assert (other["memorisation"]["memorising"], other["margin"]["share_positive"]) == (False, 0.0)


def test_images_are_looked_at_as_the_network_takes_them_and_the_same_way_twice() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1)).astype(np.uint8)
    inputs = DeviceDataset(pixels, np.arange(30) % 3, 3, device="cpu", augment="shift+flip")
    network = build("cnn", (8, 8, 1), 3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = diagnose(network, inputs)
    assert found == diagnose(network, inputs)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    kinds = [layer["kind"] for layer in found["layers"]]
    assert kinds.count("3x3 convolution") == sum(isinstance(module, nn.Conv2d) for module in network.modules())
    assert kinds[-1] == "linear"
    assert "batchnorm" in kinds


def test_many_classes_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    network, inputs = memoriser()
    exact = diagnose(network, inputs)["jacobian"]
    monkeypatch.setattr("labelaudit.models.diagnosis._EXACT", 2)
    estimated = diagnose(network, inputs)["jacobian"]
    assert estimated["how"] == "estimated from 50 draws"
    assert estimated["mean_squared_norm"] == pytest.approx(exact["mean_squared_norm"], rel=0.1)


def test_detection_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    suspicion, wrong = rng.integers(0, 5, 40) / 4, rng.random(40) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in suspicion[wrong] for b in suspicion[~wrong]]
    assert auroc(suspicion, wrong) == pytest.approx(np.mean(pairs))
    assert auroc(suspicion, np.zeros(40, bool)) is None
    assert auroc(np.full(40, np.nan), wrong) is None
