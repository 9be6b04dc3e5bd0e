"""An audit that shows itself: as a table of figures and pictures in a notebook, as a report, as a page to judge in.

Everything that an audit knows is in `labelaudit.audit.document`; here is only what a person at a prompt wants of it.
Left out: widgets that need a notebook extension.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit import arguments
from labelaudit.audit import document
from labelaudit.audit.chance import tell_chance
from labelaudit.audit.originals import open_originals
from labelaudit.audit.run import REPORT
from labelaudit.audit.run import read as read_run
from labelaudit.errors import LabelAuditError, OptionError
from labelaudit.reports import figures, html, thumbnails
from labelaudit.reports.review_state import ReviewState, read_review_state
from labelaudit.text import printable

if TYPE_CHECKING:
    import uvicorn

    from labelaudit.images import Images

_PICTURES, _SIDE = 12, 112  # suspects shown, and the side of their pictures in pixels
_CLASSES = 12  # of the heat map
_USED = (
    *("show", "report", "review", "table", "frame", "summary", "suspects", "confused_pairs", "class_table"),
    *("samples", "decision", "evidence", "findings", "notes", "settings", "files"),
)
_STYLE_OF_PICTURE = f"width:{_SIDE}px;height:{_SIDE}px;object-fit:contain;background:#fff;image-rendering:pixelated"
"""Small images are enlarged to the same side, with their pixels as squares; larger ones come in that size."""
_STYLE = "font:14px system-ui,sans-serif;border-collapse:collapse;margin:.4em 0"


class Audit(document.Audit):
    """The result of a scan; `show`, `report` and `review` are for people, `table` and `summary` for programs.

    As the last expression of a notebook's cell it is a summary with the worst suspects.

    >>> import numpy as np
    >>> from labelaudit import Audit, Decision, Samples
    >>> samples = Samples(ids=("a", "b"), labels=np.array([0, 0]), classes=("cat", "dog"), digests=("00", "01"))
    >>> decision = Decision(
    ...     suspicion=np.array([0.1, 0.9]), is_issue=np.array([False, True]), judged=np.array([True, True]),
    ...     probs=np.array([[0.9, 0.1], [0.1, 0.9]]), predicted=np.array([0, 1]), threshold=0.5, noise_rate=0.5,
    ...     noise_interval=(0.1, 0.9), noise_matrix=np.array([[1.0, 1.0], [0.0, 0.0]]), reasons=("", "looks like dog"),
    ... )
    >>> audit = Audit(samples=samples, decision=decision, evidence={})
    >>> [(row["path"], row["predicted_label"]) for row in audit.table("suspects")]
    [('b', 'dog')]
    """

    @classmethod
    def of(cls, audit: document.Audit) -> Audit:
        """``audit`` with the methods for people."""
        made = cls(**{field.name: getattr(audit, field.name) for field in fields(document.Audit)})
        vars(made).update(vars(audit))  # what it has computed, too
        return made

    def __dir__(self) -> Iterable[str]:
        return sorted(_USED)

    def _repr_html_(self) -> str:
        return self._draw(_PICTURES)

    def show(self, most: int = _PICTURES) -> Any:
        """The summary with the ``most`` worst suspects, drawn where this is a notebook, else as text."""
        try:
            from IPython import display
        except ImportError:
            return repr(self)
        drawn: Any = display.HTML
        return drawn(self._draw(most))

    def frame(self, which: str = "suspects") -> Any:
        """`table` as a pandas data frame: ``suspects``, worst first, or all ``samples``."""
        return self.table(which, "pandas")

    def report(self, path: Path | str | None = None, **options: Any) -> Path:
        """Write the report and return where it is: ``report.html`` of the RUN, or ``path``.

        ``options`` are those of `labelaudit.reports.html.render`, such as ``most``.

        Raises:
            OptionError: the audit was not written to a RUN, and there is no ``path``.
        """
        if path is None and self.folder is None:
            raise OptionError("this audit lies in no folder: give a path for the report, or scan with output=…")
        place = Path(at_home(path)) if path is not None else Path(str(self.folder)) / REPORT
        html.write(self, place, **({"images": self._images(), "checked": self._checked()} | options))
        return place

    def review(self, port: int = 0, reviewer: str = "", data: Path | str | None = None) -> Review:
        """Start the page to judge suspects in, beside this program; ``.stop()`` ends it.

        ``data`` is where the images lie now, if not where the scan read them.

        Raises:
            OptionError: the audit was not written to a RUN, where the verdicts would be kept.
            RunError: the images are neither there nor in ``data``.
        """
        if self.folder is None:
            raise OptionError("verdicts are kept beside the audit: scan with output='labelaudit-run' first")
        return Review(self, self.folder, port, reviewer, None if data is None else at_home(data))

    def _images(self) -> Images | None:
        try:
            return open_originals(self)
        except LabelAuditError:
            return None

    def _checked(self) -> ReviewState | None:
        return None if self.folder is None else read_review_state(self, self.folder)

    def _draw(self, most: int) -> str:
        checked = self._checked()
        head = f"<p style='font:16px system-ui,sans-serif'>{_prose(figures.headline(self, checked))}</p>"
        return head + _strip(self, self._images(), most) + _heat(self)


class Review:
    """A review page that runs in a thread of this program."""

    def __init__(self, audit: Audit, run: Path, port: int, reviewer: str, data: Path | str | None) -> None:
        import secrets

        from labelaudit.review.app import build_app
        from labelaudit.review.server import address_of, listen, make_server
        from labelaudit.review.session import open_session

        session = open_session(audit, open_originals(audit, data), run, reviewer=reviewer)
        token, self._place = secrets.token_urlsafe(24), listen(port)
        self.address = address_of(self._place, token)
        """The address to open on this machine; it holds the key to the page."""
        self._server: uvicorn.Server = make_server(build_app(session, token))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._place]}, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Review at {self.address}>"

    def _repr_html_(self) -> str:
        return f"<a href='{escape(self.address, quote=True)}' target='_blank'>Judge the suspects</a>"

    def stop(self) -> None:
        """End the page; every verdict is on disk."""
        self._server.should_exit = True
        self._thread.join(10)
        self._place.close()


def at_home(value: Any) -> Any:
    """A path that begins with ``~/`` below the home folder; anything else as it is."""
    if not isinstance(value, str | Path) or not str(value).startswith("~/"):
        return value
    return type(value)(arguments.at_home(str(value)))


def read_audit(folder: Path | str) -> Audit:
    """The audit of a RUN folder, equal to the one that was written but for the images.

    Raises:
        RunError: there is no RUN, it is damaged, or a newer labelaudit wrote it.

    >>> import labelaudit
    >>> labelaudit.read_audit("no-such-run")
    Traceback (most recent call last):
    labelaudit.errors.RunError: no-such-run is not a RUN folder (there is none): make one with `labelaudit scan`
    """
    return Audit.of(read_run(at_home(folder)))


def _prose(text: str) -> str:
    return "".join(
        f"<code>{escape(printable(part))}</code>" if place % 2 else escape(printable(part))
        for place, part in enumerate(text.split("`"))
    )


def _strip(audit: Audit, images: Images | None, most: int) -> str:
    """The worst suspects: picture, given → suggested label, how likely the label is wrong."""
    rows = audit.suspects[: max(0, most)].tolist()
    if not rows:
        return ""
    drawn = thumbnails.missing(rows) if images is None else _pictures(audit, images, rows)
    cells = []
    for row in rows:
        path, _, given = audit.samples.claim(row)
        better = audit.suggested(row)
        place = drawn.place.get(row)
        source = "" if place is None else f"data:image/webp;base64,{drawn.files[place]}"
        picture = f"<img src='{source}' alt='' style='{_STYLE_OF_PICTURE}'><br>" if source else ""
        path = escape(printable(path), quote=True)
        words = f"{escape(printable(given))} → <b>{escape(printable(better))}</b>"
        cells.append(
            f"<div style='display:inline-block;width:{_SIDE + 24}px;margin:4px;vertical-align:top;"
            f"font:12px system-ui,sans-serif;overflow-wrap:anywhere' title='{path}'>"
            f"{picture}{words}<br>{tell_chance(audit.decision, row)}</div>"
        )
    return f"<div>{''.join(cells)}</div>"


def _pictures(audit: Audit, images: Images, rows: list[int]) -> thumbnails.Pictures:
    return thumbnails.draw(audit.samples, images, dict.fromkeys(rows, _SIDE))


def _heat(audit: Audit) -> str:
    """The confusion of the classes that are mixed up most."""
    heat = figures.map_confusion(audit, _CLASSES)
    if not heat.flagged.any():
        return ""
    names = [escape(printable(audit.samples.classes[index])) for index in heat.classes]
    head = "".join(f"<th style='padding:2px 6px;font-weight:400'>{name}</th>" for name in names)
    lines = []
    for i, name in enumerate(names):
        line = "".join(
            f"<td style='padding:2px 6px;text-align:center;background:rgba(178,60,10,{heat.level(i, j) / 12:.2f})'>"
            f"{int(heat.flagged[i, j]) or ''}</td>"
            for j in range(len(names))
        )
        lines.append(f"<tr><th style='padding:2px 6px;text-align:right;font-weight:400'>{name}</th>{line}</tr>")
    caption = "<caption style='text-align:left'>Suspects by given (rows) and suggested label (columns)</caption>"
    return f"<table style='{_STYLE}'>{caption}<tr><td></td>{head}</tr>{''.join(lines)}</table>"
