"""D2L: when the representation starts to gain dimensions, targets shift from the given labels to the predictions.

Ma et al., "Dimensionality-Driven Learning with Noisy Labels", ICML 2018: the local intrinsic dimensionality (LID) of
the last hidden layer falls while a network learns and rises when it fits wrong labels. LID is the maximum-likelihood
estimate -1 / mean_i log(r_i / r_k) from the distances to the k nearest samples of the same batch, averaged over the
epoch. Once it exceeds the mean of the epochs so far by two standard deviations, the target becomes α·e_y + (1 - α)·p
with α = exp(-(t / T)·LID_t / min LID) and p constant. Where this leaves the paper: the window for the turning point is
all epochs so far instead of twelve, at least three, because the fits here are short, and training is not taken back to
the epoch before. Suspicion: ranks of the mean margin, sign turned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Network

_FEWEST_EPOCHS = 3


@dataclass(kw_only=True)
class DimensionalityDriven(Method):
    """`step` measures the dimensionality on its way, `sample_weights` decides from the epoch's mean."""

    neighbors: Annotated[int, Between(2, 1000), "of the same batch, for the dimensionality; fewer in a small batch"] = (
        20
    )

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        folds = len(fit.trained)
        self._sum, self._batches = torch.zeros(folds, device=fit.labels.device), 0
        self._history: list[list[float]] = [[] for _ in range(folds)]  # mean LID of each epoch
        self._turned = [False] * folds
        self.share = torch.ones(folds, 1, device=fit.labels.device)  # α

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:  # noqa: ARG002
        if self._batches:
            for fold, lid in enumerate((self._sum / self._batches).tolist()):
                past = self._history[fold]
                self._turned[fold] |= dimension_rises(past, lid)
                past.append(lid)
                if self._turned[fold]:
                    self.share[fold] = math.exp(-epoch / self.fit.epochs * lid / max(min(past), 1e-6))
            self._sum.zero_()
            self._batches = 0
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        predicted = -(logits.softmax(-1).detach() * logits.log_softmax(-1)).sum(-1)
        return self.share * cross_entropy(logits, batch.y) + (1 - self.share) * predicted

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        heard: list[Tensor] = []
        hook = networks[0].body.register_forward_hook(lambda _module, _args, hidden: heard.append(hidden.detach()))
        try:
            total = super().step(networks, batch)
        finally:
            hook.remove()
        self._sum += dimensionality(heard[0].float(), self.neighbors).mean(-1)
        self._batches += 1
        return total


def dimensionality(hidden: Tensor, neighbors: int) -> Tensor:
    """(F, B) maximum-likelihood LID of hidden (F, B, d) among the k nearest others of the batch.

    Where neighbours coincide with the sample, or all lie at one distance, it is 0 or infinite; both are capped.
    """
    k = min(neighbors, hidden.shape[1] - 1)
    if k < 2:
        return torch.ones(hidden.shape[:2], device=hidden.device)
    distances = torch.cdist(hidden, hidden, compute_mode="donot_use_mm_for_euclid_dist")
    distances.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    nearest = distances.topk(k, largest=False).values.clamp(min=1e-12)  # (F, B, k), ascending
    spread = -(nearest / nearest[..., -1:]).log().mean(-1)
    return (1 / spread.clamp(min=1e-6)).clamp(max=1e3)


def dimension_rises(past: Sequence[float], now: float) -> bool:
    """Whether ``now`` lies more than two standard deviations above the mean of at least three epochs.

    >>> dimension_rises([5.0, 4.0, 3.0], 5.0), dimension_rises([5.0, 4.0, 3.0], 6.0), dimension_rises([5.0, 4.0], 9.0)
    (False, True, False)
    """
    if len(past) < _FEWEST_EPOCHS:
        return False
    mean = sum(past) / len(past)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in past) / len(past))
    return now > mean + 2 * deviation
