"""``labelaudit tune``: twenty verdicts tell where to stop."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import writing
from labelaudit.text import cell, count, printable

from .console.options import Reviewer, name_reviewer, option
from .console.runs import RUN, find_run
from .console.streams import say_json, spell_path

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit
    from labelaudit.judge.verdict_fit import FittedShare, VerdictFit
    from labelaudit.verdicts import Verdict

_KEYS = "Enter: the label is right · a class, or its number: that one is right · -: none is · s: cannot tell · q: stop"


def tune(
    run: Annotated[Path | None, RUN] = None,
    verdicts: Annotated[int, option(min=10, metavar="N", help="How many verdicts there should be in all.")] = 20,
    output: Annotated[
        Path | None, option("-o", "--output", metavar="CSV", help="Write the suspects to this file, worst first.")
    ] = None,
    reviewer: Reviewer = None,
    seed: Annotated[int, option(min=0, metavar="N", help="Random seed of the images that are asked about.")] = 0,
    as_json: Annotated[bool, option("--json", help="Print JSON for programs, and ask nothing.")] = False,
) -> None:
    """Set the scale of RUN by a few verdicts: suspects, noise rate, expected precision and recall.

    Example: `labelaudit tune RUN`

    On a terminal it asks about images all over the ranking, one by one; answers are appended to RUN/verdicts.csv, which
    later scans take into account. Elsewhere it lists the images to judge with `labelaudit review`.
    """
    from labelaudit.audit.chance import is_outdated
    from labelaudit.audit.document import has_images
    from labelaudit.audit.run import check_file, read
    from labelaudit.files import write_text
    from labelaudit.verdicts import read_reviewed, tuning

    run = find_run(run)
    audit = read(run)
    if output is not None:
        check_file("-o", output, run, audit.source.get("data"))
    reviewed = read_reviewed(audit, run)
    rows = tuning.ask(audit, reviewed, verdicts, seed=seed).tolist()
    if rows and not as_json and _interactive():
        _ask(audit, rows, run, name_reviewer(reviewer))
        reviewed = read_reviewed(audit, run)
        rows = tuning.ask(audit, reviewed, verdicts, seed=seed).tolist()
    fitted = tuning.tune(audit, reviewed)
    if output is not None and fitted is not None:
        with writing(output):
            write_text(_table(audit, fitted), output)
    if as_json:
        say_json(_document(audit, fitted, rows))
        return
    few = f"{count(len(reviewed.settled), 'verdict')} so far: too few to tell"
    few += f", and {output} is not written" if output is not None and fitted is None else ""
    if fitted is None and not rows:
        typer.echo(f"{few}, and no image is left to ask about.")
    elif fitted is None:
        typer.echo(f"{few}. Judge these images next:")
    else:
        _say(fitted, len(audit.samples), listed=len(audit.suspects))
        if is_outdated(audit.decision, len(reviewed.settled)):
            page = f"press Rerank in labelaudit review {spell_path(run)}, or " if has_images(audit) else ""
            typer.echo(f"The list in {spell_path(run)} does not know these verdicts yet: {page}scan again.")
        if rows:
            typer.echo(f"To be surer, judge {count(len(rows), 'more image')}:")
    if rows:
        where, more = ("In a page", "") if has_images(audit) else ("In a table", " --export queue.csv")
        typer.echo(f"{where}: labelaudit review {spell_path(run)} --order tune{more}", err=True)
    for row in rows:
        claim = audit.samples.claim(row)
        typer.echo(f"  {printable(claim.path)}  ({printable(claim.label)})")


def _ask(audit: Audit, rows: list[int], run: Path, reviewer: str) -> None:
    """Ask about ``rows`` one by one; each answer is on disk before the next question."""
    from labelaudit.audit.document import has_images
    from labelaudit.verdicts import append, verdicts_file

    classes = ", ".join(f"{number} {printable(name)}" for number, name in enumerate(audit.samples.classes, 1))
    page = f"In a page that shows the images: labelaudit review {spell_path(run)} --order tune\n"
    typer.echo(f"{page * has_images(audit)}{_KEYS}\nClasses: {classes}", err=True)
    for number, row in enumerate(rows, 1):
        given = audit.samples.claim(row).label
        path = Path(audit.samples.root) / audit.samples.ids[row]
        answer = None
        while answer is None:
            typer.echo(f"{number}/{len(rows)}  {printable(str(path))}  is labelled '{printable(given)}': ", err=True)
            said = sys.stdin.readline()
            if not said or said.strip() == "q":
                return
            answer = _verdict(audit, row, said.strip(), reviewer)
        append(verdicts_file(run), answer)


def _verdict(audit: Audit, row: int, said: str, reviewer: str) -> Verdict | None:
    """The verdict that a person typed about ``row``; ``None`` for what is no answer."""
    from labelaudit.verdicts import Verdict, now

    claim, classes = audit.samples.claim(row), audit.samples.classes
    if said in ("", "s", "-"):
        return Verdict.on(claim, {"": "given", "s": "skip", "-": "none"}[said], reviewer=reviewer, time=now())
    if said not in classes and said.isascii() and said.isdigit() and 1 <= int(said) <= len(classes):
        said = classes[int(said) - 1]
    if said not in classes:
        typer.echo(f"'{printable(said)}' is no class of this dataset. {_KEYS}", err=True)
        return None
    return Verdict.on(claim, "other", said, reviewer=reviewer, time=now())


def _say(fitted: VerdictFit, n: int, *, listed: int) -> None:
    flags = int(fitted.flagged.sum())
    why = f" (the RUN lists {listed:,}, by its own threshold)" if flags != listed else ""
    typer.echo(
        f"By {count(fitted.verdicts, 'verdict')}: {_percent(fitted.rate)} of the {n:,} labels are wrong.\n"
        f"{count(flags, 'suspect')}{why}: {_percent(fitted.precision)} of them are wrong labels, and they are "
        f"{_percent(fitted.recall)} of all wrong labels."
    )


def _percent(share: FittedShare) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _document(audit: Audit, fitted: VerdictFit | None, rows: list[int]) -> dict[str, Any]:
    found = None
    if fitted is not None:
        found = {
            "verdicts": fitted.verdicts,
            "flagged": int(fitted.flagged.sum()),
            "label_score_at_most": 1 - fitted.threshold,
            **{name: asdict(getattr(fitted, name)) for name in ("rate", "precision", "recall")},
            "confidence": 0.9,
        }
    claims = map(audit.samples.claim, rows)
    return {"tuned": found, "ask": [{"path": claim.path, "given_label": claim.label} for claim in claims]}


def _table(audit: Audit, fitted: VerdictFit) -> str:
    """The suspects as CSV, worst first."""
    rows = fitted.flagged.nonzero()[0]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "given_label", "probability"])
    for row in rows[(-fitted.probability[rows]).argsort(kind="stable")].tolist():
        path, _, given = audit.samples.claim(row)
        writer.writerow([*(cell(value) for value in (path, given)), f"{fitted.probability[row]:.4f}"])
    return text.getvalue()


def _interactive() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()
