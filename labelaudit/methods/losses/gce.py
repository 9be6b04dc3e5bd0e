"""GCE: generalised cross-entropy, between cross-entropy and MAE, then without the samples that stay improbable.

Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", NeurIPS 2018.
L_q = (1 - p_y^q) / q (Section 3.2) is cross-entropy as q goes to 0 and half of MAE at q = 1. Truncated (Section 3.3),
it is the constant (1 - k^q) / q where p_y ≤ k and has no gradient there: as in Algorithm 1, those samples are left out,
decided anew every few epochs from a share of the training on. Deviation: a class that would lose all its samples keeps
them. Suspicion: ranks of the mean margin, sign turned; ``pruned`` is the share of the later epochs in which the sample
was left out, or would have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy, given_probability
from labelaudit.methods._options import Between


@dataclass(kw_only=True)
class GeneralizedCrossEntropy(Method):
    """The loss is in `loss`, the truncation in `sample_weights`."""

    q: Annotated[float, Between(0.001, 1), "near 0 = cross-entropy, 1 = MAE"] = 0.7
    truncation: Annotated[float, Between(0, 0.999), "samples with p_y up to this are left out; 0 = never"] = 0.5
    start: Annotated[float, Between(0, 1), "share of the epochs that train on all samples first"] = 0.5
    every: Annotated[int, Between(1, 1000), "epochs between decisions on who is left out"] = 2

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._first = int(self.start * fit.epochs)
        self._kept: Tensor | None = None  # (F, n) bool

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if self.truncation and epoch >= self._first and (epoch - self._first) % self.every == 0 and epoch > 0:
            self._kept = self._keep(given_probability(predict()[0], self.fit.labels) > self.truncation)
        return None if self._kept is None else self._kept.float()

    def _keep(self, probable: Tensor) -> Tensor:
        """(F, n) bool: those who are ``probable``, and whole classes of which no training sample is."""
        labels = self.fit.labels.expand_as(probable)
        probable_of_class = torch.zeros(len(probable), self.fit.classes, device=probable.device)
        probable_of_class.scatter_add_(1, labels, (probable & self.fit.trained).float())
        return probable | (probable_of_class == 0).gather(1, labels)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return -torch.expm1(-self.q * cross_entropy(logits, batch.y)) / self.q

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        if self._kept is None:
            return {}
        return {"pruned": 1.0 - self._kept.float()}
