"""Estimated transition matrices, and forward and backward correction by them, against the paper's statements."""

from __future__ import annotations

import numpy as np
import torch
from fits import batch_of, begun, logit_gradient
from torch import Tensor

from labelaudit.methods import cross_entropy
from labelaudit.methods.losses._transitions import anchor_rows
from labelaudit.methods.losses.backward import BackwardCorrection
from labelaudit.methods.losses.forward import ForwardCorrection

T = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])


def logits(*shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def test_the_anchor_is_the_surest_sample_below_the_97th_percentile() -> None:
    """LIMIT's and Patrini's released loop: probabilities from the percentile on are zeroed, then argmax."""
    probs, labels = logits(1, 200, 3).softmax(-1), torch.arange(200) % 3
    expected = []
    for i in range(3):
        own = probs[0, :, i].numpy().copy()
        own[own >= np.sort(own)[200 - 6]] = 0  # the largest 3 %
        expected.append(probs[0, int(own.argmax())])
    found = anchor_rows(probs, labels, torch.ones(1, 200, dtype=torch.bool), passed=0.03)
    torch.testing.assert_close(found[0], torch.stack(expected))


def test_anchors_come_from_the_folds_own_training_samples_and_empty_classes_stay() -> None:
    probs, labels = logits(2, 40, 3).softmax(-1), torch.arange(40) % 2
    trained = torch.stack([torch.arange(40) < 20, torch.arange(40) >= 20])
    found = anchor_rows(probs, labels, trained, passed=0.0)
    for fold, rows in enumerate((slice(0, 20), slice(20, 40))):
        for i in range(2):
            torch.testing.assert_close(found[fold, i], probs[fold, rows][probs[fold, rows, i].argmax()])
    assert found[:, 2].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_with_many_classes_at_most_half_of_a_class_is_passed_over() -> None:
    n, classes = 400, 200  # two samples of each class: 3 % would be twelve
    labels = torch.arange(n) % classes
    probs = torch.full((1, n, classes), 1e-4)
    probs[0, torch.arange(n), labels] = torch.where(torch.arange(n) < classes, 0.9, 0.8)
    found = anchor_rows(probs, labels, torch.ones(1, n, dtype=torch.bool), passed=0.03)
    torch.testing.assert_close(found[0].diagonal(), torch.full((classes,), 0.8))


def test_forward_is_the_loss_of_the_prediction_after_the_noise() -> None:
    y = torch.tensor([[0, 1, 2, 1]])
    method = begun(ForwardCorrection(), y[0], 3)
    z = logits(1, 1, 4, 3)
    torch.testing.assert_close(method.loss(z, batch_of(y)), cross_entropy(z, y))  # before T is known
    method.correct(T.unsqueeze(0))
    p = z.softmax(-1)[0, 0]
    expected = [-torch.log(sum(T[i, y[0, b]] * p[b, i] for i in range(3))) for b in range(4)]
    torch.testing.assert_close(method.loss(z, batch_of(y))[0, 0], torch.stack(expected))


def test_forward_is_minimal_at_the_clean_probabilities() -> None:
    """Theorem 2: noisy labels drawn from Tᵀp, in exact proportion, leave no gradient at p."""
    p = torch.tensor([0.5, 0.3, 0.2])
    y = torch.tensor([[0, 1, 2]])
    method = begun(ForwardCorrection(), y[0], 3)
    method.correct(T.unsqueeze(0))
    gradient = logit_gradient(method, p.log().expand(1, 1, 3, 3), batch_of(y))[0, 0]
    torch.testing.assert_close(T.T @ p @ gradient, torch.zeros(3), atol=1e-6, rtol=0)
    assert gradient.abs().max() > 0.1


def test_backward_is_unbiased() -> None:
    """Theorem 1: averaged over the labels that a true class i is given, it is -log p_i."""
    y = torch.tensor([[0, 1, 2]])
    method = begun(BackwardCorrection(identity=0.0), y[0], 3)
    method.correct(T.unsqueeze(0))
    z = logits(3).expand(1, 1, 3, 3)
    torch.testing.assert_close(T @ method.loss(z, batch_of(y))[0, 0], -z[0, 0, 0].log_softmax(-1))


def test_backward_survives_a_singular_matrix_and_is_cross_entropy_by_the_identity() -> None:
    y, z = torch.tensor([[0, 1, 2]]), logits(1, 1, 3, 3)
    singular = torch.full((1, 3, 3), 1 / 3)
    method = begun(BackwardCorrection(identity=0.0), y[0], 3)
    method.correct(singular)
    assert method.loss(z, batch_of(y)).isfinite().all()
    plain = begun(BackwardCorrection(identity=1.0), y[0], 3)
    plain.correct(singular)
    torch.testing.assert_close(plain.loss(z, batch_of(y)), cross_entropy(z, y))


def test_the_matrix_is_estimated_once_after_the_warm_up() -> None:
    method = begun(ForwardCorrection(warmup=0.5), torch.arange(6) % 3, 3, epochs=4)
    calls = []

    def predict() -> Tensor:
        calls.append(1)
        return logits(1, 1, 6, 3)

    for epoch in range(4):
        assert method.sample_weights(epoch, predict) is None
        assert len(calls) == int(epoch >= 2)
