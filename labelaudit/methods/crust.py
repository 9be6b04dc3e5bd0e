"""CRUST: train on the medoids of each class's gradients, since wrong labels have gradients of their own.

Mirzasoleiman, Cao and Leskovec, "Coresets for Robust Training of Neural Networks against Noisy Labels", NeurIPS 2020.
Per class, facility location selects medoids in the space of last-layer gradients; training then runs on the medoids,
weighted by cluster size and mixed with a member of their cluster. Suspicion: ranks of ``centrality``, the mean distance
of a sample's gradient to those of its class, averaged over the epochs after warm-up. Membership itself is reported
(``selected``, ``selection_order``, ``cluster_size``) but not used: at a budget of one half greedy selection *prefers*
wrong labels (measured, see docs/methods). Deviations: reselection every ``every`` epochs instead of each; centrality
against at most 1,024 class-mates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from labelaudit.coresets import assign, centrality, facility_location
from labelaudit.methods._interface import Batch, Fit, Method, Predict, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Network

_REFERENCES = 1024


@dataclass(kw_only=True)
class Crust(Method):
    """Selection happens in `choose`, mixup in `step`, scoring in `measure`."""

    column: ClassVar[str] = "centrality_heldout"

    budget: Annotated[float, Between(0.001, 1), "share of each class that is selected"] = 0.5
    selector: Annotated[
        Literal["facility_location", "centrality"], "the paper's greedy, or the most central (the released code's effect)"
    ] = "facility_location"
    partition: Annotated[Literal["given", "predicted"], "what a class is while selecting and scoring"] = "given"
    gradient: Annotated[Literal["last_layer", "logits"], "W'(p - e_y), or p - e_y"] = "last_layer"
    warmup: Annotated[int, Between(0, 1000), "epochs on all samples before the first selection"] = 3
    every: Annotated[int, Between(1, 1000), "epochs between selections"] = 3
    mixup: Annotated[float, Between(0, 100), "Beta(a, a) inside clusters; 0 = off"] = 1.0

    def begin(self, fit: Fit) -> None:
        super().begin(fit)
        shape = fit.trained.shape
        self._weights: Tensor | None = None
        self._reported: dict[str, Tensor] = {}
        self._cluster = torch.zeros(shape, dtype=torch.int64, device=fit.labels.device)  # start in `_members`
        self._size = torch.ones(shape, dtype=torch.int64, device=fit.labels.device)
        self._members = torch.arange(shape[1], device=fit.labels.device).repeat(shape[0], 1)

    def choose(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch >= self.warmup and (epoch - self.warmup) % self.every == 0:
            self._select(predict()[0])
        return self._weights

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        if self._weights is None or self.mixup == 0:
            return super().step(networks, batch)
        partner = self._partners(batch.index)
        share = _beta(self.mixup, partner.shape, self.fit.generator)
        wide = share.view(*share.shape, *[1] * (batch.x.ndim - 2))
        logits = networks[0](wide * batch.take(partner) + (1 - wide) * batch.x).float()
        loss = share * cross_entropy(logits, self.fit.labels[partner]) + (1 - share) * cross_entropy(logits, batch.y)
        return (batch.weight * loss).mean(-1).sum()

    def measure(self, epoch: int, logits: Tensor) -> Mapping[str, Tensor]:
        gradients = self._gradients(logits[0])
        found = {"gradient_norm": gradients.norm(dim=-1)}
        if epoch + 1 >= self.warmup:
            found["centrality"] = self._centrality(gradients, logits[0])
        return {**found, **self._reported}

    def _gradients(self, logits: Tensor) -> Tensor:
        """(F, n, C) points at the distances of p - e_y, or (F, n, C or d_a) of Wᵀ(p - e_y) (Eq. 9), whichever is narrower.

        With WWᵀ = VΛVᵀ, ‖Wᵀu‖ = ‖Λ^½Vᵀu‖, so distances in R^{d_a} never need more than C numbers per sample.
        """
        given = self.fit.labels.expand(logits.shape[:2]).unsqueeze(2)
        residual = logits.softmax(-1).scatter_add(2, given, logits.new_full((1, 1, 1), -1.0).expand_as(given))
        if self.gradient == "logits":
            return residual
        weight = self.fit.networks[0].last.weight.detach()  # (F, d_a, C)
        if weight.shape[1] < weight.shape[2]:
            return residual @ weight.transpose(1, 2)
        values, vectors = torch.linalg.eigh(weight.transpose(1, 2) @ weight)
        return residual @ (vectors * values.clamp(min=0).sqrt().unsqueeze(1))

    def _blocks(self, logits: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(fold, rows) of every class that a fold has, held-out rows included."""
        for fold in range(len(logits)):
            block = self.fit.labels if self.partition == "given" else logits[fold].argmax(-1)
            order = block.argsort(stable=True)
            for rows in order.split(torch.bincount(block, minlength=self.fit.classes).tolist()):
                if len(rows):
                    yield fold, rows

    def _centrality(self, gradients: Tensor, logits: Tensor) -> Tensor:
        """(F, n) mean distance to the block's training samples, at most 1,024 of them drawn at random.

        A block without training samples (a class whose only sample is held out) is compared with all of the fold.
        """
        found = torch.empty(gradients.shape[:2], device=gradients.device)
        for fold, rows in self._blocks(logits):
            known = rows[self.fit.trained[fold, rows]]
            if not len(known):
                known = self.fit.trained[fold].nonzero().squeeze(1)
            if len(known) > _REFERENCES:
                drawn = torch.randperm(len(known), generator=self.fit.generator, device=rows.device)
                known = known[drawn[:_REFERENCES]]
            found[fold, rows] = centrality(gradients[fold, rows], gradients[fold, known])
        return found

    def _select(self, logits: Tensor) -> None:
        """Set weights, clusters and the membership columns from logits (F, n, C)."""
        gradients = self._gradients(logits)
        shape = self.fit.trained.shape
        self._weights = torch.zeros(shape, device=logits.device)
        names = ("selected", "selection_order", "cluster_size")
        self._reported = {name: torch.full(shape, torch.nan, device=logits.device) for name in names}
        filled = [0] * len(logits)
        for fold, block in self._blocks(logits):
            rows = block[self.fit.trained[fold, block]]
            if not len(rows):
                continue
            points = gradients[fold, rows]
            budget = max(1, int(self.budget * len(rows)))
            if self.selector == "centrality":
                medoids = centrality(points).argsort(stable=True)[:budget]
            else:
                medoids = facility_location(points, budget, generator=self.fit.generator)
            own, sizes = assign(points, medoids)
            self._weights[fold, rows[medoids]] = sizes.float() if self.selector == "facility_location" else 1.0
            self._reported["selected"][fold, rows] = 0.0
            self._reported["selected"][fold, rows[medoids]] = 1.0
            self._reported["selection_order"][fold, rows] = 1.0
            self._reported["selection_order"][fold, rows[medoids]] = torch.arange(budget, device=rows.device) / len(rows)
            self._reported["cluster_size"][fold, rows] = sizes[own].float()
            start = filled[fold]
            self._members[fold, start : start + len(rows)] = rows[own.argsort(stable=True)]
            self._cluster[fold, rows] = start + (sizes.cumsum(0) - sizes)[own]
            self._size[fold, rows] = sizes[own]
            filled[fold] += len(rows)

    def _partners(self, index: Tensor) -> Tensor:
        """(F, B) a random other member of each sample's cluster, itself where it is alone."""
        size = self._size.gather(1, index)
        draw = torch.rand(index.shape, generator=self.fit.generator, device=index.device)
        position = self._cluster.gather(1, index) + (draw * size).long().clamp(max=size - 1)
        partner = self._members.gather(1, position)
        following = self._cluster.gather(1, index) + (position - self._cluster.gather(1, index) + 1) % size
        return torch.where(partner == index, self._members.gather(1, following), partner)


def _beta(alpha: float, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Draws of Beta(α, α) by inversion of two powers, or of the uniform at α = 1."""
    uniform = torch.rand((2, *shape), generator=generator, device=generator.device)
    if alpha == 1:
        return uniform[0]
    gamma = torch._standard_gamma(torch.full((2, *shape), alpha, device=generator.device), generator=generator)
    return gamma[0] / gamma.sum(0).clamp(min=1e-12)
