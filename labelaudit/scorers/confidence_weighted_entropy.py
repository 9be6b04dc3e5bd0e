"""Entropy of the prediction over the probability of the given label (Northcutt et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_TINY = 1e-6


def score(labels: npt.NDArray[Any], probs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 - log(1 + r) / r with r = H(p) / (log C · p_y): (n,) in [0, 1], 1 = surely mislabeled.

    Weak on its own: a confident wrong prediction has no entropy, and a sample that is hard for everybody has much.
    """
    p = probs.astype(np.float64)
    given = np.clip(p[np.arange(len(labels)), labels], _TINY, None)
    entropy = -(p * np.log(np.clip(p, np.finfo(np.float64).tiny, None))).sum(1) / np.log(p.shape[1])
    ratio = np.clip(entropy / given, _TINY, None)
    return np.asarray(np.clip(1 - np.log1p(ratio) / ratio, 0, 1), dtype=np.float64)
