"""Adam, AdamW and SGD with momentum by PyTorch's fused kernels, without the classes around them.

``torch.optim`` loads PyTorch's compiler with its first optimiser, which takes seconds and a hundred megabytes and is
never used here. Same kernels, same bits. Left out: groups of parameters, and everything that `Recipe` does not ask for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labelaudit.methods import Recipe

_MOMENTUM = 0.9
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Optimizer:
    """The moving averages of one fit's gradients; the parameters themselves are the networks'."""

    def __init__(self, recipe: Recipe, parameters: Sequence[Tensor]) -> None:
        self.kind = recipe.optimizer if recipe.weight_decay_form != "l2" else f"{recipe.optimizer}, l2"
        self.weight_decay = recipe.weight_decay
        self._first: list[Tensor | None] = [None] * len(parameters)
        self._second: list[Tensor | None] = [None] * len(parameters)
        self._steps: list[Tensor | None] = [None] * len(parameters)

    @torch.no_grad()
    def step(self, parameters: Sequence[Tensor], rate: float) -> None:
        """Move ``parameters``, in the order of the first time, down their gradients at the learning ``rate``."""
        moved = [place for place, parameter in enumerate(parameters) if parameter.grad is not None]
        new = [place for place in moved if self._first[place] is None]
        for place in new:
            self._first[place] = torch.zeros_like(parameters[place], memory_format=torch.preserve_format)
            self._second[place] = torch.zeros_like(parameters[place], memory_format=torch.preserve_format)
            self._steps[place] = torch.zeros((), dtype=torch.float32, device=parameters[place].device)
        if self.kind.startswith("sgd"):
            for some, first in ((new, True), ([place for place in moved if place not in new], False)):
                self._roll(parameters, some, rate, first=first)
        elif moved:
            self._adapt(parameters, moved, rate)

    def _roll(self, parameters: Sequence[Tensor], places: Sequence[int], rate: float, *, first: bool) -> None:
        if places:
            torch._fused_sgd_(
                [parameters[place] for place in places],
                [_gradient(parameters[place]) for place in places],
                _known(self._first, places),
                weight_decay=self.weight_decay,
                momentum=_MOMENTUM,
                lr=rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=first,
            )

    def _adapt(self, parameters: Sequence[Tensor], places: Sequence[int], rate: float) -> None:
        steps = _known(self._steps, places)
        torch._foreach_add_(steps, 1)
        kernel = torch._fused_adam_ if self.kind.endswith("l2") else torch._fused_adamw_
        kernel(
            [parameters[place] for place in places],
            [_gradient(parameters[place]) for place in places],
            _known(self._first, places),
            _known(self._second, places),
            [],
            steps,
            lr=rate,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=self.weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _known(tensors: Sequence[Tensor | None], places: Sequence[int]) -> list[Tensor]:
    return [tensor for place in places if (tensor := tensors[place]) is not None]
