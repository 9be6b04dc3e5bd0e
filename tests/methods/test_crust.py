"""CRUST's gradients, blocks, clusters and mixup partners against slow obvious forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fits import batch_of, begun
from torch import Tensor
from torch.nn import functional

from labelaudit.methods import Batch, FitContext, get_method
from labelaudit.methods._coresets import distances
from labelaudit.methods._draws import draw_beta
from labelaudit.methods.crust import Crust
from labelaudit.networks import build

N, CLASSES, WIDTH = 60, 3, 5
MEDOIDS = {"selector": "facility_location", "partition": "given"}


def started(pixels: bool = False, **options: object) -> tuple[Crust, Tensor]:
    """A method that has begun, and the logits (1, n, C) of its network."""
    method = Crust(**options)  # type: ignore[arg-type]
    network = build(*(("cnn", (8, 8, 1)) if pixels else ("mlp", (WIDTH,))), CLASSES, seed=1).eval()
    shape = (1, 8, 8) if pixels else (WIDTH,)
    x = torch.randn(1, N, *shape, generator=torch.Generator().manual_seed(0))
    trained = torch.ones(1, N, dtype=torch.bool)
    trained[0, ::5] = False
    labels = torch.randint(CLASSES, (N,), generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(0)
    method.begin(
        FitContext(
            labels=labels, classes=CLASSES, trained=trained, networks=[network], epochs=9, steps=9, generator=generator
        )
    )
    method._x = x  # type: ignore[attr-defined]
    return method, network(x).detach()


@pytest.mark.parametrize("pixels", [False, True])
def test_gradient_distances_are_those_autograd_gives_at_the_input_of_the_last_layer(pixels: bool) -> None:
    method, logits = started(pixels, gradient="last_layer")
    network = method.fit.networks[0]
    inputs = network.body(method._x).detach().requires_grad_()  # type: ignore[attr-defined]
    loss = functional.cross_entropy(network.last(inputs)[0], method.fit.labels, reduction="sum")
    (autograd,) = torch.autograd.grad(loss, inputs)
    ours = method._gradients(logits)
    assert ours.shape == (1, N, CLASSES)
    torch.testing.assert_close(distances(ours[0], ours[0]), distances(autograd[0], autograd[0]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours[0].norm(dim=1), autograd[0].norm(dim=1), atol=1e-5, rtol=1e-4)


def test_logit_gradients_are_p_minus_the_label() -> None:
    method, logits = started(gradient="logits")
    expected = logits.softmax(-1) - functional.one_hot(method.fit.labels, CLASSES)
    torch.testing.assert_close(method._gradients(logits), expected)


@pytest.mark.parametrize("partition", ["given", "predicted"])
def test_centrality_is_the_mean_distance_to_the_training_samples_of_the_block(partition: str) -> None:
    method, logits = started(partition=partition, warmup=0)
    found = method.sample_statistics(logits.unsqueeze(0))["centrality"][0]
    gradients = method._gradients(logits)[0]
    block = method.fit.labels if partition == "given" else logits[0].argmax(-1)
    for i in range(N):
        mates = [j for j in range(N) if block[j] == block[i] and method.fit.trained[0, j]]
        expected = torch.stack([(gradients[i] - gradients[j]).norm() for j in mates]).mean()
        assert float(found[i]) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("greedy", ["auto", "lazy", "stochastic", "parts"])
def test_selection_takes_the_budget_of_each_class_from_training_samples_with_cluster_sizes_as_weights(
    greedy: str, pixels: bool
) -> None:
    method, logits = started(pixels, budget=0.25, warmup=2, every=2, greedy=greedy, **MEDOIDS)
    assert method.sample_weights(1, lambda: logits.unsqueeze(0)) is None
    weights = method.sample_weights(2, lambda: logits.unsqueeze(0))
    assert weights is not None
    for c in range(CLASSES):
        known = (method.fit.labels == c) & method.fit.trained[0]
        assert int((weights[0, known] > 0).sum()) == max(1, int(0.25 * int(known.sum())))
        assert float(weights[0, known].sum()) == int(known.sum())  # Σ r_j = n_c
    assert not weights[0, ~method.fit.trained[0]].any()
    assert method.sample_weights(3, lambda: pytest.fail("no selection is due")) is weights


def test_mixup_partners_are_other_members_of_the_cluster() -> None:
    method, logits = started(budget=0.3, warmup=0, **MEDOIDS)
    weights = method.sample_weights(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    medoids = weights[0].nonzero().squeeze(1)
    gradients = method._gradients(logits)[0]
    for _ in range(5):
        partners = method._partners(medoids[None])[0, :, 0]
        for medoid, partner in zip(medoids.tolist(), partners.tolist(), strict=True):
            assert method.fit.labels[partner] == method.fit.labels[medoid]
            assert method.fit.trained[0, partner]
            assert (partner == medoid) == (float(weights[0, medoid]) == 1)
            mates = medoids[method.fit.labels[medoids] == method.fit.labels[medoid]]
            nearest = distances(gradients[partner][None], gradients[mates])[0]
            own = float((gradients[partner] - gradients[medoid]).norm())
            assert own == pytest.approx(float(nearest.min()), abs=1e-5)


def test_a_step_mixes_the_medoid_with_a_member_of_its_cluster_and_weighs_by_the_clusters_size() -> None:
    """Eq. 11, written out: λ·x_partner + (1 - λ)·x_medoid, both labels, times the number the medoid stands for."""
    method, logits = started(budget=0.3, warmup=0, **MEDOIDS)
    weights = method.sample_weights(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    x, network = method._x, method.fit.networks[0]  # type: ignore[attr-defined]
    index = weights[0].nonzero().squeeze(1)[None]
    one = Batch(
        x=x[:, index[0]],
        y=method.fit.labels[index],
        index=index,
        weight=weights.gather(1, index),
        take=lambda rows: x[:, rows[0]],
    )
    state = method.fit.generator.get_state()
    total = method.step([network], one)
    method.fit.generator.set_state(state)
    partner = method._partners(index)[..., 0]
    share = draw_beta(method.mixup, partner.shape, method.fit.generator)
    expected = torch.zeros(())
    for j in range(index.shape[1]):
        medoid, other, part = index[0, j], partner[0, j], share[0, j]
        z = network((part * x[0, other] + (1 - part) * x[0, medoid])[None, None])[0, 0]
        labels = method.fit.labels
        loss = -part * z.log_softmax(-1)[labels[other]] - (1 - part) * z.log_softmax(-1)[labels[medoid]]
        expected = expected + weights[0, medoid] * loss
    torch.testing.assert_close(total, expected / index.shape[1])


@pytest.mark.parametrize(("partners", "size"), [(1, 7), (3, 7), (6, 7), (3, 2)])
def test_every_other_member_is_a_partner_equally_often(partners: int, size: int) -> None:
    """A cluster of ``size`` among others: no partner is the sample itself, none comes twice while there are enough."""
    method, _ = started(partners=partners)
    rows = torch.arange(10, 10 + size)
    method._members[0, 20 : 20 + size] = rows
    method._start[0, rows], method._size[0, rows], method._place[0, rows] = 20, size, torch.arange(size)
    drawn = method._partners(rows[1].repeat(1, 4000))[0]  # (4000, |R|)
    assert drawn.shape == (4000, partners)
    others = [row for row in rows.tolist() if row != int(rows[1])]
    shares = [float((drawn == row).float().mean()) for row in others]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([1 / len(others)] * len(others), abs=0.02)
    if partners < size:
        assert all(len(set(one)) == partners for one in drawn.tolist())


def test_a_step_averages_over_the_partners_of_a_sample() -> None:
    method, logits = started(budget=0.2, warmup=0, partners=3, **MEDOIDS)
    weights = method.sample_weights(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    x, network, labels = method._x, method.fit.networks[0], method.fit.labels  # type: ignore[attr-defined]
    index = weights[0].nonzero().squeeze(1)[None]
    weight = weights.gather(1, index)
    one = Batch(x=x[:, index[0]], y=labels[index], index=index, weight=weight, take=lambda rows: x[:, rows[0]])
    state = method.fit.generator.get_state()
    total = method.step([network], one)
    method.fit.generator.set_state(state)
    partners = method._partners(index)[0]  # (B, 3)
    share = draw_beta(1.0, torch.Size((1, partners.numel())), method.fit.generator)[0].view(partners.shape)
    expected = torch.zeros(())
    for j, medoid in enumerate(index[0].tolist()):
        for other, part in zip(partners[j].tolist(), share[j], strict=True):
            z = network((part * x[0, other] + (1 - part) * x[0, medoid])[None, None])[0, 0].log_softmax(-1)
            loss = -part * z[labels[other]] - (1 - part) * z[labels[medoid]]
            expected = expected + weight[0, j] / 3 * loss  # r_j = |V_j| / |R_j|
    torch.testing.assert_close(total, expected / index.shape[1])


def test_before_the_first_selection_and_without_mixup_a_step_is_cross_entropy() -> None:
    labels = torch.arange(12) % 3
    one = batch_of(labels[None], torch.randn(1, 12, 3, generator=torch.Generator().manual_seed(0)))
    plain = begun(get_method("ce")(), labels, 3)
    expected = plain.step(plain.fit.networks, one)
    for options in ({"warmup": 3}, {"warmup": 0, "mixup": 0.0}):
        method = begun(Crust(**options), labels, 3)  # type: ignore[arg-type]
        method.sample_weights(0, lambda: torch.zeros(1, 1, 12, 3))
        torch.testing.assert_close(method.step(plain.fit.networks, one), expected)


def test_central_selector_takes_the_most_central_half_unweighted() -> None:
    method, logits = started(partition="given", warmup=0)
    weights = method.sample_weights(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    gradients = method._gradients(logits)[0]
    for c in range(CLASSES):
        known = ((method.fit.labels == c) & method.fit.trained[0]).nonzero().squeeze(1)
        spread = distances(gradients[known], gradients[known]).mean(1)
        kept = weights[0, known] > 0
        assert float(spread[kept].max()) <= float(spread[~kept].min())


def test_mixup_of_central_samples_stays_among_the_selected_of_the_class() -> None:
    method, logits = started(partition="given", warmup=0)
    weights = method.sample_weights(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    chosen = weights[0].nonzero().squeeze(1)
    partners = method._partners(chosen[None])[0, :, 0]
    assert (weights[0, partners] == 1).all()
    assert torch.equal(method.fit.labels[partners], method.fit.labels[chosen])
    assert (partners != chosen).all()


def test_wide_classes_use_the_narrower_space_with_the_same_distances() -> None:
    method, logits = started(gradient="last_layer")
    weight = method.fit.networks[0].last.weight.detach()  # (1, 256, 3): C is the narrower side
    residual = logits.softmax(-1) - functional.one_hot(method.fit.labels, CLASSES)
    direct = (residual @ weight.transpose(1, 2))[0]
    ours = method._gradients(logits)[0]
    torch.testing.assert_close(distances(ours, ours), distances(direct, direct), atol=1e-5, rtol=1e-4)
    method.fit.networks[0].last.weight = torch.nn.Parameter(weight[:, :2])  # d_a = 2 < C
    assert method._gradients(logits).shape == (1, N, 2)


def test_medoids_are_reported_with_their_clusters() -> None:
    method, logits = started(budget=0.25)
    labels = method.fit.labels.numpy()
    probs = logits[0].softmax(-1).numpy()
    found = method.final_columns(probs, labels)
    selected = found["selection_order"] < 1
    assert (found["medoid"][selected] == np.flatnonzero(selected)).all()
    for c in range(CLASSES):
        assert selected[labels == c].sum() == int(0.25 * (labels == c).sum())
        assert (labels[found["medoid"][labels == c]] == c).all()
    sizes = np.bincount(found["medoid"], minlength=N)
    assert (found["cluster_size"] == sizes[found["medoid"]]).all()


def test_beta_draws_have_the_variance_of_their_distribution() -> None:
    for alpha in (0.3, 1.0, 4.0):
        drawn = draw_beta(alpha, torch.Size([100_000]), torch.Generator().manual_seed(0))
        assert float(drawn.mean()) == pytest.approx(0.5, abs=0.01)
        assert float(drawn.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
