"""Testimony beside the labels: other people's votes, the sources of labels, classes that are one.

The posterior of the noise model is completed by it before anything is decided. Left out: what nobody wrote down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from labelaudit.audit.concentration import list_attributes
from labelaudit.context.classes import find_twins, note_twins
from labelaudit.data.spelling import find_spellings
from labelaudit.data.votes import VOTES
from labelaudit.judge.annotators import Consensus, Votes, find_consensus, order_by_need
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.judge.source_prior import weigh_sources
from labelaudit.leading import Table, take_rows
from labelaudit.text import name_some
from labelaudit.types import Samples

_ASKED = 5  # images that are named as those to ask about next


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """The posterior with all that was found counted in, and notes about it."""

    posterior: Table
    """(n, C) probability of each true class."""
    samples: Samples
    """With columns of the consensus, where there are several votes."""
    notes: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: quality by annotator, odds by source, twins."""

    def add(self, posterior: Table, *notes: str, **recipe: Any) -> Testimony:
        """It with the ``posterior`` after one more thing was counted in, and what to say of that."""
        told = {**self.recipe, **recipe}
        return replace(self, posterior=posterior, notes=(*self.notes, *notes), recipe=told)


def hear(noise: NoiseModel, samples: Samples) -> Testimony:
    """The posterior of ``noise`` with votes, sources and twins counted in; without any of them it stays as it is."""
    heard = Testimony(posterior=noise.posterior, samples=samples)
    heard = _count_votes(heard, noise)
    heard = _weigh_sources(heard)
    return _join_twins(heard, noise)


def _count_votes(heard: Testimony, noise: NoiseModel) -> Testimony:
    samples = heard.samples
    if VOTES not in samples.extra or (votes := _read_votes(samples)) is None:
        return heard
    consensus = find_consensus(votes, np.asarray(noise.probs))
    counts = votes.counts().sum(axis=1)
    several = np.flatnonzero(counts > 1)
    posterior = take_rows(heard.posterior, np.arange(len(samples)))
    posterior[several] = consensus.posterior[several]
    people = _describe(votes, consensus)
    worst = [f"{one['annotator']} {one['quality']:.0%}" for one in people[:_ASKED]]
    ask = [samples.ids[row] for row in order_by_need(votes, consensus)[:_ASKED].tolist()]
    columns = {
        "consensus_label": [samples.classes[label] for label in consensus.labels.tolist()],
        "consensus_quality_score": [f"{score:.4f}" for score in consensus.score.tolist()],
        "annotator_agreement": [f"{share:.4f}" for share in consensus.agreement.tolist()],
        "num_annotations": [str(int(count)) for count in counts.tolist()],
    }
    extra = {**samples.extra, **{name: tuple(column) for name, column in columns.items()}}
    note = (
        f"Labels of annotators that seem right, fewest first: {', '.join(worst)}. One more vote would settle most "
        f"about {name_some(ask)}."
    )
    heard = replace(heard, samples=replace(samples, extra=extra))
    return heard.add(posterior, note, annotators=people, votes_temper=consensus.temper)


def _describe(votes: Votes, consensus: Consensus) -> list[dict[str, Any]]:
    """Votes, quality and its interval of each annotator, worst first."""
    given = np.bincount(votes.annotators, minlength=len(votes.names)).tolist()
    rows = [
        {"annotator": name, "votes": count, "quality": quality, "interval": interval}
        for name, count, quality, interval in zip(
            votes.names, given, consensus.quality.tolist(), consensus.quality_interval.tolist(), strict=True
        )
    ]
    return sorted(rows, key=lambda row: (row["quality"], row["annotator"]))


def _read_votes(samples: Samples) -> Votes | None:
    """The votes in the column `VOTES`; None where no image has several. Votes for other classes are left."""
    place = {name: number for number, name in enumerate(samples.classes)}
    who: dict[str, int] = {}
    found = [
        (row, who.setdefault(name, len(who)), place[label])
        for row, cell in enumerate(samples.extra[VOTES])
        for name, label in json.loads(cell).items()
        if label in place
    ]
    if len(found) <= len({row for row, _, _ in found}):
        return None
    table = np.array(found, dtype=np.int64)
    return Votes(
        rows=table[:, 0],
        annotators=table[:, 1],
        labels=table[:, 2],
        names=tuple(who),
        images=len(samples),
        classes=len(samples.classes),
    )


def _weigh_sources(heard: Testimony) -> Testimony:
    samples = heard.samples
    weighed, prior = weigh_sources(heard.posterior, samples.labels, list_attributes(samples), groups=samples.groups)
    if prior is None:
        return heard
    source = {"attribute": prior.attribute, "odds": dict(prior.factors), "gain": prior.gain}
    return heard.add(weighed, prior.note(), source_prior=source)


def _join_twins(heard: Testimony, noise: NoiseModel) -> Testimony:
    """Classes that cannot be told apart, or are spellings of one, are not wrong for each other."""
    samples = heard.samples
    twins = find_twins(noise.probs, samples.labels)
    place = {name: number for number, name in enumerate(samples.classes)}
    spelled = [
        (place[one], place[other])
        for names in find_spellings(samples.classes)
        for one, other in combinations(names, 2)
        if (place[one], place[other]) not in twins
    ]
    if not twins and not spelled:
        return heard
    posterior = take_rows(heard.posterior, np.arange(len(samples)))
    for one, other in twins + spelled:
        for own, rival in ((one, other), (other, one)):
            rows = np.flatnonzero(samples.labels == own)
            joined = posterior[rows]
            joined[:, own] += joined[:, rival]
            joined[:, rival] = 0
            posterior[rows] = joined
    pairs = [[samples.classes[one], samples.classes[other]] for one, other in twins + spelled]
    return heard.add(posterior, *note_twins(twins, samples.classes), twins=pairs)
