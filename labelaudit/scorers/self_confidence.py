"""One minus the probability of the given label (Northcutt et al. 2021, "self-confidence")."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def score(labels: npt.NDArray[Any], probs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 - p_y: (n,) in [0, 1], 1 = surely mislabeled, from labels (n,) and out-of-sample probs (n, C)."""
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(np.clip(1 - given, 0, 1), dtype=np.float64)
