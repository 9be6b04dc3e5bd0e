"""LIMIT's soft form: cross-entropy that pays for gradients which a label predictor q cannot foresee.

Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights", ICML
2020, Eq. 11: cross-entropy + λ·‖z‖²·‖e_y - s‖², with z the input of the classifier's last layer and s the
probabilities of q: the squared distance between the true and the predicted gradient of that layer's weights. The
released code adds β·‖z‖²·‖p - s‖², with p the classifier's probabilities, and lets gradients reach both networks;
so does this. There the last layer has no bias; here it keeps it, and its gradient does not count. A baseline of the
paper's, which LIMIT beats. Suspicion: ranks of the classifier's mean margin, sign turned; ``limit_l1`` is 1 - s_y.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.methods._interface import Batch, FitContext, Method, cross_entropy, given_probability
from labelaudit.methods._options import Between
from labelaudit.networks import Network


@dataclass(kw_only=True)
class SoftLimit(Method):
    """Networks: 0 is the classifier, 1 the label predictor q."""

    networks: ClassVar[int] = 2

    strength: Annotated[
        float, Between(0, 100), "λ, of the part that q could not foresee; the paper uses .001 to .1"
    ] = 0.01
    beta: Annotated[float, Between(0, 1000), "how much q is held at the classifier; the paper uses 0 to 10"] = 0.1

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._length = torch.empty(0)  # (F, B) ‖z‖² of the classifier's latest pass

        def listen(last: Any, args: tuple[Tensor]) -> None:
            if last.training and torch.is_grad_enabled():
                self._length = args[0].float().square().sum(-1)

        fit.networks[0].last.register_forward_pre_hook(listen)

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        total = super().step(networks, batch)
        self._length = torch.empty(0)
        return total

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        p, s = logits.softmax(-1)
        onehot = functional.one_hot(batch.y, logits.shape[-1]).to(s.dtype)
        apart = self.strength * (onehot - s).square().sum(-1) + self.beta * (p - s).square().sum(-1)
        loss: Tensor = cross_entropy(logits[0], batch.y) + self._length * apart
        return loss.unsqueeze(0)

    def views(self, networks: Sequence[Network]) -> Mapping[str, Network]:
        """The classifier first: it is what is trained on the labels; then q."""
        return {"classifier": networks[0], "q": networks[1]}

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        return {"limit_l1": 1 - given_probability(logits[1], self.fit.labels)}
