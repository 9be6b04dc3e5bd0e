"""Images that are in a dataset twice: under different labels, one of which must be wrong, or in different splits.

Equal bytes are certain. Nearly equal images must be alike three times over: in the embedding, in their pixels, and
more so than either is like its other neighbours. On small or uniform images each alone takes look-alikes for copies:
unlike MNIST digits reach a cosine of .97 on EfficientNet features, unlike CIFAR-10 images a thumbnail correlation of
.956; no such pair passes all three. Small images that are moved by a few pixels are compared by themselves
(`features.moved`). Left out: copies that show another detail or are turned, and small images whose compression has
moved them far in the embedding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices
from labelaudit.data.parts import TRAINING
from labelaudit.features.moved import compare_moved
from labelaudit.features.neighbors import nearest
from labelaudit.features.pairs import (
    AT_ONCE,
    LIKENESS,
    STANDS_OUT,
    Pairs,
    compare_thumbnails,
    cosines,
    neighboring_pairs,
    project,
)
from labelaudit.features.thumbnails import Thumbnails
from labelaudit.kinds import tell_two_labels
from labelaudit.machine import Machine
from labelaudit.types import Features, Finding, Floats, Ints, Samples

SIMILARITY = 0.80
"""Least cosine of the features of a near-duplicate pair whose pixels are compared too."""
SIMILARITY_ALONE = 0.99
"""The same, of centred features, where there are no pixels to compare."""
SAME = 0.995
"""From this correlation on a pair need not stand out: bursts of frames are alike all over."""
CLOSER = 60
"""Times that a pair must be closer than usual where images are alike by chance, in pixels times in features: two
handwritten digits are up to 48."""
BY_CHANCE = 3
"""Pairs that correlate by `LIKENESS` and are not even `STANDS_OUT` times closer by both, from which a dataset's images
are alike by chance."""
NEIGHBORS = 10


def find_copies(samples: Samples, pairs: Pairs | None = None) -> tuple[Finding, ...]:
    """Equal or nearly equal images: `conflicts`, near duplicates under two labels, `leaks`, each most alike first.

    Each sample is named with its most similar partner, each pair once. Nearly equal are ``pairs`` of `find_pairs`;
    without them only equal bytes are found.
    """
    if pairs is None:
        return conflicts(samples) + leaks(samples)
    across_labels = pairs.take(samples.labels[pairs.first] != samples.labels[pairs.second])
    return conflicts(samples) + _name_conflicts(samples, across_labels) + leaks(samples, pairs)


def conflicts(samples: Samples) -> tuple[Finding, ...]:
    """Samples with the same bytes and different labels. Each sample of such a group is in at least one finding.

    The finding's partner is the first sample of the group that has another label than its path.
    """
    findings = [_finding(samples, "conflict", *pair) for pair in _copies(samples, samples.labels.tolist())]
    return tuple(sorted(findings, key=lambda finding: finding.path))


def leaks(samples: Samples, pairs: Pairs | None = None) -> tuple[Finding, ...]:
    """Samples of one split that are in another split too, kind ``leak``: equal bytes first, then the near-same of
    ``pairs`` (`find_pairs`), most alike first.

    Each sample is in at least one finding. Where one of the two is in the training split, the other, which no longer
    tests anything, is the one reported. Labels do not matter. Nothing without splits.
    """
    if samples.splits is None:
        return ()
    exact = sorted(_copies(samples, samples.splits), key=lambda pair: samples.ids[pair[0]])
    findings = [_leak(samples, row, other, "the same bytes as") for row, other in exact]
    if pairs is not None:
        splits = np.array(samples.splits)
        across = pairs.take(splits[pairs.first] != splits[pairs.second])
        findings += [_leak(samples, row, other, "nearly the same image as") for row, other in _name(across)]
    return tuple(findings)


def find_unlike_pairs(samples: Samples, features: Features, machine: Machine) -> Pairs:
    """`find_pairs` of two labels or two splits, on ``machine``."""
    thumbnails = None if samples.images is None else Thumbnails(samples, machine)
    return find_pairs(samples, features, unlike=True, thumbnails=thumbnails, device=machine.device)


def find_pairs(
    samples: Samples,
    features: Features,
    *,
    unlike: bool = False,
    near: Ints | None = None,
    thumbnails: Thumbnails | None = None,
    device: str = "cpu",
) -> Pairs:
    """Pairs of samples with nearly the same image, ``unlike`` only those of two labels or two splits.

    A pair is two of the `NEIGHBORS` nearest in the features with a cosine of at least `SIMILARITY`, whose colour
    thumbnails correlate by `LIKENESS`, and `STANDS_OUT` from what is usual among their neighbours; where images are
    alike by chance by `CLOSER`, together with the features. Of small images it may also be one moved by a few pixels,
    by `compare_moved`. Without images the centred features alone decide, by
    `SIMILARITY_ALONE`. Rows whose features are all zero are in no pair. ``near`` (n, k) are the rows nearest to each,
    best first, where they are known, and ``thumbnails`` those of ``samples``, where some have been read.
    """
    values = np.asarray(features.values)
    least, mean = SIMILARITY, None
    if samples.images is None:
        least, mean = SIMILARITY_ALONE, values.mean(axis=0, dtype=np.float64).astype(np.float32)
    if near is None:
        near = nearest(project(values if mean is None else values - mean), k=NEIGHBORS, device=device)[1]
    around = near[:, :NEIGHBORS]  # (n, k)
    first, second = neighboring_pairs(samples, around, unlike=unlike)
    similarity = cosines(values, first, second, mean)
    moved: Floats = np.zeros(len(first))
    if samples.images is not None:
        thumbnails = thumbnails or Thumbnails(samples)
        moved = compare_moved(thumbnails, first, second, similarity)
    close = (similarity >= least) | (moved > 0)
    first, second, similarity, moved = first[close], second[close], similarity[close], moved[close]
    likeness: Floats = np.ones(len(first))
    if thumbnails is not None and len(first):
        (likeness,), usual = compare_thumbnails(thumbnails, first, second, around, _correlate)
        copied = (similarity >= least) & (likeness >= LIKENESS)
        alike = copied & ((likeness >= SAME) | (STANDS_OUT * (1 - likeness) <= 1 - usual))
        unsure = np.flatnonzero(copied & (likeness < SAME))
        if len(unsure) >= BY_CHANCE:
            far = [1 - cosines(values, ends, around[ends, -1]) for ends in (first[unsure], second[unsure])]
            closer = (1 - usual[unsure]) * np.minimum(*far)
            closer /= np.maximum((1 - likeness[unsure]) * (1 - similarity[unsure]), 1e-12)  # times
            if (closer < STANDS_OUT).sum() >= BY_CHANCE:
                alike[unsure] &= closer >= CLOSER
        alike |= moved > 0
        likeness = np.maximum(likeness, moved)
        first, second, similarity, likeness = first[alike], second[alike], similarity[alike], likeness[alike]
    order = np.lexsort((second, first, -similarity, -likeness))
    return Pairs(first=first[order], second=second[order], similarity=similarity[order], likeness=likeness[order])


def _copies(samples: Samples, groups: Sequence[int] | Sequence[str]) -> Iterator[tuple[int, int]]:
    """Rows of equal digest and another group, each with the first such row before or after it."""
    if samples.numbered.all_differ:
        return
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(samples.digests):
        rows_of[digest].append(row)
    for rows in rows_of.values():
        first = rows[0]
        other = next((row for row in rows if groups[row] != groups[first]), None)
        if other is not None:
            yield from ((row, other if groups[row] == groups[first] else first) for row in rows[1:])


def _name(pairs: Pairs) -> Iterator[tuple[int, int]]:
    """(second, first) of the pairs that name a sample for the first time, most alike first."""
    named: set[int] = set()
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        if first not in named or second not in named:
            named |= {first, second}
            yield second, first


def _name_conflicts(samples: Samples, pairs: Pairs) -> tuple[Finding, ...]:
    return tuple(_finding(samples, "near_duplicate", *pair) for pair in _name(pairs))


def _correlate(vectors: npt.NDArray[np.float32], a: Ints, b: Ints) -> tuple[Floats]:
    """Correlation (p,) of thumbnails, mirrored where that fits better."""
    found = np.empty(len(a))
    for part in slices(len(a), AT_ONCE):
        one, two = vectors[a[part]], vectors[b[part]]
        straight = np.einsum("pijc,pijc->p", one, two)
        mirrored = np.einsum("pijc,pijc->p", one, two[:, :, ::-1])
        found[part] = np.maximum(straight, mirrored)
    return (found,)


def _finding(samples: Samples, kind: str, row: int, other: int) -> Finding:
    own, theirs = samples.claim(row), samples.claim(other)
    detail = tell_two_labels(kind, own.label, theirs.path, theirs.label)
    return Finding(kind=kind, path=own.path, detail=detail, partner=theirs.path)


def _leak(samples: Samples, row: int, other: int, relation: str) -> Finding:
    assert samples.splits is not None
    if samples.splits[row].casefold() in TRAINING and samples.splits[other].casefold() not in TRAINING:
        row, other = other, row
    own, theirs = samples.splits[row], samples.splits[other]
    detail = f"in split '{own}', but {relation} '{samples.ids[other]}' in split '{theirs}'"
    return Finding(kind="leak", path=samples.ids[row], detail=detail, partner=samples.ids[other])
