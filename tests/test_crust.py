"""CRUST's gradients, blocks, clusters and mixup partners against slow obvious forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.coresets import distances
from labelaudit.methods import Fit
from labelaudit.methods._draws import draw_beta
from labelaudit.methods.crust import Crust
from labelaudit.networks import build

N, CLASSES, WIDTH = 60, 3, 5
MEDOIDS = {"selector": "facility_location", "partition": "given"}


def started(**options: object) -> tuple[Crust, Tensor]:
    """A method that has begun, and the logits (1, n, C) of its network."""
    method = Crust(**options)  # type: ignore[arg-type]
    network = build("mlp", (WIDTH,), CLASSES, seed=1)
    x = torch.randn(1, N, WIDTH, generator=torch.Generator().manual_seed(0))
    trained = torch.ones(1, N, dtype=torch.bool)
    trained[0, ::5] = False
    labels = torch.randint(CLASSES, (N,), generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(0)
    method.begin(
        Fit(
            labels=labels,
            classes=CLASSES,
            trained=trained,
            networks=[network],
            epochs=9,
            steps=9,
            generator=generator,
        )
    )
    method._x = x  # type: ignore[attr-defined]
    return method, network(x).detach()


def test_gradient_distances_are_those_autograd_gives_at_the_input_of_the_last_layer() -> None:
    method, logits = started(gradient="last_layer")
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
    found = method.measure(0, logits.unsqueeze(0))["centrality"][0]
    gradients = method._gradients(logits)[0]
    block = method.fit.labels if partition == "given" else logits[0].argmax(-1)
    for i in range(N):
        mates = [j for j in range(N) if block[j] == block[i] and method.fit.trained[0, j]]
        expected = torch.stack([(gradients[i] - gradients[j]).norm() for j in mates]).mean()
        assert float(found[i]) == pytest.approx(float(expected), rel=1e-4)


def test_selection_takes_the_budget_of_each_class_from_training_samples_with_cluster_sizes_as_weights() -> None:
    method, logits = started(budget=0.25, warmup=2, every=2, **MEDOIDS)
    assert method.choose(1, lambda: logits.unsqueeze(0)) is None
    weights = method.choose(2, lambda: logits.unsqueeze(0))
    assert weights is not None
    for c in range(CLASSES):
        known = (method.fit.labels == c) & method.fit.trained[0]
        assert int((weights[0, known] > 0).sum()) == max(1, int(0.25 * int(known.sum())))
        assert float(weights[0, known].sum()) == int(known.sum())  # Σ r_j = n_c
    assert not weights[0, ~method.fit.trained[0]].any()
    assert method.choose(3, lambda: pytest.fail("no selection is due")) is weights


def test_mixup_partners_are_other_members_of_the_cluster() -> None:
    method, logits = started(budget=0.3, warmup=0, **MEDOIDS)
    weights = method.choose(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    medoids = weights[0].nonzero().squeeze(1)
    gradients = method._gradients(logits)[0]
    for _ in range(5):
        partners = method._partners(medoids[None])[0]
        for medoid, partner in zip(medoids.tolist(), partners.tolist(), strict=True):
            assert method.fit.labels[partner] == method.fit.labels[medoid]
            assert method.fit.trained[0, partner]
            assert (partner == medoid) == (float(weights[0, medoid]) == 1)
            mates = medoids[method.fit.labels[medoids] == method.fit.labels[medoid]]
            nearest = distances(gradients[partner][None], gradients[mates])[0]
            own = float((gradients[partner] - gradients[medoid]).norm())
            assert own == pytest.approx(float(nearest.min()), abs=1e-5)


def test_central_selector_takes_the_most_central_half_unweighted() -> None:
    method, logits = started(partition="given", warmup=0)
    weights = method.choose(0, lambda: logits.unsqueeze(0))
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
    weights = method.choose(0, lambda: logits.unsqueeze(0))
    assert weights is not None
    chosen = weights[0].nonzero().squeeze(1)
    partners = method._partners(chosen[None])[0]
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
    found = method.derive(probs, labels)
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
