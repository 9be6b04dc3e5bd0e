"""Small-loss selection: mask of kept samples, and schedule R(t) of the kept share.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels", NeurIPS 2018: networks
fit clean samples first, so a share ε of the largest losses is given up, growing from 0 to ε over the first epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import FitContext, Method, Predict
from labelaudit.methods._options import Between


@dataclass(kw_only=True)
class SmallLoss(Method):
    """The schedule R(t) = 1 - ε·min(t / T_k, 1)."""

    noise: Annotated[float, Between(0, 0.99), "share of wrong labels to expect; the papers are told the true one"] = 0.2
    ramp: Annotated[int | None, Between(1, 10_000), "epochs until it is given up in full; auto: 10, at most half"] = (
        None
    )

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._ramp = max(1, min(10, fit.epochs // 2)) if self.ramp is None else self.ramp
        self.kept = 1.0

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:  # noqa: ARG002
        self.kept = 1 - self.noise * min(epoch / self._ramp, 1)
        return None


def small_loss_mask(loss: Tensor, share: float) -> Tensor:
    """1 for the ``share`` of smallest losses (..., B) of each batch, at least one, else 0; ties go to the earlier."""
    count = max(1, int(share * loss.shape[-1] + 1e-6))
    chosen = loss.detach().argsort(dim=-1, stable=True)[..., :count]
    return torch.zeros_like(loss).scatter(-1, chosen, 1.0)


def mean_over(mask: Tensor) -> Tensor:
    """``mask`` (..., B) scaled so that a mean over the batch becomes the mean over the masked, 0 where none is."""
    return mask / mask.mean(-1, keepdim=True).clamp(min=1e-6)
