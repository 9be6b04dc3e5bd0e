"""The work of a scan, counted stage by stage: what a forecast multiplies by this machine's unit costs.

Counts are what the algorithms do to leading order: products of matrices, passes over class probabilities, rows of
tables. Embedding and training are not counted but tried (`labelaudit.scanning.forecast`). Left out: images so large
that looking for copies takes as long as embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.features.neighbors import EXACT
from labelaudit.judge.learning_curve import count_drawn
from labelaudit.judge.probes import NARROW, NEIGHBORS, WIDTH
from labelaudit.leading import KEPT, is_large
from labelaudit.scanning.components import NARROW as NARROW_SEARCH
from labelaudit.scanning.components import WHOLE
from labelaudit.scanning.unit_costs import UnitCosts

_ROWS = 20_000  # that rotations are estimated on
_EIGEN = 12.0  # products of an eigendecomposition, per cubed side
_CELLS_MADE, _BETWEEN = 3072.0, 12.0  # products per row and component: to make cells, and per root of n to compare them
_COMPARED = 16_000.0  # rows that one is compared with at most
_ELEMENTS = 25.0  # passes over the components of all samples that closed forms take
_CURVE = 80e6  # passes over components that the learning curve takes at most
_CURVE_TABLES = 4.0  # tables of its samples and all classes that it holds at once
_LOGISTIC = 100.0  # products with the leading components until logistic regression has converged, of each fold
_FITTED, _FEWEST = 400_000, 2000  # cells, and samples, that the noise model is fitted to
_FIT, _PASSES = 200.0, 30.0  # passes over those, and over all cells, for each model heard
_PASSES_IN_BLOCKS = 4.0  # the same where only the leading classes are kept
_ALIKE, _DECIDED, _WRITTEN = 30.0, 25.0, 2.0  # rows of text that looking at a sample, judging and writing it are worth
_TOLD = 0.5  # and judging it by given probabilities alone, where no images of no class are looked for
_PICTURE = 60.0  # and of looking at its thumbnail


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
    pictures: bool = False

    @property
    def large(self) -> bool:
        """Whether only the leading classes of each sample are kept."""
        return is_large(self.samples, self.classes)

    @property
    def kept(self) -> int:
        """Principal components of all blocks together."""
        return sum(min(WIDTH, width) for width in self.widths)


def count_seconds(work: Workload, costs: UnitCosts) -> dict[str, float]:
    """Stage -> seconds, of everything but embedding and training."""
    n, cells = work.samples, work.samples * work.classes
    few = min(cells, max(_FITTED, _FEWEST * work.classes))
    passes = _PASSES_IN_BLOCKS if work.large else _PASSES
    found = {
        "decide": costs.cell * work.heard * (_FIT * few + passes * cells)
        + costs.row * (_DECIDED if work.widths else _TOLD) * n,
        "write": costs.row * _WRITTEN * n,
    }
    if work.widths:
        compared = work.kept if n <= WHOLE else min(work.kept, NARROW_SEARCH)
        found["neighbours"] = costs.product * _search(n, compared)
        found["duplicates"] = costs.row * n * (_ALIKE + _PICTURE * work.pictures)
        rotations = sum(min(n, _ROWS) * d**2 + _EIGEN * d**3 + n * d * min(WIDTH, d) for d in work.widths)
        closed = 4 * n * work.kept**2 + _EIGEN * work.kept**3 + 12 * n * work.kept * work.classes
        logistic = 0.0 if work.large else _LOGISTIC * work.folds * n * min(NARROW, work.kept) * work.classes
        found["probes"] = costs.product * (rotations + closed + logistic)
        voted = cells if work.large else NEIGHBORS * cells
        found["probes"] += costs.cell * (_ELEMENTS * n * work.kept + min(_CURVE, 1e4 * n) + voted)
        found["decide"] += costs.product * 2 * n * work.kept**2
    return found


def _search(n: int, width: int) -> float:
    """Products of a search for the neighbours of n rows."""
    return float(width) * (n**2 if n <= EXACT else _CELLS_MADE * n + n * min(_BETWEEN * n**0.5, _COMPARED))


def count_memory(work: Workload) -> float:
    """Bytes of the arrays that are in memory at once at the dearest moment."""
    n, table = 4.0 * work.samples, 4.0 * work.samples * (2 * KEPT + 1 if work.large else work.classes)
    features, kept = n * sum(work.widths), n * work.kept
    standing = features + kept + table * work.heard
    closed = 3 * kept + 2 * table
    training = n * work.trains * 3 + table * (4 * work.folds + 2)
    deciding = n * work.trains * 2 + table * (work.heard + 14)
    curve = 4.0 * count_drawn(work.samples, work.classes) * work.classes * _CURVE_TABLES if work.widths else 0.0
    return standing + max(closed, training if work.trains else 0.0, deciding, curve)


def count_disk(work: Workload, *, to_embed: float) -> float:
    """Bytes of the RUN folder and of features that are kept, ``to_embed`` of them numbers."""
    kept = 2 * KEPT + 1 if work.large else work.classes * (work.heard + 2)
    judged = work.samples * (1200.0 + 4 * kept)
    return judged + 4 * to_embed + 6e6 * work.pictures
