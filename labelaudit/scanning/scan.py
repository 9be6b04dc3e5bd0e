"""The scan: from a folder, table or array to an audit, written to a folder where asked for.

`scan` is what the command line calls and what a person imports; `labelaudit.scanning.assessment` does the work. Left
out: everything that happens to a finished audit (review, clean, check).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from labelaudit.arguments import check_types, listed
from labelaudit.audit.document import Audit
from labelaudit.data.given import differ, given_features, given_probs, source_rows
from labelaudit.data.ingest import ingest
from labelaudit.data.listing import Listing
from labelaudit.data.source import MAX_PIXELS, Source, notes_of, source_settings
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError
from labelaudit.machine import Clock, Device, Engine, Machine
from labelaudit.scanning.assessment import audit_samples
from labelaudit.scanning.choice import check_network
from labelaudit.scanning.plan import Plan
from labelaudit.scanning.settings import ENSEMBLE, Effort, Precision, ScanSettings, Train, check_settings
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Features, Floats, Progress, Samples, no_progress

HeedClasses = Callable[[Sequence[str]], None]
"""Hears the classes of a dataset as soon as it is read, and may refuse them by an error."""


def accept_classes(_: Sequence[str]) -> None:
    """Refuse no classes."""


def scan(
    data: Any = None,
    *,
    output: Path | str | None = None,
    labels: Any = None,
    path_column: str | None = None,
    label_column: str | None = None,
    label_from: str | None = None,
    format: str | None = None,
    classes: str | Sequence[str] | Mapping[str, int] | None = None,
    rows: Path | str | None = None,
    ignore_metadata: bool = False,
    bands: Sequence[int] | None = None,
    annotator: str | Sequence[str] | None = None,
    features: Path | str | Floats | None = None,
    probs: Path | str | Floats | None = None,
    verdicts: Path | str | None = None,
    group: str | Sequence[str] = (),
    ordinal: bool = False,
    methods: str | Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    regularizers: str | Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    train: Train = "auto",
    network: str | None = None,
    init: Path | str | None = None,
    backbone: str | Sequence[str] | None = None,
    image_size: int | None = None,
    precision: Precision = "auto",
    max_pixels: int = MAX_PIXELS,
    effort: Effort = "standard",
    rank_by: str = ENSEMBLE,
    device: Device = "auto",
    seed: int = 0,
    workers: int = 2,
    engine: Engine = "local",
    address: str | None = None,
    cache: Path | str | None = None,
    budget: float | str | timedelta | None = None,
    max_memory: float | str | None = None,
    html: bool = True,
    progress: Progress | bool | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Rank every sample of a dataset by how surely its label is wrong.

    ``data`` is a path, an address or a Python object (see docs/inputs.md), ``labels`` a table or the labels themselves;
    the fields of `Source` say how to read them; ``classes`` may be a dictionary of their numbers, as torchvision has
    it. ``features`` (n, d) and ``probs`` (n, C, out of sample, columns in the
    order of ``classes``) are arrays or ``.npy`` files with one row per row of the source. ``methods`` are by default
    those of `ScanSettings.trained`, none at quick effort; ``options`` is method -> option -> value; ``regularizers``
    are names, or name -> option -> value, around every method. ``verdicts`` is a file of people's verdicts, by default
    that of ``output``: what they say is taken as known. Images of more than
    ``max_pixels`` are findings. ``group`` says which images show one and the same thing and must not vouch for each
    other (`labelaudit.context.groups`); with ``ordinal`` the classes are grades, and labels that are many steps off
    come first (`labelaudit.context.grades`). ``rank_by`` is a column to rank and flag by instead of the pooled ranking
    (`labelaudit.scanning.ranking`). With ``output`` the result is also written to that folder, with ``html`` as a page
    to look at too. ``progress`` and ``notice`` hear what is going on; by default nothing is printed.

    Returns the `Audit`: ``audit.table("suspects")``, ``audit.summary()``, ``audit.evidence``, ``audit.files``.
    Raises `LabelAuditError` where nothing can be audited.

    >>> import tempfile; import numpy as np; folder = tempfile.TemporaryDirectory(); where = Path(folder.name)
    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 20, axis=0) + np.random.default_rng(0).normal(0, .1, (40, 8))
    >>> np.save(where / "labels.npy", np.array(["cat"] * 19 + ["dog"] * 21))
    >>> audit = scan(labels=where / "labels.npy", features=x, methods=["limit"])
    >>> [(row["path"], row["predicted_label"]) for row in audit.table("suspects")]
    [('labels.npy#19', 'cat')]
    >>> folder.cleanup()
    """
    check_types(scan, said := dict(locals()))
    named = regularizers if isinstance(regularizers, Mapping) else {name: {} for name in listed(regularizers)}
    settings = ScanSettings(
        **_fields_of(
            ScanSettings,
            said,
            group=listed(group),
            methods=None if methods is None else listed(methods),
            options={name: dict(values) for name, values in (options or {}).items()},
            regularizers={name: dict(values) for name, values in named.items()},
            init=check_network(network, init, train, features=features is not None),
            backbone=None if backbone is None else listed(backbone),
        )
    )
    clock, plan = Clock(), Plan.within(budget, max_memory)
    plan.require_torch_fits(settings)
    check_settings(settings)
    source = Source(
        **_fields_of(
            Source,
            said,
            classes=None if classes is None else listed(classes),
            bands=None if bands is None else tuple(map(int, bands)),
            annotator=None if annotator is None else listed(annotator),
        )
    )
    told = progress if callable(progress) else no_progress
    machine = Machine(**_fields_of(Machine, said, cache=None if cache is None else Path(cache), progress=told))
    return scan_source(
        source,
        settings,
        machine,
        output=output,
        features=features,
        probs=probs,
        verdicts=verdicts,
        clock=clock,
        plan=plan,
        html=html,
    )


def scan_source(
    source: Source,
    settings: ScanSettings,
    machine: Machine,
    *,
    output: Path | str | None = None,
    features: Path | str | Floats | None = None,
    probs: Path | str | Floats | None = None,
    verdicts: Path | str | None = None,
    clock: Clock | None = None,
    plan: Plan | None = None,
    html: bool = True,
    heed_classes: HeedClasses = accept_classes,
) -> Audit:
    """`scan` of a ``source``, under ``settings`` that have been checked."""
    from labelaudit.audit.run import check_output
    from labelaudit.verdicts import read, verdicts_file

    if machine.engine == "ray":
        from labelaudit.features.cluster import check_address

        check_address(machine.address)
    clock, plan, data = clock or Clock(), plan or Plan(), source.data
    if output is not None:
        check_output(output, data if isinstance(data, str | Path) else None, notice=machine.notice)
    if verdicts is not None and not Path(verdicts).is_file():
        raise DataError(f"'{verdicts}' (`verdicts`) does not exist: name a file that `labelaudit review` wrote")
    if verdicts is None and output is not None:
        verdicts = verdicts_file(output)
    judged = () if verdicts is None else read(verdicts)
    with clock.stage("ingest"):
        listing = open_source(source)
        samples, findings = ingest(
            listing, max_pixels=settings.max_pixels, workers=machine.workers, progress=machine.progress
        )
        heed_classes(samples.classes)
        if listing.origin:
            machine.notice(f"Labels: {listing.origin}.")
        given, opinion = _read_given(features, probs, listing, samples)
    unfinished = Unfinished(machine.cache)
    audit = audit_samples(
        samples,
        settings,
        machine,
        findings=findings,
        features=given,
        probs=opinion,
        verdicts=judged,
        unfinished=unfinished,
        plan=plan,
    )
    record = {
        "source": source_settings(source, samples, listing.origin),
        **audit.settings,
        "features": given is not None,
        "probs": opinion is not None,
    }
    notes = (*notes_of(listing), *audit.notes)
    audit = replace(audit, settings=record, notes=notes, stages=(*clock.stages, *audit.stages))
    if output is None:
        unfinished.end()
    else:
        audit = _write(audit, output, machine, unfinished, html=html)
    if took := plan.review():
        machine.notice(took)
    return audit


def _read_given(
    features: Path | str | Floats | None, probs: Path | str | Floats | None, listing: Listing, samples: Samples
) -> tuple[Features | None, Floats | None]:
    """The features and probabilities that were brought, for the ``samples`` of a ``listing``.

    Raises `DataError` where they do not fit, and where nothing is there to judge labels by.
    """
    places = source_rows(listing, samples)
    given = None if features is None else given_features(features, listing.total, places)
    if given is not None and len(samples) > 1 and not differ(given.values):
        raise DataError("`features`: all rows hold the same, which tell no sample from another: give others")
    opinion = None if probs is None else given_probs(probs, listing.total, places, samples.classes, samples.labels)
    if samples.images is None and given is None and opinion is None:
        raise DataError("labels but no images to judge them by: give images, `features` X.npy or `probs` P.npy")
    return given, opinion


def _write(audit: Audit, folder: Path | str, machine: Machine, unfinished: Unfinished, *, html: bool) -> Audit:
    """Write ``audit`` to its RUN, and count the time that takes in."""
    from labelaudit.audit.run import REPORT, write
    from labelaudit.reports.html import add_report

    clock, place, workers = Clock(), Path(folder), machine.workers
    with clock.stage("write"):
        audit = audit.with_files(write(audit, folder))
        unfinished.end()
        if html and add_report(audit, place, workers=workers, progress=machine.progress, notice=machine.notice):
            audit = audit.with_files({**audit.files, REPORT: place / REPORT})
    return audit.with_files(audit.files, clock.stages)


def _fields_of(kind: type[Any], said: Mapping[str, Any], **converted: Any) -> dict[str, Any]:
    """The arguments ``said`` that are fields of ``kind``, but those that are ``converted`` for it."""
    return {field.name: said[field.name] for field in fields(kind) if field.name in said} | converted
