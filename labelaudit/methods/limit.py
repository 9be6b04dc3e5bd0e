"""LIMIT: a label predictor q, held back from memorising by β, supplies the classifier's gradients.

Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights", ICML
2020. With p the classifier's and s the auxiliary network's probabilities, q's loss is the distance from s to the given
label plus β·‖p - s‖²; the classifier only ever sees s. Suspicion: ranks of the distance between predicted and
cross-entropy gradients, ‖e_y - s‖, in which the classifier cancels out. The paper leaves the norm open: ``limit_l1``
(half the L1 distance, 1 - s_y) ranks real noise better than ``limit_residual`` (L2), and is used.
The paper's +init, q beginning as a cross-entropy model, is to be had in two ways: option ``init`` trains that model in
the same fit, which a cross-fit needs, since one that is there already has seen the labels held out; parameter ``init``
of a training takes one that is there, and spends no epochs on it. The soft regulariser (Eq. 11) is method
``limit_soft``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.methods._draws import draw_noise
from labelaudit.methods._interface import Batch, Method, Predict, Shown, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Network

_DISTANCE = (
    "Length of the difference between the gradient that LIMIT's label predictor foresees and the given label's, from 0 "
    "to 1.41, mean over the last half of the epochs; far means that the label does not follow from the image "
    "(AUROC .84 on CIFAR-10N)"
)


@dataclass(kw_only=True)
class Limit(Method):
    """Networks: 0 is the classifier, 1 the label predictor q."""

    networks: ClassVar[int] = 2
    outcome: ClassVar[str] = "classifier"
    column: ClassVar[str] = "limit_l1"
    shows: ClassVar[tuple[str, ...]] = ("limit_distance",)
    leading: ClassVar[tuple[str, ...]] = ("init",)

    beta: Annotated[float, Between(0, 1000), "a label can pull q away from the classifier by about 1/beta"] = 10.0
    distribution: Annotated[Literal["laplace", "gaussian"], "of the predicted gradient"] = "laplace"
    burn_in: Annotated[float, Between(0, 0.95), "share of the epochs left out of averaged columns"] = 0.5
    sigma: Annotated[float, Between(0, 10), "std of sampled gradients; 0 = use their mean (-S)"] = 0.0
    init: Annotated[
        int, Between(0, 10_000), "epochs at the start in which q alone learns, by cross-entropy: the paper's +init"
    ] = 0

    _alone = False

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        self._alone = epoch < self.init
        return super().sample_weights(epoch, predict)

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        if not self._alone:
            return super().step(networks, batch)
        return (batch.weight * cross_entropy(networks[1](batch.x).float(), batch.y)).mean(-1).sum()

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """For the classifier a term whose logit gradient is μ; for q the distance ‖μ - g‖ = ‖e_y - s‖ plus β‖μ‖²."""
        z, r = logits
        p, s = z.softmax(-1).detach(), r.softmax(-1)
        onehot = functional.one_hot(batch.y, z.shape[-1]).to(s.dtype)
        residual = (onehot - s).abs().sum(-1) if self.distribution == "laplace" else (onehot - s).square().sum(-1)
        q_loss = residual + self.beta * (p - s).square().sum(-1)
        return torch.stack([(z * self._gradient(p, s.detach())).sum(-1), q_loss])

    def _gradient(self, p: Tensor, s: Tensor) -> Tensor:
        """The classifier's logit gradient: μ = p - s, or a draw around it with standard deviation σ."""
        if self.sigma == 0:
            return p - s
        return p - s + draw_noise(p, self.sigma, self.distribution, self.fit.generator)

    def views(self, networks: Sequence[Network]) -> Mapping[str, Network]:
        """q first, since the score is q's; then the classifier, which is what a training run is for."""
        return {"q": networks[1], "classifier": networks[0]}

    def warm_started(self, networks: Sequence[Network]) -> Sequence[Network]:
        """The paper's +init: q begins as a trained cross-entropy model, buffers included, the classifier anew."""
        return networks[1:]

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        """``limit_gradient`` is ‖p - s‖ (Fig. A1): no suspicion, it tells labels apart only where q learns them."""
        s, p = logits.softmax(-1)
        onehot = functional.one_hot(self.fit.labels, s.shape[-1])
        given = self.fit.labels.expand(s.shape[:-1]).unsqueeze(-1)
        return {
            "limit_residual": (onehot - s).square().sum(-1).sqrt(),
            "limit_l1": 1 - s.gather(-1, given).squeeze(-1),
            "limit_classifier": 1 - p.gather(-1, given).squeeze(-1),
            "limit_gradient": (p - s).square().sum(-1).sqrt(),
        }

    def show(
        self,
        columns: Mapping[str, npt.NDArray[Any]],
        probs: npt.NDArray[Any],  # noqa: ARG002
        labels: npt.NDArray[Any],  # noqa: ARG002
    ) -> Mapping[str, Shown]:
        return {"limit_distance": Shown(columns["limit_residual"], "high", _DISTANCE)}
