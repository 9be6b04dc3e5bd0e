"""Pictures of a training run as SVG: curves over epochs, the dissection of its losses, calibration.

Chen et al., ICLR 2021, Fig. 4: training samples in bins by loss, and how many of each bin have a right or a wrong
label, predicted rightly or wrongly. Drawn without a plotting library; the numbers are in the CSV files beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 76, 48
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which colour-blind people can tell apart."""


def draw_lines(title: str, lines: Mapping[str, Sequence[float]], *, across: str, up: str) -> str:
    """One line per name over 1, 2, …, from 0 to the largest value; NaN is a gap."""
    finite = [value for values in lines.values() for value in values if math.isfinite(value)]
    top = _round_up(max(finite, default=1.0))
    length = max(len(values) for values in lines.values())
    parts = _frame(title, list(lines), top, across, up)
    parts += [_label_x(_x(epoch - 1, length), str(epoch)) for epoch in _ticks(length)]
    for color, values in zip(COLORS, lines.values(), strict=False):
        places = [(_x(i, length), _y(value, top)) for i, value in enumerate(values) if math.isfinite(value)]
        if len(places) == 1:
            parts.append(f'<circle cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="3" fill="{color}"/>')
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
    return _page(parts)


def draw_reliability(title: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Accuracy over confidence, a line per name, of rows of `labelaudit.models.calibration.reliability`; a calibrated
    model lies on the diagonal. Points are as large as their share of the samples."""
    shown = _frame(title, list(parts), 1.0, "confidence", "accuracy")
    ends = f'x1="{_at(0):.1f}" y1="{_y(0, 1):.1f}" x2="{_at(1):.1f}" y2="{_y(1, 1):.1f}"'
    shown.append(f'<line {ends} stroke="#888" stroke-dasharray="4 4"/>')
    shown += [_label_x(_at(step / 4), f"{step / 4:g}") for step in range(5)]
    for color, rows in zip(COLORS, parts.values(), strict=False):
        whole = sum(row["samples"] for row in rows) or 1
        places = [(_at(row["confidence"]), _y(row["accuracy"], 1)) for row in rows]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        shown.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        for row, (x, y) in zip(rows, places, strict=True):
            size = 2 + 8 * math.sqrt(row["samples"] / whole)
            shown.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{color}" fill-opacity=".5"/>')
    return _page(shown)


def draw_stack(title: str, bars: Mapping[str, Sequence[float]], *, across: str, up: str) -> str:
    """One bar per place, of one part per name, the first at the bottom."""
    columns = list(zip(*bars.values(), strict=True))
    top = _round_up(max(map(sum, columns), default=1.0))
    parts = _frame(title, list(bars), top, across, up)
    width = (WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    for i, column in enumerate(columns):
        below = 0.0
        for color, value in zip(COLORS, column, strict=False):
            upper, lower = _y(below + value, top), _y(below, top)
            below += value
            if value:
                x = _LEFT + i * width + 0.1 * width
                parts.append(
                    f'<rect x="{x:.1f}" y="{upper:.1f}" width="{0.8 * width:.1f}" '
                    f'height="{lower - upper:.1f}" fill="{color}"/>'
                )
    parts += [_label_x(_LEFT + (bin_ - 0.5) * width, str(bin_)) for bin_ in _ticks(len(columns))]
    return _page(parts)


def _page(parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    body = "\n".join(parts)
    return f'{head} font-family="sans-serif" font-size="12">\n{body}\n</svg>\n'


def _frame(title: str, names: Sequence[str], top: float, across: str, up: str) -> list[str]:
    middle, low = (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - _BOTTOM
    parts = [
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>',
        f'<text x="16" y="{(_TOP + low) / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 16 {(_TOP + low) / 2:.0f})">{escape(up)}</text>',
    ]
    x, line = float(_LEFT), 32
    for name, color in zip(names, COLORS, strict=False):
        width = 34 + 6.6 * len(name)
        if x + width > WIDTH:
            x, line = float(_LEFT), line + 17
        parts.append(f'<rect x="{x:.0f}" y="{line}" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{x + 17:.0f}" y="{line + 10}">{escape(name)}</text>')
        x += width
    for step in range(5):
        value = top * step / 4
        y = _y(value, top)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    return parts


def _x(place: int, length: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (place / (length - 1) if length > 1 else 0.5)


def _at(share: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * share


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(max(value / top, 0.0), 1.0)


def _label_x(x: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{text}</text>'


def _ticks(length: int) -> list[int]:
    """About eight whole numbers from 1 to ``length``.

    >>> _ticks(4), _ticks(100)
    ([1, 2, 3, 4], [1, 20, 40, 60, 80, 100])
    """
    step = next(size for power in range(9) for size in (10**power, 2 * 10**power, 5 * 10**power) if length <= 8 * size)
    return sorted({1, *range(step, length + 1, step)} if step > 1 else {*range(1, length + 1)})


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 times a power of ten, which divides into quarters.

    >>> _round_up(3.1), _round_up(0.013), _round_up(0.0)
    (4.0, 0.02, 1.0)
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if value <= step * power * (1 + 1e-9))
