"""An audit ranked anew by what people have said since, in seconds: nothing is embedded or trained.

Three things follow from verdicts. Judged samples are settled. The others are brought to the scale that the verdicts set
(`labelaudit.judge.verdict_fit`) where that is surer than the scan's own: verdicts on the worst suspects alone say
nothing about how many wrong labels the middle of the list holds. And what looks like a judged sample under the same
label shares in its surprise (`labelaudit.judge.verdict_spread`), by the vectors that the RUN's judge remembers. A scan
does a fourth thing: it trains on what people corrected. Ranking anew starts from the scan each time, so doing it twice
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit

from labelaudit.audit import run as runs
from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.errors import NothingToDo
from labelaudit.images import Images
from labelaudit.judge.belief import believe
from labelaudit.judge.consensus import settle_suspicion
from labelaudit.judge.decide import FEWEST, SURE, decide, flag, keep_in_bounds
from labelaudit.judge.memory import Memory
from labelaudit.judge.noise_model import UNKNOWN, NoiseModel
from labelaudit.judge.reasons import Reason, find
from labelaudit.judge.scores import log_odds, sum_by_label
from labelaudit.judge.verdict_fit import VerdictFit, answers_of
from labelaudit.judge.verdict_spread import spread
from labelaudit.leading import Leading, Table
from labelaudit.reports.html import add_report
from labelaudit.text import count
from labelaudit.types import Bools, Decision, Evidence, Floats, Ints
from labelaudit.verdicts import Verdict, match, tuning
from labelaudit.verdicts.matching import known_labels

_NOTE = "Ranked anew by "
_BY_SCAN = "by_scan"  # column of the evidence before the review: the scan's suspicion
_KEPT = "scale_of_scan"  # in the recipe: the scale to go back to


@dataclass(frozen=True, kw_only=True)
class Reranked:
    """The audit by what people have said, and the difference that it made."""

    audit: Audit
    verdicts: int
    """Samples that people have decided."""
    new: int
    """Suspects that were none before."""
    cleared: int
    """Suspects that are none any more because people found their label correct."""
    alike: int
    """Suspects that are none any more although nobody judged them."""

    @property
    def sentence(self) -> str:
        """The difference, for a person."""
        return (
            f"By {count(self.verdicts, 'verdict')}: {count(self.new, 'new suspect')}, {self.cleared + self.alike:,} "
            f"cleared by what people said ({self.cleared:,} of them judged, {self.alike:,} by likeness and scale). "
            f"{count(len(self.audit.suspects), 'suspect')} now."
        )


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The share of labels that are wrong, and the suspicion from which on a sample is flagged."""

    rate: float
    low: float
    high: float
    """Ends of the 90 % interval of the rate."""
    threshold: float
    """Suspicion from which a sample is flagged; of a fit to verdicts that without likeness."""
    sure: float
    before: Scale | None = None
    """The scan's, where verdicts set this one."""

    @classmethod
    def of(cls, decision: Decision) -> Scale:
        """The scan's scale in a ``decision``, which may have been ranked anew since."""
        kept = decision.recipe.get(_KEPT)
        if kept is not None:
            return cls(**kept)
        low, high = decision.noise_interval
        return cls(rate=decision.noise_rate, low=low, high=high, threshold=decision.threshold, sure=decision.sure_from)

    @classmethod
    def by(cls, fitted: VerdictFit, before: Scale) -> Scale:
        """The scale that verdicts set."""
        rate = fitted.rate
        return cls(rate=rate.value, low=rate.low, high=rate.high, threshold=fitted.threshold, sure=SURE, before=before)


def rerank(audit: Audit, verdicts: Sequence[Verdict]) -> Reranked:
    """Rank ``audit`` anew by people's ``verdicts``, in the order of their file.

    Raises:
        NothingToDo: nobody has decided anything, or one column alone ranks the audit.
    """
    if "rank_by" in audit.settings:
        raise NothingToDo(f"this RUN is ranked by {audit.settings['rank_by']} alone, which verdicts do not change")
    known = known_labels(audit.samples, verdicts)
    if not (known != UNKNOWN).any():
        raise NothingToDo("nothing to go by yet: no image has a verdict that says which label is correct")
    (by_scan, before), judge, scale = _before(audit), audit.load_judge(), Scale.of(audit.decision)
    labels = audit.samples.labels
    fitted, undecided = tuning.tune(audit, match(audit, verdicts)), by_scan
    if fitted is not None and fitted.is_surer_than(scale.low, scale.high):
        scale, undecided = Scale.by(fitted, scale), fitted.undecided
    moved = undecided
    if judge is not None:
        odds = log_odds(undecided)
        moved = expit(odds + spread(judge.memory.vectors, labels, odds, answers_of(known, labels)))
    decision = _decide(audit, before, known=known, suspicion=moved, scale=scale)
    blind = Evidence(method=BEFORE_REVIEW, suspicion=undecided, probs=before, columns={_BY_SCAN: by_scan})
    line = f"{_NOTE}{count(int((known != UNKNOWN).sum()), 'verdict')}, without training; a scan also learns from them."
    after = replace(
        audit,
        decision=decision,
        evidence={**audit.evidence, BEFORE_REVIEW: blind},
        notes=(*(note for note in audit.notes if not note.startswith(_NOTE)), line),
    )
    if judge is not None:
        believed = Memory.of(judge.memory.vectors, audit.samples, decision, scanned=True)
        after = replace(after, judge=replace(judge, memory=replace(believed, scanned=judge.memory.scanned)))
    was, now, told = audit.decision.is_issue, decision.is_issue, known != UNKNOWN
    return Reranked(
        audit=after,
        verdicts=int(told.sum()),
        new=int((now & ~was).sum()),
        cleared=int((was & ~now & told).sum()),
        alike=int((was & ~now & ~told).sum()),
    )


def rerank_run(
    audit: Audit, verdicts: Sequence[Verdict], run: Path, *, images: Images | None = None, workers: int = 2
) -> Reranked:
    """`rerank` the ``audit`` of the folder ``run`` and write it there, its report made anew with ``images``.

    Raises:
        NothingToDo: as `rerank`.
        RunError: the folder cannot be written; then it is as it was.
    """
    made = rerank(audit, verdicts)
    after = replace(made.audit, files=runs.write(made.audit, run))
    add_report(after, run, images=images, workers=workers)
    return replace(made, audit=after)


def _before(audit: Audit) -> tuple[Floats, Table]:
    """(n,) suspicion and (n, C) float32 probability of each true class by the scan, blind to verdicts."""
    blind = audit.evidence.get(BEFORE_REVIEW)
    if blind is None:
        return audit.decision.suspicion, audit.decision.probs
    if blind.probs is not None:
        return np.asarray(blind.columns[_BY_SCAN], dtype=np.float64), blind.probs
    return blind.suspicion, _settle(audit.decision.probs, audit.samples.labels, blind.suspicion)


def _settle(probs: Table, labels: Ints, suspicion: Floats) -> Table:
    """(n, C) float32 ``probs`` with this ``suspicion`` (n,) of the given ``labels``."""
    settled = settle_suspicion(probs, labels, suspicion)
    return settled if isinstance(settled, Leading) else settled.astype(np.float32)


def _decide(audit: Audit, before: Table, *, known: Ints, suspicion: Floats, scale: Scale) -> Decision:
    """The decision at ``suspicion`` (n,) of a wrong label, with what is ``known`` settled."""
    samples, old, threshold = audit.samples, audit.decision, scale.threshold
    posterior = _settle(before, samples.labels, suspicion)
    noise = NoiseModel(
        weights={}, transition=np.eye(len(samples.classes)), probs=before, posterior=posterior, loss=np.nan
    )
    if scale.before is not None:
        answered = np.where(known == UNKNOWN, suspicion, answers_of(known, samples.labels))
        threshold = keep_in_bounds(flag(answered)[1])
    enough = np.full(len(samples.classes), FEWEST)  # which classes are too small was settled by the scan
    belief = believe(noise, samples.labels, counts=enough, known=known)  # and what copies say of each other
    decision = decide(belief, samples.classes, threshold=threshold, sure=scale.sure)
    judged = old.judged | (known != UNKNOWN)
    decision = replace(decision, judged=judged, is_issue=decision.is_issue & judged)
    return replace(
        decision,
        noise_matrix=sum_by_label(decision.probs, samples.labels, judged),
        noise_rate=scale.rate,
        noise_interval=(scale.low, scale.high),
        reasons=_keep_reasons(old, decision, judged),
        recipe={
            **old.recipe,
            "threshold": decision.threshold,
            "reviewed": int((known != UNKNOWN).sum()),
            "scale": "scan" if scale.before is None else MEASURED,
            _KEPT: {**vars(scale.before or scale), "before": None},
        },
    )


def _keep_reasons(old: Decision, new: Decision, judged: Bools) -> tuple[str, ...]:
    """The reasons of ``new``; those of ``old`` where both flag what nobody has decided, or the class is too small."""
    return tuple(
        before if (before and after and find(after) is not Reason.REVIEWED) or not able else after
        for before, after, able in zip(old.reasons, new.reasons, judged.tolist(), strict=True)
    )
