"""Label smoothing: a little of every target goes to all classes alike.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, Section 7: the target (1 -
α)·e_y + α/C. Cross-entropy against it is cross-entropy plus α·(mean_k(-log p_k) + log p_y), and that difference is what
is added, so that it composes with other losses, where it is the same pull away from the given label. Networks that a
method keeps from seeing labels (LIMIT's classifier) feel it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods import Batch, Between, cross_entropy
from labelaudit.regularizers._interface import ForwardPass, Regularizer


@dataclass(kw_only=True)
class LabelSmoothing(Regularizer):
    """Exact for cross-entropy, weighted as the batch is."""

    alpha: Annotated[float, Between(0, 1), "share of the target that is spread over all classes"] = 0.1

    def penalty(self, passes: Sequence[ForwardPass], batch: Batch) -> Tensor | None:
        pulls = [
            (batch.weight * (-passed.logits.log_softmax(-1).mean(-1) - cross_entropy(passed.logits, batch.y)))
            for passed in passes
            if passed.logits.shape[:2] == batch.y.shape
        ]
        return self.alpha * torch.stack(pulls).mean(-1).sum() if pulls else None
