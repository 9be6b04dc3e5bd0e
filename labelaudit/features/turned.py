"""Copies that stand on their side or on their head: augmentation turns images by quarters, and flips them.

Networks see a turned image as another one (on photographs a quarter turn leaves a cosine of .7), pixels do not: all
eight positions of a square are compared. Only images under one label are paired, for a 6 on its head may be a 9. Two
hundred images are looked at first, and the others only where one of them has a turned copy. Left out: turns by other
angles, which `labelaudit.context.scenes` finds where they are many, and large datasets, in which a turned copy is not
among the nearest images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelaudit.features.pairs import (
    AT_ONCE,
    LIKENESS,
    STANDS_OUT,
    Pairs,
    compare_thumbnails,
    cosines,
    neighboring_pairs,
)
from labelaudit.types import Features, Floats, Ints, Progress, Samples, no_progress

MOST = 20_000
"""Images up to which turned copies are looked for."""
SIMILARITY = 0.4
"""Least cosine of the features of a pair whose pixels are compared."""
NEIGHBORS = 5
_PROBED = 200


def find_turned(
    samples: Samples,
    features: Features,
    near: Ints,
    *,
    workers: int = 2,
    progress: Progress = no_progress,
) -> Pairs:
    """Pairs of samples with one label that show nearly the same image, one of them turned or upside down.

    ``near`` (n, k) are the rows nearest to each, best first.
    """
    values, n = np.asarray(features.values), len(samples)
    nobody = np.zeros(0, dtype=np.int64)
    empty = Pairs(first=nobody, second=nobody, similarity=np.zeros(0), likeness=np.zeros(0))
    if samples.images is None or not NEIGHBORS < n <= MOST:
        return empty
    around = near[:, :NEIGHBORS]
    first, second = neighboring_pairs(samples, around)
    alike = samples.labels[first] == samples.labels[second]
    probed = alike & np.isin(first, np.unique(np.linspace(0, n - 1, _PROBED).astype(np.int64)))
    for some in (probed, alike):
        one, other = first[some], second[some]
        close = cosines(values, one, other) >= SIMILARITY
        one, other = one[close], other[close]
        turned, likeness = _compare(samples, one, other, around, workers, progress)
        if not turned.any():
            return empty
    first, second = one[turned], other[turned]
    return Pairs(first=first, second=second, similarity=cosines(values, first, second), likeness=likeness[turned])


def _compare(
    samples: Samples, first: Ints, second: Ints, around: Ints, workers: int, progress: Progress
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """(p,) whether each pair is one image in two positions, and (p,) correlation of their thumbnails."""
    if not len(first):
        return np.zeros(0, dtype=np.bool_), np.zeros(0)
    (likeness, upright), usual = compare_thumbnails(
        samples, first, second, around, _correlate, workers=workers, progress=progress
    )
    alike = likeness >= LIKENESS
    alike &= STANDS_OUT * (1 - likeness) <= 1 - usual
    return alike & (upright < likeness), likeness


def _correlate(thumbnails: npt.NDArray[np.float32], a: Ints, b: Ints) -> tuple[Floats, Floats]:
    """(p,) greatest correlation over the eight positions of the second of each pair, and over the two upright ones."""
    best, upright = np.empty(len(a)), np.empty(len(a))
    for start in range(0, len(a), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        one, two = thumbnails[a[part]], thumbnails[b[part]]
        found = [
            np.einsum("pijc,pijc->p", one, turned if straight else turned[:, :, ::-1])
            for quarters in range(4)
            for turned in [np.rot90(two, quarters, axes=(1, 2))]
            for straight in (True, False)
        ]
        best[part], upright[part] = np.max(found, axis=0), np.maximum(found[0], found[1])
    return best, upright
