"""Two models over the same seeds and images: the difference in accuracy, its interval, and what that says.

Left out: other measures than accuracy; where classes differ much in size, a gain in a rare one is hardly seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.types import Bools, Floats

MATTERS = 0.005
"""A gain in accuracy below this is called none."""
DRAWS = 2000
"""Resamples behind the interval."""
CONFIDENCE = 0.9


@dataclass(frozen=True, kw_only=True)
class Impact:
    """Accuracy of a model on the given and on the cleaned labels, and the difference with its interval."""

    given: float
    """Accuracy of the model trained on the given labels, in [0, 1], mean over seeds."""
    cleaned: float
    """The same, trained on the cleaned labels."""
    interval: tuple[float, float]
    """90 % interval of ``cleaned - given``; positive means that cleaning helped."""
    answer: str
    """``helped``, ``harmed``, ``no difference`` or ``cannot tell``."""
    images: int
    """Test images."""
    test: str
    """Source of the test labels: ``supplied``, ``reviewed sample`` or ``reviewed``."""
    seeds: int
    trained_on: tuple[int, int]
    """Samples with given labels, and those left after cleaning."""
    changed: int
    """Samples that cleaning changes."""
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """``cleaned - given``."""
        return self.cleaned - self.given

    @property
    def sentence(self) -> str:
        """The answer for a person."""
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        said = {
            "helped": "Cleaning helped",
            "harmed": "Cleaning did not help: it made the model worse",
            "no difference": f"Cleaning did not help: any gain is below {100 * MATTERS:g} points",
            "cannot tell": "Cannot tell whether cleaning helped",
        }[self.answer]
        return f"{said}: accuracy changes by {100 * self.difference:+.1f} points (90% interval {low} to {high})."

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "answer": self.answer,
            "sentence": self.sentence,
            "accuracy": {"given": self.given, "cleaned": self.cleaned},
            "difference": self.difference,
            "interval": list(self.interval),
            "confidence": CONFIDENCE,
            "test": {"labels": self.test, "images": self.images},
            "seeds": self.seeds,
            "trained_on": {"given": self.trained_on[0], "cleaned": self.trained_on[1]},
            "changed": self.changed,
            "notes": list(self.notes),
        }


def compare(given: Bools, after: Bools, weights: Floats, *, seed: int = 0) -> Impact:
    """The difference in accuracy of two models over the same seeds and images, with its 90 % interval.

    Args:
        given, after: (S, m) whether the model of each seed was right about each image.
        weights: (m,) what each image counts.

    >>> rng = np.random.default_rng(0)
    >>> before = rng.random((5, 400)) < 0.7
    >>> compare(before, before | (rng.random((5, 400)) < 0.5), np.ones(400)).answer
    'helped'
    """
    share = np.asarray(weights, dtype=np.float64) / weights.sum()
    gain = after.astype(np.float32) - given.astype(np.float32)
    seeds, images = gain.shape
    low, high = _interval(gain, share, seed)
    size = 1 / float(np.square(share).sum())  # images that count: fewer than there are where weights differ
    if not gain.any():  # the bootstrap is blind to what it has never seen: the rule of three is not
        low, high = -3 / size, 3 / size
    before, now = float((given.mean(axis=0) * share).sum()), float((after.mean(axis=0) * share).sum())
    notes = []
    if low > 0:
        answer = "helped"
    elif high < 0:
        answer = "harmed"
    elif high < MATTERS:
        answer = "no difference"
    else:
        answer = "cannot tell"
        reach, seen = (high - low) / 2, abs(now - before)
        if seen > MATTERS / 2:
            more = int(np.ceil(images * (reach / seen) ** 2 / 10)) * 10
            notes.append(f"If the difference is what it looks like, about {more:,} test images would tell.")
    return Impact(
        given=before,
        cleaned=now,
        interval=(low, high),
        answer=answer,
        images=images,
        test="supplied",
        seeds=seeds,
        trained_on=(0, 0),
        changed=0,
        notes=tuple(notes),
    )


def _interval(gain: npt.NDArray[np.float32], share: Floats, seed: int) -> tuple[float, float]:
    """Ends of the pigeonhole bootstrap's 90 % interval of the weighted mean of (S, m) ``gain``."""
    rng = np.random.default_rng([seed, 0x1A9])
    seeds, images = gain.shape
    drawn = np.empty(DRAWS)
    for draw in range(DRAWS):
        trainings = rng.multinomial(seeds, np.full(seeds, 1 / seeds)).astype(np.float32)
        mass = share * np.bincount(rng.integers(0, images, images), minlength=images)
        drawn[draw] = float((trainings @ gain) @ mass) / (seeds * max(float(mass.sum()), 1e-12))
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
