"""``labelaudit estimate``: how good the list is, from a small review; what to review until then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from labelaudit.errors import RunError, writing
from labelaudit.text import count

from .console.options import ColorOption, Json, option, parse_share
from .console.runs import RUN, find_run
from .console.streams import make_table, open_console, say, say_json, spell_path, trimmed

if TYPE_CHECKING:
    from rich.console import Console

    from labelaudit.audit.document import Audit
    from labelaudit.estimate import Estimate, Quantity, ReviewPlan, SelfTest, StopDecision
    from labelaudit.verdicts import Reviewed


def estimate(
    run: Annotated[Path | None, RUN] = None,
    reviews: Annotated[
        int | None,
        option(min=10, metavar="N", help="Images to review; default: 200. More of them extend an earlier plan."),
    ] = None,
    fdr: Annotated[
        float | None,
        option(
            metavar="10%",
            parser=parse_share,
            help="Also write RUN/fdr.csv: suspects of which at most this share is false.",
        ),
    ] = None,
    self_test: Annotated[
        bool, option("--selftest", help="Also plant errors, to see the most that recall can be.")
    ] = False,
    certificate: Annotated[
        Path | None,
        option(
            metavar="FILE.svg",
            help="Also write a badge with the share of wrong labels, and a paragraph for a dataset card.",
        ),
    ] = None,
    seed: Annotated[int, option(min=0, metavar="N", help="Random seed of a new plan and of --selftest.")] = 0,
    as_json: Json = False,
    color: ColorOption = "auto",
) -> None:
    """Say how far to trust the list in RUN: precision, recall and noise rate with 90% intervals.

    Example: `labelaudit estimate RUN`, then `labelaudit review RUN --order sample`, then `labelaudit estimate RUN`
    again

    Without verdicts it draws the images to review and says what to do next. The plan and the numbers are kept in
    RUN/estimate.json; verdicts in RUN/verdicts.csv.
    """
    from labelaudit import estimate as room
    from labelaudit import verdicts
    from labelaudit.audit.run import read

    run = find_run(run)
    audit = read(run)
    reviewed = verdicts.read_reviewed(audit, run)
    plan = room.load_plan(run, audit)
    before = 0 if plan is None else len(plan.rows)
    if plan is None or reviews is not None or (plan.stratum_of == room.UNPLANNED).any():
        size = reviews or max(room.REVIEWS, len(plan.rows) if plan else 0)
        plan = room.plan_reviews(audit, reviews=size, seed=seed, reviewed=reviewed, plan=plan)
    notes = (*reviewed.notes, *_size_notes(reviews, before, len(plan.rows)))
    told = bool(reviewed.settled)
    found = room.estimate(audit, plan, reviewed) if told else None
    stop = room.stop_rule(audit, reviewed, plan) if told else None
    target = room.load_target(run) if fdr is None else fdr
    flags = room.fdr_flags(audit, plan, reviewed, target=target) if target is not None else None
    ceiling = room.selftest(audit, seed=seed) if self_test else None
    record = room.estimate_record(audit, plan, estimate=found, fdr=flags, stop=stop, selftest=ceiling)
    where = room.save(run, record)
    if flags is not None:
        from labelaudit.estimate.fdr_csv import write_flags

        write_flags(audit, flags, reviewed, run / "fdr.csv")
    if certificate is not None:
        _certify(audit, run, found, certificate)
    if as_json:
        del record["population"]
        unclear = {"could_not_tell": len(reviewed.skipped), "disputed": len(reviewed.disputed)}
        say_json(record | unclear | {"notes": list(notes), "file": str(where)})
        return
    console = open_console(sys.stdout, color)
    if found is None or stop is None:
        _show_next(console, run, plan, reviewed)
    else:
        _show(console, run, found, stop)
        if found.flagged != (listed := len(audit.suspects)):
            say(
                console,
                f"- Verdicts can only measure what models flag without them: {count(found.flagged, 'suspect')}. With "
                f"them the RUN lists {listed:,}.",
            )
    say(console, *(f"- {note}" for note in (*(found.notes if found else ()), *notes)))
    if flags is not None:
        say(console, f"{flags.sentence} They are in {run / 'fdr.csv'}." if len(flags.rows) else flags.sentence)
    if ceiling is not None:
        _show_ceiling(console, ceiling)
    if certificate is not None:
        say(console, f"Badge: {certificate}; paragraph for a dataset card: {certificate.with_suffix('.md')}")


def _certify(audit: Audit, run: Path, found: Estimate | None, badge: Path) -> None:
    """Write the badge and, beside it, the paragraph."""
    from labelaudit.check.policy import today
    from labelaudit.estimate.certificate import certify
    from labelaudit.files import write_text
    from labelaudit.outputs import check_outputs

    if found is None:
        asks = f"`labelaudit review {spell_path(run)} --order sample` asks for them"
        raise RunError(f"a certificate rests on verdicts: {asks}")
    card = badge.with_suffix(".md")
    data = audit.source.get("data")
    place = Path(data) if data else None
    kept = {"the RUN": run, "the data": place}  # whose verdicts and tables it could overwrite
    check_outputs([("--certificate", badge), ("--certificate", card)], {"the data": place}, kept)
    drawn, paragraph = certify(audit, found, date=today().isoformat())
    with writing(badge):
        write_text(drawn, badge)
        write_text(paragraph, card)


def _size_notes(asked: int | None, before: int, planned: int) -> tuple[str, ...]:
    """Notes on a plan that has not the size that was asked for."""
    if asked is None or asked == planned:
        return ()
    if planned > asked:
        return (
            f"--reviews {asked:,}: the plan has {before:,} already and never shrinks; any first part of it counts.",
        )
    return (
        f"--reviews {asked:,}: the plan has {planned:,} images, which are all that the dataset has to draw from; what "
        "was reviewed worst-first counts besides.",
    )


def _show_next(console: Console, run: Path, plan: ReviewPlan, reviewed: Reviewed) -> None:
    """Print the next step while no verdict counts yet."""
    skipped, disputed = len(reviewed.skipped), len(reviewed.disputed)
    flagged = sum(s.drawn for s in plan.strata if s.flagged)
    say(
        console,
        f"{len(plan.rows):,} images to review, drawn at random from {count(len(plan.strata), 'part')} of the ranking: "
        f"{count(flagged, 'suspect')}, and {len(plan.rows) - flagged:,} others, where the missed ones would be.",
    )
    if skipped or disputed:
        say(
            console,
            f"{count(skipped + disputed, 'image was', 'images were')} looked at and none has a verdict ({skipped:,} "
            f"could not be told, on {disputed:,} reviewers disagree), so nothing is known yet: the noise rate may be "
            "anything from 0% to 100%.",
        )
    left = len(set(plan.rows) - {*reviewed.skipped, *reviewed.disputed})
    then = f"then labelaudit estimate {spell_path(run)} again."
    if left:
        say(console, f"Next: labelaudit review {spell_path(run)} --order sample, {then}")
    elif disputed:
        say(console, f"Next: labelaudit review {spell_path(run)} --order disputes, {then}")
    else:
        again = f"Next: labelaudit review {spell_path(run)} --order sample offers the skipped ones again"
        if len(plan.rows) < plan.drawable:
            more = min(2 * len(plan.rows), plan.drawable)
            again += f", or labelaudit estimate {spell_path(run)} --reviews {more} plans more"
        say(console, f"{again}; {then}")


def _show(console: Console, run: Path, found: Estimate, stop: StopDecision) -> None:
    from rich.text import Text

    first, second = ("90% interval", "scan's opinion") if found.is_opinion else ("estimate", "90% interval")
    table = make_table(("", "left"), (first, "right"), (second, "right"), ("", "left"))
    rows = (
        ("precision", found.precision, f"of the {found.flagged:,} suspects have a wrong label"),
        ("recall", found.recall, "of the wrong labels are among the suspects"),
        ("noise rate", found.noise_rate, f"of the {found.samples:,} labels are wrong"),
    )
    for name, quantity, meaning in rows:
        value, interval = _percent(quantity)
        shown = (interval, value) if found.is_opinion else (value, interval)
        table.add_row(Text(name, style="bold"), *shown, Text(meaning, style="dim"))
    with trimmed(console):
        console.print(table)
    console.print()
    counted = count(found.reviewed, "verdict counts", "verdicts count")
    say(console, f"{counted}. {stop.sentence}")
    if (left := found.left) > 0:
        say(
            console,
            f"About {left:,} of the {found.planned:,} planned reviews {'is' if left == 1 else 'are'} left: "
            f"labelaudit review {spell_path(run)} --order sample",
        )


def _percent(quantity: Quantity) -> tuple[str, str]:
    value = "unknown" if quantity.value is None else f"{quantity.value:.1%}"
    return value, f"{quantity.low:.1%} to {quantity.high:.1%}"


def _show_ceiling(console: Console, ceiling: SelfTest) -> None:
    for kind in ceiling.ceilings:
        say(
            console,
            f"Ceiling for recall, {kind.planted:,} planted {kind.kind.replace('_', '-')} errors: {kind.ceiling:.0%} "
            f"({kind.low:.0%} to {kind.high:.0%}).",
        )
    say(console, ceiling.caveat, *filter(None, [ceiling.alarm]))
