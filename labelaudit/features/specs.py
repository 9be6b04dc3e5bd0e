"""Backbone, image size and precision in one word: ``lite0@128``, ``lite0@128-int8``, ``dinov2@224``, ``resnet18``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labelaudit.errors import OptionError
from labelaudit.features.known import KNOWN
from labelaudit.features.lite import SIZES, WORK

SMALLEST, LARGEST = 32, 1024
Precision = Literal["float32", "int8"]
_INT8 = "-int8"


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A backbone, the side in pixels of the square that every image is resized to, and what it computes in."""

    name: str
    size: int
    precision: Precision = "float32"

    def __str__(self) -> str:
        return f"{self.name}@{self.size}{_INT8 if self.precision == 'int8' else ''}"

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

    >>> [str(spec) for spec in parse_specs(["lite0", "lite2@224", "lite0-int8"])]
    ['lite0@128', 'lite2@224', 'lite0@128-int8']
    >>> str(parse_specs(["dinov2"])[0])
    'dinov2@224'
    """
    specs = tuple(_parse(text) for text in texts)
    if not specs:
        raise OptionError(f"no backbone named; known: {', '.join(KNOWN)}, or any timm model name")
    for spec in specs:
        if specs.count(spec) > 1:
            raise OptionError(f"backbone '{spec}' is named twice: name it once")
    return specs


def in_precision(texts: Sequence[str], precision: Precision) -> tuple[str, ...]:
    """The specs ``texts`` with embedded backbones in ``precision``; others have only one, and stay as they are.

    >>> in_precision(["lite0@128", "resnet18"], "int8")
    ('lite0@128-int8', 'resnet18')
    """
    if precision == "float32":
        return tuple(text.strip().removesuffix(_INT8) for text in texts)
    return tuple(
        text + _INT8 if text.partition("@")[0] in SIZES and not text.endswith(_INT8) else text
        for text in map(str.strip, texts)
    )


def precision_of(name: str) -> Literal["auto", "float32", "int8"]:
    """The number format that the embedded backbones of features called ``name`` (specs joined by +) computed in;
    ``auto`` where there is none among them.

    >>> precision_of("lite0@128-int8+lite1@160-int8"), precision_of("lite0@128"), precision_of("given")
    ('int8', 'float32', 'auto')
    """
    specs = name.split("+")
    if any(spec.endswith(_INT8) for spec in specs):
        return "int8"
    return "float32" if any(spec.partition("@")[0] in SIZES for spec in specs) else "auto"


def _parse(text: str) -> Spec:
    wanted = text.strip()
    small = wanted.removesuffix(_INT8)
    name, at, side = small.partition("@")
    if small != wanted and name not in SIZES:
        raise OptionError(f"'{wanted}': only {', '.join(SIZES)} can be computed in int8, write {small}")
    if name in KNOWN:
        default = KNOWN[name].size
    else:
        from labelaudit.features.timm_models import default_size

        default = default_size(name)
    precision: Precision = "float32" if small == wanted else "int8"
    if not at:
        return Spec(name=name, size=default, precision=precision)
    if not (side.isascii() and side.isdigit() and SMALLEST <= int(side) <= LARGEST):
        raise OptionError(
            f"'{wanted}': the image size after @ must be {SMALLEST} to {LARGEST} pixels, such as {name}@224"
        )
    return Spec(name=name, size=int(side), precision=precision)
