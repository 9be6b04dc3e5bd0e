"""All five papers on scikit-learn's digits, which need no download: a minute's try, no paper's table.

What is compared is what the papers have in common: with labels planted wrong, plain cross-entropy learns them by heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labelaudit.bench.preset import Arm, Cost, Preset, Setting, Table
from labelaudit.bench.readings import curve, detection, last_accuracy
from labelaudit.corrupt.noise import symmetric

_METHODS: Mapping[str, Mapping[str, Any]] = {
    "ce": {},
    "crust": {},
    "limit": {"beta": 10},
    "sln": {"sigma": 1.0, "optimizer": "sgd", "lr": 0.02},
    "spectral": {},
    "gaussian": {"variance": 0.5},
}

_PRESETS = (
    Preset(
        name="digits",
        paper="all five",
        shows="With 40 % of the labels of 1,397 digits wrong, what each method learns, memorises and finds",
        setting=Setting(
            dataset="digits",
            samples=1397,
            plant=partial(symmetric, rate=0.4),
            noise="40 % symmetric among the other classes",
            features=True,
        ),
        arms=tuple(
            Arm(
                name=name,
                method=name,
                network="mlp",
                epochs=100,
                readings=(last_accuracy(), curve("wrong labels learnt by heart", "memorised"), detection()),
                options={"optimizer": "adam", "lr": 1e-3, "batch": 128, **options},
            )
            for name, options in _METHODS.items()
        ),
        device="cpu",
        costs={"cpu": Cost(seconds=30, known="measured, busy"), "cuda": Cost(seconds=30, known="estimated")},
        orders=tuple((f"{name}: test accuracy", "ce: test accuracy") for name in _METHODS if name != "ce"),
        differs="no paper has this setting: there are no values to compare with",
    ),
)

TABLES = (
    Table(
        name="digits-table",
        paper="all five",
        shows="All five papers on scikit-learn's digits: a minute's try, no paper's table",
        presets=_PRESETS,
    ),
)
