"""The CIFAR-10 tables of four papers in miniature: every arm, rate and option of the presets for a GPU, with a network
of one hidden layer on little data in place of a deep one on 40,000 to 50,000 images.

A seed takes seconds on one core. Only orders compare with the papers: such a network learns wrong labels by heart as
deep ones do, but on features of CIFAR-10 it begins with something that knows no label. SLN's are of scikit-learn's
digits: on features, which are long vectors, its noise moves the network further in a step than it can learn back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labelaudit.bench.preset import Arm, Preset, Reading, Setting, Table
from labelaudit.bench.presets import crust, limit, sln, spectral


@dataclass(frozen=True, kw_only=True)
class _Miniature:
    """Data and schedule that one paper's presets get."""

    data: Mapping[str, Any]
    """Fields of `Setting`."""
    on: str
    """The same in words."""
    epochs: int
    options: Mapping[str, Any] = field(default_factory=dict)
    noise: Mapping[str, str] = field(default_factory=dict)
    """Preset -> its noise in words, where classes have other names."""
    title: str = "CIFAR-10"


_FEATURES: Mapping[str, Any] = {"samples": 2500, "test": 1500, "backbone": "lite0@128"}
_ON_FEATURES = "features of EfficientNet-Lite0 at 128 px, which ImageNet gave, of 2,500 images, tested on 1,500 others"
_DIGITS: Mapping[str, Any] = {"dataset": "digits", "samples": 1397, "test": 400, "features": True}
_VALID = 500
_LIMIT = _Miniature(data=_FEATURES, on=_ON_FEATURES, epochs=40)
_CRUST = _Miniature(data=_FEATURES, on=_ON_FEATURES, epochs=30, options={"lr": 0.02})
_SPECTRAL = _Miniature(data=_FEATURES, on=_ON_FEATURES, epochs=20)
_SLN = _Miniature(
    data=_DIGITS,
    on="1,397 of scikit-learn's digits of 8 px instead of CIFAR-10, tested on 400 others",
    epochs=100,
    title="Digits",
    options={"lr": 0.02},
    noise={"sln-cifar10-asymmetric": "40 % of 9, 2, 4, 3 and 5 become 1, 0, 7, 5 and 3"},
)


def _shrink(preset: Preset, small: _Miniature) -> Preset:
    """``preset`` on little data, each arm with its share of the schedule."""
    whole = preset.setting
    setting: Setting = replace(whole, valid=_VALID if whole.valid else 0, augment="none", **small.data)
    longest = max(arm.epochs for arm in preset.arms)
    return replace(
        preset,
        name=f"{preset.name}-miniature",
        paper=f"{preset.paper}, in miniature",
        shows=preset.shows.replace("CIFAR-10", small.title),
        setting=replace(setting, noise=small.noise.get(preset.name, whole.noise)),
        arms=tuple(_shrink_arm(arm, small, small.epochs / longest) for arm in preset.arms),
        device="cpu",
        costs={},
        differs=(
            f"one hidden layer on {small.on}; {small.epochs} epochs"
            + "".join(f", {name} {value}" for name, value in small.options.items())
            + ", unsearched, not augmented"
        ),
        seeds=3,
        miniature=True,
    )


def _shrink_arm(arm: Arm, small: _Miniature, share: float) -> Arm:
    jacobian = dict(arm.regularizers.get("jacobian", {}))
    if "start" in jacobian:
        jacobian["start"] = round(jacobian["start"] * share)
    return replace(
        arm,
        network="mlp",
        epochs=round(arm.epochs * share),
        readings=tuple(_unitless(reading) for reading in arm.readings),
        options={**arm.options, **small.options},
        regularizers={**arm.regularizers, **({"jacobian": jacobian} if jacobian else {})},
        after=None if arm.after is None else _shrink_arm(arm.after, small, share),
        series=(),
    )


def _unitless(reading: Reading) -> Reading:
    """``reading`` without the paper's number where that is in units of pixels."""
    return replace(reading, paper=None, digits=2) if "Jacobian" in reading.name else reading


def _table(name: str, whole: str, module: Any, small: _Miniature) -> Table:
    (table,) = (one for one in module.TABLES if one.name == whole)
    presets = [one for one in table.presets if one.setting.dataset == "cifar10" and not one.setting.outside]
    return Table(
        name=name,
        paper=f"{table.paper.replace('CIFAR and CIFAR-100', 'CIFAR')}, in miniature",
        shows=f"The arms, rates and options of {whole} with one hidden layer on {small.on.partition(' of ')[0]}",
        presets=tuple(_shrink(one, small) for one in presets),
    )


TABLES = (
    _table("crust-miniature", "crust-cifar", crust, _CRUST),
    _table("limit-uniform-miniature", "limit-cifar10-uniform", limit, _LIMIT),
    _table("limit-pairs-miniature", "limit-cifar10-pairs", limit, _LIMIT),
    _table("sln-miniature", "sln-cifar10", sln, _SLN),
    _table("spectral-uniform-miniature", "spectral-cifar10-uniform", spectral, _SPECTRAL),
    _table("spectral-flips-miniature", "spectral-cifar10-flips", spectral, _SPECTRAL),
)
