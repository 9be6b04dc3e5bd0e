"""Mislabel scores computed from a model's probabilities alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def self_confidence(labels: npt.NDArray[Any], probs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """One minus the probability of the given label (Northcutt et al. 2021): (n,) in [0, 1], 1 = surely mislabeled.

    ``labels`` are (n,) codes, ``probs`` (n, C) out of sample.

    >>> self_confidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])).round(2).tolist()
    [0.1, 0.8]
    """
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(np.clip(1 - given, 0, 1), dtype=np.float64)
