"""DivideMix: two networks tell each other whose labels to trust, and learn the rest without labels.

Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020. After a warm-up on
cross-entropy, a mixture of two Gaussians is fitted to the losses of each network before every epoch (co-divide); the
probability w of the mixture's lower part decides for the *other* network who keeps a label. Those who do get the target
w·e_y + (1 - w)·p (co-refinement), the others the mean prediction of both networks (co-guessing), both sharpened; then
all are mixed up with λ = max(λ, 1 - λ) (MixMatch). Loss: cross-entropy of the labelled, ``lambda_u`` times the squared
error of the others, and a pull of the mean prediction to the uniform one. Where this leaves the paper: one augmentation
per sample instead of two, one batch for both kinds, no confidence penalty in the warm-up. Suspicion: ranks of the first
network's mean margin, sign turned; ``distrust`` is 1 - w, averaged over both networks and the epochs since the warm-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.methods._draws import draw_beta
from labelaudit.methods._interface import Batch, FitContext, Method, Predict, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.methods.selection._small_loss import mean_over
from labelaudit.networks import Network

_ROUNDS, _LEAST_VARIANCE = 30, 5e-4  # of the mixture; the variance floor is the released code's


@dataclass(kw_only=True)
class DivideMix(Method):
    """`sample_weights` divides, `step` mixes."""

    networks: ClassVar[int] = 2
    leading: ClassVar[tuple[str, ...]] = ("warmup",)

    warmup: Annotated[float, Between(0, 1), "share of the epochs, at the start, on cross-entropy"] = 0.4
    threshold: Annotated[float, Between(0, 1), "a label is kept where w is above this"] = 0.5
    temperature: Annotated[float, Between(0.01, 10), "of the sharpening; 1 = none"] = 0.5
    alpha: Annotated[float, Between(0.01, 100), "Beta(a, a) of the mixup; the paper's is 4"] = 4.0
    lambda_u: Annotated[float, Between(0, 1000), "weight of samples without their label; 0 to 150 in the paper"] = 0.0
    balance: Annotated[float, Between(0, 100), "weight of the pull of the mean prediction to the uniform one"] = 1.0

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._trust: Tensor | None = None  # (K, F, n) w by network k's own losses

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch >= int(self.warmup * self.fit.epochs) and epoch > 0:
            self._trust = clean_posterior(cross_entropy(predict(), self.fit.labels), self.fit.trained)
        return None

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        if self._trust is None:
            return super().step(networks, batch)
        trust = self._trust.flip(0)[:, torch.arange(len(batch.y), device=batch.y.device).unsqueeze(1), batch.index]
        with torch.no_grad():
            probs = torch.stack([network(batch.x) for network in networks]).float().softmax(-1)
        target, labelled = self.targets(probs, batch.y, trust)
        total = batch.x.new_zeros(())
        fold = torch.arange(len(batch.y), device=batch.y.device).unsqueeze(1)
        for k, network in enumerate(networks):
            partner = torch.rand(batch.y.shape, generator=self.fit.generator, device=batch.y.device).argsort(1)
            share = draw_beta(self.alpha, batch.y.shape, self.fit.generator)
            share = torch.maximum(share, 1 - share)
            wide = share.view(*share.shape, *[1] * (batch.x.ndim - 2))
            logits = network(wide * batch.x + (1 - wide) * batch.x[fold, partner]).float()
            mixed = share.unsqueeze(-1) * target[k] + (1 - share.unsqueeze(-1)) * target[k][fold, partner]
            total = total + (batch.weight * self._mixed_loss(logits, mixed, labelled[k])).mean(-1).sum()
            total = total + self.balance * class_balance_penalty(logits.softmax(-1)).sum()
        return total

    def targets(self, probs: Tensor, y: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
        """(K, F, B, C) sharpened targets and (K, F, B) who is labelled, from probs (K, F, B, C) and w (K, F, B)."""
        labelled, w = trust > self.threshold, trust.unsqueeze(-1)
        refined = w * functional.one_hot(y, probs.shape[-1]) + (1 - w) * probs
        soft = torch.where(labelled.unsqueeze(-1), refined, probs.mean(0, keepdim=True))
        sharp = soft.clamp(min=1e-20).pow(1 / self.temperature)
        return sharp / sharp.sum(-1, keepdim=True), labelled

    def _mixed_loss(self, logits: Tensor, target: Tensor, labelled: Tensor) -> Tensor:
        """(F, B) such that its mean is that over the labelled plus ``lambda_u`` times that over the others."""
        entropy = -(target * logits.log_softmax(-1)).sum(-1)
        error = (target - logits.softmax(-1)).square().mean(-1)
        kept = labelled.to(entropy.dtype)
        return entropy * mean_over(kept) + self.lambda_u * error * mean_over(1 - kept)

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        if self._trust is None:
            return {}
        return {"distrust": 1 - clean_posterior(cross_entropy(logits, self.fit.labels), self.fit.trained).mean(0)}


def class_balance_penalty(probs: Tensor) -> Tensor:
    """Σ_c π_c·log(π_c / p̄_c) (F,) of the mean prediction p̄ of probs (F, B, C) against the uniform π."""
    mean = probs.mean(1).clamp(min=1e-12)
    return -(mean.log() + torch.log(torch.tensor(float(probs.shape[-1]), device=probs.device))).mean(-1)


@torch.no_grad()
def clean_posterior(loss: Tensor, trained: Tensor) -> Tensor:
    """w (K, F, n): probability of the part with the smaller mean, of two Gaussians fitted to the training losses.

    loss (K, F, n) is first scaled to [0, 1] over the samples of ``trained`` (F, n), others are cut to that range.
    Expectation maximisation from the ends of the range, a fixed number of rounds.
    """
    low = loss.masked_fill(~trained, torch.inf).amin(-1, keepdim=True)
    high = loss.masked_fill(~trained, -torch.inf).amax(-1, keepdim=True)
    scaled = ((loss - low) / (high - low).clamp(min=1e-12)).clamp(0, 1).double().unsqueeze(-1)  # (K, F, n, 1)
    mean = torch.tensor([0.0, 1.0], device=loss.device, dtype=torch.float64).expand(*loss.shape[:2], 1, 2)
    variance, share = torch.full_like(mean, 0.05), torch.full_like(mean, 0.5)
    counted = trained.double().unsqueeze(-1)  # (F, n, 1)
    for _ in range(_ROUNDS):
        weight = counted * _posterior(scaled, mean, variance, share)
        total = weight.sum(2, keepdim=True).clamp(min=1e-12)
        mean = (weight * scaled).sum(2, keepdim=True) / total
        variance = (weight * (scaled - mean).square()).sum(2, keepdim=True) / total + _LEAST_VARIANCE
        share = total / total.sum(-1, keepdim=True)
    lower = mean.argmin(-1, keepdim=True).expand(*loss.shape, 1)
    return _posterior(scaled, mean, variance, share).gather(-1, lower).squeeze(-1).to(loss.dtype)


def _posterior(x: Tensor, mean: Tensor, variance: Tensor, share: Tensor) -> Tensor:
    """(K, F, n, 2) probability of each part for values x (K, F, n, 1)."""
    return (share.log() - 0.5 * variance.log() - (x - mean).square() / (2 * variance)).softmax(-1)
