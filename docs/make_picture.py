"""Draw docs/scan.svg, the README's picture, from a RUN folder.

labelaudit scan sample_data/digits && python docs/make_picture.py labelaudit-run
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from labelaudit import read_audit
from labelaudit.cli.console.summary import render

WIDTH = 100


def draw(run: Path, picture: Path) -> None:
    """What `labelaudit scan` prints about ``run``, as an SVG."""
    printed = io.StringIO()
    render(read_audit(run), Console(file=printed, width=WIDTH, force_terminal=True, color_system="standard"))
    canvas = Console(file=io.StringIO(), width=WIDTH, record=True, force_terminal=True)
    canvas.print(Text.from_ansi(printed.getvalue()))
    canvas.save_svg(str(picture), title="labelaudit scan sample_data/digits")


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(__file__).with_name("scan.svg"))
