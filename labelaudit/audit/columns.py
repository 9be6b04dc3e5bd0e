"""The columns of `Audit.table`, as arrays and as picked names: what files of many rows are written from.

Left out: how a file writes a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labelaudit.packed import Packed
from labelaudit.text import free_name
from labelaudit.types import TIERS, Ints

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit


@dataclass(frozen=True)
class Picked:
    """A column (m,) of values that are picked from a list."""

    values: Sequence[Any]
    """The list."""
    places: Ints
    """(m,) places in it."""

    def tolist(self) -> list[Any]:
        """The column as plain Python values."""
        values = self.values
        if isinstance(values, Packed):
            return values.take(self.places)
        return [values[place] for place in self.places.tolist()]


Column = npt.NDArray[Any] | Picked


def list_columns(audit: Audit, rows: Ints) -> dict[str, Column]:
    """Name -> column of ``rows`` (m,), in the order of `Audit.table`."""
    samples, decision = audit.samples, audit.decision
    given, predicted = samples.labels[rows], decision.predicted[rows]
    columns: dict[str, Column] = {"rank": audit.rank[rows], "path": Picked(samples.ids, rows)}
    if samples.splits is not None:
        columns["split"] = Picked(samples.splits, rows)
    columns |= {
        "given_label": Picked(samples.classes, given),
        "predicted_label": Picked(samples.classes, predicted),
        "is_label_issue": decision.is_issue[rows],
        "tier": Picked(TIERS, decision.tiers[rows]),
        "label_score": 1 - decision.suspicion[rows],
        "given_prob": decision.probs[rows, given],
        "predicted_prob": decision.probs[rows, predicted],
    }
    for name, evidence in audit.evidence.items():
        columns[free_name(name, "method_", (*columns, "reason"))] = evidence.suspicion[rows]
    for name in audit.shown:
        columns[free_name(name, "method_", (*columns, "reason"))] = audit.shown_values(name)[rows]
    columns["reason"] = Picked(decision.reasons, rows)
    for name, values in samples.extra.items():
        columns[free_name(name, "extra_", columns)] = Picked(values, rows)
    return columns


def plain_values(column: Column) -> list[Any]:
    """A column as plain Python values, ``None`` where nothing was measured (NaN)."""
    values = column.tolist()
    if isinstance(column, Picked) or column.dtype.kind != "f" or np.isfinite(column).all():
        return values
    return [None if math.isnan(value) else value for value in values]
