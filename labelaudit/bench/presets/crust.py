"""CRUST: Mirzasoleiman, Cao and Leskovec, "Coresets for Robust Training of Neural Networks against Noisy Labels",
NeurIPS 2020: accuracy on CIFAR-10, and how many labels of the coreset are right, by either selector.

The paper describes greedy facility location; its released code selects the most central samples instead, which is what
its numbers were made with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Preset, Reading, Setting
from labelaudit.bench.readings import best_accuracy, chosen_clean, last_accuracy
from labelaudit.corrupt.noise import symmetric

_PAPER = {"optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4, "batch": 128}
_CODE = {"selector": "centrality", "partition": "given"}
_TEXT = {"selector": "facility_location", "partition": "predicted"}


def _arm(
    name: str,
    form: Mapping[str, Any],
    *readings: Reading,
    network: str,
    epochs: int,
    warmup: float,
    options: Mapping[str, Any],
    decay: tuple[float, ...] = (),
) -> Arm:
    return Arm(
        name=name,
        method="crust",
        network=network,
        epochs=epochs,
        readings=readings,
        options={**options, **form, "budget": 0.5, "gradient": "last_layer", "every": 1},
        spans={"warmup": warmup},
        decay=decay,
    )


_SMALL: Mapping[str, Any] = {
    "network": "mnist_cnn",
    "epochs": 12,
    "warmup": 0.25,
    "options": {"optimizer": "adam", "lr": 1e-3, "batch": 128},
}
_FULL: Mapping[str, Any] = {
    "network": "resnet32",
    "epochs": 120,
    "warmup": 5 / 120,
    "options": _PAPER,
    "decay": (80 / 120, 100 / 120),
}
_ORDER = (("centrality: right labels in the coreset", "facility location: right labels in the coreset"),)

PRESETS = (
    Preset(
        name="crust-mnist",
        paper="CRUST, coreset figure",
        shows="At a budget of one half the released code's selector leaves wrong labels out, the paper's does not",
        setting=Setting(
            dataset="mnist",
            samples=4000,
            plant=partial(symmetric, rate=0.5, exact=False),
            noise="50 % uniform among the other classes",
            test=2500,
        ),
        arms=(
            _arm("centrality", _CODE, chosen_clean(), last_accuracy(), **_SMALL),
            _arm("facility location", _TEXT, chosen_clean(), last_accuracy(), **_SMALL),
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=47, known="measured, busy"), "cuda": Cost(seconds=30, known="estimated")},
        orders=_ORDER,
        differs="MNIST, a small CNN and 12 epochs; the paper gives the label accuracy of coresets as a figure only",
    ),
    Preset(
        name="crust-cifar10-50",
        paper="CRUST, CIFAR table",
        shows="CIFAR-10 with 50 % uniform noise: CRUST as its code selects, and as its text does",
        setting=Setting(
            dataset="cifar10",
            samples=50_000,
            plant=partial(symmetric, rate=0.5, exact=False),
            noise="50 % uniform among the other classes",
            augment="shift+flip",
        ),
        arms=(
            _arm("centrality", _CODE, best_accuracy(86.3), last_accuracy(), chosen_clean(), **_FULL),
            _arm("facility location", _TEXT, best_accuracy(86.3), last_accuracy(), chosen_clean(), **_FULL),
        ),
        device="cuda",
        costs={"cpu": Cost(seconds=32000, known="estimated"), "cuda": Cost(seconds=1500, known="estimated")},
        orders=_ORDER,
        differs=(
            "mixup inside clusters with Beta(1, 1) and mixed labels, as the text has it (its parameter is not given); "
            "the code mixes with any sample of the same given label and keeps the label"
        ),
        seeds=1,
    ),
)
