"""A preset: the setting of one experiment of a paper, its runs, and the numbers read off each.

A preset holds plain values and small functions, so that listing all of them loads neither torch nor data. Left out:
searching hyperparameters; where a paper searched, a preset has the value that the paper, or its code, ended with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from labelaudit.corrupt.noise import NoisyLabels
from labelaudit.errors import OptionError
from labelaudit.training.settings import Augment, ModelSettings
from labelaudit.types import Bools, Ints

if TYPE_CHECKING:
    from labelaudit.models import FittedModel

Device = Literal["cpu", "cuda"]
Plant = Callable[..., NoisyLabels]
"""A function of `labelaudit.corrupt.noise` with all but (true labels (n,), C, generator=…) filled in."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """One run that is over, with the data it saw."""

    trained: FittedModel
    wrong: Bools
    """(n,) training samples whose given label is not the true one."""
    x: npt.NDArray[Any]
    """Training samples."""
    given: Ints
    """Their labels, noise and all."""
    test_x: npt.NDArray[Any]
    test_y: Ints
    """True labels."""
    seed: int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One number that is read off a finished run: a row of the table."""

    name: str
    read: Callable[[Finished], float]
    paper: float | None = None
    """The paper's number for it; ``None`` if it gives none."""
    digits: int = 1
    """Places after the point in the table: 1 for per cent, 4 for an AUROC."""
    chosen: bool = False
    """Whether the run keeps the model of the best validation accuracy, and only that one meets test samples."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One training run, by the names that `labelaudit.models.train` takes."""

    name: str
    method: str
    network: str
    epochs: int
    readings: tuple[Reading, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    spans: Mapping[str, float] = field(default_factory=dict)
    """Options that are a number of epochs, as shares of the run, so that a shorter run keeps its proportions."""
    decay: tuple[float, ...] = ()
    """Shares of the run after which the learning rate is a tenth."""
    regularizers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    after: Arm | None = None
    """A run that this one begins with the model of, the best on validation samples where there are some; one of its own
    for each network of the method, on the network of this one."""
    series: tuple[str, ...] = ()
    """Columns of the curves that are kept epoch by epoch, for a figure."""

    @property
    def chooses(self) -> bool:
        """Whether its model is that of the best epoch on validation samples, not of the last."""
        return any(reading.chosen for reading in self.readings)

    def options_for(self, epochs: int) -> dict[str, Any]:
        """The options of a run of ``epochs``."""
        options = {**self.options, **{name: max(1, round(share * epochs)) for name, share in self.spans.items()}}
        if self.decay:
            options["schedule"] = ",".join(str(max(1, round(share * epochs))) for share in self.decay)
        return options

    def settings_for(self, epochs: int, seed: int, augment: Augment) -> ModelSettings:
        """The settings of a run of ``epochs``."""
        return ModelSettings(
            method=self.method,
            options=self.options_for(epochs),
            regularizers=self.regularizers,
            network=self.network,
            epochs=epochs,
            augment=augment,
            seed=seed,
        )


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Data and planted noise, alike for all arms of a preset."""

    dataset: str
    """``mnist``, ``cifar10`` or ``digits``; see `labelaudit.bench.datasets`."""
    samples: int
    """Training samples, drawn at random by the seed."""
    plant: Plant
    noise: str
    """The same in words."""
    valid: int = 0
    """Samples kept out of training, by which an epoch may be chosen."""
    valid_noisy: bool = True
    """Their labels are spoiled as those of training are."""
    test: int | None = None
    """Test samples, drawn at random by the seed; all of them by default."""
    features: bool = False
    """Pixels as one row of numbers, for networks that take features."""
    augment: Augment = "none"
    level: float | None = None
    """The noise rate as the paper counts it, by which `narrow` finds the setting."""
    sees_images: bool = False
    """`plant` is also given the training samples, as ``x``."""
    outside: str = ""
    """A dataset whose images take the place of those whose label becomes wrong: open-set noise."""
    backbone: str = ""
    """Such as ``lite0@128``: its frozen features in place of pixels, for networks that take features."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds that one seed takes."""

    seconds: float
    known: Literal["measured", "measured, busy", "estimated"]
    """``busy``: processor time of one thread, since other work had the machine too."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One table or effect of a paper."""

    name: str
    paper: str
    """Key and place, such as ``LIMIT, Table 4``."""
    shows: str
    """One sentence."""
    setting: Setting
    arms: tuple[Arm, ...]
    device: Device
    """The device it is made for; any preset runs on either."""
    costs: Mapping[Device, Cost] = field(default_factory=dict)
    """Per seed, where they are known; see `cost`."""
    orders: tuple[tuple[str, str], ...] = ()
    """(row, row): the first is larger in the paper. A row is ``ARM: READING``."""
    differs: str = ""
    """Departures of the set-up from the paper's."""
    seeds: int = 3
    miniature: bool = False
    """The numbers of another preset again, by a network so much smaller that only orders compare."""

    def cost(self, device: Device) -> Cost:
        """Seconds of a seed on ``device``: as measured, or estimated from the networks and the schedule."""
        known = self.costs.get(device)
        return known or Cost(seconds=sum(estimate(arm, self.setting, device) for arm in self.arms), known="estimated")

    @property
    def cells(self) -> int:
        """Numbers of the paper that it makes again."""
        return sum(reading.paper is not None for _, reading in self.rows().values())

    def rows(self) -> dict[str, tuple[Arm, Reading]]:
        """``ARM: READING`` -> both, in the order of the table."""
        return {f"{arm.name}: {reading.name}": (arm, reading) for arm in self.arms for reading in arm.readings}


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table or figure of a paper: presets of one kind, one for each of its noise levels and sizes."""

    name: str
    paper: str
    """Key and place, such as ``LIMIT, Tables 4 and 5``."""
    shows: str
    """One sentence."""
    presets: tuple[Preset, ...]
    missing: str = ""
    """The part of it that no preset covers, and why."""

    @property
    def miniature(self) -> bool:
        """Whether its numbers are those of another table again, of which only orders compare."""
        return all(preset.miniature for preset in self.presets)

    @property
    def cells(self) -> int:
        """Numbers of the paper that its presets make again."""
        return sum(preset.cells for preset in self.presets)


def narrow(
    presets: Sequence[Preset], *, arms: Sequence[str] = (), noise: Sequence[float] = (), n: Sequence[int] = ()
) -> tuple[Preset, ...]:
    """Those of ``presets`` at these noise levels and sizes, with these arms alone; all where nothing is said.

    Raises `OptionError` that names what there is where nothing is left.
    """
    there: dict[str, list[Any]] = {
        "arm": sorted({arm.name for preset in presets for arm in preset.arms}),
        "noise": sorted({preset.setting.level for preset in presets if preset.setting.level is not None}),
        "n": sorted({preset.setting.samples for preset in presets}),
    }
    wanted: dict[str, Sequence[Any]] = {"arm": arms, "noise": noise, "n": n}
    for option, asked in wanted.items():
        strange = next((one for one in asked if one not in there[option]), None)
        if strange is not None:
            known = ", ".join(map(str, there[option])) or "none"
            raise OptionError(f"`{option}` {strange} is not in this table: it has {known}")
    found = []
    for preset in presets:
        own = tuple(arm for arm in preset.arms if not arms or arm.name in arms)
        if own and (not noise or preset.setting.level in noise) and (not n or preset.setting.samples in n):
            costs = preset.costs if own == preset.arms else {}
            found.append(replace(preset, arms=own, costs=costs))
    if not found:
        raise OptionError("no cell of this table has that arm, noise level and size together: leave one of them away")
    return tuple(found)


_SECONDS: Mapping[str, tuple[float, float]] = {
    "mlp": (4e-5, 2e-5),
    "mnist_cnn": (4e-4, 4e-5),
    "lenet5": (2e-4, 1e-4),
    "mlp_2x512": (3e-4, 2e-5),
    "mlp_4x512": (5e-4, 3e-5),
    "allcnn": (3.7e-2, 2.7e-4),
    "resnet32": (6.5e-3, 1.2e-4),
    "resnet34": (7.4e-2, 8e-5),
    "wrn28_2": (2.1e-2, 6e-5),
}
"""Network -> seconds that one training sample takes, forward and backward: on one CPU core, on one H100-class GPU."""
_TWO = ("limit", "limit_soft", "co_teaching", "decoupling", "dividemix", "incv")  # methods of two networks
_EVALUATED = 0.3  # of the time of training on a sample, to look at one


def estimate(arm: Arm, setting: Setting, device: Device) -> float:
    """Seconds of one run, by what its network is known to take for a sample."""
    each = _SECONDS.get(arm.network, (1e-3, 5e-5))[device == "cuda"]
    looked_at = setting.samples + setting.valid + (setting.test or 10_000)
    networks = 2 if arm.method in _TWO else 1
    before = 0.0 if arm.after is None else networks * estimate(arm.after, setting, device)
    return before + networks * arm.epochs * each * (setting.samples + _EVALUATED * looked_at)
