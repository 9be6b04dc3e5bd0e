"""Calibration of a model: the expected calibration error and the table behind it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def reliability(probs: Tensor, labels: Tensor, bins: int = 15) -> list[dict[str, Any]]:
    """Samples by confidence, in ``bins`` of equal width (low, high], the first one with 0; empty bins are left out.

    ``probs`` (n, C), ``labels`` (n,). Confidence is the largest probability, accuracy how often it is the label's.

    >>> reliability(torch.tensor([[0.9, 0.1], [0.7, 0.3]]), torch.tensor([0, 1]), bins=1)[0]["accuracy"]
    0.5
    """
    confidence, predicted = probs.double().max(-1)
    right = (predicted == labels).double()
    place = (confidence * bins).ceil().long().sub(1).clamp(0, bins - 1)
    counts = torch.bincount(place, minlength=bins)
    sure = torch.bincount(place, weights=confidence, minlength=bins) / counts.clamp(min=1)
    hit = torch.bincount(place, weights=right, minlength=bins) / counts.clamp(min=1)
    rows = enumerate(zip(counts.tolist(), sure.tolist(), hit.tolist(), strict=True))
    return [
        {"low": b / bins, "high": (b + 1) / bins, "samples": samples, "confidence": mean, "accuracy": share}
        for b, (samples, mean, share) in rows
        if samples
    ]


def expected_calibration_error(probs: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Σ_m |B_m| / n · |accuracy(B_m) - confidence(B_m)| in [0, 1], 0 = calibrated, as GNI measures it (Section 4).

    ``probs`` (n, C), ``labels`` (n,). The paper does not say how many bins; 15 of equal width is what is usual.

    >>> expected_calibration_error(torch.tensor([[0.75, 0.25]] * 4), torch.tensor([0, 0, 0, 1]))
    0.0
    """
    rows = reliability(probs, labels, bins)
    off = sum(row["samples"] * abs(row["accuracy"] - row["confidence"]) for row in rows)
    return float(off / max(len(labels), 1))
