"""The work of a scan, counted stage by stage: what a forecast multiplies by this machine's unit costs.

Counts are what the algorithms do to leading order: products of matrices, passes over class probabilities, rows of
tables. Embedding and training are not counted but tried (`labelaudit.scanning.forecast`). Left out: images so large
that looking for copies takes as long as embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.audit.parquet import MOST_AS_TEXT
from labelaudit.data.quality import USUAL
from labelaudit.features.duplicates import NEIGHBORS
from labelaudit.features.neighbors import EXACT
from labelaudit.judge.judge import WIDTH as MEMORY_WIDTH
from labelaudit.judge.judge import count_compared
from labelaudit.judge.learning_curve import PARTS, count_drawn
from labelaudit.judge.learning_curve import PENALTIES as CURVE_PENALTIES
from labelaudit.judge.learning_curve import WIDTH as CURVE_WIDTH
from labelaudit.judge.linear import count_some
from labelaudit.judge.noise_fit import count_searched
from labelaudit.judge.probes import ROTATED, WIDTH, discriminant_width
from labelaudit.judge.ridge import PENALTIES
from labelaudit.leading import KEPT, is_large
from labelaudit.reports.gallery import count_pictures
from labelaudit.reports.html import MOST
from labelaudit.scanning.unit_costs import UnitCosts

SUSPECTS, MANY_SUSPECTS = 0.05, 0.3
"""Shares of the samples that suspects are taken to be, and may be: nobody knows before."""
_PASSES = 35.0  # over all cells for closed forms, and over those of each point of a learning curve
_TURNED_TO = 30.0  # passes over the components of all samples, which closed forms put in order and divide
_POOLED = 3.0  # sharpnesses that weighing a model of a pool is worth
_NOISE = 4.0  # sharpnesses that fitting the noise model is worth, for each model heard and once more
_DECIDED = 10.0  # passes over all cells that are kept of each model heard
_COMPARED = 0.5  # share of a pair's cost that a judge pays, whose rows are long
_JUDGED = 0.25  # rows of text that a decision is worth, however many classes there are
_STRANGERS, _STRANGE = 70.0, 5.0  # passes in which images of no class are looked for; rows of text that each is worth
_ALIKE, _TAKEN = 3.0, 100.0  # rows of text that looking for copies of a sample is worth; products of a number compared
_LOOKED, _TURNED = 0.15, 1200  # share of the images that are looked at for copies, and how many for turned ones
_CUES, _CUED = 230.0, 1000  # rows of text that looking at an image for shortcuts is worth, and at how many
_BLUR = 70.0  # rows of text that telling whether an image is blurred is worth, once it is decoded
_BEGUN = 3e4  # rows of text that beginning to train, or to decide, is worth, however few samples there are
_AS_TEXT, _AS_ARRAYS = 1.3, 0.6  # rows of text that judging and writing a sample is worth, as text or not
_PAGE = 4e4  # rows of text that the page without suspects is worth, with what is loaded for it
_SHOWN = 25.0  # rows of text that a suspect on the page is worth
_WRITTEN = 10.0  # passes that writing a class probability of a model is worth, where all are kept
_LOADED = 2.2e5  # rows of text that loading scikit-learn is worth, which looks for shortcuts in images
_NEAR = 1700.0  # bytes of those most like a sample, and of its pairs with them
_PER_ROW = 250.0  # bytes of text and numbers of a sample that is judged by given probabilities
_CURVE_TABLES = 4.0  # tables of its samples and all classes that a learning curve holds at once
_TOLD, _TOLD_AS_ARRAYS = 300.0, 120.0  # bytes on disk of what a RUN says of a sample, as text or not
_TRAINED = 150.0  # bytes on disk of a sample for each model trained
_REMEMBERED, _ROTATION = 330.0, 750e3  # bytes on disk of a sample, and of a feature block, in the judge
_THUMBNAIL = 2000.0  # bytes of a picture


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The size of a scan."""

    samples: int
    classes: int
    widths: Sequence[int] = ()
    """Columns of each feature block; empty where probabilities alone are judged."""
    heard: int = 1
    """Models that the pool and the noise model hear."""
    folds: int = 5
    trains: int = 0
    """Components that methods train on; 0 where they train on pixels, or not at all."""
    trained: int = 0
    """Models that are trained."""
    pictures: bool = False
    """Whether there are images."""
    small: bool = False
    """Whether they are so small that moved copies are looked for, which takes all thumbnails."""
    unseen: bool = True
    """Whether their thumbnails have still to be made; those of an earlier scan are kept."""
    threads: int = 1
    """Threads on cores of their own that search, and look at images."""
    suspects: float = SUSPECTS
    """Share of the samples."""

    @property
    def large(self) -> bool:
        """Whether only the leading classes of each sample are kept."""
        return is_large(self.samples, self.classes)

    @property
    def columns(self) -> int:
        """Numbers that are kept of what a model says of a sample."""
        return 2 * KEPT + 1 if self.large else self.classes

    @property
    def kept(self) -> int:
        """Principal components of all blocks together."""
        return sum(min(WIDTH, width) for width in self.widths)

    @property
    def shown(self) -> float:
        """Suspects on the page of the RUN."""
        return min(self.suspects * self.samples, MOST)


def count_seconds(work: Workload, costs: UnitCosts) -> dict[str, float]:
    """Stage, as a RUN names it -> seconds, of everything but embedding and training."""
    n = work.samples
    rows = _PAGE + (_AS_TEXT if n <= MOST_AS_TEXT else _AS_ARRAYS) * n + _SHOWN * work.shown
    written = 0.0 if work.large else _WRITTEN * (work.heard + 1) * n * work.classes
    found = {"decide": _count_decision(work, costs), "write": costs.row * rows + costs.cell * written}
    if work.widths:
        rotations = sum(_count_rotation(n, d, costs) for d in work.widths)
        found |= {
            "neighbours": _count_search(work, costs) / work.threads + rotations,
            "duplicates": n * (costs.row * _ALIKE + costs.product * _TAKEN * 2 * NEIGHBORS * sum(work.widths)),
            "train": _count_closed_forms(work, costs),
        }
    if work.pictures:
        compared = (n if work.small else min(n, _TURNED + _LOOKED * n)) * work.unseen
        if work.widths:
            found["duplicates"] += costs.look * compared / work.threads
        cued, seen = min(n, _CUED), (min(n, USUAL) if work.suspects else 0) + work.suspects * n
        found["decide"] += costs.row * (_LOADED + _CUES * cued + _BLUR * seen)
        found["decide"] += costs.look * (cued + seen) / work.threads
        found["write"] += costs.preview * count_pictures(n, work.shown) / work.threads
    return found


def _count_decision(work: Workload, costs: UnitCosts) -> float:
    """Seconds of the noise model, the pool, images of no class, and the judge that is kept for new images."""
    n, classes = work.samples, work.classes
    cells = n * classes
    fits = _NOISE * (work.heard + 1) * count_searched(n, classes) + _POOLED * work.heard * count_some(n, classes)
    passes = _DECIDED * work.heard * n * work.columns
    seconds = costs.fit * fits * classes + costs.row * _JUDGED * n
    if work.widths:
        passes += 0.0 if work.large else _STRANGERS * cells
        pair = _COMPARED * (min(MEMORY_WIDTH, work.kept) * costs.product + costs.pair)
        seconds += costs.row * (_BEGUN + _STRANGE * n) + n * count_compared(n) * pair / work.threads
    return seconds + costs.cell * passes / work.threads


def _count_search(work: Workload, costs: UnitCosts) -> float:
    """CPU seconds of a search for the neighbours of all samples, as tried where it is one among cells."""
    if work.samples > EXACT:
        return costs.search
    return work.samples**2 * (work.kept * costs.product + costs.pair)


def _count_rotation(n: int, width: int, costs: UnitCosts) -> float:
    """Seconds to find the principal components of n rows of a feature block in so many columns, and to turn it to them.

    They are found by the smaller of covariance and Gram matrix, of some rows.
    """
    rows = min(n, ROTATED)
    side = min(rows, width)
    products = rows * width * side + (n + rows * (rows < width)) * width * min(WIDTH, side)
    return costs.product * products + costs.eigen * min(side, WIDTH) * side**2


def _count_closed_forms(work: Workload, costs: UnitCosts) -> float:
    """Seconds of closed forms, the learning curve, the discriminant and votes."""
    n, width, classes, drawn = work.samples, work.kept, work.classes, count_drawn(work.samples, work.classes)
    cells, narrow = n * classes, min(width, discriminant_width(n))
    seconds = costs.row * _BEGUN + _count_models(work, n, width, len(PENALTIES), costs)
    for parts in PARTS:
        part = _count_models(work, drawn // parts, min(width, CURVE_WIDTH), len(CURVE_PENALTIES), costs)
        seconds += parts * part + 2 * _POOLED * costs.fit * count_some(drawn, classes) * classes
    products = float(narrow * (n * narrow + cells))
    passes = _PASSES * (cells + len(PARTS) * drawn * classes) + _TURNED_TO * n * width
    return seconds + (costs.product * products + costs.cell * passes) / work.threads


def _count_models(work: Workload, n: int, width: int, penalties: int, costs: UnitCosts) -> float:
    """Seconds of ridge regression on n rows of so many components, with so many penalties tried, and of prototypes."""
    side, cells, tried = min(n, width), n * work.classes, count_some(n, work.classes) * work.classes
    products = 2 * n * width * side + width * (penalties * tried + 2 * cells)
    fits = (penalties + 1) * tried
    return costs.product * products / work.threads + costs.eigen * side**3 + costs.fit * fits


def count_memory(work: Workload) -> float:
    """Bytes of the arrays that are in memory at once at the dearest moment."""
    n, table = 4.0 * work.samples, 4.0 * work.samples * work.columns
    if not work.widths and not work.trains:
        return 5 * table + _PER_ROW * work.samples
    kept, features = n * work.kept, n * sum(work.widths)
    standing = kept + _NEAR * work.samples + table * work.heard
    standing += features if work.pictures else 0.0  # given ones have been read before
    closed = kept + 2 * table
    training = n * work.trains * 3 + table * (4 * work.folds + 2)
    deciding = n * work.trains * 2 + table * (work.heard + 12)
    curve = 4.0 * count_drawn(work.samples, work.classes) * work.classes * _CURVE_TABLES if work.widths else 0.0
    return standing + max(features, closed, training if work.trains else 0.0, deciding, curve)


def count_disk(work: Workload, *, to_embed: float) -> float:
    """Bytes of the RUN folder and of features that are kept, ``to_embed`` of them numbers."""
    n, judge = work.samples, bool(work.widths)
    table = 2 * KEPT + 1 if work.large else work.classes * max(work.heard, 2)
    told = _TOLD if n <= MOST_AS_TEXT else _TOLD_AS_ARRAYS
    run = n * (told + 4.0 * table + _TRAINED * work.trained + _REMEMBERED * judge) + _ROTATION * len(work.widths)
    return run + 4 * to_embed + (_THUMBNAIL * count_pictures(n, work.shown) if work.pictures else 0.0)
