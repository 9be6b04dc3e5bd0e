"""The explicit regulariser of Gaussian noise injection: what the noise adds to the loss on average, without noise.

Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020, Theorem 1: to second order additive
noise of variance σ² on layer k adds ½σ²·Tr(JᵀHJ), with J the Jacobian of the logits in that layer's activations and H =
diag(p) - ppᵀ. ``form`` is that trace computed exactly (``trace``: C backward passes, as Σ_c p_c‖J_c - J̄‖²), its
diagonal as in the paper's Eq. 15 (``diagonal``: Σ_c p_c(1 - p_c)‖J_c‖²), or an unbiased estimate of the trace from one
pass (``estimate``: ‖Jᵀu‖² with u = √p∘v - p(√p·v), v standard normal). The released code scrambles J by reshaping it
where it means to transpose; this does not. Multiplicative noise N(0, h²σ²) is additive noise of σ² on the logarithm of
the activations, so J becomes J·diag(h). Label-free: the part of the increment that depends on the label is dropped,
as in the paper. BatchNorm lets gradients of one sample reach the others; they count as that sample's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from labelaudit.methods import Batch, Between
from labelaudit.networks import Network
from labelaudit.networks.injection import activations, chosen_layers, layer_variances
from labelaudit.regularizers._interface import ForwardPass, Regularizer, require_input_gradients


@dataclass(kw_only=True)
class ExplicitGaussian(Regularizer):
    """`attach` listens to the layers, `penalty` differentiates the logits in what was heard."""

    variance: Annotated[float, Between(0, 100), "σ² of the noise it stands for"] = 0.1
    variances: Annotated[str, "σ² of each layer instead, separated by commas"] = ""
    kind: Annotated[Literal["additive", "multiplicative"], "noise of one size, or in proportion to what it hits"] = (
        "additive"
    )
    form: Annotated[Literal["estimate", "trace", "diagonal"], "one pass, or exact in as many as there are classes"] = (
        "estimate"
    )
    layers: Annotated[str, "all, input, hidden, or numbers separated by commas, 0 = input"] = "all"

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:
        super().attach(networks, generator)
        self._heard: list[list[Hidden]] = [[] for _ in networks]
        for network, heard in zip(networks, self._heard, strict=True):
            hidden = activations(network)
            chosen = chosen_layers(self.layers, len(hidden))
            for layer, own in zip(chosen, layer_variances(self.variance, self.variances, len(chosen)), strict=True):
                if layer == 0:
                    require_input_gradients(network, heard=_hearer(heard, own))
                else:
                    for place in hidden[layer - 1]:
                        place.parent.get_submodule(place.name).register_forward_hook(_listener(heard, place.fold, own))

    def penalty(self, passes: Sequence[ForwardPass], batch: Batch) -> Tensor | None:  # noqa: ARG002
        total = None
        for passed in passes:
            heard = self._heard[passed.network]
            scaled = self.kind == "multiplicative"
            value = 0.5 * trace(passed.logits, heard, form=self.form, scaled=scaled, generator=self.generator)
            total = value if total is None else total + value
        for heard in self._heard:
            heard.clear()
        return total


class Hidden(NamedTuple):
    """The output of a layer: (F, B, …) of all folds, or (B, …) of one."""

    fold: int | None
    values: Tensor
    variance: float = 1.0
    """σ² of its noise."""


def trace(
    logits: Tensor,
    hidden: Sequence[Hidden],
    *,
    form: Literal["estimate", "trace", "diagonal"],
    generator: Any,
    scaled: bool = False,
) -> Tensor:
    """Σ_k σ_k²·Tr(J_kᵀHJ_k), or its diagonal form: mean over the B samples of logits (F, B, C), summed over folds.

    ``hidden`` are activations on the way to ``logits`` of which each sample has its own part; ``scaled`` takes J_k·
    diag(h_k) for J_k, as multiplicative noise does.
    """
    p, values = logits.softmax(-1), [layer.values for layer in hidden]
    if form == "estimate":
        v = torch.empty_like(p).normal_(generator=generator)
        root = p.clamp(min=1e-20).sqrt()
        u = root * v - p * (root * v).sum(-1, keepdim=True)
        gradients = torch.autograd.grad(logits, values, grad_outputs=u, create_graph=True)  # Jᵀu, whatever u depends on
        felt = [gradient * h if scaled else gradient for gradient, h in zip(gradients, values, strict=True)]
        parts = [layer.variance * one.square().sum() for layer, one in zip(hidden, felt, strict=True)]
        return torch.stack(parts).sum() / logits.shape[1]
    classes = range(logits.shape[-1])
    rows = [torch.autograd.grad(logits[..., c].sum(), values, create_graph=True) for c in classes]
    total = logits.new_zeros(())
    for k, layer in enumerate(hidden):
        own = p if layer.fold is None else p[layer.fold]  # (F, B, C) or (B, C)
        felt = [rows[c][k] * layer.values if scaled else rows[c][k] for c in classes]
        jacobian = torch.stack([one.flatten(own.ndim - 1) for one in felt], dim=-2)  # (…, C, d)
        if form == "diagonal":
            total = total + layer.variance * (own * (1 - own) * jacobian.square().sum(-1)).sum()
        else:
            centre = (own.unsqueeze(-1) * jacobian).sum(-2, keepdim=True)
            total = total + layer.variance * (own * (jacobian - centre).square().sum(-1)).sum()
    return total / logits.shape[1]


def _listener(heard: list[Hidden], fold: int | None, variance: float) -> Any:
    """A plain function, which copies of a network share; those are not in training."""

    def note(module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG001
        if module.training and torch.is_grad_enabled():
            heard.append(Hidden(fold, output, variance))

    return note


def _hearer(heard: list[Hidden], variance: float) -> Callable[[Tensor], None]:
    return lambda x: heard.append(Hidden(None, x, variance))
