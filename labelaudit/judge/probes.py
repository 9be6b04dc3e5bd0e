"""Closed-form models on features, cross-fitted: shrinkage discriminant and neighbour votes.

They cost seconds, need no GPU and set the bar for every robust method. `soft_discriminant` and `fit_discriminant` take
a *distribution* over classes per sample instead of a label, such as what the noise model believes
(`labelaudit.judge.noise_model`): the robust discriminant of Lawrence and Schölkopf (2001, "Estimating a Kernel Fisher
Discriminant in the Presence of Label Noise"). Left out: quadratic discriminants, which need more images per class than
people have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh

from labelaudit.blocks import blocks_of, slices, work_on
from labelaudit.judge.linear import Linear, class_sums, shrink
from labelaudit.leading import Reordered, Table, make_table
from labelaudit.names import number_names
from labelaudit.types import Features, Floats, Ints

WIDTH = 512
"""Principal components kept of each feature block."""
NARROW = 256
"""Principal components of all blocks together that the discriminant of a scan sees at least: the log-odds of one on
1,536 components of few samples are seven times too great (docs/log.md)."""
SAMPLES_EACH = 8
"""Samples for each component that the discriminant sees beyond these."""
ROTATED = 20_000
"""Rows that the principal components are estimated on, about."""
LEADING, GROUPS_EACH = 128, 4
"""Images of no class are looked for in at most `LEADING` principal components of each block, and in one component, of
all blocks together, for every `GROUPS_EACH` groups: on 256 of them a discriminant of 200 images finds what models get
wrong, and takes it for strangers."""
NEIGHBORS = 30
SHARPNESS = 10.0
"""Votes weigh exp(SHARPNESS · (cosine − cosine of the nearest))."""

_ROUNDING = 1e-5  # share of the total variance below which a within-class variance is float32 rounding: equal images
_NOTHING = 1e-6  # share of the greatest eigenvalue below which one is float32 rounding
_CELLS = 1 << 22  # class probabilities that are worked on at a time


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """Centres one feature block, scales it to unit mean square and rotates it to its principal components."""

    mean: npt.NDArray[np.float32]
    """(d,) what is subtracted first."""
    axes: npt.NDArray[np.float32]
    """(d, w) principal components, first the one with the most variance, times the scale."""

    @property
    def scale(self) -> float:
        """The factor on lengths."""
        return float(np.linalg.norm(self.axes[:, 0])) or 1.0

    def apply(self, block: Floats) -> npt.NDArray[np.float32]:
        """The ``block`` (n, d) in principal components (n, w); float32, a few thousand rows at a time."""
        rotated = np.empty((len(block), self.axes.shape[1]), dtype=np.float32)
        for rows in slices(len(block), 1024):
            rotated[rows] = (block[rows] - self.mean) @ self.axes
        return rotated


def split_blocks(features: Features) -> tuple[Floats, ...]:
    """The feature blocks (n, d_b), one per backbone, as views."""
    widths = features.blocks or (features.values.shape[1],)
    ends = np.cumsum(widths)
    return tuple(features.values[:, end - size : end] for end, size in zip(ends.tolist(), widths, strict=True))


def find_rotations(features: Features, *, order: Ints | None = None) -> tuple[Rotation, ...]:
    """For each feature block the rotation to its first `WIDTH` principal components.

    The components are estimated on at most 20,000 rows, evenly spread over ``order`` (n,), that of the rows unless
    given. Narrower blocks keep their dimensions.
    """
    rows = np.arange(len(features.values)) if order is None else order
    rows = rows[:: max(1, len(rows) // ROTATED)]
    return tuple(_find_rotation(block[rows]) for block in split_blocks(features))


def principal_blocks(features: Features) -> tuple[npt.NDArray[np.float32], ...]:
    """Each feature block (n, d_b) centred, scaled to unit mean square and rotated to its first `WIDTH` components."""
    rotations = find_rotations(features)
    return tuple(part.apply(block) for part, block in zip(rotations, split_blocks(features), strict=True))


def _find_rotation(block: Floats) -> Rotation:
    """The rotation of one block (n, d), by the smaller of its covariance (d, d) and its Gram matrix (n, n).

    Fewer rows than dimensions leave directions in which nothing varies; their axes are zero.
    """
    some = np.asarray(block, dtype=np.float32)
    mean = some.mean(axis=0)
    some = some - mean
    scale = 1 / max(float(np.sqrt(np.square(some).mean())), 1e-12)
    n, d = some.shape
    products = some @ some.T if n < d else some.T @ some
    leading = (max(0, len(products) - WIDTH), len(products) - 1)
    values, vectors = eigh(products, subset_by_index=leading, overwrite_a=True, check_finite=False)
    if n < d:
        kept = values > max(_NOTHING * float(values[-1]), 1e-12)
        vectors = some.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    basis = np.zeros((d, min(d, WIDTH)), dtype=np.float32)
    basis[:, : vectors.shape[1]] = vectors[:, ::-1]
    basis *= np.where(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])] < 0, -scale, scale)
    return Rotation(mean=mean, axes=basis)


def discriminant(
    x: npt.NDArray[np.float32] | Reordered,
    labels: Ints,
    classes: int,
    fold_of: Ints,
    *,
    shares: Floats | None = None,
) -> Table:
    """Held-out class probabilities (n, C) of linear discriminant analysis with a shrunk pooled covariance:
    S = (1 - s) S_pooled + s · mean variance · I, s being `linear.SHRINKAGE`.

    Args:
        x: (n, d) features.
        labels: (n,) in [0, C).
        classes: C.
        fold_of: (n,) fold of each sample; a fold is judged by the model of the others.
        shares: (n,) what each sample counts for (`labelaudit.judge.linear.group_shares`), one by default.
    """
    folds = []
    for fold in np.unique(fold_of).tolist():
        inside = fold_of == fold
        part, given = x[inside], labels[inside]
        some = None if shares is None else shares[inside]
        counts = np.bincount(given, some, minlength=classes).astype(np.float64)
        scatter = part.T @ (part if some is None else np.asarray(part * some[:, None], dtype=np.float32))
        folds.append(_Sums(scatter, class_sums(part, given, classes, some), counts))
    probs = make_table(labels, classes)

    def keep(rows: Ints, found: Floats) -> None:
        probs[rows] = found

    _judge_held(x, folds, fold_of, keep)
    return probs


def soft_discriminant(
    x: npt.NDArray[np.float32],
    belief: Callable[[Ints], Floats],
    classes: int,
    fold_of: Ints,
) -> npt.NDArray[np.float32]:
    """(n,) held-out probability of the last class by a `discriminant` on what is believed instead of labels.

    ``belief`` gives the rows (m, C) asked for: probabilities that the sample belongs to each class.
    """

    def add_up(fold: int) -> _Sums:
        return _Sums.of(x, _parts(np.flatnonzero(fold_of == fold), classes), belief, classes)

    last = np.empty(len(x), dtype=np.float32)

    def keep(rows: Ints, probs: Floats) -> None:
        last[rows] = probs[:, -1]

    _judge_held(x, work_on(add_up, np.unique(fold_of).tolist()), fold_of, keep)
    return last


@dataclass
class _Sums:
    """All that a discriminant needs of some samples."""

    scatter: Floats
    """(d, d) sum of the outer products of the features."""
    sums: Floats
    """(C, d) sum of the features of each class."""
    counts: Floats
    """(C,)"""

    @classmethod
    def of(cls, x: Floats | Reordered, parts: Iterable[Ints], belief: Callable[[Ints], Floats], classes: int) -> _Sums:
        """Those of the rows in ``parts`` of ``x`` (n, d), whose classes are known as far as the ``belief`` (m, C)."""
        width = x.shape[1]
        one = cls(np.zeros((width, width), np.float32), np.zeros((classes, width), np.float32), np.zeros(classes))
        for rows in parts:
            part, share = x[rows], belief(rows)
            one.scatter += part.T @ (part * share.sum(axis=1, keepdims=True))
            one.sums += share.T @ part
            one.counts += share.sum(axis=0, dtype=np.float64)
        return one

    def solve(self) -> Linear:
        """The discriminant of these samples."""
        count = self.counts
        means = self.sums / np.maximum(count, 1e-6)[:, None]
        within = (self.scatter - (means * count[:, None]).T @ means) / count.sum()
        least = _ROUNDING * float(np.trace(self.scatter)) / float(count.sum())
        factor = cho_factor(shrink(within, least).astype(np.float32), check_finite=False)
        directions = cho_solve(factor, means.T.astype(np.float32), check_finite=False)  # (d, C)
        offset = np.log((count + 0.5) / (count.sum() + 0.5 * len(count))) - 0.5 * (means.T * directions).sum(axis=0)
        return Linear(directions=directions, offset=offset.astype(np.float32))


def _judge_held(
    x: Floats | Reordered, folds: Sequence[_Sums], fold_of: Ints, keep: Callable[[Ints, Floats], None]
) -> None:
    """Have each fold judged by the discriminant of the others; ``keep`` hears of rows, some at a time, and their class
    probabilities."""
    classes = len(folds[0].counts)

    def held_models() -> Iterator[tuple[Ints, Linear]]:
        for held, fold in enumerate(np.unique(fold_of).tolist()):
            others = [one for number, one in enumerate(folds) if number != held] or [folds[held]]
            names = ("scatter", "sums", "counts")
            model = _Sums(*(np.sum([getattr(one, name) for one in others], axis=0) for name in names)).solve()
            yield from ((rows, model) for rows in _parts(np.flatnonzero(fold_of == fold), classes))

    def judge(held: tuple[Ints, Linear]) -> None:
        rows, model = held
        keep(rows, model.apply(x[rows]))

    work_on(judge, held_models())


def _parts(rows: Ints, classes: int) -> Iterator[Ints]:
    """The ``rows``, so many at a time that their class probabilities stay small."""
    yield from (rows[part] for part in slices(len(rows), max(1, _CELLS // classes)))


def fit_discriminant(x: npt.NDArray[np.float32], responsibilities: Floats) -> Linear:
    """The model of `discriminant` fitted to all rows, for images that come later."""
    n, classes = responsibilities.shape
    parts = (np.arange(n)[rows] for rows in slices(n, 8192))
    return _Sums.of(x, parts, lambda rows: np.asarray(responsibilities[rows], dtype=np.float32), classes).solve()


def neighbor_votes(
    similarities: Floats,
    indices: Ints,
    labels: Ints,
    classes: int,
    *,
    digests: Sequence[str] | None = None,
) -> Table:
    """Class probabilities (n, C) by similarity-weighted vote of the k nearest other samples.

    Args:
        similarities: (n, k) cosines, best first.
        indices: (n, k) rows of the neighbours, the sample itself excluded.
        labels: (n,) the class in [0, C) that each neighbour votes for.
        classes: C.
        digests: (n,) content digests, or groups; a member of the own group has no vote, it would repeat the own label,
            and those of another count as one together.
    """
    weights = vote_weights(similarities, indices, digests)
    votes = make_table(labels, classes)
    for rows in blocks_of(votes):
        given = labels[indices[rows]]
        place = np.arange(len(given))[:, None] * classes + given
        cast = np.bincount(place.ravel(), weights[rows].ravel(), minlength=len(given) * classes)
        counted = cast.reshape(len(given), classes) + 0.5 / classes
        votes[rows] = counted / counted.sum(axis=1, keepdims=True)
    return votes


def vote_weights(similarities: Floats, indices: Ints, digests: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
    """(n, k) weight of each neighbour's vote; arguments as of `neighbor_votes`."""
    weights = np.exp(SHARPNESS * (similarities - similarities[:, :1])).astype(np.float32)
    if digests is not None:
        code = number_names(digests).code
        sizes = np.bincount(code)
        weights[code[indices] == code[:, None]] = 0.0
        weights /= sizes[code[indices]].astype(np.float32)
    return weights


def discriminant_width(n: int) -> int:
    """Principal components, of all blocks together, that the discriminant of a scan of ``n`` samples sees at most."""
    return max(NARROW, n // SAMPLES_EACH)


def narrow_width(groups: int, blocks: int) -> int:
    """Principal components of each of so many ``blocks`` that images of no class are looked for in.

    >>> narrow_width(200, 2), narrow_width(5000, 2)
    (25, 128)
    """
    return min(LEADING, max(1, groups // (GROUPS_EACH * blocks)))


def join_units(blocks: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """(n, w) the ``blocks`` (n, w_b) side by side, each of unit length for each image."""
    return np.concatenate([to_unit_length(block) for block in blocks], axis=1)


def to_unit_length(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The rows of ``vectors`` (n, w), each divided by its length; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


def onehot(labels: Ints, classes: int) -> npt.NDArray[np.float32]:
    """(n, C) float32 with a one at each label."""
    return np.asarray(np.eye(classes, dtype=np.float32)[labels])
