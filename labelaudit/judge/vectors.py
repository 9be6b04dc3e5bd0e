"""Joint vectors: the features of all backbones as one vector of unit length for each image.

The features of each backbone are centred and scaled to unit length image by image, so that a backbone with large
numbers has no more say than another; side by side they are divided by the root of their number. Inner products are then
mean cosines. Left out: scaling of single columns, which costs .01 to .03 in average precision on three sets of human
errors (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices
from labelaudit.judge.linear import Linear
from labelaudit.judge.probes import Rotation, split_blocks
from labelaudit.types import Features, Floats, Ints

_ROWS = 20_000  # rows that the mean is taken over
_CHUNK = 256  # rows at once, which stay in the cache of a core


@dataclass(frozen=True, kw_only=True)
class Directions:
    """Turns features into joint unit vectors, in the same way for audited and for new images."""

    means: tuple[npt.NDArray[np.float32], ...]
    """One (d_b,) per feature block: what is subtracted first."""

    def apply(self, values: Floats) -> npt.NDArray[np.float32]:
        """Joint unit vectors (n, d) of the features ``values`` (n, d); features equal to the mean become zero."""
        joint = np.empty(values.shape, dtype=np.float32)
        share = 1 / np.sqrt(len(self.means))
        for rows in slices(len(values), _CHUNK):
            place = 0
            for mean in self.means:
                part = slice(place, place := place + len(mean))
                block = np.asarray(values[rows, part], dtype=np.float32) - mean
                length = np.linalg.norm(block, axis=1, keepdims=True)
                joint[rows, part] = block * (share / np.where(length > 0, length, 1))
        return joint


def find_directions(features: Features) -> Directions:
    """The means of each feature block, over at most 20,000 evenly spread rows."""
    step = max(1, len(features.values) // _ROWS)
    means = [block[::step].mean(axis=0, dtype=np.float64) for block in split_blocks(features)]
    return Directions(means=tuple(mean.astype(np.float32) for mean in means))


def reduce_blocks(
    features: Features,
    rotations: Sequence[Rotation],
    blocks: Sequence[npt.NDArray[np.float32]],
    order: Ints | None = None,
) -> npt.NDArray[np.float32]:
    """Joint unit vectors (m, w) in principal components of the rows ``order`` (m,), or of all: what closed forms are
    fitted to.

    ``blocks`` (n, w_b) are the feature blocks turned by ``rotations``. 512 components a backbone say as much as all
    1,280 (docs/log.md) and take a twentieth of the time. Lengths are those of the whole centred features, so that
    `expand` makes the same model for `Directions`.
    """
    share = 1 / np.sqrt(len(blocks))
    order = np.arange(len(features.values)) if order is None else order
    joint = np.empty((len(order), sum(block.shape[1] for block in blocks)), dtype=np.float32)
    place = 0
    for whole, rotation, block in zip(split_blocks(features), rotations, blocks, strict=True):
        part = slice(place, place := place + block.shape[1])
        for some in slices(len(order), _CHUNK):
            rows = order[some]
            length = np.linalg.norm(np.asarray(whole[rows], dtype=np.float32) - rotation.mean, axis=1, keepdims=True)
            joint[some, part] = block[rows] * (share / np.where(length > 0, length * rotation.scale, 1))
    return joint


def expand(model: Linear, rotations: Sequence[Rotation]) -> Linear:
    """``model`` on what `reduce_blocks` makes as one on the joint unit vectors of `Directions`."""
    ends = np.cumsum([rotation.axes.shape[1] for rotation in rotations]).tolist()
    directions = [
        (rotation.axes / rotation.scale) @ model.directions[end - rotation.axes.shape[1] : end]
        for rotation, end in zip(rotations, ends, strict=True)
    ]
    return Linear(directions=np.concatenate(directions), offset=model.offset)
