"""Co-teaching, SIGUA and Decoupling: who teaches whom, against the algorithms as plain loops."""

from __future__ import annotations

import torch
from fits import batch_of, begun, logit_gradient

from labelaudit.methods import cross_entropy
from labelaudit.methods.selection._small_loss import small_loss_mask
from labelaudit.methods.selection.co_teaching import CoTeaching
from labelaudit.methods.selection.decoupling import Decoupling
from labelaudit.methods.selection.sigua import Sigua

Y = torch.arange(20).view(2, 10) % 4  # (F, B)
LOGITS = 2 * torch.randn(2, 2, 10, 4, generator=torch.Generator().manual_seed(5))  # (K, F, B, C)


def nowhere() -> torch.Tensor:
    raise AssertionError("no prediction is needed")


def test_each_network_learns_the_small_losses_of_its_peer() -> None:
    method = begun(CoTeaching(noise=0.4, ramp=2), Y[0], 4, folds=2)
    method.sample_weights(5, nowhere)
    entropy = cross_entropy(LOGITS, Y)
    found = method.loss(LOGITS, batch_of(Y)).mean(-1)
    for network in range(2):
        for fold in range(2):
            order = sorted(range(10), key=lambda b: float(entropy[1 - network, fold, b]))[:6]
            expected = sum(float(entropy[network, fold, b]) for b in order) / 6
            assert abs(float(found[network, fold]) - expected) < 1e-5


def test_the_share_kept_falls_from_one_to_what_is_clean() -> None:
    method = begun(CoTeaching(noise=0.4, ramp=4), Y[0], 4)
    kept = []
    for epoch in range(6):
        assert method.sample_weights(epoch, nowhere) is None
        kept.append(round(method.kept, 6))
    assert kept == [1.0, 0.9, 0.8, 0.7, 0.6, 0.6]


def test_smallest_takes_exactly_its_share_even_among_ties_and_never_nobody() -> None:
    assert small_loss_mask(torch.ones(2, 10), 0.7).sum(-1).tolist() == [7, 7]
    assert small_loss_mask(torch.tensor([3.0, 1.0, 2.0]), 0.01).tolist() == [0, 1, 0]
    assert small_loss_mask(torch.tensor([3.0, 1.0, torch.nan]), 0.67).tolist() == [1, 1, 0]


def test_sigua_descends_on_small_losses_and_ascends_on_the_rest() -> None:
    method = begun(Sigua(noise=0.3, ramp=1, gamma=0.1), Y[0], 4)
    method.sample_weights(3, nowhere)
    z = LOGITS[:1]
    easy = small_loss_mask(cross_entropy(z, Y), 0.7)
    plain = z.softmax(-1) - torch.eye(4)[Y]
    expected = plain * torch.where(easy > 0, 1.0, -0.1).unsqueeze(-1)
    torch.testing.assert_close(logit_gradient(method, z, batch_of(Y)), expected)


def test_decoupling_updates_where_the_two_disagree_and_nowhere_else() -> None:
    method = begun(Decoupling(warmup=0.5), Y[0], 4, folds=2)
    method.sample_weights(0, nowhere)
    torch.testing.assert_close(method.loss(LOGITS, batch_of(Y)), cross_entropy(LOGITS, Y))
    method.sample_weights(5, nowhere)
    differ = LOGITS[0].argmax(-1) != LOGITS[1].argmax(-1)
    assert 0 < int(differ.sum()) < 20
    gradient = logit_gradient(method, LOGITS, batch_of(Y)).abs().sum(-1) > 0
    assert torch.equal(gradient, differ.expand(2, 2, 10))
    expected = (cross_entropy(LOGITS, Y) * differ).sum(-1) / differ.sum(-1)
    torch.testing.assert_close(method.loss(LOGITS, batch_of(Y)).mean(-1), expected)
    agreed = LOGITS[:1].repeat(2, 1, 1, 1)
    assert not method.loss(agreed, batch_of(Y)).any()
    assert torch.equal(method.sample_statistics(LOGITS)["disagreement"], differ.float())
