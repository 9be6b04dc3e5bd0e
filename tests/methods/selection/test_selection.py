"""MentorNet, INCV, D2L and T-Revision against their definitions as plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fits import batch_of, begun
from torch import Tensor

from labelaudit.methods import cross_entropy
from labelaudit.methods.losses.t_revision import TransitionRevision
from labelaudit.methods.selection.d2l import DimensionalityDriven, dimensionality
from labelaudit.methods.selection.incv import IterativeCrossValidation
from labelaudit.methods.selection.mentornet import MentorNet

Y = torch.arange(20).view(2, 10) % 4  # (F, B)
LOGITS = 2 * torch.randn(2, 2, 10, 4, generator=torch.Generator().manual_seed(5))  # (K, F, B, C)


def nowhere() -> Tensor:
    raise AssertionError("no prediction is needed")


def test_mentornet_counts_losses_up_to_a_moving_percentile() -> None:
    method = begun(MentorNet(percentile=0.5, decay=0.8, warmup=0.5), Y[0], 4, folds=2)
    z, threshold = LOGITS[:1], [0.0, 0.0]
    method.sample_weights(0, nowhere)
    assert torch.equal(method.loss(z, batch_of(Y)), cross_entropy(z, Y))
    first = [float(np.quantile(cross_entropy(z, Y)[0, f].numpy(), 0.5)) for f in range(2)]
    method.sample_weights(5, nowhere)
    z = 2 * z
    entropy = cross_entropy(z, Y)
    found = method.loss(z, batch_of(Y)).mean(-1)[0]
    for f in range(2):
        threshold[f] = 0.8 * first[f] + 0.2 * float(np.quantile(entropy[0, f].numpy(), 0.5))
        counted = [value for value in entropy[0, f].tolist() if value <= threshold[f]]
        assert 0 < len(counted) < 10
        assert float(found[f]) == pytest.approx(sum(counted) / len(counted), rel=1e-5)


def test_incv_trains_each_network_on_its_half_and_selects_by_the_other() -> None:
    method = begun(IterativeCrossValidation(warmup=0.5, noise=0.0), Y[0], 4, folds=2)
    assert method.sample_weights(0, nowhere) is None
    half = method._half
    entropy = cross_entropy(LOGITS, Y)
    found = method.loss(LOGITS, batch_of(Y)).mean(-1)
    for network in range(2):
        for f in range(2):
            own = [float(entropy[network, f, b]) for b in range(10) if half[f, b] == network]
            assert float(found[network, f]) == pytest.approx(sum(own) / len(own), rel=1e-5)
    labels = Y[0]
    weights = method.sample_weights(5, lambda: LOGITS)
    assert weights is not None
    for f in range(2):
        for b in range(10):
            judge = 1 - int(half[f, b])
            assert bool(weights[f, b]) == (int(LOGITS[judge, f, b].argmax()) == int(labels[b]))
    rejected = method.sample_statistics(LOGITS)["rejected"]
    assert torch.equal(rejected, 1 - weights)


def test_incv_gives_up_only_what_the_selection_left_of_the_noise() -> None:
    labels = torch.arange(10) % 2
    z = torch.zeros(2, 1, 10, 2)
    z[:, 0, torch.arange(10), labels] = 1.0
    z[:, 0, 0] *= -1  # the first sample is rejected: a tenth
    for noise, kept in ((0.0, 1.0), (0.1, 1.0), (0.4, 1 - 0.3 / 0.9)):
        method = begun(IterativeCrossValidation(warmup=0.0, noise=noise), labels, 2)
        method.sample_weights(0, lambda: z)
        assert float(method._kept[0]) == pytest.approx(kept)


def test_dimensionality_is_the_maximum_likelihood_estimate_over_the_nearest() -> None:
    hidden = torch.randn(2, 15, 4, generator=torch.Generator().manual_seed(0))
    found = dimensionality(hidden, 5)
    for f in range(2):
        for b in range(15):
            r = sorted(float((hidden[f, b] - hidden[f, j]).norm()) for j in range(15) if j != b)[:5]
            expected = -1 / (sum(math.log(value / r[-1]) for value in r) / 5)
            assert float(found[f, b]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("true", [2, 6])
def test_dimensionality_of_points_in_a_subspace_is_that_of_the_subspace(true: int) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(1, 2000, true, generator=generator) @ torch.randn(true, 30, generator=generator)
    assert float(dimensionality(points, 20).mean()) == pytest.approx(true, rel=0.2)
    assert dimensionality(torch.zeros(1, 5, 3), 20).isfinite().all()
    assert dimensionality(torch.zeros(1, 2, 3), 20).tolist() == [[1, 1]]


def test_d2l_shifts_targets_after_the_turning_point() -> None:
    method = begun(DimensionalityDriven(), Y[0], 4, folds=2, epochs=10)
    z = LOGITS[:1]
    lids = [6.0, 5.0, 4.0, 4.0, 9.0]  # the fifth epoch turns
    for epoch in range(6):
        method.sample_weights(epoch, nowhere)
        if epoch < 5:
            assert torch.equal(method.loss(z, batch_of(Y)), cross_entropy(z, Y))
            method._sum += torch.tensor([lids[epoch] * 3, 3.0])  # the second fold never turns
            method._batches = 3
    alpha = math.exp(-5 / 10 * 9 / 4)
    p = z.softmax(-1)
    expected = alpha * cross_entropy(z, Y)[:, 0] - (1 - alpha) * (p * p.log()).sum(-1)[:, 0]
    found = method.loss(z, batch_of(Y))
    torch.testing.assert_close(found[:, 0], expected)
    torch.testing.assert_close(found[:, 1], cross_entropy(z, Y)[:, 1])


def test_t_revision_weighs_by_importance_and_learns_its_matrix() -> None:
    noise = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])
    y = torch.tensor([[0, 1, 2, 1]])
    method = begun(TransitionRevision(revision=0.01), y[0], 3)
    method.correct(noise.unsqueeze(0))
    z = LOGITS[:1, :1, :4, :3]
    p = z.softmax(-1)[0, 0]
    expected = [
        float(p[b, y[0, b]] / sum(noise[i, y[0, b]] * p[b, i] for i in range(3)) * -p[b, y[0, b]].log())
        for b in range(4)
    ]
    loss = method.loss(z, batch_of(y))
    np.testing.assert_allclose(loss[0, 0].detach().numpy(), expected, rtol=1e-4)
    before = float(loss.detach().sum())
    loss.sum().backward()  # type: ignore[no-untyped-call]
    method.after_step([])
    assert method._change.detach().any()
    assert float(method.loss(z, batch_of(y)).detach().sum()) < before
    identity = begun(TransitionRevision(), y[0], 3)
    identity.correct(torch.eye(3).unsqueeze(0))
    torch.testing.assert_close(identity.loss(z, batch_of(y)).detach(), cross_entropy(z, y))
