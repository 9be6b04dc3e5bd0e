"""Which backbone at which image size: ``lite0@128``, ``resnet18``, ``vit_small_patch16_224@224``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.errors import OptionError
from labelaudit.features.lite import SIZES, WORK

SMALLEST, LARGEST = 32, 1024


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A backbone and the side in pixels of the square that every image is resized to."""

    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}@{self.size}"

    @property
    def embedded(self) -> bool:
        """Whether its weights come with the installation."""
        return self.name in SIZES

    @property
    def work(self) -> float:
        """Multiply-adds of one image; for embedded ones only."""
        return WORK[self.name] * self.size**2


def parse_specs(texts: Sequence[str]) -> tuple[Spec, ...]:
    """The specs that ``texts`` name, in order; raises `OptionError` for what is unknown, repeated or out of range.

    >>> [str(spec) for spec in parse_specs(["lite0", "lite2@224"])]
    ['lite0@128', 'lite2@224']
    """
    specs = tuple(_parse(text) for text in texts)
    if not specs:
        raise OptionError(f"no backbone named; known: {', '.join(SIZES)}, or any timm model name")
    for spec in specs:
        if specs.count(spec) > 1:
            raise OptionError(f"backbone '{spec}' is named twice")
    return specs


def _parse(text: str) -> Spec:
    name, at, side = text.strip().partition("@")
    if name in SIZES:
        default = SIZES[name]
    else:
        from labelaudit.features.timm_models import default_size

        default = default_size(name)
    if not at:
        return Spec(name=name, size=default)
    if not (side.isascii() and side.isdigit() and SMALLEST <= int(side) <= LARGEST):
        raise OptionError(
            f"'{text}': the image size after @ must be {SMALLEST} to {LARGEST} pixels, such as {name}@224"
        )
    return Spec(name=name, size=int(side))
