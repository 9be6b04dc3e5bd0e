"""Estimates the transition matrix, how often each true class is given as each other one, from a network's
probabilities.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR 2017, Section 3.4:
the probabilities of a sample that surely is of class i, its anchor, are row i of the matrix T with T_ij = P(ỹ=j | y=i).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from labelaudit.methods._interface import FitContext, Method, Predict
from labelaudit.methods._options import Between


@dataclass(kw_only=True)
class TransitionCorrection(Method):
    """Cross-entropy for a while, then one estimate of T per fold: what the corrections by T have in common."""

    leading: ClassVar[tuple[str, ...]] = ("warmup",)

    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, on cross-entropy to estimate T"] = 0.5
    passed: Annotated[float, Between(0, 0.5), "share of the samples passed over as too sure to be an anchor"] = 0.03

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._first = int(self.warmup * fit.epochs)
        self._transition: Tensor | None = None  # (F, C, C)

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch == self._first:
            probs = predict()[0].softmax(-1)
            self.correct(anchor_rows(probs, self.fit.labels, self.fit.trained, passed=self.passed))
        return None

    def correct(self, transition: Tensor) -> None:
        """From now on by T (F, C, C)."""
        self._transition = transition


def anchor_rows(probs: Tensor, labels: Tensor, trained: Tensor, *, passed: float) -> Tensor:
    """T (F, C, C) from probs (F, n, C), labels (n,) and whom each fold trains on (F, n).

    Row i is the probabilities of the training sample that is surest of class i after a share ``passed`` of all, but of
    at most half as many as are labelled i: with many classes a fixed share would pass over the class itself. The row
    of a class that no training sample of the fold is given is that of the identity.
    """
    folds, _, classes = probs.shape
    transition = torch.eye(classes, device=probs.device).repeat(folds, 1, 1)
    for fold in range(folds):
        own = probs[fold, trained[fold]]  # (m, C)
        counts = torch.bincount(labels[trained[fold]], minlength=classes)
        skipped = (counts // 2).clamp(max=int(passed * len(own)))
        anchors = own.argsort(dim=0, descending=True, stable=True).gather(0, skipped.unsqueeze(0)).squeeze(0)  # (C,)
        transition[fold] = torch.where(counts.unsqueeze(1) > 0, own[anchors], transition[fold])
    return transition
