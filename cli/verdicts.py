"""``labelaudit verdicts``: what people said about a RUN, from several reviewers and other tools, in one place."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelaudit.errors import DataError, OptionError
from labelaudit.text import count, name_some, printable

from .console.options import option
from .console.runs import RUN, find_run
from .console.streams import as_typed, spell_path, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labelaudit.audit.document import Audit
    from labelaudit.verdicts import Reviewed, Verdict

verdicts = typer.Typer(
    name="verdicts",
    help="Show, merge and import what reviewers said.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_MOST = 20
"""Problems and disputes shown."""
_RULES = "majority (of all who judged it), adjudicator:NAME (this person's word), or agreement (of all)."
_SETTLE = option(metavar="RULE", help=f"Also set the rule by which disputes end: {_RULES}")
_RUN = typer.Argument(metavar="RUN", help="Folder that `labelaudit scan` wrote.")


@verdicts.command()
def show(run: Annotated[Path | None, RUN] = None) -> None:
    """Count the verdicts in RUN, compare the reviewers, list what they disagree on.

    Example: `labelaudit verdicts show RUN`
    """
    from labelaudit import read_audit
    from labelaudit.verdicts import match, read, verdicts_file

    run = find_run(run)
    audit = read_audit(run)
    log = read(verdicts_file(run), notice=tell)
    if not log:
        typer.echo(f"no verdicts in {printable(str(verdicts_file(run)))}: labelaudit review {spell_path(run)}")
        return
    reviewed = match(audit, log)
    _say(*_counts(audit, reviewed))
    _say(*_people(log))
    if reviewed.disputed:
        word = f"one person's word (labelaudit verdicts settle {spell_path(run)} adjudicator:NAME)"
        _say("", f"Open disputes ({len(reviewed.disputed):,}): a third reviewer settles them, or {word}")
        _say(f"  labelaudit review {spell_path(run)} --order disputes --reviewer NAME")
        for row, told in list(reviewed.disputed.items())[:_MOST]:
            opinions = ", ".join(f"{verdict.reviewer or 'somebody'}: {verdict.right or 'no class'}" for verdict in told)
            path, _, given = audit.samples.claim(row)
            _say(f"  {path} (given {given})  {opinions}")
        if len(reviewed.disputed) > _MOST:
            _say(f"  and {len(reviewed.disputed) - _MOST:,} more")
    tell(*reviewed.notes)


@verdicts.command()
def merge(
    logs: Annotated[list[Path], typer.Argument(metavar="[NAME=]LOG", help="RUN folders, or verdicts.csv files.")],
    output: Annotated[
        Path, option("-o", "--output", metavar="RUN", help="RUN that gets the verdicts it does not have yet.")
    ],
    settle: Annotated[str | None, _SETTLE] = None,
) -> None:
    """Bring the verdicts of several reviewers, or of copies of a RUN, together in one RUN.

    Example: `labelaudit verdicts merge ann/RUN bob/RUN -o RUN`

    A LOG written as NAME=LOG counts as the verdicts of NAME: two people who share an account name stay two people.
    """
    from labelaudit import read_audit
    from labelaudit.verdicts import append, make_rule, match, now, overtaken, read, verdicts_file
    from labelaudit.verdicts import merge as join
    from labelaudit.verdicts.people import find_namesakes

    rule = () if settle is None else (make_rule(settle),)
    audit = read_audit(output)
    target = verdicts_file(output)
    here = read(target, notice=tell)
    told = [_read_log(place) for place in logs]
    tell(*find_namesakes({str(output): here, **dict(zip(map(str, logs), told, strict=True))}))
    joined = Counter(join(here, *told))
    joined.subtract(Counter(here))
    new, late = overtaken(here, [verdict for verdict in join(*told) if _once(joined, verdict)], now=now())
    images = {*audit.samples.ids, *audit.samples.digests}
    if new and images.isdisjoint(name for verdict in new for name in (verdict.path, verdict.digest)):
        raise DataError(f"'{output}' has none of the images of these verdicts, so nothing was merged: name their RUN")
    new = [*new, *rule]
    append(target, *new)
    reviewed = match(audit, (*here, *new))
    there = f"{len(here):,} {'was' if len(here) == 1 else 'were'} there"
    typer.echo(f"{count(len(new) - len(rule), 'new verdict')} in {printable(str(target))}, {there}.", err=True)
    if late:
        tell(f"Left out: {count(len(late), 'verdict')} that the same reviewer has changed since, first {late[0].path}.")
    tell(*reviewed.notes)


@verdicts.command()
def settle(run: Annotated[Path, _RUN], rule: Annotated[str, typer.Argument(metavar="RULE", help=_RULES)]) -> None:
    """Set the rule by which disputes in RUN end, now and later; `majority` holds unless another is set.

    Example: `labelaudit verdicts settle RUN adjudicator:carol`
    """
    from labelaudit import read_audit
    from labelaudit.verdicts import RULE, append, make_rule, match, read, verdicts_file

    audit, line = read_audit(run), make_rule(rule)
    append(verdicts_file(run), line)
    log = read(verdicts_file(run), notice=tell)
    reviewed, people = match(audit, log), sorted({said.reviewer for said in log if said.verdict != RULE})
    _, named, judge = line.new_label.partition(":")
    if named and judge not in people:
        tell(f"{judge} has judged nothing here yet; those who have: {', '.join(people) or 'nobody'}.")
    open_ = count(len(reviewed.disputed), "dispute")
    typer.echo(f"{line.new_label}: {count(len(reviewed.overruled), 'dispute')} settled, {open_} open.", err=True)


def _read_log(place: Path) -> tuple[Verdict, ...]:
    """The verdicts of a RUN or a file, those of one person where it is written NAME=LOG; rules stay where they are."""
    from labelaudit.verdicts import RULE, read, verdicts_file

    name, mark, rest = str(place).partition("=")
    named = bool(name and mark and not place.exists())
    place = Path(rest) if named else place
    file = verdicts_file(place) if place.is_dir() else place
    if not file.is_file():
        raise DataError(f"'{file}' does not exist: name RUN folders or verdicts.csv files")
    said = (verdict for verdict in read(file, notice=tell) if verdict.verdict != RULE)
    return tuple(replace(verdict, reviewer=name) if named else verdict for verdict in said)


@verdicts.command("import")
def import_(
    run: Annotated[Path, _RUN],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the labelling tool exported.")],
    format_: Annotated[
        Literal["label-studio", "cvat", "prodigy", "csv"] | None,
        option("--format", help="Format of FILE; default: by its ending."),
    ] = None,
    reviewer: Annotated[
        str | None, option(metavar="NAME", help="Whose answers these are; default: as FILE says.")
    ] = None,
    partly: Annotated[bool, option("--partly", help="Import what can be, in spite of entries that cannot.")] = False,
) -> None:
    """Bring verdicts back from Label Studio, CVAT, Prodigy or a spreadsheet: all of FILE, or nothing.

    Example: `labelaudit verdicts import RUN done.json`
    """
    from labelaudit import read_audit
    from labelaudit.review.exchange import read_answers
    from labelaudit.verdicts import append, verdicts_file

    found = read_answers(read_audit(run), file, run, name=format_, reviewer=reviewer)
    tell(*found.notes, *(f"{line}: counted once" for line in found.repeats[:_MOST]), *found.problems[:_MOST])
    if len(found.problems) > _MOST:
        tell(f"and {len(found.problems) - _MOST:,} more entries")
    if found.problems and not (partly and (found.verdicts or found.known)):
        entries = "entry" if len(found.problems) == 1 else "entries"
        raise OptionError(
            f"nothing was imported: {len(found.problems):,} {entries} of '{file}' cannot be, see above"
            + ("" if partly else "; --partly imports the rest")
        )
    append(verdicts_file(run), *found.verdicts)
    told = f", {found.known:,} {'was' if found.known == 1 else 'were'} known" if found.known else ""
    told += f", {found.late:,} left out that their reviewers have changed since" if found.late else ""
    told += ", because nothing in it is judged yet" if not found.answers else ""
    names = sorted({verdict.reviewer for verdict in found.verdicts})
    whose = f" of {printable(name_some(names))}" if names else ""
    imported = f"{count(len(found.verdicts), 'verdict')}{whose} imported{told}"
    typer.echo(f"{imported}: {printable(str(verdicts_file(run)))}", err=True)


def _once(left: Counter[Verdict], verdict: Verdict) -> bool:
    """Whether one of ``verdict`` is left, which is then taken."""
    left[verdict] -= 1
    return left[verdict] >= 0


def _counts(audit: Audit, reviewed: Reviewed) -> tuple[str, ...]:
    kinds = Counter(verdict.verdict for verdict in reviewed.settled.values())
    suspects = set(audit.suspects.tolist())
    seen = len(suspects & {*reviewed.settled, *reviewed.disputed, *reviewed.skipped})
    have, were = ("has" if len(reviewed.settled) == 1 else "have"), ("was" if seen == 1 else "were")
    return (
        f"{len(reviewed.settled):,} of {len(audit.samples):,} images {have} a verdict, {seen:,} of "
        f"{len(suspects):,} suspects {were} looked at",
        f"  {kinds['given']:,} given label correct, {kinds['suggested']:,} suggested label correct, {kinds['other']:,} "
        f"another class, {kinds['none']:,} no class, {len(reviewed.skipped):,} skipped, {len(reviewed.disputed):,} "
        "disputed",
    )


def _people(log: Sequence[Verdict]) -> tuple[str, ...]:
    """Lines on how much each reviewer said, and how far they agree where they judged the same image independently."""
    from labelaudit.verdicts import Replay
    from labelaudit.verdicts.agreement import cohen_kappa, first_answers, fleiss_kappa

    replay = Replay(log)
    said = Counter(verdict.reviewer for told in replay.in_force().values() for verdict in told)
    answers = first_answers(log)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for told in answers.values():
        for one, two in combinations(sorted(told), 2):
            pairs.setdefault((one, two), []).append((told[one], told[two]))
    lines = [f"  {name or '(no name)'}: {count:,}" for name, count in sorted(said.items())]
    for (one, two), both in sorted(pairs.items()):
        agree = sum(a == b for a, b in both)
        names = f"  {one or '(no name)'} and {two or '(no name)'}"
        kappa = _kappa(cohen_kappa(both), "Cohen's")
        lines.append(f"{names} agree on {agree:,} of {len(both):,} ({agree / len(both):.0%}{kappa})")
    if len({name for told in answers.values() for name in told}) > 2 and pairs:
        lines.append(f"  all reviewers together{_kappa(fleiss_kappa(answers), 'Fleiss')}")
    return ("", "Reviewers", *lines, f"  disputes end by {replay.rule}")


def _kappa(value: float | None, whose: str) -> str:
    return "" if value is None else f", {whose} kappa {value:.2f}"


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(as_typed(line))
    sys.stdout.flush()
