"""SN: Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022: weight decay with
and without spectral normalisation, BatchNorm kept without its scale as in the released code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Preset, Setting
from labelaudit.bench.readings import chosen_accuracy
from labelaudit.corrupt.noise import MNIST_PAIRS, asymmetric, uniform

_RELEASED = {"spectral": {"scale": 1.0, "last": True, "batchnorm": "unscaled"}}
_ORDER = (("l2 + SN: test accuracy", "l2: test accuracy"),)


def _arms(
    network: str, epochs: int, options: Mapping[str, Any], decay: tuple[float, ...], paper: tuple[float, float]
) -> tuple[Arm, ...]:
    return tuple(
        Arm(
            name=name,
            method="ce",
            network=network,
            epochs=epochs,
            readings=(chosen_accuracy(value),),
            options=options,
            decay=decay,
            regularizers=regularizers,
        )
        for name, value, regularizers in (("l2", paper[0], {}), ("l2 + SN", paper[1], _RELEASED))
    )


PRESETS = (
    Preset(
        name="spectral-mnist-flip",
        paper="SN, MNIST flip table",
        shows="With 40 % of eight digits exchanged in pairs, spectral normalisation adds to weight decay",
        setting=Setting(
            dataset="mnist",
            samples=20_000,
            plant=partial(asymmetric, rate=0.4, mapping=MNIST_PAIRS),
            noise="40 % of 1 and 7, 2 and 3, 4 and 9, 5 and 6 exchanged",
            valid=2000,
            valid_noisy=False,
            test=2500,
        ),
        arms=_arms(
            "lenet5",
            10,
            {"optimizer": "sgd", "lr": 0.01, "weight_decay": 1e-4, "batch": 32},
            (0.5,),
            (91.64, 95.66),
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=150, known="measured, busy"), "cuda": Cost(seconds=60, known="estimated")},
        orders=_ORDER,
        differs=(
            "20,000 samples and 10 epochs, not 54,000 and 30; an epoch is chosen on 2,000 clean samples, not 6,000"
        ),
    ),
    Preset(
        name="spectral-cifar10-30",
        paper="SN, CIFAR-10 uniform table",
        shows="CIFAR-10 with uniform noise of rate .3, the true class included: the same comparison with AllCNN",
        setting=Setting(
            dataset="cifar10",
            samples=45_000,
            plant=partial(uniform, rate=0.3),
            noise="30 % get any class, their own included: 27 % are wrong",
            valid=5000,
            valid_noisy=False,
        ),
        arms=_arms(
            "allcnn", 20, {"optimizer": "adam", "lr": 1e-3, "weight_decay": 1e-4, "batch": 32}, (0.5,), (83.57, 85.35)
        ),
        device="cuda",
        costs={"cpu": Cost(seconds=39000, known="estimated"), "cuda": Cost(seconds=480, known="estimated")},
        orders=_ORDER,
        differs=(
            "weight decay is decoupled from Adam here, a loss term there; logits may be negative, the released code "
            "has a ReLU on them"
        ),
        seeds=1,
    ),
)
