"""Jacobian regularisation: logits that hardly move when the input does.

Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022, as a comparison: adds
c·‖Jᵀv‖² with J the Jacobian of the logits in the input and v ~ N(0, I) a fresh direction, an unbiased estimate of
c·‖J‖_F². Inputs are standardised here and in [0, 1] there, so c is in other units. The released code begins after ten
epochs (``start=10``), with a new optimiser, which this does not make. BatchNorm lets gradients of one sample reach the
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from labelaudit.methods import Batch, Between
from labelaudit.networks import Network
from labelaudit.regularizers._interface import ForwardPass, Regularizer, require_input_gradients


@dataclass(kw_only=True)
class Jacobian(Regularizer):
    """One more backward pass in each step."""

    coefficient: Annotated[float, Between(0, 100), "weight of the squared norm"] = 1e-3
    start: Annotated[int, Between(0, 10_000), "epochs without it first"] = 0

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:
        super().attach(networks, generator)
        for network in networks:
            require_input_gradients(network)

    def penalty(self, passes: Sequence[ForwardPass], batch: Batch) -> Tensor | None:  # noqa: ARG002
        if self.epoch < self.start:
            return None
        norms = [squared_jacobian(passed.logits, passed.x, self.generator).mean(-1).sum() for passed in passes]
        return self.coefficient * torch.stack(norms).sum() if norms else None


def squared_jacobian(logits: Tensor, x: Tensor, generator: torch.Generator) -> Tensor:
    """(F, B) ‖Jᵀv‖² for one random v per sample: logits (F, B, C), x (F, B, …); its mean over v is ‖J‖_F²."""
    v = torch.empty_like(logits).normal_(generator=generator)
    (gradient,) = torch.autograd.grad((v * logits).sum(), x, create_graph=True)
    return gradient.flatten(2).square().sum(-1)
