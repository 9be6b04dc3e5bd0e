"""Chooses the input of the networks: features of a pretrained backbone, pixels, or both, by measuring on the data at
hand.

Only small images (at most 64 pixels a side as stored) are worth a network from pixels on ordinary hardware; for them a
trial on at most 1,200 samples compares both by how well they predict given labels that they have not seen. The trial
trusts no truth: with equally noisy labels on both sides, the better predictor of held-out labels is the better one.
Left out: fine-tuning the backbone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from labelaudit.data.pixels import SMALL, load_pixels, typical_side
from labelaudit.errors import OptionError
from labelaudit.features import embed
from labelaudit.features.neighbors import nearest
from labelaudit.features.specs import in_precision
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.probes import discriminant, neighbor_votes, principal_blocks
from labelaudit.machine import Machine, find_precision
from labelaudit.scanning.settings import ScanSettings, Train
from labelaudit.training.folds import stratified_folds
from labelaudit.types import Floats, Ints, Samples

TRIAL = "lite0@128"
TINY = 24
"""Stored side below which larger backbones are not worth their time: 8-pixel digits gained nothing from them."""
CLEARLY = 0.75
"""A network from pixels takes ten times as long, so its held-out loss must be below this share of the features'."""
_TRIAL_ROWS = 1200
_TRIAL_FOLDS = 2
_TRIAL_SEED = 0  # neither seed nor order of the samples decides what a scan trains on
_TRIAL_AGREEMENT = 0.75
"""Pixels are tried only if their neighbours agree at least this share as often with the labels as those of features."""


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


def choose_training_input(samples: Samples, settings: ScanSettings, machine: Machine) -> TrainingInput:
    """Decide between features and pixels; ``auto`` measures where the images are small.

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
    if train == "features":
        return chosen(pixels=False, reason="features, as asked for with `train` features")
    if train == "pixels":
        if network is not None:
            from labelaudit.training.crossfit import network_builder

            network_builder(network, (side, side, 3), len(samples.classes), settings.init)(1, settings.seed)
        return chosen(pixels=True, reason=f"pixels ({side} x {side}), as asked for with `train` pixels")
    if not tries_pixels(settings, longest):
        reason = f"features: images of about {longest} pixels a side are too large to train from pixels quickly"
        return chosen(pixels=False, reason=reason if settings.trained else "nothing: no method is trained")
    by_features, by_pixels, rows = _compare_features_and_pixels(samples, side, settings, machine)
    if not np.isfinite(by_pixels):
        reason = f"features of a pretrained network: raw pixels predict labels far worse (tried on {rows:,} images)"
        return chosen(pixels=False, reason=reason)
    better = by_pixels < CLEARLY * by_features
    reason = f"features of {TRIAL}: a network from pixels predicts labels not clearly better"
    if better:
        reason = f"pixels: a network from them predicts labels clearly better than features of {TRIAL}"
    return chosen(pixels=better, reason=f"{reason} (tried on {rows:,} images)")


def tries_pixels(settings: ScanSettings, longest: int) -> bool:
    """Whether it takes a trial to decide: on images of about ``longest`` pixels a side that methods are trained on."""
    return settings.train == "auto" and bool(settings.trained) and longest <= SMALL


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


def _compare_features_and_pixels(
    samples: Samples, side: int, settings: ScanSettings, machine: Machine
) -> tuple[float, float, int]:
    """Held-out loss in nats by features and by pixels, and on how many samples.

    The network is not even tried (loss inf) where neighbours in raw pixels agree with far fewer held-out labels than a
    discriminant on features: photographs, at any noise rate.
    """
    from labelaudit.training.crossfit import crossfit
    from labelaudit.training.settings import CrossfitSettings

    rows = np.lexsort((samples.labels, np.asarray(samples.digests)))[:_TRIAL_ROWS]  # as good as drawn by lot
    some = samples.take(rows)
    stored = samples.take(np.sort(rows))  # in the order of a table, which is read so in a fiftieth of the time
    order = np.argsort(np.argsort(rows))
    present, labels = np.unique(some.labels, return_inverse=True)
    classes = len(present)
    if stored.images is None or classes < 2:
        return 0.0, np.inf, len(rows)
    here = Machine(device=machine.device, workers=machine.workers, cache=machine.cache)  # silent, and no cluster
    backbones = in_precision([TRIAL], find_precision(settings.precision, machine.device))
    features, _ = embed(stored.images, stored.digests, backbones=backbones, machine=here)
    fold_of = stratified_folds(labels, _TRIAL_FOLDS, seed=_TRIAL_SEED, digests=some.digests)
    (block,) = principal_blocks(replace(features, values=features.values[order]))
    by_features = np.asarray(discriminant(block, labels, classes, fold_of))
    loss = fit_noise_model({"features": by_features}, labels).loss
    pixels = load_pixels(stored.images, side, workers=machine.workers)[0][order]
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    by_neighbors = np.asarray(neighbor_votes(*nearest(flat - flat.mean(axis=0), k=10), labels, classes))
    if _agreement(by_neighbors, labels) < _TRIAL_AGREEMENT * _agreement(by_features, labels):
        return loss, np.inf, len(rows)
    fit = CrossfitSettings(folds=_TRIAL_FOLDS, epochs=8, seed=_TRIAL_SEED)
    evidence = crossfit(fit, pixels, labels, classes, device=machine.device, progress=machine.progress)
    assert evidence.probs is not None
    return loss, fit_noise_model({"pixels": evidence.probs}, labels).loss, len(rows)


def _agreement(probs: Floats, labels: Ints) -> float:
    return float((probs.argmax(axis=1) == labels).mean())
