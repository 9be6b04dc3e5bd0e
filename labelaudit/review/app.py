"""The review page over HTTP: a few files, a few questions, two writes. JSON in, JSON out.

Text from the data travels as JSON only, never in markup: the page itself is always the same bytes. Left out: state; a
`Session` has all of it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from labelaudit import verdicts
from labelaudit.audit.json import plain
from labelaudit.data.images import ImageError
from labelaudit.errors import LabelAuditError, NothingToDo, OptionError
from labelaudit.review.connection import PATIENCE
from labelaudit.review.ending import conclude
from labelaudit.review.guard import Base, Guard
from labelaudit.review.ledger import StaleAnswer
from labelaudit.review.session import Session
from labelaudit.text import encodable

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_BODY = 4096
"""Bytes of a write at most; the largest has a note of `_NOTE` letters."""
_NOTE = 500
_STATUS = {"missing": 404, "changed": 409}
RANKED = ("worst", "pair", "all", "tune")
"""Orders of the queue that ranking anew changes."""


Report = Callable[[Session], tuple[str, str]]
"""Makes the report of a review's audit as it stands: the page, and the content security policy that it asks for."""
Rerank = Callable[[Session], tuple[Session, str]]
"""Ranks a review's audit anew by its verdicts: the review to go on with, and the difference in a sentence."""


def build_app(
    session: Session,
    token: str,
    *,
    report: Report | None = None,
    rerank: Rerank | None = None,
    base: Base = Base(),  # noqa: B008  immutable
) -> Starlette:
    """The application that shows ``session`` to whoever has the ``token``; behind a proxy, ``base`` is where it is
    reached from outside."""
    site = _Site(session, report, rerank)
    return Starlette(
        routes=[
            Route("/", site.serve_page),
            Route("/report", _answering(site.serve_report)),
            Route("/page/{name}", site.serve_file),
            Route("/api/about", _answering(site.about)),
            Route("/api/questions", _answering(site.questions)),
            Route("/api/next", _answering(site.next_open)),
            Route("/api/neighbours/{place}", _answering(site.neighbours)),
            Route("/api/progress", _answering(lambda _: site.session.progress())),
            Route("/api/stop", _answering(site.stop)),
            Route("/api/pair", _answering(site.page_of_pair)),
            Route("/api/ending", _answering(lambda _: conclude(site.session))),
            Route("/api/rows", _answering(lambda _: _state(site.session))),
            Route("/api/rows/judge", _taking(site.judge_row), methods=["POST"]),
            Route("/api/rows/undo", _taking(site.undo_row), methods=["POST"]),
            Route("/api/rerank", _taking(site.rank_anew), methods=["POST"]),
            Route("/api/judge", _taking(site.judge), methods=["POST"]),
            Route("/api/undo", _taking(site.undo), methods=["POST"]),
            Route("/image/{row}", _answering(site.picture)),
            Route("/thumbnail/{row}", _answering(site.thumbnail)),
        ],
        middleware=[Middleware(Guard, token=token, base=base)],
    )


class _Site:
    """The answers to the page's questions about one review, which ranking anew replaces by the next."""

    def __init__(self, session: Session, report: Report | None, rerank: Rerank | None) -> None:
        self.session, self.report, self.rerank = session, report, rerank
        self.ranking = threading.Lock()
        page = files("labelaudit.review") / "page"
        self.static = {entry.name: entry.read_bytes() for entry in page.iterdir() if entry.is_file()}

    def serve_page(self, _: Request) -> Response:
        return Response(self.static["review.html"], media_type="text/html")

    def serve_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.static:
            return _json({"error": "no such file"}, 404)
        return Response(self.static[name], media_type=_TYPES[name.rpartition(".")[2]])

    def serve_report(self, _: Request) -> Any:
        if self.report is None:
            return _json({"error": "there is no report here"}, 404)
        text, policy = self.report(self.session)
        headers = {"content-security-policy": f"{policy}; frame-ancestors 'none'"}
        return Response(text.encode("utf-8"), media_type="text/html", headers=headers)

    def about(self, _: Request) -> Any:
        session = self.session
        ranks = self.rerank is not None and session.queue.order in RANKED and "rank_by" not in session.audit.settings
        return session.about() | {"report": self.report is not None, "rerank": ranks}

    def questions(self, request: Request) -> Any:
        return self.session.questions(_number(request, "start"), _number(request, "count"))

    def next_open(self, request: Request) -> Any:
        return {"next": self.session.next_open(_number(request, "start"))}

    def neighbours(self, request: Request) -> Any:
        return self.session.neighbours(_whole(request.path_params["place"], "place"))

    def page_of_pair(self, request: Request) -> Any:
        return self.session.page_of_pair(_number(request, "start"))

    def stop(self, _: Request) -> Any:
        return {"sentence": self.session.stop()}

    def picture(self, request: Request) -> Any:
        return _picture(self.session.pictures.show(self._row(request), safe="safe" in request.query_params))

    def thumbnail(self, request: Request) -> Any:
        return _picture(self.session.pictures.thumbnail(self._row(request)), "private, max-age=3600")

    def _row(self, request: Request) -> int:
        return self._known(_whole(request.path_params["row"], "row"))

    def _known(self, row: int | None) -> int:
        if row is None or not 0 <= row < len(self.session.audit.samples):
            raise OptionError(f"there is no sample {row}")
        return row

    def rank_anew(self, _: dict[str, Any]) -> Any:
        if self.rerank is None:
            raise OptionError("this page does not rank anew")
        with self.ranking:
            self.session, said = self.rerank(self.session)
        return {"said": said}

    def judge(self, body: dict[str, Any]) -> Any:
        place, version, label = (_integer(body, name) for name in ("place", "version", "label"))
        if moved := _moved(self.session, place, _integer(body, "row")):
            return moved
        try:
            together = body.get("together") is True
            given = str(body.get("answer")), label, version or 0, _note(body)
            taken = self.session.judge(place or 0, *given, together=together)
            return taken | self.session.following(place or 0)
        except StaleAnswer as error:
            return _json(
                {"error": str(error), "kind": "stale", "question": self.session.questions(place or 0, 1)[0]}, 409
            )

    def judge_row(self, body: dict[str, Any]) -> Any:
        row, version, label = (_integer(body, name) for name in ("row", "version", "label"))
        try:
            self.session.take(self._known(row), str(body.get("answer")), label, version or 0, _note(body))
            return _state(self.session)
        except StaleAnswer as error:
            return _json({"error": str(error), "kind": "stale"} | _state(self.session), 409)

    def undo_row(self, body: dict[str, Any]) -> Any:
        self.session.ledger.undo(self.session.audit.identity(self._known(_integer(body, "row"))))
        return _state(self.session)

    def undo(self, body: dict[str, Any]) -> Any:
        if moved := _moved(self.session, _integer(body, "place"), _integer(body, "row")):
            return moved
        return self.session.undo(_integer(body, "place"))


def _state(session: Session) -> dict[str, Any]:
    """The decisions of people so far: ``rows`` (row -> kind, words, version) and ``counts`` over the suspects."""
    session.ledger.refresh()
    kinds, words = verdicts.list_outcomes(verdicts.match(session.audit, session.ledger.log))
    versions = {row: session.ledger.version(session.audit.identity(row)) for row in kinds}
    rows = {row: [kinds[row], words[row], versions[row]] for row in sorted(kinds)}
    return {"rows": rows, "counts": verdicts.count_outcomes(session.audit, kinds)}


def _answering(respond: Callable[[Request], Any]) -> Callable[[Request], Response]:
    """The handler of a read: the result of ``respond`` as JSON; an error as one line and a status."""

    def answer(request: Request) -> Response:
        return _guarded(lambda: respond(request))

    return answer


def _taking(respond: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
    """The handler of a write: takes a small JSON object, and answers as `_answering` does."""

    async def answer(request: Request) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(PATIENCE):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > _BODY:
                        return _json({"error": "too long"}, 413)
        except TimeoutError:
            return _json({"error": "it did not come whole"}, 408)
        except ClientDisconnect:
            return _json({"error": "it did not come whole"}, 400)
        try:
            parts = json.loads(body)
        except (ValueError, RecursionError):
            parts = None
        if not isinstance(parts, dict):
            return _json({"error": "not a JSON object"}, 400)
        return await run_in_threadpool(_guarded, lambda: respond(parts))

    return answer


def _guarded(respond: Callable[[], Any]) -> Response:
    try:
        value = respond()
    except ImageError as error:
        return _json({"error": str(error), "kind": error.kind}, _STATUS.get(error.kind, 422))
    except OptionError as error:
        return _json({"error": str(error), "kind": "request"}, 400)
    except NothingToDo as error:
        return _json({"error": str(error), "kind": "nothing"}, 409)
    except LabelAuditError as error:
        return _json({"error": str(error), "kind": "failure"}, 500)
    return value if isinstance(value, Response) else _json(value)


def _json(value: Any, status: int = 200) -> Response:
    # ASCII only: names that are not valid UTF-8 hold lone surrogates, which JSON can escape and UTF-8 cannot hold
    return Response(json.dumps(plain(value), allow_nan=False), status, media_type="application/json")


def _picture(picture: tuple[bytes, str], caching: str = "no-store") -> Response:
    data, media_type = picture
    return Response(data, media_type=media_type, headers={"cache-control": caching})


def _number(request: Request, name: str) -> int:
    return _whole(request.query_params.get(name, "0"), name)


def _whole(text: str, name: str) -> int:
    """The whole number that ``text``, a part of an address, spells; raises `OptionError` about ``name`` elsewhere."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise OptionError(f"{name} must be a number, not '{text[:20]}'")
    return int(text)


def _moved(session: Session, place: int | None, row: int | None) -> Response | None:
    """The refusal of a page with an old queue, in which another image stands at ``place``."""
    rows = session.queue.rows
    if place is None or row is None or (0 <= place < len(rows) and rows[place] == row):
        return None
    return _json({"error": "The list was ranked anew meanwhile: load this page again.", "kind": "moved"}, 409)


def _note(body: dict[str, Any]) -> str:
    note = body.get("note") or ""
    if not isinstance(note, str) or len(note) > _NOTE:
        raise OptionError(f"a note has at most {_NOTE} letters")
    return encodable(note)


def _integer(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and type(value) is not int:
        raise OptionError(f"{name} must be a whole number")
    return value
