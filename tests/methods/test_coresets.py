"""Facility location, medoids and centrality against slow obvious forms."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from labelaudit.methods import _coresets
from labelaudit.methods._coresets import _naive, _similarities, assign, centrality, distances, facility_location


def cloud(m: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(m, 3)).astype(np.float32))


def pairwise(points: torch.Tensor) -> np.ndarray:
    x = points.double().numpy()
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


def objective(points: torch.Tensor, chosen: list[int]) -> float:
    distance = pairwise(points)
    return float((distance.max() - distance)[:, chosen].max(1).sum()) if chosen else 0.0


def naive(points: torch.Tensor, budget: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(budget):
        rest = [i for i in range(len(points)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: objective(points, [*chosen, i])))
    return chosen


@pytest.mark.parametrize(("m", "budget"), [(1, 1), (2, 1), (9, 9), (40, 20), (60, 6)])
@pytest.mark.parametrize("seed", [0, 1])
def test_lazy_greedy_is_naive_greedy(m: int, budget: int, seed: int) -> None:
    points = cloud(m, seed)
    chosen, slow = facility_location(points, budget, greedy="lazy").tolist(), naive(points, budget)
    assert len(set(chosen)) == budget
    for size in range(1, budget + 1):  # equal up to ties: every prefix covers as well as the naive one
        assert objective(points, chosen[:size]) == pytest.approx(objective(points, slow[:size]), rel=1e-5)


@pytest.mark.parametrize("block", [16_000_000, 70])
def test_streamed_greedy_makes_the_picks_of_lazy_greedy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.methods._coresets._BLOCK", block)
    points = cloud(60, 3)
    lazy, streamed = (facility_location(points, 25, greedy=how).tolist() for how in ("lazy", "streamed"))
    for size in range(1, 26):
        assert objective(points, streamed[:size]) == pytest.approx(objective(points, lazy[:size]), rel=1e-5)


@pytest.mark.parametrize("block", [16_000_000, 70])
def test_what_a_gpu_runs_is_naive_greedy_too(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.methods._coresets._BLOCK", block)
    points = torch.cat([cloud(30), cloud(5)])  # five points are there twice
    chosen, slow = _naive(_similarities(points), 20).tolist(), naive(points, 20)
    assert len(set(chosen)) == 20
    for size in range(1, 21):
        assert objective(points, chosen[:size]) == pytest.approx(objective(points, slow[:size]), rel=1e-5)
    assert sorted(_naive(_similarities(points), 35).tolist()) == list(range(35))


def test_half_the_distances_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    points = cloud(50)
    both = distances(points, points)
    monkeypatch.setattr("labelaudit.methods._coresets._TILE", 16)
    assert torch.equal(_similarities(points), both.max() - both)


def test_the_similarities_are_held_once_and_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all storages that come into being on the way to them, one is larger than a row of tiles."""
    large: set[tuple[int, int]] = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            found = function(*args, **(kwargs or {}))
            if isinstance(found, torch.Tensor) and found.untyped_storage().nbytes() > 50 * 300 * 4:
                large.add((found.untyped_storage().data_ptr(), found.untyped_storage().nbytes()))
            return found

    monkeypatch.setattr("labelaudit.methods._coresets._TILE", 50)
    points = cloud(300)
    with Watch():
        _similarities(points)
    assert [size for _, size in large] == [300 * 300 * 4]


def test_gains_never_increase() -> None:
    points = cloud(50)
    chosen = facility_location(points, 25, greedy="lazy").tolist()
    values = [objective(points, chosen[:size]) for size in range(26)]
    assert (np.diff(np.diff(values)) <= 1e-4).all()


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_within_its_bound_of_brute_force(seed: int) -> None:
    points = cloud(9, seed)
    best = max(objective(points, list(chosen)) for chosen in itertools.combinations(range(9), 3))
    assert objective(points, facility_location(points, 3).tolist()) >= (1 - 1 / np.e) * best


def test_stochastic_greedy_covers_almost_as_well_and_repeats_itself() -> None:
    points = cloud(120)
    drawn = [
        facility_location(points, 12, greedy="stochastic", generator=torch.Generator().manual_seed(3)).tolist()
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 12
    assert objective(points, drawn[0]) >= 0.95 * objective(points, facility_location(points, 12).tolist())


def test_parts_cover_almost_as_well_and_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.methods._coresets._PART", 50)
    points = cloud(120)
    chosen = facility_location(points, 14, greedy="parts").tolist()
    assert len(set(chosen)) == 14
    assert objective(points, chosen) >= 0.9 * objective(points, facility_location(points, 14).tolist())
    assert sorted(facility_location(points, 120, greedy="parts").tolist()) == list(range(120))
    assert len(facility_location(points, 2, greedy="parts")) == 2  # fewer picks than parts


def test_stochastic_greedy_can_take_every_point() -> None:
    assert sorted(facility_location(cloud(7), 7, greedy="stochastic").tolist()) == list(range(7))


def test_equal_points_are_selected_and_owned_once_each() -> None:
    points = torch.ones(6, 3)
    medoids = facility_location(points, 3)
    assert len(set(medoids.tolist())) == 3
    own, sizes = assign(points, medoids)
    assert sizes.sum() == 6
    assert own[medoids].tolist() == [0, 1, 2]


def test_budget_is_kept_within_the_points() -> None:
    assert len(facility_location(cloud(4), 0)) == 1
    assert len(facility_location(cloud(4), 99)) == 4


def test_every_point_belongs_to_its_nearest_medoid_and_sizes_sum_to_all() -> None:
    points = cloud(50)
    medoids = facility_location(points, 8)
    own, sizes = assign(points, medoids)
    assert own.tolist() == pairwise(points)[:, medoids].argmin(1).tolist()
    assert sizes.tolist() == [int((own == j).sum()) for j in range(8)]
    assert sizes.sum() == 50


def test_centrality_is_the_mean_distance_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    points, references = cloud(40), cloud(11, 1)
    both = np.sqrt(((points.double()[:, None] - references.double()[None]) ** 2).sum(-1).numpy())
    whole = centrality(points)
    assert whole.numpy() == pytest.approx(pairwise(points).mean(1), rel=1e-5)
    assert centrality(points, references).numpy() == pytest.approx(both.mean(1), rel=1e-5)
    monkeypatch.setattr("labelaudit.methods._coresets._BLOCK", 90)
    assert torch.equal(centrality(points), whole)


def test_of_very_many_points_some_are_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    points = cloud(600)
    exact = centrality(points)
    monkeypatch.setattr(_coresets, "_ALL_REFERENCES", 500)
    monkeypatch.setattr(_coresets, "_PART", 300)
    some = centrality(points)
    assert not torch.equal(some, exact)
    assert some.tolist() == pytest.approx(exact.tolist(), rel=0.1)


def test_centrality_follows_its_points() -> None:
    points, order = cloud(30), torch.randperm(30, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(centrality(points[order]), centrality(points)[order])


def test_near_duplicates_far_from_the_origin_keep_their_distances() -> None:
    points = torch.tensor([[1000.0, 1000.0], [1000.0, 1000.0009765625], [1000.0, 1000.0]])
    assert centrality(points).tolist() == pytest.approx([0.0009765625 / 3, 2 * 0.0009765625 / 3, 0.0009765625 / 3])


@pytest.mark.parametrize("greedy", ["lazy", "naive"])
def test_selection_follows_its_points(greedy: str) -> None:
    points, order = cloud(40), torch.randperm(40, generator=torch.Generator().manual_seed(0))

    def select(x: torch.Tensor) -> torch.Tensor:
        return _naive(_similarities(x), 15) if greedy == "naive" else facility_location(x, 15, greedy="lazy")

    moved, chosen = order[select(points[order])].tolist(), select(points).tolist()
    for size in range(1, 16):  # two points that are each other's nearest can stand for one another
        assert objective(points, moved[:size]) == pytest.approx(objective(points, chosen[:size]), rel=1e-6)


def released(distance: np.ndarray, budget: int) -> list[int]:
    """The heap of the released code, whose `inc()` is F(S ∪ e) where a lazy greedy needs F(S ∪ e) - F(S)."""
    similarity = distance.max() - distance
    heap = [(-value, i) for i, value in enumerate(similarity.sum(0))]
    heapq.heapify(heap)
    covered, order = np.zeros(len(distance)), []
    while len(order) < budget:
        _, i = heapq.heappop(heap)
        improved = np.maximum(covered, similarity[i]).sum()
        if heap and improved < -heap[0][0]:
            heapq.heappush(heap, (-improved, i))
            continue
        order.append(i)
        covered = np.maximum(covered, similarity[i])
    return order


def test_the_heap_of_the_released_code_takes_the_most_central_points() -> None:
    points = cloud(60, 2)
    assert released(pairwise(points), 30) == centrality(points).argsort(stable=True)[:30].tolist()
    assert released(pairwise(points), 30) != facility_location(points, 30).tolist()


def test_released_code_order_is_ascending_centrality() -> None:
    """`inc()` of the released code returns F(S ∪ e), not the gain: items come out by Σ(d_max - d), descending."""
    points = cloud(25)
    distance = pairwise(points)
    released = np.argsort(-(distance.max() - distance).sum(0), kind="stable")
    assert centrality(points).argsort(stable=True).tolist() == released.tolist()
