"""The states of the pages that `make_pictures.py --states` draws: which RUN, which page, what was done there.

Each state begins from a copy of the RUN, so that no verdict of a picture is kept. The RUNs are the one given, one that
people have judged, one whose names are as hostile as names get, and one without suspects.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from labelaudit import read_audit
from labelaudit.audit import run as runs
from labelaudit.audit.originals import open_originals
from labelaudit.reports.html import render, write
from labelaudit.reports.review_state import read_review_state
from labelaudit.review.app import build_app
from labelaudit.review.server import address_of, listen, make_server
from labelaudit.review.session import Session, open_session, renew_session
from labelaudit.scoring.rerank import rerank_run

MANY = 300  # classes of the RUN with odd names
ODD = (
    "تفاحة خضراء",
    "שלום-לימון",
    "<img src=x onerror=alert(1)>",
    "a class whose name is much longer than any button has room for, and which ends in one",
    "a class whose name is much longer than any button has room for, and which ends in two",
    "\u202eevil\t\x1b[31m",
)

Act = Callable[[Page], object]


@dataclass(frozen=True)
class Served:
    """A RUN, what was made of its copy, and the review page of it."""

    run: Path
    prepare: Callable[[Path], object] = lambda _: None
    order: str = "worst"
    reviewer: str = "ann"
    offline: bool = False
    """Whether the page is the report's file, without a server."""


@dataclass(frozen=True)
class State:
    """A page, and what was done there before the picture is taken."""

    name: str
    part: str = ""
    """The page, and after a # the place on it."""
    act: Act = lambda _: None
    whole: bool = False
    """Whether all of the page is drawn, not what is in view."""
    printed: bool = False

    def address(self, served: str) -> str:
        """The address of the page, where ``served`` is that of its server or file."""
        page, _, place = self.part.partition("#")
        return served.replace("/?", f"/{page}?") + (f"#{place}" if place else "")


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """The address of the pages of a copy of the RUN."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(served.run, Path(folder) / served.run.name))
        served.prepare(copy)
        audit = read_audit(copy)
        images = open_originals(audit)
        if served.offline:
            place = Path(folder) / "report.html"
            write(audit, place, images=images, checked=read_review_state(audit, copy))
            yield place.as_uri()
            return
        session = open_session(audit, images, copy, order=served.order, reviewer=served.reviewer)

        def report(now: Session) -> tuple[str, str]:
            made = render(now.audit, images=images, checked=read_review_state(now.audit, copy), live=True)
            return made.text, made.policy

        def rank_anew(now: Session) -> tuple[Session, str]:
            made = rerank_run(now.audit, now.ledger.log, copy, images=images)
            return renew_session(now, made.audit), made.sentence

        token = secrets.token_urlsafe(24)
        with listen() as place:
            server = make_server(build_app(session, token, report=report, rerank=rank_anew))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
            thread.start()
            try:
                yield address_of(place, token)
            finally:
                server.should_exit = True
                thread.join(20)


def judge_some(run: Path) -> None:
    """Verdicts of two people on half of the suspects: most wrong, some cleared, one disputed, one unclear."""
    audit = read_audit(run)
    images = open_originals(audit)
    session = open_session(audit, images, run, reviewer="ann")
    rows = audit.suspects.tolist()
    for place, row in enumerate(rows[: len(rows) // 2]):
        given, better = int(audit.samples.labels[row]), int(audit.decision.predicted[row])
        answer = "skip" if place == 5 else "class"
        session.take(row, answer, given if place % 4 == 3 else better, 0, "blurred" if place == 2 else "")
    other = open_session(audit, images, run, reviewer="bo", again=True)
    for row in rows[:3]:
        other.take(row, "class", int(audit.samples.labels[row]), other.ledger.version(audit.identity(row)))


def name_oddly(run: Path) -> None:
    """The same RUN with `MANY` classes, the first of which have odd names."""
    audit = read_audit(run)
    known = len(audit.samples.classes)
    classes = (*ODD[:known], *(f"class {number:03}" for number in range(known, MANY)))
    wider = ((0, 0), (0, MANY - known))
    decision = replace(
        audit.decision,
        probs=np.pad(audit.decision.probs, wider),
        noise_matrix=np.pad(audit.decision.noise_matrix, ((0, MANY - known), (0, MANY - known))),
    )
    odd = replace(audit, samples=replace(audit.samples, classes=classes), decision=decision, evidence={}, files={})
    shutil.rmtree(run)
    runs.write(odd, run)


def suspect_nothing(run: Path) -> None:
    """The same RUN without suspects."""
    audit = read_audit(run)
    none = np.zeros(len(audit.samples), dtype=np.bool_)
    decision = replace(
        audit.decision,
        is_issue=none,
        predicted=audit.samples.labels,
        reasons=("",) * len(none),
        noise_interval=(0, 0.01),
    )
    shutil.rmtree(run)
    runs.write(replace(audit, decision=decision, findings=(), files={}), run)


def press(*keys: str) -> Act:
    """Press ``keys`` one after the other, as a person does who looks in between."""

    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(350)

    return act


def click(*places: str) -> Act:
    """Click the first element of each selector; what a small window leaves out stays as it is."""

    def act(page: Page) -> None:
        for place in places:
            if page.locator(place).first.is_visible():
                page.locator(place).first.click()
                page.wait_for_timeout(350)

    return act


def _end(page: Page) -> None:
    press("ArrowRight", "ArrowRight", "ArrowLeft", "s")(page)
    for _ in range(60):
        if page.locator("#end").is_visible():
            return
        press("ArrowRight")(page)


def _rerank(page: Page) -> None:
    page.locator("#suspects .verdicts button").nth(1).click()
    page.locator("#suspects .rerank button").click()
    page.locator("#live-said", has_text="suspects now").wait_for()


def list_states(run: Path) -> list[tuple[Served, list[State]]]:
    """Every state, by the RUN that it begins from."""
    plain, judged, odd = Served(run), Served(run, judge_some, reviewer="cid"), Served(run, name_oddly)
    parts = ("overview", "suspects", "map", "files", "about")
    whole: dict[str, Any] = {"whole": True, "printed": True}
    return [
        (
            plain,
            [
                *(
                    State(f"report-{part}", f"report#{part}", **(whole if part in ("overview", "about") else {}))
                    for part in parts
                ),
                State("report-detail", "report#suspects", click("#grid .card")),
                State(
                    "report-compare", "report#suspects", click("#grid .card", "dialog .near button", "dialog summary")
                ),
                State("report-nothing", "report#suspects?path=nowhere-at-all"),
                State("report-judging", "report#suspects", click("#suspects .verdicts button >> nth=1")),
                State("report-reranked", "report#suspects", _rerank),
                State("review-first"),
                State("review-desk", "", press("ArrowRight", "ArrowLeft")),
                State("review-back", "", press("ArrowRight", "[")),
                State("review-keys", "", press("?")),
                State("review-search", "", press("/")),
                State("review-found", "", press("/", "l")),
                State("review-note", "", press("m")),
                State("review-grid", "", press("g")),
                State("review-marked", "", press("g", " ", "ArrowRight", "ArrowRight", " ")),
                State("review-closer", "", click(".candidate.right .strip button")),
                State("review-zoomed", "", press(" ", "+")),
                State("review-end", "", _end),
            ],
        ),
        (
            replace(plain, offline=True),
            [
                State("offline-overview", "report#overview", **whole),
                State("offline-suspects", "report#suspects", printed=True),
                State("offline-detail", "report#suspects", click("#grid .card", "dialog .near button")),
            ],
        ),
        (
            judged,
            [
                State("judged-overview", "report#overview", **whole),
                State("judged-suspects", "report#suspects?review=any", printed=True),
                State("judged-detail", "report#suspects?review=1", click("#grid .card")),
                State("judged-desk"),
            ],
        ),
        (replace(judged, order="disputes"), [State("review-dispute")]),
        (Served(run, order="sample"), [State("review-blind"), State("review-blind-keys", "", press("ArrowLeft", "?"))]),
        (Served(run, order="tune"), [State("review-tune")]),
        (
            odd,
            [
                State("odd-overview", "report#overview", **whole),
                State("odd-suspects", "report#suspects"),
                State("odd-detail", "report#suspects", click("#grid .card")),
                State("odd-desk"),
                State("odd-search", "", press("/", "c")),
                State("odd-grid", "", press("g")),
            ],
        ),
        (
            Served(run, suspect_nothing, order="all"),
            [
                State("none-overview", "report#overview", whole=True),
                State("none-suspects", "report#suspects"),
                State("none-files", "report#files"),
                State("none-desk"),
            ],
        ),
    ]
