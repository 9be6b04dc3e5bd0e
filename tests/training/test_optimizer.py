"""The optimiser beside PyTorch's own: the same bits, step by step."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from labelaudit.methods import Recipe
from labelaudit.training.optimizer import Optimizer

THEIRS = {
    ("adam", "auto"): torch.optim.AdamW,
    ("adam", "l2"): torch.optim.Adam,
    ("sgd", "auto"): lambda *args, **how: torch.optim.SGD(*args, momentum=0.9, **how),
}


@pytest.mark.parametrize("kind", THEIRS, ids=" ".join)
def test_the_same_bits_as_the_optimiser_of_torch(kind):
    generator = torch.Generator().manual_seed(0)
    first = [torch.randn(size, generator=generator) for size in ((3, 4), (5,), (2,))]
    ours = [value.clone().requires_grad_() for value in first]
    theirs = [value.clone().requires_grad_() for value in first]
    recipe = Recipe(epochs=1, batch=1, lr=0.1, optimizer=kind[0], weight_decay=0.01, weight_decay_form=kind[1])
    optimizer, reference = Optimizer(recipe, ours), THEIRS[kind](theirs, lr=0.1, weight_decay=0.01, fused=True)
    for step in range(6):
        reference.param_groups[0]["lr"] = 0.1 / (step + 1)
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            late = place == 2 and step < 2 and kind[0] == "adam"  # takes no part at first; theirs fails with sgd
            one.grad = other.grad = None if late else torch.randn(one.shape, generator=generator)
        optimizer.step(ours, 0.1 / (step + 1))
        reference.step()
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True)), step


def test_training_does_not_load_the_compiler_of_torch():
    code = (
        "import sys, numpy as np; from labelaudit.training.crossfit import crossfit;"
        "from labelaudit.training.settings import CrossfitSettings as Settings;"
        "crossfit(Settings(folds=2, epochs=1), np.eye(20, dtype=np.float32), np.arange(20) % 2, 2);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
