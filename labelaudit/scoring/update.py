"""A saved audit brought up to date: what did not change keeps its judgement, the rest is judged from memory.

After k of n images came, went or were relabelled, only these are embedded and judged (`labelaudit.judge.judge`); all
files are read once, because only their bytes say what changed. A sample's identity is its content and its label, so
renamed files are unchanged. The update is an approximation of a scan: all models are those of the last full
scan, and rows judged from memory have no evidence of their own. So a fifth of changes, counted from that scan, a
class it has not seen, or another version asks for a full scan, which `update` then makes, and says so.

Left out: telling a changed file from its size and time. Checkouts and downloads do not keep times, and reading 10,000
small images takes about a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.data.ingest import ingest
from labelaudit.data.quality import find_blank, pass_over_blank
from labelaudit.data.source import Source, notes_of, source_settings
from labelaudit.data.sources import open_source
from labelaudit.features.duplicates import NEIGHBORS, conflicts, find_copies, find_unlike_pairs, leaks
from labelaudit.judge import FILE
from labelaudit.judge.decide import widen_as
from labelaudit.judge.judge import Judge
from labelaudit.judge.memory import Memory
from labelaudit.kinds import kinds_of
from labelaudit.leading import join_tables, take_rows
from labelaudit.machine import Clock, Machine, __version__, list_versions
from labelaudit.scanning.choice import check_network
from labelaudit.scanning.scan import HeedClasses, accept_classes, scan_source
from labelaudit.scanning.settings import ScanSettings, check_settings
from labelaudit.scoring.score import embed_new, find_held_out, join_rows, judge_rows, recount_noise
from labelaudit.types import Bools, Decision, Evidence, Features, Finding, Floats, Ints, Samples
from labelaudit.verdicts import verdicts_file

MOST_CHANGED = 0.2
"""Share of rows, of those that the last full scan judged, that may differ before everything is scanned again."""
MOST_GROUPED = 0.1
"""Share of samples with a companion in their group from which a judge, which asks all it remembers, cannot stand in."""
_NOTE = "Updated without training: "
_PAIRED, _OF_DATASET = kinds_of("pair"), kinds_of("dataset")
_OF_TWO = (*_PAIRED, "same_scene")


def update(previous: Audit, source: Source | None = None, machine: Machine | None = None) -> Audit:
    """The audit of a dataset as it is now, from the ``previous`` one: work in proportion to what changed.

    Without ``source`` the dataset is read from where the previous scan read it. Images are judged anew if
    they or their label are new, or if a copy of them came or went. Everything else keeps its decision; noise rate and
    matrix are counted again. Of the evidence, suspicions and probabilities stay; a row judged anew carries the judge's
    there. ``audit.decision.recipe["update"]`` counts the rows of either kind, and a note says it.

    Where this cannot be done (see the module) a full scan with the previous settings is made, and ``notice`` hears why.
    """
    before = Source.of(previous.source)
    source, machine = replace(source or before, exposure=before.exposure), machine or Machine()
    settings = ScanSettings.of(previous)
    try:
        return update_one_of([previous], source, settings, machine, accept_classes)
    except NeedsScan as obstacle:
        machine.notice(f"Scanning everything: {obstacle}.")
        file = None if previous.folder is None else verdicts_file(previous.folder)
        verdicts = file if file is not None and file.is_file() else None
        return scan_again(source, settings, machine, accept_classes, verdicts)


def update_one_of(
    candidates: Sequence[Audit],
    source: Source,
    settings: ScanSettings,
    machine: Machine,
    heed_classes: HeedClasses,
) -> Audit:
    """The first of the ``candidates`` that can be brought up to what ``source`` holds now, which is read once.

    Raises `NeedsScan` where none can: what the first of them says that is about this dataset.
    """
    clock = Clock()
    with clock.stage("ingest"):
        listing = open_source(source)
        samples, findings = ingest(
            listing, max_pixels=settings.max_pixels, workers=machine.workers, progress=machine.progress
        )
    heed_classes(samples.classes)
    obstacles = []
    for previous in candidates:
        try:
            audit = try_update(previous, samples, machine, findings)
        except NeedsScan as obstacle:
            obstacles.append(obstacle)
            continue
        return replace(
            audit,
            settings={**previous.settings, "source": source_settings(source, samples)},
            notes=(*audit.notes, *notes_of(listing)),
            stages=(*clock.stages, *audit.stages),
        )
    raise next((one for one in obstacles if not isinstance(one, IsAnotherDataset)), obstacles[0])


def scan_again(
    source: Source,
    settings: ScanSettings,
    machine: Machine,
    heed_classes: HeedClasses,
    verdicts: Path | str | None = None,
) -> Audit:
    """A full scan of ``source``, whose exposure is found anew."""
    init = check_network(settings.network, settings.init, settings.train, features=False)
    settings, source = replace(settings, init=init), replace(source, exposure=None)
    check_settings(settings)
    return scan_source(source, settings, machine, verdicts=verdicts, heed_classes=heed_classes)


class NeedsScan(Exception):
    """A saved audit cannot be brought up to date; the message says why, in a few words."""


class IsAnotherDataset(NeedsScan):
    """The saved audit has none of the samples."""


def try_update(previous: Audit, samples: Samples, machine: Machine, findings: tuple[Finding, ...] = ()) -> Audit:
    """`update` from ``samples`` on; raises `NeedsScan` where a full scan is needed."""
    if obstacle := _find_obstacle(previous):
        raise NeedsScan(obstacle)
    judge, change = previous.judge or Judge.load(previous.files[FILE]), match_rows(previous, samples)
    if len(samples) and not (change.before >= 0).any():
        raise IsAnotherDataset("the earlier audit has none of these images")
    if obstacle := change.obstacle(previous, samples, judge):
        raise NeedsScan(obstacle)
    return _judge_changed_rows(previous, samples, findings, change, judge, machine.settled())


@dataclass(frozen=True, kw_only=True)
class DatasetDiff:
    """The difference between an earlier audit and the dataset of now, row by row."""

    before: Ints
    """(n,) row in the earlier audit of each sample, -1 where image or label are new."""
    removed: Ints
    """Rows of the earlier audit that are gone, or carry another label now."""
    unknown: tuple[str, ...]
    """Classes that the earlier audit does not have."""
    gone: tuple[str, ...]
    """Classes that it has and the dataset no longer."""

    def obstacle(self, previous: Audit, samples: Samples, judge: Judge) -> str:
        """The reason an update would not do; empty if it would."""
        if self.unknown:
            return f"the class '{self.unknown[0]}' is new"
        if self.gone:
            return f"the class '{self.gone[0]}' is gone"
        broken = {finding.path for finding in previous.findings if finding.kind not in _PAIRED}
        fresh = sum(samples.ids[row] not in broken for row in np.flatnonzero(self.before < 0).tolist())
        earlier = previous.decision.recipe.get("update", {}).get("removed", 0)
        changed = max(fresh + int((~judge.memory.scanned).sum()), len(self.removed) + earlier)
        scanned = int(judge.memory.scanned.sum()) + earlier
        if changed > MOST_CHANGED * max(scanned, 1):
            return f"{changed:,} of {scanned:,} images changed since the last full scan"
        return ""


def match_rows(previous: Audit, samples: Samples) -> DatasetDiff:
    """Match ``samples`` with those of ``previous`` by content and label, and equal ones by name where that fits."""
    names = {name: row for row, name in enumerate(previous.samples.ids)}
    identities = list(zip(samples.digests, samples.given(), strict=True))
    before = np.full(len(samples), -1, dtype=np.int64)
    for row, (name, identity) in enumerate(zip(samples.ids, identities, strict=True)):
        same = names.get(name)
        if same is not None and previous.identity(same) == identity:
            before[row] = same
    waiting: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.setdiff1d(np.arange(len(previous.samples)), before)[::-1].tolist():
        waiting[previous.identity(row)].append(row)
    for row in np.flatnonzero(before < 0).tolist():
        if waiting.get(identities[row]):
            before[row] = waiting[identities[row]].pop()
    now, then = set(samples.classes), set(previous.samples.classes)
    return DatasetDiff(
        before=before,
        removed=np.setdiff1d(np.arange(len(previous.samples)), before),
        unknown=tuple(sorted(now - then)),
        gone=tuple(sorted(then - now)),
    )


def _find_obstacle(previous: Audit) -> str:
    if previous.settings.get("features") or previous.settings.get("probs"):
        return "features or probabilities were brought, and nothing says which of them changed"
    if "rank_by" in previous.settings:
        return f"it is ranked by {previous.settings['rank_by']}, which a new image has only after training"
    if previous.settings.get("ordinal"):
        return "its classes are grades, by which all images are ranked together"
    if previous.judge is None and FILE not in previous.files:
        return "the earlier audit kept no judge"
    if len(previous.samples) - len(set(previous.samples.groups)) > MOST_GROUPED * len(previous.samples):
        return "many images are in groups that must not vouch for each other, and a judge asks all of them"
    made_by = previous.versions.get("labelaudit")
    return "" if made_by == __version__ else f"labelaudit {made_by} made the earlier audit, this is {__version__}"


def _judge_changed_rows(
    previous: Audit,
    samples: Samples,
    findings: tuple[Finding, ...],
    change: DatasetDiff,
    judge: Judge,
    machine: Machine,
) -> Audit:
    """The audit of ``samples``, over the classes of ``previous``."""
    clock = Clock()
    index = {name: number for number, name in enumerate(judge.classes)}
    labels = np.array([index[name] for name in samples.given()], dtype=np.int64)
    samples, before = replace(samples, labels=labels, classes=judge.classes), change.before
    with clock.stage("embed"):
        anew = _rows_to_judge(previous, samples, change)
        some, features, failed = embed_new(samples.take(anew), judge, machine)
        if failed:
            broken = {finding.path for finding in failed}
            kept = np.array([name not in broken for name in samples.ids])
            samples, before, anew = samples.take(kept), before[kept], anew[kept]
    with clock.stage("decide"):
        rows = np.flatnonzero(anew)
        blank = find_blank(samples, findings)
        held_out = find_held_out(previous, judge, some)
        decided, shown = judge_rows(judge.forget(change.removed), some, features, blank[rows], held_out)
        order = np.where(anew, len(previous.samples), before)
        order[rows] += np.arange(len(rows))
        fresh = Memory.of(judge.project(features), some, decided, scanned=False)
        memory = judge.memory.join(fresh).take(order)
        decision = _join(previous.decision, decided, order, samples.labels, some.labels)
        evidence = {
            name: _extend_evidence(old, decided.suspicion, shown, order, some.labels)
            for name, old in previous.evidence.items()
        }
    with clock.stage("duplicates"):
        found = pass_over_blank(_find_copies(previous, samples, memory, before, rows, machine), samples, blank)
    earlier = previous.decision.recipe.get("update", {}).get("removed", 0)
    counts = {
        "scanned": int(memory.scanned.sum()),
        "judged": int((~memory.scanned).sum()),
        "removed": earlier + len(change.removed),
        "now": len(rows),
    }
    line = (
        f"{_NOTE}{counts['scanned']:,} of {len(samples):,} images keep the judgement of the full scan, "
        f"{counts['judged']:,} came or changed since and were judged from memory, {counts['removed']:,} went."
    )
    return replace(
        previous,
        samples=samples,
        decision=replace(decision, recipe={**previous.decision.recipe, "update": counts}),
        evidence=evidence,
        findings=(*findings, *failed, *found, *(one for one in previous.findings if one.kind in _OF_DATASET)),
        stages=tuple(clock.stages),
        notes=(*(note for note in previous.notes if not note.startswith((_NOTE, "Passed over "))), line),
        versions=list_versions(),
        device=machine.device,
        files={},
        judge=replace(judge, memory=memory),
    )


def _rows_to_judge(previous: Audit, samples: Samples, change: DatasetDiff) -> Bools:
    """(n,) whose image or label is new, or of whose bytes a copy came or went."""
    digests = np.array(samples.digests)
    came = digests[change.before < 0]
    went = np.array(previous.samples.digests)[change.removed]
    return np.asarray((change.before < 0) | np.isin(digests, np.concatenate([came, went])))


def _join(old: Decision, new: Decision, order: Ints, labels: Ints, given: Ints) -> Decision:
    """Rows of two decisions, one below the other, in this ``order``; ``given`` are the labels of the new."""
    joined = replace(old, **join_rows(old, new, order, given))
    if not len(new.suspicion) and len(order) == len(old.suspicion):
        return joined  # the same rows: what was counted of them still holds
    return widen_as(old, recount_noise(joined, labels))


def _extend_evidence(old: Evidence, suspicion: Floats, probs: Floats, order: Ints, given: Ints) -> Evidence:
    """Suspicion and probabilities of ``old``, with the judge's below them, in this ``order``."""
    return Evidence(
        method=old.method,
        suspicion=np.concatenate([old.suspicion, suspicion])[order],
        probs=None if old.probs is None else take_rows(join_tables(old.probs, probs, given), order),
        columns={name: _extend(column, len(suspicion))[order] for name, column in old.columns.items()},
        tables=old.tables,
    )


def _extend(column: Floats | Ints, rows: int) -> Floats | Ints:
    """``column`` and below it ``rows`` rows that nothing was measured of: NaN, which a whole number becomes too."""
    return np.concatenate([column.astype(np.float64), np.full(rows, np.nan)]) if rows else column


def _find_copies(
    previous: Audit, samples: Samples, memory: Memory, before: Ints, rows: Ints, machine: Machine
) -> tuple[Finding, ...]:
    """Conflicts, near duplicates and leaks: compared anew where a row is new or moved to another split. What was found
    of two others stays, scenes in two splits too, under the names that they have now."""
    old = [(row, int(before[row])) for row in np.flatnonzero(before >= 0).tolist()]
    moved = [row for row, was in old if _split(samples, row) != _split(previous.samples, was)]
    asked = np.union1d(rows, moved).astype(np.int64)
    settled = {samples.ids[row] for row in np.setdiff1d(np.arange(len(samples)), asked).tolist()}
    found = [*conflicts(samples), *leaks(samples)]
    if len(asked):
        near = memory.nearest(memory.vectors[asked].astype(np.float32), NEIGHBORS + 1)[1]
        compared = np.union1d(asked, near.ravel())
        some = samples.take(compared)
        vectors = Features(values=memory.vectors[compared].astype(np.float32), name="memory")
        fresh = {samples.ids[row] for row in asked.tolist()}
        content = dict(zip(samples.ids, samples.digests, strict=True))
        for finding in find_copies(some, find_unlike_pairs(some, vectors, machine)):
            exact = content[finding.path] == content[finding.partner]
            if not exact and (finding.path in fresh or finding.partner in fresh):
                found.append(finding)
    known = {(finding.kind, finding.path) for finding in found}
    name_of = {previous.samples.ids[was]: samples.ids[row] for row, was in old}
    for finding in previous.findings:
        path, partner = name_of.get(finding.path, ""), name_of.get(finding.partner, "")
        kept = finding.kind in _OF_TWO and {path, partner} <= settled
        if kept and (finding.kind, path) not in known:
            detail = finding.detail.replace(f"'{finding.partner}'", f"'{partner}'")
            found.append(replace(finding, path=path, partner=partner, detail=detail))
    return tuple(sorted(found, key=lambda finding: _OF_TWO.index(finding.kind)))


def _split(samples: Samples, row: int) -> str:
    return "" if samples.splits is None else samples.splits[row]
