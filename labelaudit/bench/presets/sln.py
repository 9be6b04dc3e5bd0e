"""SLN: Chen et al., "Noise against noise: stochastic label noise helps combat inherent label noise", ICLR 2021:
CIFAR-10, where noise on labels, a momentum model and label correction each add to the one before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Preset, Setting
from labelaudit.bench.readings import last_accuracy
from labelaudit.corrupt.noise import CIFAR10_PAIRS, asymmetric, symmetric

_NAMES = ("CE: test accuracy", "SLN: SLN, test accuracy", "SLN: SLN-MO, test accuracy", "SLN-MO-LC: test accuracy")
_ORDERS = tuple(zip(_NAMES[1:], _NAMES[:-1], strict=True))
_CORRECTED = 1 / 6  # of the run, at its end: 50 of 300 epochs


def _arms(
    network: str, epochs: int, sgd: Mapping[str, Any], sigma: float, paper: tuple[float | None, ...]
) -> tuple[Arm, ...]:
    ce, sln, momentum, corrected = paper
    noisy = {**sgd, "sigma": sigma}
    both = (
        last_accuracy(sln, name="SLN, test accuracy", view="network"),
        last_accuracy(momentum, name="SLN-MO, test accuracy"),
    )
    return (
        Arm(name="CE", method="ce", network=network, epochs=epochs, readings=(last_accuracy(ce),), options=sgd),
        Arm(
            name="SLN",
            method="sln",
            network=network,
            epochs=epochs,
            readings=both,
            options={**noisy, "correction": 0.0},
        ),
        Arm(
            name="SLN-MO-LC",
            method="sln",
            network=network,
            epochs=epochs,
            readings=(last_accuracy(corrected),),
            options={**noisy, "correction": _CORRECTED},
        ),
    )


_PAPER = {"optimizer": "sgd", "lr": 0.001, "weight_decay": 5e-4, "batch": 128}
_SAME = "the same schedule; labels are drawn anew with every seed instead of read from the paper's file"

PRESETS = (
    Preset(
        name="sln-mnist",
        paper="SLN, CIFAR table",
        shows="Label noise, a momentum model and label correction each add to the one before",
        setting=Setting(
            dataset="mnist",
            samples=2000,
            plant=partial(symmetric, rate=0.4),
            noise="40 % symmetric among the other classes",
            test=1500,
        ),
        arms=_arms("mnist_cnn", 40, {**_PAPER, "lr": 0.02}, 1.0, (None, None, None, None)),
        device="cpu",
        costs={"cpu": Cost(seconds=175, known="measured, busy"), "cuda": Cost(seconds=20, known="estimated")},
        orders=_ORDERS,
        differs=(
            "MNIST and a small CNN instead of CIFAR-10 and WRN-28-2, 40 epochs at rate .02 instead of 300 at .001: "
            "the order is the claim, the paper's values (53.2, 80.0, 84.7, 87.0) belong to preset sln-cifar10-symmetric"
        ),
    ),
    Preset(
        name="sln-cifar10-symmetric",
        paper="SLN, CIFAR table",
        shows="CIFAR-10 with 40 % symmetric noise: SLN, its momentum model and label correction against CE",
        setting=Setting(
            dataset="cifar10",
            samples=50_000,
            plant=partial(symmetric, rate=0.4),
            noise="40 % symmetric among the other classes",
            augment="shift+flip",
        ),
        arms=_arms("wrn28_2", 300, _PAPER, 1.0, (53.16, 80.00, 84.71, 87.00)),
        device="cuda",
        costs={"cpu": Cost(seconds=550000, known="estimated"), "cuda": Cost(seconds=2400, known="estimated")},
        orders=_ORDERS,
        differs=_SAME,
        seeds=1,
    ),
    Preset(
        name="sln-cifar10-asymmetric",
        paper="SLN, CIFAR table",
        shows="CIFAR-10 with 40 % of five classes taken for their look-alikes: the same comparison",
        setting=Setting(
            dataset="cifar10",
            samples=50_000,
            plant=partial(asymmetric, rate=0.4, mapping=CIFAR10_PAIRS),
            noise="40 % of truck, bird, deer, cat and dog become automobile, airplane, horse, dog and cat",
            augment="shift+flip",
        ),
        arms=_arms("wrn28_2", 300, _PAPER, 0.5, (72.72, 80.63, 84.80, 87.85)),
        device="cuda",
        costs={"cpu": Cost(seconds=550000, known="estimated"), "cuda": Cost(seconds=2400, known="estimated")},
        orders=_ORDERS,
        differs=_SAME,
        seeds=1,
    ),
)
