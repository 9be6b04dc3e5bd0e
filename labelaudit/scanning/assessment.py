"""From samples to an audit: images → features or pixels → evidence → noise channel → decision.

Each step is a room of its own; here they are put in order, timed and explained. Left out: where samples come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import BEFORE_REVIEW, Audit
from labelaudit.context.alike import find_alike
from labelaudit.context.classes import note_classes
from labelaudit.context.grades import note_order, rank_steps, settle_order
from labelaudit.context.groups import name_groups
from labelaudit.context.shortcuts import find_shortcuts
from labelaudit.data.quality import find_low_quality
from labelaudit.errors import DataError
from labelaudit.features.embedding import embed_samples
from labelaudit.features.known import advise_backbone
from labelaudit.judge import noise_model
from labelaudit.judge.consensus import Consensus, settle_suspicion
from labelaudit.judge.decide import FEWEST, LOWEST, SURE, decide
from labelaudit.judge.reasons import Reason, find
from labelaudit.judge.verdict_fit import VIEWS, VerdictFit, decided, log_odds
from labelaudit.judge.verdict_fit import fit as fit_verdicts
from labelaudit.leading import KEPT
from labelaudit.machine import Clock, Machine, list_versions, one_blas_thread
from labelaudit.scanning.alone import keep_leading
from labelaudit.scanning.choice import choose_training_input
from labelaudit.scanning.components import find_components
from labelaudit.scanning.effort import backbones_of, fine_tunes
from labelaudit.scanning.plan import Plan
from labelaudit.scanning.pool import ModelPool
from labelaudit.scanning.ranking import STEPS, explain, rank_by
from labelaudit.scanning.settings import ENSEMBLE, ScanSettings
from labelaudit.scanning.testimony import hear
from labelaudit.scanning.trainings import TUNED, TUNED_SIDE
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.text import name_some
from labelaudit.types import Decision, Evidence, Features, Finding, Floats, Images, Ints, Samples
from labelaudit.verdicts import Verdict
from labelaudit.verdicts.matching import known_labels

_SEVERAL = 10  # suspects from which it is said how many are sure
_SMALL = 50  # images per class below which the rate was seen to be off by a factor of two (docs/evidence.md)


@one_blas_thread()
def audit_samples(  # noqa: PLR0915
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
    clock, notes, samples = Clock(), list[str](), name_groups(samples, settings.group)
    steps = settle_order(samples.classes) if settings.ordinal else None
    choice, tuned, plan = None, False, plan or Plan()
    with _keeping(machine, embeds and bool(settings.trained)) as embedder:
        if embeds:
            with clock.stage("choose"):
                choice = choose_training_input(samples, settings, embedder)
        with clock.stage("forecast"):
            widths = () if features is None else features.blocks or (features.values.shape[1],)
            settings = plan.settle(samples, settings, embedder, choice=choice, widths=widths, given=probs is not None)
        trained_on = choice if settings.trained else None
        if choice is not None:
            choice = trained_on or replace(choice, pixels=False)
            notes += [f"The methods learned from {choice.reason}."] if trained_on else []
            tuned = fine_tunes(settings, choice, device=machine.device)
            specs = backbones_of(settings.effort, choice, settings, images=len(samples), device=machine.device)
            with clock.stage("embed"):
                samples, features, failed = embed_samples(samples, specs, embedder)
            findings += failed
    _require_two_classes(samples)
    unfinished = unfinished or Unfinished(None)
    components = None
    if features is not None:
        with clock.stage("neighbours"):
            machine.progress("duplicates", 0, None)
            components = find_components(samples, features, machine, unfinished)
    with clock.stage("duplicates"):
        near = None if components is None else components.rows
        alike = find_alike(samples, features, machine, near=near, named=bool(settings.group))
        samples, findings = alike.samples, findings + alike.findings
    known = known_labels(samples, verdicts)
    if reviewed := int((known != noise_model.UNKNOWN).sum()):
        notes.append(f"People's verdicts on {reviewed:,} of the images are taken as known, in training too.")
    with clock.stage("train"):
        material = ModelPool(
            samples=samples,
            known=known,
            settings=settings,
            machine=machine,
            unfinished=unfinished,
        )
        if components is not None:
            material.add_probes(components)
        if choice is not None and choice.pixels:
            material.add_pixels(choice.side)
        if probs is not None:
            given = np.asarray(probs, dtype=np.float32)
            material.models["given"] = given if components is not None else keep_leading(given, samples.labels)
        evidence = material.gather()
        if tuned:
            evidence["fine_tuned"] = material.fine_tune()
            notes.append(f"Fine-tuned {TUNED} end to end as well, on images of {TUNED_SIDE} x {TUNED_SIDE}.")
        notes += _note_untrained(samples, material)
    if material.unfinished.found:
        machine.notice(f"Went on with a scan that was cut off: {', '.join(material.unfinished.found)} had been done.")
    with clock.stage("decide"):
        consensus, strangers_gain, outside = material.settle()
        if outside is not None:
            notes.append(f"About {outside.sum():,.0f} images seem to belong to no class (`reason` says which).")
        heard = hear(consensus.channel, samples)
        consensus = replace(consensus, channel=replace(consensus.channel, posterior=heard.posterior))
        samples = heard.samples
        evidence |= _views(consensus)
        tuned_by = _fit_verdicts(consensus, evidence, decided(known, samples.labels))
        decision = decide_by(consensus, samples, known=known, outside=outside, verdicts=tuned_by)
        decision = replace(
            decision,
            recipe={
                **decision.recipe,
                **(heard.recipe or {}),
                **_explain(consensus, tuned_by),
                "strangers_gain": strangers_gain,
                "reviewed": reviewed,
                "scale": "scan" if tuned_by is None else MEASURED,
                "features": None if features is None else features.name,
                "methods_on": None if trained_on is None else ("pixels" if trained_on.pixels else "features"),
                "methods_in": _name_products(evidence),
                "representation": None if trained_on is None else trained_on.reason,
            },
        )
        if samples.images is not None:
            decision = _name_low_quality(decision, samples.images, machine.workers)
        if reviewed:
            evidence[BEFORE_REVIEW] = _before_review(consensus, samples, outside)
        judge = None if components is None else material.keep_judge(decision, components)
        shortcuts = find_shortcuts(samples, workers=machine.workers)
        findings += tuple(one.finding() for one in shortcuts)
        decision, hedged = alike.hedge(decision, material.nearest, shortcuts)
    evidence |= _measure_steps(decision, samples, steps)
    first = STEPS if steps and settings.rank_by == ENSEMBLE else settings.rank_by
    decision = rank_by(first, decision, evidence, samples.labels, known)
    notes += explain(decision)
    notes += [] if steps else note_order(samples.classes, consensus.channel.probs, samples.labels)
    notes += [
        *alike.notes(),
        *heard.notes,
        *hedged,
        *note_classes(samples),
        *_note_doubt(decision, "" if features is None or samples.images is None else features.name),
        *_note_few(samples),
    ]
    return Audit(
        samples=samples,
        decision=decision,
        evidence=evidence,
        findings=findings,
        stages=tuple(clock.stages),
        notes=tuple(notes),
        versions=list_versions(),
        device=machine.device,
        seed=settings.seed,
        settings=settings.record(),
        judge=judge,
    )


@contextmanager
def _keeping(machine: Machine, wanted: bool) -> Iterator[Machine]:
    """``machine``; where ``wanted``, with a cache for the time of the ``with`` if it has none.

    What the choice of the training input has embedded is then not embedded again.
    """
    if machine.cache is not None or not wanted:
        yield machine
    else:
        with TemporaryDirectory(prefix="labelaudit-") as folder:
            yield replace(machine, cache=Path(folder))


def _name_products(evidence: Mapping[str, Evidence]) -> str | None:
    """The number format that methods multiplied in, where any was trained."""
    trained = [one.tables["settings"] for one in evidence.values() if "settings" in one.tables]
    rounded = any(settings.get("rounded") for settings in trained)
    return ("bfloat16" if rounded else "float32") if trained else None


def _name_low_quality(decision: Decision, images: Images, workers: int) -> Decision:
    """The ``decision`` with reasons that say of suspects in which there is too little to see that this is so."""
    reasons = list(decision.reasons)
    open_to_doubt = np.array(
        [row for row in np.flatnonzero(decision.is_issue) if find(reasons[row]) is not Reason.REVIEWED]
    )
    for row, what in find_low_quality(images, open_to_doubt.astype(np.int64), workers=workers).items():
        reasons[row] = Reason.LOW_QUALITY.say(f" ({what}); {reasons[row]}")
    return replace(decision, reasons=tuple(reasons))


def _views(consensus: Consensus) -> dict[str, Evidence]:
    """The two views that verdicts weigh, each blind to them, as columns."""
    views = zip(VIEWS, (consensus.pooled, consensus.modelled), strict=True)
    return {name: Evidence(method=name, suspicion=np.clip(view, 0, 1)) for name, view in views}


def _measure_steps(decision: Decision, samples: Samples, steps: Sequence[int] | None) -> dict[str, Evidence]:
    """The column of how far off each label may be, where the classes are grades."""
    if steps is None:
        return {}
    return {STEPS: Evidence(method=STEPS, suspicion=rank_steps(np.asarray(decision.probs), samples.labels, steps))}


def _fit_verdicts(consensus: Consensus, evidence: Mapping[str, Evidence], judged: Ints) -> VerdictFit | None:
    """The fit to the verdicts in ``judged`` (n,), where it knows the rate better than the ``consensus`` does."""
    fitted = fit_verdicts([log_odds(evidence[name].suspicion) for name in VIEWS], judged)
    reading = consensus.reading
    return fitted if fitted is not None and fitted.is_surer_than(reading.low, reading.high) else None


def decide_by(
    consensus: Consensus, samples: Samples, *, known: Ints, outside: Floats | None, verdicts: VerdictFit | None
) -> Decision:
    """The decision of a ``consensus``: at its own scale, or at that of ``verdicts`` where there are enough of them."""
    channel, reading = consensus.channel, consensus.reading
    if verdicts is not None:
        settled = settle_suspicion(channel.posterior, samples.labels, verdicts.probability)
        channel = replace(channel, posterior=settled)
        reading = replace(reading, rate=verdicts.rate.value, low=verdicts.rate.low, high=verdicts.rate.high)
    return decide(
        channel,
        samples.labels,
        samples.classes,
        digests=None if samples.numbered.all_differ else samples.digests,
        groups=None if samples.groups == samples.digests else samples.numbered_groups.code,
        known=known,
        strangers=None if verdicts is not None else outside,
        reading=reading,
        threshold=None if verdicts is None else max(verdicts.threshold, LOWEST),
        sure=None if verdicts is None else SURE,
    )


def _explain(consensus: Consensus, verdicts: VerdictFit | None) -> dict[str, Any]:
    """The choices and their reasons, in words and numbers."""
    gain, reading = consensus.gain, consensus.reading
    networks = "none beside others to compare them with"
    if gain is not None:
        nats = f"{1000 * gain.nats:+.1f} ± {1000 * gain.error:.1f}"
        networks = f"{'heard' if gain.earned else 'not heard'}: {nats} thousandths of a nat per image by them"
    curve = "the set is too small for a learning curve"
    if reading.by_curve is not None:
        curve = f"the learning curve reads {reading.by_curve:.1%}"
    if reading.lasting is not None:
        curve += f", and of the labels that stand out {reading.lasting:.0%} would with any amount of data"
    scale = f"the noise model reads {reading.by_model:.1%}, {curve}"
    if verdicts is not None:
        scale = f"{verdicts.verdicts} verdicts set the scale; before them {scale}"
    return {
        "networks": networks,
        "rate": scale,
    }


def _before_review(consensus: Consensus, samples: Samples, outside: Floats | None) -> Evidence:
    """Suspicion without each sample's own verdict, which the held-out models have not seen either."""
    right = consensus.channel.posterior[np.arange(len(samples)), samples.labels].astype(np.float64)
    if outside is not None:
        right = right * (1 - consensus.none)
    return Evidence(method=BEFORE_REVIEW, suspicion=np.clip(1 - right, 0, 1))


def _note_doubt(decision: Decision, features: str) -> list[str]:
    """The note that most suspects may be hard images, where few of them are sure.

    ``features`` is the name of those that a backbone made, empty where none did; better ones leave less doubt.
    """
    flagged, sure = int(decision.is_issue.sum()), int(decision.is_sure.sum())
    if flagged < _SEVERAL or sure > flagged / 2:
        return []
    advice = advise_backbone(features) if features else ""
    return [
        f"{sure:,} of the {flagged:,} suspects {'is' if sure == 1 else 'are'} sure; the others may be the models' own "
        "doubt about hard images, which labels alone cannot tell from wrong labels. Twenty verdicts can: "
        "labelaudit tune RUN.",
        *([advice] if advice else []),
    ]


def _note_untrained(samples: Samples, material: ModelPool) -> list[str]:
    """The note on why no method was trained, where one was asked for."""
    if not material.settings.trained or (material.x is not None and not material.large):
        return []
    if material.x is None:
        return ["Only probabilities were given, so no method was trained: the ranking rests on them alone."]
    return [
        f"{len(samples):,} samples of {len(samples.classes):,} classes are too many to train networks on: the ranking "
        f"rests on closed forms and neighbours, which keep the {KEPT} leading classes of each sample."
    ]


def _note_few(samples: Samples) -> list[str]:
    """Notes on classes with too few images."""
    counts, notes = samples.counts(), list[str]()
    usual = int(np.median(counts[counts > 0]))
    if usual < _SMALL:
        notes.append(
            f"The classes have about {usual} images each: too few to tell wrong labels from doubt, so the noise rate "
            "may read far too low or too high. The ranking suffers less."
        )
    few = [name for name, count in zip(samples.classes, counts.tolist(), strict=True) if 0 < count < FEWEST]
    if few:
        these = f"{len(few)} class{'es' * (len(few) > 1)}"
        notes.append(f"Cannot judge {these} with fewer than {FEWEST} images: {name_some(few)}.")
    return notes


def _require_two_classes(samples: Samples) -> None:
    if len(samples) < 2 or (samples.counts() > 0).sum() < 2:
        raise DataError(
            f"{len(samples)} readable images in fewer than 2 classes: there is nothing to compare labels with"
        )
    if all(digest == samples.digests[0] for digest in samples.digests):
        raise DataError(f"all {len(samples)} images are the same file, byte for byte: nothing tells their labels apart")
