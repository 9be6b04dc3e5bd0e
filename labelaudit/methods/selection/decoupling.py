"""Decoupling: two networks that learn only from samples on which they disagree.

Malach and Shalev-Shwartz, "Decoupling 'when to update' from 'how to update'", NeurIPS 2017, Algorithm 1: wrong labels
go on disturbing a network that has learned the rest, so it should stop looking where there is nothing left to learn,
which is where an independent network says the same. Both take a step on the mean cross-entropy of the samples of a
batch for which their predictions differ, and none where they differ nowhere. A warm-up on all samples comes first, as
in the paper's experiment, because the fits here are short. Suspicion: ranks of the first network's mean margin, sign
turned; ``disagreement`` is the share of the epochs after which the two predicted different classes.
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
class Decoupling(Method):
    """Networks: two that differ in their initialisation alone."""

    networks: ClassVar[int] = 2

    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, on all samples"] = 0.5

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._everyone = True

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:  # noqa: ARG002
        self._everyone = epoch < int(self.warmup * self.fit.epochs)
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        if self._everyone:
            return entropy
        first, second = logits.argmax(-1)
        return entropy * mean_over((first != second).to(entropy.dtype))

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        first, second = logits.argmax(-1)
        return {"disagreement": (first != second).float()}
