"""Forward correction: the network's prediction is passed through the estimated noise before it meets the label.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR 2017, Theorem 2:
the loss -log (Tᵀp)_y of a network that predicts the true class has the minimiser that -log p_y has on clean labels. T
is estimated from anchors (Section 3.4) after a share of the epochs on plain cross-entropy. Where this leaves the paper:
training goes on with the network that estimated T, instead of starting anew; T is estimated in every fold. Suspicion:
ranks of the mean margin of the *true* class's network, sign turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, cross_entropy
from labelaudit.methods.losses._transitions import TransitionCorrection

_LEAST = 1e-10  # an entry of T; the released codes clamp probabilities there


@dataclass(kw_only=True)
class ForwardCorrection(TransitionCorrection):
    """Prediction, noise, label."""

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if self._transition is None:
            return cross_entropy(logits, batch.y)
        fold = torch.arange(len(batch.y), device=batch.y.device).unsqueeze(1)
        causes = self._transition.clamp(min=_LEAST).log()[fold, :, batch.y]  # (F, B, C): log T_iy over i
        return -(logits.log_softmax(-1) + causes).logsumexp(-1)
