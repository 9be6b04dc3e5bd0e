"""Copies that stand on their side or on their head: augmentation turns images by quarters, and flips them.

Networks see a turned image as another one (on photographs a quarter turn leaves a cosine of .7), pixels do not: all
eight positions of a square are compared. Only images under one label are paired, for a 6 on its head may be a 9: all of
them where they are few, else those near each other. Two hundred images are looked at first, and the others only where
one of them has a turned copy. Left out: turns by other angles, which `labelaudit.context.scenes` finds where they are
many, and large datasets, in which a turned copy is not among the nearest images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices, spread_rows
from labelaudit.features.pairs import (
    AT_ONCE,
    LIKENESS,
    STANDS_OUT,
    Pairs,
    compare_thumbnails,
    cosines,
    neighboring_pairs,
    unique_pairs,
)
from labelaudit.features.thumbnails import Thumbnails
from labelaudit.types import Features, Floats, Ints, Samples

MOST = 20_000
"""Images up to which turned copies are looked for."""
SIMILARITY = 0.4
"""Least cosine of the features of neighbours whose pixels are compared."""
NEIGHBORS = 5
ALL_PAIRS = 100_000
"""Pairs under one label up to which all are compared: of 750 pairs of turned hand signs 278 are among the 36 nearest
images of either."""
LIKENESS_FAR = 0.98
"""Least correlation of the thumbnails of two images that are not near each other: turned copies have .99 and more, no
two of 600 unlike plankton more than .966."""
_PROBED = 200


def find_turned(samples: Samples, features: Features, near: Ints, *, thumbnails: Thumbnails | None = None) -> Pairs:
    """Pairs of samples with one label that show nearly the same image, one of them turned or upside down.

    ``near`` (n, k) are the rows nearest to each, best first.
    """
    values, n = np.asarray(features.values), len(samples)
    nobody = np.zeros(0, dtype=np.int64)
    empty = Pairs(first=nobody, second=nobody, similarity=np.zeros(0), likeness=np.zeros(0))
    if samples.images is None or not NEIGHBORS < n <= MOST:
        return empty
    around, thumbnails = near[:, :NEIGHBORS], thumbnails or Thumbnails(samples)
    first, second, least = _pair(samples, values, around)
    probed = np.isin(first, spread_rows(n, _PROBED))
    for some in (probed, np.ones_like(probed)):
        one, other = first[some], second[some]
        turned, likeness = _compare(thumbnails, one, other, least[some], around)
        if not turned.any():
            return empty
    first, second = one[turned], other[turned]
    return Pairs(first=first, second=second, similarity=cosines(values, first, second), likeness=likeness[turned])


def _pair(samples: Samples, values: Floats, around: Ints) -> tuple[Ints, Ints, Floats]:
    """Rows (p,), (p,) of the samples under one label that are compared, and (p,) the likeness asked of each pair."""
    first, second = neighboring_pairs(samples, around)
    near = (samples.labels[first] == samples.labels[second]) & (cosines(values, first, second) >= SIMILARITY)
    first, second = first[near], second[near]
    counts = samples.counts()
    if (counts * (counts - 1) // 2).sum() > ALL_PAIRS:
        return first, second, np.full(len(first), LIKENESS)
    members = [np.flatnonzero(samples.labels == label) for label in np.flatnonzero(counts)]
    pairs = np.concatenate([rows[np.stack(np.triu_indices(len(rows), 1))] for rows in members], axis=1)
    unlike = samples.numbered.code[pairs[0]] != samples.numbered.code[pairs[1]]
    one, other = unique_pairs(*pairs[:, unlike])
    close = np.isin(one * len(samples) + other, first * len(samples) + second)
    return one, other, np.where(close, LIKENESS, LIKENESS_FAR)


def _compare(
    thumbnails: Thumbnails, first: Ints, second: Ints, least: Floats, around: Ints
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """(p,) whether each pair is one image in two positions, its likeness no less than ``least`` (p,), and (p,)
    correlation of their thumbnails."""
    if not len(first):
        return np.zeros(0, dtype=np.bool_), np.zeros(0)
    (likeness, upright), usual = compare_thumbnails(thumbnails, first, second, around, _correlate)
    alike = likeness >= least
    alike &= STANDS_OUT * (1 - likeness) <= 1 - usual
    alike &= STANDS_OUT * (1 - likeness) <= 1 - upright  # a stroke on its head is like any other stroke
    return alike & (upright < likeness), likeness


def _correlate(vectors: npt.NDArray[np.float32], a: Ints, b: Ints) -> tuple[Floats, Floats]:
    """(p,) greatest correlation over the eight positions of the second of each pair, and over the two upright ones."""
    best, upright = np.empty(len(a)), np.empty(len(a))
    for part in slices(len(a), AT_ONCE):
        one, two = vectors[a[part]], vectors[b[part]]
        found = [
            np.einsum("pijc,pijc->p", one, turned if straight else turned[:, :, ::-1])
            for quarters in range(4)
            for turned in [np.rot90(two, quarters, axes=(1, 2))]
            for straight in (True, False)
        ]
        best[part], upright[part] = np.max(found, axis=0), np.maximum(found[0], found[1])
    return best, upright
