"""Backward correction: the losses of all labels, weighted so that on average over the noise the true one remains.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR 2017, Theorem 1:
the loss Σ_j (T⁻¹)_yj·(-log p_j) is unbiased. It may be negative and has no lower bound: a label that T⁻¹ weighs
negatively is pushed to probability zero for ever, which is why the paper and we prefer the forward correction. T is
estimated as there, then mixed with a share of the identity, since the inverse of an estimate close to singular would
amplify its errors; a matrix that is singular all the same has its pseudo-inverse taken. Suspicion: ranks of the mean
margin, sign turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.losses._transitions import TransitionCorrection


@dataclass(kw_only=True)
class BackwardCorrection(TransitionCorrection):
    """Label, inverse noise, prediction."""

    identity: Annotated[float, Between(0, 1), "share of the identity mixed into T; 1 = cross-entropy"] = 0.2

    def correct(self, transition: Tensor) -> None:
        mixed = (1 - self.identity) * transition + self.identity * torch.eye(self.fit.classes, device=transition.device)
        self._transition = torch.linalg.pinv(mixed, rtol=1e-3)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if self._transition is None:
            return cross_entropy(logits, batch.y)
        shares = self._transition.gather(1, batch.y.unsqueeze(-1).expand(-1, -1, self.fit.classes))  # (F, B, C)
        return -(shares * logits.log_softmax(-1)).sum(-1)
