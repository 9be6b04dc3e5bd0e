"""Simulated annotators: people who have seen few examples of a class and mistake hard images for what they resemble.

Each annotator learns from examples of his own, drawn at random, and sees an image as coarse shapes and colours:
gradient directions and mean colours in a grid, as no network that looks for wrong labels sees it. How much an image
resembles a class is the mean of its three best likenesses to the examples of that class.

Measured on 5,000 images of CIFAR-10N: the classes that become each other are those that people confuse (cosine of the
confusions to those of people .69 to .80, of symmetric noise .50 to .67), and wrong labels are as hard to find as
people's, or nearly (docs/corrupt.md). Which single images people get wrong it predicts little (AUROC .52 to .60).

Left out: annotators of different skill, and several labels of one image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelaudit.judge.scores import softmax
from labelaudit.types import Floats, Ints

SIDE = 32
"""Pixels of the square that the annotators look at."""
_ANNOTATORS = 5
_GRID = 4  # cells along each side
_DIRECTIONS = 9  # of gradients, over half a turn
_COLOURS = 0.7  # weight of the colours beside the shapes
_BEST = 3  # likenesses that speak for a class
_TEMPERATURES = np.geomspace(0.01, 1.0, 25)
_ROWS = 1024  # images whose likenesses to all examples are held at once


@dataclass(frozen=True, kw_only=True)
class Strength:
    """The skill of annotators."""

    examples: int
    """Images of each class that each of them learned from."""
    rate: float
    """Share of wrong labels that they give, unless another one is asked for."""


STRENGTHS: Mapping[str, Strength] = {
    "careful": Strength(examples=80, rate=0.09),
    "usual": Strength(examples=20, rate=0.18),
    "hasty": Strength(examples=5, rate=0.40),
}
"""Rates are those of CIFAR-10N: of three people's vote, of one of them, and of the worst of three."""


def see(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Shapes and colours, as annotators see them, of images (n, `SIDE`, `SIDE`, c) uint8: (n, d).

    >>> see(np.zeros((2, 32, 32, 3), np.uint8)).shape
    (2, 192)
    """
    n, side = len(pixels), pixels.shape[1] // _GRID
    x = pixels.astype(np.float64) / 255
    cells = (n, _GRID, side, _GRID, side)
    down, across = np.gradient(x.mean(axis=3), axis=(1, 2))
    turn = np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS
    lower = np.floor(turn).astype(np.int64) % _DIRECTIONS
    upper, share = (lower + 1) % _DIRECTIONS, turn - np.floor(turn)
    size = np.hypot(down, across)
    shapes = np.empty((n, _GRID, _GRID, _DIRECTIONS))
    for direction in range(_DIRECTIONS):
        part = size * ((lower == direction) * (1 - share) + (upper == direction) * share)
        shapes[..., direction] = part.reshape(cells).sum(axis=(2, 4))
    colours = x.reshape(*cells, -1).mean(axis=(2, 4))
    return np.hstack([_unit(np.sqrt(shapes)), _COLOURS * _unit(colours)])


def doubt(x: Floats, labels: Ints, classes: int, *, examples: int, generator: np.random.Generator) -> Floats:
    """(n, C) probabilities of each class for images that are seen as x (n, d), each by one annotator drawn at random.

    An image is never among the examples that it is compared with. The temperature is that of the best likelihood.
    """
    n = len(labels)
    who = generator.integers(0, _ANNOTATORS, n)
    likeness = np.zeros((n, classes))
    for annotator in range(_ANNOTATORS):
        drawn = generator.permutation(n)
        of_class = [drawn[labels[drawn] == one][:examples] for one in range(classes)]
        mine = np.flatnonzero(who == annotator)
        for start in range(0, len(mine), _ROWS):
            rows = mine[start : start + _ROWS]
            likeness[rows] = _compare(x, rows, of_class)
    own = np.arange(n)
    losses = [-np.log(np.maximum(softmax(likeness / t)[own, labels], 1e-12)).mean() for t in _TEMPERATURES]
    return softmax(likeness / _TEMPERATURES[int(np.argmin(losses))])


def _compare(x: Floats, rows: Ints, of_class: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.float64]:
    """(m, C) mean of the best likenesses of ``rows`` (m,) to the examples of each class, their own left out."""
    found = np.full((len(rows), len(of_class)), -1.0)
    for number, examples in enumerate(of_class):
        if not len(examples):
            continue
        likeness = x[rows] @ x[examples].T
        likeness[rows[:, None] == examples] = -1.0
        best = min(_BEST, len(examples))
        found[:, number] = np.sort(likeness, axis=1)[:, -best:].mean(axis=1)
    return found


def _unit(parts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each image's values in one row of length 1, the mean image taken away."""
    rows = parts.reshape(len(parts), -1)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rows = rows - rows.mean(axis=0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
