"""From a RUN to the answer: which plan, which features, which truth.

Left out: keeping the answer; it costs seconds once the features are in the cache.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from labelaudit import verdicts
from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.clean import PLAN, CorrectionPlan, make_plan, read_applied, read_plan
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.impact.comparison import Impact, compare
from labelaudit.impact.training import Training, judge_trainings, label_twice
from labelaudit.impact.truth import Truth, require_images, reviewed_truth
from labelaudit.judge import FILE as JUDGE
from labelaudit.judge.judge import Judge
from labelaudit.machine import Machine
from labelaudit.text import count
from labelaudit.types import Bools, Features, Finding, Ints, Samples
from labelaudit.verdicts import Reviewed

SEEDS = 10
_LEARNED = (
    "The scan knew these verdicts, so what the model changed on its own may look a little better here than it is; "
    "`test` DATA is free of that."
)


def measure(
    run: Path | str,
    *,
    plan: Path | str | None = None,
    test: Path | str | None = None,
    data: Path | str | None = None,
    seeds: int = SEEDS,
    machine: Machine | None = None,
) -> Impact:
    """Train on given and on cleaned labels of the RUN ``run`` and compare.

    Args:
        run: RUN folder; its features are made again, or taken from the cache.
        plan: a plan, or a folder that `apply_plan` made; RUN/plan.json or what the verdicts ask for without.
        test: dataset with labels that are right, of the same classes; the reviewed samples without.
        data: where the images are now, if they were moved since the scan.
        seeds: at least 2 trainings of each kind.
        machine: what it runs on; its cache keeps the features.

    Raises:
        OptionError: too few seeds.
        DataError: too few test images, or nothing is changed.
        RunError: the RUN, the plan or the images cannot be read.
    """
    if seeds < 2:
        raise OptionError(f"`seeds` {seeds}: give at least 2, or there is no telling luck from effect")
    audit = runs.read(run)
    reviewed = verdicts.read_reviewed(audit, run)
    chosen = _choose_plan(audit, Path(run), plan, reviewed)
    before, after = label_twice(audit, chosen)
    if np.array_equal(before.shares, after.shares):
        raise DataError(
            "there is nothing to compare: the plan changes no label. Judge some suspects first, `labelaudit review RUN`"
        )
    machine = (machine or Machine()).settled()
    judge, further = Judge.load(run), None
    if test is None:
        asked = reviewed_truth(audit, reviewed, Path(run))
    else:
        asked, further = _supplied_test(audit, judge, test, machine)
    require_images(asked)
    features, usable = _describe(audit, judge, data, machine)
    if not usable.all():
        before, after = (Training(shares=way.shares * usable[:, None]) for way in (before, after))
    correct = judge_trainings(
        features,
        (before, after),
        asked,
        further,
        digests=audit.samples.digests,
        seeds=seeds,
        seed=audit.seed,
        progress=machine.progress,
    )
    found = compare(correct[0], correct[1], asked.weights, seed=audit.seed)
    learned = _LEARNED if asked.rows is not None and _has_learned(audit, chosen, asked.rows) else ""
    missing = f"Not readable now, so in neither training: {count(int((~usable).sum()), 'image')} of the scan."
    return replace(
        found,
        test=asked.kind,
        trained_on=(before.samples, after.samples),
        changed=len(chosen.changes),
        notes=tuple(note for note in (*asked.notes, learned, "" if usable.all() else missing, *found.notes) if note),
    )


def _supplied_test(audit: Audit, judge: Judge, test: Path | str, machine: Machine) -> tuple[Truth, Features]:
    """The labels of another dataset, without images that are in the training data or of other classes."""
    from labelaudit.data.class_names import use_names
    from labelaudit.data.ingest import ingest
    from labelaudit.data.sources import open_source

    if judge.features == "given":
        raise OptionError("the scan was made on features that were brought: there is nothing to describe `test` by")
    listing = use_names(open_source(test), audit.samples.codes)
    samples, _ = ingest(listing, fewest_classes=1, workers=machine.workers, progress=machine.progress)
    code = {name: number for number, name in enumerate(audit.samples.classes)}
    labels = np.array([code.get(name, -1) for name in samples.given()], dtype=np.int64)
    known = set(audit.samples.digests)
    copies = np.array([digest in known for digest in samples.digests], dtype=np.bool_)
    keep = (labels >= 0) & ~copies
    notes = []
    if (labels < 0).any():
        strange = count(int((labels < 0).sum()), "test image is", "test images are")
        notes.append(f"{strange} of classes that the RUN does not have: left out.")
    if copies.any():
        notes.append(
            f"{count(int(copies.sum()), 'test image is', 'test images are')} in the training data too: left out."
        )
    told = tuple(notes)
    require_images(Truth(labels=labels[keep], weights=np.ones(int(keep.sum())), kind="supplied", notes=told))
    if samples.images is None:
        raise DataError("`test` has labels but no images: name a folder, table or file with images")
    samples, features, failed = _embed(samples.take(keep), judge, machine)
    labels = np.array([code[name] for name in samples.given()], dtype=np.int64)
    if failed:
        told = (*told, f"{count(len(failed), 'test image')} cannot be read: left out.")
    return Truth(labels=labels, weights=np.ones(len(labels)), kind="supplied", notes=told), features


def _describe(audit: Audit, judge: Judge, data: Path | str | None, machine: Machine) -> tuple[Features, Bools]:
    """Features of the audit's samples by the backbones of the scan, or those that were brought; and which rows could be
    read."""
    if judge.features != "given":
        whole = replace(audit.samples, images=open_originals(audit, data))
        kept, features, failed = _embed(whole, judge, machine)
        if not failed:
            return features, np.ones(len(whole), dtype=np.bool_)
        usable = np.isin(whole.ids, kept.ids)
        values = np.zeros((len(whole), features.values.shape[1]), dtype=np.float32)
        values[usable] = features.values
        return replace(features, values=values), usable
    if len(judge.memory) != len(audit.samples):
        raise RunError(f"{audit.files[JUDGE]} and its RUN are of different scans: run `labelaudit scan` again")
    remembered = Features(values=judge.memory.vectors.astype(np.float32), name="remembered")
    return remembered, np.ones(len(audit.samples), dtype=np.bool_)


def _embed(samples: Samples, judge: Judge, machine: Machine) -> tuple[Samples, Features, tuple[Finding, ...]]:
    """`embed_samples` by the backbones that ``judge`` understands; one image at least must be readable."""
    from labelaudit.features.embedding import embed_samples

    seen, features, failed = embed_samples(samples, judge.features.split("+"), machine)
    if failed and not len(seen):
        raise RunError(f"not one image can be read ({failed[0].detail}): name their place with `data`")
    return seen, features, failed


def _has_learned(audit: Audit, plan: CorrectionPlan, rows: Ints) -> bool:
    """Whether changes without a verdict come from a scan that was taught by the verdicts on ``rows``."""
    certain = np.isin(audit.decision.suspicion[rows], (0.0, 1.0))
    return bool(certain.all()) and any(change.source in ("threshold", "fdr") for change in plan.changes)


def _choose_plan(audit: Audit, run: Path, plan: Path | str | None, reviewed: Reviewed) -> CorrectionPlan:
    if plan is not None:
        return read_applied(plan, audit) if Path(plan).is_dir() else read_plan(plan, audit)
    if (run / PLAN).is_file():
        return read_plan(run / PLAN, audit)
    return make_plan(audit, reviewed)
