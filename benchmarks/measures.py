"""How well a ranking and a choice of suspects find the wrong labels, and tables of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def ranking(suspicion: npt.NDArray[Any], wrong: Flags) -> dict[str, Any]:
    """AUROC, average precision, precision of the first 100, best F1 of any threshold; nothing where none is wrong."""
    if not wrong.any():
        return {}
    order = np.argsort(-suspicion, kind="stable")
    hits = np.cumsum(wrong[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + wrong.sum())
    return {
        "auroc": float(roc_auc_score(wrong, suspicion)),
        "ap": float(average_precision_score(wrong, suspicion)),
        "p100": float(wrong[order[:100]].mean()),
        "best_f1": float(f1.max()),
    }


def flags(flagged: Flags, wrong: Flags) -> dict[str, Any]:
    """Share flagged, precision, recall and F1 of a flag set."""
    hit = float((flagged & wrong).sum())
    return {
        "flagged": float(flagged.mean()),
        "precision": hit / max(float(flagged.sum()), 1.0),
        "recall": hit / max(float(wrong.sum()), 1.0),
        "f1": 2 * hit / max(float(flagged.sum() + wrong.sum()), 1.0),
    }
