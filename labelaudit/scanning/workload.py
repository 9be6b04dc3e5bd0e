"""The work of a scan, counted stage by stage: what a forecast multiplies by this machine's unit costs.

Counts are what the algorithms do to leading order: products of matrices, passes over class probabilities, rows of
tables. Embedding and training are not counted but tried (`labelaudit.scanning.forecast`). Left out: images so large
that looking for copies takes as long as embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.audit.parquet import MOST_AS_TEXT
from labelaudit.features.neighbors import EXACT
from labelaudit.judge.judge import WIDTH as MEMORY_WIDTH
from labelaudit.judge.judge import count_compared
from labelaudit.judge.learning_curve import WIDTH as CURVE_WIDTH
from labelaudit.judge.learning_curve import count_drawn
from labelaudit.judge.noise_fit import TOLD
from labelaudit.judge.probes import NARROW, WIDTH, discriminant_width
from labelaudit.leading import KEPT, is_large
from labelaudit.reports.gallery import count_pictures
from labelaudit.reports.html import MOST
from labelaudit.scanning.components import NARROW as NARROW_SEARCH
from labelaudit.scanning.components import WHOLE
from labelaudit.scanning.unit_costs import UnitCosts

_ROWS = 20_000  # that rotations are estimated on
_EIGEN = 10.0  # products of an eigendecomposition, per cubed side
_KEPT_BEST = 1.5  # passes for each pair of a search among few rows, beside its product
_CELLS_MADE, _SORTED = 3072.0, 1.6  # products per row and component to make cells; passes per pair of rows in them
_AROUND, _COMPARED = 64.0, 16_000.0  # rows per root of n that one is compared with, and at most
_SHARP, _SHARPENED = 1_000_000, 20.0  # cells that a sharpness is fitted to, and passes over them
_CLOSED, _CLOSED_FITTED = 12.0, 150.0  # passes over all cells, and over those, for closed forms
_CLOSED_PRODUCTS = 6.0  # of all components with each cell, for closed forms
_CURVE, _CURVE_FITTED = 150.0, 300.0  # the same for the learning curve, of the samples it is drawn from
_CURVE_LEADING = 40.0  # and where only leading classes of these are kept
_CURVE_PRODUCTS = 24.0  # of its components with each cell
_CURVE_TABLES = 4.0  # tables of its samples and all classes that it holds at once
_LOGISTIC, _PER_STEP = 16.0, 2.5  # steps of logistic regression in each fold; passes of each beside products
_FETCHED = 60  # classes, the products of which take as long as fetching the sample does
_FITTED, _FEWEST = 400_000, 2000  # cells, and samples, that the noise model is fitted to
_FIT, _HEARD = 120.0, 20.0  # passes over those, and more for each model heard
_PASSES, _PER_MODEL = 15.0, 2.0  # passes over all cells, and more for each model heard
_LEADING, _PASSES_IN_BLOCKS = 1.8, 4.0  # the same where only leading classes are kept, of one model and of each of more
_SWEEPS = 12.0  # passes more over all cells where T is fitted to all samples
_STRANGERS, _STRANGERS_ROWS = 50.0, 20_000  # passes in which images of no class are looked for, and in how many
_MEMORY_PASSES = 1.2  # passes for each pair of a sample and one that the judge's memory compares with it
_JUDGED = 30.0  # and over the class probabilities of the latter
_ALIKE, _DECIDED = 6.5, 0.25  # rows of text that looking for copies of a sample and judging it are worth
_COSINES = 14.0  # and passes over its components that the former takes
_BEGUN = 5e4  # rows of text that what every fit takes is worth
_CUES, _CUED = 300.0, 1000  # and looking at an image for shortcuts, and at how many
_AS_TEXT, _AS_ARRAYS, _PAGE = 2.0, 1.0, 5e4  # and writing it, as text or not, and the page of a RUN
_WRITTEN = 3.0  # passes that writing a class probability of a model is worth, where all are kept
_LOADED = 3.5e5  # and loading the libraries that features take
_SUSPECTS = 0.1  # share of the samples that suspects are taken to be: nobody knows before
_COPIED = 0.15  # previews of each image that looking for copies is worth
_CLEAR, _USUAL = 0.65, 300  # and of each suspect that looking for blurred ones is, and of how many more images
_NEAR, _PAIRED = 860.0, 800.0  # bytes of those most like a sample, and of its pairs with them
_PER_ROW = 250.0  # bytes of text and numbers of a sample that is judged by given probabilities
_TOLD, _TRAINED = 300.0, 150.0  # bytes on disk of what a RUN says of a sample, and more for each model trained
_REMEMBERED, _ROTATION, _THUMBNAIL = 330.0, 750e3, 2000.0  # of a sample in its judge, a feature block, and a picture


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
    threads: int = 1
    """Threads on cores of their own that search, and look at images."""

    @property
    def large(self) -> bool:
        """Whether only the leading classes of each sample are kept."""
        return is_large(self.samples, self.classes)

    @property
    def kept(self) -> int:
        """Principal components of all blocks together."""
        return sum(min(WIDTH, width) for width in self.widths)

    @property
    def shown(self) -> float:
        """Suspects on the page of the RUN; nobody knows before how many there are."""
        return min(_SUSPECTS * self.samples, MOST)


def count_seconds(work: Workload, costs: UnitCosts) -> dict[str, float]:
    """Stage, as a RUN names it -> seconds, of everything but embedding and training."""
    n, cells = work.samples, work.samples * work.classes
    found = {"decide": _count_decision(work, costs)}
    if work.widths:
        cosines = costs.row * _ALIKE + costs.cell * _COSINES * work.kept
        compared = work.kept if n <= WHOLE else min(work.kept, NARROW_SEARCH)
        rotations = sum(min(n, _ROWS) * d**2 + _EIGEN * d**3 + n * d * min(WIDTH, d) for d in work.widths)
        found |= {
            "neighbours": _count_search(n, compared, costs) / work.threads + costs.product * rotations,
            "duplicates": n * cosines,
            "train": _count_closed_forms(work, costs) + costs.row * _LOADED,
        }
    written = 0.0 if work.large else _WRITTEN * (work.heard + 1) * cells
    found["write"] = costs.row * ((_AS_TEXT if n <= MOST_AS_TEXT else _AS_ARRAYS) * n + _PAGE) + costs.cell * written
    if work.pictures:
        look = costs.preview / work.threads
        found["duplicates"] += look * _COPIED * n
        found["decide"] += look * _CLEAR * (min(n, _USUAL) + _SUSPECTS * n) + costs.row * _CUES * min(n, _CUED)
        found["write"] += look * count_pictures(n, work.shown)
    return found


def _count_decision(work: Workload, costs: UnitCosts) -> float:
    """Seconds of the noise model, of images of no class, and of the judge that is kept for new images."""
    n, cells = work.samples, work.samples * work.classes
    fitted = min(cells, max(_FITTED, _FEWEST * work.classes))
    passes = (_FIT + _HEARD * work.heard) * fitted + _SHARPENED * work.heard * min(cells, _SHARP)
    if work.large:
        passes += (_PASSES_IN_BLOCKS * work.heard if work.widths else _LEADING) * cells
    else:
        passes += (_PASSES + _PER_MODEL * work.heard + _SWEEPS * (n < TOLD * work.classes**2)) * cells
    seconds = costs.cell * passes + costs.row * _DECIDED * n
    if not work.widths:
        return seconds
    strangers = _STRANGERS * (min(n, _STRANGERS_ROWS) if work.large else n) * work.classes
    compared = count_compared(n)
    seconds += costs.cell * (strangers + _JUDGED * compared * work.classes) + costs.row * _BEGUN
    return seconds + n * compared * (min(MEMORY_WIDTH, work.kept) * costs.product + _MEMORY_PASSES * costs.cell)


def _count_search(n: int, width: int, costs: UnitCosts) -> float:
    """Seconds of a search for the neighbours of n rows; rows without near ones, which need most of the cells."""
    if n <= EXACT:
        return float(n**2) * (width * costs.product + _KEPT_BEST * costs.cell)
    pairs = n * min(_AROUND * math.sqrt(n), _COMPARED)
    return _CELLS_MADE * n * width * costs.product + pairs * (width * costs.product + _SORTED * costs.cell)


def _count_closed_forms(work: Workload, costs: UnitCosts) -> float:
    """Seconds of closed forms, the learning curve, the discriminant, logistic regression and votes."""
    n, width, classes = work.samples, work.kept, work.classes
    side, rows = min(n, width), count_drawn(n, classes)
    drawn = rows * classes
    products = 4 * n * width * side + _EIGEN * side**3 + _CLOSED_PRODUCTS * n * width * classes
    products += n * min(discriminant_width(n), width) ** 2 + _CURVE_PRODUCTS * drawn * min(width, CURVE_WIDTH)
    passes = _CLOSED * n * classes + _CLOSED_FITTED * min(n * classes, _SHARP)
    passes += (_CURVE_LEADING if is_large(rows, classes) else _CURVE) * drawn + _CURVE_FITTED * min(drawn, _SHARP)
    if not work.large:
        steps = _LOGISTIC * (work.folds - 1) * n
        products += steps * 2 * min(NARROW, width) * (classes + _FETCHED)
        passes += steps * _PER_STEP * classes
    return costs.product * products + costs.cell * passes


def count_memory(work: Workload) -> float:
    """Bytes of the arrays that are in memory at once at the dearest moment."""
    n, table = 4.0 * work.samples, 4.0 * work.samples * (2 * KEPT + 1 if work.large else work.classes)
    if not work.widths and not work.trains:
        return 5 * table + _PER_ROW * work.samples
    kept, features = n * work.kept, n * sum(work.widths)
    standing = kept + _NEAR * work.samples + table * work.heard
    standing += features if work.pictures else 0.0  # given ones have been read before
    joint = features + _PAIRED * work.samples
    closed = kept + 2 * table + (0.0 if work.large else 2 * n * min(NARROW, work.kept))
    training = n * work.trains * 3 + table * (4 * work.folds + 2)
    deciding = n * work.trains * 2 + table * (work.heard + 12)
    curve = 4.0 * count_drawn(work.samples, work.classes) * work.classes * _CURVE_TABLES if work.widths else 0.0
    return standing + max(joint, closed, training if work.trains else 0.0, deciding, curve)


def count_disk(work: Workload, *, to_embed: float) -> float:
    """Bytes of the RUN folder and of features that are kept, ``to_embed`` of them numbers."""
    n, judge = work.samples, bool(work.widths)
    table = 2 * KEPT + 1 if work.large else work.classes * max(work.heard, 2)
    run = n * (_TOLD + 4.0 * table + _TRAINED * work.trained + _REMEMBERED * judge) + _ROTATION * len(work.widths)
    return run + 4 * to_embed + (_THUMBNAIL * count_pictures(n, work.shown) if work.pictures else 0.0)
