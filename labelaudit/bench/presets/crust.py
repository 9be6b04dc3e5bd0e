"""CRUST: Mirzasoleiman, Cao and Leskovec, "Coresets for Robust Training of Neural Networks against Noisy Labels",
NeurIPS 2020: accuracy on CIFAR, and how many labels of the coreset are right, by either selector.

The paper describes greedy facility location; its released code selects the most central samples instead, which is what
its numbers were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from labelaudit.bench.noises import exchanged, uniform_setting
from labelaudit.bench.preset import Arm, Cost, Preset, Reading, Setting, Table
from labelaudit.bench.readings import ACCURACY, BEST, best_accuracy, chosen_clean, last_accuracy

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
    budget: float = 0.5,
) -> Arm:
    return Arm(
        name=name,
        method="crust",
        network=network,
        epochs=epochs,
        readings=readings,
        options={**options, **form, "budget": budget, "gradient": "last_layer", "every": 1},
        spans={"warmup": warmup},
        decay=decay,
        series=("chosen_clean", "test_accuracy"),
    )


_SMALL: Mapping[str, Any] = {
    "network": "mnist_cnn",
    "epochs": 12,
    "warmup": 0.25,
    "options": {"optimizer": "adam", "lr": 1e-3, "batch": 128},
}
_FLAT: Mapping[str, Any] = {**_SMALL, "network": "mlp"}
_FULL: Mapping[str, Any] = {
    "network": "resnet32",
    "epochs": 120,
    "warmup": 5 / 120,
    "options": _PAPER,
    "decay": (80 / 120, 100 / 120),
}
_ORDER = (("centrality: right labels in the coreset", "facility location: right labels in the coreset"),)

_ROWS = ("F-corr", "Decoupling", "Co-teaching", "MentorNet", "D2L", "INCV", "T-Revision", "L_DMI", "CRUST")
_METHODS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "F-corr": ("forward", {}),
    "Decoupling": ("decoupling", {}),
    "Co-teaching": ("co_teaching", {}),
    "MentorNet": ("mentornet", {}),
    "D2L": ("d2l", {}),
    "INCV": ("incv", {}),
    "T-Revision": ("t_revision", {}),
    "L_DMI": ("dmi", {}),
}
_RATES: Mapping[tuple[str, str, float], Mapping[str, float]] = {
    (dataset, kind, rate): dict(zip(_ROWS, values, strict=True))
    for (dataset, kind, rate), values in {
        ("cifar10", "sym", 0.2): (85.1, 86.7, 89.1, 88.4, 86.1, 89.7, 79.3, 84.3, 91.1),
        ("cifar10", "sym", 0.5): (76.0, 79.3, 82.1, 77.1, 67.4, 84.8, 78.5, 78.8, 86.3),
        ("cifar10", "sym", 0.8): (34.8, 36.9, 16.2, 28.9, 10.0, 52.3, 36.2, 20.9, 58.3),
        ("cifar10", "asym", 0.4): (83.6, 75.3, 84.6, 77.3, 85.6, 86.0, 76.3, 84.8, 88.8),
        ("cifar100", "sym", 0.2): (55.8, 57.6, 64.0, 63.0, 12.5, 60.2, 52.4, 56.8, 65.2),
        ("cifar100", "sym", 0.5): (43.3, 45.7, 52.3, 46.4, 5.6, 53.1, 37.6, 42.2, 56.4),
        ("cifar100", "asym", 0.4): (42.3, 43.1, 47.7, 42.4, 14.1, 50.7, 32.3, 39.5, 53.0),
    }.items()
}


def _baseline(row: str, value: float, rate: float) -> Arm:
    method, own = _METHODS[row]
    told = {"noise": rate} if method in ("co_teaching", "incv") else {}
    told |= {"percentile": 1 - rate} if method == "mentornet" else {}
    return Arm(
        name=row,
        method=method,
        network="resnet32",
        epochs=120,
        readings=(best_accuracy(value), last_accuracy()),
        options={**_PAPER, **own, **told},
        decay=(80 / 120, 100 / 120),
    )


def _cifar(dataset: str, kind: str, rate: float) -> Preset:
    paper = _RATES[dataset, kind, rate]
    how: dict[str, Any] = {"augment": "crop+flip"}
    if kind == "sym":
        setting = uniform_setting(dataset, rate, 50_000, **how)
    else:
        how |= {"plant": partial(exchanged, rate=rate), "noise": f"{rate:.0%} by a random exchange of classes"}
        setting = Setting(dataset=dataset, samples=50_000, level=rate, **how)
    rival = max(_METHODS, key=paper.__getitem__)
    known = {("cifar10", "sym", 0.5): "crust-cifar10-50"}
    return Preset(
        name=known.get((dataset, kind, rate), f"crust-{dataset}-{kind}-{100 * rate:.0f}"),
        paper="CRUST, CIFAR table",
        shows=f"CIFAR-{dataset.removeprefix('cifar')} with {setting.noise}: CRUST by either selector, and its rivals",
        setting=setting,
        arms=(
            _arm("centrality", _CODE, best_accuracy(paper["CRUST"]), last_accuracy(), chosen_clean(), **_FULL),
            _arm("facility location", _TEXT, best_accuracy(paper["CRUST"]), last_accuracy(), chosen_clean(), **_FULL),
            *(_baseline(row, paper[row], rate) for row in _METHODS),
        ),
        device="cuda",
        orders=(*_ORDER, *((f"centrality: {read}", f"{rival}: {read}") for read in (BEST, ACCURACY))),
        differs=(
            "mixup inside clusters with Beta(1, 1) and mixed labels, as the text has it (its parameter is not given); "
            "the code mixes with any sample of the same given label and keeps the label"
        ),
        seeds=1,
    )


_BOTH = Preset(
    name="crust-mnist",
    paper="CRUST, coreset figure",
    shows="At a budget of one half the released code's selector leaves wrong labels out, the paper's does not",
    setting=replace(uniform_setting("mnist", 0.5, 4000, test=2500), noise="50 % uniform among the other classes"),
    arms=(
        _arm("centrality", _CODE, chosen_clean(), last_accuracy(), **_SMALL),
        _arm("facility location", _TEXT, chosen_clean(), last_accuracy(), **_SMALL),
    ),
    device="cpu",
    costs={"cpu": Cost(seconds=47, known="measured, busy"), "cuda": Cost(seconds=30, known="estimated")},
    orders=_ORDER,
    differs="MNIST, a small CNN and 12 epochs; the paper gives the label accuracy of coresets as a figure only",
)
_BUDGETS = tuple(
    Preset(
        name=f"crust-figure-{100 * rate:.0f}",
        paper="CRUST, Fig. 1",
        shows="The smaller the coreset, the more of its labels are right, and ever more of them as training goes on",
        setting=uniform_setting("mnist", rate, 4000, test=2500, features=True),
        arms=tuple(
            _arm(f"{budget:.0%}", _CODE, chosen_clean(), last_accuracy(), **_FLAT, budget=budget)
            for budget in (0.3, 0.5, 0.7)
        ),
        device="cpu",
        orders=(
            ("30%: right labels in the coreset", "50%: right labels in the coreset"),
            ("50%: right labels in the coreset", "70%: right labels in the coreset"),
        ),
        differs="MNIST, one hidden layer and 12 epochs; the paper gives these as a figure only, on CIFAR-10",
    )
    for rate in (0.2, 0.5)
)

TABLES = (
    Table(
        name="crust-figure-1",
        paper="CRUST, Fig. 1",
        shows="How many labels of coresets of 30, 50 and 70 % are right, epoch by epoch, and either selector",
        presets=(_BOTH, *_BUDGETS),
    ),
    Table(
        name="crust-cifar",
        paper="CRUST, CIFAR table",
        shows="CIFAR-10 and CIFAR-100 with uniform and exchanged labels, ResNet-32: CRUST and what it is compared with",
        presets=tuple(_cifar(*cell) for cell in _RATES),
        missing=(
            "its ablation (8 cells), whose rows the text does not tell apart; Mini-WebVision (4 cells): images "
            "from the web that are not given out any more"
        ),
    ),
)
