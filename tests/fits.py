"""A method that has begun, and batches for it, without a training loop around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from labelaudit.methods import Batch, FitContext, Method
from labelaudit.networks import Network, build

M = TypeVar("M", bound=Method)


def begun(
    method: M,
    labels: Tensor,
    classes: int,
    *,
    networks: Sequence[Network] | None = None,
    folds: int = 1,
    epochs: int = 10,
    trained: Tensor | None = None,
) -> M:
    """``method`` after `begin`, by default with linear networks on three features and all n labels in training."""
    built = [build("linear", (3,), classes, copies=folds, seed=k) for k in range(method.networks)]
    method.begin(
        FitContext(
            labels=labels,
            classes=classes,
            trained=torch.ones(folds, len(labels), dtype=torch.bool) if trained is None else trained,
            networks=built if networks is None else networks,
            epochs=epochs,
            steps=100,
            generator=torch.Generator().manual_seed(0),
        )
    )
    return method


def batch_of(y: Tensor, x: Tensor | None = None) -> Batch:
    """Rows 0 to B of every fold with labels y (F, B) and weight 1."""
    x = torch.ones(*y.shape, 3) if x is None else x
    index = torch.arange(y.shape[1]).expand(y.shape)
    return Batch(x=x, y=y, index=index, weight=torch.ones(y.shape), take=lambda rows: x[:, rows[0]])


def logit_gradient(method: Method, z: Tensor, batch: Batch) -> Tensor:
    """Gradient of the summed loss in logits (K, F, B, C)."""
    z = z.clone().requires_grad_()
    method.loss(z, batch).sum().backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    return z.grad
