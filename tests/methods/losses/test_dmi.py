"""DMI's determinant: the paper's matrix, its invariance to noise, and what keeps it finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fits import batch_of, begun, logit_gradient
from torch import Tensor

from labelaudit.methods import cross_entropy
from labelaudit.methods.losses.dmi import DeterminantInformation, determinant_loss, joint


def logits(*shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def test_the_joint_matrix_is_the_papers_and_its_determinant_differs_by_a_constant() -> None:
    p, y = logits(1, 12, 3).softmax(-1), torch.arange(12).unsqueeze(0) % 3
    expected = np.zeros((3, 3))
    for b in range(12):
        for c in range(3):
            expected[int(y[0, b]), c] += float(p[0, b, c]) / 12
    matrix = joint(p, y, torch.ones(1, 12))
    np.testing.assert_allclose(matrix[0].numpy(), expected, atol=1e-6)
    paper = -np.log(abs(np.linalg.det(expected)))
    counts = -np.log(np.prod(expected.sum(1)))  # the share of each given label, whatever the network says
    assert float(determinant_loss(matrix, ridge=0.0)[0]) == pytest.approx(paper - counts, rel=1e-4)


def test_class_dependent_noise_adds_a_constant() -> None:
    """Theorem: U of noisy labels is TᵀU, so -log |det| moves by -log |det T| whatever the network is."""
    noise = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])
    shifts = []
    for seed in range(3):
        clean = torch.rand(3, 3, generator=torch.Generator().manual_seed(seed)) / 9 + torch.eye(3) / 3
        noisy = noise.T @ clean
        both = torch.stack([clean / clean.sum(), noisy / noisy.sum()])
        loss = -torch.linalg.slogdet(both).logabsdet
        shifts.append(float(loss[1] - loss[0]))
    np.testing.assert_allclose(shifts, -np.log(np.linalg.det(noise.numpy())), atol=1e-4)


@pytest.mark.parametrize("confident", [False, True])
def test_a_hundred_classes_and_missing_ones_stay_finite(confident: bool) -> None:
    """Perfect predictions overflow the determinant in float32, uniform ones underflow it."""
    y = (torch.arange(256) % 97).unsqueeze(0)
    method = begun(DeterminantInformation(warmup=0.0), y[0], 100)
    z = torch.zeros(1, 1, 256, 100)
    if confident:
        z[0, 0, torch.arange(256), y[0]] = 50.0
    method.sample_weights(0, lambda: z)
    assert method.loss(z, batch_of(y)).isfinite().all()
    gradient = logit_gradient(method, z, batch_of(y))
    assert gradient.isfinite().all()
    assert confident or gradient.any()


def test_a_batch_large_enough_is_the_papers_loss_alone() -> None:
    y = (torch.arange(40) % 4).unsqueeze(0)
    method = begun(DeterminantInformation(warmup=0.0, ridge=1e-6), y[0], 4)
    z = logits(1, 1, 40, 4)
    method.sample_weights(0, lambda: -z)  # must not matter
    u = joint(z[0].softmax(-1), y, torch.ones(1, 40))
    expected = -torch.linalg.slogdet(4 * u).logabsdet
    torch.testing.assert_close(method.loss(z, batch_of(y)), expected.expand(1, 1, 40), rtol=1e-3, atol=1e-3)


def test_it_is_cross_entropy_until_the_warm_up_is_over() -> None:
    y = (torch.arange(8) % 4).unsqueeze(0)
    method = begun(DeterminantInformation(warmup=0.5), y[0], 4, epochs=4)
    z = logits(1, 1, 8, 4)
    for epoch in range(4):
        method.sample_weights(epoch, lambda: z)
        assert torch.equal(method.loss(z, batch_of(y)), cross_entropy(z, y)) == (epoch < 2)
