"""Co-teaching: two networks, each learning only from the samples its peer finds easy.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels", NeurIPS 2018, Algorithm
1: in each batch every network picks the share R(t) = 1 - ε·min(t / T_k, 1) of smallest losses, and its peer takes a
step on the mean cross-entropy of those. Errors that one network has memorised are not those of the other. ε is told to
the paper's code; here it is an option. Suspicion: ranks of the first network's mean margin, sign turned, as the paper
reports one network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from labelaudit.methods._interface import Batch, cross_entropy
from labelaudit.methods.selection._small_loss import SmallLoss, mean_over, small_loss_mask


@dataclass(kw_only=True)
class CoTeaching(SmallLoss):
    """Networks: two peers that differ in their initialisation alone."""

    networks: ClassVar[int] = 2

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        return entropy * mean_over(small_loss_mask(entropy, self.kept)).flip(0)
