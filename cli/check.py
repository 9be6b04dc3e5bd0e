"""``labelaudit check``: label quality in CI, as an exit code.

A RUN is judged as it is, without torch; DATA is scanned first, or what changed since the last check is. The exit code
depends on the rules alone: never on the format, nor on how much of the result a format shows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import OptionError
from labelaudit.machine import Machine, available_cores
from labelaudit.outputs import check_outputs

from .console.chosen import leave_hook, read_listed
from .console.options import (
    DATA_HELP,
    DEVICE_HELP,
    WORKERS_HELP,
    ColorOption,
    QuietButResult,
    choose_cache,
    load_settings,
    option,
)
from .console.outcome import Format, choose_format, format_of, tell_outcome, write_outcome
from .console.reading import UNSAID, takes_source
from .console.streams import report_progress

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit
    from labelaudit.check import Baseline, Outcome, Scope
    from labelaudit.check.target import Target
    from labelaudit.verdicts import Reviewed


_rule, _of_files, _of_output = (partial(option, panel=panel) for panel in ("Rules", "Which files", "Output"))
_of_scan = partial(option, panel="Scanning DATA (a RUN is judged as it was scanned)")


@takes_source
def check(
    data: Annotated[
        Path, typer.Argument(metavar="DATA|RUN", help="A dataset as for `labelaudit scan`, or a folder that it wrote.")
    ],
    max_noise: Annotated[
        str | None, option(metavar="2%", help="Share of wrong labels at most; fails only beyond doubt.")
    ] = None,
    max_suspects: Annotated[str | None, _rule(metavar="N", help="Suspects that count, at most.")] = None,
    max_new: Annotated[
        str | None, _rule(metavar="N", help="Suspects that the baseline does not know, at most.")
    ] = None,
    max_class_noise: Annotated[
        list[str] | None,
        _rule(
            metavar="CLASS=5%",
            help="The same as --max-noise for a class; *=5% for every class not named. May be repeated.",
        ),
    ] = None,
    no_conflicts: Annotated[
        bool | None, _rule("--no-conflicts/--allow-conflicts", help="No image, nor a near-copy, under two labels.")
    ] = None,
    no_unreadable: Annotated[
        bool | None, _rule("--no-unreadable/--allow-unreadable", help="No file that cannot be read.")
    ] = None,
    no_leaks: Annotated[
        bool | None, _rule("--no-leaks/--allow-leaks", help="No image, nor a near-copy, in two splits.")
    ] = None,
    no_shortcuts: Annotated[
        bool | None,
        _rule(
            "--no-shortcuts/--allow-shortcuts",
            help="Nothing beside the picture tells the class: frame, size, camera, a column.",
        ),
    ] = None,
    max_suspects_per: Annotated[
        list[str] | None,
        _rule(
            metavar="COLUMN=5%",
            help="Share of suspects, at most, among the images of any one value of a column. May be repeated.",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        _rule(metavar="P", help="Probability of a wrong label that makes a suspect, in place of the scan's own."),
    ] = None,
    tier: Annotated[
        str | None,
        _rule(metavar="sure|doubtful", help="Which suspects count: sure ones (the default), or doubtful ones too."),
    ] = None,
    config: Annotated[Path | None, _rule(metavar="FILE", help="Policy file, instead of the nearest one.")] = None,
    baseline: Annotated[
        Path | None, option(metavar="FILE", help="What FILE knows does not count: only what is new fails.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        option(
            metavar="FILE",
            help="Accept everything found now: write it to FILE, keep people's verdicts in it, and end with 0.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        _of_files(
            "--changed-since", metavar="GIT_REF", help="Judge only files changed since it and the working tree parted."
        ),
    ] = None,
    files: Annotated[
        Path | None, _of_files(metavar="FILE", help="Judge only the files listed in FILE, or - for stdin.")
    ] = None,
    format: Annotated[
        Format | None,
        _of_output(
            env="FORMAT",
            metavar="NAME",
            help="table, markdown, github, junit, sarif, json, jsonl or csv; default: by the ending of -o FILE, else "
            "table.",
        ),
    ] = None,
    output: Annotated[
        Path | None, _of_output("-o", "--output", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    reports: Annotated[
        list[Path] | None,
        option(
            "--report",
            metavar="FILE",
            help="Write the result there too: .json, .jsonl, .csv, .md, .xml (JUnit), .sarif or .txt. May be repeated.",
        ),
    ] = None,
    run: Annotated[
        Path | None, _of_output(metavar="RUN", help="Keep the scan of DATA there, with people's verdicts.")
    ] = None,
    exit_zero: Annotated[bool, _of_output("--exit-zero", help="End with 0 though a rule is broken.")] = False,
    place: Annotated[Path | None, _of_scan("--data", metavar="DATA", help=DATA_HELP)] = None,
    how: Mapping[str, Any] = UNSAID,
    group: Annotated[
        list[str] | None, _of_scan(metavar="HOW", help="What images of one thing have in common; as for scan.")
    ] = None,
    effort: Annotated[
        str | None, _of_scan(metavar="quick|standard|thorough", help="How much looks at the images; as for scan.")
    ] = None,
    device: Annotated[str | None, _of_scan(metavar="auto|cpu|cuda", help=DEVICE_HELP)] = None,
    workers: Annotated[str | None, _of_scan(metavar="N", help=WORKERS_HELP)] = None,
    cache: Annotated[
        Path | None,
        option(
            metavar="DIR",
            help="Folder that keeps features and the last audit, so that only what changed is judged: let CI keep it.",
        ),
    ] = None,
    no_cache: Annotated[bool, _of_scan("--no-cache", help="Keep nothing, and scan everything anew.")] = False,
    quiet: QuietButResult = False,
    verbose: Annotated[bool, option("-v", "--verbose", hidden=True)] = False,
    color: ColorOption = "auto",
) -> None:
    """Fail if the labels of DATA, or of an audited RUN, break a rule.

    Example: `labelaudit check ./images --write-baseline known.json` once, then `labelaudit check ./images --baseline
    known.json`

    Unless you ask for more, conflicts, unreadable files and leaks fail, and suspects are only reported. With a
    baseline, no suspect may be new.

    Rules can be kept in labelaudit.toml or pyproject.toml, or be set as LABELAUDIT_MAX_NOISE and so on. How DATA is
    scanned stands there too, under \\[scan]. `labelaudit config` shows what is in force and where it came from.

    Exit codes, whatever the format: 0 all rules hold, 1 a rule is broken, 2 could not run, 130 interrupted.
    """
    from labelaudit.audit.run import is_run
    from labelaudit.check.target import Target

    given = {
        "max-noise": max_noise,
        "max-suspects": max_suspects,
        "max-new": max_new,
        "max-class-noise": max_class_noise or None,
        "no-conflicts": no_conflicts,
        "no-unreadable": no_unreadable,
        "no-leaks": no_leaks,
        "no-shortcuts": no_shortcuts,
        "max-suspects-per": max_suspects_per or None,
        "threshold": threshold,
        "tier": tier,
        "baseline": baseline,
        **{"data-format" if name == "format" else name.replace("_", "-"): value or None for name, value in how.items()},
        "group": group or None,
        "effort": effort,
        "device": device,
        "workers": workers,
        "cache": cache,
    }
    settled = load_settings(given, data, config)
    restricted = since is not None or files is not None
    if since is not None and files is not None:
        raise OptionError("--changed-since and --files: give one of them")
    if restricted and write_baseline is not None:
        raise OptionError("a baseline is about the whole dataset: --write-baseline goes without a choice of files")
    further = {file: format_of(file) for file in reports or ()}
    del verbose  # stages are named without it; older workflows pass it
    with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):
        options = settled.scan_options()
        kept = options.get("cache")
        if restricted or not is_run(data):  # a finished RUN is judged as it is
            kept = choose_cache(kept, use=not no_cache, notice=notice)
        machine = Machine(
            device=options.get("device", "auto"),
            workers=options.get("workers") or available_cores(),
            cache=kept,
            progress=progress,
            notice=notice,
        )
        target = Target(data, settled, run, place, machine)
        target.check()
        _check_files(target, output, reports or [], write_baseline, files)
        old = _read_baselines(settled.values["baseline"], write_baseline)
        if old is not None:
            target = replace(target, precision=old.precision)
        if since is not None:
            leave_hook()
        listed = [] if files is None else read_listed(files)
        audit, scope = target.audit_files(since, listed) if restricted else (target.audit(), None)
        reviewed = target.reviewed(audit)
    outcome, written = _judge(audit, target, old, reviewed, scope, write_baseline)
    kind = choose_format(format, output)
    write_outcome(outcome, kind, output, further)
    if not quiet:
        tell_outcome(outcome, kind, output, written, color)
    raise typer.Exit(0 if exit_zero else outcome.exit_code)


def _check_files(
    target: Target, output: Path | None, reports: list[Path], write_baseline: Path | None, files: Path | None
) -> None:
    """Nothing that is read may be overwritten, but for a baseline by its own refresh."""
    known = target.settled.values["baseline"]
    refreshed = write_baseline is not None and known is not None and write_baseline.resolve() == known.resolve()
    inputs = {
        **{"the table of labels": target.table, "the data": target.images_folder},
        **{"the policy file": target.settled.file, "the list of files": files},
    }
    folders = {
        "the RUN": target.folder,
        "the data": place if (place := target.images_folder) is not None and place.is_dir() else None,
    }
    written = [("--write-baseline", write_baseline)] if write_baseline is not None else []
    check_outputs(written, inputs, {} if refreshed else folders)
    reported = [("-o", output)] if output is not None else []
    reported += [("--report", file) for file in reports]
    check_outputs(reported, {**inputs, "the baseline": known, "what --write-baseline writes": write_baseline}, folders)


def _read_baselines(known: Path | None, write: Path | None) -> Baseline | None:
    """The baseline in force and, if another one is refreshed, the verdicts in that too."""
    from labelaudit.check.baseline import merge
    from labelaudit.check.baseline_file import read

    old = read(write) if write is not None and write.exists() else None
    if known is None or (write is not None and known.resolve() == write.resolve()):
        return old
    return read(known) if old is None else merge(read(known), old)


def _judge(
    audit: Audit,
    target: Target,
    old: Baseline | None,
    reviewed: Reviewed | None,
    scope: Scope | None,
    write: Path | None,
) -> tuple[Outcome, str]:
    """The outcome, and what was written to a baseline; the gate that writes one then judges by it."""
    from labelaudit.check import judge_gate, refresh_baseline
    from labelaudit.check.baseline import compare
    from labelaudit.check.baseline_file import write as write_file
    from labelaudit.check.policy import today

    settled, day = target.settled, today()
    policy = settled.policy()
    path, said = settled.values["baseline"], ""
    if write is not None:
        new = refresh_baseline(audit, policy, old, reviewed, today=day)
        write_file(new, write)
        kinds = [kind for kind, _ in compare(old or replace(new, suspects=(), findings=()), new)]
        verdicts = sum(bool(known.verdict) for known in new.suspects)
        said = (
            f"{write} written: {len(new):,} known ({kinds.count('added'):,} added, {kinds.count('removed'):,} "
            f"removed), {verdicts:,} with a person's verdict; nothing found so far counts from now on"
        )
        old, path = new, write
    shown = "" if path is None else os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else path
    measured = target.measured(audit, reviewed)
    outcome = judge_gate(audit, policy, old, reviewed, today=day, scope=scope, measured=measured, baseline_path=shown)
    return (outcome if target.folder is None else replace(outcome, run=str(target.folder))), said
