"""What a preset is: the setting of one experiment of a paper, the runs that make it up, and what is read off each.

A preset holds plain values and small functions, so that listing all of them loads neither torch nor data. Left out:
searching hyperparameters; where a paper searched, a preset has the value that the paper, or its code, ended with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from labelaudit.corrupt.noise import Planted
from labelaudit.types import Bools, Ints

if TYPE_CHECKING:
    from labelaudit.models import Trained
    from labelaudit.training.batches import Augment

Device = Literal["cpu", "cuda"]
Plant = Callable[..., Planted]
"""A function of `labelaudit.corrupt.noise` with all but (true labels (n,), C, generator=…) filled in."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """One run that is over, with the data it saw."""

    trained: Trained
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
    """What the paper reports for it; ``None`` where it gives no number."""
    digits: int = 1
    """Places after the point in the table: 1 for per cent, 4 for an AUROC."""


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

    def options_for(self, epochs: int) -> dict[str, Any]:
        """The options of a run of ``epochs``."""
        options = {**self.options, **{name: max(1, round(share * epochs)) for name, share in self.spans.items()}}
        if self.decay:
            options["schedule"] = ",".join(str(max(1, round(share * epochs))) for share in self.decay)
        return options


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
    """What it is made for; any preset runs on either."""
    costs: Mapping[Device, Cost]
    """Per seed; for `device` at least."""
    orders: tuple[tuple[str, str], ...] = ()
    """(row, row): the first is larger in the paper. A row is ``ARM: READING``."""
    differs: str = ""
    """Where the set-up departs from the paper's."""
    seeds: int = 3

    def rows(self) -> dict[str, tuple[Arm, Reading]]:
        """``ARM: READING`` -> both, in the order of the table."""
        return {f"{arm.name}: {reading.name}": (arm, reading) for arm in self.arms for reading in arm.readings}
