"""``labelaudit review``: judge the suspects of a RUN by keyboard, or hand them to another labelling tool."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labelaudit.errors import OptionError, RunError
from labelaudit.machine import available_cores
from labelaudit.text import count, printable

from .console.options import Moved, Reviewer, find_account, load_settings, name_reviewer, option
from .console.runs import RUN, find_run
from .console.streams import spell_path, tell

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit
    from labelaudit.review.exchange import Export
    from labelaudit.review.guard import Base
    from labelaudit.review.session import Session

_of_page, _of_exchange = partial(option, panel="The page"), partial(option, panel="For another labelling tool")
_BASE: Any = _of_page(
    "--base-path",
    metavar="PATH",
    help="Where a proxy serves the page (Jupyter, VS Code): a path, or the whole address.",
)
_Port = Annotated[int, _of_page(min=0, max=65535, metavar="N", help="Port; 0 takes a free one.")]
_NoOpen = Annotated[bool, _of_page("--no-open", help="Print the address, open no browser.")]

_OPENER = ".open-review.html"
"""In RUN while the page is up: leads a browser to it, key included."""


def review(
    run: Annotated[Path | None, RUN] = None,
    data: Moved = None,
    order: Annotated[
        Literal["worst", "all", "pair", "tune", "sample", "disputes"],
        option(
            metavar="NAME",
            help="worst: suspects, worst first. all: every image. pair: suspects by pair of classes. tune: some twenty "
            "images that set the scale. sample: those that `labelaudit estimate` needs. disputes: images that "
            "reviewers disagree on. tune and sample are asked without showing scores.",
        ),
    ] = "worst",
    gate: Annotated[bool, option("--gate", help="Only the suspects that fail `labelaudit check` on RUN.")] = False,
    reviewer: Reviewer = None,
    again: Annotated[bool, option("--again", help="Also ask about images that others have judged.")] = False,
    keys: Annotated[
        Path | None, option(metavar="FILE", help='Keys of your own: TOML with \\[keys] and left = "h" below it.')
    ] = None,
    port: _Port = 0,
    no_open: _NoOpen = False,
    base_path: Annotated[str | None, _BASE] = None,
    export: Annotated[
        Path | None, _of_exchange(metavar="FILE", help="Write the queue to FILE and show no page.")
    ] = None,
    format_: Annotated[
        Literal["label-studio", "cvat", "prodigy", "csv"] | None,
        _of_exchange(
            "--format", metavar="NAME", help="label-studio, cvat, prodigy or csv; default: by the ending of FILE."
        ),
    ] = None,
    embed: Annotated[bool, _of_exchange("--embed", help="Put the images into FILE (label-studio, prodigy).")] = False,
    prefix: Annotated[
        str | None,
        _of_exchange(
            "--image-prefix",
            metavar="URL",
            help="What the tool puts before an image's path to find it, such as s3://bucket/ or /data/images/.",
        ),
    ] = None,
) -> None:
    """Judge the suspects in RUN, in a page on this machine that nobody else can reach.

    Example: `labelaudit review RUN`

    Every verdict is in RUN/verdicts.csv before the next image shows. Ctrl-C ends the page, with exit code 0 since
    nothing is lost. Start it again to go on.
    """
    from labelaudit import read_audit

    if export is None and (format_ or embed or prefix is not None):
        raise OptionError("--format, --embed and --image-prefix are for --export FILE")
    if gate and (order != "worst" or export is not None):
        raise OptionError("--gate is a queue of its own: leave --order and --export away")
    run = find_run(run)
    audit = read_audit(run)
    if export is not None:
        from labelaudit.review.exchange import Export

        asked = Export(export, format=format_, order=order, data=data, embed=embed, prefix=prefix, again=again)
        _export(audit, run, asked)
        return
    from labelaudit.review.guard import Base
    from labelaudit.review.keys import read_keys

    base, only = Base.of(base_path or ""), _fail_the_gate(audit, run) if gate else None
    session = _open_session(audit, run, data, reviewer, order=order, again=again, only=only, keys=read_keys(keys))
    _serve(session, base, port=port, no_open=no_open, reranks=only is None)


def open_(
    run: Annotated[Path | None, RUN] = None,
    data: Moved = None,
    reviewer: Reviewer = None,
    port: _Port = 0,
    no_open: _NoOpen = False,
    base_path: Annotated[str | None, _BASE] = None,
) -> None:
    """Show the report of RUN as a page in which suspects can be judged, and whose numbers follow.

    Example: `labelaudit open RUN`

    It is `report.html` with the images at full size and a verdict on every card; `labelaudit review` asks about one
    image after the other. Ctrl-C ends the page.
    """
    from labelaudit import read_audit
    from labelaudit.review.guard import Base

    run = find_run(run)
    audit = read_audit(run)
    order = "worst" if len(audit.suspects) else "all"
    base, session = Base.of(base_path or ""), _open_session(audit, run, data, reviewer, order=order)
    _serve(session, base, port=port, no_open=no_open, page="report")


def _open_session(audit: Audit, run: Path, data: Path | None, reviewer: str | None, **asked: Any) -> Session:
    """The review of RUN, with what the person has to know of it said on stderr."""
    from labelaudit.audit.document import has_images
    from labelaudit.audit.originals import open_originals
    from labelaudit.review.session import open_session

    if data is None and audit.samples.images is None and not audit.source.get("data"):
        held = "of images that a program held: name with `data` where files of the same names lie, or "
        made = held if has_images(audit) else "without images: "
        raise RunError(
            f"'{run}' was made {made}`labelaudit review {spell_path(run)} --order {asked['order']} --export queue.csv` "
            "asks in a table, which `labelaudit verdicts import` reads back"
        )
    session = open_session(audit, open_originals(audit, data), run, reviewer=name_reviewer(reviewer), **asked)
    session.prepare()
    tell(*session.notes)
    return session


def _serve(session: Session, base: Base, *, port: int, no_open: bool, page: str = "", reranks: bool = True) -> None:
    """Show ``session`` until Ctrl-C."""
    import secrets

    from labelaudit.review.app import build_app
    from labelaudit.review.server import address_of, listen, make_server

    run, images = session.run, session.pictures.images

    def report(now: Session) -> tuple[str, str]:
        from labelaudit.reports.html import render
        from labelaudit.reports.review_state import read_review_state

        seen = read_review_state(now.audit, run)
        made = render(now.audit, images=images, checked=seen, live=True, workers=available_cores())
        return made.text, made.policy

    def rank_anew(now: Session) -> tuple[Session, str]:
        from labelaudit.review.session import renew_session
        from labelaudit.scoring.rerank import rerank_run

        nonlocal session
        made = rerank_run(now.audit, now.ledger.log, run, images=images, workers=available_cores())
        session = renew_session(now, made.audit)
        return session, made.sentence

    place, opener, token = listen(port), run / _OPENER, secrets.token_urlsafe(24)
    anew = rank_anew if reranks else None
    try:
        server = make_server(build_app(session, token, report=report, rerank=anew, base=base))
        address = address_of(place, token, base).replace("/?token=", f"/{page}?token=")
        _announce(session, address, "" if any(base) else _tunnel(place.getsockname()[1]))
        if page == "report":  # most of it is found out while the browser starts
            threading.Thread(target=report, args=(session,), daemon=True).start()
        if not no_open and sys.stdout.isatty() and _has_desktop():
            _open_browser(address, opener)
        server.run(sockets=[place])
    except KeyboardInterrupt:
        pass
    finally:
        place.close()
        with contextlib.suppress(OSError):  # a RUN that may only be read has none
            opener.unlink()
    log = session.ledger.path
    where = f"; verdicts are in {printable(str(log))}" if log.exists() else "; no verdict was given"
    typer.echo(f"\n{session.progress()['done']:,} of {len(session.queue.rows):,} judged{where}", err=True)


def _announce(session: Session, address: str, tunnel: str) -> None:
    """Say how much there is to judge, and where."""
    progress = session.progress()
    typer.echo(
        f"{count(len(session.queue.rows), 'image')} to judge, {progress['done']:,} done. Ctrl-C ends the page.",
        err=True,
    )
    if not os.access(session.run, os.W_OK):
        run = spell_path(session.run)
        typer.echo(f"No verdict can be kept in {run}: copy it to where you may write, and name the copy.", err=True)
    if tunnel:
        typer.echo(tunnel, err=True)
    typer.echo(address)
    sys.stdout.flush()


def _fail_the_gate(audit: Audit, run: Path) -> frozenset[int]:
    """The rows of the suspects that count against the policy in force."""
    from labelaudit import verdicts
    from labelaudit.check import judge_gate
    from labelaudit.check.baseline_file import read
    from labelaudit.check.policy import today

    settled = load_settings({}, run, None)
    known = settled.values["baseline"]
    reviewed, baseline = verdicts.read_reviewed(audit, run), None if known is None else read(known)
    outcome = judge_gate(audit, settled.policy(), baseline, reviewed, today=today())
    new = {suspect.path for suspect in outcome.suspects if suspect.status == "new"}
    if not new:
        raise RunError("nothing to review: no suspect fails the gate")
    return frozenset(row for row, path in enumerate(audit.samples.ids) if path in new)


def _tunnel(port: int) -> str:
    """The SSH command that brings the page of a remote machine to a person's own; empty on a desk."""
    import socket

    if not (os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY")):
        return ""
    there = f"{find_account()}@{socket.gethostname()}".removeprefix("@")
    return f"On your own machine: ssh -N -L {port}:127.0.0.1:{port} {there}, then open there:"


def _export(audit: Audit, run: Path, asked: Export) -> None:
    from labelaudit.review.exchange import export_queue

    written = export_queue(audit, run, asked)
    names = ", ".join(printable(str(path)) for path in written.files)
    typer.echo(f"{count(written.tasks, 'image')} in {names}", err=True)
    tell(*written.advice)


def _has_desktop() -> bool:
    """Whether a browser would open where the person sits."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_browser(address: str, opener: Path) -> None:
    """Open ``address`` by way of a file that only this account can read; a command line is there for everybody."""
    import webbrowser

    page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={address}">\n'
    try:
        opener.unlink(missing_ok=True)
        with os.fdopen(os.open(opener, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
        webbrowser.open(opener.resolve().as_uri())
    except (OSError, webbrowser.Error):
        typer.echo("no browser could be opened: open the address above yourself", err=True)
