"""DMI: maximise the determinant of the matrix of given labels against predictions, to which noise is only a factor.

Xu, Cao, Kong and Wang, "L_DMI: A Novel Information-theoretic Loss Function for Training Deep Nets Robust to Label
Noise", NeurIPS 2019: -log |det U| with U = (1/B)·E_yᵀP, the joint distribution of given label and prediction. Noise
that depends on the class multiplies det U by det T, a constant. Training starts with cross-entropy, as in the paper,
for a share of the epochs. Suspicion: ranks of the mean margin, sign turned.

Where this leaves the paper: U is the running mean over as many batches as it takes to hold ten samples per class (the
current batch alone where it is that large), because the determinant of a batch without a class is zero; its rows are
divided by their sums, a class the fold does not have becomes a row of the identity, and a small multiple of the
identity keeps the gradient U⁻ᵀ finite, where the released code adds 1e-3 to the determinant and has no gradient for
many classes. The loss is a property of the batch, which every sample of it is given in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy
from labelaudit.methods._options import Between

_PER_CLASS = 10


@dataclass(kw_only=True)
class DeterminantInformation(Method):
    """`sample_weights` begins the running matrix from all training samples, `loss` moves it on by a batch."""

    leading: ClassVar[tuple[str, ...]] = ("warmup",)

    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, on cross-entropy"] = 0.5
    ridge: Annotated[float, Between(1e-6, 1), "multiple of the identity that keeps the matrix invertible"] = 0.01

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._first = int(self.warmup * fit.epochs)
        self._joint: Tensor | None = None  # (F, C, C)

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch == self._first:
            labels = self.fit.labels.expand(self.fit.trained.shape)
            self._joint = joint(predict()[0].softmax(-1), labels, self.fit.trained.float())
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if self._joint is None:
            return cross_entropy(logits, batch.y)
        share = min(1.0, batch.y.shape[1] / (_PER_CLASS * self.fit.classes))
        running = (1 - share) * self._joint + share * joint(logits[0].softmax(-1), batch.y, batch.weight)
        self._joint = running.detach()
        return determinant_loss(running, ridge=self.ridge).view(1, -1, 1).expand(1, *batch.y.shape)


def joint(probs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """U (F, C, C), row = given label, column = predicted class, from probs (F, B, C), y and weight (F, B)."""
    with torch.autocast(probs.device.type, enabled=False):  # bfloat16 is too coarse for a determinant
        onehot = functional.one_hot(y, probs.shape[-1]).to(probs.dtype) * weight.unsqueeze(-1)
        return onehot.transpose(1, 2) @ probs / weight.sum(1).clamp(min=1e-12).view(-1, 1, 1)


def determinant_loss(matrix: Tensor, *, ridge: float) -> Tensor:
    """-log |det| (F,) of the rows of U (F, C, C) divided by their sums, plus ``ridge``·I.

    Rows of zeros become the identity's. The logarithm is that of the factorisation's diagonal, never of the
    determinant, which float32 cannot hold.
    """
    identity = torch.eye(matrix.shape[-1], device=matrix.device, dtype=matrix.dtype)
    total = matrix.sum(-1, keepdim=True)
    rows = torch.where(total > 0, matrix / total.clamp(min=1e-12), identity)
    logarithm: Tensor = torch.linalg.slogdet(rows + ridge * identity).logabsdet
    return -logarithm
