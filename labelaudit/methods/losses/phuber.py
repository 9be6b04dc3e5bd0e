"""PHuber-CE: cross-entropy that turns linear where the given label is improbable, so its gradient stays bounded.

Menon, Rawat, Reddi and Kumar, "Can Gradient Clipping Mitigate Label Noise?", ICLR 2020, the partially Huberised
cross-entropy: -log p_y where p_y > 1/τ, else -τ·p_y + log τ + 1, with equal value and slope at 1/τ. Suspicion: ranks of
the mean margin, sign turned. The default τ is the one SLN's experiments use for class-dependent noise; they use 2 for
symmetric noise on 10 classes and 30 for 100 classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, Method, cross_entropy
from labelaudit.methods._options import Between


@dataclass(kw_only=True)
class PartiallyHuberised(Method):
    """Cross-entropy, clipped."""

    tau: Annotated[float, Between(1, 1e6), "largest slope in p_y: linear where p_y is at most 1/tau"] = 10.0

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        linear = math.log(self.tau) + 1 - self.tau * torch.exp(-entropy)
        return torch.where(entropy < math.log(self.tau), entropy, linear)
