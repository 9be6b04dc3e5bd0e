"""The state of a long piece of work in one phrase and one share, as a bar shows it.

The library reports stages by name with what is done of each (`Progress`). A scan has a usual course of them, each with
its usual part of the whole, so that one bar can run from the first file to the last decision. Left out: exact times;
stages that a cache answers are quicker than usual, and the share then jumps ahead.
"""

from __future__ import annotations

from typing import NamedTuple

PHASES = {
    "ingest": 5,
    "read pixels": 2,
    "forecast": 3,
    "embed": 30,
    "duplicates": 4,
    "probes": 8,
    "training": 34,
    "decide": 10,
    "report": 4,
}
"""The stages of a scan in their order, with their usual part of its time in percent."""
_WORDS = {
    "ingest": "Reading {total} images",
    "read pixels": "Reading their pixels",
    "forecast": "Working out how long this takes",
    "embed": "Looking at them",
    "duplicates": "Comparing them with each other",
    "probes": "Fitting simple models",
    "decide": "Deciding",
    "report": "Drawing the report",
    "images": "Copying images",
    "read back": "Reading them back",
}
_UNFINISHED = 0.5  # of a phase that does not say how much there is to do


class Standing(NamedTuple):
    """The state of a piece of work."""

    phrase: str
    """The step under way, such as ``Training, 2 of 3``."""
    share: float | None
    """Share of the whole work that is done, in [0, 1], never falling; None where it is not known."""


class Course:
    """The stages that a piece of work has gone through."""

    def __init__(self, trainings: int = 0) -> None:
        self.trainings = trainings
        """Number of methods to be trained; 0 where it is not known."""
        self._trained: list[str] = []
        self._share = 0.0

    def advance(self, stage: str, done: int, total: int | None) -> Standing:
        """Take a report of ``stage`` and say where the whole stands.

        >>> course = Course(trainings=2)
        >>> course.advance("ingest", 350, 700)
        Standing(phrase='Reading 700 images', share=0.025)
        >>> course.advance("training sln", 1, 1).phrase
        'Training, 1 of 2'
        """
        method = stage.removeprefix("training ") if stage.startswith("training") else None
        if method is not None and method not in self._trained:
            self._trained.append(method)
        phrase = self._phrase(stage, method, total)
        key = "training" if method is not None else stage
        if key not in PHASES:
            return Standing(phrase, done / total if total else None)
        part = min(1.0, done / total) if total else _UNFINISHED
        if method is not None:
            part = (len(self._trained) - 1 + part) / max(self.trainings, len(self._trained))
        names = list(PHASES)
        before = sum(PHASES[name] for name in names[: names.index(key)])
        self._share = max(self._share, (before + PHASES[key] * part) / 100)
        return Standing(phrase, round(self._share, 4))

    def _phrase(self, stage: str, method: str | None, total: int | None) -> str:
        if method is not None and not self.trainings:
            return f"Training {method}"
        if method is not None:
            return f"Training, {len(self._trained)} of {max(self.trainings, len(self._trained))}"
        words = _WORDS.get(stage, stage[:1].upper() + stage[1:])
        return words.format(total=f"{total:,}" if total else "the")
