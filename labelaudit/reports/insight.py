"""The report's look into the three papers' methods: medoids, far images, the loss dissection.

Left out: anything that an audit does not hold; a part whose method was not trained is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelaudit.audit.document import Audit

_CLASSES, _OF_EACH = 40, 6  # medoids: classes shown, and of each
_FAR = 24


@dataclass(frozen=True, kw_only=True)
class Insight:
    """Rows to show, with what stands beside them."""

    medoids: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    """(class, ((row, images that it stands for), …)), the largest clusters first; CRUST's idea of the class."""
    unlisted: int
    """Classes with medoids that are not shown."""
    far: tuple[tuple[int, float], ...]
    """(row, distance), the farthest first; LIMIT's."""
    dissection: tuple[dict[str, Any], ...]
    """Twentieths of the images by SLN's loss: ``samples``, ``mean_loss``, ``agreement``."""

    @property
    def rows(self) -> list[int]:
        """Every row that is shown."""
        return [row for _, found in self.medoids for row, _ in found] + [row for row, _ in self.far]


def look_into(audit: Audit) -> Insight:
    """The rows and bins that ``audit`` holds of the three."""
    medoids = list[tuple[str, tuple[tuple[int, int], ...]]]()
    if {"crust_medoid", "crust_cluster_size"} <= {*audit.shown}:
        taken, size = np.asarray(audit.shown_values("crust_medoid")), audit.shown_values("crust_cluster_size")
        for label, name in enumerate(audit.samples.classes):
            own = np.flatnonzero((audit.samples.labels == label) & (taken > 0))
            largest = own[np.argsort(-size[own], kind="stable")[:_OF_EACH]]
            if len(largest):
                medoids.append((name, tuple((int(row), int(size[row])) for row in largest)))
    far: tuple[tuple[int, float], ...] = ()
    if "limit_distance" in audit.shown:
        distance = audit.shown_values("limit_distance")
        far = tuple((int(row), float(distance[row])) for row in np.argsort(-distance, kind="stable")[:_FAR])
    return Insight(
        medoids=tuple(medoids[:_CLASSES]),
        unlisted=max(0, len(medoids) - _CLASSES),
        far=far,
        dissection=tuple(audit.evidence["sln"].tables.get("dissection", ())) if "sln" in audit.evidence else (),
    )
