"""Forecasts what a scan will take on this machine: time, memory and disk, before the long work.

Embedding and training are tried on a few samples; the rest is counted (`labelaudit.scanning.workload`) and multiplied
by unit costs that a short probe measures (`labelaudit.scanning.unit_costs`). The models come from where the scan takes
them (`labelaudit.scanning.pool`), so that a forecast knows of each. Left out: what other programs will do meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from labelaudit import features
from labelaudit.data.pixels import typical_side
from labelaudit.features.lite import WIDTHS
from labelaudit.features.moved import compares
from labelaudit.features.neighbors import EXACT
from labelaudit.features.specs import parse_specs
from labelaudit.judge.probes import NEIGHBORS
from labelaudit.leading import is_large
from labelaudit.machine import Machine, available_cores, peak_memory
from labelaudit.scanning.choice import TrainingInput
from labelaudit.scanning.components import SPARE, draw_dense
from labelaudit.scanning.effort import FOLDS, backbones_of
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scanning.trainings import count_heard, head_width, list_trainings, plan_training
from labelaudit.scanning.unit_costs import UnitCosts
from labelaudit.scanning.workload import MANY_SUSPECTS, SUSPECTS, Workload, count_disk, count_memory, count_seconds
from labelaudit.text import rough_duration, size
from labelaudit.types import Features, Samples

SPREAD, MEMORY_SPREAD = 1.3, 1.15
"""Factors between a forecast and the ends of its range: both ends of the seconds, and the upper one of the memory."""
WORTH_SAYING = 5.0
"""Seconds below which nothing is said."""
_SAME = 0.03  # share up to which what a scan took is as forecast
_SMALL, _SMALL_PIXELS = 3000, 100_000  # samples, or pixels of all, below which a forecast takes as long as the work
_THREADS = 2  # that searches run on, and up to which looking at images gains
_FEATURES = 2048  # numbers, about, that a backbone of another library makes of an image
_LIBRARIES, _FEWER_LIBRARIES = 170e6, 30e6  # bytes of what a scan has yet to load, and one of probabilities alone
_EMBEDDERS = 130e6  # bytes more of what embeds
TORCH = 700e6
"""Bytes of PyTorch, which trains, and embeds with networks of other libraries."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The time, memory and disk that a scan will take."""

    stages: Mapping[str, float]
    """Step still to be done, in words -> seconds."""
    memory: float
    """Bytes at most in memory at once, of the whole process."""
    disk: float
    """Bytes that it will leave: the RUN folder and the features that are kept."""
    fewer: float = 0.0
    """Seconds less that it takes where nothing is a suspect."""
    more: float = 0.0
    """Seconds more that it takes where many are."""
    spent: float = 0.0
    """Seconds that are behind the scan."""

    @property
    def seconds(self) -> float:
        """The whole scan, from its beginning to its end."""
        return self.spent + sum(self.stages.values())

    @property
    def low(self) -> float:
        return self.spent + (sum(self.stages.values()) - self.fewer) / SPREAD

    @property
    def high(self) -> float:
        return self.spent + (sum(self.stages.values()) + self.more) * SPREAD

    def say(self) -> str:
        """One sentence for a person.

        >>> forecast = Forecast(stages={"embed": 60.0, "train": 30.0}, spent=10.0, memory=2e9, disk=5e7)
        >>> forecast.say()
        'This takes about 100 s here (79 s to 2 min): 60 s to embed, 30 s to train; 2.0 GB of memory, 50 MB of disk.'
        """
        parts = ", ".join(f"{rough_duration(s)} to {what}" for what, s in self.stages.items() if s >= 1)
        return (
            f"This takes about {rough_duration(self.seconds)} here ({rough_duration(self.low)} to "
            f"{rough_duration(self.high)}){': ' * bool(parts)}{parts}; {size(self.memory)} of memory, "
            f"{size(self.disk)} of disk."
        )

    def compare(self, seconds: float, memory: float) -> str:
        """One sentence about what the scan took after all.

        >>> Forecast(stages={"embed": 100.0}, spent=0.0, memory=2e9, disk=0).compare(110.0, 1.5e9)
        'Took 110 s, 10% more than forecast (100 s); 1.5 GB of memory, 25% less than forecast (2.0 GB).'
        >>> Forecast(stages={"embed": 100.0}, spent=0.0, memory=2e9, disk=0).compare(101.0, 2e9)
        'Took 101 s, as forecast (100 s); 2.0 GB of memory, as forecast (2.0 GB).'
        """
        return (
            f"Took {rough_duration(seconds)}, {_apart(seconds, self.seconds)} forecast "
            f"({rough_duration(self.seconds)}); {size(memory)} of memory, {_apart(memory, self.memory)} forecast "
            f"({size(self.memory)})."
        )


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """A scan before its long work: the samples, the machine, and what models will see of the images."""

    samples: Samples
    machine: Machine
    choice: TrainingInput | None
    """The input that methods train on; None where images are not embedded."""
    features: Features | None = None
    """Those that were given."""
    given: bool = False
    """Whether probabilities were given."""

    def specs(self, settings: ScanSettings) -> tuple[str, ...]:
        """The backbones of a scan under ``settings``; none where images are not embedded."""
        if self.choice is None:
            return ()
        return backbones_of(self.choice, settings, images=len(self.samples), device=self.machine.device)

    @cached_property
    def longest(self) -> int:
        """Usual longer side of the stored images in pixels; 0 without images."""
        if self.choice is not None:
            return self.choice.longest
        return 0 if self.samples.images is None else typical_side(self.samples.images)

    def side(self, settings: ScanSettings) -> int:
        """The side in pixels of the squares that methods train on; 0 where they train on features, or not at all."""
        return self.choice.side if self.choice is not None and self.choice.pixels and settings.trained else 0


def forecast_scan(
    prospect: Prospect, settings: ScanSettings, *, costs: UnitCosts, embedding: float, training: bool = True
) -> Forecast:
    """The forecast of all that is still to be done under ``settings``, by the unit ``costs`` of this machine.

    ``embedding`` takes so many seconds; ``training``, which has to be tried, may be left out.
    """
    stages: dict[str, float] = {}
    machine, work = prospect.machine, count_work(prospect, settings)
    n, classes, specs = work.samples, work.classes, prospect.specs(settings)
    if specs:
        stages[f"embed {n:,} images with {', '.join(specs)}"] = embedding
    if training and work.trained:
        side = prospect.side(settings)
        on, shape = ("pixels", (side, side, 3)) if side else ("features", (work.trains,))
        names = ", ".join(settings.trained)
        stages[f"train {names} on {on}"] = _forecast_training(n, classes, settings, machine, shape)
    counted = replace(work, unseen=embedding > 0 or prospect.choice is None)
    none, many, usual = (
        sum(count_seconds(replace(counted, suspects=share), costs).values()) for share in (0.0, MANY_SUSPECTS, SUSPECTS)
    )
    stages["compare and judge"] = usual
    kept = machine.cache is not None and embedding > 0
    return Forecast(
        stages=stages,
        memory=forecast_memory(prospect, settings),
        disk=count_disk(work, to_embed=float(n * sum(work.widths) * kept)),
        fewer=usual - none,
        more=many - usual,
    )


def count_work(prospect: Prospect, settings: ScanSettings) -> Workload:
    """The size of a scan under ``settings``."""
    n, classes = len(prospect.samples), len(prospect.samples.classes)
    specs = prospect.specs(settings)
    given = prospect.features
    widths: tuple[int, ...] = () if given is None else given.blocks or (given.values.shape[1],)
    if specs:
        widths = tuple(WIDTHS.get(spec.name, _FEATURES) for spec in parse_specs(specs))
    large = is_large(n, classes)
    jobs = list_trainings(settings) if widths and not large else {}
    on_features = bool(jobs) and not prospect.side(settings)
    return Workload(
        samples=n,
        classes=classes,
        widths=widths,
        heard=count_heard(settings, features=bool(widths), given=prospect.given, large=large),
        folds=FOLDS[settings.effort],
        trains=min(head_width(len(widths)) * len(widths), sum(widths)) if on_features else 0,
        trained=len(jobs),
        pictures=prospect.samples.images is not None,
        small=bool(widths) and compares(prospect.longest),
        threads=min(_THREADS, prospect.machine.workers, available_cores()),
    )


def forecast_memory(prospect: Prospect, settings: ScanSettings) -> float:
    """Bytes at most in memory at once under ``settings``; nothing is tried, so that less can still be chosen."""
    work = count_work(prospect, settings)
    specs = prospect.specs(settings)
    own = all(spec.embedded for spec in (parse_specs(specs) if specs else ()))
    loaded = _LIBRARIES if work.widths or work.pictures or work.trained else _FEWER_LIBRARIES
    loaded += TORCH * ("torch" not in sys.modules and (work.trained > 0 or not own))
    loaded += _EMBEDDERS * ("onnxruntime" not in sys.modules and own and _has_to_embed(prospect, settings))
    side = prospect.side(settings) if work.trained else 0
    return peak_memory() + loaded + count_memory(work) + 3 * work.samples * side**2


def _has_to_embed(prospect: Prospect, settings: ScanSettings) -> bool:
    """Whether the cache lacks features."""
    samples, machine, specs = prospect.samples, prospect.machine, prospect.specs(settings)
    if not specs or samples.images is None:
        return False
    return features.count_missing(samples.images, samples.digests, backbones=specs, cache=machine.cache) > 0


def takes_a_moment(prospect: Prospect, settings: ScanSettings, embedding: float) -> bool:
    """Whether all of it is done before a forecast would be, where ``embedding`` takes so many seconds."""
    n, side = len(prospect.samples), prospect.side(settings)
    large = n * side**2 >= _SMALL_PIXELS if side else n >= _SMALL
    return not (large or settings.network is not None or embedding >= WORTH_SAYING)


def forecast_embedding(prospect: Prospect, settings: ScanSettings) -> float:
    """Seconds that embedding takes, tried on some of the images."""
    samples, machine = prospect.samples, prospect.machine
    if prospect.choice is None or samples.images is None:
        return 0.0
    return features.forecast_embedding(
        samples.images, samples.digests, backbones=prospect.specs(settings), machine=machine
    )


def forecast_search(prospect: Prospect) -> float:
    """CPU seconds of a search among cells in the features that were given or will be there, tried; 0 where there is
    none."""
    given, n = prospect.features, len(prospect.samples)
    if n <= EXACT or (given is None and prospect.choice is None):
        return 0.0
    sample = None if given is None else draw_dense(given, prospect.samples.labels)
    return features.forecast_search(sample, n, NEIGHBORS + SPARE + 1)


def embed_otherwise(
    prospect: Prospect, settings: ScanSettings, other: ScanSettings, embedding: float, costs: UnitCosts
) -> float:
    """Seconds that embedding takes under ``other`` settings where under ``settings`` it takes ``embedding``; 0 where
    that is 0, which tells nothing.

    What is left of them without decoding grows with the multiply-adds.
    """
    specs, others, images = prospect.specs(settings), prospect.specs(other), prospect.samples.images
    if specs == others or images is None or not embedding:
        return embedding
    work = count_work(prospect, settings)
    return features.forecast_others(
        images,
        prospect.samples.digests,
        seconds=embedding,
        decoding=costs.look / work.threads,
        backbones=specs,
        others=others,
        cache=prospect.machine.cache,
    )


def _forecast_training(n: int, classes: int, settings: ScanSettings, machine: Machine, shape: tuple[int, ...]) -> float:
    """Seconds of all cross-fits, each tried for an epoch."""
    from labelaudit.training.forecast import forecast_crossfit

    fits = [plan_training(fit, n, settings, pixels=len(shape) == 3) for fit in list_trainings(settings).values()]
    return sum(forecast_crossfit(fit, shape, n, classes, device=machine.device) for fit in fits)


def _apart(found: float, forecast: float) -> str:
    share = found / max(forecast, 1e-9) - 1
    return "as" if abs(share) < _SAME else f"{abs(share):.0%} {'more' if share > 0 else 'less'} than"
