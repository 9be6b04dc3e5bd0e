"""``labelaudit impact``: whether cleaning helped a model here, or did not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from labelaudit.machine import Machine, available_cores

from .console.options import (
    CacheFolder,
    ColorOption,
    DeviceOption,
    Json,
    Moved,
    NoCache,
    QuietButResult,
    Workers,
    choose_cache,
    option,
)
from .console.runs import RUN, find_run
from .console.streams import open_console, report_progress, say, say_json


def impact(
    run: Annotated[Path | None, RUN] = None,
    test: Annotated[
        Path | None, option(metavar="DATA", help="Images with labels that are right; default: the reviewed ones.")
    ] = None,
    cleaned: Annotated[
        Path | None,
        option(
            metavar="PLAN|OUT",
            help="A plan or a cleaned dataset; default: RUN/plan.json, or else what the verdicts ask for.",
        ),
    ] = None,
    seeds: Annotated[int, option(min=2, metavar="N", help="How often each model is trained.")] = 10,
    data: Moved = None,
    device: DeviceOption = "auto",
    workers: Workers = None,
    cache: CacheFolder = None,
    no_cache: NoCache = False,
    as_json: Json = False,
    quiet: QuietButResult = False,
    color: ColorOption = "auto",
) -> None:
    """Train the same model on the given and on the cleaned labels of RUN, and say whether cleaning helped.

    Example: `labelaudit impact RUN`, after `labelaudit clean RUN`

    The difference in accuracy has a 90% interval over test images and trainings. Where that does not tell, it says so.
    """
    from labelaudit.impact import measure

    run = find_run(run)
    with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):
        place = choose_cache(cache, use=not no_cache, notice=notice)
        machine = Machine(device=device, workers=workers or available_cores(), cache=place, progress=progress)
        found = measure(run, plan=cleaned, test=test, data=data, seeds=seeds, machine=machine)
    if as_json:
        say_json(found.record())
        return
    console = open_console(sys.stdout, color)
    say(console, found.sentence, style="bold")
    console.print()
    given, left = found.trained_on
    console.print(f"  {'given labels':<16}{found.given:>7.1%}  trained on {given:,} images")
    console.print(
        f"  {'cleaned labels':<16}{found.cleaned:>7.1%}  trained on {left:,} images, {found.changed:,} changes"
    )
    console.print()
    where = {
        "supplied": "test images with supplied labels",
        "reviewed": "reviewed test images",
        "reviewed sample": "reviewed test images, each counting for the images that it was drawn for",
    }
    say(console, f"{found.images:,} {where[found.test]}; {found.seeds} trainings each.")
    say(console, *(f"- {note}" for note in found.notes))
