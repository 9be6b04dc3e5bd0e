"""Draw docs/architecture.svg: the rooms of labelaudit on their floors, from the imports and from docs/architecture.md.

python docs/make_architecture.py
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from test_layers import FILES, LEVEL, NO_ROOM, PAGE, imports_of, room_of  # noqa: E402

Link = tuple[str, str]
"""An upper point and a lower one; a line that passes floors has a point on each, named ``upper>lower@floor``."""

GROUND = 2  # floors that are used everywhere: their lines would hide all others
BOX, THREAD, GAP = 132, 6, 16  # widths: of a room, of a line that passes a floor, between neighbours
HEIGHT, FLOOR = 34, 76  # of a room, of a floor
MARGIN = 26
STYLE = """
text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; text-anchor: middle }
.floor { fill: #f1f4f8 }
.link { fill: none; stroke: #8fa0b5; stroke-width: 1.4 }
.room rect { fill: #ffffff; stroke: #9fb0c4; stroke-width: 1.2 }
.room text { fill: #1d2836 }
.torch rect { fill: #32465f; stroke: #32465f }
.torch text { fill: #ffffff }
.step circle { fill: #d9622b; stroke: #ffffff; stroke-width: 1.5 }
.step text { fill: #ffffff; font-size: 11px; font-weight: 600 }
"""


def read_imports() -> tuple[dict[str, set[str]], set[str]]:
    """The rooms that each room imports, and the rooms that import torch."""
    uses: dict[str, set[str]] = {room: set() for room in LEVEL}
    torch = set()
    for file in FILES:
        if file not in NO_ROOM:
            modules = imports_of(file)
            uses[room_of(file)] |= {room_of(module) for module in modules} & set(LEVEL) - {room_of(file)}
            torch |= {room_of(file)} if any(module.split(".")[0] == "torch" for module in modules) else set()
    return uses, torch


def direct(uses: dict[str, set[str]]) -> list[Link]:
    """The imports that no way through other rooms implies, without those of the ground."""
    below: dict[str, set[str]] = {}
    for room in sorted(LEVEL, key=LEVEL.__getitem__):
        below[room] = uses[room].union(*(below[other] for other in uses[room]))
    return [
        (room, other)
        for room in LEVEL
        for other in sorted(uses[room])
        if LEVEL[other] >= GROUND and not any(other in below[between] for between in uses[room])
    ]


def thread(links: list[Link]) -> tuple[list[list[str]], list[Link]]:
    """The rows of points, ground first, and the links between neighbouring rows."""
    rows: list[list[str]] = [[] for _ in range(max(LEVEL.values()) + 1)]
    for room, level in LEVEL.items():
        rows[level].append(room)
    short = []
    for upper, lower in links:
        way = [upper, *(f"{upper}>{lower}@{level}" for level in range(LEVEL[upper] - 1, LEVEL[lower], -1)), lower]
        for point in way[1:-1]:
            rows[int(point.rpartition("@")[2])].append(point)
        short += list(pairwise(way))
    return rows, short


def width(point: str) -> int:
    return THREAD if "@" in point else BOX


def order(rows: list[list[str]], links: list[Link]) -> None:
    """Sort each row so that few lines cross and none is long: single points are moved until no move helps."""

    def place(row: list[str]) -> dict[str, float]:
        ends = np.cumsum([width(point) + GAP for point in row])
        middles = ends - ends[-1] / 2 - np.array([width(point) + GAP for point in row]) / 2
        return dict(zip(row, middles, strict=True))

    def cost(level: int) -> float:
        total = 0.0
        for low in (level - 1, level):
            if low < GROUND or low + 1 >= len(rows):
                continue
            up, down = place(rows[low + 1]), place(rows[low])
            ends = np.array([(up[a], down[b]) for a, b in links if a in up and b in down])
            if len(ends):
                side = np.sign(ends[:, None] - ends[None])
                total += 200 * float((side[..., 0] * side[..., 1] < 0).sum()) + float(
                    abs(ends[:, 0] - ends[:, 1]).sum()
                )
        return total

    for _ in range(30):
        moved = False
        for level, row in enumerate(rows):
            for point in list(row):
                best, was = cost(level), row.index(point)
                for target in range(len(row)):
                    now = row.index(point)
                    row.insert(target, row.pop(now))
                    if (here := cost(level)) < best - 1e-6:
                        best, was, moved = here, target, True
                row.insert(was, row.pop(row.index(point)))
        if not moved:
            return


def settle(rows: list[list[str]], links: list[Link]) -> dict[str, float]:
    """The middle of each point: lines as straight as the order and the widths allow (least squares over the gaps)."""
    points = [point for row in rows for point in row]
    index = {point: k for k, point in enumerate(points)}
    turn = np.zeros((len(points), len(points)))  # gaps -> middles
    least = np.zeros(len(points))
    for row in rows:
        for k, point in enumerate(row):
            turn[index[point], [index[other] for other in row[: k + 1]]] = 1
            least[index[point]] = (width(row[k - 1]) + width(point)) / 2 + GAP if k else -np.inf
    pull = np.zeros((len(links) + len(points), len(points)))
    for k, (upper, lower) in enumerate(links):
        weight = 4 if "@" in upper or "@" in lower else 1
        pull[k] = weight * (turn[index[upper]] - turn[index[lower]])
    pull[len(links) :] = 0.35 * turn  # towards the middle of the page
    middles = turn @ lsq_linear(pull, np.zeros(len(pull)), (least, np.inf)).x
    return dict(zip(points, middles.tolist(), strict=True))


def steps() -> dict[str, int]:
    """The number of each room on the way of an image, as the page tells it."""
    found: dict[str, int] = {}
    way = PAGE.partition("## One image")[2].partition("Beside this way")[0]
    for number, text in re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", way, re.MULTILINE | re.DOTALL):
        for room in re.findall(r"\*\*(\S+)\*\*", text):
            found.setdefault(room, int(number))
    return found


def draw() -> str:
    """The picture as SVG."""
    uses, torch = read_imports()
    links = direct(uses)
    rows, short = thread(links)
    order(rows, short)
    middle = settle(rows, short)
    left = min(middle[point] - width(point) / 2 for point in middle) - 2 * MARGIN
    total = max(middle[point] + width(point) / 2 for point in middle) + 2 * MARGIN - left
    tall = len(rows) * FLOOR + MARGIN

    def at(point: str) -> tuple[float, float]:
        level = int(point.rpartition("@")[2]) if "@" in point else LEVEL[point]
        shift = total / 2 if level < GROUND else -left
        return round(middle[point] + shift, 1), (len(rows) - 1 - level) * FLOOR + MARGIN / 2 + FLOOR / 2

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {tall:.0f}" role="img">',
        f"<title>The rooms of labelaudit on their floors</title><style>{STYLE}</style>",
        f'<rect width="{total:.0f}" height="{tall:.0f}" rx="10" fill="#ffffff"/>',
    ]
    for level in range(len(rows)):
        top = level * FLOOR + MARGIN / 2 + (FLOOR - HEIGHT) / 2 - 9
        size = f'width="{total - MARGIN:.0f}" height="{HEIGHT + 18}"'
        parts.append(f'<rect class="floor" x="{MARGIN / 2}" y="{top}" {size} rx="8"/>')
    for upper, lower in short:
        (x, y), (u, v) = at(upper), at(lower)
        y, v = y + (0 if "@" in upper else HEIGHT / 2), v - (0 if "@" in lower else HEIGHT / 2)
        bend = (v - y) / 2
        parts.append(f'<path class="link" d="M{x} {y}C{x} {y + bend} {u} {v - bend} {u} {v}"/>')
    way = steps()
    for room in LEVEL:
        x, y = at(room)
        parts.append(
            f'<g class="room{" torch" * (room in torch)}" id="{room}">'
            f'<rect x="{x - BOX / 2:.1f}" y="{y - HEIGHT / 2}" width="{BOX}" height="{HEIGHT}" rx="6"/>'
            f'<text x="{x}" y="{y + 4.5}">{room}</text></g>'
        )
        if room in way:
            u, v = x - BOX / 2 + 2, y - HEIGHT / 2 + 1
            number = f'<text x="{u:.1f}" y="{v + 4}">{way[room]}</text>'
            parts.append(f'<g class="step"><circle cx="{u:.1f}" cy="{v}" r="9.5"/>{number}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    (HERE / "architecture.svg").write_text(draw(), encoding="utf-8")
