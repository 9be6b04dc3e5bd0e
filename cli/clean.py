"""``labelaudit clean``: from suspects and verdicts to a plan, and from the plan to a new dataset."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from labelaudit.errors import OptionError, RunError
from labelaudit.machine import available_cores
from labelaudit.text import count, printable

from .console.options import ColorOption, Moved, Quiet, Workers, option, parse_share
from .console.runs import RUN, find_run
from .console.streams import as_typed, brief, make_table, open_console, report_progress, say, spell_path, tell, trimmed

if TYPE_CHECKING:
    from rich.console import Console

    from labelaudit.audit.document import Audit
    from labelaudit.clean import Change, CorrectionPlan, WrittenDataset
    from labelaudit.types import Tier

_of_plan, _of_result = partial(option, panel="What to change"), partial(option, panel="What to make")
_SHOWN = 10
"""Changes shown of a plan; four times as many with ``-v``."""
_WORDS = {"drop": "leave out", "relabel": "relabel", "quarantine": "quarantine", "weight": "weight"}
_SOURCES = {
    "verdict": "a person",
    "fdr": "the model (estimate --fdr)",
    "threshold": "the model",
    "finding": "the scan",
    "hand": "by hand",
}


def clean(
    run: Annotated[Path | None, RUN] = None,
    output: Annotated[Path | None, option("-o", "--output", metavar="OUT", help="Folder for the new dataset.")] = None,
    apply: Annotated[bool, option("--apply", help="Make the new dataset; without it there is only a plan.")] = False,
    action: Annotated[
        list[str] | None,
        _of_plan(
            metavar="[REASON=]ACTION",
            help="keep, drop, relabel, quarantine or weight, for wrong, no_class, suspect, conflict, near_duplicate, "
            "leak, same_scene or unreadable; may be repeated. Without a reason: for wrong, no_class and suspect.",
        ),
    ] = None,
    relabel_suspects: Annotated[
        bool, _of_plan("--relabel-suspects", help="Short for --action suspect=relabel.")
    ] = False,
    flags: Annotated[
        Literal["auto", "fdr", "threshold"],
        _of_plan(
            help="Which suspects are meant: those that `labelaudit estimate --fdr` chose, or those of the scan's "
            "threshold; auto: the former if there are any."
        ),
    ] = "auto",
    fdr: Annotated[
        float | None,
        _of_plan(metavar="10%", parser=parse_share, help="Only suspects of which at most this share is false."),
    ] = None,
    surest: Annotated[
        int | None,
        _of_plan(
            min=1,
            metavar="N",
            help="Relabel the N suspects whose suggested label is surest; the report shows what that costs.",
        ),
    ] = None,
    tier: Annotated[
        Literal["sure", "doubtful"] | None,
        _of_plan(help="Which of the scan's suspects are meant: sure ones (the default), or doubtful ones too."),
    ] = None,
    plan: Annotated[
        Path | None, _of_plan(metavar="FILE", help="A plan to show or apply as it is, edited or not.")
    ] = None,
    format_: Annotated[
        Literal["folders", "hf", "parquet", "csv", "patch"] | None,
        _of_result(
            "--format",
            help="Class folders; Hugging Face's metadata.csv or Parquet; labels.csv; or only relabel.csv, for a diff.",
        ),
    ] = None,
    link: Annotated[
        Literal["auto", "hard", "symlink", "reflink", "copy"],
        _of_result(help="How images get there; auto: reflinks where possible, else copies."),
    ] = "auto",
    undo: Annotated[
        Path | None,
        _of_result(
            metavar="CLEANED", help="Bring back every image and label of the scan from a cleaned dataset, in OUT."
        ),
    ] = None,
    replace: Annotated[bool, _of_result("--replace", help="Take the place of an earlier dataset here.")] = False,
    data: Moved = None,
    workers: Workers = None,
    quiet: Quiet = False,
    verbose: Annotated[bool, option("-v", "--verbose", help="Show more changes.")] = False,
    color: ColorOption = "auto",
) -> None:
    """Plan what to change about the labels in RUN, and make a new dataset of it with --apply.

    Example: `labelaudit clean RUN` shows the plan, `labelaudit clean RUN -o ./images-clean --apply` makes the dataset

    People's verdicts come first, and nothing that nobody has reviewed is changed unless --action asks for it. The plan
    is RUN/plan.json, which may be edited. The source is never touched.
    """
    from labelaudit import read_audit
    from labelaudit.clean import PLAN, Destination, apply_plan, read_plan, restore

    run = find_run(run)
    audit = read_audit(run)
    console = open_console(sys.stdout, color)
    making: dict[str, Any] = {"form": format_ or "", "link": link, "data": data, "run": run, "replace": replace}
    making["workers"] = workers or available_cores()
    _check_output(output, apply or undo is not None, audit, data, run)
    if undo is not None and output is not None:
        if apply or action or plan or relabel_suspects or fdr is not None:
            raise OptionError(
                "--undo makes the dataset as it was scanned: it takes no plan, --action, --fdr or --apply"
            )
        with report_progress(quiet=quiet, verbose=verbose, color=color) as (progress, _):
            made = restore(audit, undo, Destination(output, progress=progress, **making))
        if not quiet:
            _show_made(console, made, len(audit.samples))
        if made.lost:
            advice = "when they turn up, undo again with --replace, and with --data where the source was moved"
            raise RunError(f"{made.lost}. {made.folder} has the others; {advice}")
        return
    settings = [*(action or []), *(["suspect=relabel"] if relabel_suspects else [])]
    if plan is not None:
        if settings or flags != "auto" or fdr is not None or surest is not None or tier is not None:
            raise OptionError(
                "--plan is applied as it is: leave --action, --flags, --fdr, --surest and --tier away, or edit the plan"
            )
        chosen = read_plan(plan, audit)
    else:
        chosen = _make_plan(audit, run, settings, flags=flags, fdr=fdr, surest=surest, tier=tier)
    if not quiet:
        _show_plan(console, chosen, audit, most=_SHOWN * (4 if verbose else 1))
    if not apply or output is None:
        if not quiet:
            same = f" --format {format_}" if format_ else ""
            same += f" --link {link}" if link != "auto" else ""
            same += f" --data {spell_path(data)}" if data is not None else ""
            options = f"-o {spell_path(output or Path('OUT'))}{same}"
            say(console, *_what_next(chosen, run, plan or run / PLAN, options))
        return
    with report_progress(quiet=quiet, verbose=verbose, color=color) as (progress, _):
        made = apply_plan(chosen, audit, Destination(output, progress=progress, **making))
    if not quiet:
        _show_made(console, made, len(audit.samples))


def _check_output(output: Path | None, needed: bool, audit: Audit, data: Path | None, run: Path) -> None:
    """Refuse a place that cannot be written before a plan is shown for it, and none where one is needed."""
    from labelaudit.clean import check_place

    if output is not None:
        check_place(output.resolve(), audit, data, run)
    elif needed:
        raise OptionError("name a folder for the new dataset: -o OUT")


def _what_next(chosen: CorrectionPlan, run: Path, plan: Path, options: str) -> tuple[str, ...]:
    """The lines after a plan that is only shown."""
    if not chosen.changes:
        return (f"The plan {plan} changes nothing yet: judge suspects first, labelaudit review {spell_path(run)}",)
    return (
        f"Nothing is made yet. The plan is {plan}; edit it if you like, then:",
        f"  labelaudit clean {spell_path(run)} --plan {spell_path(plan)} {options} --apply",
    )


def _make_plan(
    audit: Audit,
    run: Path,
    settings: list[str],
    *,
    flags: str,
    fdr: float | None,
    surest: int | None,
    tier: Tier | None,
) -> CorrectionPlan:
    """A new plan, which is written to RUN."""
    from labelaudit import verdicts
    from labelaudit.clean import PLAN, choose_actions, choose_flags, make_plan, write_plan

    if surest is not None or tier is not None:
        if flags == "fdr" or fdr is not None or (surest is not None and tier is not None):
            alone = "--tier" if surest is None else "--surest"
            raise OptionError(
                f"{alone} chooses among the scan's own suspects: leave --fdr, --flags and other choices away"
            )
        flags = "threshold"
    actions = choose_actions([*(["suspect=relabel"] if surest is not None else []), *settings])
    reviewed = verdicts.read_reviewed(audit, run)
    chosen = choose_flags(
        audit, reviewed, run, choice=flags, target=fdr, needed=actions["suspect"] != "keep", notice=tell
    )
    plan = make_plan(audit, reviewed, actions=actions, flags=chosen, surest=surest, tier=tier or "sure")
    write_plan(plan, run / PLAN)
    return plan


def _show_plan(console: Console, plan: CorrectionPlan, audit: Audit, *, most: int) -> None:
    from labelaudit.clean.report import say_kept

    if plan.changes:
        table = make_table(("images", "right"), ("what", "left"), ("why", "left"), ("who says so", "left"))
        for (action, reason, source), number in plan.counts().items():
            table.add_row(f"{number:,}", _WORDS[action], printable(reason.replace("_", " ")), _SOURCES[source])
        say(console, f"{count(len(plan.changes), 'change')} to {len(audit.samples):,} images", style="bold")
        with trimmed(console):
            console.print(table)
        _show_worst(console, audit, plan.changes, most)
    else:
        say(console, f"No changes to {len(audit.samples):,} images", style="bold")
    kept = {name: number for name, number in plan.kept.items() if isinstance(number, int)}
    if plan.changes and (kept or plan.notes):
        console.print()
    if kept:
        idle = "suspect" in kept and plan.actions.get("suspect") == "keep"
        advice = ": review them, or use --action suspect=quarantine" if idle else ""
        say(console, f"As they are: {say_kept(kept)}{advice}")
    say(console, *(f"- {note}" for note in plan.notes))
    console.print()


def _show_worst(console: Console, audit: Audit, changes: Sequence[Change], most: int) -> None:
    from rich.text import Text

    from labelaudit.audit.chance import say_chance

    console.print()
    table = make_table(("path", "left"), ("given", "left"), ("now", "left"), ("likely wrong", "left"), ("why", "left"))
    row_of = {path: row for row, path in enumerate(audit.samples.ids)}
    for change in changes[:most]:
        now = change.new_label or f"({_WORDS[change.action]}{'' if change.weight is None else f' {change.weight:.2f}'})"
        table.add_row(
            Text(printable(change.path)),
            Text(brief(change.given_label), style="red"),
            Text(brief(now), style="green"),
            say_chance(audit.decision, row_of[change.path])
            if change.label_score is not None and change.path in row_of
            else "",
            Text(as_typed(change.detail or change.reason), style="dim"),
        )
    with trimmed(console):
        console.print(table)
    if len(changes) > most:
        say(console, f"and {len(changes) - most:,} more in the plan", style="dim")


def _show_made(console: Console, made: WrittenDataset, samples: int) -> None:
    report = made.report
    if made.unchanged:
        say(console, f"{made.folder} is this dataset already: nothing was changed.")
        return
    how = ", ".join(f"{count:,} as {name}" for name, count in report["made_as"].items())
    how += ", quarantine included" if how and made.quarantine is not None else ""
    said = f"{report['samples']:,} of {samples:,} images as {report['form']} in {made.folder}"
    if report["form"] == "patch":
        said = f"{count(len(report['changes']), 'change')} in {made.folder / 'relabel.csv'}"
    say(console, f"{said}{f' ({how})' if how else ''}", style="bold")
    if made.quarantine is not None:
        say(console, f"In quarantine: {made.quarantine}")
    notes = (f"- {note}" for note in made.notes if note != f"{made.lost}.")
    say(console, *notes, f"What changed: {made.folder / 'clean-report.md'}")
