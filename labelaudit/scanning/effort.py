"""Backbones and folds of a scan by `Effort`."""

from __future__ import annotations

from collections.abc import Mapping

from labelaudit.features.specs import in_precision
from labelaudit.machine import find_precision
from labelaudit.scanning.choice import TrainingInput
from labelaudit.scanning.settings import Effort, ScanSettings

BACKBONES: Mapping[Effort, tuple[str, ...]] = {
    "quick": ("lite0@128",),
    "standard": ("lite0@128", "lite1@160", "lite2@260"),
    "thorough": ("lite0@128", "lite0@224", "lite1@160", "lite1@240", "lite2@260"),
}
FEW, SECOND = 2_000, "lite1@160"
"""Up to `FEW` images ``quick`` affords the second backbone `SECOND`, in six seconds of a core: where frames of 60
patients have to be told apart, average precision is .625 with both and .449 with one."""
FEWEST = 500
"""Images up to which those six seconds are enough for all backbones of ``standard``."""
COARSE, DETAILED = "lite0@128", "lite0@224"
"""`DETAILED` takes the place of `COARSE` where images are large, at three times its work. Average precision of the
pool at standard effort: outdoor scenes .829 and .817, with strangers .623 and .573, with twelve wrong labels .843 and
.853, photographs .218 and .207."""
LARGE: Mapping[Effort, int] = {"quick": 96, "standard": 160, "thorough": 160}
"""Longer side in pixels from which stored images are large. Where one backbone is all there is, images of 100 to 150
pixels gain as well (docs/decisions.md)."""
FOLDS: Mapping[Effort, int] = {"quick": 4, "standard": 5, "thorough": 5}
"""Folds of what is cross-fitted on features but for heads (`scanning.trainings`)."""


def backbones_of(choice: TrainingInput, settings: ScanSettings, *, images: int, device: str) -> tuple[str, ...]:
    """The backbones asked for or those of the effort, at the size asked for unless that is for training from pixels.

    Embedded ones compute in the precision asked for, or in what suits ``device``.
    """
    asked, size, effort = settings.backbone, settings.image_size, settings.effort
    if asked is not None:
        names = asked
    else:
        names = _names_for(effort, choice, images)
        if choice.longest >= LARGE[effort]:
            names = tuple(dict.fromkeys(DETAILED if name == COARSE else name for name in names))
    if size is not None and not choice.pixels:
        if asked is None:
            names = tuple(name.partition("@")[0] for name in names)
        names = tuple(dict.fromkeys(name if "@" in name else f"{name}@{size}" for name in names))
    return in_precision(names, find_precision(settings.precision, device))


def _names_for(effort: Effort, choice: TrainingInput, images: int) -> tuple[str, ...]:
    """The backbones of ``effort`` for so many images, at their usual sizes."""
    if choice.pixels or choice.tiny:
        return BACKBONES["quick"]
    if effort != "quick":
        return BACKBONES[effort]
    if images <= FEWEST:
        return BACKBONES["standard"]
    return (*BACKBONES["quick"], SECOND) if images <= FEW else BACKBONES["quick"]
