"""CRUST: train on the samples of each class whose gradients represent it, since wrong labels have their own.

Mirzasoleiman, Cao and Leskovec, "Coresets for Robust Training of Neural Networks against Noisy Labels", NeurIPS 2020.
After a warm-up, each class is reduced to a share of its samples, chosen in the space of last-layer gradients, and
training goes on with those, mixed inside their clusters. Suspicion: ranks of the loss, averaged over the epochs since
the first selection, of the networks so trained. Reported beside it: ``centrality`` (mean gradient distance inside the
class), ``gradient_norm``, and the paper's medoids as what they are (``medoid``, ``cluster_size``, ``selection_order``).

Where this leaves the paper, because of what we measured (docs/methods): training selects by ``centrality``, which is
what the released code does, since at a budget of one half facility location prefers wrong labels; selection happens
a few times a run instead of every epoch; centrality is taken against at most 1,024 members of the class. The paper's
own form is ``selector=facility_location gradient=last_layer warmup=0 every=1``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.methods._coresets import assign, centrality, facility_location
from labelaudit.methods._draws import draw_beta
from labelaudit.methods._interface import Batch, FitContext, Method, Predict, Recipe, Shown, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Network

_REFERENCES = 1024
_MEDOID = (
    "Whether CRUST's facility location takes the image as a medoid of its given class, at a budget of one half; "
    "medoids cover what is spread out, so wrong labels are medoids more often than right ones (AUROC .62 on "
    "CIFAR-10N), and nothing is ranked by it unless asked for"
)
_CLUSTER_SIZE = (
    "How many images of the given class the image's own medoid stands for; small means that few are like it, a weak "
    "sign of a wrong label (AUROC .67 on CIFAR-10N)"
)
_SELECTED = (
    "In which share of the epochs after the warm-up CRUST's network trained on the image, over the folds that held it; "
    "low means that its gradient was far from its class's, as a wrong label's is (AUROC .78 on "
    "CIFAR-10N)"
)


@dataclass(kw_only=True)
class Crust(Method):
    """Selection is in `sample_weights`, mixup in `step`, scores in `sample_statistics`, medoids in `final_columns`.

    What a report shows of it is in `show`.
    """

    column: ClassVar[str] = "loss"
    shows: ClassVar[tuple[str, ...]] = ("crust_medoid", "crust_cluster_size", "crust_selected")
    leading: ClassVar[tuple[str, ...]] = ("warmup",)
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "features": Recipe(epochs=12, batch=256, lr=1e-3),
        "pixels": Recipe(epochs=10, batch=64, lr=2e-3),
    }

    budget: Annotated[float, Between(0.001, 1), "share of each class that is selected"] = 0.5
    selector: Annotated[
        Literal["centrality", "facility_location"],
        "the most central samples, as the released code, or greedy medoids, as the paper",
    ] = "centrality"
    greedy: Annotated[
        Literal["auto", "lazy", "streamed", "parts", "stochastic"],
        "how medoids are found: exactly (lazy; streamed keeps no distances), on random parts, or from random "
        "candidates; auto: lazy up to 6,000, then parts",
    ] = "auto"
    partition: Annotated[Literal["predicted", "given"], "which label makes the classes"] = "predicted"
    gradient: Annotated[Literal["logits", "last_layer"], "p - e_y, or W'(p - e_y)"] = "logits"
    warmup: Annotated[int | None, Between(0, 1000), "epochs on all samples first; auto: a quarter of them"] = None
    every: Annotated[int | None, Between(1, 1000), "epochs between selections; auto: a quarter of them"] = None
    mixup: Annotated[float, Between(0, 100), "Beta(a, a) inside clusters; 0 = off"] = 1.0
    partners: Annotated[
        int, Between(1, 64), "members of its cluster that a selected sample is mixed with in a step: the paper's |R_j|"
    ] = 1
    burn_in: Annotated[float, Between(0, 0.95), "share of the epochs, at the start, left out of averaged columns"] = (
        0.25
    )

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        shape, device = fit.trained.shape, fit.labels.device
        self._warmup = fit.epochs // 4 if self.warmup is None else self.warmup
        self._every = max(1, fit.epochs // 4) if self.every is None else self.every
        self._weights: Tensor | None = None
        self._members = torch.arange(shape[1], device=device).repeat(shape[0], 1)  # (F, n) rows, cluster after cluster
        self._start = torch.zeros(shape, dtype=torch.int64, device=device)  # (F, n) where a row's cluster begins
        self._size = torch.ones(shape, dtype=torch.int64, device=device)
        self._place = torch.zeros(shape, dtype=torch.int64, device=device)  # (F, n) of a row inside its cluster

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch >= self._warmup and (epoch - self._warmup) % self._every == 0:
            self._weights = self._select(predict()[0])
        return self._weights

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        """Mixup inside clusters (Eq. 11): the partner has the share λ, the selected sample 1 - λ, labels as images."""
        if self._weights is None or self.mixup == 0:
            return super().step(networks, batch)
        partner = self._partners(batch.index).flatten(1)  # (F, B·|R|), a sample's partners side by side
        x, y = (values.repeat_interleave(self.partners, dim=1) for values in (batch.x, batch.y))
        share = draw_beta(self.mixup, partner.shape, self.fit.generator)
        wide = share.view(*share.shape, *[1] * (x.ndim - 2))
        logits = networks[0](wide * batch.take(partner) + (1 - wide) * x).float()
        loss = share * cross_entropy(logits, self.fit.labels[partner]) + (1 - share) * cross_entropy(logits, y)
        return (batch.weight.repeat_interleave(self.partners, dim=1) * loss).mean(-1).sum()

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        gradients = self._gradients(logits[0])
        found = {"gradient_norm": gradients.norm(dim=-1), "centrality": self._centrality(gradients, logits[0])}
        if self._weights is not None:  # each selection counts by the epochs that were trained on it
            found["selected"] = (self._weights > 0).float().masked_fill(~self.fit.trained, torch.nan)
        return found

    def final_columns(self, probs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Facility location of p - e_y in each given class: ``medoid`` (row of the own one, itself if selected),
        ``cluster_size`` of that medoid, ``selection_order`` (share of the class selected earlier, 1 = not selected)."""
        gradients = torch.from_numpy(probs - np.eye(probs.shape[1], dtype=probs.dtype)[labels])
        medoid, size = np.zeros(len(labels), dtype=np.int64), np.zeros(len(labels), dtype=np.int64)
        order = np.ones(len(labels))
        for rows in np.split(np.argsort(labels, kind="stable"), np.bincount(labels).cumsum()[:-1]):
            if len(rows):
                points = gradients[rows]
                medoids = facility_location(points, int(self.budget * len(rows)), greedy=self.greedy)
                own, sizes = assign(points, medoids)
                taken = rows[medoids.numpy()]
                medoid[rows], size[rows] = taken[own.numpy()], sizes.numpy()[own.numpy()]
                order[taken] = np.arange(len(taken)) / len(rows)
        return {"medoid": medoid, "cluster_size": size, "selection_order": order}

    def show(
        self,
        columns: Mapping[str, npt.NDArray[Any]],
        probs: npt.NDArray[Any],  # noqa: ARG002
        labels: npt.NDArray[Any],
    ) -> Mapping[str, Shown]:
        found = {
            "crust_medoid": Shown(columns["medoid"] == np.arange(len(labels)), "high", _MEDOID),
            "crust_cluster_size": Shown(columns["cluster_size"], "low", _CLUSTER_SIZE),
        }
        if "selected" in columns:
            found["crust_selected"] = Shown(columns["selected"], "low", _SELECTED)
        return found

    def _gradients(self, logits: Tensor) -> Tensor:
        """(F, n, C) p - e_y, or points at the distances of Wᵀ(p - e_y) (Eq. 9): (F, n, C) or (F, n, d_a), the narrower.

        With WWᵀ = VΛVᵀ, ‖Wᵀu‖ = ‖Λ^½Vᵀu‖, so distances in R^{d_a} never need more than C numbers per sample.
        """
        given = self.fit.labels.expand(logits.shape[:2]).unsqueeze(2)
        residual = logits.softmax(-1).scatter_add(2, given, logits.new_full((1, 1, 1), -1.0).expand_as(given))
        if self.gradient == "logits":
            return residual
        weight = self.fit.networks[0].last.weight.detach()  # (F, d_a, C)
        if weight.shape[1] < weight.shape[2]:
            return torch.bmm(residual, weight.transpose(1, 2))
        values, vectors = torch.linalg.eigh(weight.transpose(1, 2) @ weight)
        return torch.bmm(residual, vectors * values.clamp(min=0).sqrt().unsqueeze(1))

    def _blocks(self, logits: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(fold, rows) of every class that a fold has, held-out rows included."""
        for fold in range(len(logits)):
            block = self.fit.labels if self.partition == "given" else logits[fold].argmax(-1)
            sizes = torch.bincount(block, minlength=self.fit.classes).tolist()
            for rows in torch.split(block.argsort(stable=True), sizes):
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
            found[fold, rows] = centrality(gradients[fold, rows], gradients[fold, self._some(known)])
        return found

    def _some(self, rows: Tensor) -> Tensor:
        """At most 1,024 of ``rows``."""
        if len(rows) <= _REFERENCES:
            return rows
        return rows[torch.randperm(len(rows), generator=self.fit.generator, device=rows.device)[:_REFERENCES]]

    def _select(self, logits: Tensor) -> Tensor:
        """(F, n) weights from logits (F, n, C): cluster size of the medoids, or 1 for the most central; else 0."""
        gradients = self._gradients(logits)
        weights = torch.zeros(self.fit.trained.shape, device=logits.device)
        filled = [0] * len(logits)
        for fold, block in self._blocks(logits):
            rows = block[self.fit.trained[fold, block]]
            if not len(rows):
                continue
            points, budget = gradients[fold, rows], max(1, int(self.budget * len(rows)))
            if self.selector == "centrality":
                spread = centrality(points, gradients[fold, self._some(rows)])
                chosen = spread.argsort(stable=True)[:budget]
                own, sizes = torch.zeros_like(rows), torch.tensor([budget], device=rows.device)  # one cluster
                weights[fold, rows[chosen]] = 1.0
                clusters, owned = rows[chosen], rows[chosen]
                own = own[:budget]
            else:
                chosen = facility_location(points, budget, greedy=self.greedy, generator=self.fit.generator)
                own, sizes = assign(points, chosen)
                weights[fold, rows[chosen]] = sizes.float()
                clusters, owned = rows[own.argsort(stable=True)], rows
            start, order = filled[fold], torch.arange(len(clusters), device=rows.device)
            begins = sizes.cumsum(0) - sizes
            self._members[fold, start : start + len(clusters)] = clusters
            self._start[fold, owned] = start + begins[own]
            self._size[fold, owned] = sizes[own]
            self._place[fold, clusters] = start + order - self._start[fold, clusters]
            filled[fold] += len(clusters)
        return weights

    def _partners(self, index: Tensor) -> Tensor:
        """(F, B, |R|) other members of each sample's cluster, every set of them as likely as every other.

        Floyd's sampling without replacement, on the ring of the others that follows the sample; a cluster of fewer
        gives some of them again, one of a single sample the sample itself.
        """
        start, place, size = (values.gather(1, index) for values in (self._start, self._place, self._size))
        others = size - 1
        drawn: list[Tensor] = []
        for k in range(self.partners):
            ends = torch.where(others >= self.partners, others - self.partners + k + 1, others).clamp(min=1)
            uniform = torch.rand(index.shape, generator=self.fit.generator, device=index.device)
            step = torch.minimum((uniform * ends).long(), ends - 1)
            again = torch.stack([step == one for one in drawn]).any(0) if drawn else torch.zeros_like(step).bool()
            drawn.append(torch.where(again & (others >= self.partners), ends - 1, step))
        steps = torch.stack(drawn, dim=-1) + 1
        ring = (place.unsqueeze(-1) + steps) % size.unsqueeze(-1)
        return self._members.gather(1, (start.unsqueeze(-1) + ring).flatten(1)).view(ring.shape)
