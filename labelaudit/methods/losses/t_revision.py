"""T-Revision: samples weighted by how likely their label is the true one, under a noise matrix that is learned on.

Xia et al., "Are Anchor Points Really Indispensable in Label-Noise Learning?", NeurIPS 2019: cross-entropy of the clean
prediction times p_y / ((T̂ + ΔT)ᵀp)_y, the importance of a noisy sample for the clean distribution. T̂ comes from
anchors (see `forward`) and ΔT, which starts at zero, is learned together with the network. Where this leaves the paper:
the stages that first train on forward correction are one warm-up on cross-entropy, ΔT has an Adam of its own, and
weights are cut at a hundred, since a revised entry close to zero has no bound. Suspicion: ranks of the mean margin,
sign turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, FitContext, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.losses._transitions import TransitionCorrection
from labelaudit.networks import Network

_LEAST, _MOST = 1e-6, 100.0


@dataclass(kw_only=True)
class TransitionRevision(TransitionCorrection):
    """The importance is part of what is differentiated, or ΔT would learn nothing."""

    revision: Annotated[float, Between(0, 1), "learning rate of the revision of T; 0 = none"] = 1e-4

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._change = torch.zeros(len(fit.trained), fit.classes, fit.classes, device=fit.labels.device)
        self._change.requires_grad_()
        self._optimizer = torch.optim.Adam([self._change], self.revision)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        if self._transition is None:
            return entropy
        fold = torch.arange(len(batch.y), device=batch.y.device).unsqueeze(1)
        causes = (self._transition + self._change)[fold, :, batch.y]  # (F, B, C): T_iy over i
        given = (causes * logits.softmax(-1)).sum(-1).clamp(min=_LEAST)
        return (torch.exp(-entropy) / given).clamp(max=_MOST) * entropy

    def after_step(self, networks: Sequence[Network]) -> None:  # noqa: ARG002
        if self._change.grad is not None:
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
