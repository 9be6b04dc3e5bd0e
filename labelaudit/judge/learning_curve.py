"""A reading of the noise rate that does not trust any model: what more data would not mend.

The error of a weak model on labels it has not seen falls as it learns from more of them; wrong labels stay. The set is
cut into 8, 4 and 2 parts and left whole; in each part ridge regression judges every sample by the others of the part,
so that each size of part yields n opinions. err(m) = a + b · m ** -x is fitted with a, b ≥ 0, m images of the usual
class being in a part; the asymptote a is the share of labels that no amount of data explains. The exponent x
cannot be told from four points, so it is given. Too high where features cannot tell the classes apart however many
images there are.

There a second curve helps, of the share of labels that stand out (`labelaudit.judge.standing_out`), by ridge and
prototypes together. Right labels of hard images stand out less and less the more images the models learn from, wrong
ones go on. It falls with the m - 1 images that the model of an image learns from; errors more slowly at first, with m,
since of one image a model hardly errs less than of none. How fast right labels stop standing out depends on
whether features tell the classes apart, which the curve does not know: it says what lasts either way. Left out: curves
of nonlinear models and of single classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from labelaudit.blocks import spread_rows
from labelaudit.judge import prototypes, ridge
from labelaudit.judge.linear import group_shares, with_companions
from labelaudit.judge.pool import pool
from labelaudit.judge.standing_out import share_standing_out
from labelaudit.types import Floats, Ints

PARTS = (8, 4, 2, 1)
"""Numbers of parts that the set is cut into, one point of the curve each; fewer where parts would be too small."""
WIDTH = 256
"""Components that the models of a scan's curve see, of all feature blocks together."""
PENALTIES = (0.1, 0.5, 2.0, 10.0, 50.0)
"""The values that the penalties of these models are chosen from, in units as of `ridge.PENALTIES`."""
LEARNING = 0.6
"""Exponent at which errors fall."""
STANDING_OUT = 0.3
"""Labels stand out that look worse than this share of planted errors."""
FADING, FADING_CLEAR = 0.4, 0.6
"""Exponents at which right labels stop standing out: at least the first on every clean set tried, and at least the
second where features tell the classes apart."""
TOLD = 35.0
"""Images of the usual class with which half is known of which labels would stand out for good: with fewer a model of a
part knows too little."""

_ROWS, _EACH = 2500, 100  # samples at most, or of each class: of four times as many, right labels stood out for good
_FEWEST = 20  # groups in a part
_ALONE = 0.5  # other images of the usual class that a part counts as having at least
_POINTS = 2  # of a curve at least
_MOST = 4.0  # images in an eighth for each component with which nothing is left to learn that data could tell
_LEAST = 8.0  # labels that stand out in eighths with which half is known
_STEEP = 4  # power of the ratios to these numbers by which knowledge rises: no image more turns a reading over


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Errors against the share of the data learned from, and what they tend to."""

    errors: tuple[float, ...]
    """Share of given labels that the model disagrees with, one for each of the last entries of `PARTS`."""
    asymptote: float
    """The share that they tend to, in [0, 1]."""
    lasting: float = 0.0
    """Share in [0, 1] of the labels that stand out which would do so with any amount of data."""
    lasting_clear: float = 0.0
    """The same where features tell the classes apart, so that right labels stop standing out sooner."""
    lasting_least: float = 0.0
    """That less its standard error, by the number of labels that stand out at last; less where components are few."""
    told: float = 0.0
    """Weight in [0, 1] of that share, by how well it can be told: little where few labels stand out, classes are small,
    or components few."""


def measure(
    x: npt.NDArray[np.float32],
    labels: Ints,
    classes: int,
    *,
    groups: Ints | None = None,
) -> Curve | None:
    """The curve of ``x`` (n, d), samples that `draw` names; ``None`` where a half is too small to learn from,
    without a word on what lasts where an eighth is.

    Parts are drawn by place, so give samples in an order that means nothing. ``groups`` (n,) stay together.
    """
    codes = np.arange(len(x)) if groups is None else np.unique(groups, return_inverse=True)[1]
    apart = int(codes.max(initial=-1)) + 1
    cuts = [parts for parts in PARTS if apart >= _FEWEST * parts]
    if len(cuts) < _POINTS:
        return None
    shares = group_shares(codes)
    found = [_judge(x, labels, classes, codes, parts) for parts in cuts]
    errors, standing = (np.array(points) for points in zip(*found, strict=True))
    usual = float(np.median(np.bincount(labels, shares)[np.unique(labels)]))
    images = usual / np.array(cuts)
    others = np.maximum(images - 1, _ALONE)
    lasting = clear = least = told = 0.0
    if len(cuts) == len(PARTS):
        if standing[-1] > 0:
            ends = (_asymptote(standing, others, fading) for fading in (FADING, FADING_CLEAR))
            lasting, clear = (min(1.0, end / float(standing[-1])) for end in ends)
            least = max(0.0, clear - float(standing[-1] * apart) ** -0.5)
        open_ended = _reaches(_MOST * x.shape[1], apart / PARTS[0])
        least *= open_ended
        told = _reaches(usual, TOLD) * open_ended * _reaches(standing[0] * apart, _LEAST)
    return Curve(
        errors=tuple(errors.tolist()),
        asymptote=_asymptote(errors, images, LEARNING),
        lasting=lasting,
        lasting_clear=clear,
        lasting_least=least,
        told=told,
    )


def draw(n: int, classes: int, groups: Ints | None = None) -> Ints:
    """Rows of so many of n samples as `count_drawn` says, evenly spread, and of all others of their ``groups`` (n,)."""
    return with_companions(spread_rows(n, count_drawn(n, classes)), groups)


def count_drawn(samples: int, classes: int) -> int:
    """The number of ``samples`` that a curve is drawn from; a table of them and all classes is made for each model.

    >>> count_drawn(10_000, 10), count_drawn(60_000, 1_000)
    (2500, 60000)
    """
    return min(samples, max(_ROWS, _EACH * classes))


def _reaches(value: float, enough: float) -> float:
    """Extent, in [0, 1], to which a ``value`` is ``enough``; a half where they are equal.

    >>> [round(_reaches(value, 50), 2) for value in (25, 50, 100)]
    [0.06, 0.5, 0.94]
    """
    return float(value**_STEEP / max(value**_STEEP + enough**_STEEP, 1e-300))


def _judge(x: npt.NDArray[np.float32], labels: Ints, classes: int, codes: Ints, parts: int) -> tuple[float, float]:
    """Shares of labels that ridge disagrees with, and that stand out, each judged by its part without its group."""
    part_of = deal(labels, codes, parts)
    models = {name: np.empty((len(labels), classes), dtype=np.float32) for name in ("ridge", "prototypes")}
    for part in range(parts):
        rows = np.flatnonzero(part_of == part)
        some, own, groups = x[rows], labels[rows], codes[rows]
        models["ridge"][rows] = ridge.fit(some, own, classes, groups=groups, penalties=PENALTIES).probs
        models["prototypes"][rows] = prototypes.fit(some, own, classes, groups=groups).probs
    shares = group_shares(codes)
    wrong = float(np.average(models["ridge"].argmax(axis=1) != labels, weights=shares))
    return wrong, share_standing_out(pool(models, labels, shares=shares).probs, labels, STANDING_OUT, shares)


def deal(labels: Ints, codes: Ints, parts: int) -> Ints:
    """(n,) part of each sample: groups dealt out class by class, in their order."""
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(labels[first], kind="stable")
    part = np.empty(len(first), dtype=np.int64)
    part[order] = np.arange(len(first)) % parts
    return part[codes]


def _asymptote(shares: Floats, images: Floats, exponent: float) -> float:
    """a of the least-squares fit of ``shares`` (p,) = a + b · ``images`` ** -exponent, a and b at least 0."""
    design = np.stack([np.ones(len(images)), images**-exponent], axis=1)
    return float(min(nnls(design, shares)[0][0], 1.0))
