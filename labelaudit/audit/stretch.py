"""Finds a stretch of rows, in the order they are listed in, with far more suspects than the rest.

Labels of a table that slip by a row from somewhere on, or a bad hour of labelling: no column tells it, the order does.
The rows are cut into blocks. In every run of blocks the suspects are compared with those that its classes explain, and
the greatest excess is compared with that of suspects dealt anew among the rows of their class, given and suggested,
which allows for how many runs were looked at, and for tables sorted by class. Left out: a second stretch, and those
shorter than a block.
"""

from __future__ import annotations

import numpy as np

from labelaudit.types import Bools, Floats, Ints

BLOCKS = 32
"""Blocks that the rows are cut into at most, of ten rows or more."""
FAR = 3.0
"""A stretch must have so many times the suspects of the rest, both measured by what their classes explain."""
DEALS = 999
"""Deals of which none may have as great an excess."""
_LEAST, _FEWEST = 10, 4  # rows of a block, and blocks
_HARDLY = 3.0  # standard deviations of an excess that is never significant among so many
_PAIRS, _FARTHEST = 10, 3  # suspects so far apart by which labels that slipped are told, and the rows between them


def find_stretch(labels: Ints, predicted: Ints, flagged: Bools) -> tuple[int, int] | None:
    """First row, and the one behind the last, of the stretch with far more of the ``flagged`` (n,) rows than the rest.

    Tables are sorted by the label that they give, as ``labels`` (n,), or by the class that images had before somebody
    erred, as ``predicted`` (n,) tells. So either must leave a stretch unexplained.

    >>> rows = np.arange(400)
    >>> find_stretch(rows % 4, rows % 4, (rows >= 200) & (rows % 3 != 1))
    (200, 400)
    >>> find_stretch(rows // 100, rows // 100, (rows >= 200) & (rows % 3 != 1)) is None
    True
    """
    n, blocks = len(labels), min(BLOCKS, len(labels) // _LEAST)
    if blocks < _FEWEST or not flagged.any():
        return None
    block = np.arange(n) * blocks // n
    runs = np.triu_indices(blocks)
    deals = [_Deal(kind, flagged, block, runs) for kind in (labels, predicted)]
    counts = np.bincount(block[flagged], minlength=blocks)[None]
    excess = np.minimum(*(deal.excess(counts)[0] for deal in deals))
    best = int(excess.argmax())
    mine = int(_add_up(counts, *runs)[0, best])
    if excess[best] < _HARDLY or not all(deal.is_far(best, mine) for deal in deals):
        return None
    if any(deal.excess(deal.repeat()).max() >= excess[best] - 1e-9 for deal in deals):
        return None
    start, stop = np.searchsorted(block, [runs[0][best], runs[1][best] + 1]).tolist()
    return _sharpen(flagged, start, stop, -(-n // blocks))


class _Deal:
    """Suspects dealt among the rows of their class, in every run of blocks."""

    def __init__(self, classes: Ints, flagged: Bools, block: Ints, runs: tuple[Ints, Ints]) -> None:
        self.runs = runs
        kinds, self.hits = np.unique(classes[flagged], return_counts=True)
        blocks = int(block[-1]) + 1
        self.sizes = np.stack([np.bincount(block[classes == kind], minlength=blocks) for kind in kinds])
        whole = self.sizes.sum(axis=1, keepdims=True)
        share, inside = self.hits[:, None] / whole, _add_up(self.sizes, *runs)  # (classes, runs)
        self.explained = (share * inside).sum(axis=0)
        self.spread = np.sqrt((share * (1 - share) * inside * (whole - inside) / np.maximum(whole - 1, 1)).sum(axis=0))

    def excess(self, counts: Ints) -> Floats:
        """(m, runs) standard deviations by which ``counts`` (m, blocks) of suspects exceed what is explained."""
        above = _add_up(counts, *self.runs) - self.explained
        return np.asarray(np.divide(above, self.spread, out=np.zeros_like(above), where=self.spread > 0))

    def is_far(self, run: int, mine: int) -> bool:
        """Whether ``mine`` suspects in a run are `FAR` times those of the rest, both by what is explained."""
        total, own = int(self.hits.sum()), self.explained[run]
        return bool(mine * (total - own) >= FAR * (total - mine) * own)

    def repeat(self) -> Ints:
        """(`DEALS`, blocks) suspects of each block in as many deals."""
        draw = np.random.default_rng(0)
        rows = zip(self.sizes, self.hits, strict=True)
        return np.asarray(sum(draw.multivariate_hypergeometric(size, hit, DEALS) for size, hit in rows))


def rows_slipped(labels: Ints, flagged: Bools, predicted: Ints) -> int:
    """The number of rows, up to `_FARTHEST`, before or after it for which ``labels`` (n,) of a ``flagged`` row are
    ``predicted`` (n,), or 0.

    Rows whose neighbour so far away is flagged too are asked: there sorted labels say nothing. Half of what chance
    leaves open must agree.
    """
    for far in range(1, _FARTHEST + 1):
        for before, after in ((slice(None, -far), slice(far, None)), (slice(far, None), slice(None, -far))):
            both = flagged[before] & flagged[after]
            given, other = labels[after][both], predicted[before][both]
            if len(given) < _PAIRS:
                continue
            most = int(max(labels.max(), predicted.max())) + 1
            chance = np.bincount(given, minlength=most) @ np.bincount(other, minlength=most) / len(given) ** 2
            if (given == other).mean() >= (1 + chance) / 2:
                return far
    return 0


def _add_up(counts: Ints, first: Ints, last: Ints) -> Ints:
    """(m, runs) sums of ``counts`` (m, blocks) from the ``first`` to the ``last`` (runs,) block."""
    total = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    return np.asarray(total[:, last + 1] - total[:, first])


def _sharpen(flagged: Bools, start: int, stop: int, reach: int) -> tuple[int, int]:
    """The rows within ``reach`` of ``start`` and ``stop`` between which suspects are densest beside those around."""
    around = np.concatenate([flagged[:start], flagged[stop:]])
    middle = (flagged[start:stop].mean() + (around.mean() if len(around) else 0)) / 2
    gain = np.pad(np.cumsum(flagged - middle), (1, 0))  # of all rows before each
    low, high = max(0, start - reach), min(start + reach, stop - 1)
    start = low + int(gain[low : high + 1].argmin())
    low = max(start + 1, stop - reach)
    return start, low + int(gain[low : stop + reach + 1].argmax())
