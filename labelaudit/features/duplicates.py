"""Images that are in a dataset twice: under different labels, one of which must be wrong, or in different splits.

Equal bytes are certain. Nearly equal images must be alike three times over: in the embedding, in their pixels, and
more so than either is like its other neighbours. On small or uniform images each alone takes look-alikes for copies:
unlike MNIST digits reach a cosine of .97 on EfficientNet features, unlike CIFAR-10 images a thumbnail correlation of
.956; no such pair passes all three. Left out: copies that show another detail or are turned, and small images whose
compression has moved them far in the embedding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelaudit.data.images import ImageError, thumbnail
from labelaudit.data.listing import TRAINING
from labelaudit.features.neighbors import nearest
from labelaudit.types import Bools, Features, Finding, Floats, Ints, Progress, Samples, no_progress

SIMILARITY = 0.80
"""Least cosine of the features of a near-duplicate pair whose pixels are compared too."""
SIMILARITY_ALONE = 0.99
"""The same, of centred features, where there are no pixels to compare."""
LIKENESS = 0.95
"""Least correlation of the two thumbnails, mirrored if that fits better."""
STANDS_OUT = 4
"""The correlation must also be this many times closer to 1 than the usual one with the neighbours of either image."""
SAME = 0.995
"""From this correlation on a pair need not stand out: bursts of frames are alike all over."""
NEIGHBORS = 10
SHORT = 256
SIDE = 16
PAIRS = 128
"""Pairs compared at once: more no longer fit in a core's cache, and take six times as long."""


Across = Literal["labels", "splits", "either", "all"]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of samples that show nearly the same image, most alike first. Equal bytes are not among them."""

    first: Ints
    """(p,) row of the sample that comes first."""
    second: Ints
    """(p,) row of the other."""
    similarity: Floats
    """(p,) cosine of the features, up to 1."""
    likeness: Floats
    """(p,) correlation of the thumbnails, up to 1; 1 where there were no pixels to compare."""

    def take(self, keep: Bools) -> Pairs:
        """The pairs of the mask ``keep`` (p,), order kept."""
        return Pairs(
            first=self.first[keep],
            second=self.second[keep],
            similarity=self.similarity[keep],
            likeness=self.likeness[keep],
        )


def find_copies(
    samples: Samples,
    features: Features | None,
    *,
    pairs: Pairs | None = None,
    device: str = "cpu",
    workers: int = 2,
    progress: Progress = no_progress,
) -> tuple[Finding, ...]:
    """Equal or nearly equal images: `conflicts`, near duplicates under two labels, `leaks`, each most alike first.

    Each sample is named with its most similar partner, each pair once; see `find_pairs` for what is nearly equal.
    Without features only equal bytes are found. Neighbours are searched and thumbnails read once, or not at all where
    ``pairs`` of `find_pairs` across ``"either"`` or ``"all"`` are at hand.
    """
    if features is None:
        return conflicts(samples) + leaks(samples)
    if pairs is None:
        pairs = find_pairs(samples, features, across="either", device=device, workers=workers, progress=progress)
    across_labels = pairs.take(samples.labels[pairs.first] != samples.labels[pairs.second])
    return conflicts(samples) + _name_conflicts(samples, across_labels) + leaks(samples, pairs)


def conflicts(samples: Samples) -> tuple[Finding, ...]:
    """Samples with the same bytes and different labels. Each sample of such a group is in at least one finding.

    The finding's partner is the first sample of the group that has another label than its path.
    """
    findings = [
        _finding(samples, "conflict", row, other, "the same bytes as")
        for row, other in _copies(samples, samples.labels.tolist())
    ]
    return tuple(sorted(findings, key=lambda finding: finding.path))


def leaks(samples: Samples, pairs: Pairs | None = None) -> tuple[Finding, ...]:
    """Samples of one split that are in another split too, kind ``leak``: equal bytes first, then the near-same of
    ``pairs`` (`find_pairs` with ``across="splits"``, ``"either"`` or ``"all"``), most alike first.

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


def find_pairs(
    samples: Samples,
    features: Features,
    *,
    across: Across = "all",
    near: Ints | None = None,
    device: str = "cpu",
    workers: int = 2,
    progress: Progress = no_progress,
) -> Pairs:
    """Pairs of samples with nearly the same image: of different ``labels``, ``splits``, ``either`` of them, or ``all``.

    A pair is two of the `NEIGHBORS` nearest in the features with a cosine of at least `SIMILARITY`, whose colour
    thumbnails correlate by `LIKENESS`, and `STANDS_OUT` from what is usual among their neighbours. Without images
    the centred features alone decide, by `SIMILARITY_ALONE`. Rows whose features are all zero are in no pair. ``near``
    (n, k) are the rows nearest to each, best first, where they are known.
    """
    values = np.asarray(features.values)
    least, mean = SIMILARITY, None
    if samples.images is None:
        least, mean = SIMILARITY_ALONE, values.mean(axis=0, dtype=np.float64).astype(np.float32)
    if near is None:
        near = nearest(_random_projection(values if mean is None else values - mean), k=NEIGHBORS, device=device)[1]
    around = near[:, :NEIGHBORS]  # (n, k)
    first, second = _candidates(samples, around, across)
    similarity = _cosine(values, first, second, mean)
    close = similarity >= least
    first, second, similarity = first[close], second[close], similarity[close]
    likeness = np.ones(len(first))
    if samples.images is not None and len(first):
        likeness, usual = _compare(samples, first, second, around, workers, progress)
        alike = (likeness >= LIKENESS) & ((likeness >= SAME) | (STANDS_OUT * (1 - likeness) <= 1 - usual))
        first, second, similarity, likeness = first[alike], second[alike], similarity[alike], likeness[alike]
    order = np.lexsort((second, first, -similarity, -likeness))
    return Pairs(first=first[order], second=second[order], similarity=similarity[order], likeness=likeness[order])


def _candidates(samples: Samples, around: Ints, across: str) -> tuple[Ints, Ints]:
    """Rows (p,), (p,) of neighbouring samples that the caller may be interested in, each pair once."""
    first, second = unique_pairs(np.repeat(np.arange(len(around)), around.shape[1]), around.ravel())
    content = samples.numbered.code
    keep: Bools = content[first] != content[second]
    splits = np.unique(np.array(samples.splits or [""] * len(samples)), return_inverse=True)[1]
    other_label, other_split = samples.labels[first] != samples.labels[second], splits[first] != splits[second]
    if across == "labels":
        keep &= other_label
    elif across == "splits":
        keep &= other_split
    elif across == "either":
        keep &= other_label | other_split
    return first[keep], second[keep]


def unique_pairs(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Rows (p,), (p,) of the pairs, each once and the smaller row first, in ascending order.

    >>> [rows.tolist() for rows in unique_pairs(np.array([2, 0, 1]), np.array([1, 1, 2]))]
    [[0, 1], [1, 2]]
    """
    span = int(max(one.max(), other.max())) + 1 if len(one) else 1
    found = np.unique(np.minimum(one, other) * span + np.maximum(one, other))
    return found // span, found % span


def _copies(samples: Samples, groups: Sequence[int] | Sequence[str]) -> Iterator[tuple[int, int]]:
    """Rows of equal digest and another group, each with the first such row before or after it."""
    if samples.numbered.all_differ:
        return
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(samples.digests):
        rows_of[digest].append(row)
    for rows in rows_of.values():
        for row in rows[1:]:
            other = next((other for other in rows if groups[other] != groups[row]), None)
            if other is not None:
                yield row, other


def _name(pairs: Pairs) -> Iterator[tuple[int, int]]:
    """(second, first) of the pairs that name a sample for the first time, most alike first."""
    named: set[int] = set()
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        if first not in named or second not in named:
            named |= {first, second}
            yield second, first


def _name_conflicts(samples: Samples, pairs: Pairs) -> tuple[Finding, ...]:
    return tuple(
        _finding(samples, "near_duplicate", row, other, "nearly the same image as") for row, other in _name(pairs)
    )


def _random_projection(values: Floats) -> Floats:
    """Rows of unit length projected onto `SHORT` random directions: cosines keep to about ±.02, at a tenth the cost."""
    if values.shape[1] <= 2 * SHORT:
        return values
    directions = np.random.default_rng(0).standard_normal((values.shape[1], SHORT), dtype=np.float32)
    short = np.empty((len(values), SHORT), np.float32)
    for start in range(0, len(values), 4096):
        block = values[start : start + 4096]
        short[start : start + 4096] = block @ directions
    return short


def _cosine(
    values: Floats, first: Ints, second: Ints, mean: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float64]:
    cosines = np.zeros(len(first))
    for start in range(0, len(first), PAIRS):
        a, b = values[first[start : start + PAIRS]], values[second[start : start + PAIRS]]
        a, b = (a, b) if mean is None else (a - mean, b - mean)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines[start : start + PAIRS] = np.einsum("pd,pd->p", a, b) / np.where(lengths > 0, lengths, 1)
    return cosines


def _compare(
    samples: Samples, first: Ints, second: Ints, around: Ints, workers: int, progress: Progress
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Correlation (p,) of the pairs' thumbnails, and the one (p,) usual among the neighbours of either image."""
    asked = np.unique(np.concatenate([first, second]))
    rows = np.unique(np.concatenate([asked, around[asked].ravel()]))
    thumbnails = _thumbnails(samples, rows, workers, progress)
    columns = [
        _correlate(thumbnails, np.searchsorted(rows, asked), np.searchsorted(rows, around[asked, neighbor]))
        for neighbor in range(around.shape[1])
    ]
    usual = np.median(columns, axis=0)  # (asked,)
    usual = np.maximum(usual[np.searchsorted(asked, first)], usual[np.searchsorted(asked, second)])
    return _correlate(thumbnails, np.searchsorted(rows, first), np.searchsorted(rows, second)), usual


def _correlate(thumbnails: npt.NDArray[np.float32], a: Ints, b: Ints) -> npt.NDArray[np.float64]:
    """Correlation (p,) of thumbnails, mirrored where that fits better."""
    found = np.empty(len(a))
    for start in range(0, len(a), PAIRS):
        one, two = thumbnails[a[start : start + PAIRS]], thumbnails[b[start : start + PAIRS]]
        straight = np.einsum("pijc,pijc->p", one, two)
        mirrored = np.einsum("pijc,pijc->p", one, two[:, :, ::-1])
        found[start : start + PAIRS] = np.maximum(straight, mirrored)
    return found


def _thumbnails(samples: Samples, rows: Ints, workers: int, progress: Progress) -> npt.NDArray[np.float32]:
    """(r, side, side, 3) thumbnails of zero mean and unit length; zero for flat images and those that fail."""
    images = samples.images
    assert images is not None
    out = np.zeros((len(rows), SIDE, SIDE, 3), np.float32)

    def read(row: int) -> npt.NDArray[np.float32]:
        try:
            small = thumbnail(images.encoded(row), SIDE).astype(np.float32)
        except (ImageError, OSError):
            return np.zeros((SIDE, SIDE, 3), np.float32)
        small -= small.mean()
        length = float(np.linalg.norm(small))
        return small / length if length > SIDE else np.zeros_like(small)

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="duplicates") as pool:
        for at, small in enumerate(pool.map(read, rows.tolist())):
            out[at] = small
            if at % 256 == 255 or at + 1 == len(rows):
                progress("duplicates", at + 1, len(rows))
    return out


def _finding(samples: Samples, kind: str, row: int, other: int, relation: str) -> Finding:
    own, theirs = samples.claim(row), samples.claim(other)
    detail = f"labelled '{own.label}', but {relation} '{theirs.path}', labelled '{theirs.label}'"
    return Finding(kind=kind, path=own.path, detail=detail, partner=theirs.path)


def _leak(samples: Samples, row: int, other: int, relation: str) -> Finding:
    assert samples.splits is not None
    if samples.splits[row].casefold() in TRAINING and samples.splits[other].casefold() not in TRAINING:
        row, other = other, row
    own, theirs = samples.splits[row], samples.splits[other]
    detail = f"in split '{own}', but {relation} '{samples.ids[other]}' in split '{theirs}'"
    return Finding(kind="leak", path=samples.ids[row], detail=detail, partner=samples.ids[other])
