"""The composition: images → features or pixels → evidence → noise channel → decision → audit.

`scan` is what the command line calls and what a person imports. Each step is a room of its own; here they are only put
in order, timed and explained. Left out: everything that happens to a finished audit (review, clean, check).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from labelaudit import channel
from labelaudit.backbones import SMALLEST
from labelaudit.cost import forecast
from labelaudit.decide import FEWEST, decide
from labelaudit.document import BEFORE_REVIEW, Audit
from labelaudit.duplicates import find_copies
from labelaudit.errors import DataError, OptionError, unknown_name
from labelaudit.ingest import ingest
from labelaudit.intake import (
    embed_samples,
    given_features,
    given_probs,
    known_labels,
    name_some,
    name_source,
    note_skipped,
    source_rows,
)
from labelaudit.machine import Clock, find_device, list_versions
from labelaudit.material import FEWER_FOLDS, FOLDS, Material
from labelaudit.quality import find_low_quality
from labelaudit.representation import Choice, Train, check_network, choose, load_pixels
from labelaudit.sources import open_source
from labelaudit.strangers import Strangers
from labelaudit.types import Decision, Evidence, Features, Finding, Floats, Images, Progress, Samples, silent
from labelaudit.verdicts import Verdict

Effort = Literal["quick", "standard", "thorough"]
METHODS = ("crust", "limit", "sln")
BACKBONES: Mapping[Effort, tuple[str, ...]] = {
    "quick": ("lite0@128",),
    "standard": ("lite0@128", "lite1@160", "lite2@260"),
    "thorough": ("lite0@128", "lite0@224", "lite1@160", "lite1@240", "lite2@260"),
}


def scan(
    data: Path | str | None = None,
    *,
    output: Path | str | None = None,
    labels: Path | str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    features: Path | str | Floats | None = None,
    probs: Path | str | Floats | None = None,
    verdicts: Path | str | None = None,
    methods: Sequence[str] = METHODS,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    train: Train = "auto",
    network: str | None = None,
    init: Path | str | None = None,
    backbone: Sequence[str] | None = None,
    image_size: int | None = None,
    effort: Effort = "standard",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    seed: int = 0,
    workers: int = 2,
    cache: Path | str | None = None,
    html: bool = True,
    progress: Progress = silent,
    notice: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Rank every sample of a dataset by how surely its label is wrong.

    ``data`` is a folder, table, Parquet or ``.npz`` file (see the README); ``features`` (n, d) and ``probs`` (n, C, out
    of sample, classes sorted by name) are arrays or ``.npy`` files with one row per row of the source. ``options`` is
    method -> option -> value; ``regularizers`` are names, or name -> option -> value, around every method. ``verdicts``
    is a file of people's verdicts, by default that of ``output``: what they say is taken as known. With ``output`` the
    result is also written to that folder, with ``html`` as a page to look at too. ``progress`` and ``notice`` hear what
    is going on; by default nothing is printed.

    Returns the `Audit`: ``audit.table("suspects")``, ``audit.summary()``, ``audit.evidence``, ``audit.files``.
    Raises `LabelAuditError` where nothing can be audited.

    >>> import tempfile; folder = tempfile.TemporaryDirectory(); where = Path(folder.name)
    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 20, axis=0) + np.random.default_rng(0).normal(0, .1, (40, 8))
    >>> np.save(where / "labels.npy", np.array(["cat"] * 19 + ["dog"] * 21))
    >>> audit = scan(labels=where / "labels.npy", features=x, methods=["limit"])
    >>> [(row["path"], row["predicted_label"]) for row in audit.table("suspects")]
    [('labels.npy#19', 'cat')]
    >>> folder.cleanup()
    """
    from labelaudit.reports.run import check_output, write
    from labelaudit.verdicts import read, verdicts_file

    options = {name: dict(values) for name, values in (options or {}).items()}
    named = regularizers if isinstance(regularizers, Mapping) else {name: {} for name in regularizers}
    around = {name: dict(values) for name, values in named.items()}
    _check_names(methods, options, around)
    _check_choice("train", train, ("auto", "features", "pixels"))
    _check_choice("effort", effort, tuple(BACKBONES))
    _check_choice("device", device, ("auto", "cpu", "cuda"))
    begin = check_network(network, init, train, features=features is not None)
    if image_size is not None and image_size < SMALLEST and train != "pixels":
        raise OptionError(
            f"--image-size {image_size}: backbones take {SMALLEST} pixels or more; smaller sides are for --train pixels"
        )
    if output is not None:
        check_output(output, data)
    if verdicts is not None and not Path(verdicts).is_file():
        raise DataError(f"'{verdicts}' (--verdicts) does not exist: name a file that `labelaudit review` wrote")
    if verdicts is None and output is not None:
        verdicts = verdicts_file(output)
    said = () if verdicts is None else read(verdicts)
    clock = Clock()
    with clock.stage("ingest"):
        listing = open_source(data, labels=labels, path_column=path_column, label_column=label_column)
        samples, findings = ingest(listing, workers=workers, progress=progress)
        rows = source_rows(listing, samples)
        given = None if features is None else given_features(features, listing.total, rows)
        opinion = None if probs is None else given_probs(probs, listing.total, rows, samples.classes)
        if samples.images is None and given is None and opinion is None:
            raise DataError("labels but no images to judge them by: give images, --features X.npy or --probs P.npy")
    settings = {
        "source": name_source(data, labels, path_column, label_column),
        "methods": list(methods),
        "options": options,
        **({"regularizers": around} if around else {}),
        "train": train,
        **({"network": network} if network is not None else {}),
        **({"init": str(begin)} if begin is not None else {}),
        "backbone": None if backbone is None else list(backbone),
        "image_size": image_size,
        "effort": effort,
        "features": given is not None,
        "probs": opinion is not None,
    }
    audit = audit_samples(
        samples,
        findings=findings,
        features=given,
        probs=opinion,
        verdicts=said,
        methods=methods,
        options=options,
        regularizers=around,
        train=train,
        network=network,
        init=begin,
        backbone=backbone,
        image_size=image_size,
        effort=effort,
        device=device,
        seed=seed,
        workers=workers,
        cache=None if cache is None else Path(cache),
        progress=progress,
        notice=notice,
    )
    notes = (*audit.notes, *note_skipped(listing.skipped))
    audit = replace(audit, settings=settings, notes=notes, stages=(*clock.stages, *audit.stages))
    if output is None:
        return audit
    return replace(audit, files=write(audit, output, html=html, workers=workers, progress=progress, notice=notice))


def audit_samples(
    samples: Samples,
    *,
    findings: tuple[Finding, ...] = (),
    features: Features | None = None,
    probs: Floats | None = None,
    verdicts: Sequence[Verdict] = (),
    methods: Sequence[str] = METHODS,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    regularizers: Mapping[str, Mapping[str, Any]] | None = None,
    train: Train = "auto",
    network: str | None = None,
    init: Path | Literal["pretrained"] | None = None,
    backbone: Sequence[str] | None = None,
    image_size: int | None = None,
    effort: Effort = "standard",
    device: str = "auto",
    seed: int = 0,
    workers: int = 2,
    cache: Path | None = None,
    progress: Progress = silent,
    notice: Callable[[str], None] = lambda _: None,
) -> Audit:
    """`scan` from `Samples` on: for callers that hold a dataset already."""
    _require_two_classes(samples)
    clock, notes = Clock(), list[str]()
    device = find_device(device)
    choice, folds = None, FEWER_FOLDS if effort == "quick" else FOLDS
    if features is None and samples.images is not None and (probs is None or train != "auto"):
        with clock.stage("choose"):
            choice = choose(
                samples,
                train,
                image_size=image_size,
                network=network,
                init=init,
                device=device,
                workers=workers,
                cache=cache,
                seed=seed,
                progress=progress,
            )
        notes.append(f"Trained on {choice.reason}.")
        specs = _specs(backbone, effort, choice, image_size)
        with clock.stage("forecast"):
            if cost := forecast(
                samples,
                specs,
                choice,
                methods,
                folds=folds,
                others={e: other for e in BACKBONES if (other := _specs(backbone, e, choice, image_size)) != specs},
                options=options or {},
                regularizers=regularizers or {},
                network=network,
                device=device,
                workers=workers,
                cache=cache,
            ):
                notice(cost)
        with clock.stage("embed"):
            samples, features, failed = embed_samples(samples, specs, device, workers, cache, progress)
        findings += failed
    _require_two_classes(samples)
    with clock.stage("duplicates"):
        findings += find_copies(samples, features, device=device, workers=workers, progress=progress)
    known = known_labels(samples, verdicts)
    if reviewed := int((known != channel.UNKNOWN).sum()):
        notes.append(f"People's verdicts on {reviewed:,} of the images are taken as known, in training too.")
    material = Material(
        samples=samples,
        known=known,
        seed=seed,
        device=device,
        progress=progress,
        regularizers=regularizers or {},
        network=network,
        init=init,
        folds=folds,
    )
    with clock.stage("train"):
        if features is not None:
            material.add_probes(features)
        if choice is not None and choice.pixels:
            assert samples.images is not None
            material.x, _ = load_pixels(samples.images, choice.side, workers=workers, progress=progress)
        if probs is not None:
            material.models["given"] = np.asarray(probs, dtype=np.float32)
        evidence = material.gather(methods, options or {})
        if material.x is None and methods:
            notes.append("Only probabilities were given, so no method was trained: the ranking rests on them alone.")
    with clock.stage("decide"):
        fitted, refits = material.settle()
        fitted, strangers = material.set_apart(fitted)
        outside = None if strangers is None else strangers.posterior(fitted, samples.labels, known)
        if outside is not None:
            notes.append(f"About {outside.sum():,.0f} images seem to belong to no class (`reason` says which).")
        decision = decide(
            fitted,
            samples.labels,
            samples.classes,
            digests=samples.digests,
            known=known,
            strangers=outside,
            recipe={
                "refits": refits,
                "strangers_gain": None if strangers is None else strangers.gain,
                "reviewed": reviewed,
                "features": None if features is None else features.name,
                "methods_on": None if choice is None else ("pixels" if choice.pixels else "features"),
                "representation": None if choice is None else choice.reason,
            },
        )
        if samples.images is not None:
            decision = _name_low_quality(decision, samples.images, workers)
        if reviewed:
            evidence[BEFORE_REVIEW] = _before_review(fitted, samples, strangers)
        judge = None if features is None else material.keep_judge(decision, features)
    few = [name for name, count in zip(samples.classes, samples.counts().tolist(), strict=True) if 0 < count < FEWEST]
    if few:
        these = f"{len(few)} class{'es' * (len(few) > 1)}"
        notes.append(f"Cannot judge {these} with fewer than {FEWEST} images: {name_some(few)}.")
    return Audit(
        samples=samples,
        decision=decision,
        evidence=evidence,
        findings=findings,
        stages=tuple(clock.stages),
        notes=tuple(notes),
        versions=list_versions(),
        device=device,
        seed=seed,
        judge=judge,
    )


def _name_low_quality(decision: Decision, images: Images, workers: int) -> Decision:
    """The ``decision`` with reasons that say of suspects in which there is too little to see that this is so."""
    reasons = list(decision.reasons)
    open_to_doubt = np.array(
        [row for row in np.flatnonzero(decision.is_issue) if not reasons[row].startswith("reviewed")]
    )
    for row, what in find_low_quality(images, open_to_doubt.astype(np.int64), workers=workers).items():
        reasons[row] = f"low quality ({what}); {reasons[row]}"
    return replace(decision, reasons=tuple(reasons))


def _before_review(fitted: channel.Channel, samples: Samples, strangers: Strangers | None) -> Evidence:
    """What the channel says of each sample without its own verdict, which the held-out models have not seen either."""
    right = channel.blind_posterior(fitted, samples.labels)[np.arange(len(samples)), samples.labels]
    if strangers is not None:
        right = right * (1 - strangers.posterior(fitted, samples.labels, np.full(len(samples), channel.UNKNOWN)))
    return Evidence(method=BEFORE_REVIEW, suspicion=np.clip(1 - right, 0, 1))


def _specs(backbone: Sequence[str] | None, effort: Effort, choice: Choice, image_size: int | None) -> tuple[str, ...]:
    """The backbones asked for, or those of ``effort``, at ``image_size`` unless that is the network's from pixels."""
    names = backbone or BACKBONES["quick" if choice.pixels or choice.tiny else effort]
    if image_size is None or choice.pixels:
        return tuple(names)
    if backbone is None:
        names = [name.partition("@")[0] for name in names]
    return tuple(dict.fromkeys(name if "@" in name else f"{name}@{image_size}" for name in names))


def _require_two_classes(samples: Samples) -> None:
    if len(samples) < 2 or (samples.counts() > 0).sum() < 2:
        raise DataError(
            f"{len(samples)} readable images in fewer than 2 classes: there is nothing to compare labels with"
        )
    if len(set(samples.digests)) == 1:
        raise DataError(f"all {len(samples)} images are the same file, byte for byte: nothing tells their labels apart")


def _check_names(
    methods: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    regularizers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Unknown methods, regularisers and options fail before the long work."""
    if not methods and not options and not regularizers:
        return
    from labelaudit.methods import configure, get_method
    from labelaudit.regularizers import configure_all

    configure_all(regularizers)
    for name in dict.fromkeys([*methods, *options]):
        configure(get_method(name), options.get(name, {}))
    for name in options:
        if name not in methods and name != "ce":
            raise OptionError(
                f"--set {name}.…: method '{name}' is not among the methods asked for ({', '.join(methods)})"
            )


def _check_choice(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise unknown_name(option, value, known)
