"""The images left to embed, and one small batch of them from bytes to features on one core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelaudit.data.images import ImageError, encoded_of, squeeze
from labelaudit.errors import BackboneError, RunError, reason_of
from labelaudit.features.runners import Backbone, Pixels, Runner, find_backbone
from labelaudit.features.specs import parse_specs
from labelaudit.features.store import Digests, FeatureStore
from labelaudit.images import Images
from labelaudit.types import Bools, Floats, Ints


@dataclass(kw_only=True)
class Part:
    """One backbone of a job: where its features are kept, and which rows have to be made."""

    backbone: Backbone
    store: FeatureStore | None
    stored: Ints
    """(n,) row in the store, -1 where there is none or where an earlier image has the same digest."""
    missing: Bools
    """(n,) has to be embedded."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Images, and what of them each backbone has yet to embed."""

    images: Images
    digests: Digests
    first: Ints
    """(n,) row of the first image with the same digest."""
    parts: tuple[Part, ...]

    def todo(self) -> Ints:
        """Rows that some backbone has to embed, ascending: sources read best in order."""
        return np.flatnonzero(np.any([part.missing for part in self.parts], axis=0))

    @classmethod
    def alone(cls, images: Images, backbones: Sequence[str]) -> Job:
        """A job on all of ``images``, with nothing stored: what another machine is given."""
        rows, every = np.arange(len(images)), np.ones(len(images), dtype=np.bool_)
        parts = tuple(
            Part(backbone=find_backbone(spec, "cpu"), store=None, stored=np.full(len(images), -1), missing=every)
            for spec in parse_specs(backbones)
        )
        return cls(images=images, digests=np.empty(0, dtype="S32"), first=rows, parts=parts)

    def only(self, rows: Ints, needed: Bools) -> Job:
        """This job where of ``rows`` (r,) only what ``needed`` (r, parts) says is missing."""
        parts = []
        for part, wanted in zip(self.parts, needed.T, strict=True):
            missing = np.zeros_like(part.missing)
            missing[rows] = wanted
            parts.append(replace(part, missing=missing))
        return replace(self, parts=tuple(parts))

    def load(self) -> tuple[Runner | None, ...]:
        """The runners of the backbones that have something to do."""
        return tuple(part.backbone.load() if part.missing.any() else None for part in self.parts)

    def keep(self, batch: Batch, notice: Callable[[str], None] = lambda _: None) -> None:
        """Put what a batch of this job made into the stores; ``notice`` hears of a full one, and no more is kept."""
        for part, (rows, made) in zip(self.parts, batch.made, strict=True):
            if part.store is not None and len(rows):
                try:
                    part.store.append(self.digests[rows], made)
                except RunError as error:
                    reason = reason_of(error.__cause__ or error)
                    notice(f"Features are not kept from here on: {part.store.folder} cannot be written ({reason}).")
                    for other in self.parts:
                        other.store = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A small part of a job, done."""

    size: int
    made: tuple[tuple[Ints, Floats], ...]
    """Per backbone: rows (B,) and their features (B, d)."""
    failures: dict[int, tuple[str, str]]
    """Row -> kind and detail of why it could not be decoded."""


def embed_batch(job: Job, rows: Ints, runners: Sequence[Runner | None], stop: threading.Event) -> Batch:
    """Decode and embed ``rows`` (B,) of ``job``; what ``stop`` cuts off is left out."""
    squares: list[dict[int, Pixels]] = [{} for _ in job.parts]
    failures: dict[int, tuple[str, str]] = {}
    for row in rows.tolist():
        if stop.is_set():
            break
        wanted = [place for place, part in enumerate(job.parts) if part.missing[row]]
        try:
            sides = {job.parts[place].backbone.spec.size for place in wanted}
            pictures = squeeze(encoded_of(job.images, row), sides)
        except ImageError as error:
            failures[row] = (error.kind, str(error))
        else:
            for place in wanted:
                squares[place][row] = pictures[job.parts[place].backbone.spec.size]
    made = []
    for part, runner, pixels in zip(job.parts, runners, squares, strict=True):
        features = np.empty((0, part.backbone.width), dtype=np.float32)
        if pixels and runner is not None and not stop.is_set():
            features = runner(np.stack(list(pixels.values())))
            if not np.isfinite(features).all():
                raise BackboneError(f"backbone '{part.backbone.spec}' gives features that are not finite: use another")
        made.append((np.fromiter(pixels, dtype=np.int64)[: len(features)], features))
    return Batch(size=len(rows), made=tuple(made), failures=failures)
