"""The sentences and figures of a report, before any format: the heat map, the histogram, the classes.

Only numbers and words; `html` and `markdown` give them a shape. Left out: anything about single suspects, which are
rows of `Audit.columns`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.audit.chance import has_numbers, is_estimated, is_measured, scale_of
from labelaudit.audit.document import Audit, has_images
from labelaudit.judge.reasons import Reason, find
from labelaudit.reports.review_state import ReviewState
from labelaudit.text import count, count_kind, interval
from labelaudit.types import Finding, Floats, Ints

MAP_CLASSES = 30
"""Classes that a heat map still shows legibly."""
BINS = 50
SAMPLE = "judging 200 random images (`labelaudit estimate RUN`, about 10 minutes)"
"""The step that brings a number where the scan's own is worth nothing."""
_SEEN = 0.05  # expected samples from which a cell of the heat map has a colour


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Expected mix-ups between classes: between all of them, or the most confused ones."""

    classes: tuple[int, ...]
    """(m,) indices of the classes shown: all in their order, or the most confused ones, those of a pair together."""
    expected: Floats
    """(m, m) float64: expected number of samples given class i that are j in truth; the diagonal is 0."""
    flagged: Ints
    """(m, m) suspects given class i for which j is suggested."""
    left_out: int
    """Classes not shown."""
    share: float
    """Part of all expected mix-ups that the classes shown hold, in [0, 1]."""

    def level(self, i: int, j: int) -> int:
        """Shade of a cell from 0 (nothing to speak of) to 9 (the most), by the square root: small ones show."""
        value, top = float(self.expected[i, j]), float(self.expected.max(initial=0.0))
        return math.ceil(9 * math.sqrt(value / top)) if value >= _SEEN else 0


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Samples by how likely their label is wrong, in equal bins from 0 to 1."""

    counts: Ints
    """(BINS,) samples."""
    flagged: Ints
    """(BINS,) those of them that are suspects."""
    threshold: float
    """Suspicion from which a sample is flagged."""

    def height(self, count: int) -> float:
        """Height of a bar, in [0, 1]: logarithmic, since nearly all samples lie at one end."""
        return math.log1p(count) / math.log1p(max(1, int(self.counts.max())))

    @property
    def ticks(self) -> list[int]:
        """Counts to mark on the axis: powers of ten."""
        return [10**power for power in range(int(math.log10(max(1, int(self.counts.max())))) + 1)]


def name_dataset(audit: Audit) -> str:
    """The folder of a dataset, or the name of its table of labels; empty where arrays were given."""
    labels = audit.source.get("labels")
    return audit.samples.root or (Path(labels).name if labels else "")


def headline(audit: Audit, checked: ReviewState | None = None) -> str:
    """The answer in one or two sentences: what people found where they have judged, else what the scan says."""
    n, flagged = len(audit.samples), len(audit.suspects)
    noun = "images" if has_images(audit) else "samples"
    if checked is not None and checked.judged:
        return checked.sentence
    if not audit.decision.judged.any():
        return f"None of the labels of the {n:,} {noun} could be judged. {noise_sentence(audit)}"
    if not flagged:
        return f"No label of the {n:,} {noun} looks wrong enough to be a suspect. {noise_sentence(audit)}"
    are = "is a suspect: its label" if flagged == 1 else "are suspects: their labels"
    return f"{flagged:,} of {n:,} {noun} ({flagged / max(n, 1):.1%}) {are} may be wrong. {noise_sentence(audit)}"


def noise_sentence(audit: Audit) -> str:
    """The share of wrong labels by the scan's own estimate, or what would tell where that says next to nothing."""
    decision = audit.decision
    low, high = decision.noise_interval
    if not is_estimated(decision):
        return f"The share of wrong labels cannot be estimated: {SAMPLE} would tell."
    if not is_measured(decision):
        share = interval(low if len(audit.suspects) else 0.0, high)
        return f"{share[0].upper()}{share[1:]} of all labels are wrong, by the scan's own estimate (90% interval)."
    return f"About {decision.noise_rate:.1%} of all labels are wrong (90% interval {low:.1%} to {high:.1%})."


def caveats(audit: Audit, checked: ReviewState | None = None) -> tuple[str, ...]:
    """Sentences on how far to trust the answer; with ``checked`` people's verdicts say it better than the model."""
    decision, said = audit.decision, list[str]()
    flagged = len(audit.suspects)
    known = int(decision.recipe.get("reviewed") or 0)
    if checked is not None and checked.judged:
        then = f"Before anybody looked, the scan flagged {flagged:,}."
        if known:
            then = f"The list knows {count(known, 'verdict')} and has {count(flagged, 'suspect')}."
        said.append(f"{then} {noise_sentence(audit)}")
    elif flagged:
        said.append(
            f"Nobody has checked this list yet. {_tiers(audit)} `labelaudit tune RUN` tells in 20 verdicts where in "
            "the list to stop, `labelaudit estimate RUN` in 200 how good it is."
        )
    blind = decision.recipe.get("blind")
    outdated = checked is not None and scale_of(decision, len(checked.settled)) == "outdated"
    measured = is_measured(decision) or bool(checked and checked.shares and checked.shares[-1].is_precise)
    if outdated and not measured:
        said.append(
            "The list does not know all verdicts yet, which tell more of the share of wrong labels: Rerank in "
            "`labelaudit review RUN`, or another scan."
        )
    elif not measured and not blind:
        said.append(
            "On labels that people made, the scan's own estimate reads low: expect the truth nearer the upper end of "
            "its interval."
        )
    if blind:
        said.insert(
            0,
            f"For about {blind:.0%} of the images models may have seen siblings, or learned something beside the "
            "picture that tells the class: a wrong label there cannot stand out, and a low rate proves nothing (see "
            "the notes).",
        )
    elif flagged and decision.noise_rate < 0.01 and checked is None:
        said.append("In a dataset this clean many suspects are false alarms: images that are hard, not wrong.")
    unjudged = sum(row["samples"] > 0 and not row["judged"] for row in audit.class_table())
    if unjudged:
        said.append(f"{unjudged:,} {'class has' if unjudged == 1 else 'classes have'} too few images to be judged.")
    return tuple(said)


def _tiers(audit: Audit) -> str:
    """A sentence on the sure and the doubtful suspects, with their numbers."""
    flagged, sure = len(audit.suspects), int(audit.decision.is_sure.sum())
    if flagged == 1:
        kind = "" if has_numbers(audit.decision) else f" is {'sure, by the models alone,' if sure else 'doubtful'} and"
        return f"Its one suspect{kind} may be a hard image with a correct label."
    if has_numbers(audit.decision):
        return f"Every one of its {flagged:,} suspects may be a hard image with a correct label."
    if sure == flagged:
        return (
            f"All of its {flagged:,} suspects are sure, by the models alone: a hard image with a correct label may be "
            "among them."
        )
    doubtful = count(flagged - sure, "is", "are")
    lead = f"{sure:,} of the {flagged:,} suspects {'is' if sure == 1 else 'are'} sure; " if sure else ""
    return f"{lead}{doubtful} doubtful: wrong, or hard images, which models cannot tell apart."


def kind_of(reason: str) -> str:
    """The kind of suspect that a ``reason`` makes: few kinds, without the names of classes.

    >>> kind_of("looks like two"), kind_of("a reason of tomorrow")
    ('looks like another class', 'other')
    """
    found = find(reason)
    return found.title if found else "other"


def adds_nothing(reason: str, suggested: str) -> bool:
    """Whether ``reason`` only repeats the ``suggested`` label, which stands beside it.

    >>> adds_nothing("looks like dog", "dog"), adds_nothing("ambiguous between cat and dog", "dog")
    (True, False)
    """
    return reason == Reason.LOOKS_LIKE.say(suggested)


def map_confusion(audit: Audit, top: int = MAP_CLASSES) -> HeatMap:
    """The heat map of all classes, or of at most ``top`` classes that make up the most confused pairs."""
    expected = np.array(audit.decision.noise_matrix, dtype=np.float64)
    np.fill_diagonal(expected, 0.0)
    total = len(expected)
    shown = np.arange(total) if total <= top else _most_confused(expected, top)
    part = expected[np.ix_(shown, shown)]
    place = np.full(total, -1)
    place[shown] = np.arange(len(shown))
    given, better = place[audit.samples.labels[audit.suspects]], place[audit.decision.predicted[audit.suspects]]
    both = (given >= 0) & (better >= 0)
    flagged = np.zeros(part.shape, dtype=np.int64)
    np.add.at(flagged, (given[both], better[both]), 1)
    np.fill_diagonal(flagged, 0)
    everything = float(expected.sum())
    return HeatMap(
        classes=tuple(shown.tolist()),
        expected=part,
        flagged=flagged,
        left_out=total - len(shown),
        share=float(part.sum()) / everything if everything > 0 else 1.0,
    )


def _most_confused(expected: Floats, top: int) -> Ints:
    """At most ``top`` classes: those of the largest pairs of ``expected``, in that order."""
    chosen: dict[int, None] = {}
    for pair in np.argsort(-expected, axis=None, kind="stable")[: top * top].tolist():
        both = dict.fromkeys(divmod(pair, len(expected)))
        if len(chosen | both) <= top:
            chosen |= both
    return np.array(list(chosen), dtype=np.int64)


def count_scores(audit: Audit) -> Histogram:
    """All samples by suspicion."""
    bins = np.minimum((audit.decision.suspicion * BINS).astype(np.int64), BINS - 1)
    return Histogram(
        counts=np.bincount(bins, minlength=BINS),
        flagged=np.bincount(bins[audit.decision.is_issue], minlength=BINS),
        threshold=audit.decision.threshold,
    )


def rank_classes(audit: Audit) -> list[dict[str, Any]]:
    """The rows of `Audit.class_table` that have samples, noisiest first, then the unjudged; ``index`` is the class."""
    rows = [row | {"index": index} for index, row in enumerate(audit.class_table()) if row["samples"]]
    return sorted(rows, key=lambda row: (row["noise_rate"] is None, -(row["noise_rate"] or 0.0), row["label"]))


def group_findings(audit: Audit) -> list[tuple[str, list[Finding]]]:
    """(their number and kind in words, findings of one kind), in the order of the kinds."""
    ordered = sorted(audit.findings, key=lambda finding: finding.kind)
    groups = [(kind, list(group)) for kind, group in groupby(ordered, key=lambda found: found.kind)]
    return [(count_kind(len(found), kind), found) for kind, found in groups]
