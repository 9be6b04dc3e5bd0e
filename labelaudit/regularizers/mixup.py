"""Mixup: train on convex combinations of two samples and their labels.

Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018: x̂ = λx + (1 - λ)x' with λ
~ Beta(α, α), drawn for each sample here and x' from the same batch. The loss λ·ℓ(x̂, y) + (1 - λ)·ℓ(x̂, y') is that of
a batch which holds x̂ twice, once under each label with that weight, so any method's loss can be mixed; a step costs
twice as much. Methods that look across a batch (co-teaching, SIGUA, DMI) meet each mixed image once per label.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from labelaudit.methods import Batch, Between, draw_beta
from labelaudit.regularizers._interface import Regularizer


@dataclass(kw_only=True)
class Mixup(Regularizer):
    """Twice the batch, at half the weight each on average."""

    alpha: Annotated[float, Between(0.01, 100), "Beta(a, a): near 0 hardly mixed, 1 uniform"] = 0.3

    def transform(self, batch: Batch) -> Batch:
        shape, device = batch.y.shape, batch.y.device
        partner = torch.rand(shape, generator=self.generator, device=device).argsort(1)  # a permutation in each fold
        share = draw_beta(self.alpha, shape, self.generator)
        fold = torch.arange(shape[0], device=device).unsqueeze(1)
        wide = share.view(*shape, *[1] * (batch.x.ndim - 2))
        mixed = wide * batch.x + (1 - wide) * batch.x[fold, partner]
        return replace(
            batch,
            x=torch.cat([mixed, mixed], dim=1),
            y=torch.cat([batch.y, batch.y[fold, partner]], dim=1),
            index=torch.cat([batch.index, batch.index[fold, partner]], dim=1),
            weight=2 * torch.cat([share * batch.weight, (1 - share) * batch.weight[fold, partner]], dim=1),
        )
