"""Share of the nearest neighbours that carry another label, weighted by similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def score(
    labels: npt.NDArray[Any], neighbors: npt.NDArray[Any], similarities: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Σ_k w_k [y_k ≠ y] / Σ_k w_k, w = max(similarity, 0): (n,) in [0, 1], 1 = no neighbour agrees.

    ``neighbors`` (n, k) are row indices without the sample itself, ``similarities`` (n, k) cosines. A sample that
    resembles nothing (all weights 0) is judged by the unweighted share.
    """
    weight = np.maximum(similarities.astype(np.float64), 0)
    weight[weight.sum(1) == 0] = 1.0
    other = labels[neighbors] != labels[:, None]
    return np.asarray(np.clip((weight * other).sum(1) / weight.sum(1), 0, 1), dtype=np.float64)
