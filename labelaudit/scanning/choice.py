"""The input of the networks of a scan: features of a pretrained backbone, or pixels where a person asks for them.

Left out: a trial of both. Networks from pixels won none on digits, handwriting and small photographs (docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from labelaudit.data.pixels import SMALL, typical_side
from labelaudit.errors import OptionError
from labelaudit.scanning.settings import ScanSettings, Train
from labelaudit.types import Samples

TINY = 24
"""Stored side below which larger backbones are not worth their time: 8-pixel digits gained nothing from them."""


@dataclass(frozen=True, kw_only=True)
class TrainingInput:
    """The input that the methods train on."""

    pixels: bool
    """Methods train a network from pixels; the probes use features either way."""
    side: int
    """Side in pixels of the squares they would be trained on."""
    longest: int
    """Usual longer side of the stored images in pixels; 0 without images."""
    reason: str
    """One sentence for a person."""

    @property
    def tiny(self) -> bool:
        """Whether the stored images are so small that one small backbone sees all there is."""
        return self.longest < TINY


def choose_training_input(samples: Samples, settings: ScanSettings) -> TrainingInput:
    """The input that ``settings`` ask for, features by default.

    A network that cannot be had for these images, or begun with its weights, is refused here, before the long work.
    """
    if samples.images is None:
        return TrainingInput(pixels=False, side=0, longest=0, reason="the features that were given")
    train, network = settings.train, settings.network
    longest = typical_side(samples.images)
    side = settings.image_size or 0
    if not side and network is not None:  # which torch is loaded for
        from labelaudit.networks import usual_side

        side = usual_side(network) or 0
    side = side or min(max(longest, 8), SMALL)
    chosen = partial(TrainingInput, side=side, longest=longest)
    if train != "pixels":
        return chosen(pixels=False, reason="features of pretrained networks")
    if network is not None:
        from labelaudit.training.crossfit import network_builder

        network_builder(network, (side, side, 3), len(samples.classes), settings.init)(1, settings.seed)
    return chosen(pixels=True, reason=f"pixels ({side} x {side}), as asked for with `train` pixels")


def check_network(
    network: str | None, init: Path | str | None, train: Train, *, features: bool
) -> Path | Literal["pretrained"] | None:
    """Check that ``network`` suits the training input; return its initial weights.

    Raises `OptionError` for a network of the other kind, an unknown one, and one that the data would choose between.
    """
    if network is None and init is None and not (features and train == "pixels"):
        return None
    from labelaudit.networks import begins_trained, is_published, network_names, unknown_network

    if features and train == "pixels":
        raise OptionError("`train` pixels with `features`: methods train on the one or the other, give one of them")
    pixels = train == "pixels"
    if network is not None and train == "auto" and not features:
        raise OptionError(f"`network` {network}: say with `train` pixels or `train` features what it is to train on")
    if network is not None and network not in network_names(pixels=pixels) and not (pixels and is_published(network)):
        other = network in network_names(pixels=not pixels) or is_published(network)
        if other and features:
            raise OptionError(
                f"`network` {network} is for pixels; on `features`: {', '.join(network_names(pixels=False))}"
            )
        if other:
            raise OptionError(f"`network` {network} is for `train` {'features' if pixels else 'pixels'}")
        raise unknown_network(network, pixels=pixels)
    if init is not None and begins_trained(network):
        raise OptionError(f"`init` {init}: {network} brings its own weights, leave `init` out")
    if init is not None and not is_published(network):
        raise OptionError(f"`init` {init} is for networks of timm and torchvision: name one with `network` timm:NAME")
    return "pretrained" if init == "pretrained" else None if init is None else Path(init).absolute()
