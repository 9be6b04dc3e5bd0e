"""``labelaudit scan``: from images and labels to a ranked list of suspects."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from labelaudit.data.source import MAX_PIXELS, refuse_missing
from labelaudit.errors import OptionError
from labelaudit.machine import Engine, available_cores
from labelaudit.scanning.settings import ENSEMBLE, METHODS, Effort, Precision, Train

from .console.options import (
    CacheFolder,
    ColorOption,
    DeviceOption,
    NoCache,
    Quiet,
    Workers,
    choose_cache,
    is_default,
    load_settings,
    on_machine,
    option,
    parse_names,
    parse_settings,
)
from .console.reading import UNSAID, takes_source
from .console.streams import open_console, report_progress

_input = partial(option, panel="What else is known")
_method = partial(option, panel="Methods and networks")


@takes_source
def scan(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Folder, table, archive, shards or address (docs/inputs.md).")
    ] = None,
    output: Annotated[
        Path, option("-o", "--output", metavar="RUN", env="OUTPUT", help="Folder for the result, which is made anew.")
    ] = Path("labelaudit-run"),
    how: Mapping[str, Any] = UNSAID,
    group: Annotated[
        list[str] | None,
        _input(
            metavar="HOW",
            env="GROUP",
            help="What images of one thing have in common, so that they do not vouch for each other: a column such as "
            "patient, parent (the folder), or name:'(patient[0-9]+)_'. May be repeated.",
        ),
    ] = None,
    ordinal: Annotated[
        bool,
        _input(
            "--ordinal", env="ORDINAL", help="The classes are grades, such as 1 to 5: labels many steps off come first."
        ),
    ] = False,
    features: Annotated[
        Path | None, _input(metavar="X.npy", help="Features of your own: n x d numbers, one row per image.")
    ] = None,
    probs: Annotated[
        Path | None,
        _input(
            metavar="P.npy",
            help="Class probabilities of a model of your own that was not trained on these images: n x C, columns "
            "as --classes, or sorted.",
        ),
    ] = None,
    verdicts: Annotated[
        Path | None, _input(metavar="FILE", help="Verdicts of people; default: verdicts.csv in RUN.")
    ] = None,
    methods: Annotated[
        str,
        _method(
            metavar="NAMES",
            env="METHODS",
            help="Training methods that bear wrong labels, separated by commas; auto: crust,limit,sln, and none at "
            "--effort quick.",
        ),
    ] = "auto",
    settings: Annotated[
        list[str] | None,
        _method(
            "--set",
            metavar="METHOD.OPTION=VALUE",
            help="An option of a method or a regularizer, such as sln.sigma=0.5; may be repeated.",
        ),
    ] = None,
    regularizer: Annotated[
        list[str] | None,
        _method(
            metavar="NAME",
            help="A regularizer around the training, such as mixup (`labelaudit methods` lists them); may be repeated.",
        ),
    ] = None,
    train: Annotated[
        Train,
        _method(
            env="TRAIN", help="What the methods learn from: features (auto as well), or pixels, with a small network."
        ),
    ] = "auto",
    network: Annotated[
        str | None,
        _method(
            metavar="NAME",
            env="NETWORK",
            help="The network that the methods train: a name of `labelaudit methods`, timm:NAME or torchvision:NAME.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        _method(
            metavar="WEIGHTS",
            env="INIT",
            help="Initial weights of a timm or torchvision network: a file, or `pretrained` (downloaded once).",
        ),
    ] = None,
    backbone: Annotated[
        str,
        _method(
            metavar="NAMES",
            env="BACKBONE",
            help="Networks that turn images into features: names of `labelaudit backbones` or of timm.",
        ),
    ] = "auto",
    image_size: Annotated[
        int | None, _method(min=8, metavar="N", env="IMAGE_SIZE", help="Input size of these networks in pixels.")
    ] = None,
    precision: Annotated[
        Precision,
        _method(
            env="PRECISION", help="Numbers that these networks compute in; auto: int8 where that is faster on this CPU."
        ),
    ] = "auto",
    max_pixels: Annotated[
        int, on_machine(min=1, metavar="N", env="MAX_PIXELS", help="Larger images are named and not read.")
    ] = MAX_PIXELS,
    effort: Annotated[
        Effort,
        option(
            env="EFFORT",
            help="quick: one small pretrained network (more where images are few), and nothing is trained. standard: "
            "three, and the methods are trained. thorough: five.",
        ),
    ] = "standard",
    rank_by: Annotated[
        str,
        _method(
            metavar="COLUMN",
            env="RANK_BY",
            help="Rank, and name suspects, by one column, such as limit_distance; ensemble: all models pooled.",
        ),
    ] = ENSEMBLE,
    device: DeviceOption = "auto",
    seed: Annotated[
        int, on_machine(min=0, metavar="N", env="SEED", help="Random seed: the same seed gives the same result.")
    ] = 0,
    engine: Annotated[
        Engine, on_machine(help="Embed and train here, or on a Ray cluster (labelaudit\\[ray]).")
    ] = "local",
    address: Annotated[
        str | None,
        on_machine(
            metavar="HOST:PORT",
            help="Address of the cluster; default: the one that runs on this machine, or else one of its cores.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        on_machine(
            metavar="TIME",
            help="Time it may take, such as 10m: the largest effort (up to --effort, if given) that fits is chosen.",
        ),
    ] = None,
    max_memory: Annotated[
        str | None, on_machine(metavar="SIZE", help="Memory it may take, such as 4GB; effort is chosen as by --budget.")
    ] = None,
    workers: Workers = None,
    cache: CacheFolder = None,
    no_cache: NoCache = False,
    no_html: Annotated[
        bool, option("--no-html", help="Write no report.html, the page with the suspects' pictures.")
    ] = False,
    quiet: Quiet = False,
    verbose: Annotated[bool, option("-v", "--verbose", help="Show more suspects and how they were found.")] = False,
    color: ColorOption = "auto",
) -> None:
    """Find the wrong labels in DATA: rank every image, flag the suspects, suggest labels.

    Example: `labelaudit scan ./images -o RUN`, and then `labelaudit review RUN`

    The result is printed on stdout and written to RUN; progress goes to stderr.

    Options that `labelaudit config` lists can also be set as LABELAUDIT_NAME, such as LABELAUDIT_DEVICE=cpu, or under
    \\[scan] in the nearest labelaudit.toml.
    """
    if data is None and how["labels"] is None:
        raise OptionError("nothing to scan: name a folder or table, such as `labelaudit scan ./images`")
    options = parse_settings(settings or [])
    settled = load_settings({}, data, None)

    from labelaudit.check.settings import SETTINGS

    name_of = {setting.argument: setting.name for setting in SETTINGS.values()}
    given = settled.scan_options().items()
    filed = {argument: value for argument, value in given if is_default(ctx, name_of[argument].replace("-", "_"))}
    chosen: dict[str, Any] = {
        **how,
        "group": tuple(group or ()),
        "ordinal": ordinal,
        "methods": None if methods == "auto" else parse_names("--methods", methods),
        "regularizers": regularizer or (),
        "train": train,
        "network": network,
        "init": init,
        "backbone": None if backbone == "auto" else parse_names("--backbone", backbone),
        "image_size": image_size,
        "precision": precision,
        "max_pixels": max_pixels,
        "effort": effort,
        "rank_by": rank_by,
        "device": device,
        "seed": seed,
        "workers": workers,
        "engine": engine,
        "address": address,
        "cache": cache,
        **filed,
    }
    around: dict[str, dict[str, str]] = {name: {} for name in chosen["regularizers"]}
    for name in around.keys() & options.keys() - set(chosen["methods"] or METHODS):  # a method's name means the method
        around[name] = options.pop(name)
    chosen["regularizers"] = around
    chosen["workers"] = chosen["workers"] or available_cores()
    if (budget or max_memory) and is_default(ctx, "effort") and "effort" not in filed:
        chosen["effort"] = "thorough"  # the most that may be chosen

    refuse_missing(data, how["labels"])

    from labelaudit.scanning.scan import scan as audit_labels

    trainings = len({*(chosen["methods"] or METHODS), "ce"})  # cross-entropy is the reference
    with report_progress(quiet=quiet, verbose=True, color=color, trainings=trainings) as (progress, notice):
        for argument, value in filed.items():
            said, name = ",".join(value) if isinstance(value, tuple) else value, name_of[argument]
            notice(f"{name}: {said}, from {settled.origins[name]}")
        chosen["cache"] = choose_cache(chosen["cache"], use=not no_cache, notice=notice)
        audit = audit_labels(
            data,
            output=output,
            features=features,
            probs=probs,
            verdicts=verdicts,
            options=options,
            html=not no_html,
            budget=budget,
            max_memory=max_memory,
            **chosen,
            progress=progress,
            notice=notice,
        )
    if not quiet:
        from .console.summary import render

        render(audit, open_console(sys.stdout, color), verbose=verbose)
