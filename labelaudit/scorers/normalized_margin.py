"""How far the best other class is ahead of the given label (Northcutt et al. 2021, "normalized margin")."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def score(labels: npt.NDArray[Any], probs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(1 - p_y + max_{j≠y} p_j) / 2: (n,) in [0, 1], 1 = surely mislabeled; above 1/2 another class is likelier."""
    row = np.arange(len(labels))
    others = probs.astype(np.float64)
    given = others[row, labels].copy()
    others[row, labels] = -np.inf
    return np.asarray(np.clip((1 - given + others.max(1)) / 2, 0, 1), dtype=np.float64)
