"""From samples to an audit: images → features or pixels → evidence → noise model → decision.

Each step is a room of its own; here they are put in order, timed and explained. Left out: where samples come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.context.alike import Alike, find_alike
from labelaudit.context.classes import note_classes
from labelaudit.context.grades import note_order, rank_steps, settle_order
from labelaudit.context.groups import name_groups
from labelaudit.context.shortcuts import find_shortcuts
from labelaudit.data.quality import find_blank, find_low_quality, pass_over_blank
from labelaudit.errors import DataError
from labelaudit.images import Images
from labelaudit.judge.belief import believe
from labelaudit.judge.consensus import Consensus, settle_suspicion
from labelaudit.judge.decide import decide, keep_in_bounds
from labelaudit.judge.reasons import Reason, find
from labelaudit.judge.scores import log_odds
from labelaudit.judge.verdict_fit import VIEWS, VerdictFit, answers_of
from labelaudit.judge.verdict_fit import fit as fit_verdicts
from labelaudit.machine import Clock, Machine, list_versions, one_blas_thread
from labelaudit.scanning.components import Components, find_components
from labelaudit.scanning.description import Description, describe
from labelaudit.scanning.notes import (
    explain_choices,
    name_products,
    note_blank,
    note_doubt,
    note_few,
    note_fitted,
    note_strangers,
    note_unrelated,
    note_untrained,
)
from labelaudit.scanning.plan import Plan
from labelaudit.scanning.pool import ModelPool
from labelaudit.scanning.ranking import STEPS, explain, rank_by
from labelaudit.scanning.settings import ENSEMBLE, ScanSettings
from labelaudit.scanning.testimony import hear
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.text import count
from labelaudit.types import Bools, Decision, Evidence, Features, Finding, Floats, Ints, Samples
from labelaudit.verdicts import Verdict
from labelaudit.verdicts.matching import known_labels


@one_blas_thread()
def audit_samples(
    samples: Samples,
    settings: ScanSettings | None = None,
    machine: Machine | None = None,
    *,
    findings: tuple[Finding, ...] = (),
    features: Features | None = None,
    probs: Floats | None = None,
    verdicts: Sequence[Verdict] = (),
    unfinished: Unfinished | None = None,
    plan: Plan | None = None,
) -> Audit:
    """`scan` from `Samples` on: for callers that hold a dataset already, and may keep what is ``unfinished``.

    The ``plan`` may settle on less effort than ``settings`` ask for; the audit's ``settings`` hold what was used.
    """
    settings, machine = settings or ScanSettings(), machine or Machine()
    embeds = features is None and samples.images is not None and (probs is None or settings.train != "auto")
    # Probabilities alone are judged without torch, whose import takes seconds.
    machine = machine.settled() if embeds or features is not None else replace(machine, device="cpu")
    _require_two_classes(samples)
    clock, plan, unfinished = Clock(), plan or Plan(), unfinished or Unfinished(None)
    samples = name_groups(samples, settings.group)
    steps = settle_order(samples.classes) if settings.ordinal else None
    given = probs is not None
    seen = describe(samples, settings, machine, plan, clock, embeds=embeds, features=features, given=given)
    _require_two_classes(seen.samples)
    if probs is not None and seen.failed:
        broken = {finding.path for finding in seen.failed}
        probs = probs[[name not in broken for name in samples.ids]]
    components = None
    if seen.features is not None:
        with clock.stage("neighbours"):
            machine.progress("duplicates", 0, None)
            components = find_components(seen.samples, seen.features, machine, unfinished)
    with clock.stage("duplicates"):
        near = None if components is None else components.rows
        alike = find_alike(seen.samples, seen.features, machine, near=near, named=bool(settings.group))
    blank = find_blank(alike.samples, findings)
    alike = replace(alike, findings=pass_over_blank(alike.findings, alike.samples, blank))
    with clock.stage("train"):
        known = known_labels(alike.samples, verdicts)
        material = ModelPool(
            samples=alike.samples, known=known, settings=seen.settings, machine=machine, unfinished=unfinished
        )
        evidence = _train(material, seen, components, probs)
    with clock.stage("decide"):
        audit = _decide(material, evidence, seen, alike, steps, blank)
    if unfinished.found:
        machine.notice(f"Went on with a scan that was cut off: {', '.join(unfinished.found)} had been done.")
    return replace(
        audit,
        findings=(*findings, *seen.failed, *alike.findings, *audit.findings),
        stages=tuple(clock.stages),
        notes=(*_note_training(material, seen), *note_fitted(probs, alike.samples.labels), *audit.notes),
        versions=list_versions(),
        device=machine.device,
        seed=settings.seed,
        settings=seen.settings.record(),
    )


def _train(
    material: ModelPool, seen: Description, components: Components | None, probs: Floats | None
) -> dict[str, Evidence]:
    """Fit and cross-fit all models of ``material``; given ``probs`` (n, C) are one of them."""
    if components is not None:
        material.add_probes(components)
    if seen.trained_on is not None and seen.trained_on.pixels:
        material.add_pixels(seen.trained_on.side)
    if probs is not None:
        material.add_given(np.asarray(probs, dtype=np.float32))
    return material.gather()


def _note_training(material: ModelPool, seen: Description) -> list[str]:
    """Notes on what the models learned from."""
    notes = [] if seen.trained_on is None else [f"The methods learned from {seen.trained_on.reason}."]
    if reviewed := material.reviewed:
        notes.append(f"People's verdicts on {reviewed:,} of the images are taken as known, in training too.")
    return notes + note_untrained(material)


def _decide(
    material: ModelPool,
    evidence: Mapping[str, Evidence],
    seen: Description,
    alike: Alike,
    steps: Sequence[int] | None,
    blank: Bools,
) -> Audit:
    """Bring the models to one answer, count in what people said, and rank by it or by the column asked for; the audit
    knows nothing yet of the work before."""
    settings, known, features, trained_on = material.settings, material.known, seen.features, seen.trained_on
    consensus = material.settle()
    heard = hear(consensus.answer, material.samples)
    samples, labels = heard.samples, heard.samples.labels
    consensus = replace(consensus, answer=replace(consensus.answer, posterior=heard.posterior))
    unrelated = note_unrelated(consensus.pooled, samples)
    if unrelated:  # nothing is sure where nothing is known
        consensus = replace(consensus, reading=replace(consensus.reading, sure=0.0))
    views = dict(zip(VIEWS, (consensus.pooled, consensus.modelled), strict=True))  # blind to verdicts, which weigh them
    evidence = {**evidence, **{name: Evidence(method=name, suspicion=view) for name, view in views.items()}}
    verdicts = fit_verdicts(map(log_odds, views.values()), answers_of(known, labels))
    if verdicts is not None and not verdicts.is_surer_than(consensus.reading.low, consensus.reading.high):
        verdicts = None
    decision = decide_by(consensus, samples, known=known, blank=blank, verdicts=verdicts)
    recipe = {
        **decision.recipe,
        **heard.recipe,
        **explain_choices(consensus, verdicts),
        "strangers_gain": consensus.strangers_gain,
        "reviewed": material.reviewed,
        "scale": "scan" if verdicts is None else MEASURED,
        "features": None if features is None else features.name,
        "methods_on": None if trained_on is None else ("pixels" if trained_on.pixels else "features"),
        "methods_in": name_products(evidence),
        "representation": None if trained_on is None else trained_on.reason,
    }
    decision = replace(decision, recipe=recipe)
    if samples.images is not None:
        decision = _name_low_quality(decision, samples.images, material.machine.workers)
    if material.reviewed:
        evidence[BEFORE_REVIEW] = _before_review(consensus, labels)
    judge = material.keep_judge(decision)
    shortcuts = find_shortcuts(samples, workers=material.machine.workers)
    decision, hedged = alike.hedge(decision, material.nearest, shortcuts)
    if steps is not None:  # how far off each label may be
        off = rank_steps(np.asarray(decision.probs), labels, steps)
        evidence[STEPS] = Evidence(method=STEPS, suspicion=off)
    first = STEPS if steps and settings.rank_by == ENSEMBLE else settings.rank_by
    decision = rank_by(first, decision, evidence, labels, known)
    made_by = "" if features is None or samples.images is None else features.name
    agreed = consensus.reading.agreed if verdicts is None else 1.0  # else verdicts tell
    notes = [
        *unrelated,
        *note_strangers(consensus.outside(known)),
        *explain(decision),
        *([] if steps else note_order(samples.classes, consensus.answer.probs, labels)),
        *alike.notes(),
        *heard.notes,
        *hedged,
        *note_classes(samples),
        *([] if unrelated else note_doubt(decision, made_by, agreed)),
        *note_few(samples),
        *note_blank(blank),
    ]
    return Audit(
        samples=samples,
        decision=decision,
        evidence=evidence,
        findings=tuple(one.finding() for one in shortcuts),
        notes=tuple(notes),
        judge=judge,
    )


def _name_low_quality(decision: Decision, images: Images, workers: int) -> Decision:
    """The ``decision`` with reasons that say of suspects in which there is too little to see that this is so."""
    reasons = list(decision.reasons)
    open_to_doubt = np.array(
        [row for row in np.flatnonzero(decision.is_issue) if find(reasons[row]) is not Reason.REVIEWED]
    )
    for row, what in find_low_quality(images, open_to_doubt.astype(np.int64), workers=workers).items():
        reasons[row] = Reason.LOW_QUALITY.say(f" ({what}); {reasons[row]}")
    return replace(decision, reasons=tuple(reasons))


def decide_by(
    consensus: Consensus,
    samples: Samples,
    *,
    known: Ints,
    verdicts: VerdictFit | None,
    blank: Bools | None = None,
) -> Decision:
    """The decision of a ``consensus``: at its own scale, or at that of ``verdicts`` where there are enough of them."""
    noise, reading = consensus.answer, consensus.reading
    if verdicts is not None:
        settled = settle_suspicion(noise.posterior, samples.labels, verdicts.probability)
        noise = replace(noise, posterior=settled)
        reading = replace(reading, rate=verdicts.rate.value, low=verdicts.rate.low, high=verdicts.rate.high)
    belief = believe(
        noise,
        samples.labels,
        digests=None if samples.numbered.all_differ else samples.digests,
        groups=None if samples.groups == samples.digests else samples.numbered_groups.code,
        known=known,
        strangers=None if verdicts is not None else consensus.outside(known),
    )
    return decide(
        belief,
        samples.classes,
        blank=blank,
        reading=reading,
        threshold=None if verdicts is None else keep_in_bounds(verdicts.threshold),
    )


def _before_review(consensus: Consensus, labels: Ints) -> Evidence:
    """Suspicion without each sample's own verdict, which the held-out models have not seen either."""
    right = consensus.answer.posterior[np.arange(len(labels)), labels].astype(np.float64) * (1 - consensus.none)
    return Evidence(method=BEFORE_REVIEW, suspicion=np.clip(1 - right, 0, 1))


def _require_two_classes(samples: Samples) -> None:
    if len(samples) < 2 or (samples.counts() > 0).sum() < 2:
        raise DataError(
            f"{count(len(samples), 'readable image')} in fewer than 2 classes: there is nothing to compare labels with"
        )
    if all(samples.digests[row] == samples.digests[0] for row in range(len(samples))):  # ends at the first other one
        raise DataError(f"all {len(samples)} images are the same file, byte for byte: nothing tells their labels apart")
