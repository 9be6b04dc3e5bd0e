"""LIMIT: Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network
Weights", ICML 2020: accuracy on MNIST (Tables 4 and 5) and CIFAR, and how well wrong labels are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from labelaudit.bench.noises import uniform_setting
from labelaudit.bench.preset import Arm, Cost, Preset, Reading, Setting, Table
from labelaudit.bench.readings import chosen_accuracy, detection, last_accuracy
from labelaudit.corrupt.noise import asymmetric

_ADAM: Mapping[str, Any] = {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0, "batch": 256}
_PAIRS = {9: 1, 2: 0, 4: 7, 3: 5}  # no dog to cat: .4 of four classes is 16 % of all labels
_ORDER = (("LIMIT_L: test accuracy", "CE: test accuracy"),)

_MNIST_COLUMNS = (*((p, n) for p in (0.0, 0.5, 0.8) for n in (1000, 10_000, 48_000)), (0.89, 48_000))
_MNIST: Mapping[str, Sequence[float]] = {
    "CE": (94.3, 98.4, 99.2, 71.8, 93.1, 97.2, 27.0, 69.9, 87.2, 13.2),
    "CE+GN": (89.5, 95.4, 97.1, 70.5, 92.3, 97.4, 25.9, 51.9, 85.3, 11.1),
    "CE+LN": (90.0, 95.3, 96.7, 66.8, 92.0, 97.6, 30.2, 53.1, 74.5, 14.1),
    "MAE": (94.6, 98.3, 99.1, 75.6, 95.7, 98.1, 25.1, 74.6, 93.2, 17.6),
    "FW": (93.6, 98.4, 99.2, 64.3, 91.6, 97.3, 19.0, 61.2, 89.1, 12.3),
    "DMI": (94.5, 98.5, 99.2, 79.8, 95.7, 98.3, 30.3, 79.0, 88.8, 12.5),
    "soft": (95.7, 98.4, 99.2, 76.4, 95.7, 98.2, 28.8, 67.0, 89.3, 12.7),
    "LIMIT_G+S": (95.6, 98.6, 99.3, 82.8, 97.0, 98.7, 35.9, 80.6, 93.4, 13.1),
    "LIMIT_L+S": (94.8, 98.6, 99.3, 88.7, 97.6, 98.9, 35.6, 93.3, 97.6, 28.3),
    "LIMIT_G": (95.7, 98.7, 99.3, 83.3, 97.1, 98.6, 37.1, 82.0, 94.7, 16.0),
    "LIMIT_L": (95.0, 98.7, 99.3, 88.2, 97.7, 99.0, 35.9, 93.9, 97.7, 28.6),
}
_UNIFORM_RATES = (0.0, 0.2, 0.4, 0.6, 0.8)
_UNIFORM: Mapping[str, Sequence[float]] = {
    "CE": (92.7, 85.2, 81.0, 69.0, 38.8),
    "MAE": (84.4, 85.4, 64.6, 15.4, 12.0),
    "FW": (92.9, 86.2, 81.4, 69.7, 34.4),
    "DMI": (93.0, 88.3, 85.0, 72.5, 38.9),
    "LIMIT_G": (93.5, 90.7, 86.6, 73.7, 38.7),
    "LIMIT_L": (93.1, 91.5, 88.2, 75.7, 35.8),
    "LIMIT_G+init": (93.3, 92.4, 90.3, 81.9, 44.1),
    "LIMIT_L+init": (93.3, 92.2, 90.2, 82.9, 44.3),
}
_PAIR_RATES = (0.1, 0.2, 0.3, 0.4)
_PAIR: Mapping[str, Sequence[float]] = {
    "CE": (90.0, 88.1, 87.2, 81.8),
    "MAE": (88.6, 83.2, 72.1, 61.1),
    "FW": (90.1, 88.0, 86.8, 84.6),
    "DMI": (91.4, 90.6, 90.4, 89.6),
    "LIMIT_G": (92.8, 91.3, 89.2, 86.0),
    "LIMIT_L": (91.9, 91.1, 88.8, 84.2),
    "LIMIT_G+init": (93.3, 92.9, 90.8, 88.3),
    "LIMIT_L+init": (93.0, 92.3, 91.1, 90.0),
}
_CIFAR100: Mapping[str, Sequence[float]] = {
    "CE": (44.9,),
    "MAE": (1.8,),
    "FW": (23.3,),
    "DMI": (46.1,),
    "LIMIT_G": (58.4,),
    "LIMIT_L": (49.5,),
    "LIMIT_G+init": (59.2,),
    "LIMIT_L+init": (60.8,),
}
_NOISE: Mapping[str, Any] = {"sigma": 0.01, "scale": "batch"}  # the smallest that the paper tried; 22 % at .1
_BASELINES: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, float], float]] = {
    "CE": ("ce", {}, {}, 1),
    "CE+GN": ("gradient_noise", {**_NOISE, "distribution": "gaussian"}, {}, 3),
    "CE+LN": ("gradient_noise", {**_NOISE, "distribution": "laplace"}, {}, 3),
    "MAE": ("mae", {}, {}, 3),
    "FW": ("forward", {"warmup": 0.0}, {}, 1),
    "DMI": ("dmi", {"warmup": 0.0}, {}, 1),
    "soft": ("limit_soft", {"strength": 0.01, "beta": 0.1}, {}, 2),
}
"""Row -> method, options, spans, and its epochs as a multiple of cross-entropy's."""
_CORRECTIONS = ("FW", "DMI")
"""Rows that begin with the best model of cross-entropy, as in the paper."""


def _arm(name: str, *readings: Reading, network: str, epochs: tuple[int, int], beta: float) -> Arm:
    """``epochs`` of cross-entropy and of LIMIT."""
    first = None
    if name in _BASELINES:
        method, own, spans, times = _BASELINES[name]
        lasts = round(times * epochs[0])
        if name in _CORRECTIONS:
            first = _arm("CE", network=network, epochs=epochs, beta=beta)
    else:
        method, lasts, spans = "limit", epochs[1], {"init": 0.25} if name.endswith("+init") else {}
        own = {"distribution": "gaussian" if name.startswith("LIMIT_G") else "laplace", "beta": beta}
        own |= {"sigma": 0.1} if name.endswith("+S") else {}
    return Arm(
        name=name,
        method=method,
        network=network,
        epochs=lasts,
        readings=readings,
        options={**_ADAM, **own},
        spans=spans,
        after=first,
    )


_SMALL = (
    "an epoch is chosen on 2,000 noisy validation samples instead of 12,000 and tested on 2,500 images instead of "
    "10,000, both redrawn with every seed; options are fixed instead of searched"
)
_EPOCHS = {1000: (20, 100), 10_000: (8, 40), 48_000: (5, 15)}
_NAMES = {(0.5, 1000): "limit-mnist-50", (0.8, 10_000): "limit-mnist-80"}


def _beta(p: float, n: int) -> float:
    """Few samples are learnt by heart sooner; without noise nothing needs to be held back."""
    return 1 if p == 0 else 30 if n == 1000 else 10


def _mnist(p: float, n: int) -> Preset:
    column, epochs = _MNIST_COLUMNS.index((p, n)), _EPOCHS[n]
    arms = []
    for name, values in _MNIST.items():
        found = (detection(column="limit_residual"),) if (p, n, name) == (0.8, 10_000, "LIMIT_L") else ()
        readings = (chosen_accuracy(values[column]), *found)
        arms.append(_arm(name, *readings, network="mnist_cnn", epochs=epochs, beta=_beta(p, n)))
    return Preset(
        name=_NAMES.get((p, n), f"limit-mnist-{100 * p:.0f}-{n // 1000}k"),
        paper="LIMIT, Tables 4 and 5",
        shows=f"MNIST, {n:,} labels of which {p:.0%} are wrong: LIMIT against what the paper compares it with",
        setting=uniform_setting("mnist", p, n, valid=2000, test=2500),
        arms=tuple(arms),
        device="cpu",
        orders=_ORDER if p else (),
        differs=f"{epochs[1]} epochs for LIMIT and {epochs[0]} for CE instead of up to 400; {_SMALL}",
        seeds=3 if n == 1000 or (p, n) in _NAMES else 1,
    )


def _cifar(
    name: str, shows: str, setting: Setting, values: Mapping[str, float], extra: Mapping[str, Reading]
) -> Preset:
    arms = tuple(
        _arm(
            row,
            chosen_accuracy(value),
            *([extra[row]] if row in extra else []),
            network="resnet34",
            epochs=(150, 150) if row != "MAE" else (75, 150),
            beta=10,
        )
        for row, value in values.items()
    )
    return Preset(
        name=name,
        paper="LIMIT, CIFAR tables",
        shows=shows,
        setting=replace(setting, augment="crop+flip"),
        arms=arms,
        device="cuda",
        orders=_ORDER if setting.level else (),
        differs="150 epochs or fewer instead of up to 400, β = 10 throughout; +init gives a quarter of the run to q",
        seeds=1,
    )


def _uniform_cifar(rate: float) -> Preset:
    column = _UNIFORM_RATES.index(rate)
    return _cifar(
        f"limit-cifar10-{100 * rate:.0f}",
        f"CIFAR-10 with {rate:.0%} uniform noise: accuracy, and wrong labels found",
        uniform_setting("cifar10", rate, 40_000, valid=10_000),
        {name: values[column] for name, values in _UNIFORM.items()},
        {"LIMIT_L": detection(0.99, column="limit_residual")} if rate == 0.4 else {},
    )


def _pair_cifar(rate: float) -> Preset:
    column = _PAIR_RATES.index(rate)
    setting = Setting(
        dataset="cifar10",
        samples=40_000,
        plant=partial(asymmetric, rate=rate, mapping=_PAIRS, exact=False),
        noise=f"{rate:.0%} of truck, bird, deer and cat become automobile, airplane, horse and dog",
        valid=10_000,
        level=rate,
    )
    return _cifar(
        "limit-cifar10-pair" if rate == 0.4 else f"limit-cifar10-pair-{100 * rate:.0f}",
        f"CIFAR-10 with {rate:.0%} of four classes taken for their look-alikes: accuracy, and wrong labels found",
        setting,
        {name: values[column] for name, values in _PAIR.items()},
        {"LIMIT_G": detection(0.911, column="limit_residual")} if rate == 0.4 else {},
    )


_DETECTION = Preset(
    name="limit-mnist-detection",
    paper="LIMIT, detection",
    shows="The distance between predicted and true gradients finds wrong labels of MNIST, 80 % of them",
    setting=uniform_setting("mnist", 0.8, 48_000, valid=0, test=1000),
    arms=(
        Arm(
            name="LIMIT_L",
            method="limit",
            network="mnist_cnn",
            epochs=10,
            readings=(detection(0.9987, column="limit_residual"),),
            series=("distance_right", "distance_wrong"),
            options={**_ADAM, "distribution": "laplace", "beta": 10},
        ),
    ),
    device="cpu",
    costs={"cpu": Cost(seconds=300, known="estimated"), "cuda": Cost(seconds=20, known="estimated")},
    differs="10 epochs, the last one scored, instead of up to 400 and the best on validation",
)

_LENGTHS = Preset(
    name="limit-lengths",
    paper="LIMIT, Figs A1 and A2",
    shows="How long a predicted gradient is tells no wrong label unless labels are learnt by heart; its distance does",
    setting=replace(uniform_setting("mnist", 0.5, 2000, valid=0, test=1500), features=True),
    arms=tuple(
        Arm(
            name=name,
            method="limit",
            network="mlp",
            epochs=60,
            readings=(last_accuracy(), detection(column="limit_residual"), detection(column="limit_gradient")),
            series=("gradient_right", "gradient_wrong", "distance_right", "distance_wrong"),
            options={**_ADAM, "distribution": kind, "beta": beta},
        )
        for name, kind, beta in (("LIMIT_L", "laplace", 10), ("LIMIT_G, β = 0", "gaussian", 0))
    ),
    device="cpu",
    orders=(
        ("LIMIT_L: AUROC of limit_residual", "LIMIT_G, β = 0: AUROC of limit_residual"),
        ("LIMIT_L: AUROC of limit_residual", "LIMIT_L: AUROC of limit_gradient"),
        ("LIMIT_G, β = 0: AUROC of limit_gradient", "LIMIT_L: AUROC of limit_gradient"),
    ),
    differs="2,000 MNIST images as features, one hidden layer, 60 epochs; the paper gives these as figures only",
)

TABLES = (
    Table(
        name="limit-figures",
        paper="LIMIT, Figs A1 and A2",
        shows="Lengths of predicted gradients and their distances from the true ones, of right and of wrong labels",
        presets=(_LENGTHS,),
    ),
    Table(
        name="limit-mnist",
        paper="LIMIT, Tables 4 and 5",
        shows="MNIST with uniform noise: LIMIT against cross-entropy, noisy gradients, MAE, FW, DMI, the soft form",
        presets=tuple(_mnist(p, n) for p, n in _MNIST_COLUMNS),
    ),
    Table(
        name="limit-detection",
        paper="LIMIT, detection",
        shows="The gradient distance as a score: AUROC of wrong labels",
        presets=(_DETECTION,),
        missing="CIFAR-10 pair and uniform are read in limit-cifar10-uniform and -pair; CIFAR-100 has no number there",
    ),
    Table(
        name="limit-cifar10-uniform",
        paper="LIMIT, CIFAR-10 uniform table",
        shows="CIFAR-10 with uniform noise, ResNet-34",
        presets=tuple(_uniform_cifar(rate) for rate in _UNIFORM_RATES),
    ),
    Table(
        name="limit-cifar10-pairs",
        paper="LIMIT, CIFAR-10 pair table",
        shows="CIFAR-10 with four classes taken for their look-alikes, ResNet-34",
        presets=tuple(_pair_cifar(rate) for rate in _PAIR_RATES),
    ),
    Table(
        name="limit-cifar100",
        paper="LIMIT, CIFAR-100 and Clothing1M table",
        shows="CIFAR-100 with 40 % uniform noise, ResNet-34",
        presets=(
            _cifar(
                "limit-cifar100-40",
                "CIFAR-100 with 40 % uniform noise",
                uniform_setting("cifar100", 0.4, 40_000, valid=10_000),
                {name: values[0] for name, values in _CIFAR100.items()},
                {},
            ),
        ),
        missing="Clothing1M (8 cells): a million images that are given out on request only",
    ),
)
