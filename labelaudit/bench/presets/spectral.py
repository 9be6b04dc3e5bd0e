"""SN: Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022: weight decay
with and without spectral normalisation, mixup, minimum entropy and the Jacobian penalty; BatchNorm is kept without its
scale under spectral normalisation, as in the released code. Weight decay is a term of the loss, and so it is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Device, Preset, Setting, Table
from labelaudit.bench.readings import chosen_accuracy, curve, last_accuracy, squared_jacobian
from labelaudit.bench.superclasses import next_in_superclass
from labelaudit.corrupt.noise import CIFAR10_PAIRS, MNIST_PAIRS, asymmetric, next_in_blocks, uniform

_RELEASED = {"spectral": {"scale": 1.0, "last": True, "batchnorm": "unscaled"}}
_ORDER = (("l2 + SN: test accuracy", "l2: test accuracy"),)
_PIXEL_VARIANCE = 0.061  # of CIFAR-10 in [0, 1]: a Jacobian penalty there is 1 / .061 times as large here
_RATES = (0.0, 0.1, 0.3, 0.5, 0.7)

_UNIFORM: Mapping[str, Sequence[float]] = {
    "none": (89.61, 86.87, 82.95, 78.53, 69.80),
    "l2": (90.03, 87.42, 83.57, 79.28, 69.88),
    "strong l2": (80.63, 76.84, 64.75, 71.34, 45.10),
    "SN": (90.60, 89.18, 84.93, 79.88, 69.55),
    "l2 + SN": (90.82, 89.32, 85.35, 80.22, 69.79),
    "l2 + mixup": (90.35, 88.03, 84.63, 79.41, 71.14),
    "l2 + mixup + SN": (91.47, 89.94, 86.04, 80.29, 71.43),
    "l2 + entropy": (90.07, 88.33, 85.45, 81.27, 70.97),
    "l2 + entropy + SN": (90.77, 89.38, 86.82, 83.24, 72.64),
    "l2 + Jacobian": (89.87, 87.66, 84.10, 79.73, 72.22),
    "l2 + Jacobian + mixup": (90.57, 87.96, 84.89, 79.72, 71.26),
}
_JACOBIANS: Mapping[str, Sequence[float]] = {
    "none": (4736, 2411, 1055, 329, 100),
    "l2": (4500, 2312, 942, 357, 90),
    "strong l2": (1785, 1060, 378, 442, 23),
    "l2 + SN": (465, 434, 362, 233, 79),
    "l2 + Jacobian": (2390, 686, 392, 90, 19),
}
_FLIP_RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
_FLIP: Mapping[str, Sequence[float]] = {
    "none": (87.63, 85.93, 83.39, 80.76, 72.45),
    "l2": (88.41, 87.55, 85.81, 82.47, 73.19),
    "strong l2": (78.43, 76.64, 72.53, 68.59, 61.29),
    "l2 + SN": (89.69, 88.22, 86.03, 82.97, 73.24),
    "l2 + Jacobian": (88.41, 87.50, 85.69, 82.43, 75.39),
}
_FLIP_JACOBIANS: Mapping[str, Sequence[float]] = {
    "none": (3125, 2789, 2608, 2484, 2426),
    "l2 + SN": (377, 343, 324, 349, 358),
}
_HUNDRED = {0.0: (67.96, 68.75), 0.1: (65.15, 66.59), 0.3: (59.33, 61.23), 0.5: (51.53, 52.56)}
_HUNDRED_FLIP = {0.1: (65.75, 67.03), 0.3: (60.48, 63.50), 0.5: (32.77, 33.13)}
_MNIST = {
    0.0: (99.21, 99.32),
    0.1: (98.87, 99.00),
    0.2: (98.49, 98.79),
    0.3: (97.86, 98.23),
    0.4: (91.64, 95.66),
    0.5: (65.70, 66.03),
}


def _arm(
    name: str,
    value: float | None,
    *,
    network: str,
    epochs: int,
    options: Mapping[str, Any],
    decay: tuple[float, ...],
    jacobian: float | None = None,
    regularizers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Arm:
    """One row: what its name says of `_KINDS`, on top of what all arms share."""
    own: dict[str, Mapping[str, Any]] = {
        kind: (regularizers or {}).get(kind, {}) for word, kind in _KINDS.items() if word in name.split(" + ")
    }
    if "SN" in name.split(" + "):
        own |= _RELEASED
    shrink = {"none": 0.0, "SN": 0.0, "strong l2": 100.0}.get(name, 1.0) * options["weight_decay"]
    return Arm(
        name=name,
        method="ce",
        network=network,
        epochs=epochs,
        readings=(chosen_accuracy(value), *([squared_jacobian(jacobian)] if jacobian is not None else [])),
        options={**options, "weight_decay": shrink},
        decay=decay,
        regularizers=own,
    )


_KINDS = {"mixup": "mixup", "entropy": "min_entropy", "Jacobian": "jacobian"}
_ADAM = {"optimizer": "adam", "lr": 1e-3, "weight_decay_form": "l2", "batch": 32}
_DIFFERS = (
    "logits may be negative, the released code has a ReLU on them; the Jacobian's coefficient is converted to scaled "
    "inputs, its optimiser does not begin anew; Jacobians are of up to 256 test images, in units of pixels in [0, 1]"
)


def _cifar(
    name: str, setting: Setting, values: Mapping[str, tuple[float, float | None]], tuned: Mapping[str, float]
) -> Preset:
    """AllCNN by Adam, 20 epochs, a tenth of the rate after each ten."""
    arms = tuple(
        _arm(
            row,
            value,
            network="allcnn",
            epochs=30 if setting.level == 0.7 else 20,
            options={**_ADAM, "weight_decay": tuned["l2"]},
            decay=(1 / 3, 2 / 3) if setting.level == 0.7 else (0.5,),
            jacobian=jacobian,
            regularizers={
                "mixup": {"alpha": tuned.get("mixup", 0.3)},
                "min_entropy": {"coefficient": tuned["entropy + SN" if row.endswith("SN") else "entropy"]}
                if "entropy" in tuned
                else {},
                "jacobian": {"coefficient": tuned["jacobian"] / _PIXEL_VARIANCE, "start": 10},
            },
        )
        for row, (value, jacobian) in values.items()
    )
    return Preset(
        name=name,
        paper="SN, CIFAR-10 tables",
        shows=f"CIFAR-10, {setting.noise}: weight decay with and without spectral normalisation and what joins it",
        setting=setting,
        arms=arms,
        device="cuda",
        orders=_ORDER,
        differs=_DIFFERS,
        seeds=1,
    )


def _column(
    accuracies: Mapping[str, Sequence[float]], jacobians: Mapping[str, Sequence[float]], column: int
) -> dict[str, tuple[float, float | None]]:
    """Row -> accuracy, and the Jacobian norm where the paper has it, of one column of both tables."""
    return {
        row: (found[column], jacobians[row][column] if row in jacobians else None) for row, found in accuracies.items()
    }


def _whole(dataset: str, rate: float, plant: Any, noise: str) -> Setting:
    return Setting(dataset=dataset, samples=45_000, plant=plant, noise=noise, valid=5000, valid_noisy=False, level=rate)


def _uniform(rate: float) -> Preset:
    column = _RATES.index(rate)
    tuned = {
        "l2": (1e-4, 1e-4, 1e-4, 1e-5, 1e-5)[column],
        "jacobian": (1e-5, 1e-4, 1e-4, 5e-4, 1e-3)[column],
        "entropy": (1.0, 2.0, 2.0, 1.0, 0.5)[column],
        "entropy + SN": (0.5, 0.5, 1.0, 1.0, 0.5)[column],
        "mixup": (0.2, 0.3, 0.5, 0.4, 0.4)[column],
    }
    noise = f"{rate:.0%} get any class, their own included: {0.9 * rate:.0%} are wrong"
    name = f"spectral-cifar10-{100 * rate:.0f}"
    values = _column(_UNIFORM, _JACOBIANS, column)
    return _cifar(name, _whole("cifar10", rate, partial(uniform, rate=rate), noise), values, tuned)


def _flip(rate: float) -> Preset:
    column = _FLIP_RATES.index(rate)
    tuned = {"l2": 1e-4, "jacobian": 1e-5 if rate < 0.4 else 1e-4}
    values = _column(_FLIP, _FLIP_JACOBIANS, column)
    plant = partial(asymmetric, rate=rate, mapping=CIFAR10_PAIRS)
    noise = f"{rate:.0%} of truck, bird, deer, cat and dog become automobile, airplane, horse, dog and cat"
    return _cifar(f"spectral-cifar10-flip-{100 * rate:.0f}", _whole("cifar10", rate, plant, noise), values, tuned)


def _hundred(rate: float, *, flip: bool, superclass: bool = False) -> Preset:
    l2, both = (_HUNDRED_FLIP if flip else _HUNDRED)[rate]
    plant = partial(next_in_superclass if superclass else next_in_blocks if flip else uniform, rate=rate)
    block = "superclass" if superclass else "block of five"
    noise = f"{rate:.0%} become the next class of their {block}" if flip else f"{rate:.0%} get any of 100 classes"
    options = {**_ADAM, "weight_decay": 5e-5 if rate == 0.5 and not flip else 1e-4}
    network: dict[str, Any] = {"network": "allcnn", "epochs": 35 if flip else 50, "decay": (0.5, 0.75)}
    return Preset(
        name=f"spectral-cifar100-{'superclass-' if superclass else 'flip-' if flip else ''}{100 * rate:.0f}",
        paper="SN, CIFAR-100 table",
        shows=f"CIFAR-100, {noise}: weight decay with and without spectral normalisation",
        setting=_whole("cifar100", rate, plant, noise),
        arms=tuple(
            _arm(name, None if superclass else value, options=options, **network)
            for name, value in (("l2", l2), ("l2 + SN", both))
        ),
        device="cuda",
        orders=_ORDER,
        differs=_DIFFERS
        + (
            "; the paper's numbers are of blocks of class numbers"
            if superclass
            else "; the blocks are of class numbers in their order, as in the released code"
        ),
        seeds=1,
    )


def _mnist(rate: float) -> Preset:
    options = {"optimizer": "sgd", "lr": 0.01, "weight_decay": 1e-3 if rate == 0.5 else 1e-4, "batch": 32}
    costs: dict[Device, Cost] = {
        "cpu": Cost(seconds=150, known="measured, busy"),
        "cuda": Cost(seconds=60, known="estimated"),
    }
    return Preset(
        name="spectral-mnist-flip" if rate == 0.4 else f"spectral-mnist-flip-{100 * rate:.0f}",
        paper="SN, MNIST flip table",
        shows=f"With {rate:.0%} of eight digits exchanged in pairs, spectral normalisation adds to weight decay",
        setting=Setting(
            dataset="mnist",
            samples=20_000,
            plant=partial(asymmetric, rate=rate, mapping=MNIST_PAIRS),
            noise=f"{100 * rate:.0f} % of 1 and 7, 2 and 3, 4 and 9, 5 and 6 exchanged",
            valid=2000,
            valid_noisy=False,
            test=2500,
            level=rate,
        ),
        arms=tuple(
            _arm(name, value, network="lenet5", epochs=10, options=options, decay=(0.5,))
            for name, value in zip(("l2", "l2 + SN"), _MNIST[rate], strict=True)
        ),
        device="cpu",
        costs=costs,
        orders=_ORDER,
        differs=(
            "20,000 samples and 10 epochs, not 54,000 and 30; an epoch is chosen on 2,000 clean samples, not 6,000"
        ),
    )


def _learnt_by_heart(rate: float) -> Preset:
    """Fig. 1: no validation and no weight decay, so that wrong labels are learnt to the end."""
    readings = (squared_jacobian(training=True), curve("given labels learnt", "train_accuracy"), last_accuracy())
    arms: tuple[tuple[str, dict[str, dict[str, Any]]], ...] = (
        ("none", {}),
        ("SN", {"spectral": {"scale": 1.0, "last": True}}),
    )
    return Preset(
        name=f"spectral-figure-1-{100 * rate:.0f}",
        paper="SN, Fig. 1",
        shows="The more labels are wrong, the more a network that has learnt them all stretches its training samples",
        setting=Setting(
            dataset="mnist",
            samples=1000,
            plant=partial(uniform, rate=rate),
            noise=f"{rate:.0%} get any class, their own included: {0.9 * rate:.0%} are wrong",
            test=1000,
            features=True,
            level=rate,
        ),
        arms=tuple(
            Arm(
                name=name,
                method="ce",
                network="mlp_2x512",
                epochs=60,
                readings=readings,
                options={"optimizer": "adam", "lr": 1e-3, "batch": 64},
                regularizers=own,
            )
            for name, own in arms
        ),
        device="cpu",
        orders=(("none: squared Jacobian norm, training samples", "SN: squared Jacobian norm, training samples"),),
        differs="1,000 MNIST images and two hidden layers, 60 epochs; the paper gives a figure only, on CIFAR-10",
    )


TABLES = (
    Table(
        name="spectral-figure-1",
        paper="SN, Fig. 1",
        shows="How far networks stretch their training samples once they have learnt all labels, by noise rate",
        presets=tuple(_learnt_by_heart(rate) for rate in _RATES),
    ),
    Table(
        name="spectral-mnist",
        paper="SN, MNIST flip table",
        shows="MNIST with digits exchanged in pairs, LeNet-5: weight decay with and without spectral normalisation",
        presets=tuple(_mnist(rate) for rate in _MNIST),
    ),
    Table(
        name="spectral-cifar10-uniform",
        paper="SN, CIFAR-10 uniform tables (accuracy and Jacobian norms)",
        shows="CIFAR-10 with uniform noise, AllCNN: eleven ways to regularise, and how far the networks stretch inputs",
        presets=tuple(_uniform(rate) for rate in _RATES),
        missing="layer norms: the paper's own rows for .1 and .3 are the same, so there is nothing to compare with",
    ),
    Table(
        name="spectral-cifar10-flips",
        paper="SN, CIFAR-10 flip tables (accuracy and Jacobian norms)",
        shows="CIFAR-10 with five classes taken for their look-alikes, AllCNN",
        presets=tuple(_flip(rate) for rate in _FLIP_RATES),
    ),
    Table(
        name="spectral-cifar100",
        paper="SN, CIFAR-100 tables",
        shows="CIFAR-100 with uniform noise and with classes of one block exchanged, AllCNN",
        presets=tuple(
            _hundred(rate, flip=flip, superclass=superclass)
            for flip, superclass, of in (
                (False, False, _HUNDRED),
                (True, False, _HUNDRED_FLIP),
                (True, True, _HUNDRED_FLIP),
            )
            for rate in of
        ),
        missing="Clothing1M (4 cells): a million images that are given out on request only",
    ),
)
