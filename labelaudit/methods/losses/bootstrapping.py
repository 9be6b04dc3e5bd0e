"""Bootstrapping: the target is part given label, part what the network itself predicts.

Reed et al., "Training Deep Neural Networks on Noisy Labels with Bootstrapping", ICLR 2015 workshop, Section 3.
Cross-entropy against β·e_y + (1 - β)·p (soft) or β·e_y + (1 - β)·onehot(argmax p) (hard). The soft target is part of
what is differentiated, which makes it cross-entropy with minimum-entropy regularisation, as the paper says; the hard
one is constant. Suspicion: ranks of the mean margin, sign turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor

from labelaudit.methods._interface import Batch, Method, cross_entropy
from labelaudit.methods._options import Between


@dataclass(kw_only=True)
class Bootstrapping(Method):
    """The network's own opinion enters the target in every step."""

    form: Annotated[Literal["hard", "soft"], "the predicted class, or the probabilities, enter the target"] = "hard"
    beta: Annotated[float | None, Between(0, 1), "share of the given label; auto: .8 hard, .95 soft (paper)"] = None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        given = cross_entropy(logits, batch.y)
        if self.form == "soft":
            beta, own = 0.95, -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)
        else:
            beta, own = 0.8, -logits.log_softmax(-1).amax(-1)
        beta = beta if self.beta is None else self.beta
        return beta * given + (1 - beta) * own
