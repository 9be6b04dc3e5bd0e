"""Given probabilities that are judged alone: no features, no networks.

Of many samples and classes the leading classes of each row are looked for once, and all else is worked out from them.
Left out: probabilities beside other models (`labelaudit.scanning.pool`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import work_on_blocks
from labelaudit.judge.consensus import Consensus, agree
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.leading import Leading, Table, is_large
from labelaudit.names import order_by_content
from labelaudit.types import Ints, Samples

_CELLS = 1 << 18  # that leading classes are looked for in at a time


def keep_leading(probs: npt.NDArray[np.float32], labels: Ints) -> Table:
    """``probs`` (n, C) as they are, or where they are many the leading classes of each row, given ``labels`` (n,)."""
    n, classes = probs.shape
    if not is_large(n, classes):
        return probs
    table = Leading(labels, classes)

    def keep(rows: slice) -> None:
        table[rows] = probs[rows]

    work_on_blocks(keep, table, _CELLS)
    return table


def agree_alone(given: Table, samples: Samples, known: Ints) -> Consensus:
    """The consensus of ``given`` (n, C) and the labels of ``samples``; ``known`` (n,) as of `agree`."""
    order = order_by_content(given.values if isinstance(given, Leading) else given, samples.labels)
    labels, groups, models = samples.labels, samples.numbered_groups, {"given": given}
    how: dict[str, Any] = {"known": known, "groups": None if groups.all_differ else groups.code, "order": order}
    return agree(models, fit_noise_model(models, labels, **how), labels, used_up=True, **how)
