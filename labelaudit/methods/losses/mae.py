"""MAE: the mean absolute error, whose gradient fades for samples the network finds impossible.

Ghosh, Kumar and Sastry, "Robust Loss Functions under Label Noise for Deep Neural Networks", AAAI 2017: the loss ‖e_y -
p‖₁ = 2(1 - p_y) summed over all labels is a constant, so symmetric noise does not move its minimum (Theorem 1). Its
logit gradient 2p_y(p - e_y) also fades for samples that are merely hard, and for all of them when there are many
classes: it learns slowly, hence the larger learning rate. Suspicion: ranks of the mean margin, sign turned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from labelaudit.methods._interface import Batch, Method, Recipe, given_probability


@dataclass(kw_only=True)
class MeanAbsoluteError(Method):
    """2(1 - p_y), bounded by 2."""

    recipes: ClassVar[Mapping[str, Recipe]] = {
        "features": Recipe(epochs=12, batch=256, lr=3e-3),
        "pixels": Recipe(epochs=10, batch=64, lr=3e-3),
    }

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return 2 * (1 - given_probability(logits, batch.y))
