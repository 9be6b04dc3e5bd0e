"""Minimum entropy: predictions are pushed to be sure of themselves.

Grandvalet and Bengio, "Semi-supervised Learning by Entropy Minimization", NeurIPS 2004, as compared in Bar, Drory and
Giryes, AISTATS 2022: adds c·H(p), differentiated in full. Of a sample whose label contradicts the rest this favours the
class that the network already prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods import Batch, Between
from labelaudit.regularizers._interface import ForwardPass, Regularizer


@dataclass(kw_only=True)
class MinimumEntropy(Regularizer):
    """Adds the mean prediction entropy of every network to the loss."""

    coefficient: Annotated[float, Between(0, 100), "weight of the entropy; the paper uses .5 to 2"] = 0.5

    def penalty(self, passes: Sequence[ForwardPass], batch: Batch) -> Tensor | None:  # noqa: ARG002
        entropies = [-(p.logits.softmax(-1) * p.logits.log_softmax(-1)).sum(-1).mean(-1).sum() for p in passes]
        return self.coefficient * torch.stack(entropies).sum() if entropies else None
