"""What the networks see: features of a pretrained backbone, pixels, or both, decided by measuring on the data at hand.

Only small images (at most 64 pixels a side as stored) are worth a network from pixels on ordinary hardware; for them a
trial on at most 1,200 samples compares both by how well they predict given labels that they have not seen. The trial
trusts no truth: with equally noisy labels on both sides, the better predictor of held-out labels is the better one.
Left out: fine-tuning the backbone.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelaudit import channel
from labelaudit.backbones import embed
from labelaudit.errors import OptionError
from labelaudit.folds import stratified_folds
from labelaudit.images import ImageError, decode, probe, resize
from labelaudit.neighbors import nearest
from labelaudit.probes import discriminant, neighbor_votes, onehot, principal_blocks
from labelaudit.types import Floats, Images, Ints, Progress, Samples, silent

Train = Literal["auto", "features", "pixels"]
Pixels = npt.NDArray[np.uint8]

SMALL = 64
"""Longest stored side, in pixels, up to which `auto` considers a network from pixels."""
TRIAL = "lite0@128"
TINY = 24
"""Stored side below which larger backbones are not worth their time: 8-pixel digits gained nothing from them."""
CLEARLY = 0.75
"""A network from pixels takes ten times as long, so its held-out loss must be below this share of the features'."""
_TRIAL_ROWS = 1200
_TRIAL_FOLDS = 2
_HOPEFUL = 0.75
_PROBED = 64


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the methods train on."""

    pixels: bool
    """Methods train a network from pixels; the probes use features either way."""
    side: int
    """Side in pixels of the squares they would be trained on."""
    tiny: bool = False
    """The stored images are so small that one small backbone sees all there is."""
    reason: str
    """One sentence for a person."""


def choose(
    samples: Samples,
    train: Train,
    *,
    image_size: int | None,
    network: str | None = None,
    init: Path | Literal["pretrained"] | None = None,
    device: str,
    workers: int,
    cache: Path | None,
    seed: int,
    progress: Progress = silent,
) -> Choice:
    """Decide between features and pixels; ``auto`` measures where the images are small.

    A ``network`` that cannot be had for these images, or begun with ``init``, is refused here, before the long work.
    """
    if samples.images is None:
        return Choice(pixels=False, side=0, reason="features were given, so heads are trained on them")
    from labelaudit.networks import usual_side

    longest = typical_side(samples.images)
    side = image_size or usual_side(network) or min(max(longest, 8), SMALL)
    if train == "features":
        return Choice(pixels=False, side=side, reason="features, as asked for with --train features")
    if train == "pixels":
        if network is not None:
            from labelaudit.training import builder

            builder(network, (side, side, 3), len(samples.classes), init)(1, seed)
        return Choice(pixels=True, side=side, reason=f"pixels ({side} x {side}), as asked for with --train pixels")
    if longest > SMALL:
        reason = f"features: images of about {longest} pixels a side are too large to train from pixels quickly"
        return Choice(pixels=False, side=side, reason=reason)
    by_features, by_pixels, rows = _trial(samples, side, device, workers, cache, seed, progress)
    if not np.isfinite(by_pixels):
        reason = f"features of a pretrained backbone: on {rows} images, raw pixels say far less about held-out labels"
        return Choice(pixels=False, side=side, tiny=longest < TINY, reason=reason)
    better = by_pixels < CLEARLY * by_features
    verdict = "pixels" if better else "features: a network from pixels is not clearly better"
    reason = (
        f"{verdict} (on {rows} images, held-out labels cost {abs(by_pixels):.3f} nats from pixels, "
        f"{abs(by_features):.3f} from features of {TRIAL})"
    )
    return Choice(pixels=better, side=side, tiny=longest < TINY, reason=reason)


def check_network(
    network: str | None, init: Path | str | None, train: Train, *, features: bool
) -> Path | Literal["pretrained"] | None:
    """What ``network`` begins with, once it is clear that it can train on what ``train`` says, or on given features.

    Raises `OptionError` for a network of the other kind, an unknown one, and one that the data would choose between.
    """
    from labelaudit.networks import begins_trained, is_published, network_names, unknown_network

    if features and train == "pixels":
        raise OptionError("--train pixels with --features: methods train on the one or the other, give one of them")
    pixels = train == "pixels"
    if network is not None and train == "auto" and not features:
        raise OptionError(f"--network {network}: say with --train pixels or --train features what it is to train on")
    if network is not None and network not in network_names(pixels=pixels) and not (pixels and is_published(network)):
        other = network in network_names(pixels=not pixels) or is_published(network)
        if other and features:
            raise OptionError(
                f"--network {network} is for pixels; on --features: {', '.join(network_names(pixels=False))}"
            )
        if other:
            raise OptionError(f"--network {network} is for --train {'features' if pixels else 'pixels'}")
        raise unknown_network(network, pixels=pixels)
    if init is not None and begins_trained(network):
        raise OptionError(f"--init {init}: {network} brings its own weights, leave --init out")
    if init is not None and not is_published(network):
        raise OptionError(f"--init {init} is for networks of timm and torchvision: name one with --network timm:NAME")
    return "pretrained" if init == "pretrained" else None if init is None else Path(init).absolute()


def typical_side(images: Images) -> int:
    """Median of the longer stored side over up to 64 evenly spread images, in pixels; 0 when none can be read."""
    sides = []
    for row in np.unique(np.linspace(0, len(images) - 1, _PROBED).astype(np.int64)).tolist():
        try:
            sides.append(max(probe(images.encoded(row))))
        except (ImageError, OSError):
            continue
    return int(np.median(sides)) if sides else 0


def load_pixels(
    images: Images, side: int, *, workers: int = 2, progress: Progress = silent
) -> tuple[Pixels, tuple[tuple[int, str, str], ...]]:
    """All images as (n, side, side, c) uint8 squares, c = 1 when every one is grey, and (row, kind, detail) failures.

    Images that cannot be decoded are black.
    """
    squares = np.zeros((len(images), side, side, 3), dtype=np.uint8)
    failures: list[tuple[int, str, str]] = []
    with ThreadPoolExecutor(workers) as pool:
        for row, square in enumerate(_decoded(images, side, pool)):
            if isinstance(square, ImageError):
                failures.append((row, square.kind, str(square)))
            else:
                squares[row] = square
            if row % 500 == 499 or row == len(images) - 1:
                progress("read pixels", row + 1, len(images))
    grey = all(
        np.array_equal(part[..., 0], part[..., 1]) and np.array_equal(part[..., 0], part[..., 2])
        for part in np.array_split(squares, max(1, len(squares) // 4096))
    )
    return (np.ascontiguousarray(squares[..., :1]) if grey else squares), tuple(failures)


def _decoded(images: Images, side: int, pool: ThreadPoolExecutor) -> Iterator[Pixels | ImageError]:
    def read(row: int) -> Pixels | ImageError:
        try:
            return resize(decode(images.encoded(row), size=side), side)
        except ImageError as error:
            return error
        except OSError as error:
            return ImageError("unreadable", error.strerror or str(error))

    for start in range(0, len(images), 2048):
        yield from pool.map(read, range(start, min(start + 2048, len(images))))


def _trial(
    samples: Samples, side: int, device: str, workers: int, cache: Path | None, seed: int, progress: Progress
) -> tuple[float, float, int]:
    """Held-out loss in nats by features and by pixels, and on how many samples.

    The network is not even tried (loss inf) where neighbours in raw pixels agree with far fewer held-out labels than a
    discriminant on features: photographs, at any noise rate.
    """
    from labelaudit.training import crossfit

    rows = np.sort(np.random.default_rng(seed).permutation(len(samples))[:_TRIAL_ROWS])
    some = samples.take(rows)
    present, labels = np.unique(some.labels, return_inverse=True)
    classes = len(present)
    if some.images is None or classes < 2:
        return 0.0, np.inf, len(rows)
    features, _ = embed(some.images, some.digests, backbones=[TRIAL], device=device, workers=workers, cache=cache)
    fold_of = stratified_folds(labels, _TRIAL_FOLDS, seed=seed, digests=some.digests)
    (block,) = principal_blocks(features)
    by_features = discriminant(block, onehot(labels, classes), fold_of)
    loss = channel.fit({"features": by_features}, labels).loss
    pixels, _ = load_pixels(some.images, side, workers=workers)
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    by_neighbors = neighbor_votes(*nearest(flat - flat.mean(axis=0), k=10), onehot(labels, classes))
    if _agreement(by_neighbors, labels) < _HOPEFUL * _agreement(by_features, labels):
        return loss, np.inf, len(rows)
    evidence = crossfit(
        "ce", pixels, labels, classes, folds=_TRIAL_FOLDS, epochs=12, seed=seed, device=device, progress=progress
    )
    assert evidence.probs is not None
    return loss, channel.fit({"pixels": evidence.probs}, labels).loss, len(rows)


def _agreement(probs: Floats, labels: Ints) -> float:
    return float((probs.argmax(axis=1) == labels).mean())
