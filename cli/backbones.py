"""``labelaudit backbones``: the networks that turn images into features, and what each is known to find."""

from __future__ import annotations

import sys

from .console.options import ColorOption, Json
from .console.streams import open_console, say_json, trimmed

_DATASETS = ("CIFAR-10N worse", "CIFAR-100N")


def backbones(as_json: Json = False, color: ColorOption = "auto") -> None:
    """List the backbones of `scan --backbone`: size, licence, cost, and how well wrong labels are found with them.

    Example: `labelaudit backbones`, and then `labelaudit scan ./images --backbone dinov2`

    lite0, lite1 and lite2 come with the installation. The others are fetched by timm from its model hub once.
    """
    from rich.table import Table
    from rich.text import Text

    from labelaudit.features.known import KNOWN, SOURCE

    if as_json:
        facts = [
            {
                "name": one.name,
                "embedded": one.embedded,
                "timm": one.model or None,
                "size": one.size,
                "features": one.width,
                "parameters": one.parameters,
                "multiply_adds": round(one.work),
                "licence": one.licence,
                "about": one.about,
                "published_f1": dict(one.found),
            }
            for one in KNOWN.values()
        ]
        say_json(facts)
        return
    console = open_console(sys.stdout, color)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("name", no_wrap=True, style="cyan")
    for heading in ("pixels", "weights", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("licence", *(f"F1, {name}" for name in _DATASETS), ""):
        table.add_column(heading, overflow="fold")
    least = KNOWN["lite0"].work
    for one in KNOWN.values():
        table.add_row(
            one.name,
            str(one.size),
            f"{one.parameters / 1e6:.1f} M",
            f"{one.work / least:,.0f}",
            one.licence,
            *(one.found.get(name, "") for name in _DATASETS),
            one.about,
        )
    with trimmed(console):
        console.print(table)
    console.print()
    for line in (
        f"{SOURCE} Cost is the arithmetic of an image, in that of lite0.",
        "--backbone takes several, separated by commas, each with @SIZE where another size is meant, and any other "
        "model of timm by its name there. All but the lite ones need the network once, or a filled Hugging Face cache.",
    ):
        console.print(Text(line))
