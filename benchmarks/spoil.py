"""Labels of a dataset spoiled in a way that a name says, so that a benchmark can name its sets in one line.

careful, usual, hasty    simulated annotators (`labelaudit.corrupt.annotators`), at their own rates
clean                    none is wrong
rare                     the usual ones, with 1 % wrong labels
symmetric20, pair20      planted noise at the rate in per cent
asymmetric20             CIFAR-10's look-alikes: truck for car, bird for airplane, cat and dog exchanged, deer for horse
instance20               noise by each image's pixels (Xia et al. 2020)
strangers                8 % of the images are of classes that are left out, under labels of the others
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from measures import Labels

from labelaudit.corrupt import annotators, noise
from labelaudit.data.pixels import load_pixels
from labelaudit.types import Samples

RARE, STRANGE = 0.01, 0.08
"""Shares of wrong labels, and of strangers."""
ALIKE = {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}
"""Class of CIFAR-10 -> the one that it is taken for."""


def spoil(samples: Samples, truth: Labels, how: str, seed: int = 0) -> tuple[Samples, Labels]:
    """The samples with spoiled labels, and the true ones; -1 where the truth is none of the classes."""
    inside, generator = truth >= 0, np.random.default_rng(seed)
    samples, truth = samples.take(np.flatnonzero(inside)), truth[inside]
    classes = len(samples.classes)
    if how == "strangers":
        return _estrange(samples, truth, generator)
    if how == "clean":
        return _labelled(samples, truth, truth)
    kind, rate = how.rstrip("0123456789"), int("".join(filter(str.isdigit, how)) or 0) / 100
    if kind == "symmetric":
        made = noise.symmetric(truth, classes, rate, generator=generator)
    elif kind == "pair":
        made = noise.pair(truth, classes, rate, generator=generator)
    elif kind == "asymmetric":
        made = noise.asymmetric(truth, classes, rate, ALIKE, generator=generator)
    elif kind == "instance":
        assert samples.images is not None
        pixels, _ = load_pixels(samples.images, 32)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32)
        made = noise.instance_dependent(truth, classes, rate, flat, generator=generator)
    else:
        skill = annotators.STRENGTHS["usual" if how == "rare" else how]
        assert samples.images is not None
        pixels, _ = load_pixels(samples.images, annotators.SIDE, workers=1)
        seen = annotators.see(pixels)
        doubts = annotators.doubt(seen, truth, classes, examples=skill.examples, generator=generator)
        rate = RARE if how == "rare" else skill.rate
        made = noise.drawn_from(truth, doubts, rate, generator=generator)
    return _labelled(samples, made.labels, truth)


def _estrange(samples: Samples, truth: Labels, generator: np.random.Generator) -> tuple[Samples, Labels]:
    """The smallest classes, as many as `STRANGE` takes, are no classes; some of their images lie among the others."""
    order = np.argsort(np.bincount(truth, minlength=len(samples.classes)), kind="stable")
    wanted = int(STRANGE * len(truth))
    gone = order[: 1 + int(np.searchsorted(np.cumsum(np.bincount(truth)[order]), wanted))]
    outside = np.isin(truth, gone)
    guests = generator.permutation(np.flatnonzero(outside))[:wanted]
    rows = np.sort(np.concatenate([np.flatnonzero(~outside), guests]))
    labels, stranger = truth[rows].copy(), outside[rows]
    labels[stranger] = generator.choice(labels[~stranger], int(stranger.sum()))
    return _labelled(samples.take(rows), labels, np.where(stranger, -1, truth[rows]))


def _labelled(samples: Samples, labels: Labels, truth: Labels) -> tuple[Samples, Labels]:
    """The samples with these labels; a class that nobody gives is none of the classes."""
    given, labels = np.unique(labels, return_inverse=True)
    known = np.searchsorted(given, truth).clip(max=len(given) - 1)
    named = tuple(samples.classes[code] for code in given.tolist())
    return replace(samples, labels=labels, classes=named), np.where(given[known] == truth, known, -1)
