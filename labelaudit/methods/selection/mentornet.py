"""MentorNet in its percentile form: samples whose loss is above a moving percentile do not count.

Jiang, Zhou, Leung, Li and Fei-Fei, "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural Networks on
Corrupted Labels", ICML 2018: a mentor weighs the samples of its student. The simplest mentor, the self-paced curriculum
that the learned ones are compared with, is v = 1 where the loss is at most λ, else 0, with λ the moving average over
batches of a percentile of the loss. Before that, all count for a share of the epochs. Left out: mentors that are
networks, trained on data with known labels. Suspicion: ranks of the mean margin, sign turned; ``discounted`` is the
share of the epochs after the warm-up in which the sample's loss was above λ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.selection._small_loss import mean_over


@dataclass(kw_only=True)
class MentorNet(Method):
    """One threshold per fold, moved on by every batch."""

    leading: ClassVar[tuple[str, ...]] = ("warmup",)

    percentile: Annotated[float, Between(0.01, 1), "share of the losses of a batch that lie below the threshold"] = 0.8
    decay: Annotated[float, Between(0, 0.999), "of the moving average of thresholds"] = 0.9
    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, in which all samples count"] = 0.2

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._everyone = True
        self._threshold: Tensor | None = None  # (F, 1)

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:  # noqa: ARG002
        self._everyone = epoch < int(self.warmup * self.fit.epochs)
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        now = entropy.detach()[0].quantile(self.percentile, dim=-1, keepdim=True)  # (F, 1)
        before = now if self._threshold is None else self._threshold
        self._threshold = self.decay * before + (1 - self.decay) * now
        if self._everyone:
            return entropy
        return entropy * mean_over((entropy.detach() <= self._threshold).to(entropy.dtype))

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        if self._everyone or self._threshold is None:
            return {}
        return {"discounted": (cross_entropy(logits[0], self.fit.labels) > self._threshold).float()}
