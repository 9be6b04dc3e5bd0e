"""The features of a scan in principal components, and the samples nearest to each, which are searched for once.

Copies, scenes and neighbour votes all ask which samples are most alike. On joint unit vectors (`labelaudit.judge.
vectors`) one search answers all of them: it is the dearest step but training. Left out: what is made of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import spread_rows
from labelaudit.features.neighbors import EXACT, nearest, nearest_outside
from labelaudit.judge import probes
from labelaudit.judge.vectors import reduce_blocks
from labelaudit.machine import Machine
from labelaudit.names import order_rows
from labelaudit.packed import take_texts
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Features, Floats, Ints, Samples

SPARE = 6
"""Neighbours searched for beyond those that vote: copies of a sample have no vote on it."""
WHOLE, NARROW = EXACT, 128
"""Up to `WHOLE` samples all components are compared, of more samples the first `NARROW` of all blocks together: average
precision of the vote alone falls by .001 to .008 on human labels of 10,000 images, and the search takes a quarter."""

_DRAWN = 4000


@dataclass(frozen=True, kw_only=True)
class Components:
    """Features in principal components, and each sample's nearest others."""

    features: Features
    content: str
    """Digest of the features, for results that depend on them; empty where none is kept."""
    rotations: tuple[probes.Rotation, ...]
    """One per feature block."""
    blocks: tuple[npt.NDArray[np.float32], ...]
    """(n, w_b) the blocks rotated by them."""
    order: Ints
    """(n,) rows by content digest and label: what is fitted to is taken in this order, whatever that of the source."""
    similarities: Floats
    """(n, k) cosines of the joint unit vectors, best first."""
    rows: Ints
    """(n, k) whose they are."""

    def vectors(self, order: Ints | None = None, *, width: int | None = None) -> npt.NDArray[np.float32]:
        """(m, w) joint unit vectors of the rows ``order`` (m,), or of all samples; their first components, so many as
        make a ``width`` of all blocks together."""
        blocks = self.blocks if width is None else lead(self.blocks, width)
        return reduce_blocks(self.features, self.rotations, blocks, order)

    def outside(self, samples: Samples, k: int, machine: Machine) -> tuple[Floats, Ints]:
        """Similarities (n, k) and rows (n, k) of the nearest samples outside the group of each.

        Searched for anew only where groups are so large that too few were found.
        """
        k = min(k, len(samples) - 1)
        groups = samples.numbered_groups
        if groups.all_differ:
            return self.similarities[:, :k], self.rows[:, :k]
        apart = groups.code[self.rows] != groups.code[:, None]
        if (apart.sum(axis=1) < k).any():
            names = take_texts(samples.groups, self.order.tolist())
            return _put_back(nearest_outside(self.vectors(self.order), names, k=k, device=machine.device), self.order)
        first = np.argsort(~apart, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(self.similarities, first, axis=1), np.take_along_axis(self.rows, first, axis=1)


def lead(blocks: Sequence[npt.NDArray[np.float32]], width: int) -> list[npt.NDArray[np.float32]]:
    """The first components of each of ``blocks`` (n, w_b), ``width`` in all, as views."""
    return [block[:, : width // len(blocks)] for block in blocks]


def _put_back(found: tuple[Floats, Ints], order: Ints) -> tuple[Floats, Ints]:
    """Similarities and neighbours that were ``found`` among rows in an ``order`` (n,), for these rows as they were.

    They are searched for in that order, since the first of two equal ones is taken.
    """
    similarities, places = found
    back = np.argsort(order)
    return similarities[back], order[places[back]]


def draw_dense(features: Features, labels: Ints) -> npt.NDArray[np.float32]:
    """(m, w) joint unit vectors of some rows of ``features`` (n, d), as a search for neighbours compares them.

    They are as dense as all are: all rows of some classes by their ``labels`` (n,), since of ten near ones a tenth of
    all rows would leave one.
    """
    sizes = np.bincount(labels)
    order = np.random.default_rng(0).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), _DRAWN)) + 1
    rows = np.flatnonzero(np.isin(labels, order[:enough]))
    few = replace(features, values=np.asarray(features.values[rows[spread_rows(len(rows), _DRAWN)]]))
    rotations = probes.find_rotations(features, order=spread_rows(len(labels), _DRAWN))
    parts = zip(rotations, probes.split_blocks(few), strict=True)
    return reduce_blocks(few, rotations, lead([rotation.apply(block) for rotation, block in parts], NARROW))


def find_components(samples: Samples, features: Features, machine: Machine, unfinished: Unfinished) -> Components:
    """Rotate ``features`` (n, d) and search for the neighbours of every sample."""
    content = unfinished.digest({"features": features.values, "blocks": features.blocks})
    order = order_rows(samples.numbered, samples.labels)
    rotations = probes.find_rotations(features, order=order)
    blocks = tuple(
        rotation.apply(block) for rotation, block in zip(rotations, probes.split_blocks(features), strict=True)
    )
    compared = blocks if len(samples) <= WHOLE else lead(blocks, NARROW)
    k = probes.NEIGHBORS + SPARE

    def search() -> dict[str, npt.NDArray[np.generic]]:
        found = nearest(reduce_blocks(features, rotations, compared, order), k=k, device=machine.device)
        return dict(zip(("similarities", "rows"), _put_back(found, order), strict=True))

    found = unfinished.arrays("neighbours", {"features": content, "order": order, "k": k}, search)
    return Components(features=features, content=content, rotations=rotations, blocks=blocks, order=order, **found)
