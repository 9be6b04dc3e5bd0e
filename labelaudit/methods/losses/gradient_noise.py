"""Cross-entropy with Gaussian or Laplace noise on its gradient: the baseline of LIMIT, and of SLN.

Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights", ICML
2020, Table 1 (CE+GN, CE+LN), and Chen et al., ICLR 2021, Eq. 1 and 2, add noise of standard deviation σ to the gradient
of cross-entropy in the logits of every sample (``where=logits``), or in every parameter (``where=weights``, after
averaging over the batch). LIMIT's released code adds it to the logit gradient of the batch *mean*, which is B times
smaller: ``scale=batch`` does the same and is a much stronger noise, with which the paper's rows for this baseline were
made. Suspicion: ranks of the mean margin, sign turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from labelaudit.methods._draws import draw_noise
from labelaudit.methods._interface import Batch, Method, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Network


@dataclass(kw_only=True)
class GradientNoise(Method):
    """The noise is a term linear in what it disturbs: its gradient there is the noise itself, its mean zero."""

    sigma: Annotated[float, Between(0, 100), "standard deviation of the noise; 0 = cross-entropy"] = 0.1
    distribution: Annotated[Literal["gaussian", "laplace"], "of the noise"] = "gaussian"
    where: Annotated[Literal["logits", "weights"], "which gradient is disturbed"] = "logits"
    scale: Annotated[
        Literal["sample", "batch"], "of logit noise: against one sample's gradient, or the batch mean's"
    ] = "sample"

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        entropy = cross_entropy(logits, batch.y)
        if self.where == "weights" or self.sigma == 0:
            return entropy
        sigma = self.sigma * (logits.shape[-2] if self.scale == "batch" else 1)
        return entropy + (logits * draw_noise(logits, sigma, self.distribution, self.fit.generator)).sum(-1)

    def step(self, networks: Sequence[Network], batch: Batch) -> Tensor:
        total = super().step(networks, batch)
        if self.where == "weights" and self.sigma:
            disturbed = [
                (weight * draw_noise(weight, self.sigma, self.distribution, self.fit.generator)).sum()
                for network in networks
                for weight in network.parameters()
            ]
            total = total + torch.stack(disturbed).sum()
        return total
