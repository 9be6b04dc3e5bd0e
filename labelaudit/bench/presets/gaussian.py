"""GNI: Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020: what noise on the layers
does to margins and calibration, and that its mean effect on the loss is the explicit regulariser of Theorem 1.

The paper has figures and no tables, so there are no values of its own beside these."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Finished, Preset, Reading, Setting
from labelaudit.bench.readings import last_accuracy
from labelaudit.noise import symmetric

_VARIANCE = 0.1
_DRAWS = 200
_LOOKED_AT = 512


def _diagnosed(part: str, value: str) -> Callable[[Finished], float]:
    """A number of `labelaudit.diagnostics.diagnose` on the test samples."""

    def read(run: Finished) -> float:
        from labelaudit.diagnostics import diagnose

        found: float = diagnose(run.trained.model.network, _inputs(run), samples=_LOOKED_AT, seed=run.seed)[part][value]
        return found

    return read


def increment_over_penalty(run: Finished) -> float:
    """Mean rise of the training loss under the noise, over ½σ²Σ_k Tr(J_kᵀHJ_k); 1 = as the theorem has it."""
    import torch

    from labelaudit.injection import inject_noise, injected
    from labelaudit.methods import cross_entropy
    from labelaudit.regularizers import Pass, configure_all

    network = copy.deepcopy(run.trained.model.network).eval()
    inputs = _inputs(run, training=True)
    generator = torch.Generator(inputs.y.device).manual_seed(run.seed)
    if not injected(network):
        inject_noise(network, _VARIANCE**0.5, kind="additive", layers="all", generator=generator)
    sources = injected(network)
    rows = torch.arange(min(_LOOKED_AT, len(inputs.y)), device=inputs.y.device).unsqueeze(0)
    x, y = inputs.take(rows), inputs.y[rows]
    with torch.no_grad():
        still = cross_entropy(network(x), y).mean()
        for source in sources:
            source.generator = generator
            source.train()
        moved = torch.stack([cross_entropy(network(x), y).mean() for _ in range(_DRAWS)]).mean()
    (penalty,) = configure_all({"explicit_gaussian": {"variance": _VARIANCE, "form": "trace"}}).values()
    penalty.attach([network], generator)
    network.train()
    for source in sources:
        source.eval()
    batch: Any = None  # the penalty does not look at labels
    expected = penalty.penalty([Pass(network=0, x=x, logits=network(x).float())], batch)
    assert expected is not None
    return float((moved - still) / expected.detach())


def _inputs(run: Finished, *, training: bool = False) -> Any:
    from labelaudit.batches import Inputs

    model = run.trained.model
    x, y = (run.x, run.given) if training else (run.test_x, run.test_y)
    return Inputs(x, y, len(model.classes), device=model.device, augment="none", scaling=model.scaling)


_READINGS = (
    last_accuracy(),
    Reading(name="mean margin", read=_diagnosed("margin", "mean"), digits=3),
    Reading(name="calibration error", read=_diagnosed("calibration", "error"), digits=4),
    Reading(name="loss rise / regulariser", read=increment_over_penalty, digits=2),
)
_REGULARIZERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "noise": {"gaussian": {"variance": _VARIANCE}},
    "regulariser": {"explicit_gaussian": {"variance": _VARIANCE, "form": "estimate"}},
}

PRESETS = (
    Preset(
        name="gaussian-mnist",
        paper="GNI, Figures 3 to 6",
        shows="Noise on the layers widens margins and calibrates, and so does its explicit regulariser in its place",
        setting=Setting(
            dataset="mnist",
            samples=2000,
            plant=partial(symmetric, rate=0.0),
            noise="no label noise, as in the paper",
            test=2500,
            features=True,
        ),
        arms=tuple(
            Arm(
                name=name,
                method="ce",
                network="mlp_2x512",
                epochs=40,
                readings=_READINGS,
                options={"optimizer": "adam", "lr": 1e-3, "batch": 128},
                regularizers=regularizers,
            )
            for name, regularizers in _REGULARIZERS.items()
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=60, known="estimated")},
        orders=(
            ("noise: mean margin", "plain: mean margin"),
            ("regulariser: mean margin", "plain: mean margin"),
            ("plain: calibration error", "noise: calibration error"),
            ("plain: calibration error", "regulariser: calibration error"),
        ),
        differs=(
            "2,000 MNIST images and Adam for 40 epochs instead of CIFAR-10 and SVHN and SGD for 250; the trace, "
            "estimated without bias in one pass, instead of its diagonal"
        ),
    ),
)
