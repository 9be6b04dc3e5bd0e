"""Coresets, points of a cloud that represent it: facility location, its medoids, and how central each point is.

Distances are Euclidean, in float32, by direct differences: converged gradients are so close together that the usual
expansion |a|² - 2ab + |b|² would leave nothing but rounding. Nothing larger than one float32 block of distances is
held, except by greedy selection, which keeps the (m, m) float32 similarities of one class or part of it, once, unless
it is ``streamed``.
Lazy greedy is NumPy on one core, as it takes thousands of small steps, which torch's threads would only slow down; on a
GPU, where looking at every gain is quicker than asking which to look at, naive greedy takes its place.
Left out: other submodular objectives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import zip_longest
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_BLOCK = 16_000_000  # distances held at once
_LAZY_LIMIT = 6_000  # points up to which the (m, m) similarities are kept: 144 MB
_PART = 4_096
_ALL_REFERENCES = 20_000  # points up to which each is compared with each: seconds
_TILE = 512


def distances(a: Tensor, b: Tensor) -> Tensor:
    """(m, k) Euclidean distances between the rows of a (m, p) and b (k, p)."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def centrality(points: Tensor, references: Tensor | None = None) -> Tensor:
    """(m,) mean distance of each of ``points`` (m, p) to ``references`` (k, p), by default to the points themselves.

    High = far from the rest. Sorting it ascending gives, exactly, the order in which CRUST's released code selects. Of
    more than 20,000 points the references are 4,096 of them, evenly spread over their order: linear in m.

    >>> centrality(torch.tensor([[0.0], [1.0], [5.0]])).tolist()
    [2.0, 1.6666666269302368, 3.0]
    """
    if references is None:
        many = len(points) > _ALL_REFERENCES
        references = points[torch.linspace(0, len(points) - 1, _PART).long()] if many else points
    rows = max(1, _BLOCK // max(len(references), 1))
    return (
        torch.cat([distances(part, references).mean(1) for part in torch.split(points, rows)])
        if len(points)
        else points[:, 0]
    )


def facility_location(
    points: Tensor,
    budget: int,
    *,
    greedy: Literal["auto", "lazy", "streamed", "parts", "stochastic"] = "auto",
    generator: torch.Generator | None = None,
) -> Tensor:
    """(budget,) indices of medoids of ``points`` (m, p), in the order in which greedy selection takes them.

    Maximises Σ_i max_{j in S} (d_max - d_ij) (CRUST, Mirzasoleiman et al. 2020, Eq. 10). ``lazy`` equals naive greedy
    up to ties and is within 1 - 1/e of the optimum; it keeps (m, m) float32 similarities. ``streamed`` makes the same
    picks without keeping them, for classes whose similarities do not fit in memory: distances of candidates are
    computed when they are looked at. ``parts`` runs lazy greedy on random parts of at most 4,096 points, in time
    linear in m. ``stochastic`` looks at a random share of the points per pick (Mirzasoleiman et al. 2015, ε = .05) and
    computes distances on demand. ``auto`` is lazy up to 6,000 points, then parts. A budget outside 1..m is moved to its
    end.

    >>> facility_location(torch.tensor([[0.0], [0.1], [9.0], [9.1], [9.2]]), 2).tolist()
    [2, 0]
    """
    m = len(points)
    budget = min(max(budget, 1), m)
    generator = generator or torch.Generator(points.device).manual_seed(0)
    if greedy == "stochastic":
        return _stochastic(points, budget, generator)
    if greedy == "parts" or (greedy == "auto" and m > _LAZY_LIMIT):
        return _parts(points, budget, generator)
    if greedy == "streamed":
        return _streamed(points, budget)
    similarity = _similarities(points)
    if points.is_cuda:
        return _naive(similarity, budget)
    kept = similarity.numpy()
    return torch.from_numpy(_lazy(kept.__getitem__, kept.sum(1, dtype=np.float64), budget))


def assign(points: Tensor, medoids: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest medoid of each point: (m,) positions in ``medoids`` (k,), and (k,) cluster sizes, which sum to m.

    A medoid belongs to its own cluster, also where another medoid has the same coordinates.
    """
    centres = points[medoids]
    rows = max(1, _BLOCK // len(medoids))
    own = torch.cat([distances(part, centres).argmin(1) for part in torch.split(points, rows)])
    own[medoids] = torch.arange(len(medoids), device=points.device)
    return own, torch.bincount(own, minlength=len(medoids))


def _similarities(points: Tensor) -> Tensor:
    """(m, m) d_max - d_ij, of which only one half is computed."""
    found = torch.empty(len(points), len(points), dtype=points.dtype, device=points.device)
    for start in range(0, len(points), _TILE):
        block = distances(points[start : start + _TILE], points[start:])
        found[start : start + _TILE, start:] = block
        found[start:, start : start + _TILE] = block.T
    return torch.sub(found.max(), found, out=found)


def _naive(similarity: Tensor, budget: int) -> Tensor:
    """Greedy selection that looks at all gains before each pick, nothing of which the host waits for."""
    m = len(similarity)
    covered = torch.zeros(m, device=similarity.device)
    taken = torch.zeros(m, dtype=torch.bool, device=similarity.device)
    order = torch.empty(budget, dtype=torch.int64, device=similarity.device)
    rows = max(1, _BLOCK // m)
    for pick in range(budget):
        parts = [(part - covered).clamp_(min=0).sum(1, dtype=torch.float64) for part in torch.split(similarity, rows)]
        best = torch.cat(parts).masked_fill_(taken, -torch.inf).argmax(0, keepdim=True)  # (1,): a scalar index waits
        order[pick : pick + 1] = best
        taken.index_fill_(0, best, True)
        covered = torch.maximum(covered, similarity.index_select(0, best)[0])
    return order


def _lazy(
    similar: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]], bound: npt.NDArray[np.float64], budget: int
) -> npt.NDArray[np.int64]:
    """Lazy greedy: a stale gain is an upper bound, so only the candidates at the top are looked at again.

    ``similar`` gives the similarities (k, m) of k candidates to all points, ``bound`` (m,) is their sum for each.
    """
    m = len(bound)
    covered = np.zeros(m, dtype=np.float32)  # similarity of each point to its medoid so far
    order = np.empty(budget, dtype=np.int64)
    for pick in range(budget):
        while True:
            top = np.argpartition(bound, -_AT_ONCE)[-_AT_ONCE:] if m > _AT_ONCE else np.arange(m)
            open_ = top[np.isfinite(bound[top])]
            looked_at = similar(open_)
            bound[open_] = np.maximum(looked_at - covered, 0).sum(1, dtype=np.float64)
            best = open_[np.argmax(bound[open_])]
            if bound[best] >= bound.max():
                break
        order[pick] = best
        np.maximum(covered, looked_at[np.flatnonzero(open_ == best)[0]], out=covered)
        bound[best] = -np.inf
    return order


def _streamed(points: Tensor, budget: int) -> Tensor:
    """Lazy greedy whose similarities are computed when they are asked for: memory linear in m, twice per pick or so."""
    rows = max(1, _BLOCK // len(points))
    farthest = max(float(distances(part, points).max()) for part in torch.split(points, rows))

    def similar(candidates: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = (
            (farthest - distances(points[torch.from_numpy(candidates)], points)).cpu().numpy()
        )
        return found

    parts = np.array_split(np.arange(len(points)), math.ceil(len(points) / rows))
    bound = np.concatenate([similar(part).sum(1, dtype=np.float64) for part in parts])
    return torch.from_numpy(_lazy(similar, bound, budget)).to(points.device)


_AT_ONCE = 16


def _parts(points: Tensor, budget: int, generator: torch.Generator) -> Tensor:
    """Lazy greedy on random even parts, each with its share of the budget; their picks take turns."""
    parts = math.ceil(len(points) / _PART)
    mixed = torch.randperm(len(points), generator=generator, device=points.device).tensor_split(parts)
    shares = [budget // parts + (number < budget % parts) for number in range(parts)]
    picks = [
        rows[facility_location(points[rows], share, greedy="lazy")].tolist()
        for rows, share in zip(mixed, shares, strict=True)
        if share
    ]
    turns = [pick for turn in zip_longest(*picks) for pick in turn if pick is not None]
    return torch.tensor(turns, device=points.device)


def _stochastic(points: Tensor, budget: int, generator: torch.Generator) -> Tensor:
    """Stochastic greedy: the best of (m / budget) ln(1 / ε) random candidates per pick."""
    m = len(points)
    candidates = min(m, max(1, math.ceil(m / budget * math.log(1 / 0.05))))
    farthest = 2 * float((points - points.mean(0)).norm(dim=1).max())  # no distance is larger
    covered = torch.zeros(m, device=points.device)
    free = torch.ones(m, device=points.device)
    order = torch.empty(budget, dtype=torch.int64, device=points.device)
    for pick in range(budget):
        among = torch.multinomial(free, min(candidates, m - pick), generator=generator)
        similarity = farthest - distances(points[among], points)
        best = (similarity - covered).clamp(min=0).sum(1).argmax()
        order[pick] = among[best]
        covered = torch.maximum(covered, similarity[best])
        free[among[best]] = 0
    return order
