"""SIGUA: gradient descent on samples of small loss, and a little gradient ascent on the others.

Han et al., "SIGUA: Forgetting May Make Learning with Noisy Labels More Robust", ICML 2020, Algorithm 2 (SIGUA_SL): the
share R(t) = 1 - ε·min(t / T_k, 1) of smallest losses in a batch is learned, the rest is unlearned with weight -γ, which
undoes what was memorised. The batch mean of both is minimised; γ = .001 is the value of SLN's experiments. A loss that
climbs has no bound: keep γ small. Suspicion: ranks of the mean margin, sign turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from labelaudit.methods._interface import Batch, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.selection._small_loss import SmallLoss, small_loss_mask


@dataclass(kw_only=True)
class Sigua(SmallLoss):
    """Learning and forgetting in one step."""

    gamma: Annotated[float, Between(0, 1), "weight of the ascent on large losses"] = 0.001

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        easy = small_loss_mask(entropy, self.kept)
        return entropy * (easy - self.gamma * (1 - easy))
