"""``labelaudit corrupt``: a copy of a dataset with planted noise, to see what finds it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from labelaudit.errors import OptionError
from labelaudit.machine import Machine, available_cores

from .console.options import ColorOption, Quiet, Workers, option, parse_share
from .console.reading import UNSAID, takes_source
from .console.streams import open_console, report_progress, say, spell_path


@takes_source
def corrupt(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="What to copy: any dataset of images that scan takes.")],
    output: Annotated[
        Path, option("-o", "--output", metavar="OUT", help="New folder for the copy: class folders, truth.csv.")
    ],
    noise: Annotated[
        Literal["symmetric", "uniform", "pair", "asymmetric", "instance", "dependent", "annotator", "openset"],
        option(
            help="annotator: as people err. symmetric: any other class. uniform: any class, the own one included. "
            "pair: the next class by name. asymmetric: what --map says. instance: each image at a rate of its own. "
            "dependent: the images that a model confuses most. openset: images of --outside."
        ),
    ],
    rate: Annotated[
        float | None,
        option(
            metavar="10%",
            parser=parse_share,
            help="Share of labels touched, of each class where that applies; annotators have a rate of their own.",
        ),
    ] = None,
    strength: Annotated[
        Literal["careful", "usual", "hasty"] | None,
        option(help="How good annotators are: 9%, 18% or 40% wrong, from 80, 20 or 5 examples of a class."),
    ] = None,
    seed: Annotated[int, option(min=0, metavar="N", help="Random seed: the same seed gives the same copy.")] = 0,
    pairs: Annotated[
        list[str] | None,
        option(
            "--map",
            metavar="CLASS=CLASS",
            help="For asymmetric: what a class becomes; may be repeated. Default: a random exchange of all.",
        ),
    ] = None,
    outside: Annotated[
        Path | None, option(metavar="FOLDER", help="For openset: images that belong to no class.")
    ] = None,
    how: Mapping[str, Any] = UNSAID,
    workers: Workers = None,
    quiet: Quiet = False,
    color: ColorOption = "auto",
) -> None:
    """Copy DATA to OUT with planted label noise, and the truth in OUT/truth.csv.

    Example: `labelaudit corrupt ./images -o noisy --noise annotator`

    DATA is left as it is. Images are hard links where the file system allows, else copies.

    The papers disagree on uniform noise: here `symmetric` never keeps the true class, `uniform` may.
    """
    from labelaudit.corrupt.copy import NOISES
    from labelaudit.corrupt.copy import corrupt as plant
    from labelaudit.data.source import Source

    with report_progress(quiet=quiet, verbose=False, color=color) as (progress, _):
        made = plant(
            Source(data=data, **how),
            output,
            noise=noise,
            rate=rate,
            strength=strength,
            seed=seed,
            mapping=parse_pairs(pairs or []),
            outside=outside,
            machine=Machine(workers=workers or available_cores(), progress=progress),
        )
    if quiet:
        return
    copied = ", ".join(f"{count:,} as {name}" for name, count in sorted(made.how.items()))
    lines = [
        f"{noise} noise at rate {made.asked:g}: {NOISES[noise]}.",
        f"{made.wrong:,} of {made.samples:,} labels are wrong: a realised rate of {made.rate:.2%}.",
        *(f"  {source} becomes {target}" for source, target in sorted(made.mapping.items())),
        f"Written to {made.folder} ({copied}), the truth to {made.folder / 'truth.csv'}.",
        f"Next: labelaudit scan {spell_path(made.folder)}",
    ]
    if made.left_out:
        lines.insert(2, f"{made.left_out:,} could not be used and were left out: unreadable or without a label.")
    say(open_console(sys.stdout, color), *lines)


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """Class -> class from ``CLASS=CLASS``.

    >>> parse_pairs(["cat=dog", "dog=cat"])
    {'cat': 'dog', 'dog': 'cat'}
    """
    found: dict[str, str] = {}
    for pair in pairs:
        source, equals, target = pair.partition("=")
        if not (source and equals and target):
            raise OptionError(f"--map {pair}: write CLASS=CLASS, such as cat=dog")
        if source in found:
            raise OptionError(f"--map names '{source}' twice: a class becomes one other")
        found[source] = target
    return found
