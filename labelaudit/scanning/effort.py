"""How much a scan does: backbones, folds and fine-tuning by `Effort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labelaudit.features.specs import Precision, in_precision
from labelaudit.scanning.choice import Choice
from labelaudit.scanning.settings import Effort

BACKBONES: Mapping[Effort, tuple[str, ...]] = {
    "quick": ("lite0@128",),
    "standard": ("lite0@128", "lite1@160", "lite2@260"),
    "thorough": ("lite0@128", "lite0@224", "lite1@160", "lite1@240", "lite2@260"),
}
FOLDS: Mapping[Effort, int] = {"quick": 4, "standard": 5, "thorough": 5}
"""Of a cross-fit on features: two cores share four fits evenly, which takes 60 % of the time of five."""


def backbones_of(
    effort: Effort,
    choice: Choice,
    *,
    asked: Sequence[str] | None,
    image_size: int | None,
    precision: Precision = "float32",
) -> tuple[str, ...]:
    """The backbones ``asked`` for or those of ``effort``, at ``image_size`` unless that is for training from pixels.

    Embedded ones compute in ``precision``.
    """
    names = asked or BACKBONES["quick" if choice.pixels or choice.tiny else effort]
    if image_size is not None and not choice.pixels:
        if asked is None:
            names = [name.partition("@")[0] for name in names]
        names = tuple(dict.fromkeys(name if "@" in name else f"{name}@{image_size}" for name in names))
    return in_precision(names, precision)


def tunes(effort: Effort, choice: Choice | None, *, network: str | None, device: str) -> bool:
    """Whether a backbone is fine-tuned end to end as well: on a GPU, where a network is not trained from pixels anyway.

    On two cores ten minutes of it brought nothing (docs/log.md).
    """
    chosen = choice is not None and not choice.pixels and network is None
    return chosen and effort == "thorough" and device.startswith("cuda")
