"""LIMIT: Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network
Weights", ICML 2020: accuracy on MNIST (Tables 4 and 5) and CIFAR-10, and how well wrong labels are found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Preset, Reading, Setting
from labelaudit.bench.readings import chosen_accuracy, detection
from labelaudit.corrupt.noise import asymmetric, symmetric

_ADAM: Mapping[str, Any] = {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0, "batch": 256}
_PAIRS = {9: 1, 2: 0, 4: 7, 3: 5}  # no dog to cat: .4 of four classes is 16 % of all labels


def _limit(kind: str, *readings: Reading, network: str, epochs: int, beta: float) -> Arm:
    options = {**_ADAM, "distribution": kind, "beta": beta}
    name = f"LIMIT_{kind[0].upper()}"
    return Arm(name=name, method="limit", network=network, epochs=epochs, readings=readings, options=options)


def _ce(*readings: Reading, network: str, epochs: int) -> Arm:
    return Arm(name="CE", method="ce", network=network, epochs=epochs, readings=readings, options=_ADAM)


def _uniform(dataset: str, rate: float, samples: int, *, valid: int, test: int | None = None, **rest: Any) -> Setting:
    return Setting(
        dataset=dataset,
        samples=samples,
        plant=partial(symmetric, rate=rate, exact=False),
        noise=f"{rate:.0%} uniform among the other classes",
        valid=valid,
        test=test,
        **rest,
    )


_ORDER = (("LIMIT_L: test accuracy", "CE: test accuracy"),)
_SMALL = (
    "an epoch is chosen on 2,000 noisy validation samples instead of 12,000 and tested on 2,500 images instead of "
    "10,000, both redrawn with every seed"
)

PRESETS = (
    Preset(
        name="limit-mnist-50",
        paper="LIMIT, Table 4",
        shows="With half of 1,000 MNIST labels wrong, LIMIT keeps what cross-entropy loses",
        setting=_uniform("mnist", 0.5, 1000, valid=2000, test=2500),
        arms=(
            _ce(chosen_accuracy(71.8), network="mnist_cnn", epochs=20),
            _limit("laplace", chosen_accuracy(88.2), network="mnist_cnn", epochs=100, beta=30),
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=270, known="estimated"), "cuda": Cost(seconds=15, known="estimated")},
        orders=_ORDER,
        differs=f"100 epochs for LIMIT and 20 for CE instead of up to 400; {_SMALL}",
    ),
    Preset(
        name="limit-mnist-80",
        paper="LIMIT, Table 4",
        shows="With 80 % of 10,000 MNIST labels wrong, LIMIT still learns the digits",
        setting=_uniform("mnist", 0.8, 10_000, valid=2000, test=2500),
        arms=(
            _ce(chosen_accuracy(69.9), network="mnist_cnn", epochs=8),
            _limit(
                "laplace",
                chosen_accuracy(93.9),
                detection(column="limit_residual"),
                network="mnist_cnn",
                epochs=40,
                beta=10,
            ),
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=410, known="measured, busy"), "cuda": Cost(seconds=30, known="estimated")},
        orders=_ORDER,
        differs=f"40 epochs for LIMIT and 8 for CE instead of up to 400; {_SMALL}",
    ),
    Preset(
        name="limit-mnist-detection",
        paper="LIMIT, detection",
        shows="The distance between predicted and true gradients finds wrong labels of MNIST, 80 % of them",
        setting=_uniform("mnist", 0.8, 48_000, valid=0, test=1000),
        arms=(_limit("laplace", detection(0.9987, column="limit_residual"), network="mnist_cnn", epochs=10, beta=10),),
        device="cpu",
        costs={"cpu": Cost(seconds=300, known="estimated"), "cuda": Cost(seconds=20, known="estimated")},
        differs="10 epochs, the last one scored, instead of up to 400 and the best on validation",
    ),
    Preset(
        name="limit-cifar10-40",
        paper="LIMIT, CIFAR table",
        shows="CIFAR-10 with 40 % uniform noise: accuracy, and wrong labels found",
        setting=_uniform("cifar10", 0.4, 40_000, valid=10_000, augment="shift+flip"),
        arms=(
            _ce(chosen_accuracy(81.0), network="resnet34", epochs=150),
            _limit("gaussian", chosen_accuracy(86.6), network="resnet34", epochs=150, beta=10),
            _limit(
                "laplace",
                chosen_accuracy(88.2),
                detection(0.99, column="limit_residual"),
                network="resnet34",
                epochs=150,
                beta=10,
            ),
        ),
        device="cuda",
        costs={"cpu": Cost(seconds=1300000, known="estimated"), "cuda": Cost(seconds=2400, known="estimated")},
        orders=_ORDER,
        differs="150 epochs instead of up to 400; the paper says more than .99 without more places",
        seeds=1,
    ),
    Preset(
        name="limit-cifar10-pair",
        paper="LIMIT, CIFAR table",
        shows="CIFAR-10 with 40 % of four classes taken for their look-alikes: accuracy, and wrong labels found",
        setting=Setting(
            dataset="cifar10",
            samples=40_000,
            plant=partial(asymmetric, rate=0.4, mapping=_PAIRS, exact=False),
            noise="40 % of truck, bird, deer and cat become automobile, airplane, horse and dog",
            valid=10_000,
            augment="shift+flip",
        ),
        arms=(
            _ce(chosen_accuracy(81.8), network="resnet34", epochs=150),
            _limit(
                "gaussian",
                chosen_accuracy(86.0),
                detection(0.911, column="limit_residual"),
                network="resnet34",
                epochs=150,
                beta=10,
            ),
            _limit("laplace", chosen_accuracy(84.2), network="resnet34", epochs=150, beta=10),
        ),
        device="cuda",
        costs={"cpu": Cost(seconds=1300000, known="estimated"), "cuda": Cost(seconds=2400, known="estimated")},
        orders=(("LIMIT_G: test accuracy", "CE: test accuracy"),),
        differs="150 epochs instead of up to 400; the paper does not say which form its AUROC is of",
        seeds=1,
    ),
)
