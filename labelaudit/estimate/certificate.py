"""A statement of how many labels are wrong, to put on a dataset's card: a badge and a paragraph, from blind verdicts.

Nothing is stated that the review does not carry: without verdicts on the planned sample, or with an interval wider than
`WIDEST` allows, there is no certificate. Left out: a signature; the fingerprint tells
whether a dataset is the one that was reviewed.
"""

from __future__ import annotations

from html import escape

from labelaudit.audit.document import Audit
from labelaudit.errors import RunError
from labelaudit.estimate.intervals import Estimate
from labelaudit.machine import __version__

WIDEST = 0.1
"""Width of the noise rate's interval, beyond the rate itself, up to which a certificate is given."""
_LETTER, _PAD = 6.6, 8  # pixels of a letter on average, and before and after each half of the badge


def certify(audit: Audit, found: Estimate, *, date: str) -> tuple[str, str]:
    """The badge (SVG) and the paragraph (Markdown) that say the noise rate of ``audit`` as ``found`` on ``date``.

    Raises:
        RunError: too little is reviewed for a number.
    """
    rate = found.noise_rate
    if rate.value is None or found.is_opinion or rate.high - rate.low > max(WIDEST, rate.value):
        raise RunError(
            f"too little is reviewed for a certificate, {found.reviewed:,} of {found.planned:,} planned images: "
            "go on with `labelaudit review RUN --order sample`"
        )
    said = f"{rate.value:.1%} wrong ({rate.low:.1%} to {rate.high:.1%})"
    paragraph = (
        f"Of the {len(audit.samples):,} labels of this dataset {rate.value:.1%} are wrong, with a 90% interval from "
        f"{rate.low:.1%} to {rate.high:.1%}: the result of {found.reviewed:,} verdicts on images drawn at random and "
        f"judged without seeing what a model thinks of them, {date}, labelaudit {__version__}. Fingerprint of content "
        f"and labels: `{audit.fingerprint}`.\n"
    )
    return render_badge(said), paragraph


def render_badge(right: str) -> str:
    """A badge, "labels" and what is said of them, as a standalone SVG file, readable by screen readers.

    >>> render_badge("1 <").count("1 &lt;")
    2
    """
    left = "labels"
    first, second = (round(_LETTER * len(text) + 2 * _PAD) for text in (left, right))
    title, width = escape(f"{left}: {right}", quote=True), first + second
    shown = "".join(
        f'<text x="{x}" y="14" fill="#fff">{escape(text)}</text>'
        for x, text in ((first / 2, left), (first + second / 2, right))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{title}">'
        f'<rect width="{width}" height="20" rx="4" fill="#3d3a36"/>'
        f'<path d="M{first} 0h{second - 4}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H{first}z" fill="#0b6b75"/>'
        f'<g font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">{shown}</g></svg>\n'
    )
