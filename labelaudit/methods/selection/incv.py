"""INCV: keep the samples whose label a network trained without them predicts, then co-teach on those.

Chen, Liao, Chen and Zhang, "Understanding and Utilizing Deep Neural Networks Trained with Noisy Labels", ICML 2019: the
training data is split at random, a network is trained on each half, and a sample is selected if the network of the
*other* half predicts its given label. Then both networks co-teach (see `co_teaching`) on the selected samples alone.
Where this leaves the paper: one iteration of the cross-validation instead of several, the second stage goes on with the
networks of the first, and the share given up there is what the selection has not already left out. Suspicion: ranks of
the first network's mean margin over the second stage, sign turned; ``rejected`` is 1 where the cross-validation did not
select a sample that a fit trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.selection._small_loss import mean_over, small_loss_mask


@dataclass(kw_only=True)
class IterativeCrossValidation(Method):
    """Networks: one for each half, then two peers."""

    networks: ClassVar[int] = 2
    leading: ClassVar[tuple[str, ...]] = ("warmup",)

    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, on halves"] = 0.5
    noise: Annotated[float, Between(0, 0.99), "share of wrong labels to expect"] = 0.2
    burn_in: Annotated[float, Between(0, 0.95), "share of the epochs, at the start, left out of averaged columns"] = 0.5

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        shape, device = fit.trained.shape, fit.labels.device
        self._first = int(self.warmup * fit.epochs)
        self._half = (torch.rand(shape, generator=fit.generator, device=device) < 0.5).long()  # (F, n) whose half
        self.selected: Tensor | None = None  # (F, n) bool
        self._kept = torch.ones(shape[0], device=device)  # (F,) share of the selected that is learned

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch >= self._first and self.selected is None:
            agrees = predict().argmax(-1) == self.fit.labels  # (K, F, n)
            self.selected = torch.where(self._half == 0, agrees[1], agrees[0])
            trained = self.fit.trained.sum(1)
            rejected = (self.fit.trained & ~self.selected).sum(1) / trained
            left = (self.noise - rejected).clamp(min=0) / (1 - rejected).clamp(min=1e-6)
            self._kept = (1 - left).clamp(min=0, max=1)
        return None if self.selected is None else self.selected.float()

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        if self.selected is None:
            half = self._half.gather(1, batch.index)
            return entropy * mean_over(torch.stack([half == 0, half == 1]).to(entropy.dtype))
        easy = [small_loss_mask(entropy[:, fold], share) for fold, share in enumerate(self._kept.tolist())]
        return entropy * mean_over(torch.stack(easy, dim=1)).flip(0)

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        if self.selected is None:
            return {}
        return {"rejected": torch.where(self.fit.trained, (~self.selected).float(), torch.nan)}
