"""The labels of new images, judged by a saved audit: nothing is trained, the audited dataset is not read again.

New images are embedded by the audit's own backbones and go through its `Judge`. Those that are in the audited dataset
under another label, byte for byte or nearly, are conflicts whatever the judge says; the pixels of the latter are
compared where the audited images can still be opened. Images that the audit has under the same label keep what it says
of them, since the judge's models have learned from these labels. Left out: learning from the batch, and leaks between
splits.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.data.class_names import use_names
from labelaudit.data.given import given_features, source_rows
from labelaudit.data.ingest import ingest
from labelaudit.data.quality import find_blank, pass_over_blank
from labelaudit.data.source import Source, notes_of
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, RunError
from labelaudit.features.duplicates import NEIGHBORS, find_copies, find_unlike_pairs
from labelaudit.features.embedding import embed_samples
from labelaudit.images import Images, Joined, Subset
from labelaudit.judge.belief import believe
from labelaudit.judge.decide import decide, noise_rate, widen_as
from labelaudit.judge.judge import Judge
from labelaudit.judge.scores import sum_by_label
from labelaudit.leading import join_tables, take_rows
from labelaudit.machine import Clock, Machine, list_versions, one_blas_thread
from labelaudit.outputs import check_apart
from labelaudit.packed import as_ascii
from labelaudit.scanning.settings import ScanSettings
from labelaudit.text import count, name_some
from labelaudit.types import Bools, Decision, Features, Finding, Floats, Ints, Samples


def score(
    run: Path | str,
    source: Source | Path | str,
    machine: Machine | None = None,
    *,
    features: Path | str | Floats | None = None,
    originals: Path | str | None = None,
    output: Path | str | None = None,
) -> Audit:
    """Judge the labels of new data by the audit of the folder ``run``, without training anything.

    ``source`` is the new data, a path or a `Source` that says how to read it, as for `scan`; one class is enough.
    ``features`` (m, d) are needed where the audit's own were brought. ``originals`` is where the audited images lie
    now, if not where the scan read them. With ``output`` the result is also written there as a RUN.

    Returns the `Audit` of the new data over the audit's classes: no methods and no evidence, everything else as from
    a scan. Labels that are not a class of the audit are findings of kind ``unknown_class``.

    Raises:
        RunError: ``run`` is not a RUN folder, or keeps no judge.
        DataError: the new data cannot be read, described by the audit's features, or has none of its classes.
    """
    source = source if isinstance(source, Source) else Source(data=source)
    audit, judge, machine = runs.read(run), Judge.load(Path(run)), machine or Machine()
    if output is not None:
        check_apart(output, {"RUN": run})
        runs.check_output(output, source.data)
    source = replace(source, exposure=audit.source.get("exposure"))
    clock = Clock()
    with clock.stage("ingest"):
        listing = use_names(open_source(source), audit.samples.codes)
        most = ScanSettings.of(audit).max_pixels
        samples, findings = ingest(
            listing, fewest_classes=1, max_pixels=most, workers=machine.workers, progress=machine.progress
        )
        _require_known_class(samples, judge, run)
        given = None if features is None else given_features(features, listing.total, source_rows(listing, samples))
    scored = _score(samples, audit, judge, machine, features=given, findings=findings, originals=originals)
    scored = replace(
        scored,
        settings={
            "source": source.settings(),
            "scored_by": {"run": Path(run).absolute().as_posix(), **scored.settings},
        },
        notes=(*scored.notes, *notes_of(listing)),
        stages=(*clock.stages, *scored.stages),
    )
    return scored if output is None else scored.with_files(runs.write(scored, output))


def _score(
    samples: Samples,
    audit: Audit,
    judge: Judge,
    machine: Machine,
    *,
    features: Features | None,
    findings: tuple[Finding, ...],
    originals: Path | str | None,
) -> Audit:
    """`score` from `Samples` on."""
    clock, machine = Clock(), machine.settled()
    if features is None:
        with clock.stage("embed"):
            samples, features, failed = embed_new(samples, judge, machine)
        findings += failed
    with clock.stage("decide"):
        given = samples
        samples, features, strange = _set_unknown_classes_aside(given, features, judge)
        findings += strange
        blank = find_blank(samples, findings, audited=(audit.samples, audit.findings))
        decision, _ = judge_rows(judge, samples, features, blank, find_held_out(audit, judge, samples))
        known = _find_known(samples, audit)
        if (known >= 0).any():
            order = np.where(known >= 0, known, len(audit.samples) + np.arange(len(known)))
            kept = join_rows(audit.decision, decision, order, samples.labels)
            decision = recount_noise(replace(decision, **kept), samples.labels)
        decision = widen_as(audit.decision, decision)
    with clock.stage("duplicates"):
        alike = _compare_with(audit, judge, samples, judge.project(features), _open(audit, originals), machine)
        findings += pass_over_blank(alike, samples, blank)
    who = f"the audit of '{audit.samples.root}'" if audit.samples.root else "an audit"
    notes = [f"Judged by {who} ({len(judge.memory):,} images), without training."]
    if seen := int((known >= 0).sum()):
        are = count(seen, "image is", "images are")
        notes.append(f"{are} in that audit under the same label: what it says of them is kept.")
    if strange:
        names = name_some(sorted({*given.given()} - {*judge.classes}))
        notes.append(f"{count(len(strange), 'image is', 'images are')} left out: the audit does not know {names}.")
    return Audit(
        samples=samples,
        decision=decision,
        evidence={},
        findings=findings,
        settings={"fingerprint": audit.fingerprint, "samples": len(judge.memory), "seed": audit.seed},
        stages=tuple(clock.stages),
        notes=tuple(notes),
        versions=list_versions(),
        device=machine.device,
        seed=audit.seed,
    )


def _require_known_class(samples: Samples, judge: Judge, run: Path | str) -> None:
    """Refuse data of quite other classes before it is embedded."""
    names = {*samples.given()}
    if names.isdisjoint(judge.classes):
        raise DataError(
            f"no new label can be judged: none of the classes ({name_some(sorted(names))}) is one of '{run}' "
            f"({name_some(judge.classes)}): name the RUN of a dataset with such classes"
        )


def _find_known(samples: Samples, audit: Audit) -> Ints:
    """(m,) the row of ``audit`` that has the content and the label of each of the ``samples``, -1 where none has."""
    asked, there = (zip(some.digests, some.given(), strict=True) for some in (samples, audit.samples))
    return _rows_of(list(asked), there)


def _rows_of(asked: Sequence[Hashable], there: Iterable[Hashable]) -> Ints:
    """(m,) the last place of each of ``asked`` among those ``there``, -1 where it is not."""
    wanted = set(asked)
    row_of = {one: row for row, one in enumerate(there) if one in wanted}
    return np.array([row_of.get(one, -1) for one in asked], dtype=np.int64)


def find_held_out(audit: Audit, judge: Judge, samples: Samples) -> dict[str, Floats]:
    """The ``held_out`` of `Judge.read` for ``samples`` (m): of those that the ``audit`` scanned, under whatever label,
    its own held-out opinions. ``judge`` is the audit's.
    """
    there = zip(audit.samples.digests, judge.memory.scanned, strict=True)
    rows = _rows_of(samples.digests, (digest if scanned else None for digest, scanned in there))
    places = np.flatnonzero(rows >= 0)
    found: dict[str, Floats] = {}
    for name in judge.models if len(places) else ():
        if name in audit.evidence and (probs := audit.evidence[name].probs) is not None:
            found[name] = np.full((len(samples), len(judge.classes)), np.nan, dtype=np.float32)
            found[name][places] = take_rows(probs, rows[places])
    return found


def join_rows(first: Decision, second: Decision, order: Ints, given: Ints) -> dict[str, Any]:
    """The arrays of two decisions, one below the other, in this ``order``; ``given`` are the second's labels."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])[order]
        for name in ("suspicion", "is_issue", "judged", "predicted")
    }
    reasons = (*first.reasons, *second.reasons)
    arrays["probs"] = take_rows(join_tables(first.probs, second.probs, given), order)
    return arrays | {"reasons": tuple(reasons[row] for row in order.tolist())}


def embed_new(samples: Samples, judge: Judge, machine: Machine) -> tuple[Samples, Features, tuple[Finding, ...]]:
    """Features of ``samples`` by the backbones that ``judge`` understands; what cannot be decoded leaves."""
    if judge.features == "given":
        raise DataError("the audit was made on features that were brought: give those of the new data with `features`")
    if samples.images is None:
        raise DataError("labels but no images to judge them by: name the folder or file that holds the images")
    return embed_samples(samples, judge.features.split("+"), machine)


@one_blas_thread()
def judge_rows(
    judge: Judge, samples: Samples, features: Features, blank: Bools, held_out: Mapping[str, Floats]
) -> tuple[Decision, Floats]:
    """The decision about ``samples`` (m), over the judge's classes, and (m, C) what their images alone show.

    Those that are ``blank`` (m,) are not judged; ``held_out`` is as of `Judge.read`.

    A sample whose bytes the judge remembers under other labels is judged together with these, as a scan would.
    """
    m = len(samples)
    read = judge.read(features, samples.labels, digests=samples.digests, held_out=held_out)
    twins = [
        (row, label)
        for row, copies in enumerate(judge.memory.copies(as_ascii(samples.digests)))
        for label in np.unique(judge.memory.labels[copies]).tolist()
        if label != samples.labels[row]
    ]
    rows = np.array([*range(m), *(row for row, _ in twins)], dtype=np.int64)
    labels = np.concatenate([samples.labels, np.array([label for _, label in twins], dtype=np.int64)])
    together = replace(read.take(rows), transition=np.asarray(read.transition, dtype=np.float64))
    digests = [samples.digests[row] for row in rows.tolist()]
    decision = decide(
        believe(together, labels, digests=digests, counts=judge.counts),
        judge.classes,
        blank=blank[rows],
        threshold=judge.threshold,
        sure=judge.sure_threshold,
    )
    arrays = {name: getattr(decision, name)[:m] for name in ("suspicion", "is_issue", "judged", "probs", "predicted")}
    made_by = {"features": judge.features, "judge": "closed forms and neighbour votes of a saved audit"}
    recipe = {**decision.recipe, **made_by}
    decision = replace(decision, **arrays, reasons=decision.reasons[:m], recipe=recipe)
    decision = recount_noise(decision, samples.labels)
    return decision, np.asarray(read.probs)


def recount_noise(decision: Decision, labels: Ints) -> Decision:
    """``decision`` with noise rate, interval and matrix counted again from its rows."""
    judged = decision.judged
    matrix = sum_by_label(decision.probs, labels, judged)
    rate, interval = noise_rate(decision.suspicion[judged])
    return replace(decision, noise_rate=rate, noise_interval=interval, noise_matrix=matrix)


def _set_unknown_classes_aside(
    samples: Samples, features: Features, judge: Judge
) -> tuple[Samples, Features, tuple[Finding, ...]]:
    """Samples over the judge's classes; those of other classes become findings that say what they look like."""
    place = {name: number for number, name in enumerate(judge.classes)}
    known: Bools = np.array([name in place for name in samples.given()], bool)
    strangers, kept = np.flatnonzero(~known), np.flatnonzero(known)
    looks = np.asarray(judge.read(replace(features, values=features.values[strangers]), None).posterior)
    findings = []
    for row, best, probs in zip(strangers.tolist(), looks.argmax(axis=1).tolist(), looks, strict=True):
        path, _, given = samples.claim(row)
        likeness = f"looks like '{judge.classes[best]}' ({probs[best]:.0%})"
        detail = f"labelled '{given}', a class that the audit does not know; of those it knows it {likeness}"
        findings.append(Finding(kind="unknown_class", path=path, detail=detail))
    some = samples.take(kept)
    labels = np.array([place[name] for name in some.given()], dtype=np.int64)
    some = replace(some, labels=labels, classes=judge.classes)
    return some, replace(features, values=features.values[kept]), tuple(findings)


def _open(audit: Audit, originals: Path | str | None) -> Images | None:
    """The audited images, ``None`` where they cannot be opened and nobody said where they are."""
    try:
        return open_originals(audit, originals)
    except RunError:
        if originals is not None:
            raise
        return None


def _compare_with(
    audit: Audit, judge: Judge, samples: Samples, vectors: Floats, images: Images | None, machine: Machine
) -> tuple[Finding, ...]:
    """Copies with different labels among the new samples, and between them and the audited ones."""
    if not len(samples):
        return ()
    digests = as_ascii(samples.digests)
    near = judge.memory.nearest(vectors, NEIGHBORS)[1].ravel()
    seen = np.unique(np.concatenate([near, *judge.memory.copies(digests)]))
    prefix = f"{audit.samples.root or 'audit'}/"
    while any(name.startswith(prefix) for name in samples.ids):
        prefix = f"audit/{prefix}"
    old = audit.samples.take(seen)
    both = Samples(
        ids=(*(prefix + name for name in old.ids), *samples.ids),
        labels=np.concatenate([old.labels, samples.labels]),
        classes=samples.classes,
        digests=(*old.digests, *samples.digests),
        images=None if images is None or samples.images is None else Joined((Subset(images, seen), samples.images)),
        root=samples.root,
    )
    remembered = Features(
        values=np.concatenate([judge.memory.vectors[seen].astype(np.float32), np.asarray(vectors, dtype=np.float32)]),
        name="memory",
    )
    new = set(samples.ids)
    found = find_copies(both, find_unlike_pairs(both, remembered, machine))
    return tuple(finding for finding in found if finding.path in new or finding.partner in new)
